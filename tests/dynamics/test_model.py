import math
from fractions import Fraction

import numba
import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lt2f.dynamics import compiler, model

HALF_ULP = Fraction(1, 2**53)  # relative error of one rounding

finite = st.floats(allow_nan=False, allow_infinity=False)
state = st.floats(-4, 4)
step_size = st.floats(0, 4)
compiling = settings(deadline=None)  # the first call of a kernel compiles it


@numba.njit
def fma(x, y, z):
    return compiler.fma(x, y, z)


@compiling
@given(finite, finite, finite)
@example(2.0**-30, 2.0**-30 + 2.0**-82, -(2.0**-60))  # all that the product rounds away
@example(1.0 + 2.0**-52, 1.0 - 2.0**-53, -1.0)
@example(1.0 + 2.0**-27, 1.0 + 2.0**-27, 2.0**-107)  # just above a tie
@example(2.0**-600, 2.0**-460, 2.0**-1074)  # among subnormal numbers
def test_fma_rounds_once(x, y, z):
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    assume(abs(exact) < 2**1023)
    assert fma(x, y, z) == float(exact)


@compiling
@given(finite, finite)
def test_fma_shows_what_a_product_rounds_away(x, y):
    assume(1e-100 < abs(x) < 1e100)
    assume(1e-100 < abs(y) < 1e100)
    assert Fraction(fma(x, y, -(x * y))) == Fraction(x) * Fraction(y) - Fraction(x * y)


@compiling
@given(state, state, step_size)
def test_residual_and_norm_are_those_of_the_factors(u, v, mu):
    U, V = Fraction(u), Fraction(v)
    a, b = U + V, U - V
    e, n = a * b - Fraction(mu), (a * a + b * b) / 2
    # v^2 + mu is rounded, then the result (twice for the last); both may be subnormal
    first, tiny = V * V + Fraction(mu), Fraction(1, 2**1000)
    assert abs(Fraction(model.residual(u, v, mu)) - e) <= HALF_ULP * (2 * first + abs(e)) + tiny
    assert abs(Fraction(model.half_norm(u, v)) - n) <= 3 * HALF_ULP * n + tiny


def test_residual_is_exact_where_the_factors_are():
    assert model.residual(1.0, 0.25, 0.9375) == 0.0
    assert model.residual(1.0 + 2.0**-30, 0.0, 1.0) == 2.0**-29 + 2.0**-60


@compiling
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 1.999))
def test_loss_rises_iff_the_criterion_is_positive(radius, turn, mu):
    u = radius * np.sqrt(2 + mu) * np.cos(2 * np.pi * turn)
    v = radius * np.sqrt(2 - mu) * np.sin(2 * np.pi * turn)
    U, V, m = Fraction(u), Fraction(v), Fraction(mu)
    a, b = U + V, U - V
    e, s = a * b - m, a * a + b * b
    assume(e != 0)
    assume(s - m * e < 4 - Fraction(1, 10**9))  # inside the ellipse
    a1, b1 = a - e * b, b - e * a
    rises = abs(a1 * b1 - m) > abs(e)
    criterion = s - 2 - m * e - e * e
    assert rises == (criterion > 0)
    found = model.residual(u, v, mu)
    value = model.loss_rise(found, found + mu, model.half_norm(u, v))
    # S, S - 2, e, e + mu and the fused product: sizes are 8, 8, 2, 4 and 8 at most
    assert abs(Fraction(value) - criterion) <= 200 * HALF_ULP
    assert abs(criterion) <= 200 * HALF_ULP or (value > 0) == rises


# The Jacobian, from the map in (a, b) and in (U, V), as functions of exact arguments

_a, _b, _u, _v, _h, _m = sp.symbols("a b u v h m")
_r = _h * _a * _b - _m
_k = sp.Symbol("k")
_plane = sp.Matrix([_k * _a - _r * _b, _k * _b - _r * _a]).jacobian([_a, _b])
_q = _h * (_u**2 - _v**2) - _m
_halves = sp.Matrix([_u * (_k - _q), _v * (_k + _q)]).jacobian([_u, _v])
exact_determinant = sp.lambdify((_a, _b, _h, _m, _k), sp.expand(_plane.det()))
exact_tangent = sp.lambdify((_u, _v, _h, _m, _k), list(_halves))

multiplier_and_target = st.one_of(  # without noise and with it
    step_size.map(lambda mu: (1.0, mu)), st.tuples(st.floats(-3, 3), st.floats(-3, 3))
)


share = st.just(1.0) | st.floats(0, 1)  # of the weights that a step keeps


