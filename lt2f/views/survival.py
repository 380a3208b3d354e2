"""How long noisy runs last: mean escape times, survival, and the step size that half survive."""

from dataclasses import dataclass
from typing import Any, Final

import matplotlib
import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from lt2f.dynamics import escape
from lt2f.views import boundaries, sheet, style
from lt2f.views.raster import Cells, Floats
from lt2f.views.shares import crossings, wilson

_HEIGHT, _LOWER = 2.4, 1.7  # of the panels, in inches
LEAST: Final = 5
"""Escapes after the burn-in from which on a mean time is shown."""
MOST: Final = 6
"""Levels of noise that are shown, evenly spread over those at which a mean time is known."""
MULTIPLES: Final = 2.0, 1 / 2, 1 / 8, 1 / 32
"""Mean escape times, over the length of a run, near which survival is shown."""
_OPEN: Final[dict[str, Any]] = {"marker": "o", "ms": 2.8, "mfc": "none", "mew": 0.6, "ls": ""}
_DASHES: Final[tuple[Any, ...]] = ("-", (0, (5, 1.5)), (0, (2, 1.2)), (0, (5, 1.5, 1, 1.5)))


@dataclass(frozen=True)
class Lasting:
    """Runs over levels of noise (or sizes of batches) and mu, (noise, mu, realization)."""

    level: Cells
    mu: Floats
    runs: escape.Watched
    rate: escape.Rate

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where enough runs escape after the burn-in for a mean time, (noise, mu)."""
        return self.rate.escapes >= LEAST

    @property
    def settles(self) -> NDArray[np.bool_]:
        """Where some runs converge, and so are at risk no more, (noise, mu)."""
        return np.asarray((~self.runs.escaped & (self.runs.until < self.runs.length)).any(axis=-1))

    def word(self, k: int) -> str:
        """Name a level."""
        return f"{style.SYMBOLS[self.level.name]} = {self.level.values[k]:g}"


def read(dataset: xr.Dataset) -> Lasting:
    """Read a map dataset over mu, noise (or batch_size) and realization that records steps."""
    name = "batch_size" if "batch_size" in dataset.sizes else "noise"
    some = dataset[["steps", "regime"]].transpose(name, "mu", "realization")
    lengths = style.sweep_of(dataset)["iterations"]
    length = lengths["transient"] + lengths["measure"]
    runs = escape.watched(some["steps"].values, some["regime"].values, length)
    level = Cells(name, some[name].values.astype(np.float64))
    return Lasting(level, some["mu"].values, runs, escape.rate(runs))


def survival(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw how long runs last over mu, at up to `MOST` levels of noise or sizes of batches.

    Above is the mean escape time after a burn-in, with intervals of 95 %, wherever `LEAST` runs
    escape by then. Open circles are steps at risk per escape where some runs converge, of which no
    mean time says when they escape. Below, at the left, the share of runs that have not escaped is
    followed at the level that shows most mean times, at the step sizes where these are nearest to
    `MULTIPLES` of the length of a run; dotted is the exponential law of that mean, unless some runs
    converge. At the right is the step size at which half of the runs escape before the end, with
    all those at which one half lies in Wilson's interval, and curves that are exact of independent
    draws.
    """
    found = read(dataset)
    with rc_context(style.RC):
        figure, panels = sheet.make(sheet.most(dpi), [round(_HEIGHT * dpi)], dpi)
        _draw_times(panels[0], found)
        sheet.title(panels[0], "Escape of runs", dataset)
        style.name_axis(panels[0].xaxis, "mu")
        left, right = sheet.row(figure, 2, round(_LOWER * dpi))
        _draw_survival(left, found)
        _draw_half(right, found, dataset)
        figure.align_ylabels([panels[0], left])
    return figure


# Mean times


