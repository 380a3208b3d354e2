from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt2f.dynamics import kernels as k
from lt2f.dynamics import survey, theory
from lt2f.dynamics.averages import BLOCKS
from lt2f.dynamics.lanes import SILENCE, factors, prepare
from lt2f.dynamics.model import QUIET
from lt2f.dynamics.survey import Schedule

ULP = 2.0**-52
LARGEST, SECOND, ACROSS, SHARPNESS, LOSS = range(5)
SHORT = Schedule(transient=700, measure=320)
BRUTE = Schedule(transient=700, measure=320, shortcuts=False)
compiling = settings(deadline=None, max_examples=10)


def lane(u, v, mu):
    return tuple(np.atleast_1d(np.asarray(x, dtype=float)) for x in np.broadcast_arrays(u, v, mu))


# When a lane is certain


def two_cycle_to_the_bit(mu):
    """A start of the stable two-cycle that returns bit for bit: iterated until rounding repeats."""
    state = prepare(*lane(0.9, 0.0, mu))
    k.ITERATE[0](state, 400, 0, SILENCE.sequence)  # |9 - 2 (1 + mu)^2| < 0.1 a round
    return state[k.U, 0], 0.0


def test_what_is_certain():
    cells = {
        "stable minimum": (0.75, 0.25, 0.5),  # S = 1.25
        "unstable minimum": (1.25, 1.0, 0.5625),  # S = 5.125
        "on the way": (1.0, 0.25, 0.5),
        "x -> -x": (1.5, 0.0, 0.25),
        "x -> -x, not balanced": (1.5, 2.0**-40, 0.25),
        # multiplier 9 - 2 (1 + mu)^2 = -0.03, so rounding holds it
        "two-cycle": (*two_cycle_to_the_bit(1.125), 1.125),
        "escaped": (1.0, 0.25, 0.5),
    }
    state = prepare(*np.array(list(cells.values())).T)[:, : len(cells)]
    state[k.ESCAPED, 6] = 1.0

    def certain(max_period, step, model="none"):
        noise = replace(SILENCE, model=model)
        found = survey.certain(state, Schedule(1000, 32, max_period), step, noise)
        return {name for name, is_certain in zip(cells, found, strict=True) if is_certain}

    assert certain(64, 64) == {"stable minimum", "escaped"}
    assert certain(64, survey.FIRST_LOCK) == {"stable minimum", "escaped", "two-cycle"}
    assert certain(1, survey.FIRST_LOCK) == {"stable minimum", "escaped"}
    assert certain(64, survey.FIRST_LOCK, "target") == {"escaped"}


@pytest.mark.parametrize(("distance", "arrived"), [(0.0, True), (4e-13, True), (2e-12, False)])
def test_arrival_at_a_minimum(distance, arrived):
    # e = 2 U distance, and e^2 <= 1e-24 counts
    u = np.sqrt(0.5) + distance
    assert survey.at_minimum(prepare(*lane(u, 0.0, 0.5)))[0] == arrived


@pytest.mark.parametrize(("mu", "attracts"), [(0.999, True), (1.0, False), (1.001, False)])
def test_only_a_stable_minimum_is_arrived_at(mu, attracts):
    # the balanced minimum has S = 2 mu
    assert survey.at_minimum(prepare(*lane(np.sqrt(mu), 0.0, mu)))[0] == attracts


# Runs


def settled(cells, steps, schedule):
    """State, lanes that are left and steps taken by each after at most `steps`."""
    state, count = prepare(*cells), cells[0].size
    taken = np.zeros(count, dtype=np.int64)
    left = survey.settle(state, np.arange(count), taken, steps, schedule, SILENCE)
    return state, left, taken


def test_without_shortcuts_no_lane_ends(crowd):
    _, left, taken = settled(crowd, 600, BRUTE)
    assert left.tolist() == list(range(192))
    assert (taken == 600).all()


def test_lanes_end_when_they_are_certain(crowd):
    state, left, taken = settled(crowd, 1024, SHORT)
    ended = np.delete(np.arange(192), left)
    assert (taken[left] == 1024).all()
    assert (taken[ended] <= 1024).all()
    assert (taken[ended] < 1024).any()
    assert min(left.size, ended.size) > 0
    assert survey.certain(state[:, ended], SHORT, 1024, SILENCE).all()
    assert not survey.certain(state[:, left], SHORT, 1024, SILENCE).any()


