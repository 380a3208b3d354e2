"""Small sweeps of every kind, and a disk that is full."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from lt2f.pipeline import plan as planning
from lt2f.pipeline.plan import Plan
from lt2f.pipeline.settings import parse

settings.register_profile("unhurried", deadline=None)  # a busy machine is no error
settings.load_profile("unhurried")

MU = {"start": 0.05, "step": 0.09, "num": 24}  # up to 2.12, where every start diverges
SWEEPS: dict[str, dict[str, Any]] = {
    "map": {
        "axes": {"mu": MU, "imbalance": {"values": [0.0, 0.4, 1.2, 2.6]}},
        "fixed": {"product": 0.1},
        "iterations": {"transient": 600, "measure": 400},
        "tile": {"mu": 8, "imbalance": 2},
    },
    "orbit": {
        "kind": "orbit",
        "axes": {"product": {"values": [0.1, 0.2, 0.3]}, "mu": MU},
        "fixed": {"imbalance": 0.5},
        "iterations": {"transient": 0, "samples": 6},
        "tile": {"mu": 8, "product": 2},
    },
    "trajectory": {
        "kind": "trajectory",
        "axes": {"b": {"values": [0.1, 0.2, 0.3]}, "a": {"values": [0.5, 1.0]}},
        "fixed": {"mu": 0.75},
        "iterations": {"steps": 5},
        "tile": {"b": 2},
    },
    "noisy": {
        "axes": {"realization": {"num": 5}, "mu": {"values": [0.4, 0.8, 1.2]}},
        "fixed": {"imbalance": 0.5, "product": 0.1, "noise": 0.4},
        "noise": {"model": "multiplicative", "law": "uniform"},
        "iterations": {"transient": 100, "measure": 200},
        "tile": {"realization": 2, "mu": 2},
    },
}
SWEEPS["counted"] = {**SWEEPS["noisy"], "count": "realization"}


def raw_study(kind: str = "map", **changes: Any) -> dict[str, Any]:
    """Settings of a study `small` whose one sweep, `cells`, has the given keys changed."""
    top = {key: changes.pop(key) for key in ("study", "seed") if key in changes}
    return {"study": "small", "seed": 7, **top, "sweeps": {"cells": {**SWEEPS[kind], **changes}}}


def planned_sweep(kind: str = "map", **changes: Any) -> Plan:
    return planning.plan(parse(raw_study(kind, **changes)), "cells")


# As fixtures of the session, because hypothesis wants none that is made anew for each test.
@pytest.fixture(scope="session")
def raw() -> Callable[..., dict[str, Any]]:
    return raw_study


@pytest.fixture(scope="session")
def planned() -> Callable[..., Plan]:
    return planned_sweep
