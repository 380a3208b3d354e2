from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lt2f.dynamics import theory
from lt2f.dynamics.codes import Fate

ULP = 2.0**-52

# Far from overflow and underflow of the squares and quotients that the truth is compared with.
magnitudes = st.floats(1e-60, 1e60)
signed = st.one_of(st.just(0.0), magnitudes, magnitudes.map(lambda x: -x))
open_mu = st.floats(1e-6, 2 - 1e-6)


def step(mu, U, V):
    e = (U - V) * (U + V) - mu
    return U * (1 - e), V * (1 + e)


def relative(value, truth):
    return abs(mp.mpf(float(value)) - truth) / abs(truth) if truth else abs(float(value))


# The start


@given(signed, signed)
@example(0.0, 0.0)
@example(0.0, -0.3)
@example(-2.0, 0.0)
@example(1e60, 1e-60)
@example(-1e-60, -1e60)
def test_start_to_relative_precision(imbalance, product):
    with mp.workdps(400):  # enough for the cancellation of S - |imbalance| at 1e-240
        d, p = mp.mpf(imbalance), mp.mpf(product)
        S = mp.sqrt(d**2 + 4 * p**2)
        a = mp.sqrt((S + d) / 2)
        b = mp.sqrt((S - d) / 2) * (-1 if p < 0 else 1)
        truth = (a, b, (a + b) / 2, (a - b) / 2)
        found = (*theory.start(imbalance, product), *theory.start_state(imbalance, product))
        # hypot, root and quotient: about one ulp each
        assert all(relative(f, t) <= 4 * ULP for f, t in zip(found, truth, strict=True))


@given(signed, signed)
def test_start_returns_what_was_asked(imbalance, product):
    d, p = Fraction(imbalance), Fraction(product)
    a, b = (Fraction(float(f)) for f in theory.start(imbalance, product))
    U, V = (Fraction(float(f)) for f in theory.start_state(imbalance, product))
    # four roundings of relative size 2^-52 at most enter each product and each square
    slack = Fraction(8 * ULP)
    assert abs(a * b - p) <= slack * abs(p)
    assert abs(4 * U * V - d) <= slack * abs(d)
    assert abs((a - b) * (a + b) - d) <= slack * (a * a + b * b)
    assert abs((U - V) * (U + V) - p) <= slack * (U * U + V * V)
    assert a >= 0
    assert b * p >= 0


@given(magnitudes)
def test_balanced_start_is_exactly_balanced(product):
    assert theory.start_state(0.0, product) == (np.sqrt(product), 0.0)
    assert theory.start_state(0.0, -product) == (0.0, np.sqrt(product))
    a, b = theory.start(0.0, product)
    assert a == pytest.approx(b, rel=2 * ULP)


def test_start_broadcasts():
    a, b = theory.start(np.zeros((3, 1)), np.ones(4))
    U, V = theory.start_state(np.zeros((3, 1)), np.ones(4))
    assert a.shape == b.shape == U.shape == V.shape == (3, 4)


# Fate


def exact_ellipse(mu, U, V):
    m, u, v = Fraction(mu), Fraction(U), Fraction(V)
    return (2 - m) * (u * u - (2 + m)) + (2 + m) * v * v


@st.composite
def near_ellipse(draw):
    """A start with h about 4 t, mostly near the margin 2^-28."""
    mu = draw(open_mu)
    h = draw(st.sampled_from([-1.0, 1.0])) * 2.0 ** draw(st.floats(-32, -1))
    scale = np.sqrt(max(0.0, 1 + h / (4 - mu * mu)))
    angle = draw(st.floats(0, 2 * np.pi))
    U, V = np.sqrt(2 + mu) * np.cos(angle), np.sqrt(2 - mu) * np.sin(angle)
    return mu, float(scale * U), float(scale * V)


anywhere = st.tuples(open_mu, st.floats(-3, 3), st.floats(-3, 3))


def exceptional(mu, U, V, width):
    """Whether a start is within `width` of e = 0, U = 0 or what one step maps there."""
    m, u, v = Fraction(mu), Fraction(U), Fraction(V)
    e = u * u - v * v - m
    lands = e * e - 3 - exact_ellipse(mu, U, V)
    return min(abs(e), abs(lands), abs(1 - e), abs(u)) < width


@given(st.one_of(anywhere, near_ellipse()))
@example((1.0, 0.5, 0.5))
@example((0.5, 1.0, 0.25))
def test_fate_is_the_sign_of_h_in_exact_arithmetic(start):
    mu, U, V = start
    h = exact_ellipse(mu, U, V)
    margin = Fraction(1, 2**28)
    # the computed h is a few roundings of terms of size 4 and less off: 1e-3 of the margin is more
    assume(abs(abs(h) - margin) > margin / 1000)
    assume(not exceptional(mu, U, V, Fraction(1, 10**9)))
    inside = Fate.CONVERGES if mu <= 1 else Fate.BALANCES
    expected = Fate.OPEN if abs(h) < margin else Fate.DIVERGES if h > 0 else inside
    assert theory.fate(mu, U, V) == expected


