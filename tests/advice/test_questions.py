"""How advice is asked and what comes back: arguments, pages, plain data."""

import inspect
import json
import math

import pytest

import lt2f
from lt2f.advice.answer import AdviceError, advise
from lt2f.advice.question import Asked, ask
from lt2f.training.prompts import gaussian_prompt

PROMPT = gaussian_prompt(3, 1, 2, 4)
POOL = {"dimension": 3, "context": 8, "pool_size": 6}
FEW = 8


def test_the_typed_arguments_are_those_that_are_read():
    known = [name for name in inspect.signature(ask).parameters if name != "learning_rate"]
    assert list(Asked.__annotations__) == known
    for name in known:
        assert f"`{name}`" in lt2f.advise.__doc__


def test_the_ladder_is_the_thresholds_in_units_of_the_rate():
    c, y = 0.4, -2.5 / 3
    rates = advise(0.7, factor=c, target=y).ladder
    assert rates.monotone == pytest.approx((2 * math.sqrt(2) - 2) / abs(c * y), rel=1e-14)
    assert rates.converges == pytest.approx(1 / abs(c * y), rel=1e-14)
    assert rates.cycles == pytest.approx(1.30228346 / abs(c * y), rel=1e-8)
    assert rates.bounded == pytest.approx(2 / abs(c * y), rel=1e-14)


@pytest.mark.parametrize("eta", [0.3, 0.9, 1.7, 2.4])
def test_margins_are_how_far_thresholds_are(eta):
    beside = advise(eta, factor=2.0, target=0.5).neighbours
    for side, sign in ((beside.below, -1), (beside.above, 1)):
        if side is not None:
            assert side.margin == pytest.approx(side.learning_rate - eta, rel=1e-12, abs=1e-15)
            assert sign * side.margin > 0.0


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"sharpness": 1.0, "reduction": "matrix"}, "reduction = matrix: needs a prompt"),
        ({"sharpness": 1.0, "law": "uniform"}, "law = uniform: needs noise"),
        ({"sharpness": 1.0, "batch_size": 4}, "pool: missing, batch_size asks for one"),
        ({"sharpness": 1.0, "model": "prompts"}, "pool: missing, the model prompts asks for one"),
        ({"pool": POOL}, "batch_size: missing"),
        ({"pool": POOL, "batch_size": 0}, "batch_size = 0: should be a whole number from 1"),
        (
            {"pool": POOL, "batch_size": 7, "replacement": False},
            "batch_size = 7: should be a whole number from 1 to 6",
        ),
        ({"pool": POOL, "batch_size": 1, "replacement": "no"}, "replacement = no: should be true"),
        ({"pool": POOL, "batch_size": 1, "noise": 0.1}, "noise = 0.1: does not go with a pool"),
        ({"pool": POOL, "batch_size": 1, "law": "normal"}, "law = normal: does not go with a"),
        ({"pool": POOL, "batch_size": 1, "model": "target"}, "pool: goes with the model prompts"),
        ({"pool": POOL, "batch_size": 1, "factor": 1.0}, "pool: goes with a sharpness at most"),
        ({"pool": POOL, "batch_size": 1, "reduction": "full"}, "reduction = full: is scalar for"),
        ({"pool": "dimension=x", "batch_size": 1}, "pool = dimension=x: should be a file"),
        ({"pool": "dimension=3,context=8", "batch_size": 1}, "pool = dimension=3, context=8: "),
        ({"pool": {**POOL, "context": 0}, "batch_size": 1}, "pool context = 0: should be a whole"),
        ({"pool": {**POOL, "label_noise": -1}, "batch_size": 1}, "pool label_noise = -1: should"),
        ({"pool": {**POOL, "odd": 1}, "batch_size": 1}, "pool = dimension=3"),
        (
            {"pool": dict.fromkeys(POOL, 4096), "batch_size": 1},
            "pool = 68719476736: should be at most",
        ),
        ({"pool": [], "batch_size": 1}, "pool = []: should be a file"),
        ({"pool": 3, "batch_size": 1}, "pool = 3: should be a file"),
        ({"prompt": 3}, "prompt = 3: should be a prompt"),
        ({"prompt": PROMPT, "initial_scale": 0.0}, "initial_scale = 0.0: should be a finite"),
        ({"prompt": PROMPT, "initial_scale": math.nan}, "initial_scale = nan: should be a finite"),
        ({"sharpness": 1.0, "initial_scale": 0.1}, "initial_scale: needs a prompt"),
        (
            {"prompt": PROMPT, "initial_scale": 0.1, "parameters": (1.0, 1.0)},
            "parameters: give one start",
        ),
        (
            {"prompt": PROMPT, "initial_scale": 0.1, "sharpness": 3.0},
            "sharpness: does not go with initial_scale",
        ),
        (
            {"prompt": PROMPT, "reduction": "full", "initial_scale": 0.4, "noise": 0.2},
            "noise = 0.2: is known for the map alone",
        ),
        ({"prompt": PROMPT, "parameters": (1.0, math.inf)}, "parameters: should be finite"),
    ],
    ids=str,
)
def test_a_contradictory_question_is_one_line(asked, line):
    with pytest.raises(AdviceError) as caught:
        advise(**{"learning_rate": 1.0, **asked})
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "asked",
    [
        {"pool": POOL, "batch_size": 2, "start": (0.5, 0.2)},
        {"pool": POOL, "batch_size": 1, "start": (9.5, 0.2), "learning_rate": 3.0},
        {"pool": POOL, "batch_size": 6, "replacement": False},
        {"pool": {**POOL, "label_noise": 3.0}, "batch_size": 1, "learning_rate": 0.05},
        {"pool": POOL, "batch_size": 3, "sharpness": 1.9},
        {"prompt": PROMPT, "reduction": "full", "initial_scale": 0.4},
        {"prompt": PROMPT, "reduction": "full", "initial_scale": 40.0},
        {"prompt": PROMPT, "reduction": "matrix", "initial_scale": 0.4, "noise": 0.2},
        {"pool": {**POOL, "label_noise": 1.0}, "batch_size": 2, "a": 0.1, "b": 0.3, "mu": 1.5},
        {"pool": {**POOL, "label_noise": 0.2}, "batch_size": 40, "a": 0.1, "b": 0.3, "mu": 1.26},
        {"sharpness": 2.6, "noise": 0.3, "law": "uniform"},
        {"factor": 1e150, "target": 1e-150},
        {"factor": -2.0, "target": -1e-9, "start": (1e6, 2.0)},
    ],
    ids=str,
)
def test_the_page_fits_a_screen_and_the_data_is_json(asked):
    asked = {"learning_rate": 0.7, **asked, "realizations": FEW}
    if mu := asked.pop("mu", None):
        asked["learning_rate"] = mu / advise(**{**asked, "learning_rate": 1.0}).mu
    found = advise(**asked)
    lines = str(found).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 96
    assert "nan" not in str(found)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["mu"] == found.mu
    assert len(json.dumps(found.as_dict())) < 10_000  # no prompts, no weights
    assert len(repr(found).splitlines()) == 1
    assert f"mu = {found.mu:.6g}" in repr(found)


