"""Steps in which each factor has a multiplier of its own, against the definition."""

import re

import mpmath
import numba
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding

from lt2f.dynamics import asymmetric as room
from lt2f.dynamics import kernels as k
from lt2f.dynamics import orbits
from lt2f.dynamics.compiler import WIDE
from lt2f.dynamics.lanes import Noise, factors, prepare, residual_and_norm
from lt2f.dynamics.model import CARRIED, MULTIPLICATIVE
from lt2f.training.batches import pair

a, b, mu, h, g = sympy.symbols("a b mu h g", real=True)
U, V, m, d, e = (a + b) / 2, (a - b) / 2, (h + g) / 2, (h - g) / 2, a * b - mu
AFTER = a - h * e * b, b - g * e * a


def noise_of(steps, amplitude, law="two_point"):
    return Noise("factors", law, pair(7, 3, steps, law), amplitude)


def starts(cells):
    return tuple(np.array(column, dtype=float) for column in zip(*cells, strict=True))


def test_the_step_in_half_sum_and_half_difference():
    x, y = (AFTER[0] + AFTER[1]) / 2, (AFTER[0] - AFTER[1]) / 2
    assert sympy.expand(x - (U * (1 - m * e) + d * e * V)) == 0
    assert sympy.expand(y - (V * (1 + m * e) - d * e * U)) == 0


def test_the_residual_that_is_carried_along():
    carried = e * (1 - m * (a**2 + b**2) + 4 * d * U * V + (m**2 - d**2) * e * a * b)
    assert sympy.expand(AFTER[0] * AFTER[1] - mu - carried) == 0


@pytest.mark.parametrize("law", ["two_point", "uniform", "normal"])
def test_steps_are_those_of_the_definition(law):
    u, v, mus = starts([(0.5, 0.25, 0.75), (0.9, 0.0, 1.2), (0.0, 0.3, 0.7)])
    noise = noise_of(40, np.full(3, 0.1), law)
    state = prepare(u, v, mus, noise)
    room.iterate(state, 12, 0, noise.sequence)
    for j in range(3):
        with mpmath.workdps(40):
            one, two = mpmath.mpf(u[j] + v[j]), mpmath.mpf(u[j] - v[j])
            for x, y in noise.sequence[:, :12].T:
                r = one * two - mpmath.mpf(mus[j])
                h, g = (1 + mpmath.mpf(0.1) * mpmath.mpf(z) for z in (x, y))
                one, two = one - h * r * two, two - g * r * one
        # Twelve steps in a bounded region: a few dozen roundings, each stretched a few times.
        assert abs(state[k.U, j] + state[k.V, j] - float(one)) < 1e-13
        assert abs(state[k.U, j] - state[k.V, j] - float(two)) < 1e-13


def test_equal_multipliers_give_the_bits_of_one(crowd):
    """With x = y the noise is the multiplicative one, and d = 0 adds nothing."""
    x = np.random.default_rng(5).uniform(-1.5, 1.5, 160)
    amplitude = np.full(192, 0.3)
    apart = prepare(*crowd, Noise("factors", "uniform", np.stack([x, x]), amplitude))
    alike = prepare(*crowd, Noise("multiplicative", "uniform", x, amplitude))
    room.iterate(apart, 160, 0, np.stack([x, x]))
    k.ITERATE[MULTIPLICATIVE](alike, 160, 0, x)
    left = 2 * (alike[k.U] ** 2 + alike[k.V] ** 2) < k.ESCAPE_SQUARED
    left[192:] = False
    assert left.sum() > 100
    for one, other in zip(factors(apart), factors(alike), strict=True):
        # A factor that vanishes is lifted there, and runs into subnormal numbers here.
        seen = left & (np.abs(other) > 1e-300)
        np.testing.assert_array_equal(one[seen], other[seen])
    for one, other in zip(residual_and_norm(apart), residual_and_norm(alike), strict=True):
        np.testing.assert_array_equal(one[left], other[left])


def test_multipliers_of_one_give_the_bits_of_none_until_a_residual_is_carried(crowd):
    silent = Noise("none", "two_point", np.zeros(1), np.zeros(192))
    still = Noise("factors", "two_point", pair(7, 0, 100, "two_point"), np.zeros(192))
    plain, apart = (orbits.residuals(*crowd, noise, 0, 100) for noise in (silent, still))
    loud = np.minimum.accumulate(np.abs(plain), axis=1) >= CARRIED
    assert loud[:, -1].sum() > 40
    np.testing.assert_array_equal(apart[loud], plain[loud])