@given(open_mu, st.floats(-3, 3), st.floats(-3, 3))
def test_ellipse_matches_its_definition(mu, U, V):
    h = exact_ellipse(mu, U, V)
    assert abs(Fraction(float(theory.ellipse(mu, U, V))) - h) < 100 * Fraction(ULP)


def test_fate_leaves_exceptional_starts_open():
    unstable_minimum = theory.start_state(2.0, 0.5)  # e = 0, S = sqrt(5), h < 0
    stable_minimum = theory.start_state(1.0, 0.5)  # S = sqrt(2)
    outer_minimum = theory.start_state(5.0, 0.5)  # S > 4, outside
    assert theory.fate(0.5, *unstable_minimum) == Fate.OPEN
    assert theory.fate(0.5, *stable_minimum) == Fate.CONVERGES
    assert theory.fate(0.5, *outer_minimum) == Fate.OPEN
    assert theory.fate(1.5, *theory.start_state(1.0, 1.5)) == Fate.OPEN
    assert theory.fate(0.5, 0.0, 0.3) == Fate.OPEN  # U = 0 reaches the origin
    assert theory.fate(0.5, *theory.start_state(0.3, 1.5)) == Fate.OPEN  # e = 1: U' = 0
    assert theory.fate(0.5, 0.0, 1.5) == Fate.DIVERGES  # U = 0, outside
    assert theory.fate(0.5, 0.0, 0.0) == Fate.OPEN
    # x -> sqrt(mu), the unstable minimum, in one step: e^2 + (mu - 2) e + 1 - 2 mu = 0
    mu = 1.5
    e = ((2 - mu) - np.sqrt((2 - mu) ** 2 - 4 * (1 - 2 * mu))) / 2
    assert theory.fate(mu, np.sqrt(mu + e), 0.0) == Fate.OPEN
    assert theory.fate(mu, np.sqrt(mu + e) * (1 + 1e-9), 0.0) == Fate.BALANCES


@pytest.mark.parametrize("mu", [-0.5, 0.0, 2.0, 2.5, np.nan])
def test_fate_knows_nothing_outside_its_interval(mu):
    assert theory.fate(mu, 0.5, 0.1) == Fate.OPEN
    assert theory.fate(mu, 50.0, 10.0) == Fate.OPEN


def test_fate_of_extreme_numbers():
    assert theory.fate(0.5, np.nan, 0.1) == Fate.OPEN
    assert theory.fate(0.5, 0.1, np.nan) == Fate.OPEN
    assert theory.fate(0.5, 1e200, 1e-3) == Fate.DIVERGES
    assert theory.fate(0.5, 1e200, -2e200) == Fate.DIVERGES
    assert theory.fate(0.5, np.inf, 0.0) == Fate.DIVERGES


def test_fate_broadcasts_to_codes():
    codes = theory.fate(np.linspace(0.1, 1.9, 5)[:, None], np.array([0.7, 9.0]), 0.01)
    assert codes.dtype == np.uint8
    assert codes.shape == (5, 2)
    assert (codes[:, 1] == Fate.DIVERGES).all()


def test_orbits_in_doubles_keep_the_side_the_margin_promises():
    rng = np.random.default_rng(1)
    mu = rng.uniform(0.01, 1.99, 4000)
    phi = rng.integers(0, 2**64, mu.size, dtype=np.uint64)
    for side in (-1, 1):
        h = side * 1.01 * 2.0**-28
        scale = np.sqrt(1 + h / (4 - mu * mu))
        U, V = (scale * z for z in theory.ellipse_point(phi, mu))
        codes = theory.fate(mu, U, V)
        # h grows by exp(0.115) a step at mu = 1.99, by 4e9 in 200 steps; then the orbit leaves
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(1500):
                U, V = step(mu, U, V)
            bounded = U * U + V * V < 4.0
        assert (bounded == (side < 0)).all()
        assert ((codes == Fate.DIVERGES) == (side > 0)).all()


def test_orbits_meet_their_fate():
    rng = np.random.default_rng(2)
    mu = np.concatenate([rng.uniform(0.1, 0.95, 2000), rng.uniform(1.05, 1.9, 2000)])
    start = rng.uniform(-2, 2, (2, mu.size))
    codes = theory.fate(mu, *start)
    U, V = start
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(5000):
            U, V = step(mu, U, V)
        e = (U - V) * (U + V) - mu
    assert not (codes == Fate.OPEN).any()
    assert (~(np.abs(U) < 1e3))[codes == Fate.DIVERGES].all()
    # |1 - S| within 0.004 of 1 would be needed to keep |e| above, and so few end there (the share
    # of runs longer than n falls like n^-2) that these 2000 starts hold none
    assert (np.abs(e) < 1e-9)[codes == Fate.CONVERGES].all()
    # the transverse exponent is -0.05 or less: e^-250 leaves room for a long transient
    assert (np.abs(V) < 1e-9)[codes == Fate.BALANCES].all()
    assert len(set(codes)) == 3


