"""Advice about learning rates: held against raw gradient descent and against theory."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lt2f
from lt2f.advice.answer import AdviceError, advise
from lt2f.advice.chances import wilson
from lt2f.dynamics.codes import DecidedBy, Regime

MONOTONE_END = 2 * math.sqrt(2) - 2
FEW = 16  # realizations where their number does not matter


def descent(eta, c, y, u, w, steps):
    """Losses of gradient descent on (c u w - y)^2/2, until they leave all bounds."""
    losses = []
    for _ in range(steps):
        rest = c * u * w - y
        losses.append(rest * rest / 2)
        if not losses[-1] < 1e100:
            break
        u, w = u - eta * rest * c * w, w - eta * rest * c * u
    return np.array(losses)


def starts(count, seed=4):
    """Prompts and starts of all signs and sizes: c, y, u, w."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.3, 2.0, (count, 4)) * rng.choice([-1.0, 1.0], (count, 4))


def share(found, name):
    """The chance of an outcome."""
    return next(chance for chance in found.under_noise.chances if chance.outcome == name)


# The effective step


def test_mu_is_rate_times_factor_times_target():
    assert advise(0.01, factor=-3.1, target=0.7).mu == pytest.approx(0.0217, rel=1e-15)


def test_mu_is_half_of_rate_times_sharpness_of_the_flattest_minimum():
    found = advise(0.05, sharpness=40.0)
    assert found.mu == 1.0
    assert found.converges == 0.05
    # The Hessian of (c u w - y)^2/2 at u = w = sqrt(y/c) has the eigenvalue c^2 (u^2 + w^2) = 2cy.
    c, y = 1.7, 0.9
    same = advise(0.2, sharpness=2 * c * y)
    assert same.mu == pytest.approx(advise(0.2, factor=c, target=y).mu, rel=1e-15)


@pytest.mark.parametrize("signs", [(1, 1, 1, 1), (-1, 1, 1, -1), (1, -1, 1, -1), (-1, -1, 1, 1)])
def test_signs_that_mirror_the_same_descent_get_the_same_answer(signs):
    c, y, u, w = np.multiply(signs, (1.3, 0.8, 0.9, 0.4))
    found = advise(0.7, factor=c, target=y, start=(u, w))
    plain = advise(0.7, factor=1.3, target=0.8, start=(0.9, 0.4))
    assert (found.outcome, found.limits) == (plain.outcome, plain.limits)


def test_the_start_in_units_of_the_map_is_the_same_start():
    eta, c, y, u, w = 0.49, 1.3, 0.8, 0.9, 0.4
    raw = advise(eta, factor=c, target=y, start=(u, w))
    a, b = (math.sqrt(eta) * c * x for x in (u, w))
    others = [
        advise(eta, factor=c, target=y, a=a, b=b),
        advise(eta, factor=c, target=y, imbalance=a * a - b * b, product=a * b),
        advise(eta, sharpness=2 * c * y, a=a, b=b),
    ]
    for other in others:
        assert other.outcome.regime == raw.outcome.regime
        assert other.limits.bounded == pytest.approx(raw.limits.bounded, rel=1e-13)
        assert other.outcome.scaled_sharpness == pytest.approx(
            raw.outcome.scaled_sharpness, rel=1e-9
        )


# What mu alone says


@pytest.mark.parametrize(
    ("mu", "ending", "period", "how"),
    [
        (0.3, "converges to a minimum", 1, DecidedBy.THEOREM),
        (1.0, "converges to a minimum", 1, DecidedBy.THEOREM),
        (1.1, "cycles", 2, DecidedBy.THEOREM),
        (1.26, "cycles", 4, DecidedBy.CYCLE),  # between sqrt(5) - 1 and 1.2880
        (1.295, "cycles", 8, DecidedBy.CYCLE),  # up to 1.2992
        (1.9, "is chaotic", 0, DecidedBy.MEASUREMENT),
        (2.0, "diverges", 0, DecidedBy.THEOREM),
        (2.5, "diverges", 0, DecidedBy.INFERRED),
    ],
)
def test_the_end_of_almost_every_start(mu, ending, period, how):
    found = advise(mu, factor=1.0, target=1.0).attractor
    assert (found.ending, found.period, found.decided_by) == (ending, period, how)