def shown(found: Lasting) -> NDArray[np.int64]:
    """Choose the levels whose mean times are shown."""
    some = np.flatnonzero(found.known.any(axis=1))
    even = np.linspace(0, some.size - 1, min(MOST, some.size)).round().astype(np.int64)
    return np.asarray(some[np.unique(even)])


def _draw_times(axes: Axes, found: Lasting) -> None:
    levels = shown(found)
    for k, colour in zip(levels, _colours(levels.size), strict=True):
        settles, rate = found.known[k] & found.settles[k], found.rate.rate[k]
        rates = [np.where(found.known[k] & ~settles, x[k], np.nan) for x in found.rate[:3]]
        time, high, low = (1 / part for part in rates)
        axes.fill_between(found.mu, low, high, color=colour, alpha=0.22, lw=0)
        axes.plot(found.mu, time, color=colour, marker=".", ms=3.5, label=found.word(k))
        if settles.any():
            axes.plot(found.mu[settles], 1 / rate[settles], color=colour, **_OPEN)
    if (found.known & found.settles)[levels].any():
        axes.plot([], [], color=style.INK, label="some converge: steps per escape", **_OPEN)
    length = found.runs.length
    axes.axhline(length, color=style.INK, lw=0.6, ls=(0, (4, 2)), label="length of a run")
    seen = found.mu[found.known.any(axis=0)]
    axes.set(xlim=(seen[0], seen[-1]) if seen.size > 1 else (found.mu[0], found.mu[-1]))
    axes.set_yscale("log")
    low, high = np.log10(axes.get_ylim())
    axes.set_ylim(10**low, 10 ** (high + 0.3 * (high - low)))  # with room for names
    axes.set_ylabel(f"mean escape time after step {escape.BURN_IN}")
    axes.legend(loc="upper right", borderpad=0.2, handlelength=1.8, labelspacing=0.25, ncols=3)


def _colours(count: int) -> Floats:
    """Return colours from dark to light in even steps of lightness, none of them faint."""
    return np.asarray(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.82, count)))


# Survival


def followed(found: Lasting) -> tuple[int, list[int]]:
    """Choose the level, and the indices of mu, at which survival is followed."""
    level = int(found.known.sum(axis=1).argmax())
    some = np.flatnonzero(found.known[level])
    if not some.size:
        return level, []
    times = np.log(1 / found.rate.rate[level, some])
    far = np.abs(times[:, np.newaxis] - np.log(np.array(MULTIPLES) * found.runs.length))
    return level, sorted({int(some[j]) for j in far.argmin(axis=0)})


