"""How a study was made: its settings and code, as its datasets say, and what each step took."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr
import yaml


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step of the workflow took when it ran last."""

    seconds: float
    megabytes: float  # of memory, at most


def settings(datasets: Mapping[str, xr.Dataset]) -> dict[str, Any]:
    """Put the settings of a study together again from those that each dataset carries."""
    slices = [json.loads(dataset.attrs["lt2f_settings"]) for dataset in datasets.values()]
    sweeps = {name: sweep for part in slices for name, sweep in part["sweeps"].items()}
    return {**slices[0], "sweeps": sweeps}


def as_yaml(content: Mapping[str, Any]) -> str:
    """Write settings as a file that a study can be made from."""
    return yaml.safe_dump(
        dict(content), sort_keys=False, default_flow_style=None, allow_unicode=True, width=96
    )


def codes(datasets: Mapping[str, xr.Dataset]) -> dict[str, list[str]]:
    """Return the hashes of the code that made datasets, and for each the datasets it made."""
    made: dict[str, list[str]] = {}
    for name, dataset in datasets.items():
        made.setdefault(dataset.attrs["code_sha256"], []).append(name)
    return made


def costs(folder: Path, steps: Iterable[str]) -> dict[str, Cost]:
    """Read what steps took from the workflow's benchmarks, of those that have one."""
    found = {step: _cost(folder / f"{step}.tsv") for step in steps}
    return {step: cost for step, cost in found.items() if cost is not None}


def _cost(path: Path) -> Cost | None:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            *_, row = csv.DictReader(file, delimiter="\t")
        return Cost(float(row["s"]), float(row["max_rss"]))
    except (OSError, ValueError, KeyError, TypeError):  # a time that is not there is no error
        return None