def test_where_signs_flip_the_loss_repeats_sooner_than_the_factors():
    # x, y, -x, -y: stable between 2 sqrt2 - 1 and sqrt(13 + 3 sqrt41)/2 - 1.
    found = advise(1.832, factor=1.0, target=1.0).attractor
    assert (found.period, found.loss_period) == (4, 2)


@pytest.mark.parametrize(
    ("mu", "below", "above"),
    [
        (0.5, None, MONOTONE_END),
        (0.9, MONOTONE_END, 1.0),
        (1.1, 1.0, math.sqrt(5) - 1),
        (1.55, None, 1.5 * math.sqrt(3) - 1),
        (1.7, None, None),
        (1.99, None, 2.0),
        (2.3, 2.0, None),
    ],
)
def test_thresholds_beside_are_in_units_of_the_learning_rate(mu, below, above):
    c, y = 0.5, 4.0
    eta = mu / (c * y)
    found = advise(eta, factor=c, target=y).neighbours
    for side, value in ((found.below, below), (found.above, above)):
        if value is not None:
            assert side.learning_rate == pytest.approx(value / (c * y), rel=1e-14)
        if side is not None:
            assert advise(side.learning_rate, factor=c, target=y).mu == pytest.approx(side.mu)
    assert found.below is None or found.below.ratio < 1.0
    assert found.above is None or found.above.ratio > 1.0


def test_a_rate_on_a_threshold_is_said_to_be_on_it():
    beside = advise(0.05, sharpness=40.0).neighbours
    assert beside.on.id == "doubling_1"
    assert beside.below.mu == pytest.approx(MONOTONE_END)
    assert beside.above.mu == pytest.approx(math.sqrt(5) - 1)


# One start


@pytest.mark.parametrize("case", starts(12), ids=str)
def test_descent_is_bounded_just_below_the_edge_and_not_just_above(case):
    c, y, u, w = case
    edge = advise(0.1, factor=c, target=y, start=(u, w)).limits.bounded
    # Inside, |e| <= 2 for ever; outside |h| = 1e-3 or so grows at least like the transverse
    # exponent of the ellipse, which for these mu takes less than a thousand steps.
    below, above = (descent(edge * r, c, y, u, w, 4000) for r in (1 - 1e-3, 1 + 1e-3))
    e = edge * abs(c) * np.sqrt(2 * below)
    assert e.max() <= 2.0
    assert below.size == 4000
    assert above.size < 4000


@pytest.mark.parametrize("case", starts(12), ids=str)
def test_the_advised_rates_converge_without_a_rise(case):
    c, y, u, w = case
    limits = advise(0.1, factor=c, target=y, start=(u, w)).limits
    assert 0.0 < limits.monotone_proved <= limits.monotone <= limits.converges
    assert limits.converges == pytest.approx(min(limits.bounded, 1 / abs(c * y)), rel=1e-14)
    for eta in (0.5 * limits.monotone_proved, limits.monotone_proved, limits.monotone):
        losses = descent(eta, c, y, u, w, 30_000)
        losses = losses[losses > 1e-20 * losses[0]]  # far above rounding, which is 1e-32
        assert (np.diff(losses) <= 0.0).all()
    slow = descent(0.99 * limits.converges, c, y, u, w, 30_000)
    assert slow[-1] < 1e-20
    if not math.isnan(limits.first_rise):
        assert (np.diff(descent(limits.first_rise, c, y, u, w, 3000)) > 0.0).any()


@given(st.floats(0.05, 4.0), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(0.01, 1.0))
@settings(max_examples=60, deadline=None)
def test_the_loss_never_rises_below_the_proved_rate(y, u, w, part):
    from lt2f.advice.question import ask
    from lt2f.advice.start import monotone_ratio

    if u == w == 0.0:
        return
    eta = part * monotone_ratio(ask(1.0, factor=1.0, target=y, start=(u, w)))
    losses = descent(eta, 1.0, y, u, w, 300)
    # Where the bound is attained the loss stands, so rounding may move it by some of its 2^-52.
    rises = np.diff(losses) > 1e-12 * losses[:-1]
    assert not (rises & (losses[:-1] > 1e-20 * (1 + y * y))).any()