@compiling
@given(state, state, multiplier_and_target, share)
def test_determinant(u, v, noise, q):
    h, m = noise
    ab, s = u * u - v * v, 2 * (u * u + v * v)
    r = h * ab - m
    U, V = Fraction(u), Fraction(v)
    exact = exact_determinant(U + V, U - V, Fraction(h), Fraction(m), Fraction(q))
    # terms of size |r|^2, |r h ab|, |h S|, each made with a few roundings of its own parts
    size = 1 + (abs(h) * s + abs(m)) ** 2 + abs(h) * s
    assert abs(
        Fraction(model.determinant(r, h * ab, h * s / 2, q)) - exact
    ) <= 20 * HALF_ULP * Fraction(size)


@compiling
@given(state, state, multiplier_and_target, st.floats(-1, 1), st.floats(-1, 1), share)
def test_tangent(u, v, noise, x, y, q):
    h, m = noise
    r = h * (u * u - v * v) - m
    uu, uv, vu, vv = exact_tangent(*map(Fraction, (u, v, h, m, q)))
    X, Y = Fraction(x), Fraction(y)
    size = Fraction(1 + abs(m) + 4 * abs(h) * (u * u + v * v)) * (abs(X) + abs(Y))
    image = map(Fraction, model.tangent(u, v, x, y, r, h, q))
    for found, exact in zip(image, (uu * X + uv * Y, vu * X + vv * Y), strict=True):
        assert abs(found - exact) <= 20 * HALF_ULP * size + Fraction(1, 2**1000)


def test_determinant_is_the_area_of_tangents():
    # in powers of two nothing is rounded
    u, v, h, m = 0.75, -0.5, 1.5, 0.25
    r = h * (u * u - v * v) - m
    (xx, yx), (xy, yy) = (
        model.tangent(u, v, *unit, r, h, 0.5) for unit in ((1.0, 0.0), (0.0, 1.0))
    )
    area = model.determinant(r, h * (u * u - v * v), h * (u * u + v * v), 0.5)
    assert xx * yy - xy * yx == area


# Scales

# what a lane may hold after one span: far below one, or a few powers of two above
sizes = st.builds(math.ldexp, st.floats(1.0, 2.0), st.integers(-700, 90))


def scaled(value, lift):
    return Fraction(value) / Fraction(2) ** int(lift)


@numba.njit
def exponent(x):
    return model.exponent(x)


@compiling
@given(st.floats(2.0**-1022, 1.7e308), st.sampled_from([-1.0, 1.0]))
@example(1.0, -1.0)
@example(np.nextafter(1.0, 0.0), 1.0)
def test_exponent(size, sign):
    assert exponent(sign * size) == math.frexp(size)[1] - 1
    assert (exponent(0.0), exponent(-math.inf), exponent(math.nan)) == (-1023.0, 1024.0, 1024.0)


@compiling
@given(st.integers(-1022, 1023))
def test_power_of_two(k):
    assert model.power_of_two(float(k)) == math.ldexp(1.0, k)


@compiling
@given(sizes, st.sampled_from([-1.0, 1.0]), st.integers(0, 2000))
@example(2.0**-150, 1.0, 0)
@example(np.nextafter(2.0**-150, 0), 1.0, 3)
@example(2.0**-149, -1.0, 1)
@example(2.0**-100, -1.0, 2**28)
def test_lifting_keeps_the_value(size, sign, lift):
    value = sign * size
    lifted, count = model.lifting(value, float(lift))
    assert scaled(lifted, count) == scaled(value, lift)
    assert count >= 0
    # in range, and while lifted too small for the residual to see it
    assert abs(lifted) >= 2.0**-150
    assert count == 0 or abs(lifted) < 2.0**-149


def test_lifting_leaves_what_has_no_scale():
    assert model.lifting(0.0, 0.0)[0] == 0.0
    assert model.lifting(-math.inf, 0.0) == (-math.inf, 0.0)
    assert math.isnan(model.lifting(math.nan, 7.0)[0])


@compiling
@given(st.builds(math.ldexp, st.floats(1.0, 2.0), st.integers(-699, 699)))
@example(model.TINY)
@example(np.nextafter(model.TINY, 0))
@example(model.HUGE)
@example(np.nextafter(model.HUGE, np.inf))
def test_rescaling_keeps_the_value(size):
    factor, strides = model.rescaling(size)
    assert scaled(size * factor, -300 * strides) == Fraction(size)
    assert (factor == 1.0) == (model.TINY <= size <= model.HUGE) == (strides == 0.0)
    assert model.TINY <= size * factor <= model.HUGE


@pytest.mark.parametrize("size", [0.0, np.inf, np.nan])
def test_rescaling_passes_through_what_has_no_scale(size):
    np.testing.assert_equal(size * model.rescaling(size)[0], size)


def test_a_stride_is_what_its_logarithm_says():
    assert model.STRIDE == 2.0**300
    assert float(300 * sp.log(2)) == model.LOG_STRIDE
    assert float(sp.log(2)) == model.LOG_2
