from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt2f.dynamics import kernels, labels, noise_theory, theory
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.dynamics.labels import explore, observed
from lt2f.dynamics.lanes import Noise
from lt2f.dynamics.survey import Schedule, run

ULP = 2.0**-52
SHORT = Schedule(transient=3000, measure=3200)
BRUTE = Schedule(transient=3000, measure=3200, shortcuts=False)
EITHER = pytest.mark.parametrize("schedule", [SHORT, BRUTE], ids=["shortcuts", "brute"])
CONVERGENT = (Regime.MONOTONE, Regime.CATAPULT)
MONOTONE_END = 2 * np.sqrt(2) - 2
LABELS = ("regime", "period", "residual_period", "steps")


def outcome(u, v, mu, schedule=SHORT):
    u, v, mu = (np.array(x, dtype=float).ravel() for x in np.broadcast_arrays(u, v, mu))
    return explore(u, v, mu, schedule)


def ellipse_starts(mu, radius, rng):
    """Points (U, V) at a relative radius from the ellipse, 1 on it, at random angles."""
    phi = rng.integers(0, 2**64, mu.size, dtype=np.uint64)
    return [radius * x for x in theory.ellipse_point(phi, mu)]


def plain_run(u, v, mu, steps):
    """Loss at steps 0 ... `steps` - 1 and S at the end, by the map in a and b."""
    a, b = u + v, u - v
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            e = a * b - mu
            losses.append(e * e / 2)
            a, b = a - e * b, b - e * a
        return np.array(losses), a * a + b * b


@pytest.fixture(scope="module")
def plane():
    """Some thousand cells of every kind, and their outcomes with shortcuts and without."""
    rng = np.random.default_rng(6)
    count = 4000
    mu = rng.uniform(0.02, 2.1, count)
    u, v = rng.uniform(-2.0, 2.0, count), rng.uniform(-1.5, 1.5, count)
    v[:400] = 0.0
    v[400:600] *= 1e-6
    return (u, v, mu), outcome(u, v, mu), outcome(u, v, mu, BRUTE)


# Shortcuts save time and change nothing


def test_shortcuts_change_no_label(plane):
    _, short, brute = plane
    decided = brute["regime"] != Regime.UNDECIDED
    for name in LABELS:
        np.testing.assert_array_equal(short[name][decided], brute[name][decided])
    # where brute force runs out of steps a theorem may still know, and nothing else
    known = ~decided & (short["regime"] != Regime.UNDECIDED)
    assert (short["decided_by"][known] == DecidedBy.THEOREM).all()
    assert (~decided).mean() < 0.01
    assert set(brute["regime"]) >= set(Regime) - {Regime.COLLAPSED, Regime.BOUNDED_NOISE}


cell = st.tuples(
    st.floats(0.0, 2.0),
    st.one_of(st.just(0.0), st.floats(-1.5, 1.5), st.floats(-1e-3, 1e-3)),
    st.floats(0.01, 2.1),
)


@settings(deadline=None)
@given(st.lists(cell, min_size=1, max_size=20))
def test_shortcuts_change_no_label_of_any_cell(cells):
    u, v, mu = np.array(cells).T
    short = outcome(u, v, mu, Schedule(2000, 640))
    brute = outcome(u, v, mu, Schedule(2000, 640, shortcuts=False))
    decided = brute["regime"] != Regime.UNDECIDED
    # within the margin of the ellipse no theorem speaks, and brute force may not be done
    decided &= np.abs(theory.ellipse(mu, u, v)) > 1e-6
    for name in LABELS:
        np.testing.assert_array_equal(short[name][decided], brute[name][decided])


def test_shortcuts_change_no_number_beyond_its_error(plane):
    _, short, brute = plane
    same = (short["regime"] == brute["regime"]) & (short["regime"] != Regime.DIVERGENT)
    for name in ("lyapunov", "transverse_lyapunov", "sharpness"):
        one, other = short[name][same], brute[name][same]
        error = 4 * np.hypot(short[f"{name}_error"], brute[f"{name}_error"])[same]
        differs = one != other  # -inf is what it is
        assert (np.abs(one[differs] - other[differs]) <= error[differs]).all()


