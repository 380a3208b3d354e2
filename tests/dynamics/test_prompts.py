"""Steps on mini-batches of prompts, and how their cells are labelled, against the definition."""

import re

import mpmath
import numba
import numpy as np
import pytest
from llvmlite import binding

from lt2f.dynamics import kernels as k
from lt2f.dynamics import labels, orbits, rates
from lt2f.dynamics.batch_theory import BatchLaw, origin_exponents
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.compiler import WIDE
from lt2f.dynamics.lanes import SILENCE, Noise, factors, prepare
from lt2f.dynamics.model import CARRIED, PROMPTS, QUIET
from lt2f.dynamics.survey import Schedule

# Two prompts, drawn one at a time: they disagree on the minimum, and have E h = E g = 1.
PAIR = BatchLaw(np.array([0.7, 1.3]), np.array([1.2, 0.8]), np.array([0.5, 0.5]), exact=True)


def drawn(law, steps, seed=3):
    rng = np.random.default_rng(seed)
    return np.stack([law.h, law.g])[:, rng.choice(law.h.size, steps, p=law.weight)]


def noise_of(count, steps, law=PAIR, sequence=None):
    sequence = drawn(law, steps) if sequence is None else sequence
    return Noise("prompts", law, sequence, np.zeros(count))


def starts(cells):
    return tuple(np.array(column, dtype=float) for column in zip(*cells, strict=True))


def test_steps_are_those_of_the_definition():
    u, v, mus = starts([(0.5, 0.25, 0.75), (0.9, 0.0, 0.9), (0.0, 0.3, 0.7)])
    noise = noise_of(3, 40)
    state = prepare(u, v, mus, noise)
    k.ITERATE[PROMPTS](state, 12, 5, noise.sequence)
    for j in range(3):
        with mpmath.workdps(40):
            a, b = mpmath.mpf(u[j] + v[j]), mpmath.mpf(u[j] - v[j])
            for h, g in noise.sequence[:, 5:17].T:
                r = mpmath.mpf(h) * a * b - mpmath.mpf(mus[j]) * mpmath.mpf(g)
                a, b = a - r * b, b - r * a
        # Twelve steps in a bounded region: a few dozen roundings, each stretched a few times.
        assert abs(state[k.U, j] + state[k.V, j] - float(a)) < 1e-13
        assert abs(state[k.U, j] - state[k.V, j] - float(b)) < 1e-13


@pytest.mark.parametrize("kernel", [k.ITERATE, k.SETTLE])
def test_batches_of_the_whole_pool_give_the_bits_of_no_noise(crowd, kernel):
    loud = noise_of(192, 160, sequence=np.ones((2, 160)))
    one, other = prepare(*crowd, loud), prepare(*crowd)
    kernel[PROMPTS](one, 160, 0, loud.sequence)
    kernel[QUIET](other, 160, 0, SILENCE.sequence)
    np.testing.assert_array_equal(one[[k.U, k.V]], other[[k.U, k.V]])


def test_prompts_that_agree_give_the_bits_of_one_multiplier_until_it_is_carried(crowd):
    x = np.random.default_rng(5).uniform(-1.5, 1.5, 100)
    h = 1 + 0.25 * x  # a power of two, so that the kernel rounds it as is done here
    agreeing = noise_of(192, 100, sequence=np.stack([h, h]))
    alike = Noise("multiplicative", "uniform", x, np.full(192, 0.25))
    one, other = (orbits.residuals(*crowd, noise, 0, 100) for noise in (agreeing, alike))
    loud = np.minimum.accumulate(np.abs(other), axis=1) >= CARRIED
    assert loud[:, -1].sum() > 40
    np.testing.assert_array_equal(one[loud], other[loud])


def test_one_multiplier_and_a_target_that_moves_is_target_noise(crowd):
    u, v, mu = (part[:100] for part in starts([(0.6, 0.2, m) for m in np.linspace(0.3, 1.2, 100)]))
    x = np.random.default_rng(5).uniform(-1.5, 1.5, 20)
    ours = np.empty((100, 20))
    for j in range(100):
        g = 1 + 0.1 * x / mu[j]
        one = noise_of(1, 20, sequence=np.stack([np.ones(20), g]))
        ours[j] = orbits.residuals(u[j : j + 1], v[j : j + 1], mu[j : j + 1], one, 0, 20)[0]
    target = orbits.residuals(u, v, mu, Noise("target", "uniform", x, np.full(100, 0.1)), 0, 20)
    # Twenty steps of orbits that stretch by at most 3 a step from roundings of 1e-16.
    np.testing.assert_allclose(ours, target, atol=1e-16 * 3.0**20)


