"""Transverse exponents on the balanced attractor, against algebra, integrals and orbits."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from lt2f.dynamics import orbits, theory, transverse
from lt2f.dynamics.closed_forms import CLOSED_FORMS
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.factor_noise import transverse_growth_bound
from lt2f.dynamics.labels import explore
from lt2f.dynamics.lanes import Noise
from lt2f.dynamics.survey import Schedule

SILENCE = Noise("none", "two_point", np.zeros(1), np.zeros(1))
AT = {row.id: row.mu for row in CLOSED_FORMS}


def chaos(mu, samples, lanes=512):
    """Residuals of many balanced orbits, (lanes, samples)."""
    x = np.random.default_rng(3).uniform(-0.95, 0.95, lanes) * theory.slice_bound(mu)
    return orbits.residuals(x, np.zeros(lanes), np.full(lanes, mu), SILENCE, 300, samples)


def mean_and_error(x):
    """Mean over independent orbits and its standard error."""
    means = x.mean(axis=1)
    return means.mean(), means.std(ddof=1) / np.sqrt(means.size)


def measured(mu, **lengths):
    """Outcome of balanced runs with a trace of imbalance, by brute force."""
    mus = np.atleast_1d(mu).astype(float)
    u, v = theory.start_state(np.full(mus.size, 1e-3), np.full(mus.size, 0.1))
    schedule = Schedule(**({"transient": 20_000, "measure": 20_000} | lengths), shortcuts=False)
    return explore(u, v, mus, schedule)


# Cycles


def test_the_two_cycle():
    mu = np.array([1.01, 1.1, 1.2, 1.23])
    exact = theory.two_cycle_transverse_exponent(mu)
    cycle = transverse.cycle_exponent(np.stack(theory.two_cycle(mu), axis=-1))
    np.testing.assert_allclose(cycle, exact, rtol=1e-12)
    # a cycle's exponents come from its multipliers, with two roundings for each
    np.testing.assert_allclose(measured(mu)["transverse_lyapunov"], exact, rtol=1e-11)
    # -(mu - 1) at its birth: log(3 - 2mu)/2 = -(mu - 1) - (mu - 1)^2 - ...
    near = 10.0 ** -np.arange(2, 7)
    np.testing.assert_allclose(
        theory.two_cycle_transverse_exponent(1 + near) / -near, 1 + near, rtol=2 * near.max() ** 2
    )


def test_the_antisymmetric_cycle_is_one():
    p, q, k = sympy.symbols("p q k")
    # y = x p, -x = y q, and p = k - x^2, q = k - y^2 from both ends
    x2 = k - p
    closing = sympy.expand((k - x2 * p**2 - q).subs(q, -1 / p) * p)
    w = p - 1 / p
    assert sympy.expand(closing - p**2 * (w**2 - k * w + 2)) == 0
    assert sympy.expand(((2 - p) * (2 - q)).subs(q, -1 / p) - (3 - 2 * w)) == 0


def test_the_antisymmetric_cycle_in_its_window():
    mu = np.linspace(AT["antisymmetric_birth"] + 1e-4, AT["antisymmetric_split"] - 1e-4, 9)
    low, high = transverse.antisymmetric_cycle(mu)
    # e' = e^3 + (mu - 2) e^2 + (1 - 2mu) e takes each to the other
    for e, after in ((low, high), (high, low)):
        step = e**3 + (mu - 2) * e**2 + (1 - 2 * mu) * e
        np.testing.assert_allclose(step, after, rtol=1e-12)
    exact = transverse.antisymmetric_transverse_exponent(mu)
    cycle = transverse.cycle_exponent(np.stack([low, high], axis=-1))
    np.testing.assert_allclose(cycle, exact, rtol=1e-12)
    outcome = measured(mu)
    assert (outcome["regime"] == Regime.PERIODIC).all()
    assert (outcome["period"] == 4).all()
    assert (outcome["residual_period"] == 2).all()
    np.testing.assert_allclose(outcome["transverse_lyapunov"], exact, rtol=1e-10)


def test_the_antisymmetric_cycle_at_its_birth():
    # the root of k^2 - 8 turns an error of 1e-15 into one of 1e-7
    born = transverse.antisymmetric_transverse_exponent(AT["antisymmetric_birth"] + 1e-15)
    assert born == pytest.approx(-math.log(1 + math.sqrt(2)), abs=1e-6)
    assert np.isnan(transverse.antisymmetric_transverse_exponent(1.8))
    assert np.isnan(transverse.antisymmetric_cycle(1.8)).all()


def test_a_cycle_through_minus_one_is_superstable_across():
    assert transverse.cycle_exponent([-1.0, 0.3]) == -np.inf


# No balanced attractor repels


@given(st.floats(-2, 2), st.floats(1e-3, 2))
def test_the_rate_is_nowhere_positive(e, mu):
    rate = transverse.never_positive(e, mu)
    # both logarithms to rounding where they cancel; at mu = 2 they always do
    assert rate <= 4e-16 * (1 + abs(math.log(abs(1 + e) + 1e-300))) / min(mu, 1.0)


def test_the_rate_vanishes_at_minima_alone_and_at_two():
    assert transverse.never_positive(0.0, 1.3) == 0.0
    assert (transverse.never_positive(np.array([-0.1, 0.1]), 1.3) < 0).all()
    e = np.linspace(-1.99, 1.99, 99)
    np.testing.assert_allclose(transverse.never_positive(e, 2.0), 0.0, atol=1e-14)
    assert transverse.never_positive(-1.0, 1.5) == -np.inf


@pytest.mark.parametrize("mu", [1.1, 1.45, 1.7, 1.95])
def test_its_mean_is_the_transverse_exponent(mu):
    e = chaos(mu, 4000, 64)
    rate, plain = transverse.never_positive(e, mu), np.log(np.abs(1 + e))
    # they differ by what telescopes, log|h_n/h_0|/(mu n), with h between bounds on the attractor
    span = math.log(transverse_growth_bound(mu))
    assert np.abs((rate - plain).mean(axis=1)).max() <= span / 4000 + 1e-12


# Where the attractors merge


def test_the_spectrum_at_the_merging_has_converged():
    coarse, fine = transverse.merging_exponents(24), transverse.merging_exponents(48)
    np.testing.assert_allclose(coarse, fine, rtol=0, atol=2e-12)


def test_the_exponents_at_the_merging_are_those_of_orbits():
    along, across = transverse.merging_exponents()
    mu = AT["attractor_merging"]
    e = chaos(mu, 20_000)
    # The attractor at this double may be next to the one meant: the exponents vary by less than
    # 1e-6 there, and the samples know them to 1e-4.
    for values, exact in (
        (np.log(np.abs(1 - 2 * mu - 3 * e)), along),
        (np.log(np.abs(1 + e)), across),
    ):
        mean, error = mean_and_error(values)
        assert error < 3e-4
        assert mean == pytest.approx(exact, abs=5 * error)
    outcome = measured(mu, transient=2000, measure=200_000)
    for name, exact in (("lyapunov", along), ("transverse_lyapunov", across)):
        value, error = (np.ravel(outcome[key])[0] for key in (name, f"{name}_error"))
        assert value == pytest.approx(exact, abs=5 * error)


def test_preimages_at_the_merging_are_the_roots_of_the_cubic():
    image = np.linspace(0, 1, 101)
    for z in transverse._preimages(image):
        assert ((z >= 0) & (z <= 1)).all()
        np.testing.assert_allclose(1.5 * np.sqrt(3) * (z - z**3), image, atol=2e-15)


# Towards full chaos


def test_the_integrals_behind_the_asymptote():
    z, d = sympy.symbols("z d", positive=True)
    half = sympy.integrate(sympy.log(1 + d / z**2), (z, 0, sympy.oo))
    assert sympy.simplify(2 * half - 2 * sympy.pi * sympy.sqrt(d)) == 0
    density = 1 / (sympy.pi * sympy.sqrt(4 - sympy.Integer(-1) ** 2))
    assert sympy.simplify(-half * density + sympy.sqrt(d / 3)) == 0
    e, mu = sympy.symbols("e mu")
    assert sympy.expand(1 + mu * e + e**2 - ((1 + e) ** 2 - (2 - mu) * e)) == 0


@pytest.mark.parametrize("power", [2, 3, 4, 5])
def test_the_asymptote_next_to_full_chaos(power):
    d = 10.0**-power
    mean, error = mean_and_error(transverse.never_positive(chaos(2 - d, 20_000), 2 - d))
    exact = transverse.near_full_chaos(2 - d)
    assert error < -0.02 * exact
    # the next term is of order d^(3/2), -1.6 of it where it can be seen
    assert mean == pytest.approx(exact, abs=5 * error + 2 * d**1.5)


def test_the_asymptote_ends_at_full_chaos():
    assert transverse.near_full_chaos(2.0) == 0.0
    assert np.isnan(transverse.near_full_chaos(2.1))
