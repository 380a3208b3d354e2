"""Sweeps of kind transformer: their rules, their plan and their data."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import lt2f
from lt2f import reduction
from lt2f.dynamics import theory
from lt2f.pipeline import plan as planning
from lt2f.pipeline import sizing
from lt2f.pipeline.settings import SettingsError, parse
from lt2f.pipeline.solve import solve
from lt2f.training.evaluate import expected_error
from lt2f.training.prompts import gaussian_prompt, gaussian_task
from lt2f.training.transformer import Model, Parameters, train

SWEEP: dict[str, Any] = {
    "kind": "transformer",
    "axes": {
        "realization": {"num": 2},
        "step_size": {"start": 0.05, "step": 0.05, "num": 30},
    },
    "fixed": {"imbalance": 0.1, "product": 0.2},
    "transformer": {"model": "matrix", "dimension": 4, "context": 9, "label_noise": 0.3},
    "iterations": {"transient": 500, "measure": 300, "max_period": 16, "samples": 8},
}


def raw(**changes):
    """Settings with keys changed, or taken out by None; one in a key as key__inner."""
    sweep = {key: dict(x) if isinstance(x, dict) else x for key, x in SWEEP.items()}
    for key, value in changes.items():
        outer, _, inner = key.partition("__")
        place = sweep[outer] if inner else sweep
        if value is None:
            del place[inner or outer]
        else:
            place[inner or outer] = value
    return {"study": "s", "seed": 5, "sweeps": {"it": sweep}}


def planned(**changes):
    return planning.plan(parse(raw(**changes)), "it")


@pytest.fixture(scope="module")
def found():
    return lt2f.sweep(raw(), "it")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axes__step_size": None}, "axes.step_size: missing, every sweep needs step_size"),
        ({"fixed__mu": 0.5}, "fixed.mu = 0.5: follows from the prompt"),
        ({"fixed__product": None}, "axes.product: missing"),
        ({"fixed__noise": 0.1}, "fixed.noise = 0.1: has no meaning here"),
        ({"noise": {"model": "target"}}, "noise.model = 'target': should be none"),
        ({"axes__step_size": {"values": [0.0, 1.0]}}, "should be greater than 0"),
        ({"transformer": None}, "transformer: missing"),
        ({"transformer__model": "matrx"}, "did you mean 'matrix'?"),
        ({"transformer__dimension": 0}, "transformer.dimension = 0"),
        ({"transformer__label_noise": -1.0}, "transformer.label_noise = -1.0"),
        ({"transformer__start": "gaussian"}, "only the full model starts in several"),
        ({"iterations__max_period": 200}, "measure = 300: should be at least twice max_period"),
        ({"iterations__samples": 301}, "samples = 301: should be at most the steps measured"),
        ({"iterations__transient": 2_000_000}, "less than or equal to 1000000"),
        ({"record": ["regime"]}, "record = ['regime']: unknown key"),
    ],
)
def test_bad_input_is_one_clear_line(changes, words):
    with pytest.raises(SettingsError) as caught:
        parse(raw(**changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sweep_may_be_named_as_its_kind():
    settings = raw(transformer__dimension=0)
    settings["sweeps"] = {"transformer": settings["sweeps"]["it"]}
    with pytest.raises(SettingsError, match=r"^sweeps.transformer.transformer.dimension = 0"):
        parse(settings)


def test_a_map_has_no_step_size():
    sweep = {
        "axes": {"mu": {"values": [0.5]}},
        "fixed": {"imbalance": 0.1, "product": 0.2, "step_size": 1.0},
        "iterations": {"transient": 1, "measure": 32},
    }
    with pytest.raises(SettingsError, match=r"fixed\.step_size = 1.0: is for the kind transformer"):
        parse({"study": "s", "sweeps": {"it": sweep}})


def test_what_determines_the_data_is_in_the_identity():
    identities = [
        planned(**changes).identity()
        for changes in (
            {},
            {"transformer__model": "scalar"},
            {"transformer__label_noise": 0.0},
            {"iterations__samples": 9},
        )
    ]
    assert all(one != other for one, other in pairwise(identities))
    names = {next(iter(planned(**c).chunks())).name for c in ({}, {"transformer__context": 10})}
    assert len(names) == 2


def test_a_step_of_a_large_model_makes_small_chunks():
    sides = [
        planned(transformer__model=model, transformer__dimension=d, axes__step_size=many).tile()
        for model, d in (("scalar", 4), ("matrix", 16), ("full", 64))
        for many in [{"start": 0.01, "step": 0.01, "num": 5000}]
    ]
    cells = [np.prod(list(tile.values())) for tile in sides]
    assert cells == sorted(cells, reverse=True)
    assert cells[-1] < cells[0] / 50
    assert planned().steps == 800
    assert sizing.seconds(planned()) > 0
    assert "transformer" in sizing.table(parse(raw()), 1)


def test_a_cell_does_not_depend_on_its_chunk():
    """To the last bit, chaotic cells too."""
    plan = planned()
    axes, scalars = plan.axes, plan.sweep.scalars()
    whole = solve(plan.task, axes, scalars)
    for part in (slice(0, 1), slice(3, 16), slice(11, 30)):
        some = {"realization": axes["realization"][1:], "step_size": axes["step_size"][part]}
        for name, values in solve(plan.task, some, scalars).items():
            assert np.array_equal(
                values, whole[name][1:, part], equal_nan=values.dtype.kind == "f"
            ), name


def test_the_dataset_explains_itself(found):
    assert found.attrs["title"].startswith("Training runs")
    assert found["effective_step_size"].dims == ("realization", "step_size")
    assert found["residual"].shape == found["map_residual"].shape == (2, 30, 8)
    assert found["step_size"].attrs["long_name"] == "step size eta of gradient descent"
    assert all(found[name].attrs["long_name"] for name in found.variables)
    assert found["fresh_error"].attrs["ancillary_variables"] == "fresh_error_error"
    assert "departure" not in found


def test_cells_agree_with_the_map(found):
    decided = (found["regime"] > 0) & (found["map_regime"] > 0)
    assert decided.mean() > 0.9
    assert (found["regime"] == found["map_regime"]).where(decided, other=True).all()


@pytest.mark.parametrize("k", [0, 1])
def test_a_cell_is_a_training_of_the_prompt_with_its_number(found, k):
    prompt = gaussian_prompt(5, k, 4, 9, 0.3)
    eta = found["step_size"].values
    a, b = theory.start(np.full(30, 0.1), np.full(30, 0.2))
    start = reduction.start(Model.MATRIX, prompt, a, b, eta)
    c = reduction.coupling(Model.MATRIX, prompt)
    assert found["effective_step_size"][k].values == pytest.approx(eta * abs(c * prompt.target))
    run = train(Model.MATRIX, prompt, start, eta, 800)
    calm = found["regime"][k].values < 4
    e = reduction.residual_unit(Model.MATRIX, prompt, start, eta) * (
        run.predictions - prompt.target
    )
    # The same arithmetic, but for how matrix products are split: rounding, and a bit of transient.
    assert found["residual"][k].values[calm] == pytest.approx(e[500:508].T[calm], abs=1e-8)
    _check_errors(found.isel(realization=k), run, calm, k)


def _check_errors(cells, run, calm, k):
    """New prompts' errors against their expectations, where nothing is chaotic."""
    last = Parameters(*(part[calm] for part in run.final))
    for name, task in (("fresh_error", None), ("same_task_error", gaussian_task(5, k, 4))):
        known = expected_error(Model.MATRIX, last, 4, 9, 0.3, task)
        off = np.abs(cells[name].values[calm] - known)
        # Heavy tails make the standard error itself uncertain; all cells share their new prompts.
        assert (off < 5 * cells[f"{name}_error"].values[calm] + 1e-6).all()


def test_what_diverges_has_learned_nothing(found):
    gone = found["regime"].values == 6
    assert gone.any()
    for name in ("fresh_error", "fresh_error_mean", "fresh_error_averaged", "same_task_error"):
        assert np.isnan(found[name].values[gone]).all()
        assert np.isfinite(found[name].values[~gone]).all()


@pytest.mark.parametrize("start", ["eigenvector", "gaussian"])
def test_the_full_model_tells_how_far_it_departs(start):
    full = {"transformer__model": "full", "transformer__start": start}
    found = lt2f.sweep(raw(**full, axes__step_size={"values": [0.1, 0.2]}), "it")
    if start == "eigenvector":
        assert found["departure"].max() < 1e-14
    else:
        assert found["departure"].min() > 1e-2


def test_starts_may_be_factors_and_realization_may_be_unsaid():
    axes = {"step_size": {"values": [0.1, 0.2, 0.3]}}
    found = lt2f.sweep(raw(axes=axes, fixed={"a": 0.6, "b": 0.5}), "it")
    assert found["realization"].item() == 0
    assert found["regime"].dims == ("step_size",)
