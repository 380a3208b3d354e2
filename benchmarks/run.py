"""Measure everything and write RESULTS.md beside this file: ``python benchmarks/run.py``."""

import argparse
import contextlib
import datetime
import importlib.metadata
import multiprocessing
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import yaml

from lt2f import bench, works
from lt2f.dynamics import labels

FOLDER = Path(__file__).parent
ATLAS = FOLDER.parent / "config" / "config.yaml"
THINNED = 4  # of each axis of the atlas every so many values
CELLS, STEPS = (64, 256, 1024), (100, 1000, 10000)  # of W1: values of mu, steps of each cell
ALONE = 1.2  # processes, on the average of the last minute
ROUNDS = 10  # of a map that each of several processes does at the same time
WORKS = """\
The works, with their sizes under *What is measured* in `README.md`: W1 iterates many orbits and
keeps their ends; W2 follows both Lyapunov exponents as well; W3 records orbits, as an orbit diagram
does; W4 looks for cycles of up to 64 steps. *Settle* and *measure* are the two halves of a sweep's
cells under each model of noise, *map* is a whole sweep."""


def main(arguments: list[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER / "RESULTS.md")
    parser.add_argument("--repetitions", type=int, default=7)
    chosen = parser.parse_args(arguments)
    chosen.output.write_text(page(chosen.repetitions), encoding="utf-8")


def page(repetitions: int) -> str:
    """Measure, and lay the page out."""
    load = _load()
    result = bench.measure(peers=True, repetitions=repetitions)
    parts = [
        "# How fast lt2f is",
        "Written by `python benchmarks/run.py`.",
        WORKS,
        _setting(result) + load,
        "## Steps per second of one core",
        _rates(result),
        "## lt2f : others",
        "How many times as fast lt2f is as each, on one core.",
        _ratios(result),
        *(f"Not there: {who} ({why})." for who, why in result["skipped"].items()),
        "## Scaling",
        _scaling(repetitions),
        _workers(),
        "## The atlas, with shortcuts and by brute force",
        f"Every {THINNED}th value of each axis of `config/{ATLAS.name}`, on one core: map steps "
        "and seconds with shortcuts, and those of brute force.",
        _atlas(),
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Lay a table out in Markdown, numbers to the right."""
    titles = list(head)
    rule = ["---", *("--:" for _ in titles[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in [titles, rule, *map(list, rows)])


def _load() -> str:
    """Say whether the machine had other work when this one began."""
    busy = os.getloadavg()[0]
    return (
        "" if busy < ALONE else f" The machine was shared: {busy:.1f} processes before the start."
    )


def _setting(result: Mapping[str, Any]) -> str:
    machine, today = result["machine"], datetime.datetime.now(datetime.UTC).date()
    versions = result["versions"] | _versions_of_others()
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, registers of "
        f"{machine['lanes']} doubles; {machine['fma_peak'] / 1e9:.1f}e9 fused multiply-adds a "
        f"second on one core. {used}. {today.isoformat()}."
    )


def _versions_of_others() -> dict[str, str]:
    found = {}
    for name in ("jax", "pynamicalsys"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    if (cc := bench.load(FOLDER / "reference.py").compiler()) is not None:
        said = subprocess.run([cc, "--version"], capture_output=True, text=True, check=True)
        found["C:"] = said.stdout.partition("\n")[0]
    return found


def _rates(result: Mapping[str, Any]) -> str:
    rows = []
    for name, entry in result["works"].items():
        work, share = works.WORKS.get(name), entry["peak_fraction"]
        least = "" if work is None else f"{work.least:.1f}"
        rate, peak = f"{entry['rate'] / 1e6:.0f}", f"{share:.2f}" if share else ""
        rows.append((name, "" if work is None else work.title, rate, least, peak))
    head = ("work", "what", "10⁶ steps/s", "fewest operations a step", "share of the peak")
    return table(head, rows)


def _ratios(result: Mapping[str, Any]) -> str:
    peers = result["peers"]
    names = [name for name in peers if peers[name]]
    everyone = dict.fromkeys(who for name in names for who in peers[name])

    def cell(who: str, name: str) -> str:
        if who not in peers[name]:
            return ""
        ratio = result["works"][name]["rate"] / peers[name][who]
        return f"{ratio:.2f}" if ratio < 10.0 else f"{ratio:.0f}"

    rows = ((name, *(cell(who, name) for who in everyone)) for name in names)
    return table(("work", *everyone), rows)


def _scaling(repetitions: int) -> str:
    """W1 with more cells and with more steps."""
    one = works.WORKS["W1"]
    of_cells = {f"{n} × {one.grid[1]} cells": replace(one, grid=(n, one.grid[1])) for n in CELLS}
    of_steps = {f"{n} steps": replace(one, grid=(64, one.grid[1]), first=n) for n in STEPS}
    chosen = of_cells | of_steps
    trials = {(name, bench.OURS): works.trial(work) for name, work in chosen.items()}
    best = bench.fastest(trials, repetitions)
    rows = [
        (name, f"{work.steps / best[name, bench.OURS] / 1e6:.0f}") for name, work in chosen.items()
    ]
    return table(("W1 with", "10⁶ steps/s"), rows)


def _workers() -> str:
    """One process and two at the same time; seconds of the clock on the wall."""
    speeds = {}
    for count in (1, 2):
        with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
            list(pool.map(_repeat, [1] * count))  # loads what is compiled
            start = time.perf_counter()
            steps = sum(pool.map(_repeat, [ROUNDS] * count))
            speeds[count] = steps / (time.perf_counter() - start)
    rows = [
        (str(count), f"{speed / 1e6:.0f}", f"{speed / speeds[1]:.2f}")
        for count, speed in speeds.items()
    ]
    return table(("processes that do a map by brute force", "10⁶ steps/s", "of one"), rows)


def _repeat(rounds: int) -> int:
    run, steps = works.map_trial(works.MAP, shortcuts=False)
    for _ in range(rounds):
        run()
    return rounds * steps


def _atlas() -> str:
    sweeps = yaml.safe_load(ATLAS.read_text(encoding="utf-8"))["sweeps"]
    maps = {name: sweep for name, sweep in sweeps.items() if sweep.get("kind", "map") == "map"}
    rows, total = [], np.zeros((2, 2))
    for name, sweep in maps.items():
        spent = np.array(
            [_spent(thinned(sweep), shortcuts=shortcuts) for shortcuts in (True, False)]
        )
        total += spent
        rows.append(_saved(name, spent))
    each = ("shortcuts", "brute force", "ratio")
    head = ("sweep", *(f"{unit}, {which}" for unit in ("10⁶ steps", "seconds") for which in each))
    return table(head, [*rows, _saved("all", total)])


def _spent(sweep: Mapping[str, Any], *, shortcuts: bool) -> tuple[float, float]:
    """Map steps taken, and seconds."""
    run, _ = works.map_trial(sweep, shortcuts=shortcuts)
    steps = 0.0

    def explore(*arguments: Any) -> Any:
        nonlocal steps
        outcome, taken = labels.observed(*arguments)
        steps += taken.sum()
        return outcome

    with patch.object(labels, "explore", explore):  # which does the same and tells less
        run()
    return steps, min(run() for _ in range(2))


def _saved(name: str, spent: Any) -> tuple[str, ...]:
    (steps, seconds), (all_steps, all_seconds) = spent
    return (
        name,
        *(f"{steps / 1e6:.1f}", f"{all_steps / 1e6:.1f}", f"{all_steps / steps:.1f}"),
        *(f"{seconds:.2f}", f"{all_seconds:.2f}", f"{all_seconds / seconds:.1f}"),
    )


def thinned(sweep: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sweep with every THINNED-th value of each axis of numbers."""
    return {**sweep, "axes": {name: _thin(axis) for name, axis in sweep["axes"].items()}}


def _thin(axis: Mapping[str, Any]) -> dict[str, Any]:
    if "step" not in axis:  # a list of values, or realizations: fewer of those
        return {**axis, "num": -(-axis["num"] // THINNED)} if "num" in axis else dict(axis)
    return {
        "start": axis["start"] + axis["step"] * (THINNED // 2),
        "step": axis["step"] * THINNED,
        "num": max(axis["num"] // THINNED, 1),
    }


if __name__ == "__main__":
    main()
