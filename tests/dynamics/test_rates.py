import math
from fractions import Fraction
from itertools import pairwise

import mpmath
import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lt2f.dynamics import kernels as k
from lt2f.dynamics import lanes, rates
from lt2f.dynamics.model import MULTIPLICATIVE, QUIET, TARGET

ULP = 2.0**-52
STEPS = 72
AMPLITUDE = {QUIET: 0.0, MULTIPLICATIVE: 0.3, TARGET: 0.2}
every_model = pytest.mark.parametrize("model", AMPLITUDE, ids=["quiet", "multiplicative", "target"])
compiling = settings(deadline=None)


@numba.njit
def logarithm(x):
    return rates.logarithm(x)


@compiling
@given(st.floats(5e-324, 1.7e308))
@example(1.0)
@example(2.0)
@example(math.sqrt(2.0))
@example(1.0 - 2.0**-53)
@example(1.0 + 2.0**-52)
@example(2.0**-1022)
@example(np.nextafter(2.0**-1022, 0.0))
@example(5e-324)
def test_logarithm(x):
    with mpmath.workprec(120):
        exact = mpmath.log(mpmath.mpf(x))
        # a few roundings: of s, of the series, which is a tenth of it at most, and of the sum
        assert abs(logarithm(x) - exact) <= 2 * ULP * abs(exact)


def test_logarithm_of_what_has_none():
    assert logarithm(0.0) == -math.inf
    assert logarithm(math.inf) == math.inf
    assert math.isnan(logarithm(math.nan))


def noise_of(steps):
    return np.random.default_rng(5).uniform(-1.5, 1.5, steps)


def measured(cells, model, edges, kernels=rates.MEASURE):
    state = lanes.prepare(*cells)
    state[k.AMPLITUDE] = AMPLITUDE[model]
    kept = np.empty((rates.KEPT, state.shape[1]))
    kernels[model](state, np.array(edges), noise_of(edges[-1]), kept)
    return state, kept.reshape(4, rates.RATES, -1)


def log(q):
    """Logarithm of a positive fraction of any size."""
    shift = q.numerator.bit_length() - q.denominator.bit_length()
    return math.log(float(q / Fraction(2) ** shift)) + shift * math.log(2)


@every_model
def test_rates_of_one_block(model, crowd, plain_orbit):
    cells = [x[::4] for x in crowd]
    _, kept = measured(cells, model, [0, STEPS])
    exact_noise = [Fraction(AMPLITUDE[model]) * Fraction(x) for x in noise_of(STEPS)] + [
        Fraction(0)
    ]
    compared = 0
    for j, cell in enumerate(zip(*cells, strict=True)):
        *orbit, end = plain_orbit(*cell, STEPS, model, exact_noise)
        if len(orbit) < STEPS:
            continue
        s = squares = sum_a = sum_b = Fraction(0)
        x, y, volume, slack = Fraction(1), Fraction(3, 4), Fraction(1), 0.0
        for (u, v, e), n in zip(orbit, exact_noise, strict=False):
            h, r = (1 + n, (1 + n) * e) if model == MULTIPLICATIVE else (1, e - n)
            uu, uv, vv = (2 * h * z for z in (u * u, u * v, v * v))
            x, y = (1 - r - uu) * x + uv * y, uv * x + (1 + r - vv) * y
            det = (1 - r - uu) * (1 + r - vv) - uv * uv
            s, squares, volume = s + u * u + v * v, squares + e * e, volume * det
            sum_a, sum_b = sum_a + u + v, sum_b + u - v
            slack += 25 * ULP / float(abs(det))  # some 20 ulps of its terms, one of the product
        along, second, across, n, e2, a, b, ends = STEPS * kept[rates.FIRST, :, j]
        # STEPS additions of what is positive
        assert n == pytest.approx(float(s), rel=STEPS * ULP, abs=1e-80)
        assert e2 == pytest.approx(float(squares), rel=STEPS * ULP, abs=1e-300)
        # sums of any sign, of values of order one where orbits are bounded
        assert [a, b] == pytest.approx([float(sum_a), float(sum_b)], abs=4 * STEPS**2 * ULP)
        # later steps may turn what is rounded into the direction that grows
        start = 1 + Fraction(3, 4) ** 2
        assert along == pytest.approx(log((x * x + y * y) / start) / 2, abs=1e-9)
        if volume != 0:
            assert along + second == pytest.approx(log(abs(volume)), abs=slack + 1e-12)
        first, last = (2 + Fraction(cell[2]) - u * u for u, _, _ in (orbit[0], end))
        if min(abs(first), abs(last)) > 1e-3:  # else digits cancel
            assert ends == pytest.approx(log(abs(last / first)), abs=1e-11)
        if orbit[0][1] != 0 and end[1] != 0:  # logarithms of up to 500, rounded
            assert across == pytest.approx(log(abs(end[1] / orbit[0][1])), abs=2000 * ULP)
            compared += 1
    assert compared > 10


@every_model
def test_leaving_the_weights_out_changes_no_other_bit(model, crowd):
    edges = [0, 40, 96]
    state, kept = measured(crowd, model, edges)
    same, rest = measured(crowd, model, edges, rates.WEIGHTLESS)
    np.testing.assert_array_equal(same, state)
    others = np.setdiff1d(np.arange(rates.RATES), [5, 6])
    np.testing.assert_array_equal(rest[:, others], kept[:, others])
    assert model == QUIET or not rest[: rates.PRODUCTS, 5:7].any()


@every_model
def test_what_is_kept_of_many_blocks(model, crowd):
    # the same blocks, one call each
    cells, edges = [x[100:] for x in crowd], [0, 32, 64, 128, 160, 256]
    state, kept = measured(cells, model, edges)
    alone = lanes.prepare(*cells)
    alone[k.AMPLITUDE] = AMPLITUDE[model]
    blocks = []
    for first, last in pairwise(edges):
        one = np.empty((rates.KEPT, alone.shape[1]))
        rates.MEASURE[model](alone, np.array([first, last]), noise_of(edges[-1]), one)
        blocks.append(one[: rates.RATES])
    np.testing.assert_array_equal(alone, state)
    left = state[k.ESCAPED] == 0.0
    d = np.array(blocks)[:, :, left] - blocks[0][:, left]
    weights = np.diff(edges)[:, np.newaxis, np.newaxis] / edges[-1]
    sums = ((weights * x).sum(axis=0) for x in (d, d * d, d * d[:, rates.END :]))
    expected = [blocks[0][:, left], *sums]
    # sums of five terms that may cancel
    size = np.abs(d).max()
    for row, values in enumerate(expected):
        np.testing.assert_allclose(kept[row][:, left], values, atol=20 * ULP * size * max(size, 1))
