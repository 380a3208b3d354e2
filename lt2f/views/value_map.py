"""A number of every cell over effective step size and one more coordinate, above its profile.

The profile says how the number is spread over the starts at each step size, beside what is exact.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from lt2f.dynamics.codes import Regime
from lt2f.views import annotate, raster, regime_map, sheet, style
from lt2f.views.raster import Cells, Floats
from lt2f.views.shades import Shades

SHARPNESS: Final = colormaps["viridis"]
# Only where no loss exceeds the first is it pale blue.
OVERSHOOT: Final = ListedColormap(
    np.vstack([[[0.86, 0.905, 0.95, 1.0]], colormaps["magma_r"](np.linspace(0.08, 1, 4095))])
)
BULK: Final = {"sharpness": 0.995, "loss_peak_ratio": 0.98}
"""Share of the values that the colours tell apart; those beyond look like the largest."""

_PROFILE, _BAR = 1.35, 0.11  # heights of panels, in inches
_LIGHT, _DARK = "#b9bfd6", "#37295f"
_EXACT: Final = "#d9541e"


@dataclass(frozen=True)
class Quantity:
    """A variable of a map: its words, colours, and what is exact of it over mu without noise."""

    variable: str
    title: str
    words: str
    symbol: str
    scale: Callable[[Floats], Shades]
    exact: Callable[[xr.Dataset], "Iterator[Exact]"]


@dataclass(frozen=True)
class Exact:
    """A formula that holds over a part of mu."""

    words: str
    low: float
    high: float
    value: Callable[[Floats], Floats]
    dashes: Any


def sharpness(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw the mean of a^2 + b^2 over the measured steps: at a minimum eta times its sharpness.

    From a map dataset over mu and one more axis that records it. Below is its spread over bounded
    starts, with the least of any minimum, 2 mu; the edge of stability, 2; and 1 + mu, the mean over
    the two-cycle.
    """
    return _draw(dataset, _SHARPNESS, dpi)


