"""Windows: their cells, their rounds, and what they agree with."""

import itertools

import numpy as np
import pytest

from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.explore import cell, window
from lt2f.explore.atlas import FIRST
from lt2f.explore.moves import after, grid_of, is_finer
from lt2f.explore.view import COLOURS
from lt2f.explore.window import Round


def test_rounds_get_finer_and_longer_and_end_as_the_sweep():
    for lengths in ((300, 100), (2000, 1024), (20000, 20000)):
        listed = list(window.rounds(lengths))
        assert listed[-1] == Round(window.FINEST, lengths)
        cells = [np.prod(one.shape) for one in listed]
        assert cells == sorted(cells)
        for one, next_ in itertools.pairwise(listed):
            assert one.lengths <= next_.lengths


def test_cells_fill_a_window_from_end_to_end():
    x = window.middles(0.5, 2.5, 8)
    assert np.array_equal(np.diff(x), np.full(7, 0.25))
    assert (x[0] - 0.125, x[-1] + 0.125) == (0.5, 2.5)


def errors_of(found, colour):
    """Return the standard errors that the dataset has, of shape (y, x); 0 for what has none."""
    if (name := f"{colour}_error") not in found.dataset:
        return 0.0
    errors = found.dataset[name]
    largest = errors.isel(FIRST) if "exponent" in errors.dims else errors
    return np.nan_to_num(largest.transpose(found.y, found.x).values, posinf=1.0)


@pytest.mark.parametrize("colour", [c for c in COLOURS if c != "regime"])
@pytest.mark.parametrize(
    ("name", "shape"), [("regimes", (43, 42)), ("decayed", (24, 14)), ("clipped", (16, 12))]
)
def test_a_window_on_the_cells_of_the_dataset_is_the_dataset(maps, name, shape, colour):
    found = maps[name]
    view = found.home().chosen("colour", colour)
    grid = window.compute(
        found.task(view), view.axes, view.point, found.edges, Round(shape, found.lengths)
    )
    cells = found.cells(view)
    assert grid.cells["regime"].shape == cells["regime"].shape == shape[::-1]
    assert len(np.unique(cells["regime"])) >= 4
    # Middles of cells are rounded otherwise than the axes, so a start on a boundary may differ,
    # and a chaotic orbit does: its mean is off by some of its standard error.
    same = grid.cells["regime"] == cells["regime"]
    assert np.mean(~same) < 0.02
    off = 0.05 + 6.0 * errors_of(found, colour)  # two means differ by 1.4 standard errors
    near = np.isclose(grid.cells[colour], cells[colour], rtol=1e-6, atol=off, equal_nan=True)
    assert np.mean(~near[same]) < 0.02


@pytest.mark.parametrize(
    ("name", "seen"), [("frayed", (1.7, 2.1, 1.3, 1.7)), ("capped", (2.0, 4.0, -1.0, 1.0))]
)
def test_under_a_law_the_cells_of_a_window_are_those_of_a_click_to_the_bit(maps, name, seen):
    found, draw = maps[name], np.random.default_rng(3)
    view = found.home().seen(seen)
    one = Round((40, 30), found.lengths)
    grid = window.compute(found.task(view), view.axes, view.point, view.window, one)
    assert len(np.unique(grid.cells["regime"])) >= 2
    a, b = window.middles(*seen[:2], 40), window.middles(*seen[2:], 30)
    for i, j in draw.integers(0, (40, 30), (30, 2)):
        now = cell.label(found.task(view), view.at(a=float(a[i]), b=float(b[j])).point)
        for name, values in grid.cells.items():
            assert np.array_equal(values[j, i], np.atleast_1d(now[name])[0], equal_nan=True)


def test_without_decay_that_window_is_another(maps):
    """What a page that forgot the decay would show: the ellipse."""
    found = maps["frayed"]
    view, one = found.home(), Round((40, 30), (500, 32))
    shown = []
    for kappa in (0.2, 0.0):
        there = view.at(decay=kappa)
        grid = window.compute(found.task(there), view.axes, there.point, (-2.6, 2.6) * 2, one)
        shown.append(grid.cells["regime"] == Regime.DIVERGENT)
    a, b = window.middles(-2.6, 2.6, 40), window.middles(-2.6, 2.6, 30)[:, np.newaxis]
    outside = theory.ellipse(1.1, (a + b) / 2, (a - b) / 2) > 0
    assert np.array_equal(shown[1], outside)
    assert np.mean(shown[0] != outside) > 0.02


def test_labels_of_a_window_keep_to_the_ellipse(maps):
    found = maps["plane"]
    view = found.home().at(mu=0.9)
    one = Round((40, 30), (500, 250))
    grid = window.compute(found.task(view), ("a", "b"), view.point, (-3, 3, -3, 3), one)
    a, b = window.middles(-3, 3, 40), window.middles(-3, 3, 30)[:, np.newaxis]
    outside = theory.ellipse(0.9, (a + b) / 2, (a - b) / 2) > 0
    assert np.array_equal(grid.cells["regime"] == Regime.DIVERGENT, outside)


