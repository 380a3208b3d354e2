"""Claims on weight decay: that they hold, find their sweeps, and can fail."""

import numpy as np
import pytest
import xarray as xr

import lt2f
from lt2f.claims import decay as room
from lt2f.claims import ledger
from lt2f.claims.forms import Status
from lt2f.claims.study import MissingError, Study
from lt2f.dynamics.codes import Regime

SWEEPS = {
    "one": {
        "axes": {
            "mu": {"start": 0.025, "step": 0.05, "num": 46},
            "decay": {"start": 0.0, "step": 0.1, "num": 8},
        },
        "fixed": {"imbalance": 0.2, "product": 0.1},
        "iterations": {"transient": 3000, "measure": 2000},
    },
    "two": {
        "axes": {
            "a": {"start": 1.78, "step": 0.0006, "num": 512},
            "b": {"start": 1.32, "step": 0.0006, "num": 512},
        },
        "fixed": {"mu": 1.5, "decay": 0.2},
        "iterations": {"transient": 300, "measure": 32},
        "record": ["regime"],
    },
}


@pytest.fixture(scope="module")
def datasets() -> dict[str, xr.Dataset]:
    return {name: lt2f.sweep({"study": "d", "sweeps": SWEEPS}, name) for name in SWEEPS}


def found(datasets):
    return {row.id.removeprefix("decay_"): row for row in ledger.rows(datasets, [room.ROOM])}


def test_every_claim_agrees(datasets):
    rows = found(datasets)
    assert len(rows) == len(room.ROOM.claims)
    assert {name: row.status for name, row in rows.items() if row.status != Status.AGREES} == {}


def test_claims_of_datasets_say_what_they_need():
    rows = found({})
    absent = {name for name, row in rows.items() if row.status == Status.NOT_COMPUTABLE}
    assert absent == {"thresholds", "fractal"}
    assert "axes decay and mu at least" in rows["thresholds"].explanation


def test_wrong_labels_disagree(datasets):
    wrong = datasets["one"].copy(deep=True)
    codes = wrong["regime"].values
    codes[codes == Regime.COLLAPSED] = Regime.MONOTONE
    assert found({"one": wrong})["thresholds"].status == Status.DISAGREES


def test_a_smooth_boundary_is_not_taken_for_a_fractal_one(datasets):
    data = datasets["two"].copy(deep=True)
    a, b = np.meshgrid(data.a.values, data.b.values, indexing="ij")
    data["regime"].values[:] = np.where(a + 0.7 * b > 3.1, Regime.DIVERGENT, Regime.MONOTONE)
    row = found({"two": data})["fractal"]
    assert row.status == Status.UNDECIDED  # 1 is not below 1, and the uncertainty reaches across


def test_windows_have_to_be_square_and_large_enough(datasets):
    small = {"two": datasets["two"].isel(a=slice(0, 300), b=slice(0, 300))}
    with pytest.raises(MissingError, match="square window of 512"):
        list(room.windows(Study(small)))
    oblong = {"two": datasets["two"].isel(b=slice(0, 300))}
    with pytest.raises(MissingError, match="square window of 512"):
        list(room.windows(Study(oblong)))


@pytest.mark.parametrize(
    ("name", "change"),
    [("minimum", 0.01), ("balancing", 0.01), ("shift", 0.03), ("limit", 0.3)],
)
def test_another_theory_disagrees(name, change, monkeypatch):
    """Runs whose decay is not the one that is said, or a limit that is another."""
    plain = room.descend

    def other(a, b, mu, kappa, steps):
        return plain(a, b, mu, kappa * (1 + change), steps)

    def moved(name, kappa):
        return room_law(name, kappa + change)

    def limit(mu):
        return room_limit(mu)._replace(value=room_limit(mu).value - change)

    room_law, room_limit = room.steady, room.decay.boundary_dimension
    if name == "limit":
        monkeypatch.setattr(room.decay, "boundary_dimension", limit)
    elif name == "shift":
        monkeypatch.setattr(room, "steady", moved)
    else:
        monkeypatch.setattr(room, "descend", other)
    (claim,) = [claim for claim in room.ROOM.claims if claim.id == f"decay_{name}"]
    assert claim.check(Study({})).status == Status.DISAGREES