def ended(cells, schedule):
    """Which cells end before the tangent vector begins to find its direction."""
    _, left, _ = settled(cells, schedule.settled, schedule)
    return ~np.isin(np.arange(cells[0].size), left)


def test_rates_are_missing_exactly_where_a_run_ended(crowd):
    assert 0 < ended(crowd, SHORT).sum() < 192
    assert not ended(crowd, BRUTE).any()
    for schedule in (SHORT, BRUTE):
        found, early = survey.run(*crowd, schedule), ended(crowd, schedule)
        assert np.isnan(found.rates[:, early]).all()
        assert np.isnan(found.errors[:, early]).all()
        left = ~early & (found.state[k.ESCAPED] == 0.0)
        assert np.isfinite(found.rates[[LARGEST, SHARPNESS, LOSS]][:, left]).all()


def test_no_balanced_lane_loses_its_transverse_rate():
    # mu = 1 + product: the first residual is -1 to rounding, and would end any imbalance
    mu = 1.0 + np.arange(0.55, 1.0, 0.05)
    found = survey.run(*lane(np.sqrt(mu - 1.0), 0.0, mu), BRUTE)
    assert np.isfinite(found.rates[ACROSS]).all()


@compiling
@given(lanes=st.lists(st.integers(0, 191), min_size=1, max_size=150))
@pytest.mark.parametrize("schedule", [SHORT, BRUTE], ids=["shortcuts", "brute"])
def test_a_cell_does_not_depend_on_the_others(schedule, lanes, crowd):
    together = survey.run(*crowd, schedule)
    apart = survey.run(*(x[lanes] for x in crowd), schedule)
    np.testing.assert_array_equal(apart.state, together.state[:, lanes])
    np.testing.assert_array_equal(apart.rates, together.rates[:, lanes])
    np.testing.assert_array_equal(apart.errors, together.errors[:, lanes])


def test_what_is_measured_does_not_depend_on_shortcuts(crowd):
    short, brute = survey.run(*crowd, SHORT), survey.run(*crowd, BRUTE)
    left = ~ended(crowd, SHORT)
    for one, other in ((short.state, brute.state), (short.rates, brute.rates)):
        np.testing.assert_array_equal(one[:, left], other[:, left])


@pytest.mark.parametrize(("transient", "measure"), [(0, BLOCKS), (1, 33), (100, 1000), (257, 40)])
def test_runs_of_any_length(transient, measure, crowd):
    for shortcuts in (True, False):
        schedule = Schedule(transient, measure, 8, shortcuts)
        assert schedule.total == transient + measure
        found = survey.run(*crowd, schedule)
        left = ~ended(crowd, schedule) & (found.state[k.ESCAPED] == 0.0)
        assert np.isfinite(found.rates[[LARGEST, SHARPNESS, LOSS]][:, left]).all()


def test_no_cell_at_all():
    found = survey.run(*lane(np.zeros(0), 0.0, 0.0), SHORT)
    assert found.rates.shape == (5, 0)


# Rates that are known


def measured(cells, steps=320):
    """Means and errors once the tangent vector has found its direction."""
    mean, error = survey.measure(prepare(*cells), Schedule(survey.ALIGN, steps), SILENCE)
    return mean[:, : cells[0].size], error[:, : cells[0].size]


def test_rates_at_rest():
    # e = 0 to the last bit: multipliers 1 and 1 - S at every step
    u, v = np.array([[1.0, 1.0, 1.0, 0.75, 0.25], [1.0, 0.75, 0.5, 0.25, 0.125]])
    s = 2 * (u * u + v * v)
    mean, error = measured((u, v, u * u - v * v))
    rate, zero = np.log(np.abs(1 - s)), np.zeros(5)
    expected = [np.maximum(rate, 0), np.minimum(rate, 0), zero, s, zero]
    # a step rounds the tangent vector and the determinant, of size 5 at most, by a few ulps
    np.testing.assert_allclose(mean, expected, atol=20 * ULP)
    assert (error < 20 * ULP).all()


