"""Runs that are killed and go on: nothing finished is lost, done again, or out of date."""

import logging
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
import yaml

from lt2f.pipeline import sweep
from lt2f.pipeline.dataset import content_sha256
from lt2f.pipeline.plan import Plan, plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store

ROOT = Path(__file__).parents[1]
DATASET = Path("results/killed/cells.nc")
WORKERS = 2
CHUNKS = 300  # of some 0.1 s each
# Balanced chaos, with nothing decided early: every cell takes all its steps.
CELLS = {
    "axes": {"mu": {"start": 1.4, "step": 0.0005, "num": CHUNKS * 4}},
    "fixed": {"imbalance": 0.001, "product": 0.1},
    "iterations": {"transient": 1_000_000, "measure": 2_000_000},
    "shortcuts": False,
    "tile": {"mu": 4},
}
STUDY = {"study": "killed", "sweeps": {"cells": CELLS}}
T = TypeVar("T")
PATIENCE = 120.0  # seconds that anything may take on a busy machine, seconds as it mostly is


def until(condition: Callable[[], T]) -> T:
    """Poll until something is true, and return it."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)
    return found


def chunk_files() -> dict[str, tuple[int, int]]:
    """Every finished chunk, with what a rewritten file would not keep."""
    found = {}
    for file in Path("results/.chunks").glob("*/[!.]*.npz"):
        stat = file.stat()
        found[file.name] = stat.st_ino, stat.st_mtime_ns
    return found


def snakemake(*arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "snakemake", "--cores", str(WORKERS), *arguments),
        *("--configfile", "study.yaml"),
    ]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with the workflow and the study."""
    for part in ("workflow", "config"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for part in ("Snakefile", "profiles"):
        shutil.copy(ROOT / part, tmp_path / part, follow_symlinks=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    Path("study.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return tmp_path


class Run:
    """`snakemake results/killed/cells.nc`, whose processes can be seen and killed."""

    def __init__(self) -> None:
        self.before = chunk_files()
        self.said = Path("said.txt")
        with self.said.open("w") as file:
            self.popen = subprocess.Popen(snakemake(str(DATASET)), stdout=file, stderr=file)
        self.family: set[psutil.Process] = set()

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Living processes of this run: Snakemake, the sweep, its workers."""
        found: dict[str, list[psutil.Process]] = {"snakemake": [], "sweep": [], "worker": []}
        if self.popen.poll() is None:
            top = psutil.Process(self.popen.pid)
            found["snakemake"] = [top]
            self.family |= {top, *top.children(recursive=True)}
        for process in self.living():
            try:
                words = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if re.search(r"bin/lt2f sweep ", words):
                found["sweep"].append(process)
            elif "spawn_main" in words:
                found["worker"].append(process)
        return found

    def living(self) -> list[psutil.Process]:
        def lives(process: psutil.Process) -> bool:
            try:
                return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            except psutil.Error:
                return False

        return [process for process in self.family if lives(process)]

    def kill(self, kind: str, rng: random.Random) -> None:
        """Kill a process of a kind once it is there, any number of chunks later."""
        new, pause = rng.choice((0, 0, 1, 2, 3)), rng.uniform(0, 0.1)
        goal = len(chunk_files()) + new
        if kind == "worker":  # one that cannot even start ends the run, so let there be a chunk
            goal = max(goal, len(self.before) + 1)
        self.until(lambda: len(chunk_files()) >= goal)
        time.sleep(pause)
        rng.choice(self.until(lambda: self.processes()[kind])).kill()

    def until(self, condition: Callable[[], T]) -> T:
        """Wait for something while the run goes on."""

        def going_on() -> T:
            if not (found := condition()) and self.popen.poll() is not None:
                pytest.fail(self.said.read_text())
            return found

        return until(going_on)

    def end(self) -> int:
        """Wait until all its processes have ended by themselves; the exit code."""
        code = self.popen.wait(PATIENCE)
        until(lambda: not self.living())
        return code

    def counts(self) -> tuple[int, int] | None:
        """Chunks reused and to compute, as the log says, if it came that far."""
        found = re.search(r"(\d+) reused, (\d+) to compute", self.said.read_text())
        return (int(found[1]), int(found[2])) if found else None


@pytest.fixture
def started() -> Iterator[Callable[[], Run]]:
    """Start runs that do not outlive the test."""
    runs: list[Run] = []

    def start() -> Run:
        runs.append(Run())
        return runs[-1]

    yield start
    for run in runs:
        run.processes()
        for process in run.living():
            process.kill()
        run.popen.wait()


def test_twenty_kills_cost_only_what_was_in_flight(tree, started):
    rng = random.Random(20260520)
    victims = ["worker"] * 12 + ["sweep"] * 5 + ["snakemake"] * 3
    rng.shuffle(victims)
    first: dict[str, tuple[int, int]] = {}  # each chunk's file as it was first seen
    run, died = started(), 0
    for victim in victims:
        run.kill(victim, rng)
        first = chunk_files() | first
        if victim == "worker":
            died += 1
            continue  # Dask starts another one
        assert run.end() != 0
        assert len(chunk_files()) < CHUNKS, "the run went on without its master"
        assert not DATASET.exists()
        first = chunk_files() | first
        if list(Path(".snakemake/locks").glob("*")):
            unlock()
        run = go_on(run, started)
    assert run.end() == 0, run.said.read_text()
    final = chunk_files()
    again = {name for name, file in first.items() if final[name] != file}
    print(f"{len(victims)} kills, {len(again)} chunks computed again")
    # A worker that dies takes with it the chunk it computes, or what it had not told of one yet.
    assert len(again) <= died
    assert len(final) == CHUNKS
    assert content_sha256(DATASET) == undisturbed()


def go_on(killed: Run, started: Callable[[], Run]) -> Run:
    """Give the same command again; a killed run said what it reused, and reused all there was."""
    if (counts := killed.counts()) is not None:
        assert counts == (len(killed.before), CHUNKS - len(killed.before))
    return started()


def unlock() -> None:
    """Do what Snakemake says in a line that it needs after it was killed."""
    locked = subprocess.run(snakemake(str(DATASET)), capture_output=True, text=True, check=False)
    assert locked.returncode
    (line,) = (line for line in locked.stderr.splitlines() if "--unlock" in line)
    assert "kill" in line
    subprocess.run(snakemake("--unlock"), capture_output=True, check=True)


def undisturbed() -> str:
    """Content of the same sweep from one process that nobody disturbs."""
    return sweep.run(plan(parse(STUDY), "cells"), Store(Path("fresh")), Path("fresh.nc"))


# Sweeps that grow or overlap, in this process

NOISY = {
    "axes": {"realization": {"num": 4}, "mu": {"values": [0.4, 0.8, 1.2]}},
    "fixed": {"imbalance": 0.5, "product": 0.1, "noise": 0.4},
    "noise": {"model": "multiplicative", "law": "uniform"},
    "iterations": {"transient": 100, "measure": 200},
    "tile": {"realization": 2, "mu": 2},
}
PLAIN = {
    "axes": {"mu": {"start": 0.1, "step": 0.1, "num": 9}, "imbalance": {"values": [0.0, 0.5]}},
    "fixed": {"product": 0.1},
    "iterations": {"transient": 300, "measure": 300},
    "tile": {"mu": 4, "imbalance": 1},
}


def with_axis(raw: dict[str, Any], name: str, **changes: float) -> dict[str, Any]:
    return {**raw, "axes": {**raw["axes"], name: {**raw["axes"][name], **changes}}}


GROWN = {
    # First and second sweep, chunks of the second, and how many of them the first one made.
    "longer axis": (PLAIN, with_axis(PLAIN, "mu", num=16), 10, 4),  # 1-3 | 4-7 | then 8 9
    "coarser axis": (PLAIN, with_axis(PLAIN, "mu", start=0.2, step=0.2), 6, 0),
    "overlap": (PLAIN, with_axis(PLAIN, "mu", start=0.4, num=9), 6, 2),  # 4-7
    "part": (PLAIN, with_axis(PLAIN, "mu", num=7), 4, 4),
    "realizations": (NOISY, with_axis(NOISY, "realization", num=7), 8, 4),
    "counted": (
        {**NOISY, "count": "realization"},
        {**with_axis(NOISY, "realization", num=7), "count": "realization"}, 8, 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GROWN)
def test_only_new_chunks_are_computed(case, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, "lt2f")
    one, two, chunks, reused = GROWN[case]
    store = Store(sweep.CHUNKS)
    sweep.run(planned(one), store, Path("one.nc"))
    before = chunk_files()
    caplog.clear()
    content = sweep.run(planned(two), store, Path("two.nc"))
    assert f"in {chunks} chunks, {reused} reused, {chunks - reused} to compute" in caplog.text
    after = chunk_files()
    assert before.items() <= after.items()  # the same files, not others of that name
    assert len(after) - len(before) == chunks - reused
    assert content == sweep.run(planned(two), Store(Path("fresh")), Path("fresh.nc"))


def planned(raw: dict[str, Any]) -> Plan:
    return plan(parse({"study": "grown", "sweeps": {"cells": raw}}), "cells")


# Runs that nobody waits for any more


def test_a_run_left_over_does_not_pass_for_a_new_one(tree, started):
    """Snakemake is killed, its sweep sleeps while other settings are run, and then goes on."""
    run = started()
    run.until(lambda: len(chunk_files()) > 1)
    (orphan,) = run.processes()["sweep"]
    orphan.suspend()
    run.popen.kill()
    run.popen.wait()
    few = {**STUDY, "sweeps": {"cells": with_axis(CELLS, "mu", num=8)}}
    Path("study.yaml").write_text(yaml.safe_dump(few, sort_keys=False))
    subprocess.run(snakemake("--unlock"), capture_output=True, check=True)
    again = started()
    assert again.end() == 0, again.said.read_text()
    content = content_sha256(DATASET)
    orphan.resume()
    until(lambda: not run.living())
    last = started()
    assert last.end() == 0
    assert content_sha256(DATASET) == content
