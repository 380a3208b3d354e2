"""Closed forms of the map with weight decay, proved from its definition or held against it."""

import numpy as np
import pytest
import sympy as sp

from lt2f.dynamics import decay, repeller, theory

a, b, mu, kappa, x = sp.symbols("a b mu kappa x", real=True)
E = a * b - mu
STEP = sp.Matrix([(1 - kappa) * a - E * b, (1 - kappa) * b - E * a])
NU = mu - kappa


def at(expression, **values):
    return float(expression.subs({sp.Symbol(k, real=True): v for k, v in values.items()}))


def test_the_step_is_descent_on_the_loss_with_weights():
    loss = E**2 / 2 + kappa * (a**2 + b**2) / 2
    descent = sp.Matrix([a, b]) - sp.Matrix([loss.diff(a), loss.diff(b)])
    assert (STEP - descent).expand() == sp.zeros(2, 1)


def test_fixed_points_are_the_origin_and_two_balanced_minima():
    found = sp.solve(list(STEP - sp.Matrix([a, b])), [a, b], dict=True)
    values = {"mu": sp.Rational(7, 5), "kappa": sp.Rational(1, 5)}
    points = {
        tuple(sp.nsimplify(z.subs({mu: values["mu"], kappa: values["kappa"]})) for z in p.values())
        for p in found
    }
    # what has a = -b is real only where mu + kappa < 0
    real = {p for p in points if all(z.is_real for z in p)}
    root = sp.sqrt(values["mu"] - values["kappa"])
    assert real == {(0, 0), (root, root), (-root, -root)}


def test_multipliers_of_fixed_points():
    jacobian = STEP.jacobian([a, b])
    origin = jacobian.subs({a: 0, b: 0}).eigenvals()
    assert {sp.expand(z) for z in origin} == {1 - kappa + mu, 1 - kappa - mu}
    minimum = jacobian.subs({a: sp.sqrt(NU), b: sp.sqrt(NU)}).eigenvals()
    assert {sp.expand(z) for z in minimum} == {sp.expand(1 - 2 * NU), 1 - 2 * kappa}
    # in order: along a = b first
    np.testing.assert_allclose(decay.origin_multipliers(0.7, 0.2), [1.5, 0.1], rtol=1e-15)
    np.testing.assert_allclose(decay.minimum_multipliers(0.7, 0.2), [0.0, 0.6], atol=1e-15)
    ones = sp.Matrix([1, 1])
    along = jacobian.subs({a: sp.sqrt(NU), b: sp.sqrt(NU)}) * ones
    assert (along - (1 - 2 * NU) * ones).expand() == sp.zeros(2, 1)


@pytest.mark.parametrize("k", [0.05, 0.3, 0.9])
def test_stability_ends_where_it_is_said_to(k):
    below, above = decay.edge_of_stability(k) + np.array([-1e-9, 1e-9])
    assert (np.abs(decay.minimum_multipliers(below, k)) < 1).all()
    assert (np.abs(decay.minimum_multipliers(above, k)) > 1).any()
    # and begins where the origin ceases to attract, if that does for this reason
    assert (np.abs(decay.origin_multipliers(k - 1e-9, k)) < 1).all()
    assert (np.abs(decay.origin_multipliers(k + 1e-9, k)) > 1).any()
    assert (np.abs(decay.minimum_multipliers(k + 1e-9, k)) < 1).all()


def test_on_the_balanced_line_decay_is_a_shift_of_the_step_size():
    line = STEP.subs({a: x, b: x}, simultaneous=True)
    assert sp.expand(line[0] - ((1 + NU) * x - x**3)) == 0
    assert sp.expand(line[0] - line[1]) == 0
    across = STEP.jacobian([a, b]).subs({a: x, b: x}) * sp.Matrix([1, -1])
    assert (across - (1 - 2 * kappa + x**2 - NU) * sp.Matrix([1, -1])).expand() == sp.zeros(2, 1)


def test_imbalance_and_norm_after_a_step():
    imbalance, norm = a**2 - b**2, a**2 + b**2
    after = STEP[0] ** 2 - STEP[1] ** 2
    assert sp.expand(after - imbalance * ((1 - kappa) ** 2 - E**2)) == 0
    values = {"a": 1.3, "b": -0.4, "mu": 0.8, "kappa": 0.15}
    exact = at(STEP[0] ** 2 + STEP[1] ** 2, **values)
    found = decay.step_norm(at(norm, **values), at(E, **values), 0.8, 0.15)
    assert found == pytest.approx(exact, rel=1e-14)


