"""How the largest usable step size grows with the size of a mini-batch."""

from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray
from scipy.optimize import brentq

from lt2f.dynamics import batch_theory
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.codes import Regime
from lt2f.training.prompt_batches import Batches, multipliers
from lt2f.training.prompts import pool
from lt2f.views import sheet, style, survival
from lt2f.views.raster import Floats

RESAMPLED: Final = 400
"""Samples of the bootstrap: enough for ends of intervals to a tenth of their width."""

_HEIGHT: Final = 3.0  # of the panel, in inches
_FROM, _TO = 1e-3, 2.0  # of mu, between which edges are looked for
_TOGETHER: Final = (Regime.MONOTONE, Regime.CATAPULT, Regime.PERIODIC, Regime.BOUNDED_NOISE)
_WHOLE, _MEAN_SQUARE, _ALMOST_SURE = style.EDGES[:3]  # as in the shares of outcomes
_ASIDE: Final = 0.03  # of a factor of ten, between the marks of one size


class Edge(NamedTuple):
    """A measured step size for each batch size, with its ends, and how it is drawn."""

    words: str
    mu: Floats
    low: Floats
    high: Floats
    marker: str
    face: str


def scaling(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw the largest mu that runs survive over the size of their batches, both logarithmic.

    From a map dataset over mu, batch_size and realization that records steps. Measured are the step
    sizes up to which half and 95 % of the runs have not escaped by the end, and that up to which
    half come together with their neighbours, with intervals of 95 % by bootstrap. Exact are the
    edges of stability at the flattest minimum S = 2 mu, of independent draws: in mean square, E (1
    - 2 mu h)^2 = 1, and almost surely, E log|1 - 2 mu h| = 0. Upright is the size at which the
    first is one half: from there on larger batches help ever less.
    """
    sizes, edges = dataset["batch_size"].values, measured(dataset)
    fine = np.geomspace(sizes[0], sizes[-1], 201)
    with rc_context(style.RC):
        figure, (axes,) = sheet.make(sheet.most(dpi), [round(_HEIGHT * dpi)], dpi)
        axes.set(xscale="log", yscale="log")
        axes.axhline(1, color=_WHOLE, ls=":", lw=0.9, label=r"$\mu=1$: edge of the whole pool")
        words = r"$E(1-2\mu h)^2=1$: in mean square"
        axes.plot(fine, mean_square(dataset, fine), color=_MEAN_SQUARE, ls="--", label=words)
        words = r"$E\,\log|1-2\mu h|=0$: almost surely"
        axes.plot(sizes, almost_sure(dataset), color=_ALMOST_SURE, ls="-.", label=words)
        handles: list[Artist] = [*axes.lines]
        critical = critical_size(dataset)
        if sizes[0] < critical < sizes[-1]:
            axes.axvline(critical, color=_MEAN_SQUARE, lw=0.6)
            words = rf"in mean square $\mu=\frac{{1}}{{2}}$ at $B={critical:.3g}$"
            handles.append(Line2D([], [], color=_MEAN_SQUARE, lw=0.6, label=words))
        handles = [*_draw(axes, edges, sizes, dataset["mu"].values), *handles]
        _ticks(axes, sizes)
        sheet.title(axes, "Step size and batch size", dataset)
        sheet.key(axes, handles)
        sheet.margins(figure)
    return figure


# Measured


def measured(dataset: xr.Dataset) -> list[Edge]:
    """Find the step sizes up to which half and 95 % of the runs last, and half come together."""
    found = survival.read(dataset)
    codes = dataset["regime"].transpose("batch_size", "mu", "realization").values
    gone, apart = found.runs.escaped, ~np.isin(codes, _TOGETHER)
    words = f"half of the runs last {found.runs.length:,} steps"
    return [
        Edge(words, *passed(found.mu, gone, 0.5), "o", "k"),
        Edge("95 % of the runs do", *passed(found.mu, gone, 0.05), "s", "w"),
        Edge("half have a negative exponent", *passed(found.mu, apart, 0.5), "D", _ALMOST_SURE),
    ]


def passed(mu: Floats, events: NDArray[np.bool_], share: float) -> tuple[Floats, Floats, Floats]:
    """Return where a share of runs is passed by events (level, mu, run), and an interval of 95 %.

    The interval is that of a bootstrap of whole runs: one run meets the same mini-batches at every
    mu, so that what it does at two of them is not independent. It ends within the sweep.
    """
    total = events.shape[-1]
    chance = np.random.default_rng(0)  # the same at every drawing
    again = chance.multinomial(total, np.full(total, 1 / total), size=RESAMPLED)
    found = np.empty((3, events.shape[0]))
    for k, runs in enumerate(events):
        found[0, k] = survival.passing(mu, runs.mean(axis=-1), share)
        others = [survival.passing(mu, shares, share) for shares in again @ runs.T / total]
        some = np.clip(others, mu[0], mu[-1])
        found[1:, k] = np.quantile(some, [0.025, 0.975])
    return found[0], found[1], found[2]


def _draw(axes: Axes, edges: list[Edge], sizes: Floats, mu: Floats) -> list[Artist]:
    """Draw what was measured, the marks of a size beside each other; arrows lead out of a sweep."""
    handles: list[Artist] = []
    for k, edge in enumerate(edges):
        x = sizes * 10 ** (_ASIDE * (k - 1))
        known = np.isfinite(edge.mu)
        at, low, high = (part[known] for part in (edge.mu, edge.low, edge.high))
        look: dict[str, Any] = {"ls": "", "color": style.INK, "mfc": edge.face, "mew": 0.7}
        axes.vlines(x[known], low, high, color=style.INK, lw=0.9)
        look |= {"ms": 4, "zorder": 3}
        handles += axes.plot(x[known], at, marker=edge.marker, label=edge.words, **look)
        for end, place, marker in ((-np.inf, mu[0], "v"), (np.inf, mu[-1], "^")):
            out = x[edge.mu == end]
            axes.plot(out, np.full(out.size, place), marker=marker, **look)
    if any(np.isinf(edge.mu).any() for edge in edges):
        out_of: dict[str, Any] = {"ls": "", "color": style.INK, "mfc": "w", "ms": 4.5}
        handles.append(Line2D([], [], marker="^", label="above or below the sweep", **out_of))
    return handles


def _ticks(axes: Axes, sizes: Floats) -> None:
    low, high = axes.get_ylim()
    axes.set(xlim=(sizes[0] / 1.25, sizes[-1] * 1.25), ylim=(low, max(high, 2.2)))
    axes.set_xticks(sizes, labels=[f"{size:g}" for size in sizes])
    every = np.array([0.05, 0.1, 0.2, 0.5, 1, 2])
    axes.set_yticks(every[(every >= low) & (every <= max(high, 2.2))])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.set(xlabel=style.label("batch_size"), ylabel=style.label("mu"))


# Exact


def mean_square(dataset: xr.Dataset, size: Floats) -> Floats:
    """Return the edge 1/(1 + Var h) for each batch size.

    Var h is that of single prompts over B and, without replacement, times (n - B)/(n - 1).
    """
    noise, single = style.noise_of(dataset), float(dataset.attrs["prompt_covariance"][0])
    n = noise["pool_size"]
    left = 1.0 if noise.get("replacement", True) or n < 2 else (n - size) / (n - 1)
    return np.asarray(1 / (1 + single * left / size))


def critical_size(dataset: xr.Dataset) -> float:
    """Return the batch size at which Var h = 1, so that the edge in mean square is one half."""
    noise, single = style.noise_of(dataset), float(dataset.attrs["prompt_covariance"][0])
    n = noise["pool_size"]
    again = noise.get("replacement", True) or n < 2
    return single if again else single * n / (n - 1 + single)


def almost_sure(dataset: xr.Dataset) -> Floats:
    """Return for each batch size the least mu at which E log|1 - 2 mu h| rises through zero.

    NaN where it does not up to mu = 2.
    """
    noise, seed = style.noise_of(dataset), int(dataset.attrs["seed"])
    size, dimension, context = (int(noise[key]) for key in ("pool_size", "dimension", "context"))
    prompts = multipliers(pool(seed, size, dimension, context, noise.get("label_noise", 0.0)))
    again = noise.get("replacement", True)
    batches = [Batches(prompts, int(size), again) for size in dataset["batch_size"].values]
    return np.array([_edge(some, seed) for some in batches])


def _edge(batches: Batches, seed: int) -> float:
    values, weight, exact = batches.law(seed)
    law = BatchLaw(values[0], values[1], weight, exact)

    def exponent(mu: float) -> float:
        return float(batch_theory.almost_sure_exponent(2 * mu, law)[0])

    mus = np.geomspace(_FROM, _TO, 60)
    signs = np.array([exponent(float(mu)) for mu in mus])
    rises = np.flatnonzero((signs[:-1] < 0) & (signs[1:] >= 0))
    if not rises.size:
        return np.nan
    k = int(rises[0])
    return float(brentq(exponent, float(mus[k]), float(mus[k + 1]), xtol=1e-9))
