"""Hand thousands of small batches to a scheduler and its workers, and watch the memory of each.

``python benchmarks/endurance.py`` writes ENDURANCE.md, and endurance.svg which it shows.
"""

import argparse
import asyncio
import contextlib
import datetime
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from distributed import Client, Scheduler
from numpy.typing import NDArray

import lt2f
from lt2f.pipeline import certificates, cluster, executors, lean, work
from lt2f.pipeline.plan import Plan, plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store

FOLDER = Path(__file__).parent
ROLES = "client", "scheduler", "worker 1", "worker 2"
WARM = 0.25  # of the tasks, until imports, buffers and bounded logs have their size
KEPT = 100_000  # names of tasks that each process of Dask keeps (dask.utils.key_split)
_NAMES = "SCHEDULER", "WORKER"  # of those that show a certificate
_WORKER = ("--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard")
# Every cell takes all its steps, few of them: a batch is a chunk, a chunk is a cell.
_CELLS = {
    "fixed": {"imbalance": 0.001, "product": 0.1},
    "iterations": {"transient": 256, "measure": 256},
    "shortcuts": False,
    "tile": {"mu": 1},
}


@dataclass(frozen=True)
class Course:
    """Memory of each process, in bytes, and the time in seconds, after some numbers of tasks."""

    tasks: NDArray[np.int64]
    seconds: NDArray[np.float64]
    memory: dict[str, NDArray[np.int64]]

    def growth(self) -> dict[str, float]:
        """Bytes for each task: slopes of the lines that fit best, once all is warm."""
        late = self.tasks >= WARM * self.tasks[-1]
        return {
            role: float(np.polyfit(self.tasks[late], values[late], 1)[0])
            for role, values in self.memory.items()
        }

    def pace(self) -> NDArray[np.float64]:
        """Tasks per second between each two looks."""
        return np.diff(self.tasks) / np.diff(self.seconds)


