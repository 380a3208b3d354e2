"""One standard for all figures: what journals ask of type and lines, and names on axes."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from lt2f.views import figures, style

LEAST_TYPE, LEAST_LINE = 6.0, 0.5  # points at final size, as journals ask


@pytest.fixture(scope="module")
def drawn(inputs) -> dict[str, Figure]:
    """Draw every figure once."""
    found = {name: draw(*inputs[name]) for name, draw in figures.DRAWINGS.items()}
    for figure in found.values():
        FigureCanvasAgg(figure).draw()
    return found


def shown(figure: Figure, kind: type) -> list:
    """Artists of a kind that are seen."""
    hidden = {id(part) for axes in figure.axes if not axes.axison for part in axes.findobj(kind)}
    return [part for part in figure.findobj(kind) if part.get_visible() and id(part) not in hidden]


@pytest.mark.parametrize("name", figures.DRAWINGS)
def test_type_is_large_enough_and_of_one_family(drawn, name):
    texts = [text for text in shown(drawn[name], Text) if text.get_text().strip()]
    assert len(texts) > 10
    for text in texts:
        assert text.get_fontsize() >= LEAST_TYPE, text.get_text()
        assert text.get_fontfamily() == [style.RC["font.family"]], text.get_text()


@pytest.mark.parametrize("name", figures.DRAWINGS)
def test_lines_are_wide_enough(drawn, name):
    for line in shown(drawn[name], Line2D):
        if line.get_linestyle() != "None" and np.size(line.get_xdata()):
            assert line.get_linewidth() >= LEAST_LINE, line
    for lines in shown(drawn[name], LineCollection):
        assert min(lines.get_linewidths(), default=1.0) >= LEAST_LINE
    for axes in drawn[name].axes:
        assert min(spine.get_linewidth() for spine in axes.spines.values()) >= LEAST_LINE


@pytest.mark.parametrize("name", figures.DRAWINGS)
def test_every_axis_with_numbers_has_a_name(drawn, name):
    def named(axes: Axes, axis: str) -> bool:
        words = getattr(axes, f"get_{axis}label")()
        return bool(words) or bool(axes.get_title("right") or axes.get_title("left"))

    for axes in drawn[name].axes:
        for axis in ("x", "y"):
            ticks = getattr(axes, f"{axis}axis")
            labels = [text for text in ticks.get_ticklabels() if text.get_visible()]
            if axes.axison and any(text.get_text() for text in labels):
                assert named(axes, axis), (axes, axis)
