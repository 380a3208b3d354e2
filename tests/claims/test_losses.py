"""Claims on other losses: that they hold, find their sweeps, and can fail."""

import numpy as np
import pytest
import xarray as xr

import lt2f
from lt2f.claims import ledger
from lt2f.claims import losses as room
from lt2f.claims.forms import Status
from lt2f.claims.study import Study
from lt2f.dynamics.codes import Regime

SWEEP = {
    "axes": {
        "mu": {"start": 0.05, "step": 0.1, "num": 20},
        "huber": {"start": 0.0, "step": 0.1, "num": 13},
    },
    "fixed": {"imbalance": 0.0, "product": 0.1},
    "iterations": {"transient": 1000, "measure": 1000},
    "record": ["regime"],
}


@pytest.fixture(scope="module")
def datasets() -> dict[str, xr.Dataset]:
    return {"one": lt2f.sweep({"study": "d", "sweeps": {"one": SWEEP}}, "one")}


def found(datasets):
    return {row.id.removeprefix("losses_"): row for row in ledger.rows(datasets, [room.ROOM])}


def test_every_claim_agrees(datasets):
    rows = found(datasets)
    assert len(rows) == len(room.ROOM.claims)
    assert {name: row.status for name, row in rows.items() if row.status != Status.AGREES} == {}


def test_a_claim_of_datasets_says_what_it_needs():
    rows = found({})
    absent = {name for name, row in rows.items() if row.status == Status.NOT_COMPUTABLE}
    assert absent == {"edge"}
    assert "axes huber and mu at least" in rows["edge"].explanation


def test_a_minimum_beyond_the_edge_disagrees(datasets):
    wrong = datasets["one"].copy(deep=True)
    wrong["regime"].values[wrong["regime"].values == Regime.PERIODIC] = Regime.MONOTONE
    assert found({"one": wrong})["edge"].status == Status.DISAGREES


@pytest.mark.parametrize("name", ["minima", "bounded", "balance"])
def test_another_loss_disagrees(name, monkeypatch):
    """One with its minimum elsewhere, or that clips later than it is said to."""
    plain = room.descend

    def other(law, a, b, mu, s, steps):
        return (
            plain(law, a, b, mu + 0.01, s, steps)
            if name == "minima"
            else plain(law, a, b, mu, s / 1.5, steps)
        )

    monkeypatch.setattr(room, "descend", other)
    (claim,) = [claim for claim in room.ROOM.claims if claim.id == f"losses_{name}"]
    with np.errstate(all="ignore"):
        assert claim.check(Study({})).status == Status.DISAGREES