def bounded(start, m, k, sign):
    """Whether the run from a = x, b = sign x stays, iterated as it is written."""
    with np.errstate(over="ignore", invalid="ignore"):
        one, two = start.copy(), sign * start
        for _ in range(3000):
            e = one * two - m
            one, two = (1 - k) * one - e * two, (1 - k) * two - e * one
        return np.abs(one) < 10


@pytest.mark.parametrize(("m", "k"), [(0.5, 0.1), (1.4, 0.3), (1.9, 0.01), (0.2, 0.6)])
def test_bounds_on_the_two_invariant_lines(m, k):
    edges = decay.balanced_bound(m, k), decay.opposite_bound(m, k)
    for edge, sign in zip(edges, (1, -1), strict=True):
        x = edge * np.array([0.999, 0.4, 0.01, 1.001, 1.5])
        assert bounded(x, m, k, sign).tolist() == [True, True, True, False, False]


@pytest.mark.parametrize(("m", "k"), [(1.3, 0.1), (1.1, 0.05), (1.7, 0.6)])
def test_multipliers_of_the_balanced_two_cycle(m, k):
    nu = m - k
    f = np.roots([1.0, nu - 1.0, 1.0 - nu])
    x = np.sqrt(f + nu)
    assert (1 + nu) * x[0] - x[0] ** 3 == pytest.approx(x[1], abs=1e-14)  # it is a cycle
    along = np.prod(1 + nu - 3 * x**2)
    across = np.prod(1 - k + (x**2 - m))
    np.testing.assert_allclose(decay.two_cycle_multipliers(m, k), [along, across], atol=1e-13)


def test_without_decay_everything_is_as_it_was():
    m = np.linspace(0.1, 1.9, 7)
    np.testing.assert_array_equal(decay.shifted(m, 0.0), m)
    np.testing.assert_array_equal(decay.balanced_bound(m, 0.0), theory.slice_bound(m))
    across = decay.two_cycle_multipliers(1.2, 0.0)[1]
    assert across == pytest.approx(3 - 2 * 1.2, abs=1e-14)
    np.testing.assert_array_equal(decay.minimum_multipliers(m, 0.0)[1], np.ones(7))  # the valley


@pytest.mark.parametrize("k", [1e-3, 1e-4])
def test_weak_decay_balances_minima_at_twice_its_rate(k):
    """The imbalance goes like exp(-2 kappa t), up to kappa once more: e is -2 kappa mu/S there."""
    one, two, m, steps = 1.0, 0.55, 0.55, round(1 / k)
    start = one**2 - two**2
    for _ in range(steps):
        e = one * two - m
        one, two = (1 - k) * one - e * two, (1 - k) * two - e * one
    # (1 - k)^2 - e^2 = exp(-2k - 1.5 k^2 + ...) at most, and e of order k: 3 k in 1/k steps
    assert (one**2 - two**2) / start == pytest.approx(np.exp(-2.0), rel=3 * k)


@pytest.mark.parametrize("m", [0.3, 1.0, 1.5])
def test_the_limiting_dimension_counts_reciprocal_products(m):
    """Counted piece by piece: of 3^n angles, the sum of the reciprocal products grows like P.

    Sums over a lattice of angles, tripled n times, converge geometrically to the mean that the
    transfer operator takes.
    """
    sums = []
    for n in (6, 7, 8):
        t = 2 * np.pi * (np.arange(3**12) + 0.5) / 3**12
        product = np.ones_like(t)
        for _ in range(n):
            f = 2 * np.cos(t)
            product, t = product * (1 + m * f + f * f), 3 * t
        sums.append(np.mean(1 / product))
    growth = np.log(3 * np.array(sums[1:]) / np.array(sums[:-1]))
    found = decay.boundary_dimension(m)
    assert 1 + growth[1] / np.log(3) == pytest.approx(found.value, abs=2e-3)
    assert found.value == 2 - repeller.escape_rate(m).value / np.log(3)
    assert 1 < found.value < 2
    assert found.error < 1e-9
