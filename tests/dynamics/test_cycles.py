from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lt2f.dynamics import cycles, theory
from lt2f.dynamics.kernels import ITERATE, U, V
from lt2f.dynamics.lanes import prepare
from lt2f.dynamics.model import QUIET

compiling = settings(deadline=None)  # the first call of a kernel compiles it
ULP = 2.0**-52
DOUBLED = np.sqrt(5) - 1  # the two-cycle attracts for 1 < mu < DOUBLED
BORN, SPLIT = 2 * np.sqrt(2) - 1, np.sqrt(13 + 3 * np.sqrt(41)) / 2 - 1
EXPONENTS = [cycles.FIRST, cycles.SECOND, cycles.TRANSVERSE]
ERRORS = [cycles.FIRST_ERROR, cycles.SECOND_ERROR, cycles.TRANSVERSE_ERROR]
AVERAGES = [cycles.MEAN_S, cycles.MEAN_LOSS, cycles.MEAN_A]
AVERAGES_ERRORS = [cycles.S_ERROR, cycles.LOSS_ERROR, cycles.WEIGHT_ERROR]


def find(u, v, mu, max_period=64):
    u, v, mu = (np.array(x, dtype=float) for x in np.broadcast_arrays(u, v, mu))
    report = np.zeros((cycles.ROWS, u.size))
    cycles.find(QUIET, u.ravel(), v.ravel(), mu.ravel(), np.zeros(mu.size), max_period, report)
    return report


# Cycles in closed form: a point x, the multipliers along and across of as many steps as e takes
# to return, the means of sharpness, loss and weights


def two_cycle(mu):
    """x^2 = mu + e, and the averages by sum and product of the roots of theory.two_cycle.

    The product of both x^2 is 1, so (x1 + x2)^2 = 1 + mu + 2.
    """
    m = mu - 1
    x = mp.sqrt(mu + (mp.sqrt(m * (m + 4)) - m) / 2)
    return x, 9 - 2 * (1 + mu) ** 2, 3 - 2 * mu, 1 + mu, m * (mu + 1) / 4, mp.sqrt(3 + mu) / 2


def antisymmetric_cycle(mu):
    """x, y, -x, -y: with A = k - x^2 = y/x, B = k - y^2 = -x/y, k = 1 + mu and w = A + B.

    w is the smaller root of w^2 - k w + 2 = 0, and e = 1 - A and 1 - B: so the product of 1 + e
    over half a cycle is 3 - 2w, that of k - 3x^2 is -(9 + 6kw - 4k^2).
    """
    k = 1 + mu
    w = (k - mp.sqrt(k * k - 8)) / 2
    x = mp.sqrt(k - (w + mp.sqrt(w * w + 4)) / 2)
    along, across = 9 + 6 * k * w - 4 * k * k, 3 - 2 * w
    return x, along, across, 2 * k - w, (w * w - 2 * w + 4) / 4, mp.mpf(0)


CLOSED = {
    # away from the ends, where multipliers near one make a cycle ill conditioned
    "two-cycle": (two_cycle, np.linspace(1.001, DOUBLED - 0.001, 57), 2),
    "antisymmetric": (antisymmetric_cycle, np.linspace(BORN + 1e-5, SPLIT - 1e-5, 57), 4),
}


@pytest.fixture(params=CLOSED, name="closed", scope="module")
def _closed(request):
    make, mu, period = CLOSED[request.param]
    with mp.workdps(30):
        x, along, across, *averages = np.array([make(mp.mpf(m)) for m in mu.tolist()]).T
        rates = [[mp.log(abs(m)) / 2 for m in multipliers] for multipliers in (along, across)]
    rates = np.array(rates, dtype=float)
    exact = np.array([*np.sort(rates, axis=0)[::-1], rates[1]])
    # off the cycle by less than what counts as a near return
    report = find(x.astype(float) + 1e-5, 1e-5, mu)
    return report, period, exact, np.array(averages, dtype=float)


