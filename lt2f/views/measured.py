"""What was measured over mu, with its errors: a line in its band, or means over realizations."""

from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from lt2f.views import exponents as lines
from lt2f.views.raster import Floats

BAND: Final = 2.0
"""Standard errors to either side that a band or a bar reaches."""


class Measured(NamedTuple):
    """Values over mu with their standard errors."""

    mu: Floats
    value: Floats
    error: Floats

    def within(self, low: float, high: float) -> "Measured":
        """Return those from low to high whose value is finite."""
        seen = (self.mu >= low) & (self.mu <= high) & np.isfinite(self.value)
        return Measured(*(part[seen] for part in self))

    def draw(self, axes: Axes, **look: Any) -> None:
        """Draw a line with its band through the extremes of every column of pixels.

        The limits and scales of the panel have to be set before.
        """
        if self.mu.size == 0:
            return
        ends = np.column_stack([self.mu, np.ones_like(self.mu)])
        column = np.floor(axes.transData.transform(ends)[:, 0]).astype(np.int64)
        mu, value, error = (part[lines.extremes(column, self.value)] for part in self)
        low, high = value - BAND * error, value + BAND * error
        if axes.get_yscale() == "log":
            low = np.maximum(low, 1e-12)
        axes.fill_between(mu, low, high, color=look["color"], alpha=0.3, lw=0)
        axes.plot(mu, value, marker="o" if mu.size < 50 else "", ms=2.5, **look)


def on_ellipse(dataset: xr.Dataset) -> list[Measured]:
    """Return the exponents across and along the ellipse, as means over realizations."""
    order = ("mu", ..., "exponent")
    pair = dataset["lyapunov"].transpose(*order).values
    errors = dataset["lyapunov_error"].transpose(*order).values
    shape = pair.shape[0], -1, 2
    pair, errors = pair.reshape(shape), errors.reshape(shape)
    mean = pair.mean(axis=1)
    error = np.sqrt((errors**2).sum(axis=1)) / pair.shape[1]
    mu = dataset["mu"].values
    return [Measured(mu, mean[:, k], error[:, k]) for k in (1, 0)]
