"""Sheets: titles that fit, margins wide enough, and panels that keep their sizes."""

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lt2f.views import annotate, exponents, raster, sheet, style
from lt2f.views.figures import portrait, regime_map


def named(model=None, **scalars) -> xr.Dataset:
    sweep = {"noise": model} if model else {}
    settings = {"study": "s", "sweeps": {"it": sweep}}
    return xr.Dataset({}, scalars, {"lt2f_settings": json.dumps(settings)})


def titled(width: int, words: str, dataset: xr.Dataset):
    figure, (axes,) = sheet.make(width, [200], 100)
    sheet.title(axes, words, dataset)
    (text,) = axes.texts
    return figure, text, text.get_window_extent(FigureCanvasAgg(figure).get_renderer())


@pytest.mark.parametrize("width", [560, 420, 300])
def test_titles_fit_and_hold_all_that_they_say(width):
    model = {"model": "factors", "law": "normal"}
    fixed = named(model, imbalance=0.001234, product=0.123456, noise=0.0031, realization=3)
    figure, text, box = titled(width, "Orbit diagram, 20,000 steps after 4,000,000", fixed)
    assert box.x1 <= figure.bbox.width
    assert box.y1 <= figure.bbox.height
    assert box.y0 >= figure.axes[0].get_window_extent().y1
    whole = " ".join(text.get_text().split("\n"))
    assert whole.endswith("noise of each factor (normal), realization 3")
    assert "0.001234" in whole


def test_a_title_that_fits_is_one_line_as_large_as_ever():
    _, text, _ = titled(560, "Averages", named(imbalance=0.001))
    assert text.get_fontsize() == 10
    assert "\n" not in text.get_text()


def test_the_first_realization_is_any_one():
    assert style.conditions(named(realization=0)) == []
    assert style.conditions(named(realization=2)) == ["realization 2"]


def test_what_is_known_without_shortcuts_says_so(make_map):
    few = {"start": -1.0, "step": 0.7, "num": 4}
    axes, record = {"a": few, "b": few}, ["regime"]
    brute = make_map(axes, {"mu": 0.5}, record=record, shortcuts=False)
    plain = make_map(axes, {"mu": 0.5}, record=record)
    words = [portrait(data, dpi=60).axes[0].texts[-1].get_text() for data in (brute, plain)]
    assert words[0] == words[1] + ", by brute force"


def test_labels_beside_long_ticks_are_on_the_sheet_and_the_panel_keeps_its_size(regimes):
    uneven = 1.23456e-3 * (1 + 0.01 * np.arange(42) ** 2)  # each is written beside its cell
    wide = regimes.assign_coords(imbalance=uneven)
    usual, long = regime_map(regimes), regime_map(wide)
    renderer = FigureCanvasAgg(long).get_renderer()
    assert long.axes[0].get_tightbbox(renderer).x0 >= 0
    assert long.bbox.width > usual.bbox.width
    for figure in (usual, long):
        box = np.asarray(figure.axes[0].get_window_extent())
        np.testing.assert_allclose(box, box.round(), atol=1e-3)
    sizes = [figure.axes[0].get_window_extent().size for figure in (usual, long)]
    np.testing.assert_allclose(*sizes, atol=1e-3)


def test_a_label_longer_than_its_panel_shrinks():
    figure, (axes,) = sheet.make(400, [130], 100)
    axes.set_ylabel("a label for a much higher panel")
    sheet.margins(figure)
    extent = axes.yaxis.label.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    # hinting makes glyphs of smaller type a little wider
    assert extent.height <= 1.05 * 130


def test_columns_beyond_the_data_are_not_covered():
    columns = raster.Columns(0.0, 10.0, 10)  # middles at 0.5, 1.5 ...
    assert (
        columns.covered(np.array([2.2, 3.2, 4.2])).tolist()
        == [False] * 2 + [True] * 3 + [False] * 5
    )
    assert columns.covered(np.array([9.9])).tolist() == [False] * 9 + [True]


def test_regimes_too_narrow_for_their_word_are_in_the_key(line):
    figure = exponents.exponents(line.sel(mu=slice(0.5, 2.0)))
    strip = figure.axes[-1]
    renderer, inside = FigureCanvasAgg(figure).get_renderer(), strip.get_window_extent()
    codes = line.sel(mu=slice(0.5, 2.0))["regime"].values
    mu = line.sel(mu=slice(0.5, 2.0))["mu"].values
    words = [text for text in strip.texts if text.get_text()]
    assert words
    for text in words:
        (code,) = [code for code, name in style.WORDS.items() if name == text.get_text()]
        box = text.get_window_extent(renderer)
        ends = strip.transData.inverted().transform(np.asarray(box))[:, 0]
        under = codes[(mu > ends[0]) & (mu < ends[1])]
        assert (under == code).mean() > 0.98, text.get_text()
        assert inside.y0 <= box.y0 + 1
    explained = strip.get_legend().get_texts() if strip.get_legend() else []
    assert len(words) + len(explained) == len(set(codes.tolist()))


def test_thresholds_of_some_starts_say_so():
    assert annotate._SHORT["monotone_end"].startswith("some")


@pytest.mark.parametrize("mu", [0.5, 1.001])
def test_names_of_thresholds_stay_below_the_title(line, mu):
    figure = exponents.exponents(line.sel(mu=slice(mu, 2.0)))
    renderer = FigureCanvasAgg(figure).get_renderer()
    *names, title = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert len(names) >= 8
    assert max(box.y1 for box in names) < title.y0
