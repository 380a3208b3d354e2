"""The cascade of doublings and its mirror of merging bands, around the point where both end."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt2f.dynamics import thresholds
from lt2f.dynamics.thresholds import Threshold
from lt2f.views import annotate, orbit_diagram, raster, sheet, style
from lt2f.views.raster import Columns, Floats

DELTA: Final = 4.669201609102990
"""Feigenbaum's number, to which the ratios of successive intervals tend (OEIS A006890)."""

_HEIGHTS: Final = 2.1, 1.9, 1.25  # of the panels, in inches
_TOP: Final = 1.15  # for names with more decimals than usual
_PIXELS: Final = 2  # per bin of the residual
_DEPTHS: Final = -5.0, 0.5  # decades of the distance to the critical point, 1e-4 at period 1024
_LOOKS: Final = {
    "doublings": ("#2d6fb0", "o"),
    "superstable cycles": ("#2d8a70", "^"),
    "mergings of bands": ("#d9541e", "s"),
}


class Fold:
    """The axis of the figure: the logarithm of the distance from mu_inf, mirrored there.

    Every doubling is as wide as the next on it, log10(DELTA). The distance 10^origin is at zero,
    from which mu below mu_inf runs to the left and mu above to the right.
    """

    def __init__(self, mu: Floats, centre: float) -> None:
        self.centre = centre
        gaps = np.unique(np.round(np.log10(np.abs(mu[mu != centre] - centre)), 9))
        # Half a cell in the middle to either side, so that cells mirrored there are even.
        half = float(np.median(np.diff(gaps))) / 2 if gaps.size > 1 else 0.5
        self.origin = (float(gaps[0]) if gaps.size else 0.0) - half

    def place(self, mu: Floats) -> Floats:
        """Tell where values are drawn; NaN for what is nearer to mu_inf than the origin."""
        gap = np.abs(mu - self.centre)
        far = np.log10(gap, out=np.full(gap.shape, np.nan), where=gap > 0) - self.origin
        return np.where(far > 0, np.sign(mu - self.centre) * far, np.nan)


