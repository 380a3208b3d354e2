"""A reduced atlas: every kind of sweep that claims look for, in seconds."""

from typing import Any

import pytest
import xarray as xr

import lt2f

NEAR = {"imbalance": 0.001, "product": 0.1}
SHORT = {"transient": 2000, "measure": 2000}
TRIALS = {
    "mu": {"start": 0.5, "step": 0.05, "num": 29},
    "noise": {"start": 0.0, "step": 0.1, "num": 6},
    "realization": {"num": 4},
}
SWEEPS: dict[str, Any] = {
    # Names that say nothing: claims go by what a sweep holds.
    "one": {
        "axes": {"mu": {"start": 0.0005, "step": 0.0005, "num": 4000}},
        "fixed": NEAR,
        "iterations": {"transient": 10000, "measure": 10000},
    },
    "two": {
        "axes": {
            "imbalance": {"start": 0.0, "step": 0.1, "num": 43},
            "mu": {"start": 0.02, "step": 0.02, "num": 110},
        },
        "fixed": {"product": 0.1},
        "iterations": {"transient": 4000, "measure": 4000},
    },
    "three": {
        "kind": "orbit",
        "axes": {"mu": {"start": 0.8, "step": 0.003, "num": 401}},
        "fixed": NEAR,
        "iterations": {"transient": 10000, "samples": 200},
    },
    "four": {
        "axes": {
            "mu": {"values": [0.5, 0.9, 1.3]},
            "a": {"start": -2.6, "step": 0.026, "num": 201},
            "b": {"start": -2.6, "step": 0.026, "num": 201},
        },
        "iterations": SHORT,
        "record": ["regime", "imbalance_final", "steps", "loss_peak_ratio", "branch"],
    },
    "five": {
        "axes": TRIALS,
        "fixed": NEAR,
        "noise": {"model": "multiplicative"},
        "iterations": {"transient": 4000, "measure": 4000},
        "record": ["regime"],
    },
    "seven": {
        "kind": "ellipse",
        "axes": {"mu": {"start": 0.1, "step": 0.2, "num": 10}, "realization": {"num": 16}},
        "iterations": {"measure": 20000},
    },
    "eight": {
        "axes": {
            "a": {"start": -2.0, "step": 0.01676, "num": 240},
            "b": {"start": -1.97, "step": 0.0167, "num": 240},
            "perturbation": {"values": [0.0, 1e-4, 3e-4, 1e-3, 3e-3]},
        },
        "fixed": {"mu": 0.9},
        "iterations": {"transient": 2000, "measure": 100},
        "record": ["imbalance_final", "branch"],
    },
    "nine": {
        "kind": "orbit",
        "axes": {"mu": {"start": 1.05, "step": 0.01, "num": 92}},
        "fixed": {"imbalance": 0.0, "product": 0.1, "noise": 0.003},
        "noise": {"model": "factors", "law": "normal"},
        "iterations": {"transient": 2000, "samples": 2000},
        "record": ["residual", "imbalance"],
    },
    "ten": {
        "kind": "orbit",
        "axes": {"mu": {"around": 1.302283462700712, "farthest": 0.1, "nearest": 1e-6, "num": 240}},
        "fixed": NEAR,
        "iterations": {"transient": 200000, "samples": 1024},
    },
    "eleven": {
        "axes": {
            "mu": {"start": 0.5, "step": 0.05, "num": 29},
            "batch_size": {"values": [1, 2, 4, 8, 16]},
            "realization": {"num": 8},
        },
        "fixed": NEAR,
        "noise": {
            "model": "prompts",
            "dimension": 8,
            "context": 32,
            "pool_size": 16,
            "replacement": False,
        },
        "iterations": SHORT,
        "record": ["regime"],
    },
    "six": {
        "axes": TRIALS,
        "fixed": NEAR,
        "noise": {"model": "target"},
        "iterations": {"transient": 4000, "measure": 4000},
        "record": ["regime"],
    },
    "twelve": {
        "kind": "transformer",
        "axes": {"step_size": {"start": 0.01, "step": 0.01, "num": 90}, "realization": {"num": 2}},
        "fixed": NEAR,
        "transformer": {"model": "matrix", "dimension": 3, "context": 8, "label_noise": 0.2},
        "iterations": {"transient": 1000, "measure": 500, "max_period": 16},
    },
}


@pytest.fixture(scope="session")
def atlas() -> dict[str, xr.Dataset]:
    return {name: lt2f.sweep({"study": "atlas", "sweeps": SWEEPS}, name) for name in SWEEPS}
