"""Cells, columns and sheets: whole pixels, and every cell in its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lt2f.views import annotate, sheet
from lt2f.views.raster import Cells, Columns, blocks

increasing = st.lists(st.integers(-1000, 1000), min_size=1, max_size=60, unique=True).map(
    lambda values: np.sort(np.array(values)) / 8
)


@given(cells=st.integers(1, 20000), dpi=st.integers(50, 1200))
def test_panels_have_their_usual_width_and_whole_pixels(cells, dpi):
    scale, fine = sheet.fit(cells, dpi)
    assert scale >= 1
    assert fine >= dpi
    width = scale * cells / fine
    # Below 5 only by what rounding the raised dpi up can take.
    assert 5.0 * (1 - 1 / dpi) <= width <= 5.8
    if fine > dpi:  # it had to be raised: neither this scale nor one less fits at the dpi asked for
        assert scale * cells / dpi > 5.8
        assert (scale - 1) * cells / dpi < 5.0


@given(
    width=st.integers(1, 3000),
    heights=st.lists(st.integers(1, 900), min_size=1, max_size=3),
    dpi=st.integers(50, 1200),
)
def test_panels_begin_and_end_at_whole_pixels(width, heights, dpi):
    figure, panels = sheet.make(width, heights, dpi)
    for panel, height in zip(panels, heights, strict=True):
        box = panel.get_window_extent()
        np.testing.assert_allclose([box.width, box.height], [width, height], atol=1e-3)
        np.testing.assert_allclose(box.p0, np.round(box.p0), atol=1e-3)
    # The canvas cuts down to whole pixels: nothing is lost.
    np.testing.assert_allclose(figure.bbox.size % 1, 0, atol=1e-3)


def test_even_cells_keep_their_values():
    cells = Cells("mu", 0.002 + 0.002 * np.arange(1100))
    assert cells.even
    assert cells.edges == pytest.approx((0.001, 2.201), abs=1e-12)
    assert cells.place(1.2345) == 1.2345


@given(values=increasing)
def test_uneven_cells_are_equally_wide(values):
    cells = Cells("mu", values)
    places = cells.place(values)
    low, high = cells.edges
    width = (high - low) / values.size
    # The middle of cell i, whatever the values are.
    np.testing.assert_allclose(places, low + width * (np.arange(values.size) + 0.5), atol=1e-9)


@given(values=increasing, dpi=st.integers(50, 60))
def test_columns_show_their_samples(values, dpi):
    columns = Columns.over(values, dpi)
    place = columns.of(values)
    assert ((place >= 0) & (place < columns.count)).all()
    assert (np.diff(place) >= 0).all()
    ends = np.linspace(columns.low, columns.high, columns.count + 1)
    assert (ends[place] <= values + 1e-9).all()
    assert (values <= ends[place + 1] + 1e-9).all()
    middle = (ends[1:] + ends[:-1]) / 2
    chosen = np.abs(values[columns.nearest(values)] - middle)
    best = np.abs(values[:, np.newaxis] - middle).min(axis=0)
    np.testing.assert_allclose(chosen, best, atol=1e-9)


@given(n=st.integers(1, 5000), dpi=st.integers(50, 200))
def test_even_samples_share_columns_equally(n, dpi):
    columns = Columns.over(0.3 + 0.01 * np.arange(n), dpi)
    counts = np.bincount(columns.of(0.3 + 0.01 * np.arange(n)), minlength=columns.count)
    # The last column may have fewer.
    assert len(set(counts[:-1])) <= 1
    assert 1 <= counts[-1] <= counts[0]
    assert columns.count <= sheet.most(dpi)


def test_what_lies_outside_is_in_no_column():
    columns = Columns(1.0, 2.0, 4)
    assert columns.of(np.array([0.9, 1.0, 1.25, 1.99, 2.0, 2.1])).tolist() == [-1, 0, 1, 3, 3, 4]


def test_blocks_repeat():
    assert blocks(np.array([[1, 2]]), 2, 3).tolist() == [[1, 1, 1, 2, 2, 2]] * 2


@given(
    places=arrays.arrays(float, st.integers(1, 12), elements=st.floats(0, 1000)).map(np.sort),
    room=st.floats(0, 200),
)
def test_names_move_apart_in_order(places, room):
    most = np.full(places.size, 1000.0 + 40 * places.size) - room
    moved = annotate.apart(places, 40.0, most)
    assert (np.diff(moved) >= 40 - 1e-6).all()
    assert (moved <= most + 1e-6).all()
    if (np.diff(places) >= 40).all() and (places <= most).all():
        np.testing.assert_allclose(moved, places, atol=1e-6)