# What a page may not say


def words(found):
    return " ".join(str(found).split())


def test_the_tangent_kernel_is_called_sharpness_at_a_minimum_alone():
    mu = 1.1
    cycle = advise(mu, factor=1.0, target=1.0, a=0.5, b=0.4)
    # On the two-cycle a = b and ab has the mean (1 + mu)/2. The mean of a^2 + b^2 is 1 + mu; that
    # of the Hessian's larger eigenvalue, 3 ab - mu, is (3 + mu)/2.
    assert cycle.outcome.scaled_sharpness == pytest.approx(1 + mu, rel=1e-9)
    assert "mean tangent kernel" in words(cycle)
    rest = advise(0.5, factor=1.0, target=1.0, a=0.5, b=0.4)
    assert "tangent kernel" not in words(rest)
    saddle = advise(0.5, factor=1.0, target=1.0, a=0.5, b=-0.5)
    assert "ends with u = w = 0" in words(saddle)
    assert "sharpness" not in words(saddle)


@pytest.mark.parametrize(
    "asked",
    [
        {"target": 1.15, "a": 0.8, "b": 0.3, "noise": 0.5, "law": "uniform", "seed": 0},
        {"target": 0.2, "a": 0.4, "b": 0.4, "noise": 0.9, "model": "target"},
    ],
    ids=["others converge", "others collapse"],
)
def test_where_other_runs_settle_there_is_no_mean_time_of_escape(asked):
    found = advise(1.0, factor=1.0, realizations=512, **asked).under_noise
    time, shares = found.escape_time, {c.outcome: c.count for c in found.chances}
    assert time.early + time.late == shares["diverges"] < 512
    assert time.late > 0
    assert math.isnan(time.mean)
    assert math.isnan(time.high)


def test_a_run_that_is_not_at_rest_is_said_to_be_on_its_way():
    """At mu = 1 the residual falls like 1/sqrt(2 n): after 40,000 steps it is 3e-3."""
    slow = advise(1.0, factor=1.0, target=1.0, a=0.6, b=0.5)
    assert slow.outcome.steps == -1
    assert "not at rest within 40000 steps" in words(slow)


def test_no_number_of_steps_is_said_where_all_residuals_are_tiny():
    """|ab - mu| < 1e-12 holds at the start, of which no step has been taken."""
    tiny = advise(1e-12, factor=1.0, target=1.0, start=(0.5, 0.2))
    assert tiny.outcome.steps == -1
    assert "after 0 steps" not in words(tiny)
    assert "not at rest" not in words(tiny)


def test_on_the_ellipse_rounding_is_said_to_choose():
    x = math.sqrt(2.5)
    assert "on the ellipse to rounding" in words(advise(0.5, factor=1.0, target=1.0, a=x, b=x))
    beside = advise(0.5, factor=1.0, target=1.0, a=x * (1 - 1e-9), b=x * (1 - 1e-9))
    assert "to rounding" not in words(beside)