@given(st.one_of(anywhere, near_ellipse()))
def test_relative_imbalance_never_grows(start):
    mu, U, V = start
    h = float(theory.ellipse(mu, U, V))
    assume(abs(h) > 1e-6)
    assume(abs(V) > 1e-100)
    U1, V1 = step(mu, U, V)
    h1 = float(theory.ellipse(mu, U1, V1))
    # h' is a difference of terms up to its scale, so that is what its rounding is relative to
    rounding = 100 * ULP * (4 + U1 * U1 + V1 * V1)
    assert abs(V1 / V) ** mu <= (abs(h1) + rounding) / abs(h) * (1 + 100 * ULP)


# The edge of boundedness in the step size


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-2, 2).filter(lambda y: abs(y) > 1e-3))
def test_edge_step_size_agrees_with_fate(x, z, target):
    edge = float(theory.edge_step_size(x, z, target))
    assert edge <= 2 / abs(target) * (1 + 4 * ULP)
    sign = np.sign(target)
    for factor, bounded in ((0.999, True), (1.001, False)):
        eta = edge * factor
        mu, root = eta * abs(target), np.sqrt(eta)
        code = theory.fate(mu, root * (x + sign * z) / 2, root * (x - sign * z) / 2)
        if code != Fate.OPEN:
            assert (code != Fate.DIVERGES) == bounded
            if bounded:
                converges = eta <= theory.convergent_step_size(x, z, target)
                assert (code == Fate.CONVERGES) == converges


def test_step_sizes_in_known_cases():
    assert theory.edge_step_size(0.0, 0.0, 1.0) == 2.0  # at the origin only mu = 2 ends it
    assert theory.edge_step_size(1.0, 1.0, 1.0) == 2.0  # S = 2, on the minimum: 8/(2 + 2)
    assert theory.edge_step_size(1.0, 1.0, 0.0) == 2.0  # h = 0 at eta S = 4
    assert theory.edge_step_size(0.0, 0.0, 0.0) == np.inf
    assert theory.convergent_step_size(1.0, 1.0, 0.0) == 2.0
    np.testing.assert_array_equal(
        theory.convergent_step_size(0.5, np.array([0.5, 9.0]), [1.0, 1.0]),
        [1.0, theory.edge_step_size(0.5, 9.0, 1.0)],
    )


# On the ellipse


@given(st.floats(0.0, 2.0))
@example(2.0)
@example(1.5)
@example(2 - 1e-9)
def test_transverse_exponent_is_an_arcsine_average(mu):
    # e = 2 cos(angle); the integrand is singular at imaginary angles of half the exponent, so the
    # trapezoidal rule errs by exp(-points * exponent / 2): nothing up to 1.9, where it is 0.37
    along, across = theory.ellipse_exponents(mu)
    assert along == theory.CHEBYSHEV_EXPONENT == np.log(3)
    if mu > 1.9:
        with mp.workdps(60):  # the same formula, where only its cancellation is in question
            exact = mp.acosh((1 + mp.sqrt(25 - 4 * mp.mpf(mu) ** 2)) / 4)
        assert across == pytest.approx(float(exact), rel=8 * ULP, abs=0)
        return
    e = 2 * np.cos(2 * np.pi * (np.arange(2000) + 0.5) / 2000)
    assert across == pytest.approx(np.log1p(mu * e + e * e).mean(), abs=1e-13)


def test_transverse_exponent_in_known_cases():
    golden = (1 + np.sqrt(5)) / 2
    values = theory.ellipse_exponents([0.0, 1.5, 2.0])[1]
    np.testing.assert_allclose(values, [2 * np.log(golden), np.log(2), 0.0], rtol=4 * ULP)


@given(st.integers(0, 2**64 - 1), open_mu)
def test_angle_step_is_the_map(phi, mu):
    stepped = theory.ellipse_angle_step(phi)
    assert int(stepped) == (2**63 - 3 * phi) % 2**64
    U, V = theory.ellipse_point(phi, mu)
    image = step(mu, U, V)
    # the angle is rounded to 2^-53 of half a turn and tripled; coordinates are at most 2
    np.testing.assert_allclose(image, theory.ellipse_point(stepped, mu), atol=60 * ULP, rtol=0)
    e = (U - V) * (U + V) - mu
    assert e == pytest.approx(float(theory.ellipse_residual(phi)), abs=30 * ULP)