def overshoot(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw the largest loss over the first one, on a logarithmic scale.

    From a map dataset over mu and one more axis that records it. Below is its spread over bounded
    starts, under 4/e0^2 if their product, and so e0 = a0 b0 - mu, is fixed: inside the ellipse
    S < 4 + mu e, and S >= 2|ab| makes it |e| < 2.
    """
    return _draw(dataset, _OVERSHOOT, dpi)


def _draw(dataset: xr.Dataset, quantity: Quantity, dpi: int) -> Figure:
    x, y, some, thinned = regime_map.read(dataset)
    values, codes = some[quantity.variable].values.astype(np.float64), some["regime"].values
    across, down, dpi = regime_map.scales(codes.shape, dpi)
    bounded = np.where(np.isfinite(values) & (codes != Regime.DIVERGENT), values, np.nan)
    scale = quantity.scale(bounded[np.isfinite(bounded)])
    image = raster.blocks(_coloured(values, codes, scale), down, across)
    rows = regime_map.crossed(dataset, x)
    with rc_context(style.RC):
        heights = [image.shape[0], round(_PROFILE * dpi)]
        figure, panels = sheet.make(image.shape[1], heights, dpi, annotate.room(rows))
        raster.draw(panels[0], image, x.edges, y.edges)
        y.tick(panels[0].yaxis)
        sheet.title(panels[0], f"{quantity.title}{thinned}", dataset)
        taken = np.zeros(image.shape[:2], dtype=np.bool_)
        regime_map.draw_lines(panels[0], x, y, dataset, rows, taken)
        key = regime_map.draw_curves(panels[0], x, y, dataset, taken)
        still = scale.logarithmic & (values <= scale.low)
        for words, part in (("divergent", codes == Regime.DIVERGENT), ("no overshoot", still)):
            free = raster.blocks(part, down, across) & ~taken
            annotate.in_region(panels[0], free, words, size=11, color=style.INK)
        unknown = int((np.isnan(values) & (codes != Regime.DIVERGENT)).sum())
        if unknown:
            words = f"no value ({unknown:,} cell{'s' * (unknown > 1)})"
            key.append(Patch(facecolor="w", edgecolor=style.INK, lw=0.5, label=words))
        _profile(panels[1], x, bounded, dataset, quantity, scale)
        x.tick(panels[1].xaxis)
        (bar,) = sheet.row(figure, 1, round(_BAR * dpi), above=0.0)
        _bar(bar, scale, quantity)
        sheet.key(bar, key)
        figure.align_ylabels(panels)
        sheet.margins(figure)
    return figure


def _coloured(values: Floats, codes: NDArray[np.uint8], scale: Shades) -> NDArray[np.uint8]:
    """Colour cells: grey where they diverge, white where there is no value."""
    gone = (codes == Regime.DIVERGENT)[..., np.newaxis]
    grey = np.round(255 * np.array(to_rgb(style.COLOURS[Regime.DIVERGENT]))).astype(np.uint8)
    return np.where(gone, grey, scale.of(values))


def _profile(
    axes: Axes, x: Cells, bounded: Floats, dataset: xr.Dataset, quantity: Quantity, scale: Shades
) -> None:
    """Draw the spread over the other axis for each mu, and what is exact."""
    known = np.isfinite(bounded).any(axis=0)
    places = x.place(x.values)[known]
    low, middle, high = np.nanquantile(bounded[:, known], [0.0, 0.5, 1.0], axis=0)
    axes.fill_between(places, low, high, color=_LIGHT, lw=0, label="bounded starts")
    axes.plot(places, middle, color=_DARK, label="median")
    if style.noise_of(dataset)["model"] == "none":
        for exact in quantity.exact(dataset):
            mu = np.linspace(max(exact.low, x.values[0]), min(exact.high, x.values[-1]), 400)
            if mu[0] < mu[-1]:
                look: dict[str, Any] = {"ls": exact.dashes, "label": exact.words}
                axes.plot(x.place(mu), exact.value(mu), color=_EXACT, lw=1.0, **look)
    _limits(axes, scale, high)
    axes.set_ylabel(quantity.symbol)
    look = {"borderpad": 0.2, "handlelength": 1.6, "columnspacing": 0.8, "fontsize": 7.5}
    axes.legend(loc="upper left", ncols=5, **look)


def _limits(axes: Axes, scale: Shades, high: Floats) -> None:
    """Show all but a few peaks, with room for names above."""
    peak = max(float(np.quantile(high, 0.99)) if high.size else 0.0, scale.low + 1.0)
    if scale.logarithmic:
        axes.set(yscale="log", ylim=(scale.low / 1.3, max(10.0, peak**1.35)))
    else:
        axes.set(ylim=(scale.low, 1.35 * peak))


def _bar(axes: Axes, scale: Shades, quantity: Quantity) -> None:
    """Fill the bar of colours, and say what lies beyond its end."""
    words = f"{quantity.words}; {scale.high:g} stands for all that is more"
    scale.bar(axes, words, _marks(scale))
    if not scale.logarithmic:
        axes.axvline(float(scale.place(2.0)), color="w", lw=1.2)


def _marks(scale: Shades) -> list[float]:
    if scale.logarithmic:
        return [10.0**k for k in range(round(np.log10(scale.high)) + 1)]
    return list(np.arange(0, scale.high + 0.25, 0.5))


# What is known


def _sharpness_scale(values: Floats) -> Shades:
    """Scale from 0 to beyond the edge of stability, in steps of a half."""
    most = float(np.quantile(values, BULK["sharpness"])) if values.size else 2.5
    return Shades(SHARPNESS, 0.0, max(2.5, np.ceil(2 * most) / 2))


def _overshoot_scale(values: Floats) -> Shades:
    """Scale from 1 to a power of ten."""
    most = float(np.quantile(values, BULK["loss_peak_ratio"])) if values.size else 10.0
    return Shades(OVERSHOOT, 1.0, 10.0 ** max(1, np.ceil(np.log10(max(most, 1.0)))), True)


def _exact_sharpness(dataset: xr.Dataset) -> Iterator[Exact]:
    yield Exact(r"$2\mu$: flattest minimum", 0, 1, lambda mu: 2 * mu, ":")
    yield Exact("2: edge of stability", 0, np.inf, lambda mu: np.full_like(mu, 2.0), "--")
    yield Exact(r"$1+\mu$: two-cycle", 1, np.sqrt(5) - 1, lambda mu: 1 + mu, "-")


def _exact_overshoot(dataset: xr.Dataset) -> Iterator[Exact]:
    if "product" in dataset.coords and dataset["product"].ndim == 0:
        product = dataset["product"].item()
        words = r"$4/(a_0b_0-\mu)^2$: none reaches it"

        def bound(mu: Floats) -> Floats:
            with np.errstate(divide="ignore"):
                return np.asarray(4 / (product - mu) ** 2)

        yield Exact(words, 0, 2, bound, "--")


_SHARPNESS: Final = Quantity(
    "sharpness",
    "Sharpness in the long run",
    "mean of $a^2+b^2$: step size times sharpness, stable up to 2",
    "mean $a^2+b^2$",
    _sharpness_scale,
    _exact_sharpness,
)
_OVERSHOOT: Final = Quantity(
    "loss_peak_ratio",
    "Overshoot of the loss",
    "largest loss over the first",
    "largest / first loss",
    _overshoot_scale,
    _exact_overshoot,
)
