"""Numbers as colours, and the bars that say which is which."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SIGNED: Final = colormaps["RdBu"]
LOSS: Final = colormaps["magma"]
# Only what happens in fewer than one of 4096 trials is white.
SHARE: Final = ListedColormap(
    np.vstack([np.ones((1, 4)), colormaps["BuPu"](np.linspace(0.15, 1, 4095))])
)
# But for its lightest and darkest parts: what escapes at once is not like paper, and what takes
# longest not like a curve.
ESCAPE: Final = ListedColormap(colormaps["Greys"](np.linspace(0.1, 0.75, 256)))


@dataclass(frozen=True)
class Shades:
    """Colours between two ends, beyond which they stay the same; NaN is white."""

    colours: Colormap
    low: float
    high: float
    logarithmic: bool = False

    def place(self, values: ArrayLike) -> Floats:
        """Tell where values lie between the ends, 0 to 1."""
        x, low, high = (np.asarray(v, dtype=np.float64) for v in (values, self.low, self.high))
        if self.logarithmic:
            x, low, high = np.log(np.maximum(x, self.low)), np.log(low), np.log(high)
        return np.asarray(((x - low) / (high - low)).clip(0, 1))

    def of(self, values: ArrayLike) -> NDArray[np.uint8]:
        """Return the colours of values as RGB bytes, along a new last axis."""
        place = self.place(values)
        shades = np.asarray(self.colours(np.nan_to_num(place), bytes=True))[..., :3].copy()
        shades[np.isnan(place)] = 255
        return shades

    def bar(self, axes: Axes, words: str, marks: Iterable[float]) -> None:
        """Fill axes with the colours from left to right, with those marks that lie within."""
        even = self.colours(np.linspace(0, 1, 256), bytes=True)[np.newaxis, :, :3]
        axes.imshow(even, extent=(0, 1, 0, 1), aspect="auto", interpolation="none")
        inside = [mark for mark in marks if self.low <= mark <= self.high]
        names = [f"{round(mark, 2):g}".replace("-", "\N{MINUS SIGN}") for mark in inside]
        axes.set(xlim=(0, 1), ylim=(0, 1), yticks=[])
        axes.set_xticks(self.place(inside), names)
        axes.tick_params(labelsize=8, length=2.5, pad=2)
        axes.set_xlabel(words, size=8.5, labelpad=2)
