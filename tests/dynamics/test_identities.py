"""The algebra behind the kernels and the theory, proved symbolically."""

import pytest
import sympy as sp

a, b, mu, h, m, x, U, V = sp.symbols("a b mu h m x U V", real=True)
theta = sp.symbols("theta", real=True)


def step(a, b, h=1, m=mu):
    """One step with the residual r = h ab - m."""
    r = h * a * b - m
    return a - r * b, b - r * a


def vanishes(expression) -> bool:
    return sp.expand(expression) == 0


e = a * b - mu
S = a**2 + b**2
H = S - mu * e - 4
a1, b1 = step(a, b)
e1, S1 = a1 * b1 - mu, a1**2 + b1**2
H1 = S1 - mu * e1 - 4

PLANE = {
    "sum": (a1 + b1, (a + b) * (1 - e)),
    "difference": (a1 - b1, (a - b) * (1 + e)),
    "imbalance": (a1**2 - b1**2, (a**2 - b**2) * (1 - e**2)),
    "residual": (e1, e * (e**2 - 3 - H)),
    "residual, by sharpness": (e1, e**3 + mu * e**2 + e * (1 - S)),
    "sharpness": (S1, S * (1 + e**2) - 4 * e * (e + mu)),
    "ellipse": (H1, H * (1 + mu * e + e**2)),
    "least ellipse factor": (1 + mu * e + e**2, 1 - mu**2 / 4 + (e + mu / 2) ** 2),
    "ellipse in halves": (
        H.subs({a: U + V, b: U - V}, simultaneous=True),
        (2 - mu) * (U**2 - (2 + mu)) + (2 + mu) * V**2,
    ),
    "swap": (step(b, a)[0], b1),
    "reflection": (step(-a, -b)[0], -a1),
    # e' > e in ratio needs S < e ab, which |e| <= 2 and |ab| <= S/2 exclude inside the ellipse: so
    # the loss rises there iff e'/e < -1, which is S > 2 + mu e + e^2
    "rise, upper side": (e**2 - 3 - H - 1, e**2 + mu * e - S),
    "rise, lower side": (e**2 - 3 - H + 1, 2 + mu * e + e**2 - S),
    "no rise on the upper side": (S - mu * e - e**2, S - e * (a * b)),
}


@pytest.mark.parametrize("name", PLANE)
def test_plane(name):
    left, right = PLANE[name]
    assert vanishes(left - right)


def test_jacobian_of_a_noisy_step():
    r, sharpness = h * a * b - m, a**2 + b**2
    image = sp.Matrix(step(a, b, h, m))
    jacobian = image.jacobian([a, b])
    assert vanishes(jacobian[0, 1] - jacobian[1, 0])
    assert vanishes(jacobian[0, 1] + 2 * h * a * b - m)
    assert vanishes(jacobian.det() - (1 - h * sharpness - r * (3 * r + 2 * m)))
    assert vanishes(jacobian.trace() - (2 - h * sharpness))
    along, across = (jacobian.subs({a: x, b: x}) * sp.Matrix(v) for v in ([1, 1], [1, -1]))
    residual = h * x**2 - m
    assert all(vanishes(c - (1 + m - 3 * h * x**2)) for c in along)
    assert all(vanishes(c - s * (1 + residual)) for c, s in zip(across, (1, -1), strict=True))


def test_noise_keeps_the_product_form():
    r = h * a * b - m
    p, q = step(a, b, h, m)
    assert vanishes((p + q) - (a + b) * (1 - r))
    assert vanishes((p - q) - (a - b) * (1 + r))
    assert vanishes((p**2 - q**2) - (a**2 - b**2) * (1 - r**2))


def test_residual_near_a_minimum_under_multiplicative_noise():
    p, q = step(a, b, h, mu * h)
    assert vanishes((p * q - mu) - e * (1 - h * S + h**2 * e * (e + mu)))


def test_hessian_at_a_minimum_has_eigenvalues_zero_and_sharpness():
    hessian = sp.hessian(e**2 / 2, (a, b)).subs(b, mu / a)
    assert vanishes(hessian.det())
    assert vanishes(hessian.trace() - S.subs(b, mu / a))


def test_origin():
    jacobian = sp.Matrix([a1, b1]).jacobian([a, b]).subs({a: 0, b: 0})
    assert set(jacobian.eigenvals()) == {1 + mu, 1 - mu}


def test_ellipse_carries_the_tripled_angle():
    def point(angle):
        u, v = 2 * sp.sqrt(2 + mu) * sp.cos(angle), 2 * sp.sqrt(2 - mu) * sp.sin(angle)
        return (u + v) / 2, (u - v) / 2

    p, q = point(theta)
    assert sp.simplify(H.subs({a: p, b: q}, simultaneous=True)) == 0
    assert sp.simplify(p * q - mu - 2 * sp.cos(2 * theta)) == 0
    for image, expected in zip(step(p, q), point(sp.pi - 3 * theta), strict=True):
        assert sp.simplify(sp.expand_trig(sp.expand(image - expected))) == 0
    # and on it the residual is the Chebyshev cubic
    assert vanishes((e1 - (e**3 - 3 * e)) + e * H)


