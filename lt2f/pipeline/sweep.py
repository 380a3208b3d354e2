"""Run a plan: compute the chunks that the store lacks, then assemble the dataset."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lt2f.pipeline import dataset
from lt2f.pipeline.identity import code_sha256
from lt2f.pipeline.plan import Chunk, Plan, plan
from lt2f.pipeline.settings import Executor, Settings, SettingsError, load, parse
from lt2f.pipeline.solve import Task, solve
from lt2f.pipeline.store import Store

if TYPE_CHECKING:
    import xarray as xr

CHUNKS = Path("results/.chunks")  # where the settings do not say

log = logging.getLogger("lt2f")
Report = Callable[[int, int], None]  # cells done, cells in all


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker tells of a finished chunk."""

    name: str
    cells: int
    worker: int
    seconds: float


class CodeChanged(ValueError):
    """The program was edited while it ran."""


def work(chunk: Chunk, task: Task, scalars: Mapping[str, float], store: Store, code: str) -> Done:
    """Compute one chunk and put it into the store."""
    if code_sha256(solve.__module__) != code:
        # Its name would promise the results of code that no longer is there.
        raise CodeChanged("the code of lt2f changed while a sweep was running: run it again")
    start = time.perf_counter()
    store.write(chunk.name, solve(task, chunk.axes, scalars))
    return Done(chunk.name, chunk.cells, os.getpid(), time.perf_counter() - start)


def run(
    sweep: Plan,
    store: Store,
    path: Path,
    executor: Executor | None = None,
    cores: int = 1,
    report: Report = lambda done, total: None,
) -> str:
    """Compute a sweep and write its dataset; the content hash.

    Chunks that the store has are not computed again. Without an executor all happens in this
    process.
    """
    chunks = list(sweep.chunks())
    missing = [chunk for chunk in chunks if not store.has(chunk.name)]
    total = sum(chunk.cells for chunk in chunks)
    done = total - sum(chunk.cells for chunk in missing)
    log.info(
        "%s: %d cells in %d chunks, %d reused, %d to compute",
        sweep.name, total, len(chunks), len(chunks) - len(missing), len(missing),
    )  # fmt: skip
    report(done, total)
    start, finished = time.perf_counter(), []
    for result in _compute(sweep, missing, store, executor, cores):
        finished.append(result)
        done += result.cells
        report(done, total)
    _tell(finished, time.perf_counter() - start)
    start = time.perf_counter()
    content = dataset.assemble(sweep, chunks, store, path)
    log.info("%s: written in %.1f s, content %s", path, time.perf_counter() - start, content[:16])
    return content


def run_study(settings: Settings, name: str, path: Path, cores: int, report: Report) -> str:
    """Compute one sweep of a study with the executor and the chunk store of its settings."""
    store = Store(settings.chunks or CHUNKS)
    return run(plan(settings, name), store, path, settings.executor, cores, report)


def sweep(settings: Settings | Mapping[str, Any] | str | Path, name: str) -> "xr.Dataset":
    """Compute one sweep of a study in this process and return its dataset.

    Parameters
    ----------
    settings
        Settings as `lt2f.pipeline.settings` makes them, a mapping, or the path of a YAML file.
    name
        Which of its sweeps.

    Returns
    -------
    xarray.Dataset
        In memory, the same as the workflow writes to ``results/<study>/<name>.nc``.

    Raises
    ------
    SettingsError
        If the settings break a rule or have no sweep of that name.
    """
    if isinstance(settings, (str, Path)):
        settings = load(settings)
    elif isinstance(settings, Mapping):
        settings = parse(settings)
    if name not in settings.sweeps:
        raise SettingsError(f"sweeps.{name}: no such sweep, there are {', '.join(settings.sweeps)}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.nc"
        run(plan(settings, name), Store(Path(folder)), path)
        with dataset.open_dataset(path) as result:
            return result.load()


def _compute(
    sweep: Plan, missing: list[Chunk], store: Store, executor: Executor | None, cores: int
) -> Iterator[Done]:
    shared = (sweep.task, sweep.sweep.scalars(), store, sweep.code)
    if executor is None or not missing:
        yield from (work(chunk, *shared) for chunk in missing)
        return
    from lt2f.pipeline import cluster

    compile_kernels(sweep)  # once, here: workers then load what is compiled
    with cluster.workers(executor, cores) as client:
        yield from cluster.unordered(client, work, missing, *shared)


def compile_kernels(sweep: Plan) -> None:
    """Compile every kernel that a plan needs by running it on a few cells for a few steps."""
    axes = {name: values[[0, -1]] for name, values in sweep.axes.items()}
    few = {key: min(n, 2048) for key, n in sweep.task.iterations.items()}
    for shortcuts in {False, sweep.task.shortcuts}:
        task = replace(sweep.task, iterations=few, shortcuts=shortcuts)
        solve(task, axes, sweep.sweep.scalars())


def _tell(finished: Iterable[Done], seconds: float) -> None:
    """Log what each worker did."""
    chunks, cells, busy = Counter[int](), Counter[int](), Counter[int]()
    for done in finished:
        chunks[done.worker] += 1
        cells[done.worker] += done.cells
        busy[done.worker] += done.seconds  # type: ignore[assignment]
    for worker in sorted(chunks):
        log.info(
            "worker %d: %d chunks, %d cells, busy %.1f of %.1f s",
            worker, chunks[worker], cells[worker], busy[worker], seconds,
        )  # fmt: skip
