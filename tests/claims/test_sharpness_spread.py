"""Rows on which minima batches find: a doctored sweep or another theory makes each disagree."""

import numpy as np
import pytest
import xarray as xr

import lt2f
from lt2f.claims import book
from lt2f.claims import sharpness_spread as room
from lt2f.claims.forms import Status
from lt2f.claims.ledger import Room, Row, rows
from lt2f.dynamics import balancing

SHARP = {"regime", "imbalance_final"}
SWEEPS = {
    "agreeing": {
        "axes": {
            "mu": {"values": [0.35, 0.5]},
            "noise": {"values": [0.0, 0.2, 0.4, 0.5]},
            "realization": {"num": 96},
        },
        "fixed": {"imbalance": 2.4, "product": 0.1},
        "noise": {"model": "multiplicative"},
        "iterations": {"transient": 3000, "measure": 1000},
        "record": sorted(SHARP),
    },
    "disagreeing": {
        "axes": {
            "batch_size": {"values": [4, 16, 32, 48, 64]},
            "realization": {"num": 32},
            "mu": {"values": [0.2, 0.35]},
        },
        "fixed": {"imbalance": 1.4, "product": 0.3},
        "noise": {
            "model": "prompts",
            "dimension": 8,
            "context": 4096,
            "pool_size": 64,
            "replacement": False,
        },
        "iterations": {"transient": 500, "measure": 500},
        "record": sorted(SHARP),
    },
}


@pytest.fixture(scope="module")
def study() -> dict[str, xr.Dataset]:
    return {name: lt2f.sweep({"study": "ends", "sweeps": SWEEPS}, name) for name in SWEEPS}


def held(study: dict[str, xr.Dataset]) -> dict[str, Row]:
    chosen = [claim for claim in book.claims() if claim.id.startswith("sharpness_spread_")]
    return {
        row.id.removeprefix("sharpness_spread_"): row for row in rows(study, [Room("", chosen)])
    }


def with_imbalance(dataset: xr.Dataset, imbalance: xr.DataArray) -> xr.Dataset:
    return dataset.assign(imbalance_final=imbalance.transpose(*dataset.imbalance_final.dims))


def test_what_is_so_agrees(study):
    found = held(study)
    assert {row.status for row in found.values()} == {Status.AGREES}
    assert len(found) == 8


def test_without_sweeps_the_rows_say_which_they_need():
    found = held({})
    lost = {name for name, row in found.items() if row.status == Status.NOT_COMPUTABLE}
    assert lost == found.keys() - {"settling", "balancing_exact"}
    assert all(found[name].explanation.startswith("needs a sweep") for name in lost)
    assert all("imbalance_final" in found[name].explanation for name in lost)


def test_starts_near_balance_are_no_test(study):
    near = {name: data.assign_coords(imbalance=0.1) for name, data in study.items()}
    assert held(near)["edge"].status == Status.NOT_COMPUTABLE
    assert held(near)["larger_batches_sharper"].status == Status.NOT_COMPUTABLE


def test_one_run_beyond_the_edge_disagrees(study):
    agreeing = study["agreeing"]
    imbalance = agreeing.imbalance_final.copy()
    imbalance[0, 1, 5] = 2.2  # S = 2.31, and the edge at s = 0.2 is 2.08
    doctored = with_imbalance(agreeing, imbalance)
    assert held({"it": doctored})["edge"].status == Status.DISAGREES
    # A run that has escaped is at no minimum.
    regime = agreeing.regime.copy()
    regime[0, 1, 5] = 6
    assert held({"it": doctored.assign(regime=regime)})["edge"].status == Status.AGREES


def test_runs_that_all_end_flat_are_not_between_the_edges(study):
    flat = with_imbalance(study["agreeing"], 0.3 * study["agreeing"].imbalance_final)
    assert held({"it": flat})["between_edges"].status == Status.DISAGREES


def test_noise_that_flattens_disagrees(study):
    agreeing = study["agreeing"]
    falling = agreeing.imbalance_final.isel(noise=0) * (1 - agreeing.noise)
    flatter = with_imbalance(agreeing, falling + 1e-3 * agreeing.realization / 96)
    assert held({"it": flatter})["agreeing_sharpens"].status == Status.DISAGREES


@pytest.mark.parametrize("row", ["larger_batches_sharper", "flatter_than_full"])
def test_batches_the_other_way_round_disagree(study, row):
    there = study["disagreeing"]
    turned = with_imbalance(there, 1.5 - there.imbalance_final)
    assert held({"it": turned})[row].status == Status.DISAGREES


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_an_imbalance_that_falls_otherwise_disagrees(study, factor):
    there = study["disagreeing"]
    change = (abs(there.imbalance_final) / 1.4) ** factor
    other = held({"it": with_imbalance(there, 1.4 * change)})
    assert other["balancing_change"].status == Status.DISAGREES


@pytest.mark.parametrize(
    ("name", "row"), [("settling_change", "settling"), ("stationary_rate", "balancing_exact")]
)
@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_another_theory_disagrees(monkeypatch, name, row, factor):
    true = getattr(balancing, name)
    monkeypatch.setattr(balancing, name, lambda *args: factor * np.asarray(true(*args)))
    assert held({})[row].status == Status.DISAGREES


def test_the_covariance_of_batches_is_that_of_the_law(study):
    from lt2f.training.prompt_batches import Batches, multipliers
    from lt2f.training.prompts import gaussian_prompt

    (part,) = room.ends(room.Study(study), room.DISAGREE, "batch_size")
    seed = int(study["disagreeing"].attrs["seed"])
    pool = multipliers(gaussian_prompt(seed, k, 8, 4096, 0.0) for k in range(64))
    for size in (1, 16, 64):
        expected = Batches(pool, size, False).covariance()
        np.testing.assert_allclose(
            room._covariance(part.sweep, size), expected, rtol=1e-9, atol=1e-15
        )
