"""Sweeps of the ellipse: settings, datasets; and the plane itself, cell by cell, by brute force."""

import copy

import numpy as np
import pytest
from scipy.special import ellipe

import lt2f
from lt2f.dynamics import ellipse, theory
from lt2f.dynamics.codes import Regime
from lt2f.pipeline import plan as planning
from lt2f.pipeline import sizing, sweep
from lt2f.pipeline.dataset import content_sha256, verify
from lt2f.pipeline.settings import SettingsError, parse
from lt2f.pipeline.store import Store
from lt2f.training import batches

STUDY = {
    "study": "small",
    "seed": 7,
    "sweeps": {
        "cells": {
            "kind": "ellipse",
            "axes": {"mu": {"start": 0.25, "step": 0.25, "num": 7}, "realization": {"num": 5}},
            "iterations": {"measure": 640},
        }
    },
}
ERRORS = {f"{name}_error" for name in ("lyapunov", "sharpness", "loss_mean")}


def changed(**changes):
    study = copy.deepcopy(STUDY)
    study["seed"] = changes.pop("seed", 7)
    study["sweeps"]["cells"] |= changes
    return study


def data(**changes):
    return lt2f.sweep(changed(**changes), "cells")


@pytest.fixture(scope="module")
def small():
    return data()


def test_the_dataset_holds_what_is_measured(small):
    means = {"lyapunov", "sharpness", "loss_mean"}
    assert set(small.data_vars) == means | ERRORS | {"invariance_error", "conjugacy_error"}
    assert dict(small.sizes) == {"mu": 7, "realization": 5, "exponent": 2}
    assert small["lyapunov"].dims == ("mu", "realization", "exponent")
    assert all(values.dtype == np.float64 for values in small.data_vars.values())
    assert all(np.isfinite(values).all() for values in small.data_vars.values())
    assert all(values.attrs["units"] == "1" for values in small.data_vars.values())
    assert "ellipse" in small.attrs["title"]
    assert "ellipse" in small.attrs["summary"]
    assert "2 across" in small["lyapunov"].attrs["comment"]


def test_a_cell_is_the_orbit_of_its_realization(small):
    phi = batches.words(7, 3, 1)
    alone = ellipse.observe(np.array([1.25]), phi, 640)
    cell = small.sel(mu=1.25, realization=3)
    assert set(alone) - set(cell.data_vars) == {"imbalance_rate", "imbalance_rate_error"}
    for name in cell.data_vars:
        assert cell[name].values.tobytes() == alone[name][0].tobytes()


def test_starts_are_those_of_the_seed(small):
    again, other = data(), data(seed=8)
    assert again.attrs["content_sha256"] == small.attrs["content_sha256"]
    assert other.attrs["content_sha256"] != small.attrs["content_sha256"]
    assert (other["loss_mean"] != small["loss_mean"]).all()
    # the residual, and so the loss, is the same for every mu, but for rounding
    spread = small["loss_mean"].max("mu") - small["loss_mean"].min("mu")
    assert (spread < 1e-12).all()
    assert small["loss_mean"].std("realization").min() > 1e-3


def test_realization_0_is_what_is_unsaid(small):
    mu = {"mu": {"start": 0.25, "step": 0.25, "num": 7}}
    unsaid, said = data(axes=mu), data(axes=mu, fixed={"realization": 0})
    assert unsaid.attrs["content_sha256"] == said.attrs["content_sha256"]
    assert unsaid["realization"].item() == 0
    expected = small["lyapunov"].sel(realization=0)
    assert unsaid["lyapunov"].values.tobytes() == expected.values.tobytes()
    fixed = data(axes={"realization": {"num": 5}}, fixed={"mu": 0.5})
    assert fixed["mu"].item() == 0.5
    assert fixed["lyapunov"].values.tobytes() == small["lyapunov"].sel(mu=0.5).values.tobytes()


def test_chunks_leave_no_trace(small, tmp_path):
    plan = planning.plan(parse(changed(tile={"mu": 2, "realization": 3})), "cells")
    assert len(list(plan.chunks())) > 4
    content = sweep.run(plan, Store(tmp_path / "chunks"), tmp_path / "cells.nc")
    assert content == content_sha256(tmp_path / "cells.nc") == small.attrs["content_sha256"]
    assert verify(tmp_path / "cells.nc") == "intact"


def test_the_order_of_axes_is_the_users():
    turned = data(axes=dict(reversed(STUDY["sweeps"]["cells"]["axes"].items())))
    assert turned["loss_mean"].dims == ("realization", "mu")


