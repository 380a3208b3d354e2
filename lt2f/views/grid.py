"""Sheets of many equal panels beside and below each other, whose edges are whole pixels."""

import math
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

LEFT: Final = 0.42  # inches, as all that follows
RIGHT: Final = 0.1
TICKS: Final = 0.44  # from a panel to the colour bar below it
_WIDTH: Final = 6.04  # of all panels beside each other
_TITLE, _HEAD, _BETWEEN, _BARS, _KEY = 0.3, 0.22, 0.1, 0.62, 0.62
_LARGEST: Final = 2.6  # of a panel
_MOST: Final = 4  # panels beside each other


def panels_of(count: int, rows: int) -> tuple[int, int]:
    """Return how many panels of `count` columns of `rows` lie beside and below each other."""
    beside = min(count, _MOST)
    return beside, rows * -(-count // beside)


@dataclass(frozen=True)
class Grid:
    """Columns of `rows` panels, `count` of them, in lines of `columns`.

    A column has room for a heading above it and, if it has more than one panel, a colour bar below;
    the sheet for a title and a key.
    """

    count: int
    columns: int
    rows: int
    width: int  # of a panel, in pixels
    height: int
    dpi: int
    gap: float = _BETWEEN  # inches between columns

    @classmethod
    def fit(
        cls, count: int, rows: int, cells: tuple[int, int], ratio: float, dpi: int,
        gap: float = _BETWEEN,
    ) -> "Grid":  # fmt: skip
        """Choose whole pixels for each of the cells, across and up, of every panel.

        Its height over its width is nearly `ratio`. The dpi is raised if no whole number fits.
        """
        columns = min(count, _MOST)
        widest = min(_LARGEST, (_WIDTH - (columns - 1) * gap) / columns)
        across = math.floor(widest * dpi / cells[0])
        if across * cells[0] < 0.86 * widest * dpi:
            across += 1
            dpi = math.ceil(across * cells[0] / widest)
        width = across * cells[0]
        height = max(1, round(ratio * width / cells[1])) * cells[1]
        return cls(count, columns, rows, width, height, dpi, gap)

    def pixels(self, inches: float) -> int:
        """Return a length in whole pixels."""
        return round(inches * self.dpi)

    @property
    def line(self) -> int:
        """Height of a line of columns with all that belongs to it."""
        gaps = self.pixels(_BETWEEN) * (self.rows - 1)
        below = TICKS + _BARS * (self.rows > 1)
        return self.pixels(_HEAD) + self.rows * self.height + gaps + self.pixels(below)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        lines = -(-self.count // self.columns)
        height = self.pixels(_TITLE) + lines * self.line + self.pixels(_KEY)
        return self.pixels(LEFT + _WIDTH + RIGHT), height

    def sheet(self) -> Figure:
        """Make an empty figure."""
        # A hair more than whole: the canvas is cut down to whole pixels.
        width, height = ((pixels + 1e-6) / self.dpi for pixels in self.size)
        return Figure(figsize=(width, height), dpi=self.dpi)

    def corner(self, k: int, row: int) -> tuple[int, int]:
        """Return the lower left corner of a panel of column k."""
        line, column = divmod(k, self.columns)
        left = self.pixels(LEFT) + column * (self.width + self.pixels(self.gap))
        above = self.pixels(_TITLE) + line * self.line + self.pixels(_HEAD)
        return left, self.size[1] - above - (row + 1) * self.height - row * self.pixels(_BETWEEN)

    def add(self, figure: Figure, corner: tuple[int, int], width: int, height: int) -> Axes:
        """Add axes that fill a box of pixels."""
        (left, low), (across, up) = corner, self.size
        return figure.add_axes((left / across, low / up, width / across, height / up))
