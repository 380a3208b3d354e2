"""How large a sweep is: cells, steps, chunks, files, and an estimate of time and memory."""

import math
import os

import numpy as np

from lt2f.dynamics.codes import Fate
from lt2f.dynamics.lanes import padded
from lt2f.dynamics.theory import fate
from lt2f.pipeline import dataset, transformers
from lt2f.pipeline.executors import WORTH, Executor, Local, Scheduler, Slurm
from lt2f.pipeline.plan import ANGLE_COST, Plan, plan
from lt2f.pipeline.settings import Settings
from lt2f.pipeline.solve import PATHS, starts

# Map steps per second of one core, of the order measured on AVX-512 (`lt2f bench`); AVX2 does half.
SETTLE_RATE, MEASURE_RATE, BARE_RATE = 3.5e9, 1.6e9, 1e10
NOISE_COST = 1.5  # how much dearer a step is under noise
PROMPT_COST = 3e-8  # seconds that it takes to draw one prompt of a batch
SETTLED_EARLY = 1000  # steps until a cell that a theorem decides has ended, typically
CELL_COST = 4e-6  # seconds that a cell takes beside its steps: labels, files, assembly
BYTE_COST = 1e-8  # seconds that a byte of samples takes, in chunk and dataset
BYTES_PER_CELL = 800  # state and results of one cell in a worker
BASE_BYTES = 250e6  # a worker with everything imported
CLIENT_BYTES = 400e6  # the process that plans, hands out and writes, without its chunks
BYTES_PER_CHUNK = 530  # there: the chunk, and its name in a set
HEADERS = 232  # bytes of a variable in a chunk's archive, beside its values and twice its name
ARCHIVE = 86  # bytes at the end of one, with the seal
SAMPLE = 4096  # cells looked at to see what shortcuts will save