def test_periods_in_closed_form(closed):
    report, period, *_ = closed
    assert (report[cycles.PERIOD] == period).all()
    assert (report[cycles.RESIDUAL_PERIOD] == 2).all()


def test_exponents_in_closed_form(closed):
    report, _, exact, _ = closed
    np.testing.assert_allclose(report[EXPONENTS], exact, rtol=0, atol=1e-9)


def test_exponents_to_their_error(closed):
    report, _, exact, _ = closed
    assert (np.abs(report[EXPONENTS] - exact) <= report[ERRORS]).all()
    # and the error is worth something
    assert (report[ERRORS] < 1e-9).all()


def test_averages_in_closed_form(closed):
    report, _, _, averages = closed
    found = report[[cycles.MEAN_S, cycles.MEAN_LOSS, cycles.MEAN_A]]
    np.testing.assert_allclose(found, averages, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(report[cycles.MEAN_B], report[cycles.MEAN_A])


def test_averages_to_their_error(closed):
    report, _, _, averages = closed
    for row, error, exact in zip(AVERAGES, AVERAGES_ERRORS, averages, strict=True):
        assert (np.abs(report[row] - exact) <= report[error]).all()
        # and the error is worth something: the largest multiplier is that of a round
        away = 1 - np.exp(report[cycles.FIRST] * report[cycles.PERIOD])
        assert (report[error] < 1000 * ULP / away).all()


def test_superstable_two_cycle():
    # 9 - 2(1 + mu)^2 = 0; the double next to the root leaves a multiplier of some 1e-15
    mu = 3 / np.sqrt(2) - 1
    report = find(np.sqrt(mu + theory.two_cycle(mu)[0]), 0.0, mu)
    assert report[cycles.PERIOD] == 2
    assert report[cycles.FIRST] == pytest.approx(np.log(3 - 2 * mu) / 2, abs=1e-14)
    assert report[cycles.SECOND] == -np.inf
    assert report[cycles.TRANSVERSE] == report[cycles.FIRST]
    assert (report[[cycles.FIRST_ERROR, cycles.TRANSVERSE_ERROR]] < 1e-13).all()


# Cycles through the critical point x_c = sqrt((1 + mu)/3): superstable


def gap_from(start, mu, period, sign):
    """f^period(x) - sign x."""
    x = start
    for _ in range(period):
        x = (1 + mu) * x - x**3
    return x - sign * start


def gap(mu, period, sign, sqrt=mp.sqrt):
    """The same from the critical point x_c."""
    return gap_from(sqrt((1 + mu) / 3), mu, period, sign)


def superstable(period):
    """Yield (mu, sign) where x_c returns to sign x_c after `period` steps and not before."""
    grid = np.linspace(1.0005, 1.9995, 4000)
    for sign in (1, -1):
        values = gap(grid, period, sign, np.sqrt)
        for i in np.flatnonzero(values[:-1] * values[1:] < 0):
            bracket = grid[i : i + 2].tolist()
            mu = mp.findroot(lambda m, s=sign: gap(m, period, s), bracket, solver="anderson")
            if all(abs(gap(mu, q, s)) > 1e-6 for q in range(1, period) for s in (1, -1)):
                yield mu, sign


def multiplier(x, mu, period, sign):
    """(f^period)' on the cycle next to x, for a mu next to the superstable one."""
    x, product = mp.findroot(lambda y: gap_from(y, mu, period, sign), x), mp.mpf(1)
    for _ in range(period):
        product, x = product * (1 + mu - 3 * x * x), (1 + mu) * x - x**3
    return product


def exact_averages(x, mu, period, sign):
    """Means of S, e^2/2 and x over the cycle next to x, of `period` steps to sign x."""
    x = mp.findroot(lambda y: gap_from(y, mu, period, sign), x)
    means = np.zeros(3, dtype=object)
    steps = period if sign > 0 else 2 * period
    for _ in range(steps):
        means += np.array([2 * x * x, (x * x - mu) ** 2 / 2, x]) / steps
        x = (1 + mu) * x - x**3
    return means


@pytest.mark.parametrize("period", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("off", [0.0, 1e-9])
def test_averages_of_superstable_cycles_to_their_error(period, off):
    compared = 0
    with mp.workdps(40):
        for place, sign in superstable(period):
            mu = float(place) + off
            x = mp.sqrt((1 + mp.mpf(mu)) / 3)
            report = find(float(x), 0.0, mu)[:, 0]
            if not report[cycles.PERIOD]:  # the window is narrower than that
                continue
            compared += 1
            exact = exact_averages(x, mp.mpf(mu), period, sign)
            gaps = np.abs(report[AVERAGES] - exact).astype(float)
            assert (gaps <= report[AVERAGES_ERRORS]).all()
            assert (report[AVERAGES_ERRORS] < 1e-7).all()  # 1e7 ulps, towards mu = 2
    assert compared >= min(period - 1, 3)


@pytest.mark.parametrize("period", [2, 3, 4, 5])
def test_superstable_cycles(period):
    count = 0
    with mp.workdps(40):
        for mu, sign in superstable(period):
            count += 1
            x, rate, s = mp.sqrt((1 + mu) / 3), mp.mpf(0), mp.mpf(0)
            slope = abs(multiplier(x, mu + mp.mpf(ULP), period, sign))
            report = find(float(x), 0.0, float(mu))[:, 0]
            for _ in range(period):
                rate += mp.log(abs(1 + x * x - mu)) / period
                s += 2 * x * x / period
                x = (1 + mu) * x - x**3
            # flipped signs come back after twice as many steps; e has returned before
            assert report[cycles.PERIOD] == (period if sign > 0 else 2 * period)
            assert report[cycles.RESIDUAL_PERIOD] == period
            # mu is rounded by half an ulp, and the steps round as much; towards mu = 2 the cycle
            # and its multiplier move by up to 1e7 times as much
            assert slope < 1e-8
            assert report[cycles.SECOND] < float(mp.log(4 * slope)) / period
            for row, exact in ((cycles.FIRST, rate), (cycles.TRANSVERSE, rate), (cycles.MEAN_S, s)):
                assert report[row] == pytest.approx(float(exact), abs=1e-9)
    assert count >= period - 1


def test_a_cycle_is_found_from_any_of_its_points_and_mirrors():
    mu = 1.15
    e = np.array(theory.two_cycle(mu))
    u = np.sqrt(mu + np.concatenate([e, e])) * [1, 1, -1, -1]
    report = find(u, [0.0, 1e-12, -1e-7, 1e-30], mu)
    assert (report[cycles.PERIOD] == 2).all()
    np.testing.assert_allclose(
        report[EXPONENTS], np.tile(report[EXPONENTS][:, :1], 4), rtol=0, atol=1e-12
    )


def test_no_multiple_of_a_period_is_reported():
    # a multiplier of -0.98: too far to return near after two steps, near enough after four
    mu = DOUBLED - 0.002
    u = np.sqrt(mu + theory.two_cycle(mu)[1]) + np.linspace(1e-3, 1e-2, 200)
    assert set(find(u, 0.0, mu)[cycles.PERIOD]) <= {0.0, 2.0}


# What is not a stable cycle


@compiling
@given(st.floats(0.01, 3.0), st.floats(-3.0, 3.0), st.sampled_from([0.0, 1e-13, 1e-7, 1e-4]))
def test_minima_are_no_cycles(mu, v, distance):
    u = np.sqrt(mu + v * v)
    # just beyond S = 2 there may be a two-cycle beside it
    assume(not 2 < 2 * (u * u + v * v) < 2.02)
    assert find(u + distance, v, mu)[cycles.PERIOD] <= 0


@pytest.mark.parametrize("mu", [1.0, 1.0 - 1e-12, 1.0 - 1e-9, 1.0 - 1e-6])
def test_neutral_minima_are_no_cycles(mu):
    # here Phi^2 - 1 has a triple root, to rounding: no number next to it is a two-cycle
    v = np.linspace(-0.1, 0.1, 41)[:, np.newaxis]
    u = np.sqrt(mu + v * v) + np.geomspace(1e-9, 1e-2, 60) * [[[1.0]], [[-1.0]]]
    assert (find(u, v, mu)[cycles.PERIOD] <= 0).all()


@pytest.mark.parametrize("mu", [0.25, 0.9, 1.0, 1.5])
def test_origin_is_no_cycle(mu):
    assert find([0.0, 1e-8], [0.0, 0.0], mu)[cycles.PERIOD].max() <= 0


@compiling
@given(st.floats(DOUBLED + 1e-6, 2.0))
@example(1.5)  # superstable across
def test_unstable_two_cycle_is_rejected(mu):
    for e in theory.two_cycle(mu):
        assert find(np.sqrt(mu + e), 0.0, mu, 2)[cycles.PERIOD] <= 0


@compiling
@given(st.floats(0.01, 2.0))
def test_cycle_on_the_edge_of_boundedness_is_rejected(mu):
    # x -> -x at x^2 = 2 + mu: multipliers (5 + 2 mu)^2 along and 9 across
    assert find(np.sqrt(2 + mu), 0.0, mu)[cycles.PERIOD] <= 0


def test_an_exact_return_to_an_unstable_cycle_is_told_apart():
    # x -> -x to the last bit, on U = 0 as well, and no return
    report = find([1.5, 2.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0], [0.25, 2.0, 1.0, 1.75])
    assert report[cycles.PERIOD].tolist() == [cycles.UNSTABLE] * 3 + [0.0]


def test_chaotic_orbits_return_near_and_are_no_cycles():
    # at mu = 2, x = 2 cos t with t' = pi + 3t: every cycle has multipliers of modulus 3^p at least
    u = 2 * np.cos(np.random.default_rng(8).uniform(0, np.pi, 4000))
    near = sum((np.abs(2 * np.cos(3**p * np.arccos(u / 2)) - u) < 1e-3).sum() for p in range(1, 9))
    assert near > 20  # so there is something to reject
    assert (find(u, 0.0, 2.0)[cycles.PERIOD] <= 0).all()


def test_no_period_beyond_the_longest_looked_for():
    mu = np.linspace(1.25, 1.28, 20)  # period 4, between two doublings
    state = prepare(np.full(20, 0.9), np.zeros(20), mu)
    ITERATE[QUIET](state, 20000, 0, np.zeros(1))
    u = state[U, :20]
    assert (find(u, 0.0, mu, 3)[cycles.PERIOD] <= 0).all()
    assert (find(u, 0.0, mu, 4)[cycles.PERIOD] == 4).all()


# The parts


@compiling
@given(st.floats(-1.5, 1.5), st.floats(-1.0, 1.0), st.floats(0.1, 2.0), st.integers(1, 3))
def test_around_is_the_chain_rule(u, v, mu, period):
    U, V, m = Fraction(u), Fraction(v), Fraction(mu)
    J = np.array([[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]])
    for _ in range(period):
        e = U * U - V * V - m
        J = np.array([[1 - e - 2 * U * U, 2 * U * V], [2 * U * V, 1 + e - 2 * V * V]]) @ J
        U, V = U * (1 - e), V * (1 + e)
    found = cycles.around(QUIET, u, v, mu, 0.0, period)
    assume(max(abs(U), abs(V)) < 4)
    # values below 4 and entries below 30 a step, each with some ten roundings
    scale = 10 * ULP * 40.0**period
    assert list(found) == pytest.approx([float(x) for x in (U, V, *J.ravel())], abs=scale)


sizes = st.floats(1e-6, 4.0)
entry = st.one_of(st.just(0.0), sizes, sizes.map(lambda x: -x))


@compiling
@given(entry, entry, entry, entry)
@example(0.0, 1.0, -1.0, 0.0)
@example(0.5, 0.0, 1.0, -2.0)
@example(1.0, 1.0, 1.0, 1.0)
@example(1.0, 1.0, -1.0, -1.0)  # both zero
def test_multipliers_are_moduli_of_eigenvalues(xx, xy, yx, yy):
    large, small = cycles.multipliers(xx, xy, yx, yy)
    with mp.workdps(40):
        half, det = (mp.mpf(xx) + yy) / 2, mp.mpf(xx) * yy - mp.mpf(xy) * yx
        root = mp.sqrt(mp.mpc(half * half - det))
        exact = sorted(map(float, (abs(half + root), abs(half - root))))
    # a double root moves by the square root of what its discriminant is rounded by
    slack = 8 * np.sqrt(ULP) if abs(half * half - det) < 1e-3 else 400 * ULP
    assert [small, large] == pytest.approx(exact, abs=slack)


def test_small_multiplier_keeps_its_digits():
    # eigenvalues 1 and 2^-40 of a matrix whose entries are exact
    tiny = 2.0**-40
    large, small = cycles.multipliers(
        0.5 + tiny / 2, 0.5 - tiny / 2, 0.5 - tiny / 2, 0.5 + tiny / 2
    )
    assert large == pytest.approx(1.0, rel=4 * ULP)
    assert small == pytest.approx(tiny, rel=1e-4)  # its determinant keeps 13 of 53 bits


def test_refine_converges_to_the_cycle_or_says_no():
    mu = 1.1
    x = float(np.sqrt(mu + theory.two_cycle(mu)[0]))
    converged, u, v = cycles.refine(QUIET, x + 5e-3, 1e-3, mu, 0.0, 2)
    assert converged
    assert (u, v) == pytest.approx((x, 0.0), abs=1e-13)
    converged, u, v = cycles.refine(QUIET, np.sqrt(mu) + 1e-3, 0.0, mu, 0.0, 2)
    assert not converged or abs(u - np.sqrt(mu)) < 1e-9  # the minimum, which is period 1


def test_least_periods():
    mu = 1.1
    x = np.sqrt(mu + theory.two_cycle(mu)[0])
    assert cycles.least_periods(QUIET, x, 0.0, mu, 0.0, 2) == (2, 2)
    assert cycles.least_periods(QUIET, x, 0.0, mu, 0.0, 12) == (2, 2)
    assert cycles.least_periods(QUIET, np.sqrt(2.5), 0.0, 0.5, 0.0, 2) == (2, 1)  # x -> -x
    assert cycles.least_periods(QUIET, np.sqrt(0.5), 0.0, 0.5, 0.0, 6) == (1, 1)


@pytest.mark.parametrize("max_period", [1, 2, 5])
def test_locked_is_a_return_bit_for_bit(max_period, plain_orbit):
    mu = np.array([2.0, 0.25, 0.5625, *np.linspace(1.02, 1.2, 61)])
    u = np.array([2.0, 1.5, 0.75, *np.full(61, 0.8)])
    state = prepare(u, np.zeros(64), mu)
    ITERATE[QUIET](state, 4000, 0, np.zeros(1))
    state[U, 40:] *= 1 + 1e-9  # some of them lose it
    out = np.zeros(64, dtype=bool)
    cycles.locked(state[U], state[V], mu, max_period, out)
    orbits = (plain_orbit(x, 0.0, m, max_period) for x, m in zip(state[U], mu, strict=True))
    plain = [
        Fraction(x) in [u for u, *_ in list(orbit)[1:]]
        for x, orbit in zip(state[U], orbits, strict=True)
    ]
    np.testing.assert_array_equal(out, plain)
    assert 0 < out.sum() < 64


def test_an_imbalance_that_matters_is_not_locked():
    out = np.array([True, True])
    cycles.locked(np.full(2, 2.0), np.array([2.0**-59, 2.0**-61]), np.full(2, 2.0), 2, out)
    assert out.tolist() == [False, True]
