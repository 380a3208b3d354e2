"""How fast an imbalance grows or dies: on the ellipse and on the balanced attractors."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from lt2f.dynamics import theory, thresholds
from lt2f.dynamics.transverse import antisymmetric_transverse_exponent
from lt2f.views import annotate, sheet, style
from lt2f.views import exponents as lines
from lt2f.views.measured import BAND, Measured, on_ellipse
from lt2f.views.raster import Columns, Floats

_HEIGHT: Final = 2.7  # of the upper panel, in inches
_CHECK: Final = 0.85
_ZOOM: Final = 1.35
_LEAST: Final = 8  # different values in a panel below
_DEEPEST: Final = -1.3  # below lie superstable cycles with e near -1

_MEASURED: Final = "#d9541e"
_FORMULA: Final = style.INK
_DASHES: Final = (0, (4, 2))
_ELLIPSE: Final = "#2d6fb0"


class Power(NamedTuple):
    """An end of the chaotic range at which the exponent vanishes, by a power of the distance."""

    title: str
    end: float
    side: int  # of the attractors
    reach: float
    words: str
    law: Callable[[Floats], Floats]


class Zoom(NamedTuple):
    """A part of the axis where something happens."""

    title: str
    low: float
    high: float


_NEAR: Final = (
    Power("Above the edge of stability", 1.0, 1, 0.4, r"$\mu-1$", lambda gap: gap),
    Power("Below full chaos", 2.0, -1, 0.4, r"$\sqrt{(2-\mu)/3}$", lambda gap: np.sqrt(gap / 3)),
)
_ZOOMS: Final = (
    Zoom("Where the bands merge", 1.33, 1.39),
    Zoom("Antisymmetric cycle $x,y,-x,-y$", 1.815, 1.86),
)


def transverse(
    attractors: xr.Dataset, ellipse: xr.Dataset | None = None, dpi: int = style.DPI
) -> Figure:
    """Draw the transverse exponents of a map dataset over mu with the closed forms over them.

    Bands are two standard errors to either side. Above zero is the exponent of the ellipse
    a^2 + b^2 - mu ab = 4 - mu^2, with the mean over realizations of an ellipse dataset if it is
    given, and their distance from the formulas in standard errors. Below are the two ends where
    the exponent vanishes, on logarithmic axes, and the ranges where it changes most.
    """
    mu = attractors["mu"].values
    columns = Columns.over(mu, dpi)
    scale, dpi = sheet.fit(columns.count, dpi)
    rows = lines.marked(attractors, columns)
    data = Measured(
        mu,
        np.maximum(attractors["transverse_lyapunov"].values, 2 * _DEEPEST),
        np.nan_to_num(attractors["transverse_lyapunov_error"].values),
    )
    checks = [] if ellipse is None else [round(_CHECK * dpi)]
    with rc_context(style.RC):
        top = annotate.room(rows)
        heights = [round(_HEIGHT * dpi), *checks]
        figure, panels = sheet.make(scale * columns.count, heights, dpi, top)
        _draw(panels[0], data, columns, ellipse)
        if ellipse is not None:
            _check(panels[1], ellipse)
        lines.mark(panels[:1], rows)
        sheet.title(panels[0], "Transverse Lyapunov exponents", attractors)
        style.name_axis(panels[-1].xaxis, "mu")
        _details(figure, data)
        sheet.margins(figure)
    return figure


def ellipse(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw the exponents of an ellipse dataset over mu with the closed forms, and how far off.

    They are means over realizations with two standard errors to either side; below, their
    distance from arcosh((1 + sqrt(25 - 4 mu^2))/4) and log 3 in standard errors.
    """
    columns = Columns.over(dataset["mu"].values, dpi)
    scale, dpi = sheet.fit(columns.count, dpi)
    heights = [round(inches * dpi) for inches in (_HEIGHT, _CHECK)]
    with rc_context(style.RC):
        figure, panels = sheet.make(scale * columns.count, heights, dpi)
        panels[0].set(xlim=(columns.low, columns.high), ylim=(-0.1, 1.5))
        panels[0].set_ylabel("nats per step")
        panels[0].axhline(0, color=style.INK, lw=0.5)
        _draw_ellipse(panels[0], dataset)
        _check(panels[1], dataset)
        sheet.title(panels[0], "Lyapunov exponents on the ellipse", dataset)
        style.name_axis(panels[-1].xaxis, "mu")
        figure.align_ylabels(panels)
        sheet.margins(figure)
    return figure


