"""What a study would ask of this machine, its disks and its queue that they do not bear.

Nothing is refused here: limits differ, and who runs a study may know better.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lt2f.pipeline import sizing
from lt2f.pipeline.executors import Local, Slurm
from lt2f.pipeline.plan import Plan, plan
from lt2f.pipeline.settings import Settings
from lt2f.pipeline.sweep import CHUNKS

FILES = 10**6  # quotas of shared disks are often of this order, and listings take minutes


def warnings(settings: Settings, cores: int | None = None) -> list[str]:
    """Say, a line each, what would not be borne; sweeps whose dataset is there ask for nothing."""
    results = Path("results") / settings.study
    sweeps = [
        plan(settings, name) for name in settings.sweeps if not (results / f"{name}.nc").exists()
    ]
    return [
        *(line for sweep in sweeps for line in _files(sweep)),
        *(line for sweep in sweeps for line in _memory(sweep, settings, cores)),
        *_disks(sweeps, results, settings.chunks or CHUNKS),
    ]


def _files(sweep: Plan) -> Iterator[str]:
    if (count := sizing.chunk_count(sweep)) > FILES:
        yield (
            f"{sweep.name}: {count:,} chunks are as many files, more than {FILES:,}: "
            "set a larger tile, or cut the study"
        )


def _memory(sweep: Plan, settings: Settings, cores: int | None) -> Iterator[str]:
    """Hold the memory of workers against the machine's or the job's, and that of this process."""
    there, client = _memory_here(), sizing.client_memory(sweep)
    each, executor = sizing.worker_memory(sweep), settings.executor
    if isinstance(executor, Local):
        count = executor.capacity(cores or len(os.sched_getaffinity(0)))
        if client + count * each > there:
            yield (
                f"{sweep.name}: {count} workers of {sizing.in_bytes(each)} and what hands out take "
                f"{sizing.in_bytes(client + count * each)} of memory, there are "
                f"{sizing.in_bytes(there)}: set a smaller tile, or fewer workers"
            )
        return
    if client > there:
        yield (
            f"{sweep.name}: to hand out its chunks takes {sizing.in_bytes(client)} of memory, "
            f"there are {sizing.in_bytes(there)}: set a larger tile, or cut the study"
        )
    if isinstance(executor, Slurm) and executor.cores * each > executor.memory:
        yield (
            f"{sweep.name}: a job's {executor.cores} workers take "
            f"{sizing.in_bytes(executor.cores * each)} of memory, executor.memory is "
            f"{sizing.in_bytes(executor.memory)}: raise it, or set a smaller tile"
        )


def _disks(sweeps: list[Plan], results: Path, chunks: Path) -> Iterator[str]:
    """Hold datasets and chunks against the free space of the disks that they go to."""
    asked = defaultdict[int, float](float)
    folders = dict[int, Path]()
    for folder, bytes_of in ((results, sizing.size), (chunks, sizing.store_size)):
        there = _existing(folder)
        disk = there.stat().st_dev
        folders[disk] = there
        asked[disk] += sum(map(bytes_of, sweeps))
    for disk, needed in asked.items():
        if needed > (free := shutil.disk_usage(folders[disk]).free):
            yield (
                f"datasets and chunks take up to {sizing.in_bytes(needed)}, "
                f"{sizing.in_bytes(free)} are free at {folders[disk]}: make room, record less, or "
                "put chunks elsewhere"
            )


def _existing(folder: Path) -> Path:
    """Return a folder, or what there is of the way to it."""
    whole = folder.absolute()
    return next(place for place in (whole, *whole.parents) if place.is_dir())


def _memory_here() -> float:
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
