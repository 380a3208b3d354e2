"""The phases of a start: where they end, and a run in each."""

import numpy as np
import pytest

import lt2f
from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.views import phases


def some_paths(axes, fixed, **more):
    sweep = {"kind": "trajectory", "axes": axes, "fixed": fixed, "iterations": {"steps": 20}}
    return lt2f.sweep({"study": "views", "sweeps": {"it": {**sweep, **more}}}, "it")


def words(figure):
    return [axes.get_title("left") for axes in figure.axes]


@pytest.mark.parametrize("start", [{"imbalance": 1.9, "product": 0.11}, {"a": 0.3, "b": 1.2}])
def test_a_start_leaves_the_ellipse_where_theory_says(start):
    paths = some_paths({"mu": {"values": [0.5, 1.0]}}, start)
    mu = phases.leaving(paths)
    point = start if "a" in start else dict(zip("ab", theory.start(*start.values()), strict=True))
    u, v = (point["a"] + point["b"]) / 2, (point["a"] - point["b"]) / 2
    assert theory.ellipse(mu, u, v) == pytest.approx(0, abs=1e-12)  # rounding of numbers near 4
    assert theory.ellipse(mu - 1e-6, u, v) < 0 < theory.ellipse(mu + 1e-6, u, v)
    last = phases.known(paths, (0.0, 2.1))[-1]
    assert (last.id, last.mu) == ("escape", mu)


def test_the_strip_is_that_of_the_start(paths, regimes):
    codes = phases.at_start(regimes, paths)
    assert codes is not None
    expected = regimes["regime"].sel(imbalance=1.9, method="nearest").values
    assert (codes["regime"].values == expected).all()
    moved = regimes.assign_coords(imbalance=regimes["imbalance"] + 0.05)
    assert phases.at_start(moved, paths) is None
    assert phases.at_start(regimes.expand_dims(perturbation=[0.0, 0.1]), paths) is None


def test_every_phase_has_a_run(paths, regimes):
    figure = phases.phases(paths, regimes)
    names = [title.split("\n")[1] for title in words(figure) if "\n" in title]
    assert names == ["monotone", "catapult", "periodic", "chaotic", "divergent"]
    assert [phases._regime_of(run, None) for run in phases.chosen(paths)] == [None] * 5


def test_without_a_map_the_strip_is_exact(paths):
    figure = phases.phases(paths)
    strip = figure.axes[0]
    named = [text for text in strip.texts if text.get_text() in phases._FATES.values()]
    to_mu = strip.transData.inverted()
    ends = {
        text.get_text(): patch.get_window_extent().transformed(to_mu).intervalx
        for text, patch in zip(named, strip.patches, strict=True)
    }
    assert list(ends) == ["converges", "bounded", "divergent"]
    # Drawn in steps of 0.0005.
    assert ends["converges"] == pytest.approx([0, 1], abs=1e-3)
    assert ends["bounded"] == pytest.approx([1, phases.leaving(paths)], abs=1e-3)
    assert ends["divergent"] == pytest.approx([phases.leaving(paths), 2], abs=1e-3)


def test_runs_over_other_axes_have_no_strip():
    axes = {"imbalance": {"start": 0.0, "step": 0.2, "num": 4}, "mu": {"values": [0.5, 0.9]}}
    paths = some_paths(axes, {"product": 0.1})
    runs = phases.chosen(paths)
    assert len(runs) == phases.MOST
    assert [float(run["mu"]) for run in (runs[0], runs[-1])] == [0.5, 0.9]
    figure = phases.phases(paths)
    assert not figure.axes[0].axison
    assert sum("mu" in title for title in words(figure)) == phases.MOST


def test_noisy_and_long_runs_are_shown():
    noise = {"noise": {"model": "target"}}
    fixed = {"imbalance": 0.1, "product": 0.1, "noise": 0.1}
    paths = some_paths({"mu": {"values": [0.5]}}, fixed, **noise, iterations={"steps": 400})
    figure = phases.phases(paths)
    run = next(axes for axes in figure.axes if axes.get_title("left"))
    assert run.get_xscale() == "log"
    (line,) = (line for line in run.lines)
    assert (line.get_ydata() == paths["loss"].values[0]).all()
    assert run.get_facecolor()[:3] == (1, 1, 1)


def test_runs_are_tinted_as_their_regime(paths, regimes):
    figure = phases.phases(paths, regimes)
    tints = [axes.get_facecolor()[:3] for axes in figure.axes if axes.get_title("left")]
    assert len({tuple(np.round(tint, 3)) for tint in tints}) == 5
    fourth = phases.chosen(paths)[3]
    assert phases._regime_of(fourth, phases.at_start(regimes, paths)) == Regime.CHAOTIC
