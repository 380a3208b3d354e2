"""Run a plan: compute the chunks that the store lacks, then assemble the dataset.

The first chunks are computed in this process. Workers are started only if what is left, at the
pace measured by then, is worth the start, and this process goes on until they are there.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lt2f.pipeline import consent, dataset, reach
from lt2f.pipeline.agreement import agree
from lt2f.pipeline.plan import Chunk, Plan, plan
from lt2f.pipeline.portions import Portions
from lt2f.pipeline.settings import Executor, Local, Settings, SettingsError, load, parse
from lt2f.pipeline.solve import Task, solve
from lt2f.pipeline.store import Store
from lt2f.pipeline.work import Done, work

if TYPE_CHECKING:
    import xarray as xr

CHUNKS = Path("results/.chunks")  # where the settings do not say
START = 1.0  # seconds until workers are there, in which this process gets something done

log = logging.getLogger("lt2f")
Report = Callable[[int, int], None]  # cells done, cells in all


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
    workers = min(executor.capacity(cores) if executor else 1, len(missing))
    awaited = Awaited(chunk.name for chunk in missing)
    write = partial(dataset.assemble, sweep, chunks, store, path, awaited.wait)
    start, finished = time.perf_counter(), []
    with ThreadPoolExecutor(1) as writer:
        content = writer.submit(write) if workers > 1 else None  # one core writes afterwards
        with awaited:
            for result in _compute(sweep, missing, store, executor, workers):
                awaited.arrive(result.names)
                finished.append(result)
                done += result.cells
                report(done, total)
        _tell(finished, time.perf_counter() - start)
        start = time.perf_counter()
        digest = content.result() if content else write()
    log.info("%s: written in %.1f s, content %s", path, time.perf_counter() - start, digest[:16])
    return digest


class Awaited:
    """Chunks on their way to the store, for a thread that reads them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names, self._changed, self._given_up = set(names), threading.Condition(), False

    def arrive(self, names: Iterable[str]) -> None:
        """Say that chunks are in the store."""
        with self._changed:
            self._names.difference_update(names)
            self._changed.notify_all()

    def wait(self, name: str) -> None:
        """Return once a chunk is in the store.

        Raises
        ------
        RuntimeError
            If it will not come any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._given_up or name not in self._names)
            if name in self._names:
                raise RuntimeError("the sweep was stopped")

    def __enter__(self) -> None:
        """Let chunks come."""

    def __exit__(self, *reason: object) -> None:
        """Let nobody wait for more."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()


def run_study(settings: Settings, name: str, path: Path, cores: int, report: Report) -> str:
    """Compute one sweep of a study with the executor and the chunk store of its settings.

    Raises
    ------
    ConsentError
        If that would do what our user has not allowed.
    """
    consent.require(reach.beyond(settings.executor, settings.chunks))
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
    sweep: Plan, missing: list[Chunk], store: Store, executor: Executor | None, workers: int
) -> Iterator[Done]:
    portions = Portions(missing, workers)
    shared = (sweep.task, sweep.sweep.scalars(), store, sweep.code)
    if executor and missing and not isinstance(executor, Local):
        yield from _elsewhere(portions, executor, *shared)
        return
    if workers > 1:
        compile_kernels(sweep)  # once, here: workers then load what is compiled
    while batch := next(portions, None):
        yield portions.count(work(batch, *shared))
        if executor and portions.seconds_left * (1.0 - 1.0 / workers) > START:
            yield from _share_out(portions, executor, shared)


def _elsewhere(
    portions: Portions, executor: Executor, task: Task, scalars: Any, store: Store, code: str
) -> Iterator[Done]:
    """Let a cluster compute everything: where this process runs is no place to compute."""
    from lt2f.pipeline import cluster

    store = Store(store.folder.absolute())  # workers may have started in another folder
    with cluster.workers(executor, portions.workers, lambda: portions.seconds_left) as crew:
        agree(crew.ask, store.folder)
        portions.workers = crew.capacity
        for done in crew.unordered(work, portions, task, scalars, store, code):
            store.expect(done.names)
            yield portions.count(done)


def _share_out(portions: Portions, executor: Executor, shared: tuple[Any, ...]) -> Iterator[Done]:
    """Let workers compute what is left; while they start, this process goes on."""
    from lt2f.pipeline import cluster

    there = threading.Event()
    with ThreadPoolExecutor(1) as here:
        meanwhile = [here.submit(_alone, portions, shared, there)]
        try:
            with cluster.workers(executor, portions.workers) as crew:
                there.set()
                for done in crew.unordered(work, portions, *shared):
                    yield portions.count(done)
                    while meanwhile and meanwhile[0].done():  # at once: it may be waited for
                        yield from meanwhile.pop().result()
        except cluster.NotStarted as error:
            log.warning("workers did not start (%s): going on without", error)
        finally:
            there.set()
        for rest in meanwhile:
            yield from rest.result()


def _alone(portions: Portions, shared: tuple[Any, ...], there: threading.Event) -> list[Done]:
    """Compute in this process until workers are there."""
    finished = []
    while not there.is_set() and (batch := next(portions, None)):
        finished.append(portions.count(work(batch, *shared)))
    return finished


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
        chunks[done.worker] += len(done.names)
        cells[done.worker] += done.cells
        busy[done.worker] += done.seconds  # type: ignore[assignment]
    for worker in sorted(chunks):
        log.info(
            "worker %d: %d chunks, %d cells, busy %.1f of %.1f s",
            worker, chunks[worker], cells[worker], busy[worker], seconds,
        )  # fmt: skip
