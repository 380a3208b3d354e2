"""The phases along the effective step size: a strip of regimes, and a run of each below it."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from lt2f.dynamics import theory
from lt2f.dynamics.codes import Fate, Regime
from lt2f.dynamics.thresholds import Threshold
from lt2f.views import annotate, boundaries, exponents, sheet, style
from lt2f.views.raster import Columns

MOST: Final = 5
"""Runs that are shown, evenly spread over those of a dataset."""
LOSSES: Final = 1e-9, 1e3
"""Ends of the axis of the loss; what is beyond either never comes back."""

_STRIP, _RULER, _PANEL = 0.24, 0.17, (1.0, 0.85)  # heights of panels, in inches
_ABOVE, _BESIDE = 0.36, 0.12  # above the first row of runs, and between them
_LONG: Final = 300  # steps beyond which their axis is logarithmic
_LINE, _EDGE = "#37295f", "#d9541e"
_TINT: Final = 0.3  # of a regime's colour behind its run
_ALONG: Final = (0.0, 2.1)  # the effective step sizes of a strip without a map
_FATES: Final = {
    Fate.CONVERGES: "converges",
    Fate.BALANCES: "bounded",
    Fate.DIVERGES: "divergent",
}


def phases(paths: xr.Dataset, line: xr.Dataset | None = None, dpi: int = style.DPI) -> Figure:
    """Draw up to `MOST` runs of a trajectory dataset, loss above a^2 + b^2, below a strip over mu.

    The strip has the regimes of `line`, a map dataset over mu from the same start (another axis may
    hold that start among others); without it, what is exact of the start: convergence up to mu = 1
    and divergence from the mu on at which the ellipse leaves the start outside. There is no strip
    if the runs differ in another coordinate than mu or have noise.
    """
    runs = chosen(paths)
    strip = [name for name in paths["loss"].dims if name != "step"] == ["mu"]
    strip = strip and style.noise_of(paths)["model"] == "none"
    codes = at_start(line, paths) if strip and line is not None else None
    columns = Columns.over(codes["mu"].values, dpi) if codes is not None else None
    scale, dpi = sheet.fit(columns.count, dpi) if columns else (1, dpi)
    width = scale * columns.count if columns else sheet.most(dpi)
    with rc_context(style.RC):
        ends = (columns.low, columns.high) if columns else _ALONG
        rows = known(paths, ends) if strip else []
        heights = [round(inches * dpi) for inches in ((_STRIP, _RULER) if strip else (_RULER,))]
        figure, panels = sheet.make(width, heights, dpi, annotate.room(rows) if strip else 0.0)
        sheet.title(panels[0], "Phases of training" if strip else "Runs", paths)
        key = []
        if strip:
            if codes is not None and columns is not None:
                key = exponents.strip(panels[0], codes, columns)
            else:
                _exact_strip(panels[0], paths)
            _mark(panels, rows, [float(run["mu"]) for run in runs], ends)
        else:
            panels[0].set_axis_off()
        _draw_runs(figure, runs, [_regime_of(run, codes) for run in runs])
        sheet.key(figure.axes[-1], key)
        sheet.margins(figure)
    return figure


def chosen(paths: xr.Dataset) -> list[xr.Dataset]:
    """Choose runs, evenly spread in the order of the axes."""
    axes = [name for name in paths["loss"].dims if name != "step"]
    shape = [paths.sizes[name] for name in axes]
    count = int(np.prod(shape))
    places = np.unique(np.linspace(0, count - 1, min(MOST, count)).round().astype(np.int64))
    indices = [np.unravel_index(place, shape) for place in places]
    return [paths.isel(dict(zip(axes, map(int, index), strict=True))) for index in indices]


def at_start(line: xr.Dataset, paths: xr.Dataset) -> xr.Dataset | None:
    """Return the regimes over mu of the start of some paths; None if a map does not have it."""
    codes = line[["regime"]]
    for name in (name for name in codes["regime"].dims if name != "mu"):
        values, value = codes[name].values, _start(paths).get(str(name), np.nan)
        k = int(np.abs(values - value).argmin())
        if not np.isclose(values[k], value, rtol=1e-9, atol=1e-12):  # axes are rounded decimals
            return None
        codes = codes.isel({name: k})
    return codes


def _start(paths: xr.Dataset) -> dict[str, float]:
    """Return the coordinates that all paths share, under the names of axes."""
    fixed = boundaries.fixed(paths)
    return {name.removesuffix("_start"): float(value) for name, value in fixed.items()}


def known(paths: xr.Dataset, ends: tuple[float, float]) -> list[Threshold]:
    """List the thresholds of bounded starts up to the mu at which this start leaves the ellipse."""
    mu = leaving(paths)
    rows = [row for row in boundaries.lines(paths) if ends[0] <= row.mu < min(mu, ends[1])]
    if ends[0] <= mu <= min(2.0, ends[1]):
        words = "escape", "the start leaves the ellipse", "closed form", "derived: h(mu) = 0"
        rows.append(Threshold(words[0], words[1], mu, 0.0, *words[2:]))
    return rows


def leaving(paths: xr.Dataset) -> float:
    """Return the largest mu up to which a start is bounded; NaN if it is at none.

    S0 = 4 + mu (a0 b0 - mu) is a quadratic equation in mu.
    """
    point = {name: np.asarray(value) for name, value in _start(paths).items()}
    u, v = boundaries.state(point)
    product, square = float((u - v) * (u + v)), float(2 * (u * u + v * v))
    inside = product * product + 4 * (4 - square)
    return (product + np.sqrt(inside)) / 2 if inside >= 0 else np.nan


def _exact_strip(axes: Axes, paths: xr.Dataset) -> None:
    """Say where a start converges, stays bounded and diverges, by theorems alone."""
    mu = np.linspace(*_ALONG, 4201)
    point = {name: np.asarray(value) for name, value in _start(paths).items()}
    fates = theory.fate(mu, *boundaries.state(point))
    for fate, words in _FATES.items():
        there = mu[fates == fate]
        if there.size:
            shade = style.COLOURS[Regime.DIVERGENT] if fate == Fate.DIVERGES else "w"
            axes.axvspan(there[0], there[-1], color=shade, lw=0)
            axes.text(there.mean(), 0.5, words, ha="center", va="center", size=7.5)
    axes.set(yticks=[], ylim=(0, 1))


def _mark(
    panels: Sequence[Axes], rows: list[Threshold], mus: list[float], ends: tuple[float, float]
) -> None:
    """Name thresholds above the strip, and below it the places of the runs by their letters."""
    strip, ruler = panels
    strip.set_xlim(ends)
    for row in rows:
        strip.axvline(row.mu, color="w", lw=0.5, ls=(0, (1, 2)))
    annotate.thresholds(strip, rows, np.array([row.mu for row in rows]), _short)
    for letter, mu in zip("abcde", mus, strict=False):
        ruler.plot(mu, 1.1, marker="^", ms=3.5, color=style.INK, clip_on=False)
        ruler.text(mu, 0.36, letter, ha="center", va="center", size=8.5, weight="bold")
    ruler.set(ylim=(0, 1), yticks=[])
    ruler.spines[["left", "right", "top"]].set_visible(False)
    strip.tick_params(bottom=False)
    style.name_axis(ruler.xaxis, "mu")


def _short(row: Threshold) -> str:
    return f"{row.mu:.4f}  start unbounded" if row.id == "escape" else annotate.short(row)


def named(paths: xr.Dataset, line: xr.Dataset | None) -> list[str]:
    """Name the regimes of the runs that are shown, each once, in the order of mu; none unknown."""
    codes = None if line is None else at_start(line, paths)
    found = [_regime_of(run, codes) for run in chosen(paths)] if codes is not None else []
    return list(dict.fromkeys(style.WORDS[regime] for regime in found if regime is not None))


def _regime_of(run: xr.Dataset, codes: xr.Dataset | None) -> Regime | None:
    """Return the regime of a run if the map has its mu."""
    if codes is None:
        return None
    mu, value = codes["mu"].values, float(run["mu"])
    k = int(np.abs(mu - value).argmin())
    return Regime(int(codes["regime"].values[k])) if np.isclose(mu[k], value, rtol=1e-9) else None


# Runs


def _draw_runs(figure: Figure, runs: list[xr.Dataset], regimes: list[Regime | None]) -> None:
    """Draw two rows of panels, one column for each run."""
    dpi, names = figure.dpi, ("loss", "sharpness")
    heights = [round(inches * dpi) for inches in _PANEL]
    upper = sheet.row(figure, MOST, heights[0], above=_ABOVE, beside=_BESIDE, below=0.08)
    lower = sheet.row(figure, MOST, heights[1], above=0.0, beside=_BESIDE)
    high = _largest(runs)
    for k, (top, below) in enumerate(zip(upper, lower, strict=True)):
        if k >= len(runs):
            top.remove()
            below.remove()
            continue
        run, regime = runs[k], regimes[k]
        for axes, name in zip((top, below), names, strict=True):
            _draw_run(axes, run, name, regime)
            axes.tick_params(labelleft=k == 0, labelbottom=axes is below, labelsize=8)
        top.set(yscale="log", ylim=LOSSES)
        top.yaxis.set_major_locator(LogLocator(numticks=7))
        top.yaxis.set_minor_locator(NullLocator())
        below.axhline(2, color=_EDGE, ls="--", lw=0.8)
        below.set(ylim=(0, high))
        below.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        below.set_xlabel("step $n$", size=9)
        top.set_title(_heading(run, k, regime), size=8.5, pad=3, linespacing=1.1)
    upper[0].set_ylabel(r"loss $e^2/2$", size=9)
    lower[0].set_ylabel("$a^2+b^2$", size=9)
    lower[0].text(0.97, 2 / high + 0.02, "edge", transform=lower[0].transAxes, size=7, ha="right")
    figure.align_ylabels([upper[0], lower[0]])


def _draw_run(axes: Axes, run: xr.Dataset, name: str, regime: Regime | None) -> None:
    step, values = run["step"].values, run[name].values
    if step.size > _LONG:
        axes.set_xscale("log")
        step = step + 1
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 3, 5, 10]))
    dot = "." if step.size <= 100 else ""
    axes.plot(step, values, color=_LINE, lw=0.7, marker=dot, ms=2.5)
    axes.set_xlim(step[0], step[-1])
    if regime is not None:
        axes.set_facecolor(tuple(1 - _TINT * (1 - np.array(to_rgb(style.COLOURS[regime])))))


def _largest(runs: list[xr.Dataset]) -> float:
    """Return where the axis of a^2 + b^2 ends: above all of the runs that stay bounded."""
    most = [float(run["sharpness"].max()) for run in runs if np.isfinite(run["sharpness"]).all()]
    return 1.08 * max([2.5, *most])


def _heading(run: xr.Dataset, k: int, regime: Regime | None) -> str:
    """Name a run by its letter and what it does not share with the others."""
    raw = style.sweep_of(run)["axes"]
    coordinates: list[Any] = [name if name in run.coords else f"{name}_start" for name in raw]
    parts = [f"{style.SYMBOLS[name]} = {run[name].item():g}" for name in coordinates]
    words = f"\n{style.WORDS[regime]}" if regime is not None else ""
    return rf"$\bf{{{'abcde'[k]}}}$  " + ", ".join(parts) + words