def test_a_balanced_start_has_the_closed_form():
    found = advise(0.1, factor=1.0, target=2.0, start=(0.3, 0.3)).limits
    assert found.monotone_proved == pytest.approx(MONOTONE_END / 2.0, rel=1e-14)


@pytest.mark.parametrize(
    ("mu", "start", "regime"),
    [
        (0.5, (0.5, 0.2), Regime.MONOTONE),
        (0.8, (1.5, 0.4), Regime.CATAPULT),
        (1.1, (0.5, 0.2), Regime.PERIODIC),
        (1.9, (0.5, 0.2), Regime.CHAOTIC),
        (0.9, (3.0, 2.0), Regime.DIVERGENT),
        (2.2, (0.5, 0.2), Regime.DIVERGENT),
    ],
)
def test_the_outcome_of_a_start(mu, start, regime):
    found = advise(mu, factor=1.0, target=1.0, a=start[0], b=start[1])
    assert found.outcome.regime == regime
    inside = start[0] ** 2 + start[1] ** 2 - mu * start[0] * start[1] < 4 - mu * mu
    assert found.outcome.inside == (inside and mu < 2)


def test_the_end_is_that_of_descent():
    eta, c, y, u, w = 0.8, 1.3, 0.7, 1.2, 0.3
    found = advise(eta, factor=c, target=y, start=(u, w)).outcome
    losses = descent(eta, c, y, u, w, 5000)
    for _ in range(5000):
        rest = c * u * w - y
        u, w = u - eta * rest * c * w, w - eta * rest * c * u
    # Rounding moves the end along its valley by some 1e-16 a step, for a few hundred steps.
    assert found.sharpness == pytest.approx(c * c * (u * u + w * w), rel=1e-10)
    assert found.imbalance == pytest.approx(u * u - w * w, rel=1e-10)
    assert found.loss_peak_ratio == pytest.approx(losses.max() / losses[0], rel=1e-12)


def test_starts_where_no_theorem_holds_are_said_to_be_such():
    opposite = advise(0.3, factor=1.0, target=1.0, start=(0.5, -0.5))
    assert math.isnan(opposite.limits.converges)
    assert "saddle" in str(opposite)
    rest = advise(0.3, factor=1.0, target=1.0, start=(2.0, 0.5))
    assert rest.limits.converges == pytest.approx(2 / (2.0**2 + 0.5**2), rel=1e-14)
    assert "is a minimum" in str(rest)


def test_a_search_that_slowness_ends_says_so():
    # Close to opposite factors: at rates where it ends near sharpness 2 the run does not converge.
    found = advise(0.3, factor=1.0, target=0.01305, start=(11.374159, -9.6507203))
    assert not found.limits.certain
    assert math.isnan(found.limits.first_rise)
    assert "undecided from there on" in " ".join(str(found).split())


