"""Trained transformers, labelled by themselves, against the map's forecast."""

from dataclasses import replace

import numpy as np
import pytest

from lt2f import reduction, trained
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.trained import Lengths, Seen
from lt2f.training.prompts import Prompt, gaussian_prompt
from lt2f.training.transformer import Model, Parameters, train

SMALL = pytest.mark.parametrize("model", [Model.SCALAR, Model.MATRIX])
LENGTHS = Lengths(2000, 1000, 64, 32)
# All regimes: steps of 0.03, with windows and both ends, none at a threshold.
MU = np.append(np.arange(0.02, 2.2, 0.03), [1.4515, 1.83, 1.99])


def cells(model, prompt, mu=MU, a=0.6, b=0.5, **how):
    size = reduction.unit_mu(model, prompt, reduction.start(model, prompt, 1.0, 1.0, 1.0, **how))
    eta = mu / float(size)
    return reduction.start(model, prompt, np.full(mu.size, a), b, eta, **how), eta


@pytest.fixture(scope="module", params=[(Model.SCALAR, 0), (Model.SCALAR, 3), (Model.MATRIX, 1)])
def compared(request):
    model, index = request.param
    prompt = gaussian_prompt(11, index, 6, 20, 0.3)
    return trained.compare(model, prompt, *cells(model, prompt), LENGTHS)[0]


def test_every_label_is_the_maps(compared):
    ours, forecast = compared["regime"], compared["map_regime"]
    assert {*np.unique(ours)} == {1, 2, 3, 4, 6}
    assert np.array_equal(ours, forecast)
    assert np.array_equal(compared["residual_period"], compared["map_residual_period"])


def test_step_sizes_are_the_maps_times_a_unit(compared):
    assert compared["effective_step_size"] == pytest.approx(MU, rel=1e-13)


def test_outputs_are_the_maps_to_rounding_where_training_converges(compared):
    # Some 100 roundings of order 1; two prompts may cancel a digit or two. Below mu = 1 they fade.
    assert compared["residual_error"][MU < 0.99].max() < 1e-13
    chaotic = compared["map_regime"] == Regime.CHAOTIC
    assert compared["residual_error"][chaotic & (MU > 1.6)].max() > 0.1


def test_exponents_are_the_maps(compared):
    ours, forecast = compared["lyapunov"], compared["map_lyapunov"]
    calm = np.isin(compared["regime"], [Regime.MONOTONE, Regime.CATAPULT, Regime.PERIODIC])
    # Tangent vectors of a cycle line up at the rate of the gap between its exponents.
    assert np.abs(ours - forecast)[calm].max() < 1e-6
    wild = compared["regime"] == Regime.CHAOTIC
    error = np.hypot(compared["lyapunov_error"], compared["map_lyapunov_error"])
    assert (np.abs(ours - forecast)[wild] < 5 * error[wild] + 2e-3).all()


def test_settled_outputs_are_the_maps_cycle(compared):
    """And its phase, unless the way there is chaotic."""
    calm = (compared["regime"] == Regime.PERIODIC) & (MU < 1.3)
    off = np.abs(compared["residual"] - compared["map_residual"])[calm]
    assert off.max() < 1e-8  # outputs that return within 1e-9


@SMALL
@pytest.mark.parametrize(
    "doctor",
    [
        lambda prompt, eta: (prompt, 1.03 * eta),
        lambda prompt, eta: (replace(prompt, target=1.03 * prompt.target), eta),
        lambda prompt, eta: (replace(prompt, labels=0.97 * prompt.labels), eta),
    ],
)
def test_a_doctored_model_disagrees(model, doctor):
    """3 % more step size, target or coupling than the forecast knows of."""
    prompt = gaussian_prompt(11, 0, 6, 20, 0.3)
    start, eta = cells(model, prompt)
    other, step = doctor(prompt, eta)
    ours, _ = trained.explore(model, other, start, step, LENGTHS)
    forecast = trained.forecast(model, prompt, start, eta, LENGTHS)
    assert (ours["regime"] != forecast["regime"]).sum() >= 3
    assert (ours["residual_period"] != forecast["residual_period"]).sum() >= 3


def test_the_full_model_leaves_the_map_only_where_that_is_unstable():
    prompt = gaussian_prompt(11, 0, 6, 20, 0.3)
    start, eta = cells(Model.FULL, prompt, np.array([0.4, 0.9, 1.15]))
    found, _ = trained.compare(Model.FULL, prompt, start, eta, Lengths(4000, 1000))
    assert (found["departure"] < 1e-14).all()
    assert found["residual_error"][:2].max() < 1e-13
    assert found["regime"][0] == found["map_regime"][0]
    assert found["map_regime"][2] == Regime.PERIODIC
    assert found["regime"][2] == Regime.CATAPULT  # an eigenspace that starts at rounding takes over


def test_a_gaussian_direction_departs_from_the_map_and_keeps_its_block():
    prompt = gaussian_prompt(11, 0, 6, 20, 0.3)
    z = np.random.default_rng(1).normal(size=7)
    mu = np.array([0.3, 0.7])
    start, eta = cells(Model.FULL, prompt, mu, direction=z)
    a, b, found = reduction.reduce(Model.FULL, prompt, start, eta, nearest=True)
    assert found == pytest.approx(mu, rel=1e-12)
    assert a == pytest.approx([0.6] * 2, rel=1e-12)
    assert b == pytest.approx([0.5] * 2, rel=1e-12)
    assert (trained.compare(Model.FULL, prompt, start, eta, LENGTHS)[0]["departure"] > 0.1).all()