def table(settings: Settings, cores: int | None = None) -> str:
    """Describe every sweep of a study, a line each under a heading."""
    cores = cores or len(os.sched_getaffinity(0))
    head = ("sweep", "kind", "cells", "steps", "chunks", "time", "memory/worker", "dataset")
    plans = [plan(settings, name) for name in settings.sweeps]
    rows = [head, *(_row(sweep, settings.executor, cores) for sweep in plans)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = (
        "  ".join(
            c.ljust(w) if i < 2 else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    where = _where(settings.executor, cores)
    return "\n".join([f"study {settings.study}: times are estimates {where}", *lines])


def workers(sweep: Plan, executor: Executor, cores: int) -> int:
    """Count the processes that compute at a time, on a machine of so many cores or elsewhere."""
    most = executor.capacity(cores)
    if isinstance(executor, Local):
        most = min(most, cores)
    if isinstance(executor, Slurm):
        worth = math.ceil(seconds(sweep) / (WORTH * executor.cores))
        most = min(most, max(worth, executor.jobs.min, 1) * executor.cores)
    return min(most, chunk_count(sweep))


def _where(executor: Executor, cores: int) -> str:
    match executor:
        case Slurm():
            count = executor.capacity(cores)
            return f"in SLURM on {count} workers at most, once their jobs have started"
        case Scheduler():
            return "for one worker: divide by how many the scheduler has"
    return f"on {min(executor.capacity(cores), cores)} cores if idle, after 1 s a sweep"


def seconds(sweep: Plan) -> float:
    """Estimate the time that one core needs for a sweep."""
    cells, lengths, task = sweep.sweep.cells, sweep.task.iterations, sweep.task
    if task.kind == "ellipse":
        return cells * sweep.steps * ANGLE_COST / MEASURE_RATE
    if task.transformer is not None:
        return cells * sweep.steps * transformers.cost(task.transformer) * 1e-9
    if task.kind != "map":
        steps, samples = lanes(sweep) * cells * sweep.steps, size(sweep) * BYTE_COST
        return steps / BARE_RATE + samples + PROMPT_COST * prompts_drawn(sweep)
    settle, measure = SETTLE_RATE / lanes(sweep), MEASURE_RATE / lanes(sweep)
    run = lengths["transient"] / settle + lengths["measure"] / measure
    if task.noise != "none":
        return cells * (run * NOISE_COST + CELL_COST) + PROMPT_COST * prompts_drawn(sweep)
    early, inferred = decided_early(sweep), decided_by_mu(sweep)
    known = 0.0 if PATHS.isdisjoint(task.record) else sweep.steps / settle
    known = inferred * known + early * min(SETTLED_EARLY, sweep.steps) / settle
    return cells * ((1.0 - early - inferred) * run + known + CELL_COST)


def lanes(sweep: Plan) -> float:
    """Lanes that a kernel runs for each cell of a chunk: whole blocks, the cells of a noise apart.

    Cells so long that a chunk has few of them leave most lanes of a block still, and still lanes
    take as long as others.
    """
    sides = zip(sweep.axes, sweep.shape, sweep.tile().values(), strict=True)
    noise = {"realization", "batch_size"}
    cells = math.prod(min(size, side) for name, size, side in sides if name not in noise)
    return padded(cells) / cells


def size(sweep: Plan) -> int:
    """Bytes of a sweep's dataset, before any packing."""
    return dataset.cell_bytes(sweep) * math.prod(sweep.dims.values())


def chunk_count(sweep: Plan) -> int:
    """Count the chunks: each is a file in the chunk store, and a batch has one or more."""
    return math.prod(len(cuts) for cuts in sweep.cuts())


def store_size(sweep: Plan) -> int:
    """Bytes of a sweep's chunks; along a counted axis each has counts of its own."""
    cuts = dict(zip(sweep.axes, sweep.cuts(), strict=True))
    counted = len(cuts[sweep.task.count]) if sweep.task.count else 1
    each = ARCHIVE + sum(HEADERS + 2 * len(name) for name in dataset.variables(sweep))
    return size(sweep) * counted + chunk_count(sweep) * each


def worker_memory(sweep: Plan) -> float:
    """Bytes of a worker with a chunk: what paths take stands there twice, once in whole blocks."""
    sides = zip(sweep.shape, sweep.tile().values(), strict=True)
    tile = math.prod(min(size, side) for size, side in sides)
    # a realization is held whole
    noise = {"none": 0, "factors": 16, "prompts": 16}.get(sweep.task.noise, 8) * sweep.steps
    paths = 0 if sweep.task.kind == "map" else len(sweep.task.record) * tile
    kept = paths + max(paths, padded(tile)) if paths else 0
    return BASE_BYTES + tile * BYTES_PER_CELL + 8.0 * sweep.samples * kept + noise


def client_memory(sweep: Plan) -> float:
    """Bytes of the process that runs a sweep; a scheduler knows of few batches at a time."""
    return CLIENT_BYTES + BYTES_PER_CHUNK * chunk_count(sweep)


def prompts_drawn(sweep: Plan) -> float:
    """Count the prompts in the batches of all realizations."""
    if sweep.task.pool is None:
        return 0.0
    given = {name: np.atleast_1d(x) for name, x in (sweep.axes | sweep.sweep.scalars()).items()}
    return float(given["batch_size"].sum() * given["realization"].size * sweep.steps)


def decided_early(sweep: Plan) -> float:
    """Share of cells whose run a theorem cuts short, from a regular sample of the grid."""
    return _share(sweep, Fate.DIVERGES, Fate.CONVERGES) if sweep.task.shortcuts else 0.0


def decided_by_mu(sweep: Plan) -> float:
    """Share of cells that may be inferred from their mu alone, from the same sample."""
    known = sweep.task.shortcuts and sweep.task.infer
    return _share(sweep, Fate.BALANCES) if known else 0.0


def _share(sweep: Plan, *fates: Fate) -> float:
    index = np.linspace(0, sweep.sweep.cells - 1, min(SAMPLE, sweep.sweep.cells)).astype(np.int64)
    places = np.unravel_index(index, sweep.shape)
    cells = {
        name: values[at] for (name, values), at in zip(sweep.axes.items(), places, strict=True)
    }
    cells |= {name: np.full(index.size, x) for name, x in sweep.sweep.scalars().items()}
    return float(np.isin(fate(cells["mu"], *starts(cells)), fates).mean())


def _row(sweep: Plan, executor: Executor, cores: int) -> tuple[str, ...]:
    cells = sweep.sweep.cells
    chunks = chunk_count(sweep)
    return (
        sweep.name,
        sweep.task.kind,
        f"{cells:,}",
        f"{cells * sweep.steps:.2g}",
        f"{chunks:,}",
        duration(seconds(sweep) / workers(sweep, executor, cores)),
        in_bytes(worker_memory(sweep), ".0f"),
        in_bytes(size(sweep)),
    )


def in_bytes(count: float, digits: str = ".3g") -> str:
    """Say a number of bytes in megabytes or, where these are many, in gigabytes or terabytes."""
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e6:{digits}} MB"


def duration(time: float) -> str:
    """Say a time in the unit that suits it."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if time >= 2 * size:
            return f"{time / size:.1f} {unit}"
    return f"{max(time, 0.1):.1f} s"