@given(
    st.floats(0.05, 2.2), st.floats(-2.0, 2.0), st.floats(0.1, 2.0), st.integers(-6, 6),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_advice_is_invariant_where_the_map_is(mu, u, w, power):
    # Powers of two, so that sqrt(eta) c is the same to the last bit.
    scale = 2.0**power
    plain = advise(mu, factor=1.0, target=1.0, start=(u, w))
    other = advise(mu / scale**2, factor=scale, target=scale, start=(u, w))
    assert other.mu == plain.mu
    assert repr(other.attractor) == repr(plain.attractor)
    assert other.outcome.regime == plain.outcome.regime
    assert other.outcome.steps == plain.outcome.steps
    np.testing.assert_equal(other.outcome.scaled_sharpness, plain.outcome.scaled_sharpness)
    np.testing.assert_equal(other.outcome.imbalance, plain.outcome.imbalance)
    for name in ("bounded", "converges", "monotone_proved", "monotone", "first_rise"):
        values = getattr(other.limits, name) * scale**2, getattr(plain.limits, name)
        np.testing.assert_equal(*values)


# Noise


def test_wilsons_interval_solves_its_equation():
    # (p - k/n)^2 = z^2 p (1 - p)/n at both ends.
    for count, of in ((3, 10), (128, 256), (1, 1000), (9, 10)):
        for p in wilson(count, of):
            assert (p - count / of) ** 2 == pytest.approx(
                1.959963984540054**2 * p * (1 - p) / of, rel=1e-9
            )
    assert wilson(0, 256)[0] == 0.0
    assert wilson(256, 256)[1] == 1.0


def test_intervals_cover_a_chance_of_one_half():
    # mu = 1/2 and h = 1 -+ 0.9 from a = b = 3, e = 8.5: the small step leads to a = b = 0.45,
    # inside the ellipse of the large step, from where no order of draws escapes (mu h_max < 2);
    # the large one to -45.45, |h e| > 200, from where a^2 grows at either step.
    covered, seeds = 0, 20
    for seed in range(seeds):
        found = advise(
            0.5, factor=1.0, target=1.0, a=3.0, b=3.0, noise=0.9, realizations=64, seed=seed
        )
        chance = share(found, "diverges")
        covered += chance.low <= 0.5 <= chance.high
    # Wilson's interval for 64 trials covers 1/2 with chance 0.94; below 15 of 20 has chance 1e-3.
    assert covered >= 15
    assert found.under_noise.escape == "possible"


@pytest.mark.parametrize(("start", "chance"), [((0.5, 0.4), 0.0), ((9.0, 9.0), 1.0)])
def test_intervals_cover_what_theory_decides(start, chance):
    # Inside the ellipse of the largest step, and where even the least one, h = 0.8, overshoots.
    found = advise(0.8, factor=1.0, target=1.0, a=start[0], b=start[1], noise=0.2, realizations=FEW)
    seen = share(found, "diverges")
    assert seen.low <= chance <= seen.high
    assert seen.share == chance
    assert found.under_noise.escape == ("impossible" if chance == 0.0 else "possible")


def test_no_order_of_draws_leads_away_below_the_sure_rate():
    c, y, u, w, s = 1.0, 1.0, 1.5, 0.4, 0.4
    sure = advise(0.8, factor=c, target=y, start=(u, w), noise=s, realizations=1).under_noise
    eta = 0.999 * sure.surely_bounded
    rng = np.random.default_rng(8)
    a, b = (np.full(2000, math.sqrt(eta) * x) for x in (u, w))
    for step in range(500):
        h = np.where(rng.random(2000) < 0.5, 1 - s, 1 + s)
        h[0] = 1 + s
        e = h * (a * b - eta)
        a, b = a - e * b, b - e * a
        assert (a * a + b * b < 16.0).all(), step
    # And not above it: there the largest step alone leads away.
    eta = 1.001 * sure.surely_bounded
    losses = descent((1 + s) * eta, c, y, u, w, 4000)
    assert losses.size < 4000


def test_stability_under_noise_is_in_units_of_the_learning_rate():
    # eta times the flattest sharpness 2|cy| is 2/(1 - s^2) and 2/(1 + s^2).
    found = advise(0.3, factor=2.0, target=0.5, noise=0.4, realizations=FEW).under_noise
    assert found.almost_surely == pytest.approx(1 / (1 - 0.16), rel=1e-14)
    assert found.mean_square == pytest.approx(1 / (1 + 0.16), rel=1e-14)
    # Without a start the chances are those of one next to the flattest minimum, here mu = 0.3.
    assert found.from_minimum
    assert found.chances[0].outcome == "converges"
    assert found.chances[0].share == 1.0


@pytest.mark.parametrize(
    ("noise", "law", "start", "escape"),
    [
        (0.4, "two_point", (0.9, 0.9), "impossible"),
        (1.2, "two_point", (0.9, 0.9), "possible"),
        (0.4, "normal", (0.9, 0.9), "possible"),
        (0.4, "two_point", (0.9, 0.8), "not excluded"),
    ],
)
def test_escape_under_noise_of_the_target(noise, law, start, escape):
    found = advise(
        0.7, factor=1.0, target=1.0, a=start[0], b=start[1],
        noise=noise, law=law, model="target", realizations=FEW,
    )  # fmt: skip
    assert found.under_noise.escape == escape
    # Escape of balanced starts under +-sigma: 2((1 + mu + sigma)/3)^(3/2) > sqrt(2 + mu - sigma).
    sigma = found.under_noise.threshold
    if law == "two_point":
        sides = 2 * ((1.7 + sigma) / 3) ** 1.5, math.sqrt(2.7 - sigma)
        assert sides[0] == pytest.approx(sides[1], rel=1e-13)


def test_no_noise_is_no_noise():
    plain = advise(0.5, factor=1.0, target=1.0, a=0.5, b=0.4)
    quiet = advise(0.5, factor=1.0, target=1.0, a=0.5, b=0.4, noise=0.0, model="target")
    assert quiet.under_noise is None
    assert str(quiet) == str(plain)


# A prompt


@pytest.fixture
def prompt():
    from lt2f.training.prompts import gaussian_prompt

    return gaussian_prompt(seed=3, index=1, dimension=4, context=6)


@pytest.mark.parametrize("kind", ["scalar", "matrix"])
@pytest.mark.parametrize("ending", ["json", "npz"])
def test_a_prompt_in_a_file_is_reduced(prompt, kind, ending, tmp_path):
    from lt2f.training.prompts import write_prompt

    write_prompt(prompt, tmp_path / f"prompt.{ending}")
    h = np.mean(prompt.labels[:, np.newaxis] * prompt.context, axis=0)
    c = prompt.query @ h if kind == "scalar" else np.linalg.norm(prompt.query) * np.linalg.norm(h)
    eta = 0.4 / abs(c * prompt.target)
    found = advise(eta, prompt=tmp_path / f"prompt.{ending}", reduction=kind, start=(0.3, 0.7))
    plain = advise(eta, factor=float(c), target=prompt.target, start=(0.3, 0.7))
    # The two c differ by rounding, so what depends on them does too.
    assert found.mu == pytest.approx(0.4, rel=1e-13)
    assert found.limits.bounded == pytest.approx(plain.limits.bounded, rel=1e-12)
    assert found.outcome.regime == plain.outcome.regime
    assert f"prompt.{ending} ({kind} model" in str(found)


@pytest.mark.parametrize("kind", ["scalar", "matrix", "full"])
def test_the_transformer_itself_is_bounded_below_the_edge_and_not_above(prompt, kind):
    from lt2f.reduction import realize
    from lt2f.training.transformer import Model, train

    parameters, eta = realize(Model(kind), prompt, 1.1, 0.4, 0.6)
    found = advise(eta, prompt=prompt, reduction=kind, parameters=parameters)
    assert found.mu == pytest.approx(0.6, rel=1e-12)
    edge = found.limits.bounded
    rates = edge * np.array([1 - 1e-3, 1 + 1e-3])
    run = train(Model(kind), prompt, parameters, rates, 4000)
    assert np.isfinite(run.losses[-1, 0])
    assert np.isnan(run.losses[-1, 1])


@pytest.mark.parametrize(
    ("reduction", "parameters", "line"),
    [
        ("full", None, "reduction = full: needs parameters or initial_scale"),
        ("odd", None, "reduction = odd: should be one of scalar, matrix, full"),
        ("full", (np.zeros((5, 5)), np.eye(5) * 0), "parameters: p and q lie in the kernel of G"),
        ("full", (np.ones(3), np.eye(2)), "parameters: "),
        ("scalar", 1.0, "parameters: "),
    ],
)
def test_a_transformer_that_is_no_map_is_refused(prompt, reduction, parameters, line):
    with pytest.raises(AdviceError) as caught:
        advise(0.1, prompt=prompt, reduction=reduction, parameters=parameters)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


# Questions that cannot be answered


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"learning_rate": 0.0, "sharpness": 1.0}, "learning_rate = 0.0: should be a finite"),
        ({"learning_rate": "a", "sharpness": 1.0}, "learning_rate = a: should be a finite"),
        ({"learning_rate": math.inf, "sharpness": 1.0}, "learning_rate = inf: should be"),
        ({"learning_rate": 1e300, "sharpness": 1e300}, "learning_rate = 1e+300: mu = inf"),
        ({"sharpness": -1.0}, "sharpness = -1.0: should be a finite number greater than 0"),
        ({}, "factor: give factor and target, or sharpness, or prompt"),
        ({"factor": 1.0, "sharpness": 1.0}, "factor: give factor and target, or sharpness"),
        ({"factor": 1.0}, "target: missing"),
        ({"factor": "x", "target": 1.0}, "factor = x: should be a finite number other than 0"),
        ({"factor": 1.0, "target": 0.0}, "target = 0.0: should be a finite number other than 0"),
        ({"sharpness": 1.0, "start": (1.0, 1.0)}, "start: needs factor and target"),
        ({"factor": 1.0, "target": 1.0, "start": (1.0,)}, "start = (1.0,): should be two numbers"),
        ({"factor": 1.0, "target": 1.0, "start": (1.0, math.nan)}, "start = nan: should be two"),
        ({"factor": 1.0, "target": 1.0, "start": (0.0, 0.0)}, "start: should not be the origin"),
        ({"sharpness": 1.0, "a": 1.0}, "b: missing"),
        ({"sharpness": 1.0, "a": 1e200, "b": 1.0}, "a: a and b should be below 1e100"),
        ({"sharpness": 1.0, "a": 1.0, "b": 1.0, "product": 1.0}, "a: give one start"),
        ({"sharpness": 1.0, "imbalance": math.inf, "product": 1.0}, "imbalance = inf: should be"),
        ({"sharpness": 1.0, "noise": -0.1}, "noise = -0.1: should be a finite number, 0 or"),
        ({"sharpness": 1.0, "model": "target"}, "noise: missing"),
        ({"sharpness": 1.0, "noise": 0.1, "model": "x"}, "model = x: should be one of"),
        ({"sharpness": 1.0, "law": "cauchy"}, "law = cauchy: should be one of two_point"),
        ({"sharpness": 1.0, "realizations": 0}, "realizations = 0: should be a whole number"),
        ({"sharpness": 1.0, "seed": -1}, "seed = -1: should be a whole number from 0"),
        ({"prompt": __file__}, "prompt: "),
        ({"sharpness": 1.0, "parameters": (1.0, 1.0)}, "parameters: needs a prompt"),
    ],
    ids=str,
)
def test_a_bad_question_is_one_line(asked, line):
    with pytest.raises(AdviceError) as caught:
        lt2f.advise(**{"learning_rate": 1.0, **asked})
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


