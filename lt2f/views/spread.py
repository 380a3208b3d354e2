"""How far the factors are from balance, over effective step size: quantiles of the imbalance."""

from typing import Any, Final

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
_DEVIATION: Final = "#d9541e"
_STILL: Final = 1e-3  # of the largest sample: all that differ by less are equal
_DECADES: Final = 8  # below the top; what has died out lies at the bottom
_BORN, _SPLIT = (row.mu for row in CLOSED_FORMS if row.id in ("doubling_1", "doubling_2"))


def name_of(orbit: xr.Dataset) -> str | None:
    """Name the imbalances that an orbit dataset holds, if it does."""
    return next((name for name in ("imbalance", "imbalance_path") if name in orbit.data_vars), None)


def draw(axes: Axes, orbit: xr.Dataset, name: str, columns: Columns) -> None:
    """Draw quantiles of the imbalance's size over steps, on a logarithmic axis.

    Where it does not move there is no distribution: it is drawn thin and dotted. Where the noise
    has a multiplier for each factor, the standard deviation, and what weak noise makes of it on
    the two-cycle, lie over the quantiles.
    """
    mu, (sizes, still, measured) = orbit["mu"].values, _quantiles(orbit[name])
    for (words, colour), values in zip(_LOOKS.values(), sizes, strict=True):
        axes.plot(mu, values, color=colour, lw=0.7, label=words)
    if np.isfinite(still).any():
        axes.plot(mu, still, color=style.INK, lw=0.7, ls=(0, (1, 2)), label="constant in time")
    if style.noise_of(orbit)["model"] == "factors":
        x = np.linspace(_BORN, _SPLIT, 200)  # of the two-cycle
        deviation = np.sqrt(np.mean(two_cycle_imbalance_variance(x, orbit["noise"].item()), axis=0))
        axes.plot(mu, measured, color=_DEVIATION, lw=0.7, label="standard deviation")
        look: dict[str, Any] = {"color": _DEVIATION, "lw": 1.4, "ls": (0, (3, 2))}
        axes.plot(x, deviation, label="standard deviation, theory", **look)
    axes.set_yscale("log")
    axes.set(xlim=(columns.low, columns.high), ylim=_span(np.vstack([sizes, still])))
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.set_ylabel(r"imbalance $|a^2-b^2|$")
    axes.legend(
        loc="upper left", ncols=6, borderpad=0.2, handlelength=1.5, columnspacing=1.0,
        handletextpad=0.5, fontsize=7.5,
    )  # fmt: skip


def _quantiles(imbalance: xr.DataArray) -> tuple[Floats, Floats, Floats]:
    """Return quantiles of the size over the samples of each mu, (quantiles, mu), and two rows.

    They are the size where it is constant, and the standard deviation where it is not; NaN is
    where orbits diverged, and where a number does not apply.
    """
    found = np.full((len(_LOOKS) + 2, imbalance.shape[0]), np.nan)
    for rows, values in raster.pooled(imbalance):
        first, bounded = rows.start, np.isfinite(values).all(axis=1)
        moving = bounded & (np.ptp(values, axis=1) > _STILL * np.abs(values).max(axis=1))
        chosen = first + np.flatnonzero(moving)
        if chosen.size:
            sizes = np.abs(values[moving])
            found[:-2, chosen] = np.quantile(sizes, list(_LOOKS), axis=1)
            found[-1, chosen] = values[moving].std(axis=1)
        constant = bounded & ~moving
        found[-2, first + np.flatnonzero(constant)] = np.abs(values[constant, 0])
    return found[:-2], found[-2], found[-1]


def _span(sizes: Floats) -> tuple[float, float]:
    """Choose the ends of the logarithmic axis: all that is there, within so many decades."""
    seen = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not seen.size:  # balanced all the time, or nothing is bounded
        return 1e-3, 1.0
    high = seen.max()
    return max(seen.min(), high * 10.0**-_DECADES) / 2, 10 * high  # above: room for the names
