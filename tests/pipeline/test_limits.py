"""What `lt2f check` warns of: files, disks and memory that a plan would overload."""

import collections
import shutil
import subprocess
import sys

import pytest

from lt2f.cli.study import outlook
from lt2f.pipeline import limits, settings, sizing, sweep
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store

KINDS = "map", "orbit", "trajectory", "noisy", "counted"
LONG = {"transient": 4000, "measure": 4000}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [1, 3])
def test_files_and_bytes_of_the_store_are_those_of_a_run(raw, kind, side, tmp_path):
    study = raw(kind)
    cells = study["sweeps"]["cells"]
    cells["tile"] = dict.fromkeys(cells["axes"], side)
    planned = plan(parse(study), "cells")
    sweep.run(planned, Store(tmp_path / "chunks"), tmp_path / "cells.nc")
    files = list((tmp_path / "chunks").glob("*/*"))
    assert len(files) == sizing.chunk_count(planned)
    assert sum(file.stat().st_size for file in files) == sizing.store_size(planned)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dataset_is_no_larger_than_its_data_and_what_describes_them(raw, kind, tmp_path):
    planned = plan(parse(raw(kind)), "cells")
    sweep.run(planned, Store(tmp_path / "chunks"), tmp_path / "cells.nc")
    # Names, units and settings, some 3 kB a variable; integers are packed, which saves.
    frame = 3000 * (len(planned.dims) + 30)
    assert (tmp_path / "cells.nc").stat().st_size < sizing.size(planned) + frame


def grid(side, **changes):
    """A square of so many cells a side."""
    axes = {
        "mu": {"start": 0.01, "stop": 2.19, "num": side},
        "imbalance": {"start": 0.0, "stop": 4.2, "num": side},
    }
    cells = {"axes": axes, "fixed": {"product": 0.1}, "iterations": LONG}
    return parse({"study": "large", "sweeps": {"plane": cells}, **changes})


def machine(patch, memory=64e9, free=1e18):
    """Make this machine one with so many bytes of memory and disk."""
    usage = collections.namedtuple("usage", "total used free")
    patch.setattr(limits, "_memory_here", lambda: memory)
    patch.setattr(shutil, "disk_usage", lambda _: usage(free, 0, free))


def test_what_is_borne_is_passed_over(monkeypatch):
    machine(monkeypatch)
    assert limits.warnings(grid(1000), 2) == []


def test_a_million_files_are_too_many(monkeypatch):
    machine(monkeypatch)
    (line,) = limits.warnings(grid(10**6), 2)
    count = sizing.chunk_count(plan(grid(10**6), "plane"))
    assert count > 10**12 // 2**16  # cells over the cells of a chunk
    assert line.startswith(f"plane: {count:,} chunks are as many files, more than 1,000,000")
    assert "larger tile" in line


def test_memory_of_the_workers_of_this_machine(monkeypatch):
    each = sizing.worker_memory(plan(grid(1000), "plane"))
    machine(monkeypatch, memory=sizing.CLIENT_BYTES * 1.1 + 4 * each)
    assert limits.warnings(grid(1000), 4) == []
    (line,) = limits.warnings(grid(1000), 5)
    assert line.startswith("plane: 5 workers of ")
    (line,) = limits.warnings(grid(1000, executor={"workers": 6}), 1)
    assert line.startswith("plane: 6 workers of ")


def test_memory_of_what_hands_out(monkeypatch):
    machine(monkeypatch, memory=1e9)
    elsewhere = {"kind": "scheduler", "address": "tcp://10.0.0.1:8786"}
    assert limits.warnings(grid(1000, executor=elsewhere)) == []
    files, memory = limits.warnings(grid(10**6, executor=elsewhere))
    assert "files" in files
    assert memory.startswith("plane: to hand out its chunks takes ")


def test_memory_of_a_job(monkeypatch):
    machine(monkeypatch)
    job = {"kind": "slurm", "cores": 4, "memory": "1 GB"}
    (line,) = limits.warnings(grid(1000, executor=job))
    assert line.startswith("plane: a job's 4 workers take ")
    assert limits.warnings(grid(1000, executor={**job, "memory": "2 GB"})) == []


def test_the_disk_must_hold_datasets_and_chunks(monkeypatch, tmp_path):
    planned = plan(grid(1000), "plane")
    both = sizing.size(planned) + sizing.store_size(planned)
    machine(monkeypatch, free=both)
    assert limits.warnings(grid(1000), 2) == []
    machine(monkeypatch, free=both - 1)
    (line,) = limits.warnings(grid(1000), 2)
    assert line.startswith("datasets and chunks take up to ")
    assert f"free at {tmp_path}" in line
    (tmp_path / "results/large").mkdir(parents=True)
    (tmp_path / "results/large/plane.nc").touch()  # it is there already
    assert limits.warnings(grid(1000), 2) == []


def test_check_warns_and_says_the_rest(monkeypatch, tmp_path):
    machine(monkeypatch, memory=1e8)
    (tmp_path / "study.yaml").write_text(settings.as_yaml(grid(100).model_dump(mode="json")))
    lines = outlook(tmp_path / "study.yaml", 2).splitlines()
    assert lines[0].startswith("study large:")
    assert sum(line.startswith("warning: plane: 2 workers") for line in lines) == 1
    assert lines[-1].startswith("figures:")


PROBE = """
import sys
import numpy as np
from lt2f.pipeline.solve import Task, solve

def most():  # of this process alone: what `resource` tells begins with its parent's
    with open("/proc/self/status") as file:
        (line,) = (line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024

def chunk(cells, samples):
    lengths = {"transient": 0, "samples": samples}
    task = Task("orbit", lengths, ("residual",), False, "none", "two_point", 0)
    solve(task, {"mu": np.linspace(1.1, 1.2, cells)}, {"imbalance": 0.1, "product": 0.1})

chunk(1, 4)
before = most()
chunk(*map(int, sys.argv[1:]))
print(most() - before)
"""


@pytest.mark.parametrize("cells", [4, 96])
def test_memory_of_a_chunk_is_as_said(raw, cells):
    """Samples of whole blocks of 64 lanes, an odd number of blocks, and of the cells: 8 bytes each.

    The masks of a moment may add an eighth; memory that was free before may take half away.
    """
    samples = 40_000
    axes = {"mu": {"start": 1.1, "step": 0.001, "num": cells}}
    study = raw("orbit", axes=axes, fixed={"imbalance": 0.1, "product": 0.1}, record=["residual"])
    study["sweeps"]["cells"] |= {"iterations": {"transient": 0, "samples": samples}}
    study["sweeps"]["cells"] |= {"tile": {"mu": cells}}
    said = sizing.worker_memory(plan(parse(study), "cells")) - sizing.BASE_BYTES
    blocks = 1 if cells <= 64 else 3
    assert said == pytest.approx(8 * samples * (64 * blocks + cells), rel=0.01)
    ran = [sys.executable, "-c", PROBE, str(cells), str(samples)]
    grown = int(subprocess.run(ran, capture_output=True, text=True, check=True).stdout)
    assert said / 2 < grown < said * 9 / 8