def test_every_kernel_takes_the_same_steps(crowd):
    noise = noise_of(192, 200)
    states = np.stack([prepare(*crowd, noise)] * 4)
    k.SETTLE[PROMPTS](states[0], 200, 0, noise.sequence)
    kept = np.empty((2, rates.KEPT, states.shape[2]))
    for state, kernel, out in zip(
        states[1:3], (rates.MEASURE, rates.WEIGHTLESS), kept, strict=True
    ):
        kernel[PROMPTS](state, np.array([0, 64, 200]), noise.sequence, out)
    for state in states[1:3]:
        np.testing.assert_array_equal(states[0][1:16], state[1:16])
    first = kept[:, : rates.END - 2], kept[:, rates.END : rates.RATES]
    assert all(np.array_equal(*rows, equal_nan=True) for rows in first)
    whole = orbits.residuals(*crowd, noise, 0, 200)
    later = orbits.residuals(*crowd, noise, 77, 123)
    bounded = np.isfinite(later)  # escaped orbits of the one may be lifted where others overflow
    np.testing.assert_array_equal(whole[:, 77:][bounded], later[bounded])


def test_rates_are_those_of_the_jacobian():
    """Along a bounded orbit: log|det| and log|1 + r|, from the step as theory writes it."""
    u, v, mus = starts([(0.8, 0.2, 0.6), (0.9, 0.05, 0.5)])
    noise, steps = noise_of(2, 96), 96
    state = prepare(u, v, mus, noise)
    kept = np.empty((rates.KEPT, state.shape[1]))
    rates.MEASURE[PROMPTS](state, np.array([0, steps]), noise.sequence, kept)
    for j in range(2):
        a, b, m, logs = u[j] + v[j], u[j] - v[j], mus[j], []
        vector = np.array([1.75, 0.25])  # X + Y and X - Y of the kernel's tangent
        start = np.sum(vector**2)
        for h, g in noise.sequence[:, :steps].T:
            r = h * a * b - m * g
            jacobian = np.array([[1 - h * b * b, -r - h * a * b], [-r - h * a * b, 1 - h * a * a]])
            vector = jacobian @ vector
            logs.append([np.log(abs(np.linalg.det(jacobian))), np.log(abs(1 + r))])
            a, b = a - r * b, b - r * a
        volume, across = np.mean(logs, axis=0)
        along = np.log(np.sum(vector**2) / start) / 2 / steps
        # Some hundred steps of orbits that come together: roundings of order 1e-16, few times each.
        np.testing.assert_allclose(
            kept[:3, j], [along, volume - along, across], rtol=1e-10, atol=1e-12
        )


# Labels

LONG = Schedule(transient=2000, measure=2000)


def test_disagreeing_prompts_keep_moving_around_a_minimum():
    mu = np.linspace(0.2, 0.7, 7)
    found = labels.explore(np.full(7, 0.5), np.full(7, 0.1), mu, LONG, noise_of(7, LONG.total))
    assert (found["regime"] == Regime.BOUNDED_NOISE).all()
    assert (found["loss_mean"] > 1e-4).all()


def test_what_agrees_is_never_labelled_wrong():
    """The residual sticks at rounding, and no rung of disagreeing batches holds for that."""
    h = np.array([0.5, 1.5])
    law = BatchLaw(h, h, np.array([0.5, 0.5]), exact=True)
    mu = np.linspace(0.2, 0.95, 16)
    found = labels.explore(
        np.full(16, 0.5), np.full(16, 0.1), mu, LONG, noise_of(16, LONG.total, law)
    )
    assert np.isin(found["regime"], [Regime.UNDECIDED, Regime.CHAOTIC]).all()
    converged = (1 - 2 * mu) ** 2 < 1 - mu**2  # |1 - h S| on average below 1, S >= 2 mu
    assert (found["regime"][converged] == Regime.UNDECIDED).all()