def test_ellipse_factor_dominates_the_transverse_one():
    # 1 + mu e + e^2 >= |1 + e|^mu: compare logarithms as functions of mu on [0, 2]
    r = sp.symbols("r", real=True)
    factor = 1 + mu * r + r**2
    curvature = sp.diff(sp.log(factor), mu, 2)
    assert sp.simplify(curvature + r**2 / factor**2) == 0  # concave
    assert vanishes(factor.subs(mu, 2) - (1 + r) ** 2)  # equal at mu = 2
    assert factor.subs(mu, 0) == 1 + r**2  # not below at mu = 0


def balanced(r):
    return r**3 + (mu - 2) * r**2 + (1 - 2 * mu) * r


def test_balanced_slice():
    r = sp.symbols("r")
    image, other = step(x, x)
    assert vanishes(image - ((1 + mu) * x - x**3))
    assert vanishes(image - other)
    assert vanishes(image**2 - mu - balanced(x**2 - mu))
    # critical points: e = 1, which maps to the origin, and one free one
    assert vanishes(sp.diff(balanced(r), r) - (r - 1) * (3 * r - (1 - 2 * mu)))
    assert vanishes(balanced(1) + mu)
    assert vanishes(balanced(-mu) + mu)


def test_overshoot():
    r = sp.symbols("r")
    ratio = sp.cancel(balanced(r) / r)
    assert vanishes(ratio - (r - 1 + mu / 2) ** 2 + mu + mu**2 / 4)
    assert vanishes(ratio.subs(r, -mu) - 1)
    assert vanishes(ratio.subs(r, 2) - 1)


def test_two_cycle():
    r = sp.symbols("r")
    quadratic = r**2 - (1 - mu) * r + (1 - mu)
    partner = (1 - mu) - r

    def modulo(expression):
        return sp.expand(sp.rem(sp.expand(expression), quadratic, r))

    slope = sp.diff(balanced(r), r)
    assert modulo(balanced(r) - partner) == 0
    assert modulo(slope * slope.subs(r, partner) - (9 - 2 * (1 + mu) ** 2)) == 0
    assert modulo((1 + r) * (1 + partner) - (3 - 2 * mu)) == 0
    assert modulo((r**2 + partner**2) / 4 - (mu**2 - 1) / 4) == 0


def test_step_size_at_the_edge():
    # h = 0 for descent on (x z - y)^2/2 with step eta: a = sqrt(eta) x, b = sqrt(eta) z
    z, y, eta = sp.symbols("z y eta", positive=True)
    boundary = H.subs({a: sp.sqrt(eta) * x, b: sp.sqrt(eta) * z, mu: eta * y}, simultaneous=True)
    norm, slack = x**2 + z**2, x * z - y
    assert vanishes(boundary - (eta * norm - eta**2 * y * slack - 4))
    radicand = norm**2 - 16 * y * slack
    assert vanishes(radicand - ((x**2 - z**2) ** 2 + (2 * x * z - 4 * y) ** 2))
    root = 8 / (norm + sp.sqrt(radicand))
    assert sp.simplify(boundary.subs(eta, root)) == 0
    assert sp.simplify(boundary.subs(eta, 2 / y) - 2 * (x - z) ** 2 / y) == 0


def test_antisymmetric_cycle():
    # x -> y -> -x with A = k - x^2 = y/x and B = k - y^2 = -x/y, so AB = -1; w = A + B
    A, k, w = sp.symbols("A k w")
    B = -1 / A
    closes = sp.numer(sp.together((k - B) - (k - A) * A**2))  # y^2 = x^2 A^2
    assert vanishes(closes - sp.expand(A**2 * ((A + B) ** 2 - k * (A + B) + 2)))
    slopes = (3 * A - 2 * k) * (3 * B - 2 * k)
    multiplier = sp.simplify(-slopes - (9 + 6 * k * (A + B) - 4 * k**2))
    assert multiplier == 0
    doubling = sp.resultant(w**2 - k * w + 2, 9 + 6 * k * w - 4 * k**2 + 1, w)
    assert sp.rem(doubling, 2 * k**4 - 13 * k**2 - 25, k) == 0
    birth = sp.resultant(w**2 - k * w + 2, 9 + 6 * k * w - 4 * k**2 - 1, w)
    assert sp.rem(birth, k**2 - 8, k) == 0


# Averages


def test_what_telescopes_averages_to_nothing():
    r = h * a * b - m
    a2, b2 = step(a, b, h, m)
    assert vanishes(a2 - a + r * b)
    assert vanishes(b2 - b + r * a)
    assert vanishes(a2**2 + b2**2 - S - (r**2 * S - 4 * r * a * b))
    assert vanishes(e1 - e - e * (e**2 + mu * e - S))


def test_mean_weight_of_the_two_cycle():
    # the roots of e^2 - (1 - mu) e + 1 - mu: sum and product of x^2 = mu + e
    total, product = 1 - mu, 1 - mu
    sum_of_squares = 2 * mu + total
    assert vanishes(mu**2 + mu * total + product - 1)  # hence x1 x2 = 1
    mean_square = (sum_of_squares + 2) / 4
    assert vanishes(mean_square - (3 + mu) / 4)
    assert vanishes((mean_square - mu) ** 2 / 2 - sp.Rational(9, 32) * (mu - 1) ** 2)
    # and x1 x2 = +1: the factor 1 - e of both steps is positive up to mu = 2
    assert sp.solve(1 - total + product, mu) == []  # e is never 1