# The page


@pytest.mark.parametrize(
    "asked",
    [
        {"sharpness": 40.0},
        {"factor": 1.0, "target": 1.0, "start": (0.5, 0.2)},
        {"factor": -3.14159265, "target": 0.123456789, "start": (-0.00123456, 123.456789)},
        {"factor": 1.0, "target": 1.3023, "start": (0.5, 0.2)},
        {"factor": 1.0, "target": 1.4729, "imbalance": 0.3, "product": 0.1},
        {"factor": 1.0, "target": 1.9258, "a": 0.3, "b": 0.1, "noise": 0.6, "model": "target"},
        {"factor": 1.0, "target": 1.2, "a": 0.5, "b": 0.4, "noise": 0.6, "law": "normal"},
        {"factor": 1.0, "target": 0.7, "a": 0.9, "b": 0.9, "noise": 0.9, "model": "target"},
        {"factor": 1.0, "target": 5.0, "a": 0.9, "b": 0.9, "noise": 0.9},
        {"factor": 1e-9, "target": 1e-7, "start": (1e4, -1e4)},
    ],
    ids=str,
)
def test_the_page_fits_a_screen_and_json_is_json(asked):
    found = advise(1.0, **asked, realizations=FEW)
    lines = str(found).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 96
    assert "nan" not in str(found)
    assert "inf " not in str(found)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["mu"] == found.mu


def test_the_page_says_what_was_found():
    found = advise(0.8, factor=1.0, target=1.0, start=(1.5, 0.4), noise=0.4, realizations=FEW)
    page = str(found)
    for words in (
        "mu = 0.8 ",
        "converges to a minimum (proved)",
        "catapult",
        f"below rate {found.limits.bounded:.4g}",
        f"below {found.limits.converges:.4g}",
        "95 % intervals",
        "no momentum",
        "one prompt",
    ):
        assert words in " ".join(page.split())