@pytest.mark.parametrize(("x", "mu"), [(1.5, 0.25), (2.0, 2.0)])
def test_rates_on_the_edge_of_boundedness(x, mu):
    # x -> -x, e = 2: multipliers 1 + mu - 3x^2 = -(5 + 2 mu) along and 1 + e = 3 across
    mean, error = measured(lane(x, 0.0, mu))
    expected = [np.log(5 + 2 * mu), np.log(3), np.log(3), 2 * x * x, 2.0]
    np.testing.assert_allclose(mean[:, 0], expected, rtol=20 * ULP)
    assert (error < 20 * ULP).all()


def test_rates_on_a_two_cycle():
    mu = np.linspace(1.02, 1.22, 40)
    found = survey.run(*lane(0.9, 0.0, mu), Schedule(8000, 640, shortcuts=False)).rates
    rates = np.log(np.abs(theory.two_cycle_multipliers(mu))) / 2
    # 20 steps a block close the cycle: nothing is left but rounding, on multipliers above 1e-2
    np.testing.assert_allclose(found[ACROSS], rates[1], atol=1e-12)
    np.testing.assert_allclose(found[SHARPNESS], 1 + mu, rtol=1e-13)
    np.testing.assert_allclose(found[LOSS], (mu * mu - 1) / 4, rtol=1e-12)
    # a direction is found like exp(-2 gap steps)
    gap = np.abs(rates[0] - rates[1])
    apart = 2 * gap * survey.ALIGN > 36
    assert apart.sum() > 30
    np.testing.assert_allclose(found[LARGEST, apart], rates.max(axis=0)[apart], atol=1e-12)
    np.testing.assert_allclose(found[SECOND, apart], rates.min(axis=0)[apart], atol=1e-11)


def test_rates_are_averages_along_the_orbit():
    # second direction, volume and transverse rate from a loop over the recorded orbit
    u, v, mu = lane(np.linspace(0.4, 1.3, 40), 1e-3, np.linspace(1.4, 1.95, 40))
    steps, state = 640, prepare(u, v, mu)
    mean, _ = survey.measure(state.copy(), Schedule(0, steps), SILENCE)
    sums = np.zeros((4, 40))
    for _ in range(steps):
        x, y = (factor[:40] for factor in factors(state))
        e, s = (x + y) * (x - y) - mu, 2 * (x * x + y * y)
        sums += [np.log(np.abs(1 - s - e * (3 * e + 2 * mu))), np.log(np.abs(1 + e)), s, e * e / 2]
        k.ITERATE[QUIET](state, 1, 0, np.zeros(1))
    volume, across, sharpness, loss = sums / steps
    # near a zero of its argument a logarithm loses digits: 1e-12 here would be a distance of 1e-7
    np.testing.assert_allclose(mean[LARGEST, :40] + mean[SECOND, :40], volume, atol=1e-12)
    np.testing.assert_allclose(mean[ACROSS, :40], across, atol=1e-12)
    np.testing.assert_allclose(mean[SHARPNESS, :40], sharpness, rtol=steps * ULP)
    np.testing.assert_allclose(mean[LOSS, :40], loss, rtol=steps * ULP)


def test_largest_rate_is_the_growth_of_a_tangent_vector():
    u, v, mu = lane(np.linspace(0.4, 1.3, 40), 1e-3, np.linspace(1.4, 1.95, 40))
    steps, state = 640, prepare(u, v, mu)
    mean, error = survey.measure(state.copy(), Schedule(0, steps), SILENCE)
    x, y, growth = np.ones(40), np.full(40, 0.75), np.zeros(40)
    growth -= np.log(np.hypot(x, y))
    for _ in range(steps):
        U, V = (factor[:40] for factor in factors(state))
        e = (U + V) * (U - V) - mu
        x, y = (1 - e - 2 * U * U) * x + 2 * U * V * y, 2 * U * V * x + (1 + e - 2 * V * V) * y
        size = np.hypot(x, y)
        x, y, growth = x / size, y / size, growth + np.log(size)
        k.ITERATE[QUIET](state, 1, 0, np.zeros(1))
    np.testing.assert_allclose(mean[LARGEST, :40], growth / steps, atol=1e-12)
    assert (error[LARGEST, :40] > 0).all()