@settings(deadline=None, max_examples=10)
@given(lanes=st.lists(st.integers(0, 191), min_size=1, max_size=150))
@EITHER
def test_a_cell_does_not_depend_on_the_others(schedule, lanes, crowd):
    schedule = Schedule(600, 320, 16, schedule.shortcuts)
    together = outcome(*crowd, schedule)
    apart = outcome(*(x[lanes] for x in crowd), schedule)
    for name, values in together.items():
        np.testing.assert_array_equal(apart[name], values[lanes])


def test_what_is_observed_is_explored_at_a_cost(plane):
    cells, short, brute = plane
    for schedule, expected in ((SHORT, short), (BRUTE, brute)):
        found, steps = observed(*cells, schedule)
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])
        assert steps.shape == cells[0].shape
        assert (steps <= schedule.total).all()
    np.testing.assert_array_equal(steps, BRUTE.total)


# Noise that ends: multiplicative noise at a minimum that is stable in mean square

DRAWS = {
    "two_point": lambda rng, n: rng.choice([-1.0, 1.0], n),
    "uniform": lambda rng, n: rng.uniform(-np.sqrt(3), np.sqrt(3), n),
    "normal": lambda rng, n: rng.normal(size=n),
}
LAWS = pytest.mark.parametrize("law", DRAWS)
NOISY = Schedule(transient=2000, measure=2000)


def noisy(law, amplitude, model="multiplicative", realization=0):
    rng = np.random.default_rng((52, realization))
    return Noise(model, law, DRAWS[law](rng, NOISY.total), amplitude)


def both_ways(cells, noise):
    """Outcome and steps with shortcuts, and the outcome of brute force."""
    short, steps = observed(*cells, NOISY, noise)
    brute, every = observed(*cells, replace(NOISY, shortcuts=False), noise)
    assert (every == NOISY.total).all()
    return short, steps, brute


def assert_same_but_for_what_is_left_of_the_loss(short, brute):
    """A run that ends has not seen the rest of a loss that is below the converged one.

    Nor has it rounded in the steps that are left, which a minimum's error counts.
    """
    rounded = {"sharpness_error", "weights_mean_error"}
    for name in brute.keys() - {"loss_mean", "loss_mean_error"} - rounded:
        np.testing.assert_array_equal(short[name], brute[name], err_msg=name)
    resting = np.isin(brute["regime"], CONVERGENT)
    for name in rounded:
        np.testing.assert_array_equal(short[name][~resting], brute[name][~resting])
        assert (short[name][resting] <= brute[name][resting]).all()
    rest = np.abs(short["loss_mean"] - brute["loss_mean"])
    assert np.nanmax(rest) <= kernels.CONVERGED / 2
    other = ~np.isin(brute["regime"], CONVERGENT)
    np.testing.assert_array_equal(short["loss_mean"][other], brute["loss_mean"][other])


@LAWS
@pytest.mark.parametrize("imbalance", [0.001, 0.9])
def test_noisy_runs_that_end_early_are_those_of_brute_force(law, imbalance):
    mu, s = (
        x.ravel() for x in np.meshgrid(np.linspace(0.05, 1.6, 60), np.linspace(0.02, 0.95, 25))
    )
    u, v = theory.start_state(np.full(mu.size, imbalance), np.full(mu.size, 0.1))
    for realization in range(3):
        short, steps, brute = both_ways((u, v, mu), noisy(law, s, realization=realization))
        assert_same_but_for_what_is_left_of_the_loss(short, brute)
        assert set(brute["regime"]) >= {Regime.MONOTONE, Regime.CATAPULT, Regime.DIVERGENT}
        # most of those that converge well below the bound are done long before the end
        converged = np.isin(brute["regime"], CONVERGENT)
        calm = converged & (brute["sharpness"] * (1 + s * s) < 1.9)
        assert (steps[calm] < NOISY.total).mean() > 0.9
        assert steps[calm].mean() < NOISY.total / 3
        # nobody ends early above it, but by escape
        wild = ~(brute["sharpness"] * (1 + s * s) < 2) & (brute["regime"] != Regime.DIVERGENT)
        assert (steps[wild] == NOISY.total).all()


