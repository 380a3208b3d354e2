"""What theory knows of a start and of a step size."""

import math
import re

import pytest

from lt2f.explore.verdict import verdict


def test_the_verdict_tells_the_side_of_the_ellipse(maps):
    for at, words in (({"imbalance": 0.5}, "inside"), ({"imbalance": 4.0}, "outside")):
        view = maps["regimes"].home().at(mu=1.5, **at)
        assert dict(verdict(view))["ellipse"].startswith(words)


def test_the_weights_of_the_start_reach_it_by_the_reduction(maps):
    """a = sqrt(eta) |c| u, and b the same of w with the sign of c y; so c u w / y is ab / mu."""
    view = maps["regimes"].home().at(mu=0.9).scaled("factor", -2.0).scaled("target", 1.5)
    words = dict(verdict(view))["start"]
    a, b, u, w = (float(x.replace("−", "-")) for x in re.findall(r"= (−?[\d.]+)", words))
    assert a == pytest.approx(math.sqrt(view.rate) * 2.0 * u, rel=1e-4)
    assert b == pytest.approx(-math.sqrt(view.rate) * 2.0 * w, rel=1e-4)
    assert -2.0 * u * w / 1.5 == pytest.approx(a * b / 0.9, rel=1e-4)


def test_thresholds_beside_are_nearest(maps):
    found = dict(verdict(maps["regimes"].home().at(mu=1.1)))
    assert found["threshold below"].startswith("μ = 1, η = 1")
    assert found["threshold above"].startswith(f"μ = {math.sqrt(5) - 1:.6g}")


def figures(words):
    return [float(x.replace("−", "-")) for x in re.findall(r"−?\d+(?:\.\d+)?", words)]


def test_with_decay_only_what_holds_with_decay_is_told(maps):
    told = dict(verdict(maps["regimes"].home().at(mu=1.3, imbalance=0.3, decay=0.2)))
    assert {"ellipse", "these weights", "balanced minimum"} & told.keys() == set()
    assert "ν = μ − κ = 1.1" in told["balanced line"]
    assert told["threshold below"].startswith("ν = 1, ")


@pytest.mark.parametrize("kappa", [0.1, 0.3])
def test_with_decay_a_rate_that_is_told_reaches_its_threshold(maps, kappa):
    """The learning rate moves mu and kappa alike: nu is the threshold there."""
    view = maps["regimes"].home().at(mu=1.3, imbalance=0.3, decay=kappa).scaled("factor", 2.0)
    told = dict(verdict(view))
    for side in ("below", "above"):
        nu, rate = figures(told[f"threshold {side}"])[:2]
        there = view.at_rate(rate).point
        # Rates are printed in four digits.
        assert there["mu"] - there["decay"] == pytest.approx(nu, rel=2e-3)
    monotone, rest = figures(told["balanced starts, by η"])[:2]
    there = view.at_rate(rest).point
    assert there["mu"] - there["decay"] == pytest.approx(1.0, rel=2e-3)
    assert monotone < rest


@pytest.mark.parametrize(("mu", "kappa"), [(0.5, 0.1), (1.3, 0.2), (0.1, 0.4)])
def test_with_decay_starts_on_the_two_lines_are_bounded_as_told(maps, mu, kappa):
    """a' = (1 - kappa) a - (ab - mu) b from a = b and from a = -b, just inside and outside."""
    told = dict(verdict(maps["regimes"].home().at(mu=mu, imbalance=0.0, decay=kappa)))
    bounds = figures(told["bounded starts"])
    for sign, bound in zip((1.0, -1.0), bounds, strict=True):
        for part, gone in ((1 - 1e-4, False), (1 + 1e-4, True)):
            a, b = bound * part, sign * bound * part
            for _ in range(400):
                e = a * b - mu
                a, b = (1 - kappa) * a - e * b, (1 - kappa) * b - e * a
                if abs(a) > 1e6:
                    break
            assert (abs(a) > 10) == gone


def test_the_origin_that_attracts_is_told(maps):
    told = dict(verdict(maps["regimes"].home().at(mu=0.1, decay=0.3)))
    assert told["balanced line"].startswith("the origin attracts")
    assert not any(name.startswith("threshold") for name in told)
    assert told["weight decay"].endswith("λ = 3")  # kappa/eta


@pytest.mark.parametrize(("mu", "side"), [(0.8, "stable"), (1.3, "unstable"), (2.7, "unstable")])
def test_of_another_loss_only_the_minima_of_the_map_are_told(maps, mu, side):
    view = maps["regimes"].home().at(mu=mu, imbalance=0.3, huber=0.7).scaled("factor", 2.0)
    told = dict(verdict(view))
    assert {"ellipse", "these weights", "threshold below", "threshold above"} & told.keys() == set()
    strength = told["reciprocal scale of the pseudo-Huber loss"]
    assert strength == "1/δ = 0.7; with the weights kept it goes as 1/η"
    assert told["balanced minimum"].startswith(f"{side}, ")
    (rate,) = figures(told["balanced minimum"].replace("e²/2", ""))
    # Printed in four digits.
    assert view.at_rate(rate).point["mu"] == pytest.approx(1.0, rel=1e-3)
