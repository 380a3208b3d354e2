import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.dynamics import noise_theory as noise
from lt2f.dynamics import theory

LAWS = ("two_point", "uniform", "normal")


def mean_by_quadrature(c, w, law):
    """E log|c + w xi| from the density, split where the logarithm is singular."""
    c, w = mp.mpf(c), mp.mpf(w)
    if law == "two_point":
        return (mp.log(abs(c + w)) + mp.log(abs(c - w))) / 2
    end, density = mp.sqrt(3), lambda z: 1 / (2 * mp.sqrt(3))
    if law == "normal":
        end, density = mp.mpf(12), mp.npdf  # the rest weighs 1e-33
    pole = -c / w
    middle = {pole} if -end < pole < end else set()
    knots = sorted({-end, *(mp.mpf(k) for k in (-8, -4, 0, 4, 8) if abs(k) < end), end} | middle)
    return mp.quad(lambda z: density(z) * mp.log(abs(c + w * z)), knots)


CENTERS = (-1.5, -0.3, 0.0, 0.7, 1.0, 2.5)
SPREADS = (1e-3, 0.0999, 0.1001, 0.2, 0.4, 0.6, 0.9, 3.0)


@pytest.mark.parametrize("law", LAWS)
def test_mean_log_is_the_integral(law):
    with mp.workdps(25):
        for c, w in itertools.product(CENTERS, SPREADS):
            truth = float(mean_by_quadrature(c, w, law))
            # logarithms of order one, and the uniform primitive cancels by at most 4
            assert noise.mean_log(c, w, law) == pytest.approx(truth, rel=2e-14, abs=2e-14)


