"""A study that takes some time, run by real processes that tests may see, stop and kill."""

import functools
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import psutil
import pytest
import yaml
from hearing import heard

from lt2f.pipeline import sweep
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store

ROOT = Path(__file__).parents[2]
DATASET = Path("results/killed/cells.nc")
WORKERS = 2
T = TypeVar("T")
PATIENCE = 120.0  # seconds that anything may take on a busy machine, seconds as it mostly is


def study(chunks: int) -> dict[str, Any]:
    """Return settings whose one sweep has so many chunks, of some 0.1 s each.

    It is balanced chaos, with nothing decided early: every cell takes all its steps.
    """
    cells = {
        "axes": {"mu": {"start": 1.4, "step": 0.0005, "num": chunks * 4}},
        "fixed": {"imbalance": 0.001, "product": 0.1},
        "iterations": {"transient": 1_000_000, "measure": 2_000_000},
        "shortcuts": False,
        "tile": {"mu": 4},
    }
    return {"study": "killed", "sweeps": {"cells": cells}}


def settle_on(settings: dict[str, Any]) -> None:
    """Make them the study that runs read."""
    Path("study.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


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


class Run:
    """`snakemake results/killed/cells.nc`, whose processes can be seen and killed.

    In a `group` of its own, as a terminal gives to a command, it hears every signal.
    """

    def __init__(
        self,
        *arguments: str,
        under: Sequence[str] = (),
        said: str = "said.txt",
        group: bool = False,
    ) -> None:
        self.before = chunk_files()
        self.said = Path(said)
        command = [*under, *snakemake(str(DATASET), *arguments)]
        signals = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM) if group else ()
        with self.said.open("w") as file, heard(*signals):
            self.popen = subprocess.Popen(
                command, stdout=file, stderr=file, process_group=0 if group else None
            )
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


def unlock() -> None:
    """Do what Snakemake says in a line that it needs after it was killed."""
    locked = subprocess.run(snakemake(str(DATASET)), capture_output=True, text=True, check=False)
    assert locked.returncode
    (line,) = (line for line in locked.stderr.splitlines() if "--unlock" in line)
    assert "kill" in line
    subprocess.run(snakemake("--unlock"), capture_output=True, check=True)


def undisturbed() -> str:
    """Content of the same sweep from one process that nobody disturbs."""
    return _content(Path("study.yaml").read_text())


@functools.cache
def _content(text: str) -> str:
    with TemporaryDirectory() as folder:
        store, path = Store(Path(folder)), Path(folder) / "cells.nc"
        return sweep.run(plan(parse(yaml.safe_load(text)), "cells"), store, path)