@LAWS
def test_between_the_two_thresholds_no_run_ends_early(law):
    # stable almost surely and not in mean square: |e| falls far, and comes back in between
    for s in (0.2, 0.4, 0.6):
        low = noise_theory.mean_square_threshold(s)
        high = noise_theory.almost_sure_threshold(s, law)
        sharpness = low + (high - low) * np.linspace(0.02, 1.2, 60)  # and beyond
        mu = sharpness / 2
        cells = np.sqrt(mu) + 1e-3, np.full(60, 1e-200), mu
        short, steps, brute = both_ways(cells, noisy(law, np.full(60, s)))
        assert_same_but_for_what_is_left_of_the_loss(short, brute)
        kept = brute["regime"] != Regime.DIVERGENT
        assert (steps[kept] == NOISY.total).all()
        largest = noise_theory.largest_step(s, law)
        assert kept[~noise_theory.multiplicative_escape_is_possible(mu, largest)].all()


@LAWS
def test_target_noise_never_ends(law):
    mu = np.linspace(0.1, 1.2, 40)
    cells = np.sqrt(mu), np.full(40, 0.1), mu
    short, steps, brute = both_ways(cells, noisy(law, np.full(40, 0.02), "target"))
    for name in brute:
        np.testing.assert_array_equal(short[name], brute[name])
    assert (steps[brute["regime"] != Regime.DIVERGENT] == NOISY.total).all()


# What the plane looks like


def test_divergent_is_outside_the_ellipse():
    rng = np.random.default_rng(7)
    mu = rng.uniform(0.02, 1.9, 3000)
    # radii are 2 % off the ellipse at least: it repels by 0.35 a step, so 3000 are plenty
    radius = np.where(
        rng.random(3000) < 0.5, rng.uniform(0, 0.98, 3000), rng.uniform(1.02, 2, 3000)
    )
    found = outcome(*ellipse_starts(mu, radius, rng), mu, BRUTE)
    np.testing.assert_array_equal(found["regime"] == Regime.DIVERGENT, radius > 1)


@EITHER
def test_inside_for_small_mu_everything_converges(schedule):
    rng = np.random.default_rng(8)
    mu = rng.uniform(0.02, 0.98, 2000)
    u, v = ellipse_starts(mu, rng.uniform(0, 0.98, 2000), rng)
    found = outcome(u, v, mu, schedule)
    convergent = np.isin(found["regime"], CONVERGENT)
    # few minima are so close to S = 2 that 6000 steps do not get there: P(steps > n) ~ n^-2
    assert (~convergent).sum() <= 2
    assert (found["regime"][~convergent] == Regime.UNDECIDED).all()
    assert set(found["regime"][convergent]) == set(CONVERGENT)


@EITHER
def test_inside_for_large_mu_the_label_depends_on_mu_alone(schedule):
    rng = np.random.default_rng(9)
    mu = np.repeat(rng.uniform(1.04, 1.9, 40), 25)
    u, v = ellipse_starts(mu, rng.uniform(0.02, 0.98, mu.size), rng)
    found = outcome(u, v, mu, schedule)
    for name in ("regime", "period", "residual_period"):
        rows = found[name].reshape(40, 25)
        np.testing.assert_array_equal(rows, np.tile(rows[:, :1], 25))
    assert set(found["regime"]) == {Regime.PERIODIC, Regime.CHAOTIC}


@EITHER
def test_outside_for_mu_beyond_two_everything_diverges(schedule):
    rng = np.random.default_rng(10)
    u, v = rng.uniform(0.05, 2.0, (2, 500))
    found = outcome(u, v, rng.uniform(2.05, 3.0, 500), schedule)
    assert (found["regime"] == Regime.DIVERGENT).all()


