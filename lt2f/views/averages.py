"""Averages along one axis: of the loss and of the weights, and the loss at the mean weights."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt2f.dynamics import theory, thresholds
from lt2f.views import annotate, exponents, sheet, style
from lt2f.views.raster import Columns, Floats

_HEIGHT: Final = 1.7  # of a panel, in inches
_POINTS: Final = 400  # of a closed form
_CHEBYSHEV: Final = 2.0
_EXACT: Final[dict[str, Any]] = {"color": "#f2b632", "zorder": 1.8}
_UNDER: Final[dict[str, Any]] = {"lw": 3.2, "solid_capstyle": "butt"}

_LOSSES: Final = {
    "mean": (r"mean loss $\langle e^2\rangle/2$", "#37295f", "-"),
    "averaged": (r"loss at $\langle a\rangle,\langle b\rangle$", "#d9541e", (0, (3, 2))),
}
# b is dashed over a: on a balanced attractor they are the same.
_WEIGHTS: Final = {
    1: (r"$\langle a\rangle$", "#2d8a70", "-"),
    2: (r"$\langle b\rangle$", "#98437f", (0, (3, 2))),
}


def averages(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw mean loss, loss at the mean weights, and mean weights of a map dataset with one axis.

    Bands are two standard errors to either side. Closed forms lie under the curves, if the axis is
    mu and nothing is noisy: those of the two-cycle, of attractors that are their own mirror image,
    and of mu = 2. Below is a strip in the colours of the regimes.

    Raises
    ------
    KeyError
        If the dataset has no ``loss_mean`` or no ``weights_mean``.
    """
    name = exponents.axis_of(dataset)
    columns = Columns.over(dataset[name].values.astype(np.float64), dpi)
    scale, dpi = sheet.fit(columns.count, dpi)
    rows = exponents.marked(dataset, columns)
    heights = [round(_HEIGHT * dpi)] * 2 + exponents.heights(dataset, dpi)[-1:]
    with rc_context(style.RC):
        top = annotate.room(rows)
        figure, panels = sheet.make(scale * columns.count, heights, dpi, top)
        _draw(panels[0], dataset, columns, losses(dataset, dataset["mu"].values), _LOSSES)
        _draw(panels[1], dataset, columns, _weights(dataset), _WEIGHTS)
        if name == "mu" and style.noise_of(dataset)["model"] == "none":
            _draw_closed_forms(panels, columns)
        for panel, words in zip(panels, ("loss", "weight"), strict=False):
            panel.set_ylabel(words)
            panel.legend(loc="upper left", ncols=3, borderpad=0.2, handlelength=1.8)
        exponents.draw(panels[2:], dataset, columns)
        exponents.mark(panels[:2], rows)
        sheet.title(panels[0], "Averages", dataset)
        style.name_axis(panels[-1].xaxis, name)
        figure.align_ylabels(panels[:2])
        sheet.margins(figure)
    return figure


def losses(dataset: xr.Dataset, mu: Floats) -> dict[Any, tuple[Floats, Floats]]:
    """Return the mean loss and the loss at the mean weights, each with its standard error.

    The latter is that of e times d(ab), for weights that vary together at worst, and d(ab)^2/2.
    """
    a, b = dataset["weights_mean"].values.T
    a_error, b_error = dataset["weights_mean_error"].values.T
    product = np.abs(a) * b_error + np.abs(b) * a_error + a_error * b_error
    error = np.abs(a * b - mu) * product + product**2 / 2
    return {
        "mean": (dataset["loss_mean"].values, dataset["loss_mean_error"].values),
        "averaged": (theory.loss_at(mu, a, b), error),
    }


def _weights(dataset: xr.Dataset) -> dict[Any, tuple[Floats, Floats]]:
    means, errors = dataset["weights_mean"].values, dataset["weights_mean_error"].values
    return {k + 1: (means[:, k], errors[:, k]) for k in range(2)}


def _draw(
    axes: Axes,
    dataset: xr.Dataset,
    columns: Columns,
    curves: dict[Any, tuple[Floats, Floats]],
    looks: dict[Any, tuple[str, str, Any]],
) -> None:
    """Draw curves into a panel, with room for their names."""
    x = dataset[exponents.axis_of(dataset)].values
    seen = (columns.low <= x) & (x <= columns.high)
    for name, (values, errors) in curves.items():
        exponents.curve(axes, columns, x, values, errors, looks[name])
    every = np.concatenate([values[seen] for values, _ in curves.values()])
    low, high = np.nanmin(every, initial=0.0), np.nanmax(every, initial=0.1)
    size = high - low
    axes.set(xlim=(columns.low, columns.high), ylim=(low - 0.05 * size, high + 0.25 * size))


def closed_forms() -> Iterator[tuple[int, float, float, Callable[[Floats], Floats]]]:
    """Yield panel, first and last mu, and formula of each average that is known exactly."""
    places = {row.id: row.mu for row in thresholds.closed_thresholds()}
    born, doubled, merged, last = (
        places[name] for name in ("doubling_1", "doubling_2", "attractor_merging", "chebyshev")
    )
    yield 0, born, doubled, theory.two_cycle_loss
    yield 0, born, doubled, theory.two_cycle_averaged_loss
    yield 1, born, doubled, theory.two_cycle_weight
    yield 1, born, doubled, lambda mu: -theory.two_cycle_weight(mu)  # outside the panel, mostly
    # An attractor that is its own mirror image has mean weights zero.
    yield 0, merged, last, lambda mu: theory.loss_at(mu, 0.0, 0.0)
    yield 1, merged, last, np.zeros_like


def _draw_closed_forms(panels: list[Axes], columns: Columns) -> None:
    label: str | None = "closed form"
    for panel, first, last, formula in closed_forms():
        ends = max(first, columns.low), min(last, columns.high)
        if ends[0] < ends[1]:
            mu = np.linspace(*ends, _POINTS)
            panels[panel].plot(mu, formula(mu), **_UNDER, **_EXACT, label=label)
            label = None
    if columns.low <= _CHEBYSHEV <= columns.high:
        loss = theory.CHEBYSHEV_LOSS
        panels[0].plot(_CHEBYSHEV, loss, "D", ms=4, **_EXACT)
