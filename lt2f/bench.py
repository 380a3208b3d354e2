"""Steps per second of one core: standard works timed in turn, and against the core's own limit.

The time is processor time, the least of a few repetitions. The share of the peak is what the
fewest operations that could do a work (`lt2f.works`) are of the fused multiply-adds that the same
core does at the most, measured in the same run.
"""

import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import lt2f
from lt2f.dynamics.compiler import WIDE
from lt2f.works import MAP, MAPS, WORKS, Trial, map_trial, peak_trial, trial

BESIDE = Path(lt2f.__file__).parents[1] / "benchmarks"  # in a checkout
LIBRARIES = ("numba", "llvmlite", "numpy")
NAMES = (*WORKS, *MAPS)
OURS = "lt2f"
Key = tuple[str, str]  # a work, and who does it
Report = Callable[[int, int], None]  # timings done, timings in all


class BenchError(ValueError):
    """A work that is none, or peers that are not there."""


def fastest(
    trials: Mapping[Key, Trial], repetitions: int, report: Report = lambda done, total: None
) -> dict[Key, float]:
    """Least seconds of each trial; one round to warm up, and then they are taken in turn."""
    best = dict.fromkeys(trials, float("inf"))
    turns = [(round_, key) for round_ in range(repetitions + 1) for key in trials]
    for done, (round_, key) in enumerate(turns):
        report(done, len(turns))
        seconds = trials[key]()
        if round_:
            best[key] = min(best[key], seconds)
    report(len(turns), len(turns))
    return best


def measure(
    names: Iterable[str] = (),
    *,
    peers: bool = False,
    repetitions: int = 5,
    report: Report = lambda done, total: None,
) -> dict[str, Any]:
    """Time works, all if none is named, and with `peers` the same works done by others.

    The result is plain data: ``works`` (name: rate in steps per second, threads, peak_fraction,
    which is None where steps are left out), ``machine``, ``versions``, and with `peers` also
    ``peers`` (work: {who: rate}) and ``skipped`` (who: why).

    Raises
    ------
    BenchError
        If a name is no work, or if peers are asked for outside a checkout.
    """
    chosen = _chosen(names)
    contenders, skipped = _contenders() if peers else ({}, {})
    trials: dict[Key, Trial] = {("peak", OURS): peak_trial}
    steps = {("peak", OURS): 1_000_000_000}
    for name in chosen:
        sides = {OURS: _ours, **contenders} if name in WORKS else {OURS: _ours}
        for who, side in sides.items():
            if (made := side(name)) is not None:
                trials[name, who], steps[name, who] = made
    seconds = fastest(trials, repetitions, report)
    rates = {key: steps[key] / seconds[key] for key in trials}
    limit = rates.pop(("peak", OURS))
    result = {
        "works": {name: _entry(name, rates[name, OURS], limit) for name in chosen},
        "machine": machine() | {"fma_peak": limit},
        "versions": versions(),
    }
    if peers:
        result["peers"] = {
            name: {who: rate for (work, who), rate in rates.items() if work == name and who != OURS}
            for name in chosen
        }
        result["skipped"] = skipped
    return result


def _chosen(names: Iterable[str]) -> list[str]:
    chosen = list(dict.fromkeys(names)) or list(NAMES)
    for name in chosen:
        if name not in NAMES:
            raise BenchError(f"{name}: no such work, there are {', '.join(NAMES)}")
    return chosen


def _ours(name: str) -> tuple[Trial, int]:
    if name in MAPS:
        return map_trial(MAP, shortcuts=MAPS[name])
    return trial(WORKS[name]), WORKS[name].steps


def _entry(name: str, rate: float, limit: float) -> dict[str, Any]:
    """Make the entry of a work; a map leaves steps out, its share of the peak says nothing."""
    fraction = rate * WORKS[name].least / limit if name in WORKS else None
    return {"rate": rate, "threads": 1, "peak_fraction": fraction}


def _contenders() -> tuple[dict[str, Any], dict[str, str]]:
    if not BESIDE.is_dir():
        raise BenchError("peers are found in a checkout only, in benchmarks/ beside the package")
    found: tuple[dict[str, Any], dict[str, str]] = load(BESIDE / "contenders.py").contenders()
    return found


def load(file: Path) -> ModuleType:
    """Import a file that belongs to no package, under its own name."""
    name = f"lt2f_benchmarks_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise BenchError(f"{file}: no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def machine() -> dict[str, Any]:
    """Say what this runs on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": next(iter(models), platform.processor() or platform.machine()),
        "cores": os.cpu_count(),
        "lanes": 8 if WIDE else 4,
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Versions of all that has a say in the speed."""
    own = {"lt2f": lt2f.__version__, "python": platform.python_version()}
    return own | {name: importlib.metadata.version(name) for name in LIBRARIES}


def table(result: Mapping[str, Any]) -> str:
    """Lay a result out for people."""
    machine, limit = result["machine"], result["machine"]["fma_peak"]
    others = list(dict.fromkeys(who for row in result.get("peers", {}).values() for who in row))
    rows = [["work", "", "10^6 steps/s", "of the peak", *(f"lt2f : {who}" for who in others)]]
    for name, entry in result["works"].items():
        fraction = "" if entry["peak_fraction"] is None else f"{entry['peak_fraction']:.2f}"
        title = WORKS[name].title if name in WORKS else "every step asked for counts"
        rows.append([name, title, f"{entry['rate'] / 1e6:.0f}", fraction])
        theirs = result.get("peers", {}).get(name, {})
        ratios = {who: f"{entry['rate'] / rate:.2f}" for who, rate in theirs.items()}
        rows[-1] += [ratios.get(who, "") for who in others]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            c.ljust(w) if i < 2 else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    head = f"{machine['processor']}, one core of {machine['cores']}; peak {limit / 1e9:.1f}e9 FMA/s"
    used = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    notes = [f"no {who}: {why}" for who, why in result.get("skipped", {}).items()]
    return "\n".join([head, used, "", *(line.rstrip() for line in lines), *notes])