@EITHER
def test_transient_chaos_just_beyond_two_is_not_called_chaotic(schedule):
    # On the slice |e'| > 2 is left for ever, with a rate of escape that vanishes like sqrt(mu - 2).
    mu = 2 + np.geomspace(1e-15, 1e-4, 60)
    found = outcome(1.1, 0.0, mu, schedule)
    assert set(found["regime"]) == {Regime.DIVERGENT, Regime.UNDECIDED}
    assert outcome(1.1, 0.0, 2.0, schedule)["regime"] == Regime.CHAOTIC


# Convergence


@EITHER
def test_monotone_on_the_slice(schedule):
    rng = np.random.default_rng(11)
    mu = rng.uniform(0.01, MONOTONE_END, 2000)
    x = np.sqrt(2 + mu) * rng.uniform(0.001, 0.999, 2000)
    found = outcome(x, 0.0, mu, schedule)
    assert (found["regime"] == Regime.MONOTONE).all()
    assert (found["loss_peak_ratio"] == 1.0).all()


@EITHER
def test_catapult_on_the_slice(schedule):
    # the largest |e'/e| is mu + mu^2/4, at e = 1 - mu/2
    mu = np.linspace(MONOTONE_END + 1e-6, 0.99, 200)
    found = outcome(np.sqrt(1 + mu / 2), 0.0, mu, schedule)
    assert (found["regime"] == Regime.CATAPULT).all()
    assert (found["loss_peak_ratio"] >= (mu + mu * mu / 4) ** 2 * (1 - 10 * ULP)).all()
    quiet = outcome(np.sqrt(mu + 1e-3), 0.0, mu, schedule)  # beside the minimum it never rises
    assert (quiet["regime"] == Regime.MONOTONE).all()


@EITHER
@pytest.mark.parametrize("below", [0.0, 1e-12, 1e-8, 1e-6, 1e-4, 1e-2])
def test_no_cycle_up_to_mu_one(schedule, below):
    # slow convergence returns near after two steps, but the two-cycle is not born yet
    rng = np.random.default_rng(19)
    mu = np.full(3000, 1.0 - below)
    u, v = ellipse_starts(mu, rng.uniform(0.02, 0.98, 3000), rng)
    v[:500] = 0.0
    found = outcome(u, v, mu, schedule)
    assert set(found["regime"]) <= {Regime.UNDECIDED, *CONVERGENT}


def test_a_slow_catapult_is_known_by_theorem():
    # at mu = 1 convergence is algebraic
    found = {s.shortcuts: outcome(np.sqrt(1.5), 0.0, 1.0, s) for s in (SHORT, BRUTE)}
    assert (found[True]["regime"], found[True]["decided_by"]) == (
        Regime.CATAPULT,
        DecidedBy.THEOREM,
    )
    assert found[False]["regime"] == Regime.UNDECIDED
    assert found[True]["steps"] == found[False]["steps"] == -1


def test_convergent_labels_and_steps_against_a_plain_loop():
    rng = np.random.default_rng(12)
    mu = rng.uniform(0.02, 0.95, 1500)
    u, v = ellipse_starts(mu, rng.uniform(0.1, 0.95, 1500), rng)
    loss, sharpness = plain_run(u, v, mu, 3000)
    loud = loss > kernels.CONVERGED / 2
    steps = 3000 - np.argmax(loud[::-1], axis=0)
    # away from S = 2, whose neighbours converge slowly, and where rounding fakes rises
    clear = sharpness < 1.9
    assert clear.mean() > 0.9
    rises = ((loss[1:] > loss[:-1] * (1 + 1e-12)) & loud[:-1]).any(axis=0)
    found = outcome(u, v, mu)
    np.testing.assert_array_equal(
        found["regime"][clear], np.where(rises, Regime.CATAPULT, Regime.MONOTONE)[clear]
    )
    # a transient that is chaotic for a while magnifies what the loops round differently
    calm = clear & ~rises
    np.testing.assert_array_equal(found["steps"][calm], steps[calm])
    np.testing.assert_allclose(found["sharpness"][calm], sharpness[calm], rtol=1e-9)


