"""The map in 50 digits: true to theory, and in agreement with the kernels wherever both decide."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.extended import BLOCKS, label
from lt2f.dynamics.extended_map import find_cycle, precision, repeats, start, step, tangent
from lt2f.dynamics.labels import explore
from lt2f.dynamics.survey import Schedule

TRANSIENT, MEASURE = 4000, 6400
EPSILON = Decimal("1e-47")  # a few hundred roundings of 50 digits
doubles = st.floats(-2.0, 2.0)
cell = st.tuples(doubles, doubles, st.floats(0.0, 2.0))


def decimals(*values):
    return [Decimal(value) for value in values]


# The map, to its precision


@given(cell)
def test_one_step_is_that_of_the_map(point):
    a, b, mu = map(Fraction, point)
    e = a * b - mu
    with precision():
        found = step(*decimals(point[2], point[0], point[1]))
    for value, exact in zip(found, (a - e * b, b - e * a), strict=True):
        assert abs(Fraction(value) - exact) <= Fraction(EPSILON)


@given(cell)
def test_a_step_satisfies_the_identities(point):
    with precision():
        a, b, mu = decimals(*point)
        a1, b1 = step(mu, a, b)
        e, e1, s, s1 = a * b - mu, a1 * b1 - mu, a * a + b * b, a1 * a1 + b1 * b1
        h, h1 = s - mu * e - 4, s1 - mu * e1 - 4
        # powers up to the eighth of numbers up to 2, and their roundings
        near = 10**4 * EPSILON
        assert abs((a1 + b1) - (a + b) * (1 - e)) < near
        assert abs((a1 - b1) - (a - b) * (1 + e)) < near
        assert abs((a1 * a1 - b1 * b1) - (a * a - b * b) * (1 - e * e)) < near
        assert abs(h1 - h * (1 + mu * e + e * e)) < near
        assert abs(e1 - e * (e * e - 3 - h)) < near


@given(st.floats(-0.5, 0.5), st.floats(0.3, 1.2), st.floats(0.1, 1.9))
def test_a_sum_of_logarithms_telescopes(v, u, mu):
    # u_n/u_0 is the product of 1 - e, exactly; the factors have 60 roundings, the product as many
    with precision():
        a, b, m = decimals(u + v, u - v, mu)
        u0, product = a + b, Decimal(1)
        for _ in range(60):
            product *= 1 - (a * b - m)
            a, b = step(m, a, b)
            if abs(product) < Decimal("1e-6") or abs(a) + abs(b) > 100:
                break  # a sum that cancels has no digits left, nor has an orbit that escapes
            # chaos multiplies a rounding by at most 9 = max |dx'/dx| a step
            error = EPSILON * 9**60 * max(1, abs(product))
            assert abs((a + b) / u0 - product) < max(error, Decimal("1e-30"))
            if error > Decimal("1e-12"):
                break


@given(cell, st.tuples(doubles, doubles))
def test_the_tangent_map_is_the_derivative(point, vector):
    # a central difference of a cubic is wrong by its third derivative: step^2 |vector|^3
    with precision():
        a, b, mu = decimals(*point)
        x, y = decimals(*vector)
        k = Decimal("1e-16")
        ahead, behind = step(mu, a + k * x, b + k * y), step(mu, a - k * x, b - k * y)
        for one, other, image in zip(ahead, behind, tangent(mu, a, b, x, y), strict=True):
            assert abs((one - other) / (2 * k) - image) < Decimal("1e-28")


@given(st.floats(-4.0, 4.0), st.floats(-2.0, 2.0))
def test_a_start_has_its_imbalance_and_product(imbalance, product):
    a, b = start(imbalance, product)
    with precision():
        assert abs(a * a - b * b - Decimal(imbalance)) < 100 * EPSILON
        assert abs(a * b - Decimal(product)) < 100 * EPSILON
    assert a >= 0
    with precision():
        assert imbalance or abs(abs(a) - abs(b)) <= EPSILON


# Cycles, in closed form


@settings(deadline=None, max_examples=20)
@given(st.floats(1.05, 1.23))
def test_a_two_cycle_is_that_of_the_closed_form(mu):
    with precision():
        m = Decimal(mu)
        root = ((m - 1) * (m + 3)).sqrt()
        e = (1 - m + root) / 2  # a root of e^2 - (1 - mu) e + (1 - mu)
        x = (m + e).sqrt()
        found = find_cycle(m, (x + Decimal("1e-4"), x - Decimal("2e-4")), 8)
        assert len(found.points) == 2
        assert min(abs(a * b - m - e) for a, b in found.points) < Decimal("1e-38")
        along, across = 9 - 2 * (1 + m) ** 2, 3 - 2 * m
        exact = sorted((abs(along), abs(across)), reverse=True)
        for value, multiplier in zip(found.multipliers, exact, strict=True):
            # at along = across = 0 the eigenvalues would be roots of a rounding
            assert abs(value - multiplier) < Decimal("1e-30")
        assert abs(sum((a * b - m) ** 2 for a, b in found.points) / 4 - (m * m - 1) / 4) < Decimal(
            "1e-38"
        )


@pytest.mark.parametrize("distance", [1e-4, 1e-6, 1e-8])
def test_a_cell_at_the_onset_of_cycles_is_on_the_side_where_it_is(distance):
    # 2-cycle: multiplier 3 - 2 mu across, 9 - 2 (1 + mu)^2 along, -1 at mu = sqrt 5 - 1, where a
    # 4-cycle is born; the approach is algebraic next to it
    end = np.sqrt(5.0) - 1.0
    before, after = (label(end + s * distance, 1.1, 1.1, 2000, 2000) for s in (-1, 1))
    assert (before.period, after.period) == (2, 4)
    slope = 4 * (2 + end - 1)
    assert before.lyapunov[0].value == pytest.approx(
        -slope * distance / 2, rel=20 * distance + 1e-6
    )


def test_where_a_cycle_is_not_stable_none_is_found():
    with precision():
        two = Decimal(2)
        assert not repeats(two, (Decimal("1.7"), Decimal("1.7")), 8)
        # |x| = sqrt(2 + mu) = 2 at mu = 2: x -> -x, multiplier (1 + mu - 3x^2)^2 = 81
        assert repeats(two, (two, two), 2)
        assert find_cycle(two, (two, two), 8) is None
    assert label(2.0, 2.0, 2.0, 100, 320).regime == Regime.UNDECIDED


def test_a_run_has_to_be_measured():
    with pytest.raises(ValueError, match="at least 32"):
        label(0.5, 0.5, 0.5, 100, BLOCKS - 1)


# Labels of all regimes

THRESHOLDS = (2 * np.sqrt(2) - 2, 1.0, np.sqrt(5) - 1, 1.30228346, 1.5 * np.sqrt(3) - 1, 2.0)


def _ellipse(mu, phi, radius):
    return np.sqrt(2 + mu) * np.cos(phi) * radius, np.sqrt(2 - mu) * np.sin(phi) * radius, mu


def cells():
    """(U, V, mu) of cells in every regime, next to thresholds and to the ellipse."""
    rows = [
        *((u, v, mu) for mu in (0.3, 0.7, 0.85, 0.95) for u, v in ((0.5, 0.0), (1.2, 0.3))),
        *((0.9, v, mu) for mu in (1.1, 1.25, 1.29, 1.7005) for v in (0.0, 1e-30, 0.2)),
        *((0.8, v, mu) for mu in (1.45, 1.6, 1.9, 1.97) for v in (0.0, 1e-9)),
        *((1.1, 0.1, t + s * 1e-3) for t in THRESHOLDS for s in (-1, 1)),
        *(_ellipse(mu, 1.0, 1 + d) for mu in (0.4, 1.3, 1.8) for d in (-1e-2, -1e-9, 1e-9, 1e-2)),
        (0.0, 0.3, 0.7),  # to the origin
        (0.0, -0.9, 1.2),
        (1.8, 0.0, 2.1),
        (1.5, 1.4, 0.6),
        (np.sqrt(0.8), np.sqrt(0.3), 0.5),  # at an unstable minimum, S = 2.2, to rounding
    ]
    u, v, mu = np.array(rows).T
    # a = U + V and b = U - V are exact in decimals but not always in doubles
    return u.copy(), v.copy(), mu.copy()


@pytest.fixture(scope="module")
def relabelled():
    u, v, mu = cells()
    found = []
    for row in zip(u.tolist(), v.tolist(), mu.tolist(), strict=True):
        with precision():
            a, b = Decimal(row[0]) + Decimal(row[1]), Decimal(row[0]) - Decimal(row[1])
        found.append(label(row[2], a, b, TRANSIENT, MEASURE))
    return found


@pytest.fixture(scope="module", params=[False, True], ids=["brute", "shortcuts"])
def outcome(request):
    return explore(*cells(), Schedule(TRANSIENT, MEASURE, shortcuts=request.param))


def test_labels_agree_wherever_both_decide(relabelled, outcome):
    regime = np.array([cell.regime for cell in relabelled])
    both = (regime != Regime.UNDECIDED) & (outcome["regime"] != Regime.UNDECIDED)
    for name in ("regime", "period", "residual_period"):
        found = np.array([getattr(cell, name) for cell in relabelled])
        np.testing.assert_array_equal(outcome[name][both], found[both])
    assert both.mean() > 0.9
    assert set(regime[both]) == set(Regime) - {Regime.UNDECIDED, Regime.BOUNDED_NOISE}
    assert {2, 4, 8, 6} <= {cell.period for cell in relabelled}  # 6: period 3, signs flipped


def test_averages_agree_within_their_errors(relabelled, outcome):
    # some 100 z-scores with 31 degrees of freedom in each error: |z| > 5 has a chance of 1e-3
    for i, found in enumerate(relabelled):
        if found.regime != Regime.CHAOTIC or outcome["regime"][i] != Regime.CHAOTIC:
            continue
        pairs = [
            (outcome[name][i], outcome[f"{name}_error"][i], getattr(found, name))
            for name in ("transverse_lyapunov", "sharpness", "loss_mean")
        ]
        pairs += zip(
            outcome["lyapunov"][i], outcome["lyapunov_error"][i], found.lyapunov, strict=True
        )
        for value, error, other in pairs:
            assert abs(value - other.value) < 5 * np.hypot(error, other.error)


def test_cycles_agree_to_rounding(relabelled, outcome):
    for i, found in enumerate(relabelled):
        if found.regime == outcome["regime"][i] == Regime.PERIODIC:
            # what is recorded of rounding bounds it
            for k in range(2):
                error = outcome["lyapunov_error"][i, k]
                assert abs(outcome["lyapunov"][i, k] - found.lyapunov[k].value) <= error
            error = outcome["transverse_lyapunov_error"][i]
            assert abs(outcome["transverse_lyapunov"][i] - found.transverse_lyapunov.value) <= error
            # a point of a cycle is off by some roundings over 1 - multiplier, 0.01 and more here
            assert outcome["sharpness"][i] == pytest.approx(found.sharpness.value, abs=1e-12)
            assert outcome["loss_mean"][i] == pytest.approx(found.loss_mean.value, abs=1e-12)


def test_minima_agree_where_orbits_do(relabelled, outcome):
    u, v, mu = cells()
    inside = theory.ellipse(mu, u, v) < -0.5  # elsewhere chaos decides which minimum is reached
    inside &= outcome["regime"] == [cell.regime for cell in relabelled]
    for i, found in enumerate(relabelled):
        if inside[i] and found.regime in (Regime.MONOTONE, Regime.CATAPULT):
            assert outcome["sharpness"][i] == pytest.approx(found.sharpness.value, abs=1e-12)
            exponent = outcome["lyapunov"][i, 1]
            # log|1 - S| has slope 1/(1 - S)
            near = 1e-12 * (1 + 1 / abs(1 - found.sharpness.value))
            assert exponent == pytest.approx(found.lyapunov[1].value, abs=near)
