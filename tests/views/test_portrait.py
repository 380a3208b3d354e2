"""Portraits of the plane: the raster is the data, and ellipse and minima are where theory is."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lt2f.dynamics.codes import Regime
from lt2f.views import boundaries, raster, style
from lt2f.views.figures import portrait

RECORD = ["regime", "imbalance_final", "steps", "loss_peak_ratio"]
MUS = (0.5, 0.9, 1.3)


@pytest.fixture(scope="module")
def figure(plane) -> Figure:
    return portrait(plane, dpi=100)


def cells_of(pixels: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Colours of cells, (rows, columns, RGB), each of which is of one colour."""
    height, width = pixels.shape[0] // rows, pixels.shape[1] // columns
    assert pixels.shape[:2] == (rows * height, columns * width)
    cells = pixels[::height, ::width]
    np.testing.assert_array_equal(raster.blocks(cells, height, width), pixels)
    return cells


def curves(axes) -> list[NDArray[np.float64]]:
    return [np.asarray(line.get_xydata()) for line in axes.lines]


@pytest.mark.parametrize("k", range(3))
def test_upper_panels_show_the_regime_of_every_cell(figure, plane, panel_pixels, k):
    cells = cells_of(panel_pixels(figure, 3 * k), 49, 50)
    codes = plane["regime"].isel(mu=k).transpose("b", "a").values
    np.testing.assert_array_equal(cells, style.palette()[codes])


@pytest.mark.parametrize("k", range(3))
def test_below_what_takes_longer_to_escape_is_darker(figure, plane, panel_pixels, k):
    cells = cells_of(panel_pixels(figure, 3 * k + 1), 49, 50).astype(int)
    cell = plane.isel(mu=k).transpose("b", "a")
    gone = cell["regime"].values == Regime.DIVERGENT
    assert (np.ptp(cells[gone], axis=1) == 0).all()  # grey
    order = np.argsort(cell["steps"].values[gone])
    assert (np.diff(cells[gone][order, 0]) <= 0).all()
    assert len(np.unique(cells[gone])) == len(np.unique(cell["steps"].values[gone]))


@pytest.mark.parametrize("k", range(2))
def test_below_the_sign_of_the_final_imbalance_is_a_colour(figure, plane, panel_pixels, k):
    cells = cells_of(panel_pixels(figure, 3 * k + 1), 49, 50).astype(int)
    imbalance = plane["imbalance_final"].isel(mu=k).transpose("b", "a").values
    clear = np.abs(imbalance) > 0.1  # NaN is not
    assert clear.sum() > 400
    red_over_blue = cells[clear, 0] - cells[clear, 2]
    np.testing.assert_array_equal(np.sign(red_over_blue), -np.sign(imbalance[clear]))


def test_above_one_the_largest_loss_is_below_two(figure, plane, panel_pixels):
    cell = plane.isel(mu=2).transpose("b", "a")
    bounded = cell["regime"].values != Regime.DIVERGENT
    first = (cell["a"] * cell["b"] - MUS[2]) ** 2 / 2
    loss = (cell["loss_peak_ratio"] * first).transpose("b", "a").values[bounded]
    assert loss.max() < 2  # |e| < 2 inside the ellipse
    shown = cells_of(panel_pixels(figure, 7), 49, 50)[bounded].sum(axis=1)
    # Lightness grows along the colour map; the sum of its bytes does all but that.
    assert np.corrcoef(loss, shown)[0, 1] > 0.98


def test_the_bar_is_marked_at_the_bound_of_stable_minima(figure):
    for k, mu in enumerate(MUS[:2]):
        bar = figure.axes[3 * k + 2]
        bound = 2 * np.sqrt(1 - mu * mu)
        labels = [float(t.get_text().replace("\N{MINUS SIGN}", "-")) for t in bar.get_xticklabels()]
        assert labels == pytest.approx([-bound, 0, bound], abs=0.005)  # two decimals
        low, middle, high = bar.get_xticks()
        assert middle == 0.5
        assert middle - low == pytest.approx(high - middle)


@pytest.mark.parametrize("k", range(3))
def test_the_ellipse_is_closed_and_parts_bounded_from_unbounded(figure, plane, k):
    mu = MUS[k]
    *_, one, other = curves(figure.axes[3 * k])
    for a, b in (one.T, other.T):
        # Rounding of four terms of at most 4 each.
        np.testing.assert_allclose(a * a + b * b - mu * a * b, 4 - mu * mu, atol=2e-14)
    np.testing.assert_array_equal(one[0], one[-1])
    turns = np.unwrap(np.arctan2(one[:, 1], one[:, 0]))
    assert abs(turns[-1] - turns[0]) == pytest.approx(2 * np.pi)
    a, b = plane["a"], plane["b"]
    inside = a * a + b * b - mu * a * b < 4 - mu * mu
    bounded = plane["regime"].isel(mu=k) != Regime.DIVERGENT
    assert bool((inside == bounded).all())


