"""Figures follow from the kinds and axes of sweeps."""

from typing import Any

import pytest

from lt2f.pipeline.settings import parse
from lt2f.views import catalogue, figures

FEW = {"start": 0.5, "step": 0.5, "num": 2}
START = {"imbalance": 0.1, "product": 0.1}
STEPS = {"transient": 100, "measure": 100}
TRIALS = {"mu": FEW, "noise": FEW, "realization": {"num": 2}}


def chosen(**sweep: Any) -> list[str]:
    settings = parse({"study": "s", "sweeps": {"it": {"iterations": STEPS, **sweep}}})
    listed = catalogue.figures(settings.sweeps)
    assert all(figure.stem == "it" and figure.sweeps == ("it",) for figure in listed)
    assert all(figure.drawing in figures.DRAWINGS for figure in listed)
    return [figure.drawing for figure in listed]


@pytest.mark.parametrize("axes", [("a", "b"), ("mu", "a", "b"), ("b", "a", "mu")])
def test_the_plane_has_its_portrait(axes):
    fixed = {} if "mu" in axes else {"mu": 1.0}
    assert chosen(axes=dict.fromkeys(axes, FEW), fixed=fixed) == ["portrait"]


@pytest.mark.parametrize("count", [{}, {"count": "realization"}])
@pytest.mark.parametrize("order", [1, -1])
def test_realizations_over_noise_have_their_shares(count, order):
    noise = {"model": "target"}
    axes = dict(list(TRIALS.items())[::order])
    assert chosen(axes=axes, fixed=START, noise=noise, **count) == ["shares"]


def test_other_maps_keep_theirs():
    assert chosen(axes={"mu": FEW, "imbalance": FEW}, fixed={"product": 0.1}) == ["regime_map"]
    assert chosen(axes={"mu": FEW, "a": FEW}, fixed={"b": 0.1}) == ["regime_map"]
    assert chosen(axes={"mu": FEW}, fixed=START) == ["exponents"]


def test_counts_alone_are_no_regime_map():
    axes = {"mu": FEW, "realization": {"num": 2}}
    noise = {"model": "multiplicative"}
    fixed = {**START, "noise": 0.1}
    assert chosen(axes=axes, fixed=fixed, noise=noise, count="realization") == []
    assert chosen(axes=axes, fixed=fixed, noise=noise) == ["regime_map"]