def test_its_size_is_told():
    plan = planning.plan(parse(changed(iterations={"measure": 10**6})), "cells")
    assert plan.steps == 10**6
    # between 2e7 and 1e9 steps a second of one core, whatever the machine
    assert 0.03 < sizing.seconds(plan) < 2
    assert "ellipse" in sizing.table(parse(STUDY), 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": {"mu": {"values": [0.0, 1.0]}}}, "axes.mu = .*between 0 and 2, both excluded"),
        ({"axes": {"mu": {"values": [1.0, 2.0]}}}, "axes.mu = .*between 0 and 2, both excluded"),
        ({"axes": {"realization": {"num": 2}}, "fixed": {"mu": 2.5}}, "fixed.mu = 2.5: should lie"),
        ({"axes": {"realization": {"num": 2}}}, "axes.mu: missing"),
        ({"fixed": {"imbalance": 0.1}}, "fixed.imbalance = 0.1: an ellipse has mu and realization"),
        ({"fixed": {"a": 0.1}}, "fixed.a = 0.1: an ellipse has mu and realization"),
        ({"fixed": {"noise": 0.1}}, "fixed.noise = 0.1: an ellipse has mu and realization"),
        ({"noise": {"model": "target"}}, "noise.model = 'target': should be none"),
        ({"fixed": {"mu": 0.5}}, "fixed.mu = 0.5: is an axis too"),
        ({"iterations": {"measure": 31}}, "iterations.measure = 31: .*32"),
        ({"iterations": {"measure": 64, "transient": 9}}, "iterations.transient = 9: unknown key"),
        ({"record": ["lyapunov"]}, "record = .*unknown key"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(changes, message):
    with pytest.raises(SettingsError, match=f"sweeps.cells.{message}") as caught:
        parse(changed(**changes))
    assert "\n" not in str(caught.value)


# The plane. Irrational corners keep every cell off e = 0, where outer minima are, and off U = 0.


MUS = [0.5, 1.0, 1.5, 1.9]
CORNER, NUM = 2.8123456789, 201
CELL = 2 * CORNER / (NUM - 1)
MARGIN = 1e-6  # of |h|: rounding of h is 1e-14, and over 2000 steps nothing comes near


@pytest.fixture(scope="module")
def plane():
    """Every start (a, b) of a grid, run 2032 steps with neither theorem nor early exit."""
    side = {"start": -CORNER, "stop": CORNER + 1e-3, "num": NUM}
    cells = {
        "axes": {"mu": {"values": MUS}, "a": side, "b": {**side, "stop": CORNER + 2e-3}},
        "iterations": {"transient": 2000, "measure": 32},
        "record": ["regime"],
        "shortcuts": False,
    }
    return lt2f.sweep({"study": "plane", "sweeps": {"cells": cells}}, "cells")


@pytest.mark.parametrize("mu", MUS)
def test_the_bounded_starts_are_the_inside_of_the_ellipse(plane, mu):
    bounded = plane["regime"].sel(mu=mu).values != Regime.DIVERGENT
    assert (plane["decided_by"] != 1).all()  # no theorem had a say
    a, b = (plane[name].values for name in ("a", "b"))
    h = a[:, None] ** 2 + b**2 - mu * a[:, None] * b - (4 - mu * mu)
    near = np.abs(h) < MARGIN
    assert near.sum() == 0  # no cell had to be left out
    assert (bounded == (h < 0)).all()
    assert 4000 < bounded.sum() < 16000


@pytest.mark.parametrize("mu", MUS)
def test_their_area_is_that_of_the_ellipse(plane, mu):
    bounded = plane["regime"].sel(mu=mu).values != Regime.DIVERGENT
    sides = [np.diff(plane[name].values).mean() for name in ("a", "b")]
    # Jarnik: the number of lattice points in a closed curve of length L >= 1 is off the area by
    # less than L. Half axes of the ellipse in the (a, b) plane: sqrt(2(2 +- mu)).
    major, minor = np.sqrt(2 * (2 + mu)), np.sqrt(2 * (2 - mu))
    length = 4 * major * ellipe(1 - (minor / major) ** 2)
    area = bounded.sum() * sides[0] * sides[1]
    assert abs(area - theory.ellipse_area(mu)) < length * max(sides)
    assert length * max(sides) < 0.1 * theory.ellipse_area(mu)