def test_nobody_waits_for_a_window_that_is_left(maps):
    found = maps["regimes"]
    view, asked = found.home(), []
    args = (found.task(view), ("mu", "imbalance"), view.point, found.edges, Round((64, 8), (99, 9)))
    stopped = window.compute(*args, lambda: bool(asked.append(1)) or len(asked) > 2)
    assert stopped is None
    assert len(asked) == 3


def test_the_dataset_is_shown_where_it_is_finer(maps):
    found = maps["regimes"]
    home = found.home()
    assert not is_finer(found, home)
    assert is_finer(found, home.zoomed(0.5))
    assert is_finer(found, home.at(product=0.2))
    assert is_finer(found, home.at(noise=0.1))
    assert is_finer(found, home.at(decay=0.1))
    assert not is_finer(found, home.chosen("colour", "lyapunov"))
    assert is_finer(maps["frayed"], maps["frayed"].home().chosen("colour", "lyapunov"))
    assert is_finer(maps["plane"], maps["plane"].home().at(mu=0.9))
    assert not is_finer(maps["plane"], maps["plane"].home().at(mu=1.5))
    assert is_finer(maps["noisy"], maps["noisy"].home())  # its cells are not equally high


@pytest.mark.parametrize(
    "name", ["regimes", "plane", "noisy", "decayed", "frayed", "clipped", "capped"]
)
def test_a_click_takes_the_cell_in_sight(maps, name):
    found = maps[name]
    for view in (found.home(), found.home().zoomed(0.25)):
        xs, ys = grid_of(found, view)
        x, y = float(xs[3] + 0.4 * (xs[4] - xs[3])), float(ys[1] - 0.4 * (ys[1] - ys[0]))
        got = after(view, {"kind": "point", "x": x, "y": y}, found)
        assert (got.point[found.x], got.point[found.y]) == (xs[3], ys[1])
        assert got.window == view.window


def test_arrows_go_from_cell_to_cell_and_on_beyond_the_end(maps):
    found = maps["regimes"]
    mu, imbalance = found.axes["mu"], found.axes["imbalance"]
    view = found.home().at(mu=mu[5], imbalance=imbalance[1])
    view = after(view, {"kind": "move", "dx": 2, "dy": -1}, found)
    assert (view.point["mu"], view.point["imbalance"]) == (mu[7], imbalance[0])
    back = after(view, {"kind": "move", "dx": -2, "dy": 1}, found)
    assert (back.point["mu"], back.point["imbalance"]) == (mu[5], imbalance[1])
    beyond = after(view.at(mu=mu[-1]), {"kind": "move", "dx": 1, "dy": 0}, found)
    assert beyond.point["mu"] == pytest.approx(mu[-1] + 0.05)
    assert beyond.window[0] <= beyond.point["mu"] <= beyond.window[1]


@pytest.mark.parametrize(
    "message",
    [
        {}, {"kind": "nothing"}, {"kind": "point"}, {"kind": "point", "x": "1", "y": 1},
        {"kind": "window", "ends": [1, 2]}, {"kind": "window", "ends": [None, 1, 0, 1]},
        {"kind": "zoom", "by": 0}, {"kind": "zoom", "by": -1}, {"kind": "set", "name": "mu"},
        {"kind": "set", "name": "q", "value": 1.0}, {"kind": "choose", "name": "law", "value": ""},
    ],
)  # fmt: skip
def test_a_message_without_meaning_changes_nothing(maps, message):
    home = maps["regimes"].home()
    assert after(home, message, maps["regimes"]) == home


def test_a_window_shows_no_decay_that_would_turn_the_weights(maps):
    found = maps["decayed"]
    seen = after(found.home(), {"kind": "zoom", "by": 8.0}, found)
    assert seen.window[2:] == (0.0, 1.0)
    last = after(seen, {"kind": "point", "x": 1.0, "y": 5.0}, found)
    assert 0.99 < last.point["decay"] < 1.0


def test_a_window_never_shows_negative_step_sizes(maps):
    found = maps["regimes"]
    seen = after(found.home(), {"kind": "zoom", "by": 2.0}, found)
    assert seen.window[0] == 0.0
    assert after(seen, {"kind": "whole"}, found).window == found.whole
    assert after(seen, {"kind": "home"}, found) == found.home()


def test_only_what_moves_the_cell_in_the_map_takes_the_window_along(maps):
    found = maps["regimes"]
    view = found.home().seen((0.2, 0.4, 0.1, 0.3)).at(mu=1.5)  # the cell is out of sight
    for name in ("product", "noise"):
        seen = after(view, {"kind": "set", "name": name, "value": 0.3}, found)
        assert seen.point[name] == 0.3
        assert seen.window == view.window
    for name in ("mu", "rate"):
        left, right, *_ = after(view, {"kind": "set", "name": name, "value": 1.4}, found).window
        assert left < 1.4 < right