def _draw_survival(axes: Axes, found: Lasting) -> None:
    level, places = followed(found)
    length = found.runs.length
    n = np.geomspace(escape.BURN_IN, length, 200)
    for j, colour, dashes in zip(places, _colours(len(places)), _DASHES, strict=False):
        until, gone = found.runs.until[level, j], found.runs.escaped[level, j]
        curve = escape.survival(escape.Watched(until, gone, length))
        step = np.append(curve.step, length)
        share, low, high = (np.append(part, part[-1]) for part in curve[1:])
        axes.fill_between(step, low, high, step="post", color=colour, alpha=0.18, lw=0)
        look: dict[str, Any] = {"color": colour, "ls": dashes, "drawstyle": "steps-post"}
        axes.plot(step, share, label=rf"$\mu$ = {found.mu[j]:g}", **look)
        if (gone | (until == length)).all():
            start = curve.share[np.searchsorted(curve.step, escape.BURN_IN, "right") - 1]
            law = start * np.exp(-found.rate.rate[level, j] * (n - escape.BURN_IN))
            axes.plot(n, law, color=style.INK, ls=":", lw=0.8)
    axes.set(xscale="log", xlim=(1, length), ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
    axes.set(xlabel="step $n$", ylabel="share not escaped")
    axes.set_title(f"Survival at {found.word(level)}", size=9)
    if places:
        axes.legend(loc="lower left", fontsize=7.5, borderpad=0.2, labelspacing=0.2)


# Half of the runs


def half(found: Lasting) -> tuple[Floats, Floats, Floats]:
    """Return the mu at which half of the runs of each level escape, and the ends about it.

    It is minus infinity where half have escaped before the sweep begins, infinity where they do not
    by its end.
    """
    count, total = found.runs.escaped.sum(axis=-1), found.runs.escaped.shape[-1]
    low, high = wilson(count, total)
    result = np.empty((3, count.shape[0]))
    for k in range(count.shape[0]):
        mu = passing(found.mu, count[k] / total)
        unclear = found.mu[(low[k] <= 0.5) & (high[k] >= 0.5)] if np.isfinite(mu) else []
        result[:, k] = mu, min([mu, *unclear]), max([mu, *unclear])
    return result[0], result[1], result[2]


def passing(mu: Floats, shares: Floats, share: float = 0.5) -> float:
    """Return the mu at which the share that rises with mu, nearest to those given, passes one.

    Minus infinity where it is no smaller from the first mu on, infinity where it stays smaller.
    """
    rising = isotonic_regression(shares).x
    if rising[0] >= share or rising[-1] < share:
        return -np.inf if rising[0] >= share else np.inf
    j = int(np.argmax(rising >= share))
    part = (share - rising[j - 1]) / (rising[j] - rising[j - 1])
    return float(mu[j - 1] + part * (mu[j] - mu[j - 1]))


def _draw_half(axes: Axes, found: Lasting, dataset: xr.Dataset) -> None:
    x, name = found.level.values, found.level.name
    _draw_halves(axes, found)
    least = 0.01 if name == "batch_size" else found.mu[0]  # single prompts: far below most sweeps
    fine = np.linspace(least, found.mu[-1], 601)
    for boundary, colour in zip(boundaries.under_noise(dataset), style.EDGES, strict=False):
        met = [crossings(boundary, float(level), fine, name) for level in x]
        first = np.array([at[0] if at else np.nan for at in met])
        if np.isfinite(first).sum() > 1:
            words = boundary.words.split(":")[0].split(",")[0]
            axes.plot(x, first, color=colour, ls=boundary.dashes, lw=1.1, label=words)
    if name == "batch_size":
        axes.set_xscale("log", base=2)
        axes.set_xticks(x, labels=[f"{size:g}" for size in x])
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    low, high = axes.get_ylim()
    handles, names = axes.get_legend_handles_labels()
    handles, names = handles[-1:] + handles[:-1], names[-1:] + names[:-1]  # bars come last
    # A name takes some 8 % of the panel; none lies over what is drawn.
    axes.set_ylim(low, low + (high - low) / (1 - 0.085 * len(names)))
    axes.set(xlabel=style.label(name), ylabel=style.SYMBOLS["mu"])
    look: dict[str, Any] = {"fontsize": 7, "borderpad": 0.2, "labelspacing": 0.2}
    axes.legend(handles, names, loc="upper left", handlelength=2.0, **look)


def _draw_halves(axes: Axes, found: Lasting) -> None:
    """Draw where half of the runs escape, with arrows out of the sweep where that is not in it."""
    x, (mu, low, high) = found.level.values, half(found)
    known = np.isfinite(mu)
    look: dict[str, Any] = {"ls": "", "color": style.INK, "zorder": 1.9}
    y, bars = mu[known], (mu[known] - low[known], high[known] - mu[known])
    words = "half of the runs escape"
    axes.errorbar(x[known], y, bars, marker="o", ms=2.5, elinewidth=0.7, label=words, **look)
    for side, marker, edge in ((-np.inf, "v", found.mu[0]), (np.inf, "^", found.mu[-1])):
        there = x[mu == side]
        if there.size:
            words = f"that is {'below' if side < 0 else 'above'} the sweep"
            places = np.full(there.size, edge)
            axes.plot(there, places, marker=marker, ms=4, mfc="w", label=words, **look)