def test_angles_lose_nothing():
    phi = np.random.default_rng(3).integers(0, 2**64, 1000, dtype=np.uint64)
    back = phi
    for _ in range(200):
        back = theory.ellipse_angle_step(back)
    inverse = pow(3, -1, 2**64)
    for _ in range(200):  # undone by the inverse of 3 modulo 2^64
        back = (np.uint64(2**63) - back) * np.uint64(inverse)
    np.testing.assert_array_equal(back, phi)


def test_area():
    # by counting cells of the square |U|, |V| < 2; an area in (a, b) is twice that in (U, V)
    mu, n = 1.2, 1000
    U, V = np.meshgrid(*2 * [(np.arange(n) + 0.5) * 4 / n - 2])
    area = 2 * 16 * (theory.ellipse(mu, U, V) < 0).mean()
    assert area == pytest.approx(float(theory.ellipse_area(mu)), rel=1e-3)


# Minima and the balanced line


def test_minimum_exponents():
    valley, across = theory.minimum_exponents(np.array([0.5, 1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(valley, 0.0)
    np.testing.assert_allclose(across, [-np.log(2), -np.inf, 0.0, np.log(2)])


@given(st.floats(0.0, 1.0))
def test_imbalance_bound_has_sharpness_two(mu):
    a, b = theory.start(theory.imbalance_bound(mu), mu)
    assert a * a + b * b == pytest.approx(2.0, rel=8 * ULP)
    assert np.isnan(theory.imbalance_bound(1.0 + mu + ULP))


@given(st.floats(0.0, 2.0))
def test_slice_bound_is_carried_to_its_opposite(mu):
    x = theory.slice_bound(mu)
    assert (1 + mu) * x - x**3 == pytest.approx(-x, rel=16 * ULP)


@given(st.floats(0.001, 2.0))
def test_overshoot_is_attained_on_the_slice(mu):
    x = np.linspace(0, theory.slice_bound(mu), 20001)
    e = x * x - mu
    ratio = np.abs(e * e + (mu - 2) * e + 1 - 2 * mu)
    # x at the extreme is off by 1e-4 at most, and e^2 there by its square
    assert ratio.max() == pytest.approx(float(theory.overshoot(mu)), abs=1e-6)


@given(st.floats(1.001, 2.0))
def test_two_cycle_is_one(mu):
    low, high = theory.two_cycle(mu)

    def image(e):
        return e * (e * e + (mu - 2) * e + 1 - 2 * mu)

    assert low < high
    np.testing.assert_allclose([image(low), image(high)], [high, low], atol=40 * ULP)
    along, across = theory.two_cycle_multipliers(mu)
    slopes = [(e - 1) * (3 * e - 1 + 2 * mu) for e in (low, high)]
    assert along == pytest.approx(slopes[0] * slopes[1], abs=100 * ULP)
    assert across == pytest.approx((1 + low) * (1 + high), abs=20 * ULP)
    assert theory.two_cycle_loss(mu) == pytest.approx((low**2 + high**2) / 4, rel=1e-12)


def test_two_cycle_exponent_and_where_there_is_none():
    assert theory.two_cycle_transverse_exponent(1.5) == -np.inf
    assert theory.two_cycle_transverse_exponent(1.25) == pytest.approx(np.log(0.5) / 2)
    assert np.isnan(theory.two_cycle(0.9)).all()


# Averages


@pytest.mark.parametrize("mu", [1.0, 1.05, 1.2, 1.236])
def test_averages_over_the_two_cycle(mu):
    squares = mu + np.array(theory.two_cycle(mu))
    x = np.sqrt(squares)
    near = {"rel": 8 * 2.0**-52, "abs": 8 * 2.0**-52}  # a root of a difference, and a few roundings
    assert theory.two_cycle_weight(mu) == pytest.approx(x.mean(), **near)
    assert theory.two_cycle_sharpness(mu) == pytest.approx(2 * squares.mean(), **near)
    assert theory.two_cycle_loss(mu) == pytest.approx(
        (np.array(squares - mu) ** 2).mean() / 2, **near
    )
    averaged = theory.loss_at(mu, x.mean(), x.mean())
    assert theory.two_cycle_averaged_loss(mu) == pytest.approx(averaged, **near)


def test_averages_over_full_chaos():
    # the trapezoidal rule in the angle is exact for trigonometric polynomials
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    x = 2 * np.cos(t)
    assert x.mean() == pytest.approx(0.0, abs=1e-15)
    assert (2 * x * x).mean() == pytest.approx(theory.CHEBYSHEV_SHARPNESS)
    assert ((x * x - 2) ** 2 / 2).mean() == pytest.approx(theory.CHEBYSHEV_LOSS)
    assert theory.loss_at(2.0, 0.0, 0.0) == 2.0
