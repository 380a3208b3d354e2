"""Box counts of boundaries that are known: how many boxes, and which dimension to which error."""

import numpy as np
import pytest

from lt2f.dynamics import theory
from lt2f.dynamics.box_counting import box_dimension, count_boxes, dimension, local_slopes
from lt2f.dynamics.controls import CONTROLS, inside


def carpet(n: int):
    """Sierpinski's carpet: a cell is out if a ternary digit of both its places is 1."""
    place, out = np.arange(n), np.zeros((n, n), dtype=bool)
    for k in range(7):
        middle = place // 3**k % 3 == 1
        out |= middle[:, np.newaxis] & middle
    return out


def ellipse(n: int, mu: float = 1.3):
    """The boundary of the bounded starts without decay, which is smooth."""
    ticks = np.linspace(-2.6, 2.57, n)
    a, b = np.meshgrid(ticks, ticks)
    return theory.ellipse(mu, (a + b) / 2, (a - b) / 2) < 0


def edge(n: int):
    """A straight edge along those of boxes of every size."""
    return np.repeat(np.arange(n) >= n // 2, n).reshape(n, n)


def noise(n: int):
    return np.random.default_rng(3).integers(0, 3, (n, n))


KNOWN = [
    *((control.labels, control.dimension) for control in CONTROLS),
    (ellipse, 1.0),
    (edge, 1.0),
    (carpet, np.log(8) / np.log(3)),
    (noise, 2.0),
]
NAMES = [*(control.name for control in CONTROLS), "ellipse", "edge", "carpet", "noise"]


@pytest.mark.parametrize(("labels", "known"), KNOWN, ids=NAMES)
def test_known_dimensions_lie_within_the_stated_errors(labels, known):
    found = box_dimension(labels(1024))
    # three standard errors and the drift: nine boundaries, none of which may be off by chance
    assert abs(found.value - known) <= found.uncertainty(3.0)
    assert found.uncertainty(1.0) < 0.15  # and they say something


@pytest.mark.parametrize("n", [512, 2048])
def test_finer_grids_say_more(n):
    coarse, fine = (box_dimension(CONTROLS[2].labels(size)) for size in (512, 2048))
    assert fine.error < coarse.error
    found = coarse if n == 512 else fine
    assert abs(found.value - CONTROLS[2].dimension) <= found.uncertainty(3.0)


def test_boxes_are_those_that_hold_two_labels():
    # one point, which is a corner of four boxes of every side: they share their edges
    labels = np.zeros((512, 512), dtype=int)
    labels[256, 256] = 1
    boxes = count_boxes(labels)
    assert boxes.side.tolist() == [64.0, 32.0, 16.0, 8.0]
    assert boxes.number.tolist() == [4.0] * 4
    assert dimension(boxes).value == pytest.approx(0.0, abs=1e-12)
    # and an edge along the whole grid is one of two rows of boxes
    assert count_boxes(edge(512)).number.tolist() == [8.0 * 2**k for k in range(4)]


def test_every_box_is_looked_at_in_as_many_places():
    # single cells off the places that large boxes are looked at in are seen by small ones alone
    labels = np.zeros((512, 512), dtype=int)
    labels[5::64, 5::64] = 1
    with pytest.raises(ValueError, match="no boundary"):
        count_boxes(labels)
    labels[::64, ::64] = 1  # corners of all boxes: each of the largest has some
    assert count_boxes(labels).number[0] == 64


def test_slopes_between_sides_average_to_the_fit():
    boxes = count_boxes(carpet(1024))
    slopes = local_slopes(boxes)
    assert slopes.shape == (boxes.side.size - 1,)
    found = dimension(boxes)
    assert slopes.min() < found.value < slopes.max()


def test_a_curve_that_only_looks_rough_from_afar_is_told_by_its_drift():
    """Ripples wider than the smallest boxes: a dimension above one that the drift takes back."""
    x = np.arange(2048)
    height = 1024 + 300 * np.sin(x / 9.0)
    found = box_dimension(x[:, np.newaxis] < height)
    assert found.value - 3 * found.error > 1.1
    assert abs(found.value - 1.0) < found.uncertainty(3.0) + 0.35
    assert found.drift > 0.1


def test_even_and_odd_crossings_say_what_a_polygon_holds():
    x, y = np.array([1.5, 7.5, 7.5, 1.5, 1.5]), np.array([2.5, 2.5, 5.5, 5.5, 2.5])
    held = inside(x, y, 10)
    known = np.zeros((10, 10), dtype=bool)
    known[3:6, 2:8] = True
    np.testing.assert_array_equal(held, known)
    # what begins left of the grid or ends right of it is cut off
    assert inside(x - 4, y, 10).sum() == 3 * 4
    assert inside(x + 5, y, 10).sum() == 3 * 3


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (np.zeros((512, 256)), "square grid of at least 512"),
        (np.zeros((256, 256)), "square grid"),
        (np.zeros(512), "square grid"),
        (np.zeros((512, 512)), "no boundary"),
    ],
)
def test_what_has_no_boxes_is_refused(labels, line):
    with pytest.raises(ValueError, match=line):
        box_dimension(labels)