@settings(deadline=None, max_examples=25)
@given(chosen=st.lists(st.integers(0, 191), min_size=1, max_size=150), cut=st.integers(1, 99))
def test_neighbours_and_calls_do_not_matter(crowd, chosen, cut):
    noise = noise_of(100, np.full(192, 0.1), "uniform")
    whole = prepare(*crowd, noise)
    room.iterate(whole, 100, 0, noise.sequence)
    apart = prepare(*(x[chosen] for x in crowd), noise_of(100, np.full(len(chosen), 0.1)))
    for first, last in ((0, cut), (cut, 100)):
        room.iterate(apart, last - first, first, noise.sequence)
    rows = [k.U, k.V]
    np.testing.assert_array_equal(apart[rows, : len(chosen)], whole[np.ix_(rows, chosen)])


def test_what_is_recorded_is_what_steps_see(crowd):
    noise = noise_of(80, np.full(192, 0.1), "normal")
    e, imbalance = orbits.with_imbalances(*crowd, noise, 30, 50)
    np.testing.assert_array_equal(e, orbits.residuals(*crowd, noise, 30, 50))
    loss, _, path = orbits.trajectory(*crowd, noise, 80)
    np.testing.assert_array_equal(imbalance, path[:, 30:])
    loss, e = loss[:, 30:], np.where(np.abs(e) < 1e100, e, np.nan)
    seen = (loss > 1e-60) & (
        loss < 1e100
    )  # the one squares a lifted residual, the other a true one
    np.testing.assert_array_equal((e * e / 2)[seen], loss[seen])


@pytest.mark.parametrize("model", ["none", "multiplicative", "target", "factors"])
def test_imbalances_follow_their_own_recursion(model):
    """D' = D - 2 e ab (h - k) + e^2 (h^2 b^2 - k^2 a^2), which D (1 - r^2) is for h = k."""
    x = pair(1, 0, 60, "uniform")
    sequence, s = x if model == "factors" else x[0], 0.0 if model == "none" else 0.05
    u, v, mus = starts([(0.6, 0.3, 0.8), (1.0, 0.01, 1.7), (0.7, 1e-3, 1.1)])
    noise = Noise(model, "uniform", sequence, np.full(3, s))
    e, imbalance = orbits.with_imbalances(u, v, mus, noise, 10, 50)
    h, g = 1 + s * x if model == "factors" else np.ones((2, 60)) + s * x[0]
    for t in range(49):
        p, D, h_t, g_t = e[:, t] + mus, imbalance[:, t], h[10 + t], g[10 + t]
        if model == "target":
            after = D * (1 - (e[:, t] - s * x[0, 10 + t]) ** 2)
        else:
            r = e[:, t]
            S = np.hypot(D, 2 * p)
            squares = h_t**2 * (S - D) / 2 - g_t**2 * (S + D) / 2
            after = D - 2 * r * p * (h_t - g_t) + r * r * squares
        # S of order one, rounded a few times
        np.testing.assert_allclose(imbalance[:, t + 1], after, atol=1e-14)


def test_an_escaped_orbit_is_missing():
    u, v, mus = starts([(3.0, 0.5, 1.0), (0.7, 0.0, 1.2)])
    e, imbalance = orbits.with_imbalances(u, v, mus, noise_of(60, np.full(2, 0.1)), 20, 40)
    assert np.isnan(e[0]).all()
    assert np.isnan(imbalance[0]).all()
    assert np.isfinite([e[1], imbalance[1]]).all()


def test_an_imbalance_beyond_doubles_is_zero_and_no_error():
    u, v, mus = starts([(0.7, 1e-3, 1.2)])
    silent = Noise("none", "two_point", np.zeros(1), np.zeros(1))
    _, imbalance = orbits.with_imbalances(u, v, mus, silent, 5000, 10)
    assert (imbalance == 0).all()


# Packed arithmetic

cpu = binding.get_host_cpu_features()


@pytest.mark.skipif(not (cpu.get("avx2") and cpu.get("fma")), reason="needs AVX2 and FMA")
@pytest.mark.parametrize("name", ["iterate", "record"])
def test_the_lane_loop_is_packed(name):
    kernel = getattr(room, name)
    # inspection is not possible for what comes from the cache
    fresh = numba.jit(**kernel.targetoptions)(kernel.py_func)
    noise = noise_of(k.SPAN, np.zeros(1))
    state = prepare(np.ones(1), np.zeros(1), np.ones(1), noise)
    if name == "iterate":
        fresh(state, 16, 0, noise.sequence)
    else:
        fresh(state, 0, noise.sequence, np.empty((state.shape[1], 16)))
    (assembly,) = fresh.inspect_asm().values()
    packed, scalar = (len(re.findall(rf"\bvf\w+{kind}\b", assembly)) for kind in ("pd", "sd"))
    assert packed >= 8
    assert scalar == 0
    if WIDE:
        assert re.search(r"\bvf\w+pd\b.*zmm", assembly)