def test_collapse_is_to_an_origin_that_attracts():
    """g = -3 or 5: prompts that disagree on the sign of the product of the weights."""
    signs = BatchLaw(np.ones(2), np.array([-3.0, 5.0]), np.array([0.5, 0.5]), exact=True)
    mu = np.linspace(0.013, 0.303, 30)
    exponents, errors = origin_exponents(mu, signs)
    up, down = (np.log(np.abs((1 - 3 * m) * (1 + 5 * m))) / 2 for m in (mu, -mu))
    np.testing.assert_allclose(exponents, [up, down], rtol=1e-12)
    assert (errors == 0).all()
    schedule = Schedule(transient=20000, measure=4000)
    noise = noise_of(30, schedule.total, signs)
    found = labels.explore(np.full(30, 0.3), np.full(30, 0.1), mu, schedule, noise)
    collapsed = found["regime"] == Regime.COLLAPSED
    attracts = (exponents < 0).all(axis=0)
    assert collapsed.sum() > 5
    assert attracts[collapsed].all()
    np.testing.assert_allclose(
        np.sort(found["lyapunov"][collapsed]), np.sort(exponents.T[collapsed]), rtol=1e-12
    )


def test_a_sample_of_the_law_decides_only_beyond_its_error():
    rng = np.random.default_rng(8)
    g = rng.choice([-3.0, 5.0], 400)
    law = BatchLaw(np.ones(400), g, np.full(400, 1 / 400), exact=False)
    true = BatchLaw(np.ones(2), np.array([-3.0, 5.0]), np.array([0.5, 0.5]), exact=True)
    mu = np.linspace(0.013, 0.603, 60)
    (sampled, errors), (exact, _) = (origin_exponents(mu, one) for one in (law, true))
    assert (abs(sampled - exact) < 4 * errors).all()
    noise = Noise("prompts", law, np.ones((2, 1)), np.zeros(60))
    attracts = labels._origin_attracts(mu, noise)
    assert (exact[:, attracts] < 0).all()
    assert attracts.any()
    assert ((sampled < 0).all(axis=0) & ~attracts).any()


def test_the_moment_of_escape_is_that_of_the_definition():
    u, v, mus = starts([(1.3, 0.1, m) for m in np.linspace(1.0, 2.5, 40)])
    noise = noise_of(40, 400, BatchLaw(PAIR.h * 1.5, PAIR.g, PAIR.weight, exact=True))
    schedule = Schedule(transient=200, measure=200)
    found = labels.explore(u, v, mus, schedule, noise)
    gone = found["regime"] == Regime.DIVERGENT
    assert gone.sum() > 5
    for j in np.flatnonzero(gone):
        a, b, t = u[j] + v[j], u[j] - v[j], 0
        while a * a + b * b <= k.ESCAPE_SQUARED:
            h, g = noise.sequence[:, t]
            r = h * a * b - mus[j] * g
            a, b, t = a - r * b, b - r * a, t + 1
        # Rounding moves no escape within some 30 steps of the start by more than a step.
        if t < 30:
            assert found["steps"][j] == t


def test_a_factor_that_vanishes_is_lifted():
    u, v, mus = starts([(0.8, 1e-3, 0.9)])
    noise = noise_of(1, 40000)
    state = prepare(u, v, mus, noise)
    k.ITERATE[PROMPTS](state, 40000, 0, noise.sequence)
    assert state[k.V_LIFT, 0] > 0
    assert np.isfinite(factors(state)).all()


# Packed arithmetic

cpu = binding.get_host_cpu_features()


@pytest.mark.skipif(not (cpu.get("avx2") and cpu.get("fma")), reason="needs AVX2 and FMA")
@pytest.mark.parametrize("table", [k.ITERATE, k.SETTLE, k.RECORD, rates.WEIGHTLESS])
def test_the_lane_loop_is_packed(table):
    kernel = table[PROMPTS]
    # inspection is not possible for what comes from the cache
    fresh = numba.jit(**kernel.targetoptions)(kernel.py_func)
    noise = noise_of(1, 64)
    state = prepare(np.ones(1), np.zeros(1), np.ones(1), noise)
    arguments = {
        id(k.RECORD): (state, 0, noise.sequence, np.empty((state.shape[1], 16))),
        id(rates.WEIGHTLESS): (
            state, np.array([0, 32]), noise.sequence, np.empty((rates.KEPT, state.shape[1])),
        ),
    }  # fmt: skip
    fresh(*arguments.get(id(table), (state, 16, 0, noise.sequence)))
    (assembly,) = fresh.inspect_asm().values()
    packed, scalar = (len(re.findall(rf"\bvf\w+{kind}\b", assembly)) for kind in ("pd", "sd"))
    assert packed >= 8
    assert scalar == 0
    if WIDE:
        assert re.search(r"\bvf\w+pd\b.*zmm", assembly)