def _details(figure: Figure, data: Measured) -> None:
    """Add the panels below for which there are data, two beside each other."""
    dpi = figure.dpi
    found: list[tuple[Callable[[Axes, Any, Measured], None], Any, Measured]] = []
    for power in _NEAR:
        ends = sorted((power.end, power.end + power.side * power.reach))
        found.append((_near, power, data.within(*ends)))
    found += [(_zoom, zoom, data.within(zoom.low, zoom.high)) for zoom in _ZOOMS]
    found = [one for one in found if np.unique(one[2].value).size >= _LEAST]
    for first in range(0, len(found), 2):
        panels = sheet.row(figure, 2, round(_ZOOM * dpi))
        for draw, what, part in found[first : first + 2]:
            draw(panels.pop(0), what, part)
        for spare in panels:
            spare.remove()


def _draw(axes: Axes, data: Measured, columns: Columns, ellipse: xr.Dataset | None) -> None:
    """Draw everything over the whole of mu."""
    axes.set(xlim=(columns.low, columns.high), ylim=(_low(data.value), 1.5))
    axes.set_ylabel(r"$\lambda_\perp$, nats per step")
    axes.axhline(0, color=style.INK, lw=0.5)
    words = rf"attractor, $\pm{BAND:.0f}$ standard errors"
    data.draw(axes, color=_MEASURED, label=words)
    _closed_forms(axes)
    _draw_ellipse(axes, ellipse)
    axes.legend(loc="lower left", borderpad=0.2, handlelength=2.2)


def _draw_ellipse(axes: Axes, ellipse: xr.Dataset | None) -> None:
    """Draw the formulas of the exponents on the ellipse, and what was measured if it is given."""
    low, high = axes.get_xlim()
    ends = max(0.0, low), min(2.0, high)
    if ends[0] < ends[1]:
        x = np.linspace(*ends, 801)
        along, across = theory.ellipse_exponents(x)
        axes.plot(x, across, color=_ELLIPSE, lw=1.1)
        axes.plot(x, along, color=_ELLIPSE, lw=0.8, ls=":")
        words = r"across the ellipse, arcosh$\,\frac{1}{4}(1+\sqrt{25-4\mu^2})$"
        _name(axes, np.column_stack([x, across]), words, -1)
        _name(axes, np.column_stack([x, along]), r"along the ellipse, $\log 3$", 1)
    if ellipse is not None:
        dot: dict[str, Any] = {"fmt": "o", "color": _ELLIPSE, "ms": 2.6, "elinewidth": 0.7}
        for part in on_ellipse(ellipse):
            axes.errorbar(part.mu, part.value, yerr=BAND * part.error, **dot)
            dot["mfc"] = "white"


def _low(values: Floats) -> float:
    return float(max(_DEEPEST, np.nanmin(values, initial=-0.5) - 0.1))


def _name(axes: Axes, curve: Floats, words: str, side: int) -> None:
    """Write along a curve, above it or below."""

    def beyond(at: Floats) -> bool:
        return bool(side * (at[1] - np.interp(at[0], *curve.T)) > 0)

    annotate.on_curve(axes, curve, words, beyond, color=_ELLIPSE, size=9)


def _closed_forms(axes: Axes) -> None:
    """Draw what is known of the attractors; stretches of mu that a panel does not show are cut."""
    low, high = axes.get_xlim()
    split, turned = (_at(name) for name in ("doubling_2", "antisymmetric_birth"))
    known = (
        (0.0, 1.0, np.zeros_like, None),
        (1.0, split, theory.two_cycle_transverse_exponent, "closed forms"),
        (turned, _at("antisymmetric_split"), antisymmetric_transverse_exponent, None),
    )
    for first, last, formula, label in known:
        ends = max(low, first), min(high, last)
        if ends[0] < ends[1]:
            x = np.linspace(*ends, 401)
            axes.plot(x, formula(x), color=_FORMULA, ls=_DASHES, lw=1.0, label=label)


