from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt2f.dynamics import kernels as k
from lt2f.dynamics import survey, theory
from lt2f.dynamics.averages import BLOCKS
from lt2f.dynamics.lanes import SILENCE, Noise, factors, prepare
from lt2f.dynamics.model import QUIET
from lt2f.dynamics.survey import Schedule

ULP = 2.0**-52
LARGEST, SECOND, ACROSS, SHARPNESS, LOSS, A, B = range(7)
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


# Under multiplicative noise


def gone(e, u, v, amplitude):
    """Whether a residual e, carried along at a minimum (u, v), is too small to come back."""
    cells = lane(u, v, np.asarray(u) ** 2 - np.asarray(v) ** 2)
    state = prepare(*cells, replace(SILENCE, amplitude=np.broadcast_to(amplitude, cells[0].shape)))
    state[k.E] = e
    return survey.has_gone(state)[: cells[0].size].tolist()


def test_a_residual_has_gone_below_its_bound():
    # the minimum has S = 1.25, stable in mean square for s^2 < 0.6
    sizes = [0.0, 2.0**-1000, 2.0**-101, 2.0**-100, 2.0**-99, 1e-24, 1e-12]
    expected = [True, True, True, False, False, False, False]
    for sign in (1.0, -1.0):
        assert [gone(sign * e, 0.75, 0.25, 0.5)[0] for e in sizes] == expected


@pytest.mark.parametrize(("u", "v"), [(0.75, 0.25), (0.5, 0.0), (0.75, 0.5)])  # S = 5/4, 1/2, 13/8
def test_it_has_gone_only_where_the_minimum_is_stable_in_mean_square(u, v):
    # E (1 - hS)^2 = (1 - S)^2 + s^2 S^2 for each law
    s = 2 * (u * u + v * v)
    edge = np.sqrt((1 - (1 - s) ** 2) / s**2)
    assert gone(2.0**-200, u, v, edge * (1 - 1e-12)) == [True]
    assert gone(2.0**-200, u, v, edge * (1 + 1e-12)) == [False]


def test_a_lifted_residual_has_gone():
    state = prepare(*lane(0.8, 0.25, 0.5), replace(SILENCE, amplitude=np.full(1, 0.5)))
    state[k.E], state[k.E_LIFT] = 0.5, 400.0  # 2^-401
    assert survey.has_gone(state)[0]
    state[k.E_LIFT] = 0.0
    assert not survey.has_gone(state)[0]


def test_what_escapes_has_not_gone():
    state = prepare(*lane([1e200, np.inf, np.nan], 0.0, 1.0))
    assert not survey.has_gone(state)[:3].any()


@pytest.mark.parametrize("model", ["none", "multiplicative", "target"])
def test_only_multiplicative_noise_lets_a_residual_go(model):
    noise = Noise(model, "two_point", np.zeros(1), np.full(1, 0.5))
    state = prepare(*lane(0.75, 0.25, 0.5), noise)[:, :1]
    state[k.E] = 2.0**-200
    ends = survey.certain(state, SHORT, 64, noise)[0]
    assert ends == (model != "target")  # without noise it is an arrival at a stable minimum


def test_who_has_gone_does_not_come_back():
    # Doob: e^2 is a supermartingale, and comes from 2^-200 to 1e-24 with a chance below 1e-36
    rng = np.random.default_rng(50)
    for s, draws in (
        (0.3, rng.choice([-1.0, 1.0], (4000, 400))),
        (0.6, rng.normal(size=(4000, 400))),
    ):
        sharpness = 0.999 * 2 / (1 + s * s)
        path = np.cumsum(np.log(np.abs(1 - (1 + s * draws) * sharpness)), axis=0)
        assert path.max() > 1.0  # some come nearer to coming back
        assert path.max() < np.log(1e-12 / 2.0**-100)


# Schedules


@pytest.mark.parametrize(
    ("transient", "settled"), [(0, 0), (1, 0), (256, 0), (257, 1), (3000, 2744)]
)
def test_settled_leaves_room_to_align(transient, settled):
    schedule = Schedule(transient, 320)
    assert schedule.settled == settled
    assert schedule.total == transient + 320
    assert transient - settled == min(transient, survey.ALIGN)


def test_a_schedule_infers_only_if_asked():
    schedule = Schedule(1, 2)
    assert (schedule.shortcuts, schedule.infer, schedule.follow) == (True, False, True)


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