def test_what_a_minimum_says(plane):
    (_, _, mu), short, brute = plane
    for found in (short, brute):
        at = np.isin(found["regime"], CONVERGENT) & (found["steps"] >= 0)
        assert at.sum() > 200
        imbalance, s = found["imbalance_final"][at], found["sharpness"][at]
        # ab = mu + e there, with |e| up to 1e-12
        reached = np.hypot(imbalance, 2 * mu[at])
        np.testing.assert_allclose(s, reached, atol=4e-12)
        assert (s < 2.0).all()
        assert (np.abs(imbalance) <= theory.imbalance_bound(mu[at])).all()
        rate = found["lyapunov"][at]
        assert (rate[:, 0] == 0.0).all()
        np.testing.assert_allclose(np.exp(rate[:, 1]), np.abs(1 - reached), atol=1e-11)
        assert (found["transverse_lyapunov"][at] == 0.0).all()
        assert (found["loss_mean"][at] <= kernels.CONVERGED / 2).all()
        assert (found["period"][at] == 1).all()
        assert (found["residual_period"][at] == 1).all()


def test_a_minimum_says_so_to_its_error(plane):
    # the imbalance changes by e^2 of itself a step, so it is that of the limit to all digits
    (_, _, mu), short, _ = plane
    at = np.isin(short["regime"], CONVERGENT) & (short["steps"] >= 0)
    reached = np.hypot(short["imbalance_final"][at], 2 * mu[at])
    assert (np.abs(short["sharpness"][at] - reached) <= 4 * short["sharpness_error"][at]).all()
    rate, error = short["lyapunov"][at, 1], short["lyapunov_error"][at, 1]
    clear = np.abs(1 - reached) > 1e-3
    off = np.abs(rate - np.log(np.abs(1 - reached)))
    assert (off <= 4 * error)[clear].all()


# Starts on a minimum, on U = 0, on the edge


@EITHER
def test_start_on_a_stable_minimum(schedule):
    u, v = np.array([0.75, 0.5, 0.25]), np.array([0.25, 0.0, 0.125])  # e = 0 to the last bit
    found = outcome(u, v, u * u - v * v, schedule)
    assert (found["regime"] == Regime.MONOTONE).all()
    assert (found["steps"] == 0).all()
    assert np.isnan(found["loss_peak_ratio"]).all()  # a first loss of zero is no scale


@EITHER
def test_start_on_an_unstable_minimum(schedule):
    u, v = np.array([1.0, 1.25, 1.5]), np.array([0.25, 1.0, 1.0])
    found = outcome(u, v, u * u - v * v, schedule)
    assert (found["regime"] == Regime.UNDECIDED).all()
    assert (found["decided_by"] == DecidedBy.NONE).all()
    assert (found["period"] == 0).all()
    assert (found["steps"] == -1).all()


@EITHER
def test_start_on_the_way_to_the_origin(schedule):
    # on U = 0 the next V is V (1 - mu - V^2): to the origin for V^2 < 2 - mu
    mu = np.array([0.1, 0.7, 1.5, 1.9, 0.5])
    v = np.array([0.9, 0.9, 0.9, 0.9, 0.0]) * np.sqrt(2 - mu)
    found = outcome(0.0, v, mu, schedule)
    assert (found["regime"] == Regime.COLLAPSED).all()
    rates = np.stack([np.log(1 + mu), np.log(np.abs(1 - mu))], axis=1)
    np.testing.assert_allclose(found["lyapunov"], rates, rtol=8 * ULP)
    np.testing.assert_allclose(found["transverse_lyapunov"], rates[:, 1], rtol=8 * ULP)
    np.testing.assert_allclose(found["loss_mean"], mu * mu / 2, rtol=8 * ULP)
    assert (found["sharpness"] <= 1e-20).all()
    assert (found["period"] == 0).all()
    assert (found["steps"] == -1).all()


