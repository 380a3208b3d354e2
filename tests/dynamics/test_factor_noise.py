"""Variances of the imbalance: proved with sympy, and held against samples of the noisy map."""

import numpy as np
import pytest
import sympy
from scipy import stats
from scipy.special import erfc

from lt2f.dynamics import factor_noise as theory
from lt2f.dynamics import orbits
from lt2f.dynamics.lanes import Noise
from lt2f.dynamics.theory import two_cycle
from lt2f.training.batches import LAWS, pair

SILENCE = Noise("none", "two_point", np.zeros(1), np.zeros(1))


def sampled(mu, noise, law, samples, lanes=1, transient=2000):
    """Residual and imbalance, (2, lanes, samples), from balanced starts next to each other."""
    steps = transient + samples
    model = Noise("factors", law, pair(20260520, 0, steps, law), np.full(lanes, noise))
    x = np.linspace(0.7, 0.8, lanes)
    return orbits.with_imbalances(x, np.zeros(lanes), np.full(lanes, mu), model, transient, samples)


def mean_and_error(x, blocks=40):
    """Mean over time, the last axis, and its standard error from blocks longer than any memory."""
    means = x[..., : x.shape[-1] // blocks * blocks].reshape(-1, blocks, x.shape[-1] // blocks)
    means = means.mean(axis=(0, 2))
    return means.mean(), means.std(ddof=1) / np.sqrt(blocks)


# Proofs


def test_the_imbalance_obeys_its_recursion_and_its_first_order():
    a, b, h, k, mu, s, D, x = sympy.symbols("a b h k mu s D x", real=True)
    e = a * b - mu
    after = (a - h * e * b) ** 2 - (b - k * e * a) ** 2
    exact = a**2 - b**2 - 2 * e * a * b * (h - k) + e**2 * (h**2 * b**2 - k**2 * a**2)
    assert sympy.expand(after - exact) == 0
    # near a = b = x with a - b = s D/(2x), h - 1 and k - 1 of order s
    X, Y = sympy.symbols("X Y", real=True)
    near = {a: x + s * D / (4 * x), b: x - s * D / (4 * x), h: 1 + s * X, k: 1 + s * Y}
    first = sympy.diff(after.subs(near), s).subs(s, 0)
    e0 = x**2 - mu
    claimed = D * (1 - e0**2) - 2 * (X - Y) * e0 * x**2 * (1 - e0)
    assert sympy.simplify(first - claimed) == 0


def test_the_closed_form_on_the_two_cycle():
    mu, s, e, f = sympy.symbols("mu s e f")
    # e and f are the two roots of t^2 - (1 - mu) t + (1 - mu): a Groebner basis of that ideal
    ideal = sympy.groebner([e + f - 1 + mu, e * f - 1 + mu], e, f, domain=sympy.QQ.frac_field(mu))

    def source(t):
        return 8 * s**2 * t**2 * (t + mu) ** 2 * (1 - t) ** 2

    turn = (1 - e**2) ** 2 * (1 - f**2) ** 2
    claimed = 2 * s**2 * (3 - mu + (mu - 1) * f**2) / (2 - mu)
    # before e: the variance before f, times what f keeps, plus what f adds
    equation = claimed * (1 - turn) - (1 - f**2) ** 2 * source(e) - source(f)
    numerator = sympy.expand(equation * (2 - mu) / s**2)
    assert sympy.simplify(ideal.reduce(numerator)[1]) == 0
    assert sympy.simplify(ideal.reduce(sympy.expand(turn - (3 - 2 * mu) ** 2))[1]) == 0


def test_the_spread_is_finite_where_the_two_cycle_is_born():
    # standard deviation 2 s: damping and driving vanish together
    np.testing.assert_allclose(theory.two_cycle_imbalance_variance(1.0, 0.5), 1.0, rtol=1e-15)


@pytest.mark.parametrize("mu", [1.001, 1.1, 1.2, 1.9])
def test_the_general_cycle_gives_the_closed_form(mu):
    cycle = np.stack(two_cycle(mu))
    # 1 - P^2 cancels near 1, by the digits that mu - 1 = 0.001 lacks
    found = theory.cycle_imbalance_variance(cycle, mu, 0.3)
    np.testing.assert_allclose(found, theory.two_cycle_imbalance_variance(mu, 0.3), rtol=1e-11)


def test_a_cycle_across_which_imbalances_grow_has_none():
    assert np.isnan(theory.cycle_imbalance_variance(np.stack(two_cycle(2.1)), 2.1, 0.1)).all()


@pytest.mark.parametrize("mu", [1.05, 1.4, 1.7, 1.95, 1.999])
def test_no_product_on_the_attractor_is_above_its_bound(mu):
    x = np.linspace(0.31, 0.79, 64)
    e = orbits.residuals(x, np.zeros(64), np.full(64, mu), SILENCE, 10, 2000)
    walk = np.cumsum(np.log(np.abs(1 + e)), axis=1)
    # the largest rise of a walk: each place less the lowest one so far
    rise = (walk - np.minimum.accumulate(walk, axis=1)).max()
    assert 0 < rise <= np.log(theory.transverse_growth_bound(mu)) + 1e-9


def test_the_bound_rests_on_an_inequality():
    e, mu = np.meshgrid(np.linspace(-2, 2, 4001), np.linspace(0.001, 2, 500))
    # |1 + e|^mu <= 1 + mu e + e^2, to the rounding of numbers up to 9
    assert (np.abs(1 + e) ** mu <= 1 + mu * e + e * e + 1e-14).all()


# Samples


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("mu", [1.03, 1.1, 1.2])
def test_the_spread_on_the_two_cycle(mu, law):
    s = 1e-3
    e, imbalance = sampled(mu, s, law, 80_000)
    high = e[0] > 0
    for which, exact in zip((~high, high), theory.two_cycle_imbalance_variance(mu, s), strict=True):
        # a memory of 1/(4 (mu - 1)) < 10 turns in blocks of 1000, and O(s^2/(mu - 1)) beside it
        mean, error = mean_and_error(imbalance[0, which] ** 2)
        assert error < 0.08 * exact
        assert mean == pytest.approx(exact, abs=5 * error + 10 * s**2 / (mu - 1) * exact)


@pytest.mark.parametrize("law", LAWS)
def test_the_spread_at_a_minimum(law):
    """Realizations are independent; the mean square of 1500 is known to sqrt(2/1500) or better."""
    mu, s, steps, count = 0.7, 1e-3, 150, 1500
    x = np.array([0.3, 0.6, 1.2, 1.5])
    e = orbits.residuals(x, np.zeros(4), np.full(4, mu), SILENCE, 0, steps)
    assert np.abs(e[:, -1]).max() < 1e-12  # else the end is not the end
    exact = theory.imbalance_variance(e, np.full(4, mu), np.full(4, s))[:, -1]
    ends = np.empty((count, 4))
    for j in range(count):
        noise = Noise("factors", law, pair(11, j, steps, law), np.full(4, s))
        ends[j] = orbits.with_imbalances(x, np.zeros(4), np.full(4, mu), noise, steps - 1, 1)[
            1, :, 0
        ]
    # what is left out is a factor s smaller, and even in s on average
    assert np.abs((ends**2).mean(axis=0) / exact - 1).max() < 5 * np.sqrt(2 / count) + 100 * s**2
    assert (np.abs(ends.mean(axis=0)) < 5 * np.sqrt(exact / count) + 100 * s**2).all()


def test_the_law_in_chaos_is_a_mixture_of_normal_ones_without_a_heavy_tail():
    """At mu = 1.9 the imbalance has the variances of the noise-free orbit, over time, and its tail.

    s = 1e-4 leaves the statistics of the orbit alone to some 1e-3; samples know the variance to 1
    per cent, the tail beyond four standard deviations to a few.
    """
    mu, s, lanes, samples = 1.9, 1e-4, 64, 20_000
    imbalance = sampled(mu, s, "normal", samples, lanes)[1] / s
    x = np.linspace(0.7, 0.8, lanes)
    e = orbits.residuals(x, np.zeros(lanes), np.full(lanes, mu), SILENCE, 1000, samples)
    variance = theory.imbalance_variance(e, np.full(lanes, mu), np.ones(lanes))[:, 500:]
    exact, slack = mean_and_error(variance)
    mean, error = mean_and_error(imbalance**2)
    assert mean == pytest.approx(exact, abs=5 * np.hypot(error, slack))
    for size in (1, 2, 3, 4):
        far = size * np.sqrt(exact)
        tail, slack = mean_and_error(erfc(far / np.sqrt(2 * np.maximum(variance, 1e-300))))
        share, error = mean_and_error(np.abs(imbalance) > far)
        assert share == pytest.approx(tail, abs=5 * np.hypot(error, slack))
    # beyond four deviations: 25 times a normal law, as far as the variance varies, and bounded
    assert tail > 20 * 2 * stats.norm.sf(4)
    assert variance.max() < 4 * exact