def test_steps_are_those_taken(crowd):
    short, brute = survey.run(*crowd, SHORT), survey.run(*crowd, BRUTE)
    np.testing.assert_array_equal(brute.steps, BRUTE.total)
    early = ended(crowd, SHORT)
    np.testing.assert_array_equal(short.steps[~early], SHORT.total)
    # lanes are looked at after 64, 128, 256 ... steps and when the tangent vector starts
    assert set(short.steps[early]) <= {64, 128, 256, SHORT.settled}
    assert (short.steps[early] == 64).any()
    # and ended at the first look that was certain
    for steps in np.unique(short.steps[early]):
        at = early & (short.steps == steps)
        state = prepare(*(x[at] for x in crowd))
        if steps > 64:
            k.SETTLE[QUIET](state, steps // 2, 0, SILENCE.sequence)
            looked = state[:, : at.sum()]
            if steps < SHORT.settled:
                assert not survey.certain(looked, SHORT, steps // 2, SILENCE).any()
        k.SETTLE[QUIET](state, steps - (steps // 2) * (steps > 64), 0, SILENCE.sequence)
        assert survey.certain(state[:, : at.sum()], SHORT, steps, SILENCE).all()


PATH_ROWS = [k.U, k.V, k.U_LIFT, k.V_LIFT, k.PEAK, k.RISE, k.ESCAPED]


@pytest.mark.parametrize("follow", [True, False])
def test_what_is_inferred_is_not_measured(follow, crowd):
    schedule = replace(SHORT, follow=follow)
    inferred = np.random.default_rng(51).random(192) < 0.5
    every, found = survey.run(*crowd, schedule), survey.run(*crowd, schedule, inferred=inferred)
    # the other lanes do not notice
    np.testing.assert_array_equal(found.state[:, ~inferred], every.state[:, ~inferred])
    np.testing.assert_array_equal(found.rates[:, ~inferred], every.rates[:, ~inferred])
    np.testing.assert_array_equal(found.steps[~inferred], every.steps[~inferred])
    assert np.isnan(found.rates[:, inferred]).all()
    assert np.isnan(found.errors[:, inferred]).all()
    if follow:
        assert (found.steps[inferred] > 0).all()
        # a lane that is never certain has the path of a whole run
        whole = inferred & (found.steps == schedule.total) & (every.steps == schedule.total)
        assert whole.any()
        np.testing.assert_array_equal(
            found.state[np.ix_(PATH_ROWS, whole)], every.state[np.ix_(PATH_ROWS, whole)]
        )
    else:
        assert (found.steps[inferred] == 0).all()
        untouched = prepare(*crowd)[:, :192]
        np.testing.assert_array_equal(found.state[:, inferred], untouched[:, inferred])


def test_nothing_known_is_nothing_inferred(crowd):
    plain = survey.run(*crowd, SHORT)
    for changes in ({"infer": True}, {"follow": False}):
        found = survey.run(*crowd, replace(SHORT, **changes), inferred=np.zeros(192, dtype=bool))
        np.testing.assert_array_equal(found.state, plain.state)
        np.testing.assert_array_equal(found.rates, plain.rates)
        np.testing.assert_array_equal(found.steps, plain.steps)


@pytest.mark.parametrize("group", [64, 128])
def test_lanes_that_are_measured_in_groups_have_the_same_bits(group, crowd, monkeypatch):
    together = survey.run(*crowd, BRUTE)
    monkeypatch.setattr(survey, "GROUP", group)
    apart = survey.run(*crowd, BRUTE)
    np.testing.assert_array_equal(apart.rates, together.rates)
    np.testing.assert_array_equal(apart.errors, together.errors)
    np.testing.assert_array_equal(apart.state, together.state)


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
    assert found.rates.shape == (7, 0)


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
    expected = [np.maximum(rate, 0), np.minimum(rate, 0), zero, s, zero, u + v, u - v]
    # a step rounds the tangent vector and the determinant, of size 5 at most, by a few ulps
    np.testing.assert_allclose(mean, expected, atol=20 * ULP)
    assert (error < 20 * ULP).all()


@pytest.mark.parametrize(("x", "mu"), [(1.5, 0.25), (2.0, 2.0)])
def test_rates_on_the_edge_of_boundedness(x, mu):
    # x -> -x, e = 2: multipliers 1 + mu - 3x^2 = -(5 + 2 mu) along and 1 + e = 3 across
    mean, error = measured(lane(x, 0.0, mu))
    expected = [np.log(5 + 2 * mu), np.log(3), np.log(3), 2 * x * x, 2.0, 0.0, 0.0]
    np.testing.assert_allclose(mean[:, 0], expected, rtol=20 * ULP, atol=ULP)
    assert (error < 20 * ULP).all()


def test_rates_on_a_two_cycle():
    mu = np.linspace(1.02, 1.22, 40)
    found = survey.run(*lane(0.9, 0.0, mu), Schedule(8000, 640, shortcuts=False)).rates
    rates = np.log(np.abs(theory.two_cycle_multipliers(mu))) / 2
    # 20 steps a block close the cycle: nothing is left but rounding, on multipliers above 1e-2
    np.testing.assert_allclose(found[ACROSS], rates[1], atol=1e-12)
    np.testing.assert_allclose(found[SHARPNESS], 1 + mu, rtol=1e-13)
    np.testing.assert_allclose(found[LOSS], (mu * mu - 1) / 4, rtol=1e-12)
    np.testing.assert_allclose(found[[A, B]], [np.sqrt(3 + mu) / 2] * 2, rtol=1e-13)
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
    sums = np.zeros((6, 40))
    for _ in range(steps):
        x, y = (factor[:40] for factor in factors(state))
        e, s = (x + y) * (x - y) - mu, 2 * (x * x + y * y)
        sums += [
            np.log(np.abs(1 - s - e * (3 * e + 2 * mu))),
            np.log(np.abs(1 + e)),
            s,
            e * e / 2,
            x + y,
            x - y,
        ]
        k.ITERATE[QUIET](state, 1, 0, np.zeros(1))
    volume, across, sharpness, loss, a, b = sums / steps
    # near a zero of its argument a logarithm loses digits: 1e-12 here would be a distance of 1e-7
    np.testing.assert_allclose(mean[LARGEST, :40] + mean[SECOND, :40], volume, atol=1e-12)
    np.testing.assert_allclose(mean[ACROSS, :40], across, atol=1e-12)
    np.testing.assert_allclose(mean[SHARPNESS, :40], sharpness, rtol=steps * ULP)
    np.testing.assert_allclose(mean[LOSS, :40], loss, rtol=steps * ULP)
    # weights are below 2, and sums of any sign cancel
    np.testing.assert_allclose(mean[[A, B], :40], [a, b], atol=2 * steps * ULP)


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