def cascade(orbit: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw the cascade from an orbit dataset over mu, on the logarithm of the distance to its end.

    Doublings to the left, mergings of bands to the right. First the residual; then its distance to
    the critical point (1 - 2 mu)/3 of e -> e^3 + (mu - 2) e^2 + (1 - 2 mu) e, which shrinks
    by 2.5029 (Feigenbaum's other number) a doubling, so that all are seen; then how far the ratios
    of successive intervals between located thresholds are from DELTA, at the middle one of three.
    """
    centre = thresholds.accumulation().mu
    orbit = orbit.isel(mu=orbit["mu"].values != centre)
    fold = Fold(orbit["mu"].values, centre)
    places = fold.place(orbit["mu"].values)
    columns = Columns.over(places, dpi) if places.size else Columns(-1.0, 1.0, sheet.most(dpi))
    scale, dpi = sheet.fit(columns.count, dpi)
    bins = [round(height * dpi / _PIXELS) for height in _HEIGHTS[:2]]
    heights = [*(_PIXELS * count for count in bins), round(_HEIGHTS[2] * dpi)]
    with rc_context(style.RC):
        figure, panels = sheet.make(scale * columns.count, heights, dpi, _TOP)
        if places.size:
            pictures = (
                (orbit_diagram.slabs(orbit), orbit_diagram.span_of(orbit)),
                (_critical(orbit), _DEPTHS),
            )
            for panel, (parts, ends), count in zip(panels[:2], pictures, bins, strict=True):
                table = orbit_diagram.density(places, parts, columns, count, ends)
                image = raster.blocks(orbit_diagram.shade(table), _PIXELS, scale)
                raster.draw(panel, image, (columns.low, columns.high), ends)
        _ratios(panels[2], fold)
        _mark(panels, fold, columns)
        _name(panels, fold, columns, orbit)
    return figure


def _critical(orbit: xr.Dataset) -> Iterator[tuple[slice, Floats]]:
    """Yield the logarithm of the distance to the critical point; what is too near is just seen."""
    point = (1 - 2 * orbit["mu"].values) / 3
    least = 10 ** (_DEPTHS[0] + 0.02)
    for rows, e in orbit_diagram.slabs(orbit):
        yield rows, np.log10(np.maximum(least, np.abs(e - point[rows, np.newaxis])))


# Marks


def _series() -> dict[str, list[Threshold]]:
    """Return the located thresholds in the order in which they accumulate."""
    return {
        "doublings": thresholds.doublings(thresholds.DOUBLINGS),
        "superstable cycles": thresholds.superstable_doublings(),
        "mergings of bands": thresholds.band_mergings(thresholds.MERGINGS),
    }


def _short(row: Threshold) -> str:
    """Name a threshold with as many decimals as tell it from the next."""
    kind, _, order = row.id.rpartition("_")
    if row.id == "accumulation":
        words = r"$\mu_\infty$"
    elif kind == "doubling":
        words = f"period {2 ** int(order)}"
    else:
        words = f"bands {2 * int(order)}→{order}"
    return f"{row.mu:.0f}  {words}" if row.mu.is_integer() else f"{row.mu:.8f}  {words}"


def _mark(panels: list[Axes], fold: Fold, columns: Columns) -> None:
    """Draw thresholds through the panels and name them above the first."""
    located = _series()
    cycles = located.pop("superstable cycles")
    rows = [thresholds.accumulation(), *(row for series in located.values() for row in series)]
    rows.sort(key=lambda row: row.mu)
    places = np.nan_to_num(fold.place(np.array([row.mu for row in rows])))  # mu_inf is at zero
    near = [row.id == "accumulation" or place != 0 for row, place in zip(rows, places, strict=True)]
    seen = np.array(near) & (columns.low <= places) & (places <= columns.high)
    for place in places[seen]:
        for panel in panels:
            panel.axvline(place, color=style.INK, lw=0.5, ls=(0, (1, 2)), zorder=1.5)
    shown = [row for row, keep in zip(rows, seen, strict=True) if keep]
    annotate.thresholds(panels[0], shown, places[seen], _short)
    x = fold.place(np.array([row.mu for row in cycles]))
    x = x[(columns.low <= x) & (x <= columns.high)]
    colour, marker = _LOOKS["superstable cycles"]
    floor = np.full_like(x, _DEPTHS[0])
    panels[1].set_ylim(_DEPTHS)
    panels[1].plot(x, floor, marker, color=colour, ms=4, clip_on=False, zorder=3)


def _name(panels: list[Axes], fold: Fold, columns: Columns, orbit: xr.Dataset) -> None:
    """Say what the axes are, with decades of the distance from mu_inf to either side."""
    room = 0.03 * (columns.high - columns.low)  # or those next to the fold would meet
    decades = np.arange(np.ceil(fold.origin + room), 3)
    ticks = {
        float(side * (k - fold.origin)): rf"$10^{{{k:.0f}}}$" for k in decades for side in (-1, 1)
    }
    ticks = {x: words for x, words in ticks.items() if columns.low <= x <= columns.high}
    panels[-1].set_xticks(list(ticks), labels=list(ticks.values()))
    panels[-1].set_xlabel(
        rf"$\mu_\infty-\mu$ to the left, $\mu-\mu_\infty$ to the right, "
        rf"$\mu_\infty={fold.centre:.12f}$"
    )
    panels[0].set_ylabel("residual $e=ab-\\mu$")
    panels[1].set_ylabel(r"$|e-(1-2\mu)/3|$")
    depths = range(int(_DEPTHS[0]), 1)
    panels[1].set_yticks(list(depths), labels=[rf"$10^{{{k}}}$" for k in depths])
    steps = style.sweep_of(orbit)["iterations"]
    words = f"{steps['samples']:,} steps after {steps['transient']:,}"
    sheet.title(panels[0], f"Doublings, and mergings of bands, {words}", orbit)
    panels[0].set_xlim(columns.low, columns.high)


# Ratios of intervals


def ratios(rows: Sequence[Threshold]) -> tuple[Floats, Floats]:
    """Divide each interval between successive thresholds by the next; the ratios and error bounds.

    The bounds are those of the thresholds carried through, to first order.
    """
    gaps = np.diff([row.mu for row in rows])
    ratio = gaps[:-1] / gaps[1:]
    error = np.array([row.error for row in rows])
    either = error[:-1] + error[1:]
    bound = (either[:-1] + np.abs(ratio) * either[1:]) / np.abs(gaps[1:])
    return ratio, bound


def _ratios(axes: Axes, fold: Fold) -> None:
    """Draw |ratio - DELTA| with error bars, filled where the ratio is larger."""
    axes.set(yscale="log", ylim=(3e-7, 10.0))
    axes.set_ylabel(r"$|$ratio$\,-\,\delta|$")
    for name, rows in _series().items():
        colour, marker = _LOOKS[name]
        ratio, error = ratios(rows)
        x = fold.place(np.array([row.mu for row in rows[1:-1]]))
        off = np.abs(ratio - DELTA)
        down = np.minimum(error, 0.99 * off)  # a bar to zero would have no end
        for larger, fill in ((True, colour), (False, "white")):
            some = (ratio > DELTA) == larger
            axes.errorbar(
                x[some], off[some], yerr=(down[some], error[some]), color=colour, mfc=fill,
                fmt=marker, ms=3.5, elinewidth=0.7, capsize=1.5,
                label=name if larger == bool((ratio > DELTA).mean() > 0.5) else None,
            )  # fmt: skip
    words = rf"filled where the ratio is larger, $\delta={DELTA:.9f}$"
    axes.legend(loc="upper center", title=words, title_fontsize=9, borderpad=0.2, ncols=3)