@EITHER
def test_balanced_start_one_step_before_the_origin(schedule):
    # x^2 = 1 + mu to the last bit, so e = 1
    assert outcome(1.25, 0.0, 0.5625, schedule)["regime"] == Regime.COLLAPSED


@EITHER
@pytest.mark.parametrize(
    ("u", "v", "mu"), [(1.5, 0.0, 0.25), (2.0, 0.0, 2.0), (1.0, 0.0, 2.0), (0.0, 1.0, 1.0)]
)
def test_start_on_an_unstable_cycle_of_the_ellipse_is_not_chaotic(schedule, u, v, mu):
    # exact in doubles: x -> -x, the last but one after a step; exponents log(5 + 2 mu) and log 3
    assert outcome(u, v, mu, schedule)["regime"] == Regime.UNDECIDED


# Cycles


@EITHER
@pytest.mark.parametrize(
    ("low", "high", "period", "residual_period"),
    [
        (1.02, np.sqrt(5) - 1.01, 2, 2),
        (np.sqrt(5) - 0.99, 1.28, 4, 4),
        (2 * np.sqrt(2) - 0.9999, np.sqrt(13 + 3 * np.sqrt(41)) / 2 - 1.0005, 4, 2),
    ],
)
def test_periods(schedule, low, high, period, residual_period):
    rng = np.random.default_rng(13)
    mu = np.linspace(low, high, 200)
    found = outcome(*ellipse_starts(mu, 0.7, rng), mu, schedule)
    assert (found["regime"] == Regime.PERIODIC).all()
    assert (found["decided_by"] == DecidedBy.CYCLE).all()
    assert (found["period"] == period).all()
    assert (found["residual_period"] == residual_period).all()
    assert (found["steps"] == -1).all()


@EITHER
def test_two_cycle(schedule):
    rng = np.random.default_rng(14)
    mu = np.linspace(1.02, 1.22, 100)
    found = outcome(*ellipse_starts(mu, rng.uniform(0.1, 0.9, 100), rng), mu, schedule)
    rates = np.log(np.abs(theory.two_cycle_multipliers(mu))) / 2
    np.testing.assert_allclose(found["lyapunov"], np.sort(rates, axis=0)[::-1].T, atol=1e-9)
    transverse = theory.two_cycle_transverse_exponent(mu)
    np.testing.assert_allclose(found["transverse_lyapunov"], transverse, atol=1e-12)
    np.testing.assert_allclose(found["loss_mean"], theory.two_cycle_loss(mu), rtol=1e-11)
    np.testing.assert_allclose(found["sharpness"], 1 + mu, rtol=1e-11)
    # a run may end once V < 2^-60 cannot change the residual any more
    assert (np.abs(found["imbalance_final"]) < 2.0**-57).all()


@EITHER
def test_superstable_cycle_has_an_infinite_exponent(schedule):
    found = outcome(0.9, 0.0, 3 / np.sqrt(2) - 1, schedule)  # 9 - 2(1 + mu)^2 = 0
    assert found["regime"] == Regime.PERIODIC
    assert found["lyapunov"][0, 1] == -np.inf


@EITHER
def test_a_cycle_too_long_to_look_for_is_undecided(schedule):
    mu = np.linspace(np.sqrt(5) - 0.99, 1.28, 200)  # period 4
    found = outcome(0.9, 0.0, mu, Schedule(3000, 3200, 2, schedule.shortcuts))
    assert (found["regime"] == Regime.UNDECIDED).all()
    if not schedule.shortcuts:  # a run that ended early measured nothing
        assert (found["lyapunov"] < 0).all()


# Chaos


