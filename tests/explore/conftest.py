"""A small study with one map of each form that the explorer shows."""

from pathlib import Path
from typing import Any

import pytest

from lt2f.explore import atlas
from lt2f.explore.atlas import Map
from lt2f.pipeline import settings
from lt2f.pipeline.plan import plan
from lt2f.pipeline.store import Store
from lt2f.pipeline.sweep import run

LENGTHS = {"transient": 2000, "measure": 1024}
SWEEPS: dict[str, Any] = {
    "regimes": {
        "axes": {
            "mu": {"start": 0.05, "step": 0.05, "num": 43},
            "imbalance": {"start": 0, "step": 0.1, "num": 42},
        },
        "fixed": {"product": 0.11},
        "iterations": LENGTHS,
    },
    "plane": {
        "axes": {
            "mu": {"values": [0.5, 1.5]},
            "a": {"start": -2.61, "step": 0.18, "num": 30},
            "b": {"start": -2.6, "step": 0.18, "num": 30},
        },
        "iterations": LENGTHS,
        "record": ["regime", "decided_by", "steps"],
    },
    "noisy": {
        "axes": {
            "mu": {"start": 0.5, "step": 0.1, "num": 12},
            "noise": {"values": [0.0, 0.1, 0.3]},
            "realization": {"num": 3},
        },
        "fixed": {"imbalance": 0.001, "product": 0.1},
        "noise": {"model": "multiplicative", "law": "uniform"},
        "iterations": LENGTHS,
    },
    "line": {  # over one coordinate, so it is no map to explore
        "axes": {"mu": {"start": 0.5, "step": 0.1, "num": 12}},
        "fixed": {"imbalance": 0.001, "product": 0.1},
        "iterations": LENGTHS,
    },
    "paths": {
        "kind": "trajectory",
        "axes": {"mu": {"values": [0.5, 1.5]}},
        "fixed": {"imbalance": 1.0, "product": 0.1},
        "iterations": {"steps": 50},
    },
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explored")
    study = settings.parse({"study": "explored", "seed": 7, "sweeps": SWEEPS})
    for name in SWEEPS:
        run(plan(study, name), Store(folder / ".chunks"), folder / f"{name}.nc")
    return folder


@pytest.fixture(scope="session")
def maps(folder: Path) -> dict[str, Map]:
    return atlas.maps(folder)