def _at(name: str) -> float:
    (mu,) = (row.mu for row in thresholds.closed_thresholds() if row.id == name)
    return mu


def _near(axes: Axes, power: Power, data: Measured) -> None:
    """Draw -exponent over the distance from an end, and the power law that it tends to."""
    gap = power.side * (data.mu - power.end)
    seen = (gap > 0) & (data.value < 0)
    data = Measured(gap[seen], -data.value[seen], data.error[seen])
    first = float(data.mu.min(initial=power.reach / 2))
    axes.set(xscale="log", yscale="log", xlim=(first, power.reach))
    x = np.geomspace(first, power.reach, 201)
    axes.set_ylim(float(min(power.law(x)[0], data.value.min(initial=1.0))) / 1.5, 2.0)
    data.draw(axes, color=_MEASURED)
    axes.plot(x, power.law(x), color=_FORMULA, ls=":", lw=1.0, label=power.words)
    if power.end == 1:
        cycle = np.geomspace(first, _at("doubling_2") - 1, 201)
        exact = -theory.two_cycle_transverse_exponent(1 + cycle)
        words = r"$-\frac{1}{2}\log(3-2\mu)$"
        axes.plot(cycle, exact, color=_FORMULA, ls=_DASHES, lw=1.0, label=words)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())  # else a short axis has too many numbers
    axes.set_xlabel(r"$\mu-1$" if power.side > 0 else r"$2-\mu$")
    axes.set_ylabel(r"$-\lambda_\perp$")
    axes.set_title(power.title)
    axes.legend(loc="upper left", borderpad=0.2, handlelength=2.2)


def _zoom(axes: Axes, zoom: Zoom, data: Measured) -> None:
    axes.set_xlim(zoom.low, zoom.high)
    low, high = float(data.value.min()), float(data.value.max())
    margin = max(0.08 * (high - low), 0.05)
    axes.set_ylim(low - margin, high + margin)
    data.draw(axes, color=_MEASURED)
    _closed_forms(axes)
    for row in thresholds.full_table():
        event = row.id.startswith(("bands_merge", "antisymmetric"))
        if event and zoom.low <= row.mu <= zoom.high:
            axes.axvline(row.mu, color=style.INK, lw=0.5, ls=(0, (1, 2)), zorder=1.5)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(r"$\mu$")
    axes.set_ylabel(r"$\lambda_\perp$")
    axes.set_title(zoom.title)


# The ellipse


def _check(axes: Axes, ellipse: xr.Dataset) -> None:
    """Draw how many standard errors what was measured on the ellipse is off the formulas."""
    names = r"across: $\lambda_\perp$", r"along: $\log 3$"
    most = 4.5
    for part, name, fill in zip(on_ellipse(ellipse), names, (_ELLIPSE, "white"), strict=True):
        inside = part.within(0.0, 2.0)
        along, across = theory.ellipse_exponents(inside.mu)
        exact = across if name == names[0] else along
        off = np.divide(
            inside.value - exact, inside.error,
            out=np.full(exact.shape, np.nan), where=inside.error > 0,
        )  # fmt: skip
        axes.plot(inside.mu, off, "o", color=_ELLIPSE, mfc=fill, ms=2.6, label=name)
        most = max(most, float(np.nanmax(np.abs(off), initial=0.0)))
    axes.axhspan(-BAND, BAND, color=_ELLIPSE, alpha=0.12, lw=0)
    axes.axhline(0, color=style.INK, lw=0.5)
    axes.set_ylim(-1.1 * most, 1.1 * most)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_ylabel("deviation / s.e.", size=8)
    axes.legend(loc="upper left", ncols=2, borderpad=0.1, handlelength=1, fontsize=7.5)
    # Orbits of the angle do not depend on mu, so their deviations go together.
    words = rf"one fluctuation, shared by all {style.SYMBOLS['mu']}"
    axes.text(0.99, 0.06, words, transform=axes.transAxes, ha="right", va="bottom", size=7.5)
