"""Words and numbers on the page, beside closed forms."""

import math
import re

import numpy as np
import pytest

from lt2f.dynamics import theory
from lt2f.explore import cell, told


def rows(maps, **at):
    found = maps["regimes"]
    view = found.home().at(**at)
    computed = cell.answer(found.task(view), view.point)
    return {name: (now, exact) for name, now, exact in told.rows(view, computed)}, view, computed


def number(words):
    return float(words.replace("−", "-").split(" ± ")[0].split(" = ")[-1])


@pytest.mark.parametrize("mu", [1.05, 1.1, 1.2])
def test_on_the_two_cycle_numbers_and_closed_forms_agree(maps, mu):
    found, _, _ = rows(maps, mu=mu)
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
    found, _, computed = rows(maps, mu=mu)
    now, exact = found["second Lyapunov exponent"]
    s = computed.number("sharpness")
    assert number(now) == pytest.approx(math.log(abs(1 - s)), rel=1e-5)
    assert number(exact) == pytest.approx(number(now), rel=1e-5)


def test_a_chaotic_exponent_has_an_error(maps):
    found, _, _ = rows(maps, mu=1.5)
    assert re.fullmatch(r"0\.\d+ ± 0\.\d+", found["largest Lyapunov exponent"][0])


def test_the_verdict_tells_the_side_of_the_ellipse(maps):
    for at, words in (({"imbalance": 0.5}, "inside"), ({"imbalance": 4.0}, "outside")):
        _, view, _ = rows(maps, mu=1.5, **at)
        assert dict(told.verdict(view))["ellipse"].startswith(words)


def test_the_weights_of_the_start_reach_it_by_the_reduction(maps):
    """a = sqrt(eta) |c| u, and b the same of w with the sign of c y; so c u w / y is ab / mu."""
    view = maps["regimes"].home().at(mu=0.9).scaled("factor", -2.0).scaled("target", 1.5)
    words = dict(told.verdict(view))["start"]
    a, b, u, w = (float(x.replace("−", "-")) for x in re.findall(r"= (−?[\d.]+)", words))
    assert a == pytest.approx(math.sqrt(view.rate) * 2.0 * u, rel=1e-4)
    assert b == pytest.approx(-math.sqrt(view.rate) * 2.0 * w, rel=1e-4)
    assert -2.0 * u * w / 1.5 == pytest.approx(a * b / 0.9, rel=1e-4)


def test_thresholds_beside_are_nearest(maps):
    found = dict(told.verdict(maps["regimes"].home().at(mu=1.1)))
    assert found["threshold below"].startswith("μ = 1, η = 1")
    assert found["threshold above"].startswith(f"μ = {math.sqrt(5) - 1:.6g}")


@pytest.mark.parametrize("at", [{"mu": 0.5}, {"mu": 1.1}, {"mu": 1.5}, {"mu": 1.9, "imbalance": 4}])
def test_every_picture_has_words(maps, at):
    _, view, computed = rows(maps, **at)
    for name in ("loss", "residual", "portrait", "cobweb"):
        assert len(told.picture(name, computed)) > 20
    assert "nan" not in told.headline(view, computed)