@EITHER
def test_full_chaos_at_mu_two(schedule):
    x = 2 * np.random.default_rng(15).uniform(0.01, 0.99, 200)
    found = outcome(x, 0.0, 2.0, schedule)
    assert (found["regime"] == Regime.CHAOTIC).all()
    rate, error = found["lyapunov"], found["lyapunov_error"]
    # with 30 degrees of freedom one of 200 cases is beyond 5 errors once in 200 such tests
    assert (np.abs(rate[:, 0] - np.log(3)) <= 5 * error[:, 0]).all()
    # across: the mean of log|1 + 2 cos t| is zero by Jensen's formula
    across, across_error = found["transverse_lyapunov"], found["transverse_lyapunov_error"]
    assert (np.abs(rate[:, 1]) <= 5 * error[:, 1]).all()
    assert (np.abs(across) <= 5 * across_error).all()
    assert error.max() < 0.002  # what telescopes is known to 1/n, here to some 4/3200
    # e has the arcsine law on [-2, 2]: <e^2/2> = 1, <x^2> = 2
    assert (np.abs(found["loss_mean"] - 1) <= 5 * found["loss_mean_error"]).all()
    assert (np.abs(found["sharpness"] - 4) <= 4 * found["sharpness_error"]).all()


@pytest.fixture(scope="module")
def slice_averages():
    """Exponents along and across, mean sharpness and loss, by a plain loop on the slice.

    At values of mu where the exponent along turns out positive: windows are dense.
    """
    mu = np.array([1.35, 1.42, 1.5, 1.55, 1.65, 1.72, 1.78, 1.9, 1.95])[:, np.newaxis]
    x = np.random.default_rng(16).uniform(0.2, 1.2, (mu.size, 300))
    sums, steps = np.zeros((4, mu.size, 300)), 4000
    for step in range(1000 + steps):
        if step >= 1000:
            e = x * x - mu
            along = np.log(np.abs(1 + mu - 3 * x * x))
            sums += [along, np.log(np.abs(1 + e)), 2 * x * x, e * e / 2]
        x = (1 + mu) * x - x**3
    means = sums / steps
    return mu.ravel(), means.mean(axis=-1), means.std(axis=-1) / np.sqrt(300)


@EITHER
def test_chaos_against_a_plain_loop(schedule, slice_averages):
    mu, mean, error = slice_averages
    assert (mean[0] > 10 * error[0]).all()
    rng = np.random.default_rng(17)
    starts = ellipse_starts(np.repeat(mu, 8), rng.uniform(0.1, 0.9, 8 * mu.size), rng)
    found = outcome(*starts, np.repeat(mu, 8), Schedule(3000, 16000, 64, schedule.shortcuts))
    assert (found["regime"] == Regime.CHAOTIC).all()
    assert (found["decided_by"] == DecidedBy.MEASUREMENT).all()
    assert (found["period"] == 0).all()
    columns = (
        (found["lyapunov"][:, 0], found["lyapunov_error"][:, 0], 0),
        (found["lyapunov"][:, 1], found["lyapunov_error"][:, 1], 1),
        (found["transverse_lyapunov"], found["transverse_lyapunov_error"], 1),
        (found["sharpness"], found["sharpness_error"], 2),
        (found["loss_mean"], found["loss_mean_error"], 3),
    )
    for value, its_error, row in columns:
        both = np.hypot(its_error, np.repeat(error[row], 8))
        assert (np.abs(value - np.repeat(mean[row], 8)) <= 4 * both).all()
        assert (its_error < 0.03).all()


@pytest.fixture
def invent(monkeypatch):
    """Replace the rates and errors of a run, (7, N) each, by what a function makes of them."""

    def install(change):
        def invented(*arguments):
            survey = run(*arguments)
            rates, errors = change(survey.rates.copy(), survey.errors.copy())
            return replace(survey, rates=rates, errors=errors)

        monkeypatch.setattr(labels, "run", invented)

    return install


@pytest.mark.parametrize(("errors", "regime"), [(3.9, Regime.UNDECIDED), (4.1, Regime.CHAOTIC)])
def test_chaos_is_four_standard_errors_above_zero(errors, regime, invent):
    invent(lambda rates, _: (rates, np.abs(rates) / errors))
    assert outcome(0.9, 0.0, 1.9)["regime"] == regime


