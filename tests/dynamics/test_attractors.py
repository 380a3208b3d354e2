"""What mu alone says: against theory, against plain loops, and against a run of every cell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from lt2f.dynamics import attractors, cycles, kernels, theory
from lt2f.dynamics.attractors import FORGOTTEN, MEASURED, SPARE, WITNESSES
from lt2f.dynamics.codes import DecidedBy, Fate, Regime
from lt2f.dynamics.labels import observed
from lt2f.dynamics.lanes import SILENCE, Noise, prepare
from lt2f.dynamics.rates import END
from lt2f.dynamics.survey import A, B, Schedule

DOUBLING, MERGING = np.sqrt(5) - 1, 3 * np.sqrt(3) / 2 - 1
LABELS = ("regime", "period", "residual_period", "steps")
PATHS = {
    "imbalance_final",
    "loss_peak_ratio",
    "weights_mean",
}  # what only a run of the cell itself knows
LONG = Schedule(transient=20000, measure=8000, infer=True, follow=False)
MIDDLE = Schedule(transient=3000, measure=3200, infer=True, follow=False)
SHORT = Schedule(transient=700, measure=320, infer=True, follow=False)


def explored(cells, schedule, **changes):
    return observed(*cells, replace(schedule, **changes))


def brute_force(cells, schedule):
    return explored(cells, schedule, shortcuts=False)[0]


def within(mu, rng, low=0.0, high=0.98):
    """A start (U, V) for each mu at a relative radius from the ellipse, 1 on it."""
    u, v = theory.ellipse_point(rng.integers(0, 2**64, mu.size, dtype=np.uint64), mu)
    radius = np.sqrt(rng.uniform(low * low, high * high, mu.size))
    return radius * u, radius * v, mu


def is_inferred(found):
    return found["decided_by"] == DecidedBy.INFERRED


# The residual map of the balanced line, e' = e^3 + (mu - 2) e^2 + (1 - 2 mu) e, by itself


def residual_step(e, mu):
    return ((e + mu - 2) * e + 1 - 2 * mu) * e


def critical_return(mu, steps):
    """How far the critical residual (1 - 2 mu)/3 is from itself after `steps`."""
    first = e = (1 - 2 * mu) / 3
    for _ in range(steps):
        e = residual_step(e, mu)
    return e - first


def superstable(period, low=1.25, high=1.99, points=4001):
    """Parameters at which the critical point has this least period."""
    mu = np.linspace(low, high, points)
    away = critical_return(mu, period)
    places = np.flatnonzero(away[1:] * away[:-1] < 0)
    roots = [brentq(critical_return, mu[i], mu[i + 1], (period,), xtol=1e-15) for i in places]
    divisors = [p for p in range(1, period) if period % p == 0]
    least = [all(abs(critical_return(m, p)) > 1e-6 for p in divisors) for m in roots]
    return np.array(roots)[least]


def multiplier(mu, period):
    """Multiplier of the cycle of this period in e that attracts the critical orbit."""
    e = (1 - 2 * mu) / 3
    for _ in range(400 * period):  # 0.9^400 < 1e-18
        e = residual_step(e, mu)
    product = 1.0
    for _ in range(period):
        product *= 3 * e * e + 2 * (mu - 2) * e + 1 - 2 * mu
        e = residual_step(e, mu)
    return product


@pytest.fixture
def looks(monkeypatch):
    """Every look for cycles at the witnesses, as periods in e of shape (step sizes, WITNESSES)."""
    seen, find = [], attractors.find_cycles

    def spied(*arguments):
        report = find(*arguments)
        seen.append(report[cycles.RESIDUAL_PERIOD].reshape(-1, WITNESSES))
        return report

    monkeypatch.setattr(attractors, "find_cycles", spied)
    return seen


@pytest.mark.parametrize("period", range(3, 8))
def test_the_critical_orbit_locks_at_once(period, looks):
    mu = superstable(period)
    assert mu.size >= 2
    # 16 x 3 periods of transient are 3 periods for a witness
    found = attractors.attractors(mu, replace(LONG, transient=48 * period))
    np.testing.assert_array_equal(looks[0][:, 0], period)
    # the rule: a cycle is shared if all witnesses are on it by then, and nothing else is known
    agree = (looks[0] == period).all(axis=1)
    np.testing.assert_array_equal(found.regime == Regime.PERIODIC, agree)
    assert (found.regime[~agree] == Regime.UNDECIDED).all()
    assert not agree.all()  # in so few steps


@pytest.mark.parametrize("period", range(3, 8))
def test_superstable_cycles(period):
    mu = superstable(period)
    found = attractors.attractors(mu, replace(LONG, transient=10**6))
    known = found.regime == Regime.PERIODIC
    # 62500 steps are not enough for all starts only where the window is very narrow
    assert known.sum() >= 2
    assert (found.regime[~known] == Regime.UNDECIDED).all()
    cycle = found.cycle[:, known]
    np.testing.assert_array_equal(cycle[cycles.RESIDUAL_PERIOD], period)
    # (a, b) returns with e, or with both signs flipped and then after as many steps again
    np.testing.assert_array_equal(np.isin(cycle[cycles.PERIOD] / period, [1, 2]), True)
    np.testing.assert_array_equal(cycle[cycles.SECOND], -np.inf)
    across = np.zeros(known.sum())
    e = (1 - 2 * mu[known]) / 3
    for _ in range(period):
        across += np.log(np.abs(1 + e)) / period
        e = residual_step(e, mu[known])
    # mu is known to 1e-15, and the product of slopes to the next return is below 4^7
    np.testing.assert_allclose(cycle[cycles.TRANSVERSE], across, atol=1e-9)


@pytest.mark.parametrize("period", [9, 11, 13, 17])
def test_windows_that_only_the_critical_orbit_finds_are_left_to_each_cell(period):
    # a window near mu = 1.7 is some exp(-2 * 0.7 * period) wide, and other starts find it as seldom
    mu = superstable(period, 1.45, 1.95)[:200]
    assert mu.size > 50
    found = attractors.attractors(mu, MIDDLE)
    assert (found.regime == Regime.UNDECIDED).mean() > 0.95
    assert (found.regime != Regime.CHAOTIC).all()  # although seven witnesses look so
    cells = within(np.repeat(mu, 3), np.random.default_rng(30), 0.1)
    short, brute = explored(cells, MIDDLE)[0], brute_force(cells, MIDDLE)
    assert is_inferred(short).mean() < 0.05
    decided = brute["regime"] != Regime.UNDECIDED
    assert (brute["regime"] == Regime.CHAOTIC).any()
    for name in LABELS:
        np.testing.assert_array_equal(short[name][decided], brute[name][decided])


def test_the_window_of_period_three():
    # from its superstable parameter on until the multiplier is no longer small
    (mu,) = superstable(3, 1.45, 1.5) + np.linspace(0.0, 5e-3, 400)[np.newaxis]
    along = multiplier(mu, 3)
    mu, along = mu[np.abs(along) < 0.9], along[np.abs(along) < 0.9]
    assert mu.size > 100
    found, _ = explored(within(np.repeat(mu, 5), np.random.default_rng(31), 0.1), LONG)
    assert is_inferred(found).all()
    assert (found["residual_period"] == 3).all()
    # one exponent is that along; away from the superstable end its loop above is good to rounding
    clear = np.abs(along) > 1e-3
    gap = found["lyapunov"].reshape(-1, 5, 2)[clear] - np.log(np.abs(along[clear, None, None])) / 3
    assert (np.abs(gap).min(axis=-1) < 1e-9).all()


# Two-cycles, in closed form


@pytest.mark.parametrize("schedule", [LONG, MIDDLE], ids=["long", "middle"])
def test_two_cycles(schedule):
    # the imbalance dies at log(3 - 2 mu)/2, e^-42 in a quarter of the transient
    low = 1.02 if schedule is LONG else 1.1
    mu = np.repeat(np.linspace(low, DOUBLING - 0.01, 60), 4)
    found, steps = explored(within(mu, np.random.default_rng(32), 0.1), schedule)
    assert is_inferred(found).all()
    assert (found["regime"] == Regime.PERIODIC).all()
    assert (found["period"] == 2).all()
    assert (found["residual_period"] == 2).all()
    rates = np.log(np.abs(theory.two_cycle_multipliers(mu))) / 2
    assert (found["lyapunov"][:, 0] >= found["lyapunov"][:, 1]).all()
    # Newton's last correction is 1e-12, and |log|' at the smallest multiplier here below 1e3
    np.testing.assert_allclose(found["lyapunov"], np.sort(rates, axis=0)[::-1].T, atol=1e-9)
    across = theory.two_cycle_transverse_exponent(mu)
    np.testing.assert_allclose(found["transverse_lyapunov"], across, atol=1e-11)
    np.testing.assert_allclose(found["loss_mean"], theory.two_cycle_loss(mu), rtol=1e-11)
    np.testing.assert_allclose(found["sharpness"], 1 + mu, rtol=1e-11)
    # eight witnesses for a sixteenth of the transient, shared by the four cells of a mu
    np.testing.assert_array_equal(steps, WITNESSES * (schedule.transient // 16) / 4)


# Chaos


@pytest.fixture(scope="module")
def long_averages():
    """Exponent along, across, mean S and loss from long plain loops, at chaotic step sizes."""
    mu = np.array([1.35, 1.42, 1.5, 1.55, 1.58, 1.65, 1.72, 1.78, 1.85, 1.9, 1.95, 1.98])
    x = np.random.default_rng(33).uniform(0.2, 1.2, (mu.size, 128))
    k, sums, steps = 1 + mu[:, np.newaxis], np.zeros((4, mu.size, 128)), 20000
    for step in range(1000 + steps):
        square = x * x
        if step >= 1000:
            e = square - k + 1
            sums += [np.log(np.abs(k - 3 * square)), np.log(np.abs(1 + e)), 2 * square, e * e / 2]
        x = (k - square) * x
    means = sums / steps
    return mu, means.mean(axis=-1), means.std(axis=-1, ddof=1) / np.sqrt(128)


def test_pooled_averages_agree_with_long_plain_runs(long_averages):
    mu, mean, error = long_averages
    assert (mean[0] > 50 * error[0]).all()
    found = attractors.attractors(mu, replace(LONG, transient=4000, measure=32000))
    assert (found.regime == Regime.CHAOTIC).all()
    rows = [0, 2, 3, 4]
    z = (found.rates[rows] - mean) / np.hypot(found.errors[rows], error)
    # 48 values, correlated by fours: beyond 4 once in 300 such tests, and an error bar that is
    # wrong by a factor of two would show in the root mean square
    assert np.abs(z).max() < 4
    assert 0.5 < np.sqrt((z * z).mean()) < 1.5


def test_volume_contracts_by_the_sum_of_the_exponents(long_averages):
    # on the balanced line the Jacobian is diagonal: the second exponent is the transverse one
    found = attractors.attractors(long_averages[0], MIDDLE)
    np.testing.assert_allclose(found.rates[1], found.rates[2], atol=1e-12)


def test_error_bars_are_those_of_as_many_runs():
    mu = np.random.default_rng(34).uniform(1.65, 1.95, 60)
    found, _ = explored(within(np.repeat(mu, 4), np.random.default_rng(35), 0.2), LONG)
    brute = brute_force(within(np.repeat(mu, 4), np.random.default_rng(35), 0.2), LONG)
    chaotic = is_inferred(found) & (found["regime"] == Regime.CHAOTIC)
    assert chaotic.sum() > 150
    for name in ("transverse_lyapunov_error", "sharpness_error", "loss_mean_error"):
        ratio = (brute[name] / found[name])[chaotic]
        # each error bar has 31 degrees of freedom, hence is off by an eighth
        assert 0.9 < np.sqrt((ratio**2).mean()) / np.sqrt(MEASURED) < 1.15


def test_different_starts_of_one_mu_have_the_same_numbers():
    mu = np.array([1.15, 1.27, 1.5, 1.7, 1.9])
    cells = within(np.repeat(mu, 40), np.random.default_rng(36), 0.1)
    found, _ = explored(cells, LONG)
    assert is_inferred(found).all()
    for name in found.keys() - PATHS:
        rows = found[name].reshape(5, 40, -1)
        np.testing.assert_array_equal(rows, np.broadcast_to(rows[:, :1], rows.shape))


# The rule of agreement


@pytest.fixture
def invent(monkeypatch):
    """Let the witnesses report these periods early and late, and measure these significances.

    Their mean weights are `side` standard errors from zero.
    """

    def install(early, late=0.0, significance=100.0, mu=1.7, side=0.0):
        reports = iter([early, late])

        def find(state, candidates, max_period):
            report = np.zeros((cycles.ROWS, candidates.size))
            report[cycles.PERIOD] = np.broadcast_to(next(reports), candidates.size)
            return report

        def measure(lanes, schedule, noise):
            rates = np.ones((END, lanes.shape[1]))
            errors = np.ones_like(rates)
            rates[:, :MEASURED] = np.sign(significance)
            errors[:, :MEASURED] = 1 / np.abs(np.broadcast_to(significance, MEASURED))
            rates[[A, B]] = side * errors[[A, B]]
            return rates, errors

        monkeypatch.setattr(attractors, "find_cycles", find)
        monkeypatch.setattr(attractors, "measure", measure)
        return Regime(int(attractors.attractors(np.array([mu]), MIDDLE).regime[0]))

    return install


def but(values, place, value, size=WITNESSES):
    changed = np.full(size, float(values))
    changed[place] = value
    return changed


@pytest.mark.parametrize("place", range(WITNESSES))
def test_one_witness_that_disagrees_is_a_doubt(place, invent):
    assert invent(but(6, place, 6)) == Regime.PERIODIC
    for other in (0, cycles.UNSTABLE, 3, 12):
        assert invent(but(6, place, other)) == Regime.UNDECIDED
    assert invent(but(0, place, 6)) == Regime.UNDECIDED
    assert invent(but(0, place, cycles.UNSTABLE)) == Regime.UNDECIDED
    assert invent(np.full(WITNESSES, cycles.UNSTABLE)) == Regime.UNDECIDED
    assert invent(but(0, place, 0)) == Regime.CHAOTIC


@pytest.mark.parametrize("place", range(MEASURED))
def test_chaos_of_every_measured_witness_is_twelve_standard_errors_above_zero(place, invent):
    assert invent(0.0, significance=but(100, place, 12.1, MEASURED)) == Regime.CHAOTIC
    assert invent(0.0, significance=but(100, place, 11.9, MEASURED)) == Regime.UNDECIDED
    assert invent(0.0, significance=but(100, place, -100, MEASURED)) == Regime.UNDECIDED
    assert invent(0.0, late=but(0, place, 6, MEASURED)) == Regime.UNDECIDED
    assert invent(0.0, late=but(0, place, cycles.UNSTABLE, MEASURED)) == Regime.UNDECIDED


def test_chaos_that_may_have_a_mirror_image_is_left_to_each_cell(invent):
    # up to the merging at 3 sqrt 3/2 - 1 each start stays on its side, and U tells which
    for mu, side, regime in (
        (MERGING + 1e-9, 3.9, Regime.CHAOTIC),
        (MERGING + 1e-9, -3.9, Regime.CHAOTIC),
        (MERGING + 1e-9, 4.1, Regime.UNDECIDED),
        (MERGING + 1e-9, -4.1, Regime.UNDECIDED),
        (MERGING - 1e-9, 100.0, Regime.CHAOTIC),
    ):
        assert invent(0.0, mu=mu, side=side) == regime


# Mirror images: the sign of the mean weights is that of a cell's own path


def weights_both_ways(mu, seed, schedule=MIDDLE):
    """Mean weights of six starts for each mu by inference and by brute force, and the outcomes."""
    cells = within(np.repeat(mu, 6), np.random.default_rng(seed), 0.1)
    found = explored(cells, schedule, follow=True)[0], brute_force(cells, schedule)
    return *(each["weights_mean"] for each in found), *found


def test_each_cell_knows_its_side_where_the_attractors_are_apart():
    mu = np.concatenate([np.linspace(1.1, 1.23, 15), np.linspace(1.31, MERGING - 1e-3, 40)])
    short, brute, found, _ = weights_both_ways(mu, 48)
    known = is_inferred(found)
    assert known.mean() > 0.8
    # the mean weight is 0.6 at least, whereas an error is 0.02 at most
    np.testing.assert_array_equal(np.sign(short), np.sign(brute))
    assert (np.abs(short) > 0.5).all()
    assert min((short[known] > 0).mean(), (short[known] < 0).mean()) > 0.2
    cycle = found["regime"] == Regime.PERIODIC
    np.testing.assert_allclose(short[cycle], brute[cycle], atol=1e-11)


def test_each_cell_knows_its_side_in_windows_of_mirrored_pairs():
    # between the pitchfork of the antisymmetric cycle x, y, -x, -y and the next doubling; before it
    # the cycle is its own mirror image
    split = np.sqrt(13 + 3 * np.sqrt(41)) / 2 - 1
    for mu, alike in ((np.linspace(split + 2e-4, split + 1e-3, 8), False), (split - 1e-3, True)):
        short, brute, found, other = weights_both_ways(np.atleast_1d(mu), 49)
        assert is_inferred(found).all()
        assert (found["period"] == 4).all()
        error = found["weights_mean_error"] + other["weights_mean_error"]
        assert (np.abs(short - brute) <= error).all()
        if alike:
            assert (np.abs(short) <= found["weights_mean_error"]).all()
        else:
            assert (np.abs(short) > 1e-3).all()
            assert {*np.sign(short).ravel()} == {-1.0, 1.0}


def test_merged_attractors_have_mean_weights_zero():
    mu = np.random.default_rng(50).uniform(MERGING + 0.02, 1.97, 60)
    _, _, found, other = weights_both_ways(mu, 51)
    for each in (found, other):
        # but for windows of mirrored pairs, which are narrow
        z = (each["weights_mean"] / each["weights_mean_error"])[each["regime"] == Regime.CHAOTIC]
        assert (np.abs(z) < 4).mean() > 0.98
        assert 0.7 < np.sqrt((z[np.abs(z) < 4] ** 2).mean()) < 1.3


def test_a_path_that_has_not_found_the_cycle_does_not_know_its_side():
    mu = superstable(3, 1.45, 1.99)
    mu = mu[mu > MERGING][:1]
    cells = within(mu, np.random.default_rng(52), 0.2, 0.8)
    found = attractors.shared(*cells, theory.fate(mu, *cells[:2]), replace(LONG, transient=10**6))
    assert found.known.all()
    state, own = prepare(*cells)[:, :1], np.zeros((cycles.ROWS, 1))
    assert np.isnan(found._side(state, own)).all()
    for sign in (1.0, -1.0):
        own[[cycles.PERIOD, cycles.MEAN_A], 0] = found.of.cycle[cycles.PERIOD, 0], 0.1 * sign
        assert found._side(state, own) == sign


# What is not inferred


def starts_near_everything(rng, each):
    """Starts (U, V, mu) of 1 < mu < 2: in the plane, and beside all that could hold an orbit."""
    mu = np.concatenate(
        [
            rng.uniform(1, 2, 60),
            1 + 10 ** rng.uniform(-4, -1, 10),
            2 - 10 ** rng.uniform(-4, -1, 10),
        ]
    ).repeat(each)
    on = np.array(theory.ellipse_point(rng.integers(0, 2**64, mu.size, dtype=np.uint64), mu))
    u, v = np.sqrt(rng.uniform(0, 1.05, mu.size)) * on
    kind, off = rng.integers(0, 8, mu.size), 10 ** rng.uniform(-16, -0.5, mu.size)
    sign = rng.choice([-1.0, 1.0], mu.size)
    residual = np.where(sign > 0, *theory.two_cycle(mu))
    places = [
        (u, v),
        (1 - off) * on,  # the ellipse, from inside
        (u, off * v),  # the balanced line
        (np.sqrt(mu + v * v) * (1 + sign * off), v),  # a minimum, all of them unstable
        (off * u, v),  # the line U = 0, which leads to the origin
        (np.sqrt(1 + mu + v * v) * (1 + sign * off), v),  # one step before it
        (np.sqrt(mu + residual) + off, 1e-3 * off),  # the two-cycle, stable or not
        (u, 3.0 * v + sign),  # a large imbalance
    ]
    u, v = (np.choose(kind, [place[axis] for place in places]) for axis in (0, 1))
    return u, v, mu


@pytest.mark.parametrize(
    "schedule", [LONG, MIDDLE, SHORT, Schedule(1500, 64, 8, infer=True, follow=False)], ids=str
)
def test_nothing_inferred_differs_from_brute_force(schedule):
    cells = starts_near_everything(np.random.default_rng(37), 60)
    short, brute = explored(cells, schedule)[0], brute_force(cells, schedule)
    decided = brute["regime"] != Regime.UNDECIDED
    assert decided.mean() > 0.8
    assert is_inferred(short).sum() > 100
    for name in LABELS:
        np.testing.assert_array_equal(short[name][decided], brute[name][decided])


@pytest.mark.parametrize(
    "schedule", [Schedule(t, 64, infer=True) for t in (400, 600, 800)], ids=str
)
def test_a_start_that_needs_long_to_leave_the_origin(schedule):
    # U grows by 1 + mu a step from the least double, 745/log(1 + mu) steps
    mu = np.append(np.linspace(1.17, 1.99, 1500), 1.4633575)
    cells = np.full_like(mu, 5e-324), np.full_like(mu, 0.5), mu
    short, brute = explored(cells, schedule)[0], brute_force(cells, schedule)
    decided = brute["regime"] != Regime.UNDECIDED
    for name in LABELS:
        np.testing.assert_array_equal(short[name][decided], brute[name][decided])


def test_what_is_inferred_has_forgotten_its_imbalance():
    cells = starts_near_everything(np.random.default_rng(38), 60)
    found, _ = explored(cells, LONG)
    cycle = is_inferred(found) & (found["regime"] == Regime.PERIODIC)
    u, v, mu = (x[cycle] for x in cells)
    state = prepare(u, v, mu)
    kernels.ITERATE[0](state, LONG.transient // attractors.SPARE, 0, SILENCE.sequence)
    size = np.abs(state[kernels.V, : mu.size]) * 2.0 ** -np.minimum(
        state[kernels.V_LIFT, : mu.size], 2000.0
    )
    # 2^-60, and what it may have grown at first: 1 + e <= 3 until it meets the attractor
    assert cycle.sum() > 1000
    assert np.quantile(size, 0.99) < 2.0**-53
    assert size.max() < 1e-8


@pytest.mark.parametrize("schedule", [LONG, MIDDLE], ids=["long", "middle"])
def test_where_imbalance_dies_too_slowly_nothing_is_inferred(schedule):
    # a rate of log(3 - 2 mu)/2, and 2^-60 within a quarter of the transient
    slowest = 42 / (schedule.transient / 4)
    mu = 1 + np.geomspace(1e-12, -np.expm1(-2 * slowest) / 2 * 0.999, 200)
    found, _ = explored(within(mu, np.random.default_rng(39)), schedule)
    assert not is_inferred(found).any()
    # far enough from it every ordinary start has the time
    mu = 1 + np.linspace(2 * slowest, 0.2, 200)
    found, _ = explored(within(mu, np.random.default_rng(40), 0.1, 0.9), schedule)
    assert is_inferred(found).mean() > 0.99


@pytest.mark.parametrize("mu", [1.05, 1.1, 1.2])
def test_a_start_that_is_held_up_is_not_inferred(mu):
    # a quarter of the transient is just enough for the imbalance, and 15 steps of its own
    rate = -theory.two_cycle_transverse_exponent(mu)
    along, minimum = np.sqrt(2 + mu), np.sqrt(mu + 0.09)  # ends of the ellipse in U, e = 0
    starts = {
        "free": (0.5 * along, 0.3),
        # e^-18 from what repels by less than 1.5 a step: the ellipse, a minimum, U = 0
        "ellipse": ((1 - 1e-8) * along, 1e-9),
        "minimum": (minimum + 1e-8, 0.3),
        "origin": (1e-8, 0.3),
    }
    u, v = np.array(list(starts.values())).T
    cells, free = (u, v, np.full(4, mu)), [True, False, False, False]
    for spare, expected in ((15, free), (2000, [True] * 4), (-10, [False] * 4)):
        schedule = replace(MIDDLE, transient=int(SPARE * (FORGOTTEN / rate + spare)))
        found, _ = explored(cells, schedule)
        assert dict(zip(starts, is_inferred(found), strict=True)) == dict(
            zip(starts, expected, strict=True)
        )


def test_next_to_a_doubling_nothing_is_inferred():
    # multipliers of 1 - O(1e-6): a witness needs a million steps
    mu = np.repeat(DOUBLING + np.array([-1e-6, 1e-6]), 50)
    found, _ = explored(within(mu, np.random.default_rng(41), 0.1), MIDDLE)
    brute = brute_force(within(mu, np.random.default_rng(41), 0.1), MIDDLE)
    decided = brute["regime"] != Regime.UNDECIDED
    for name in LABELS:
        np.testing.assert_array_equal(found[name][decided], brute[name][decided])
    above = mu > DOUBLING
    assert not is_inferred(found)[above].any()


def test_for_other_step_sizes_nothing_is_inferred():
    rng = np.random.default_rng(42)
    mu = np.append(rng.uniform(0.01, 1.0, 300), [1.0] * 20 + [2.0] * 20 + [2.1] * 20)
    u, v = rng.uniform(0.05, 1.2, mu.size), rng.uniform(-0.3, 0.3, mu.size)
    assert not is_inferred(explored((u, v, mu), LONG)[0]).any()


def test_outside_and_on_the_margin_nothing_is_inferred():
    mu = np.repeat([1.1, 1.5, 1.9], 100)
    inside = within(mu, np.random.default_rng(43), 0.2, 0.9)
    outside = within(mu, np.random.default_rng(43), 1.001, 1.5)
    margin = within(mu, np.random.default_rng(43), 1.0, 1.0)
    assert is_inferred(explored(inside, LONG)[0]).all()
    for cells in (outside, margin):
        assert not is_inferred(explored(cells, LONG)[0]).any()


def test_nothing_is_inferred_unless_it_is_asked_for():
    cells = within(np.repeat([1.1, 1.5, 1.9], 20), np.random.default_rng(44), 0.2, 0.9)
    for changes in ({"infer": False}, {"shortcuts": False}):
        assert not is_inferred(explored(cells, LONG, **changes)[0]).any()
    steps = LONG.total
    for model in ("multiplicative", "target"):
        draws = np.random.default_rng(45).choice([-1.0, 1.0], steps)
        noise = Noise(model, "two_point", draws, np.full(60, 1e-3))
        assert not is_inferred(observed(*cells, LONG, noise)[0]).any()


def test_exceptions_that_a_start_can_meet_are_not_inferred():
    # on e = 0, on U = 0, and one step before the latter: u^2 = 1 + mu to the last bit
    cells = np.array([(1.25, 0.0, 1.5625), (0.0, 0.5, 1.5), (1.5, 0.0, 1.25)]).T
    found, _ = explored(cells, LONG)
    assert not is_inferred(found).any()
    regimes = [Regime.UNDECIDED, Regime.COLLAPSED, Regime.COLLAPSED]
    np.testing.assert_array_equal(found["regime"], regimes)


# A map, next to brute force


def atlas(coarse):
    """Starts of a grid in mu and imbalance, product 0.1, as (U, V, mu)."""
    mu = np.round(np.arange(1, 2200 // coarse) * 0.001 * coarse, 3)
    mu, imbalance = (x.ravel() for x in np.meshgrid(mu, np.arange(0, 4.2, 0.06), indexing="ij"))
    return *theory.start_state(imbalance, np.full(mu.size, 0.1)), mu


@pytest.fixture(scope="module")
def maps():
    cells = atlas(8)
    return cells, explored(cells, LONG), brute_force(cells, LONG)


def test_the_map_is_that_of_brute_force(maps):
    (u, _, mu), (short, _), brute = maps
    assert u.size > 19000
    decided = brute["regime"] != Regime.UNDECIDED
    assert decided.mean() > 0.99
    for name in LABELS:
        np.testing.assert_array_equal(short[name][decided], brute[name][decided])
    # where brute force runs out of steps a theorem may know: algebraic convergence up to mu = 1
    known = ~decided & (short["regime"] != Regime.UNDECIDED)
    assert (short["decided_by"][known] == DecidedBy.THEOREM).all()
    assert (mu[known] <= 1).all()
    assert set(short["decided_by"]) >= {DecidedBy.THEOREM, DecidedBy.CYCLE, DecidedBy.INFERRED}


def test_the_map_has_the_numbers_of_brute_force(maps):
    _, (short, _), brute = maps
    same = is_inferred(short)
    periodic, chaotic = (same & (brute["regime"] == r) for r in (Regime.PERIODIC, Regime.CHAOTIC))
    for name in ("lyapunov", "transverse_lyapunov", "sharpness", "loss_mean"):
        one, other = short[name], brute[name]
        error = np.hypot(short[f"{name}_error"], brute[f"{name}_error"])
        finite = np.isfinite(other[periodic])
        np.testing.assert_array_equal(np.isfinite(one[periodic]), finite)
        gap = np.subtract(one, other, where=np.isfinite(other), out=np.zeros(one.shape))[periodic]
        # Newton's last correction is 1e-12, and |log|' here at most some 1e3: S and e^2 less
        assert (np.abs(gap) <= 1e-9).all()
        z = ((one - other) / error)[chaotic]
        # an error bar of one run has 31 degrees of freedom, and log|1 + mu - 3x^2| is skew
        assert 0.8 < np.sqrt((z * z).mean()) < 1.25
        assert (np.abs(z) > 4).mean() < 0.01
        assert np.abs(z).max() < 8


def test_the_map_is_cheaper(maps):
    (u, v, mu), (short, steps), brute = maps
    inside = (theory.ellipse(mu, u, v) < 0) & (mu < 2)
    quiet = inside & (brute["regime"] != Regime.CHAOTIC) & (short["regime"] != Regime.CHAOTIC)
    assert quiet.sum() > 8000
    for cells, times in ((np.ones_like(inside), 5), (inside, 3), (quiet, 3)):
        assert steps[cells].sum() * times < LONG.total * cells.sum()
    # brute force spares nothing, and says so
    _, every = explored((u[:50], v[:50], mu[:50]), LONG, shortcuts=False)
    np.testing.assert_array_equal(every, LONG.total)


# Independence


@pytest.fixture(scope="module")
def crowded(crowd):
    rng = np.random.default_rng(46)
    more = within(np.repeat(rng.uniform(1.02, 1.95, 40), 6), rng, 0.1)
    return tuple(np.concatenate(pair) for pair in zip(crowd, more, strict=True))


@settings(deadline=None, max_examples=20)
@given(lanes=st.lists(st.integers(0, 431), min_size=1, max_size=200))
@pytest.mark.parametrize("follow", [True, False])
def test_a_cell_does_not_depend_on_the_others(follow, lanes, crowded):
    schedule = replace(MIDDLE, follow=follow)
    together, apart = (
        observed(*cells, schedule)[0] for cells in (crowded, [x[lanes] for x in crowded])
    )
    assert is_inferred(together).sum() > 100
    for name, values in together.items():
        if follow or name not in PATHS:
            np.testing.assert_array_equal(apart[name], values[lanes], err_msg=name)


def test_to_follow_the_paths_changes_nothing_else(crowded):
    (on, paid), (off, spared) = (explored(crowded, MIDDLE, follow=f) for f in (True, False))
    for name in on.keys() - PATHS:
        np.testing.assert_array_equal(on[name], off[name], err_msg=name)
    inferred = is_inferred(on)
    assert (paid[inferred] > spared[inferred]).all()
    np.testing.assert_array_equal(paid[~inferred], spared[~inferred])


def test_paths_that_are_followed_are_those_of_brute_force(crowded):
    on, brute = explored(crowded, MIDDLE, follow=True)[0], brute_force(crowded, MIDDLE)
    inferred = is_inferred(on)
    chaotic = inferred & (on["regime"] == Regime.CHAOTIC)
    periodic = inferred & (on["regime"] == Regime.PERIODIC)
    assert min(chaotic.sum(), periodic.sum()) > 50
    for name in PATHS - {"weights_mean"}:  # no chaotic run ends early
        np.testing.assert_array_equal(on[name][chaotic], brute[name][chaotic])
    # a run ends once V < 2^-60, and |4UV| < 8 |V|; brute force goes on to less
    gap = np.abs(on["imbalance_final"] - brute["imbalance_final"])[periodic]
    assert gap.max() < 2.0**-57
    # the rest of an exact cycle repeats what came before to rounding
    peaks = on["loss_peak_ratio"][periodic], brute["loss_peak_ratio"][periodic]
    np.testing.assert_allclose(*peaks, rtol=1e-13)


def test_shared_cells_know_their_share():
    mu = np.array([1.5, 0.5, 1.5, 1.7, 1.5, 1.7])
    cells = within(mu, np.random.default_rng(47), 0.2, 0.8)
    fate = theory.fate(mu, *cells[:2])
    assert (fate[mu > 1] == Fate.BALANCES).all()
    found = attractors.shared(*cells, fate, MIDDLE)
    np.testing.assert_array_equal(found.known, mu > 1)
    for changes in ({"infer": False}, {"shortcuts": False}):
        assert not attractors.shared(*cells, fate, replace(MIDDLE, **changes)).known.any()
    each = attractors.attractors(np.array([1.5, 1.7]), MIDDLE)
    # all witnesses for a sixteenth of the transient, and where it is chaotic some to the end
    assert each.regime.tolist() == [Regime.CHAOTIC, Regime.PERIODIC]
    prompt = MIDDLE.transient // 16
    paid = WITNESSES * prompt + np.array([MEASURED * (MIDDLE.total - prompt), 0])
    np.testing.assert_array_equal(each.steps, paid)
    np.testing.assert_array_equal(found.of.rates, each.rates[:, [0, 0, 1, 0, 1]])
    share = dict(zip([1.5, 1.7, 0.5], [each.steps[0] / 3, each.steps[1] / 2, 0.0], strict=True))
    np.testing.assert_array_equal(found.steps, [share[m] for m in mu])