@dataclass(frozen=True)
class Watched:
    """A crew, and the processes that belong to it, by their roles."""

    crew: cluster.Crew
    processes: dict[str, psutil.Process]

    def course(
        self, function: Callable[..., Any], items: Iterable[Any], *shared: Any, every: int
    ) -> Course:
        """Let workers call a function on each item, and look at all processes now and then."""
        rows, start = [], time.perf_counter()
        for done, _ in enumerate(self.crew.unordered(function, items, *shared), 1):
            if done % every == 0:
                sizes = [process.memory_info().rss for process in self.processes.values()]
                rows.append((done, time.perf_counter() - start, sizes))
        tasks, seconds, memory = zip(*rows, strict=True)
        of_each = dict(zip(self.processes, np.array(memory).T, strict=True))
        return Course(np.array(tasks), np.array(seconds), of_each)


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """Start a scheduler and two workers as a sweep does, but each a process of its own."""
    made, file = certificates.in_files(folder), folder / "scheduler.json"
    tls = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    worker = ("-m", "dask", "worker", "--scheduler-file", str(file), *_WORKER)
    with contextlib.ExitStack() as stack:
        started = [
            subprocess.Popen(
                (sys.executable, *command),
                env={**os.environ, **_environment(folder, **tls)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for command in ((__file__, "--schedule", str(file)), worker, worker)
        ]
        for process in started:
            stack.callback(process.wait)
            stack.callback(process.terminate)
        where = executors.Scheduler(kind="scheduler", file=file, tls=executors.Tls(**tls))
        crew = stack.enter_context(cluster.workers(where, 2))
        while len(crew.present()) < 2:
            time.sleep(0.1)
        pids = os.getpid(), *(process.pid for process in started)
        yield Watched(crew, dict(zip(ROLES, map(psutil.Process, pids), strict=True)))


def _environment(folder: Path, ca: str, cert: str, key: str) -> dict[str, str]:
    """Return variables that give processes of Dask our settings and a certificate."""
    ours = {f"{role}__{part}": x for role in _NAMES for part, x in (("CERT", cert), ("KEY", key))}
    shown = {
        f"DASK_DISTRIBUTED__COMM__TLS__{name}": x for name, x in (ours | {"CA_FILE": ca}).items()
    }
    return {**lean.environment(), **shown, "DASK_TEMPORARY_DIRECTORY": str(folder)}


async def schedule(file: Path) -> None:
    """Be a scheduler as a sweep starts it, which says in a file where it is."""
    where = {"host": "127.0.0.1", "port": 0, "protocol": "tls://", "scheduler_file": str(file)}
    pages = {"dashboard_address": "127.0.0.1:0"}
    async with Scheduler(**where, **pages, **lean.scheduler_options()) as scheduler:
        await scheduler.finished()


def of_chunks(among: Watched, count: int, folder: Path) -> Course:
    """Compute a sweep of so many chunks as a run does, but one in each batch."""
    sweep = _sweep(count)
    batches = (work.Batch({chunk.name: chunk.axes}, f"{chunk}") for chunk in sweep.chunks())
    shared = sweep.task, sweep.sweep.scalars(), Store(folder), sweep.code
    return among.course(work.work, batches, *shared, every=max(count // 100, 1))


def of_nothing(among: Watched, count: int) -> Course:
    """Let workers do next to nothing, so many times: what remains is the cost of asking."""
    return among.course(abs, range(count), every=max(count // 100, 1))


def know_names(client: Client, count: int = KEPT) -> None:
    """Let scheduler and workers have seen so many tasks as far as their names go."""

    def know() -> None:  # sent as it is, for they do not have this file
        import uuid

        from dask.utils import key_split

        for _ in range(count):
            key_split(f"abs-{uuid.uuid4()}")

    client.run_on_scheduler(know)
    client.run(know)


def _sweep(count: int) -> Plan:
    axis = {"start": 1.2, "stop": 1.8, "num": count}
    return plan(parse({"study": "long", "sweeps": {"x": {"axes": {"mu": axis}, **_CELLS}}}), "x")


def page(courses: dict[str, Course]) -> str:
    """Lay the page out."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    parts = [
        "# How long lt2f endures",
        "Written by `python benchmarks/endurance.py`: small batches, one after the other, through "
        "a scheduler and two workers, each a process of its own. Memory is what the system counts "
        "as resident. Growth is the slope of the line that fits it best after the first quarter "
        "of the tasks.",
        "What a scheduler and a worker add for each task that they see is its name: 172 bytes "
        "and a place in a table, of which Dask keeps the last 100,000 (`dask.utils.key_split`), "
        "some 30 MB in all. Steps are tables that double, or memory that is taken in bulk; a "
        "worker sees half of the tasks here. That this is what grows, and that it ends, is what "
        "the last course shows: there the tables are full of names before the first task. A test "
        "looks for lists and tables that grow with the number of tasks, and finds no other.",
        "A scheduler that you start yourself also keeps a record of every task for as long as it "
        "lives (Dask's spans), 0.2 kB of each; those that lt2f starts keep none. A task of a sweep "
        "takes about a second, so that a day of a hundred cores is nine million tasks and 1.6 GB: "
        "start such a scheduler again now and then.",
        "The machine did other work too, so the pace says little.",
        f"lt2f {lt2f.__version__}, {os.cpu_count()} cores shared with other work, {now}.",
        "![Above, resident memory of client, scheduler and workers against the number of tasks. "
        "Below, tasks per second.](endurance.svg)",
    ]
    for title, course in courses.items():
        parts += [f"## {title}", _speed(course), _table(course)]
    return "\n\n".join(parts) + "\n"


def _speed(course: Course) -> str:
    pace = course.pace()
    first, *_, last = (np.median(part) for part in np.array_split(pace, 4))
    return (
        f"{course.tasks[-1]:,} tasks in {course.seconds[-1]:.0f} s: {first:.0f} a second in the "
        f"first quarter, {last:.0f} in the last (medians)."
    )


def _table(course: Course) -> str:
    head = "| process | MB after the first quarter | MB at the end | growth, bytes a task |"
    warm, growth = int(np.searchsorted(course.tasks, WARM * course.tasks[-1])), course.growth()
    rows = [
        f"| {role} | {sizes[warm] / 1e6:.1f} | {sizes[-1] / 1e6:.1f} | {growth[role]:.0f} |"
        for role, sizes in course.memory.items()
    ]
    return "\n".join([head, "| --- | --: | --: | --: |", *rows])


def draw(courses: dict[str, Course], file: Path) -> None:
    """Draw memory and pace against the number of tasks, a column for each course."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "lt2f"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(courses), figsize=(9, 5), sharex="col", squeeze=False)
    for (above, below), (title, course) in zip(axes.T, courses.items(), strict=True):
        for role, sizes in course.memory.items():
            above.plot(course.tasks, sizes / 1e6, label=role, lw=1)
        above.set(title=title, ylim=(0, None), ylabel="resident memory, MB")
        below.plot(course.tasks[1:], course.pace(), color="black", lw=0.8)
        below.set(xlabel="tasks", ylim=(0, None), ylabel="tasks per second")
    axes[0, 0].legend(loc="lower right", fontsize="small")
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER / "ENDURANCE.md")
    parser.add_argument("--tasks", type=int, default=8_000)
    parser.add_argument("--schedule", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.schedule:
        asyncio.run(schedule(chosen.schedule))
        return
    courses = dict[str, Course]()
    with TemporaryDirectory() as folder, watched(Path(folder)) as among:
        courses["Chunks"] = of_chunks(among, chosen.tasks, Path(folder) / "chunks")
    with TemporaryDirectory() as folder, watched(Path(folder)) as among:
        courses["Nothing to do"] = of_nothing(among, chosen.tasks)
        know_names(among.crew.client)
        courses["The same, all names known"] = of_nothing(among, chosen.tasks)
    draw(courses, chosen.output.with_name("endurance.svg"))
    chosen.output.write_text(page(courses), encoding="utf-8")


if __name__ == "__main__":
    main()