def test_a_direction_in_the_kernel_moves_nothing():
    prompt = Prompt([[1.0, 0.0]], [0.5], [1.0, 1.0], 1.0)
    with pytest.raises(ValueError, match="no parameter moves"):
        reduction.start(Model.FULL, prompt, 0.5, 0.5, 1.0, np.array([0.0, 1.0, 0.0]))


# The ladder, on runs that are made up


def seen(e, s=1.0, growth=(-0.5, -0.5), steps=None):
    """Runs with given outputs, (steps + 1, N); all weights stay as they are."""
    e = np.asarray(e, dtype=float)
    s = np.broadcast_to(np.asarray(s, dtype=float), e.shape)
    measure = len(e) - 1 if steps is None else steps
    rates = np.broadcast_to(np.asarray(growth)[:, np.newaxis], (measure, 2, e.shape[1]))
    kept = min(measure, trained.ITERATES) + 1
    return Seen(e, s, rates, Parameters(*np.ones((2, kept, e.shape[1]))))


def judged(run, mu=1.2, measure=None):
    lengths = Lengths(0, measure or len(run.e) - 1, 16, 4)
    return trained.judge(run, np.full(run.e.shape[1], mu), lengths)


DECAY = 0.9 ** np.arange(601)[:, np.newaxis]


def test_a_fall_is_monotone_and_a_rise_a_catapult():
    up = np.vstack([[0.5], DECAY])
    assert judged(seen(DECAY))["regime"] == Regime.MONOTONE
    assert judged(seen(up))["regime"] == Regime.CATAPULT
    assert judged(seen(up))["loss_peak_ratio"] == 4.0
    assert judged(seen(DECAY))["steps"] == [np.argmax(DECAY**2 <= 1e-24)]
    wiggle = np.vstack([DECAY, [[5e-12]], [[0.0]]])  # as rounding may
    assert judged(seen(wiggle))["regime"] == Regime.MONOTONE


def test_resting_on_a_sharp_minimum_is_no_convergence():
    assert judged(seen(DECAY, s=2.0))["regime"] == Regime.UNDECIDED
    assert judged(seen(DECAY, s=1.999))["regime"] == Regime.MONOTONE


def test_what_escapes_diverges_even_beyond_the_range_of_doubles():
    s = np.where(np.arange(601) < 9, 1.0, np.nan)[:, np.newaxis]
    found = judged(seen(DECAY, s))
    assert found["regime"] == Regime.DIVERGENT
    assert found["steps"] == 9
    assert np.isnan(found["lyapunov"]).all()


@pytest.mark.parametrize("period", [2, 3, 7, 16])
def test_a_cycle_is_known_by_its_return_and_by_its_exponent(period):
    e = 1.0 + (np.arange(601) % period)[:, np.newaxis] + 0.1 * DECAY**3
    found = judged(seen(e))
    assert (found["regime"], found["residual_period"]) == (Regime.PERIODIC, period)
    assert found["decided_by"] == DecidedBy.CYCLE
    assert found["loss_mean"] == pytest.approx(np.mean((1.0 + np.arange(period)) ** 2 / 2))
    assert judged(seen(e, growth=(0.1, -1.0)))["regime"] == Regime.UNDECIDED
    noise = np.random.default_rng(0).normal(scale=1e-8, size=e.shape)
    assert judged(seen(e + noise))["period"] == 0


def test_next_to_a_doubling_the_double_is_no_period_before_it_has_settled():
    """e = 1, 2, 1, 2 ... and a rest of both signs in turn, which falls by r every two steps.

    Over four steps it changes by (1 - r^2) of itself: less than is told from a return.
    """
    turns = np.arange(601) // 2
    for r, settled in ((1.0 - 1e-11, True), (1.0 - 4e-9, False)):
        rest = 0.1 * (-r) ** turns
        assert np.abs(rest[4:] - rest[:-4]).max() < trained.RETURN
        found = judged(seen((1.0 + np.arange(601) % 2 + rest)[:, np.newaxis]))
        assert found["residual_period"] == (4 if settled else 0)
        assert found["regime"] == (Regime.PERIODIC if settled else Regime.UNDECIDED)


def test_a_longer_cycle_than_is_looked_for_is_undecided():
    e = 1.0 + (np.arange(601) % 17)[:, np.newaxis]
    assert judged(seen(e))["regime"] == Regime.UNDECIDED


def test_growth_is_chaos_but_beyond_two_where_nothing_lasts():
    e = np.random.default_rng(0).normal(size=(601, 1))
    run = seen(e, growth=(0.3, -0.2))
    assert judged(run)["regime"] == Regime.CHAOTIC
    assert judged(run)["lyapunov"] == pytest.approx(np.array([[0.3, -0.2]]))
    assert judged(run, mu=2.01)["regime"] == Regime.UNDECIDED
    assert judged(seen(e, growth=(0.01, -0.2)))["regime"] == Regime.UNDECIDED  # a power law has it


@SMALL
def test_parameters_return_after_twice_the_period_where_signs_turn(model):
    """2 sqrt 2 - 1 < mu < 1.8376: the cycle x, y, -x, -y."""
    prompt = gaussian_prompt(2, 0, 4, 12)
    found, _ = trained.explore(
        model, prompt, *cells(model, prompt, np.array([1.2, 1.832])), LENGTHS
    )
    assert found["residual_period"].tolist() == [2, 2]
    assert found["period"].tolist() == [2, 4]


@SMALL
def test_iterates_are_the_last_of_the_run(model):
    prompt = gaussian_prompt(2, 0, 4, 12)
    start, eta = cells(model, prompt, np.array([0.5, 1.2]))
    _, iterates = trained.explore(model, prompt, start, eta, Lengths(30, 40, 8))
    run = train(model, prompt, start, eta, 70)
    for ours, all_of_them in zip(iterates, run.parameters, strict=True):
        assert np.array_equal(ours, all_of_them[-len(ours) :])