@given(st.floats(-9.99, 9.99))
def test_normal_potential_is_hypergeometric(m):
    # log of a non-central chi-square variable, halved
    with mp.workdps(40):
        square = mp.mpf(m) ** 2 / 2
        truth = square * mp.hyp2f2(1, 1, 1.5, 2, -square) - (mp.euler + mp.log(2)) / 2
    assert noise.mean_log(m, 1.0, "normal") == pytest.approx(float(truth), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(("law", "width"), [("uniform", 0.5 / math.sqrt(3)), ("normal", 0.1)])
def test_mean_log_is_continuous_where_its_formula_changes(law, width):
    below, above = noise.mean_log(1.0, width * np.array([1 - 1e-14, 1 + 1e-14]), law)
    assert below == pytest.approx(above, abs=1e-13)


@pytest.mark.parametrize("law", LAWS)
@given(c=st.floats(0.1, 5), w=st.floats(0, 1e-9))
def test_small_spread_costs_half_its_variance(law, c, w):
    # E log|1 + t xi| = -t^2/2 + O(t^4), here below rounding
    expected = math.log(c) - (w / c) ** 2 / 2
    assert noise.mean_log(c, w, law) == pytest.approx(expected, abs=4e-16 * (1 + abs(expected)))


@pytest.mark.parametrize("law", LAWS)
def test_mean_log_without_spread_and_at_a_sure_zero(law):
    assert noise.mean_log(0.0, 0.0, law) == -np.inf
    assert noise.mean_log(-2.0, 0.0, law) == math.log(2)
    assert np.isnan(noise.mean_log(np.nan, 1.0, law))
    assert noise.mean_log(np.ones((2, 1)), np.zeros(3), law).shape == (2, 3)
    assert noise.mean_log(1.0, 1.0, "two_point") == -np.inf


def test_unknown_law():
    with pytest.raises(KeyError):
        noise.mean_log(1.0, 1.0, "cauchy")


# Multiplicative noise


@pytest.mark.parametrize("law", LAWS)
@given(s=st.floats(0.01, 2.0))
def test_stability_is_lost_at_the_threshold_and_not_before(law, s):
    threshold = noise.almost_sure_threshold(s, law)
    before = np.linspace(1e-3, 1 - 1e-6, 400) * threshold
    assert (noise.almost_sure_exponent(before, s, law) < 0).all()
    assert noise.almost_sure_exponent(threshold, s, law) == pytest.approx(0, abs=1e-12)
    # the two-point exponent comes back below zero above the gap, however narrow; just above the
    # threshold it is positive
    if abs(2 * s * s - 1) > 1e-3:
        assert noise.almost_sure_exponent(threshold * (1 + 1e-6), s, law) > 0
    assert threshold >= noise.mean_square_threshold(s) * (1 - 1e-15)


@pytest.mark.parametrize("law", LAWS)
def test_threshold_without_noise(law):
    assert noise.almost_sure_threshold(0.0, law) == 2.0
    # a noise s moves it by less than 4 s^2
    assert noise.almost_sure_threshold(1e-9, law) == pytest.approx(2.0, abs=1e-15)


@given(st.floats(0.7072, 0.9999))
def test_gap_is_unstable_and_stability_returns_above(s):
    gap = noise.almost_sure_gap(s)
    assert gap is not None
    low, high = gap
    last = 2 / (1 - s * s)
    assert low == noise.almost_sure_threshold(s, "two_point")

    def share(start, stop):
        inner = start + (stop - start) * np.linspace(0.01, 0.99, 99)
        return noise.almost_sure_exponent(inner, s, "two_point")

    assert (share(0, low) < 0).all()
    assert (share(low, high) > 0).all()
    assert (share(high, last) < 0).all()
    assert (share(last, 2 * last) > 0).all()


def test_no_gap_below_and_beyond():
    assert noise.almost_sure_gap(0.7) is None
    assert noise.almost_sure_gap(1.0) is None


@given(st.floats(0, 2), st.floats(0, 3))
def test_mean_square_threshold(s, S):
    second_moment = ((1 - (1 + s) * S) ** 2 + (1 - (1 - s) * S) ** 2) / 2
    stable = noise.mean_square_threshold(s) > S
    assert stable == (second_moment < 1) or second_moment == pytest.approx(1, abs=1e-12)


def test_largest_step():
    np.testing.assert_allclose(noise.largest_step([0.0, 0.5], "two_point"), [1, 1.5])
    np.testing.assert_allclose(noise.largest_step([0.0, 0.5], "uniform"), [1, 1 + 0.75**0.5])
    np.testing.assert_array_equal(noise.largest_step([0.0, 0.5], "normal"), [1, np.inf])


@given(
    largest_mu=st.floats(0.01, 1.99),
    h_max=st.floats(0.5, 3),
    radius=st.floats(0, 1),
    angle=st.floats(0, 7),
    share=st.floats(0, 1),
)
def test_ellipse_of_the_largest_step_is_invariant(largest_mu, h_max, radius, angle, share):
    mu, h = largest_mu / h_max, share * h_max
    assert not noise.multiplicative_escape_is_possible(mu, h_max * (1 - 1e-15))
    # scaled by sqrt(h_max), the largest step is the map at mu h_max
    U = radius * math.sqrt(2 + largest_mu) * math.cos(angle) / math.sqrt(h_max)
    V = radius * math.sqrt(2 - largest_mu) * math.sin(angle) / math.sqrt(h_max)
    r = h * (U * U - V * V - mu)
    image = np.array([U * (1 - r), V * (1 + r)]) * math.sqrt(h_max)
    assert theory.ellipse(largest_mu, *image) <= 1e-13  # zero to rounding: radius 1 is the edge


def test_balanced_orbits_escape_beyond():
    mu, h_max = 1.2, 1.7
    assert noise.multiplicative_escape_is_possible(mu, h_max)
    x = math.sqrt((1 + mu * h_max) / (3 * h_max))  # the critical point, sent over the edge
    for _ in range(100):
        x -= h_max * (x * x - mu) * x
        if x * x > 1e6:
            return
    pytest.fail("the orbit of the critical point stayed bounded")


# Target noise


def test_collapse_exponent_for_two_points():
    # E log|1 + m| with m = mu +- sigma
    value = noise.collapse_exponent(0.5, 1.6, "two_point")
    assert value == pytest.approx(math.log(abs(1.5**2 - 1.6**2)) / 2)
    along, across = noise.origin_exponents(0.5, 1.6, "two_point")
    assert along == value < 0
    assert across == pytest.approx(math.log(abs(0.5**2 - 1.6**2)) / 2)
    assert across > 0  # so that the origin attracts balanced orbits only


def one_target_step(x, m):
    return x * (1 + m - x * x)


@given(st.floats(0, 2), st.sampled_from(["two_point", "uniform"]))
def test_escape_threshold_is_where_the_interval_stops_being_invariant(mu, law):
    sigma = float(noise.target_escape_threshold(mu, law))
    support = {"two_point": 1.0, "uniform": math.sqrt(3)}[law]
    for factor, invariant in ((0.999, True), (1.001, False)):
        spread = factor * sigma * support + (1e-6 if not invariant else 0.0)
        edge = math.sqrt(2 + mu - spread)
        # all draws between: the image of x > 0 is monotone in m, so that the ends are enough
        x = np.append(np.linspace(0, edge, 2001), math.sqrt((1 + mu + spread) / 3))
        images = np.abs([one_target_step(x, mu - spread), one_target_step(x, mu + spread)])
        assert (images.max() <= edge * (1 + 1e-14)) == invariant
    assert not noise.target_escape_is_possible(mu, 0.999 * sigma, law)
    assert noise.target_escape_is_possible(mu, 1.001 * sigma + 1e-9, law)


def test_escape_threshold_in_known_cases():
    assert noise.target_escape_threshold(2.0) == pytest.approx(0, abs=1e-14)
    assert noise.target_escape_threshold(1.0, "normal") == 0
    assert noise.target_escape_is_possible(1.0, 1e-3, "normal")
    assert not noise.target_escape_is_possible(1.0, 0.0, "normal")
    mu = np.linspace(0, 2, 9)
    y = 1 + mu + noise.target_escape_threshold(mu)
    np.testing.assert_allclose(2 * (y / 3) ** 1.5, np.sqrt(3 + 2 * mu - y), rtol=1e-14)


@pytest.mark.parametrize(("factor", "escapes"), [(0.98, False), (1.1, True)])
def test_two_point_orbits_escape_above_the_threshold_only(factor, escapes):
    mu = 1.4
    sigma = factor * float(noise.target_escape_threshold(mu))
    rng = np.random.default_rng(4)
    x = np.linspace(0.05, 0.95, 400) * math.sqrt(2 + mu - sigma)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(4000):
            x = one_target_step(x, mu + sigma * rng.choice([-1.0, 1.0], x.size))
        gone = ~(x * x < 1e3)
    assert gone.all() if escapes else not gone.any()
