"""How far the factors are from balance, over effective step size: quantiles of the imbalance."""

from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from lt2f.dynamics.closed_forms import CLOSED_FORMS
from lt2f.dynamics.factor_noise import two_cycle_imbalance_variance
from lt2f.views import raster, style
from lt2f.views.raster import Columns, Floats

HEIGHT: Final = 1.7
"""Height of the panel in inches."""

_LOOKS: Final = {0.5: ("median", "#6f9fd0"), 0.9: ("90 %", "#4a5fa5"), 0.99: ("99 %", "#37295f")}
_DECADES: Final = 8  # below the top; what has died out lies at the bottom
_BORN, _SPLIT = (row.mu for row in CLOSED_FORMS if row.id in ("doubling_1", "doubling_2"))


def name_of(orbit: xr.Dataset) -> str | None:
    """Name the imbalances that an orbit dataset holds, if it does."""
    return next((name for name in ("imbalance", "imbalance_path") if name in orbit.data_vars), None)


def draw(axes: Axes, orbit: xr.Dataset, name: str, columns: Columns) -> None:
    """Draw quantiles of the imbalance's size over steps, on a logarithmic axis.

    Where the noise has a multiplier for each factor, the standard deviation that weak noise gives
    on the two-cycle lies over them.
    """
    mu, sizes = orbit["mu"].values, _quantiles(orbit[name])
    for (words, colour), values in zip(_LOOKS.values(), sizes, strict=True):
        axes.plot(mu, values, color=colour, lw=0.7, label=words)
    if style.noise_of(orbit)["model"] == "factors":
        x = np.linspace(_BORN, _SPLIT, 200)  # of the two-cycle
        deviation = np.sqrt(np.mean(two_cycle_imbalance_variance(x, orbit["noise"].item()), axis=0))
        axes.plot(x, deviation, color="#d9541e", lw=1.4, ls=(0, (3, 2)), label="theory, deviation")
    axes.set_yscale("log")
    axes.set(xlim=(columns.low, columns.high), ylim=_span(sizes))
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.set_ylabel(r"imbalance $|a^2-b^2|$")
    axes.legend(loc="upper left", ncols=4, borderpad=0.2, handlelength=1.8)


def _quantiles(imbalance: xr.DataArray) -> Floats:
    """Return quantiles over the samples of each mu, (quantiles, mu); NaN where it diverged."""
    found = np.full((len(_LOOKS), imbalance.shape[0]), np.nan)
    for rows in raster.slabs(*imbalance.shape):
        size = np.abs(imbalance[rows].values)
        bounded = np.isfinite(size).all(axis=1)
        chosen = np.arange(rows.start, rows.start + size.shape[0])[bounded]
        if chosen.size:
            found[:, chosen] = np.quantile(size[bounded], list(_LOOKS), axis=1)
    return found


def _span(sizes: Floats) -> tuple[float, float]:
    """Choose the ends of the logarithmic axis: all that is there, within so many decades."""
    seen = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not seen.size:  # balanced all the time, or nothing is bounded
        return 1e-3, 1.0
    high = seen.max()
    return max(seen.min(), high * 10.0**-_DECADES) / 2, 10 * high  # above: room for the names