def test_exponents_are_put_in_order_with_their_errors(invent):
    expected = outcome(0.9, 0.0, 1.9)
    order = [1, 0, *range(2, 7)]
    invent(lambda rates, errors: (rates[order], errors[order]))
    found = outcome(0.9, 0.0, 1.9)
    np.testing.assert_array_equal(found["lyapunov"], expected["lyapunov"])
    np.testing.assert_array_equal(found["lyapunov_error"], expected["lyapunov_error"])


# Conventions


def test_shapes_and_types(plane):
    for found in plane[1:]:
        for name, values in found.items():
            assert values.shape == (
                (4000, 2) if name.startswith(("lyapunov", "weights")) else (4000,)
            )
        assert {found[name].dtype.str for name in ("regime", "decided_by")} == {"|u1"}
        assert {found[name].dtype.kind for name in ("period", "residual_period", "steps")} == {"i"}


def test_missing_is_nan_or_the_code_for_it(plane):
    for found in plane[1:]:
        regime = found["regime"]
        gone, convergent = regime == Regime.DIVERGENT, np.isin(regime, CONVERGENT)
        floats = {name for name, values in found.items() if values.dtype.kind == "f"}
        for name in floats - {"loss_peak_ratio"}:
            assert np.isnan(found[name][gone]).all()
            assert not np.isnan(found[name][~gone]).any()
        assert (found["loss_peak_ratio"][gone] == np.inf).all()
        assert (found["loss_peak_ratio"][~gone] >= 1.0).all()
        assert np.isfinite(found["loss_peak_ratio"][~gone]).all()
        for name in ("period", "residual_period"):
            periods = found[name]
            assert (periods[convergent] == 1).all()
            assert (periods[regime == Regime.PERIODIC] >= 2).all()
            assert (periods[~convergent & (regime != Regime.PERIODIC)] == 0).all()
        assert (found["period"] % np.maximum(found["residual_period"], 1) == 0).all()
        assert (found["steps"][~gone & ~convergent] == -1).all()
        assert (found["steps"] < SHORT.transient + SHORT.measure).all()


def test_exponents_come_largest_first(plane):
    for found in plane[1:]:
        kept = found["regime"] != Regime.DIVERGENT
        assert (found["lyapunov"][kept, 0] >= found["lyapunov"][kept, 1]).all()
        for name in ("lyapunov_error", "transverse_lyapunov_error", "sharpness_error"):
            assert (found[name][kept] >= 0).all()


def test_what_decided(plane):
    (u, v, mu), short, brute = plane
    for found in (short, brute):
        regime, decided_by = found["regime"], found["decided_by"]
        np.testing.assert_array_equal(decided_by == DecidedBy.NONE, regime == Regime.UNDECIDED)
        np.testing.assert_array_equal(decided_by == DecidedBy.CYCLE, regime == Regime.PERIODIC)
    assert not (brute["decided_by"] == DecidedBy.THEOREM).any()
    outside = (mu < 2) & (theory.ellipse(mu, u, v) > 1e-6)
    assert (short["decided_by"][outside] == DecidedBy.THEOREM).all()


def test_escape_steps_against_a_plain_loop():
    rng = np.random.default_rng(18)
    mu = rng.uniform(0.1, 3.0, 500)
    u, v = rng.uniform(1.0, 2.5, (2, 500))
    far = theory.ellipse(mu, u, v) > 0.5
    u, v, mu = u[far], v[far], mu[far]
    a, b, steps = u + v, u - v, np.full(mu.size, -1)
    for step in range(200):
        with np.errstate(over="ignore", invalid="ignore"):
            steps[(steps < 0) & ~(a * a + b * b <= kernels.ESCAPE_SQUARED)] = step
            e = a * b - mu
            a, b = a - e * b, b - e * a
    assert steps.max() > 5
    for schedule in (SHORT, BRUTE):
        np.testing.assert_array_equal(outcome(u, v, mu, schedule)["steps"], steps)


def test_no_cell_at_all():
    found = outcome(np.zeros(0), 0.0, 0.5)
    assert found["lyapunov"].shape == (0, 2)
