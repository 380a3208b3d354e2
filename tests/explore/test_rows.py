"""Numbers on the page, beside closed forms."""

import math
import re

import numpy as np
import pytest

from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.explore import cell, rows


def look(maps, **at):
    found = maps["regimes"]
    view = found.home().at(**at)
    computed = cell.answer(found.task(view), view.point)
    return {name: (now, exact) for name, now, exact in rows.rows(view, computed)}, computed


def number(words):
    return float(words.replace("−", "-").split(" ± ")[0].split(" = ")[-1])


@pytest.mark.parametrize("mu", [1.05, 1.1, 1.2])
def test_on_the_two_cycle_numbers_and_closed_forms_agree(maps, mu):
    found, _ = look(maps, mu=mu)
    for name in ("largest Lyapunov exponent", "second Lyapunov exponent", "mean loss"):
        now, exact = found[name]
        # Both are printed in six digits.
        assert number(now) == pytest.approx(number(exact), rel=2e-5, abs=1e-6)
    along, across = np.log(np.abs(theory.two_cycle_multipliers(mu))) / 2
    assert number(found["transverse exponent"][1]) == pytest.approx(across, rel=1e-5)
    largest = number(found["largest Lyapunov exponent"][1])
    assert largest == pytest.approx(max(along, across), rel=1e-5)


@pytest.mark.parametrize("mu", [0.3, 0.7])
def test_at_a_minimum_the_second_exponent_is_log_of_one_minus_s(maps, mu):
    found, computed = look(maps, mu=mu)
    now, exact = found["second Lyapunov exponent"]
    s = computed.number("sharpness")
    assert number(now) == pytest.approx(math.log(abs(1 - s)), rel=1e-5)
    assert number(exact) == pytest.approx(number(now), rel=1e-5)


def test_of_a_run_that_escapes_nothing_is_said_of_where_bounded_ones_end(maps):
    """At mu between 1 and 2 these end on balance."""
    escaped, computed = look(maps, mu=1.52, imbalance=2.4)
    assert computed.regime == Regime.DIVERGENT
    assert not any(exact for _, exact in escaped.values())
    bounded, _ = look(maps, mu=1.52, imbalance=0.4)
    assert bounded["transverse exponent"][1].startswith("negative")
    assert bounded["final imbalance a² − b²"][1].startswith("0:")


def test_a_chaotic_exponent_has_an_error(maps):
    found, _ = look(maps, mu=1.5)
    assert re.fullmatch(r"0\.\d+ ± 0\.\d+", found["largest Lyapunov exponent"][0])


def test_both_periods_are_told(maps):
    """On the balanced 2-cycle of a and b the residual has period 2 as well; chaos has none."""
    assert look(maps, mu=1.1)[0]["period, that of the residual"][0] == "2, 2"
    assert look(maps, mu=1.5)[0]["period, that of the residual"][0] == "none"


@pytest.mark.parametrize(
    ("mu", "kappa", "regime"),
    [
        (0.1, 0.3, {Regime.COLLAPSED}),
        (0.6, 0.2, {Regime.MONOTONE, Regime.CATAPULT}),
        (1.15, 0.2, {Regime.MONOTONE, Regime.CATAPULT}),
        (1.3, 0.2, {Regime.PERIODIC}),
    ],
)
def test_with_decay_exponents_are_those_of_its_own_jacobian(maps, mu, kappa, regime):
    """J = [[1 - kappa - b^2, mu - 2ab], [mu - 2ab, 1 - kappa - a^2]] along the late orbit."""
    found, computed = look(maps, mu=mu, imbalance=0.3, decay=kappa)
    assert computed.regime in regime
    period, product = max(int(computed.number("period")), 1), np.eye(2)
    for a, b in zip(computed.late.a[:period], computed.late.b[:period], strict=True):
        off = mu - 2 * a * b
        product = np.array([[1 - kappa - b * b, off], [off, 1 - kappa - a * a]]) @ product
    known = np.log(np.sort(np.abs(np.linalg.eigvals(product)))[::-1]) / period
    for name, exponent in zip(("largest", "second"), known, strict=True):
        # Both are printed in six digits; the orbit is at rest to rounding.
        for words in found[f"{name} Lyapunov exponent"]:
            assert number(words) == pytest.approx(exponent, rel=2e-5, abs=1e-6)
    across = found["transverse exponent"]
    assert number(across[0]) == pytest.approx(number(across[1]), rel=2e-5)


def test_with_decay_a_minimum_is_where_closed_forms_say(maps):
    found, computed = look(maps, mu=0.9, imbalance=0.3, decay=0.25)
    a, b = computed.late.a[-1], computed.late.b[-1]
    now, exact = found["a² + b², step size × sharpness"]
    # Printed in six digits.
    assert number(now) == pytest.approx(a * a + b * b, rel=1e-5)
    assert number(exact.split(",")[0]) == pytest.approx(a * a + b * b, rel=1e-5)
    assert number(found["mean of e²/2"][1]) == pytest.approx((a * b - 0.9) ** 2 / 2, rel=1e-5)
    assert "mean loss" not in found
    assert "valley" not in found["largest Lyapunov exponent"][1]


@pytest.mark.parametrize("mu", [0.3, 0.7])
def test_at_a_minimum_of_another_loss_exponents_are_those_of_its_own_jacobian(maps, mu):
    """There l' = 0 and l'' = 1: I - (b, a)(b, a)^T, whatever the strength is."""
    found, computed = look(maps, mu=mu, imbalance=0.3, huber=0.8)
    a, b = computed.late.a[-1], computed.late.b[-1]
    size = np.abs(np.linalg.eigvalsh(np.eye(2) - np.outer([b, a], [b, a])))
    for words in found["second Lyapunov exponent"]:
        assert number(words) == pytest.approx(math.log(size.min()), rel=2e-5)
    assert found["largest Lyapunov exponent"][1].startswith("0, ")
    assert size.max() == pytest.approx(1.0, rel=1e-12)
    assert found["mean of e²/2"][1] == "0"
    assert "mean loss" not in found


@pytest.mark.parametrize("mu", [1.1, 1.5, 2.5])
def test_what_moves_under_another_loss_has_no_closed_form(maps, mu):
    found, computed = look(maps, mu=mu, imbalance=0.3, huber=0.8)
    assert computed.regime not in {Regime.MONOTONE, Regime.CATAPULT}
    assert {exact for _, exact in found.values()} == {""}