@pytest.mark.parametrize("mu", [0.0, 0.3, 0.9, 1.7])
def test_minima_lie_on_their_hyperbola(mu):
    a, b = boundaries.minima(mu, 3.0).T
    np.testing.assert_allclose(a * b, mu, atol=1e-15, rtol=1e-14)
    assert (a >= 0).all()
    np.testing.assert_allclose((a * a - b * b)[[0, -1]], [-3, 3], rtol=1e-14)


def test_the_stable_minima_are_those_of_sharpness_below_two(figure):
    for k, mu in enumerate(MUS[:2]):
        lines = curves(figure.axes[3 * k])
        assert len(lines) == 6
        for a, b in (line.T for line in lines[2:4]):
            np.testing.assert_allclose(a * b, mu, rtol=1e-14)
            sharpness = a * a + b * b
            np.testing.assert_allclose(sharpness[[0, -1]], 2, rtol=1e-14)
            assert (sharpness[1:-1] < 2).all()
    assert len(curves(figure.axes[6])) == 4  # none above mu = 1


def test_words(figure):
    assert [figure.axes[3 * k].get_title(loc="left") for k in range(3)] == [
        f"$\\mu$ = {mu}" for mu in MUS
    ]
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert [name.split(" (")[0] for name in named[:4]] == [
        "monotone", "catapult", "periodic", "divergent",
    ]  # fmt: skip
    assert len(named) == 7
    assert figure.axes[0].get_ylabel() == "$b_0$"
    assert figure.axes[1].get_xlabel() == "$a_0$"


# Other datasets


def test_one_step_size_and_regimes_alone(make_map, plane_axes, panel_pixels):
    dataset = make_map(dict(list(plane_axes.items())[:2]), {"mu": 0.7}, record=["regime"])
    figure = portrait(dataset, dpi=80)
    assert len(figure.axes) == 1
    cells = cells_of(panel_pixels(figure, 0), 49, 50)
    np.testing.assert_array_equal(cells, style.palette()[dataset["regime"].transpose("b", "a")])
    assert "$\\mu$ = 0.7" in figure.axes[0].texts[0].get_text()


def test_many_step_sizes_go_on_in_a_second_line(make_map):
    few = {"a": {"values": [-1.5, 0.5, 0.6, 2.0]}, "b": {"start": -2, "step": 0.5, "num": 9}}
    mus = [0.3, 0.6, 0.9, 1.2, 1.5, 2.5]
    figure = portrait(make_map({"mu": {"values": mus}, **few}, {}, record=["regime"]), dpi=60)
    boxes = [axes.get_window_extent() for axes in figure.axes]
    assert [round(box.y0) == round(boxes[0].y0) for box in boxes] == [True] * 4 + [False] * 2
    assert boxes[4].y1 < boxes[0].y0
    assert len(curves(figure.axes[5])) == 2  # no ellipse beyond mu = 2
    # Between uneven cells curves do not leave the values that are there.
    for line in curves(figure.axes[0]):
        x = line[:, 0]
        assert np.nanmin(x) >= 0
        assert np.nanmax(x) <= 3


def test_under_noise_nothing_is_exact(make_map):
    few = {"a": {"start": -2, "step": 0.5, "num": 9}, "b": {"start": -2, "step": 0.5, "num": 9}}
    noise = {"model": "multiplicative"}
    dataset = make_map(
        {"mu": {"values": [0.5, 1.2]}, **few}, {"noise": 0.1}, noise=noise, record=RECORD
    )
    figure = portrait(dataset, dpi=60)
    assert [len(axes.lines) for axes in figure.axes] == [0] * len(figure.axes)
    assert "1-\\mu^2" not in figure.axes[2].get_xlabel()


def test_thinned_grids_say_so(plane, panel_pixels, monkeypatch):
    monkeypatch.setattr(raster, "MOST", 20)
    figure = portrait(plane, dpi=60)
    codes = plane["regime"].isel(mu=0).transpose("b", "a").values[::3, ::3]
    cells = cells_of(panel_pixels(figure, 0), *codes.shape)
    np.testing.assert_array_equal(cells, style.palette()[codes])
    assert "one a in 3 and one b in 3" in figure.axes[0].texts[0].get_text()


def test_a_sheet_of_many_panels_is_no_larger_than_one_of_few(plane, panel_pixels, monkeypatch):
    """Panels beside each other share the side of the sheet, and keep their shape."""
    beside = plane.sizes["mu"]
    assert 1 < beside <= 4
    side = plane.sizes["a"]
    monkeypatch.setattr(raster, "SHEET", beside * side)
    whole = portrait(plane, dpi=60)
    assert "one a in" not in whole.axes[0].texts[0].get_text()
    monkeypatch.setattr(raster, "SHEET", beside * side - 1)
    figure = portrait(plane, dpi=60)
    assert "one a in 2 and one b in 2" in figure.axes[0].texts[0].get_text()
    codes = plane["regime"].isel(mu=0).transpose("b", "a").values[::2, ::2]
    cells = cells_of(panel_pixels(figure, 0), *codes.shape)
    np.testing.assert_array_equal(cells, style.palette()[codes])
