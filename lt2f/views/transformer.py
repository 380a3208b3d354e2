"""A trained transformer and the map's forecast of it, one below the other over step size."""

from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt2f.dynamics import thresholds
from lt2f.views import annotate, exponents, orbit_diagram, raster, sheet, style
from lt2f.views.raster import Columns, Floats

_HEIGHTS: Final = (1.45, 1.45, 1.3, 0.9, 1.3)  # of the panels, in inches
_PIXELS: Final = 2  # per bin of the residual
_OWN: Final = "#d9541e"
_FORECAST: Final[dict[str, Any]] = {"color": "#6f9fd0", "lw": 3.2, "solid_capstyle": "butt"}
_NOTHING: Final = 1e-17  # a difference of zero, on a logarithm

_ERRORS: Final = {
    "fresh_error": ("last iterate", "#9dbb8f", "-"),
    "fresh_error_mean": ("mean over iterates", "#37295f", "-"),
    "fresh_error_averaged": ("mean weights", "#d9541e", (0, (3, 2))),
}


def transformer(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw a transformer dataset over step size, for its first prompt if there are several.

    From above: residuals of the trained model after the transient and those that the map forecasts,
    darker where they are more often; the largest Lyapunov exponent of the model, over the map's;
    the largest distance of the two residuals in the first 64 steps; the squared error on prompts of
    new tasks, of which 1 is that of predicting zero, with bands of two standard errors; and the
    regimes, by the model's own label and by the map's.
    """
    if "realization" in dataset.dims:
        dataset = dataset.isel(realization=0)
    eta = dataset["step_size"].values.astype(np.float64)
    columns = Columns.over(eta, dpi)
    scale, dpi = sheet.fit(columns.count, dpi)
    bins = round(_HEIGHTS[0] * dpi / _PIXELS)
    heights = [bins * _PIXELS] * 2 + [round(h * dpi) for h in _HEIGHTS[2:]]
    heights += [round(exponents.STRIP * dpi)] * 2
    rows, places = _marked(dataset, columns)
    with rc_context(style.RC):
        top = annotate.room(rows)
        figure, panels = sheet.make(scale * columns.count, heights, dpi, top)
        _draw_residuals(panels[:2], dataset, columns, bins, scale)
        _draw_exponents(panels[2], dataset, columns)
        _draw_distance(panels[3], dataset, columns)
        _draw_errors(panels[4], dataset, columns)
        for panel, place in ((p, x) for p in panels[:5] for x in places):
            panel.axvline(place, color=style.INK, lw=0.5, ls=(0, (1, 2)), zorder=1.5)
        annotate.thresholds(panels[0], rows, places)
        _draw_regimes(panels[5:], dataset, columns)
        sheet.title(panels[0], _words(dataset), dataset)
        style.name_axis(panels[-1].xaxis, "step_size")
        figure.align_ylabels(panels[:5])
        sheet.margins(figure)
    return figure


def _words(dataset: xr.Dataset) -> str:
    model = style.sweep_of(dataset)["transformer"]
    size = f"$d$ = {model['dimension']}, $N$ = {model['context']}"
    return f"Trained {model['model']} model and map, {size}, prompt {int(dataset['realization'])}"


def _marked(dataset: xr.Dataset, columns: Columns) -> tuple[list[thresholds.Threshold], Floats]:
    """List the thresholds on mu between the ends of the columns, and the step sizes there."""
    unit = float((dataset["effective_step_size"] / dataset["step_size"]).mean())
    rows = [row for row in thresholds.table() if columns.low <= row.mu / unit <= columns.high]
    return rows, np.array([row.mu / unit for row in rows])


def _draw_residuals(
    panels: list[Axes], dataset: xr.Dataset, columns: Columns, bins: int, scale: int
) -> None:
    """Draw how often each residual occurs, of the model and of the map, on one scale."""
    eta, names = dataset["step_size"].values, ("residual", "map_residual")
    spans = [orbit_diagram.span_of(dataset[[name]].rename({name: "residual"})) for name in names]
    # Model and map are within rounding of each other: one that is not must not hide it.
    span = spans[1] if np.isfinite(dataset["map_residual"]).any() else spans[0]
    for panel, name, words in zip(panels, names, ("model", "map"), strict=True):
        parts = orbit_diagram.slabs(dataset[[name]].rename({name: "residual"}))
        counts = orbit_diagram.density(eta, parts, columns, bins, span)
        image = raster.blocks(orbit_diagram.shade(counts), _PIXELS, scale)
        raster.draw(panel, image, (columns.low, columns.high), span)
        panel.set_ylabel(f"{words}: residual $e$")


def _draw_exponents(axes: Axes, dataset: xr.Dataset, columns: Columns) -> None:
    """Draw the largest exponent of the model over that of the map."""
    eta = dataset["step_size"].values
    forecast, own = (dataset[name].values[:, 0] for name in ("map_lyapunov", "lyapunov"))
    axes.axhline(0, color=style.INK, lw=0.5)
    axes.plot(eta, np.maximum(forecast, -4), **_FORECAST, label="map")
    axes.plot(eta, np.maximum(own, -4), color=_OWN, label="model")
    every = np.concatenate([forecast, own])
    low = max(-1.0, np.nanmin(every, initial=-0.3))
    high = np.nanmax(every, initial=0.3)
    axes.set(xlim=(columns.low, columns.high), ylim=(low - 0.1, high + 0.3 * (high - low)))
    axes.set_ylabel(r"exponent $\lambda_1$")
    axes.legend(loc="upper left", ncols=2, borderpad=0.2, handlelength=1.8)


def _draw_distance(axes: Axes, dataset: xr.Dataset, columns: Columns) -> None:
    """Draw how far the two residuals came apart, which is rounding unless chaos makes it more."""
    off = np.log10(np.maximum(dataset["residual_error"].values, _NOTHING))
    axes.plot(dataset["step_size"].values, off, color=style.INK, lw=0.7)
    axes.set(xlim=(columns.low, columns.high), ylim=(np.log10(_NOTHING), 2), yticks=(-16, -8, 0))
    axes.set_ylabel(r"$\log_{10}\,|\Delta e|$")


def _draw_errors(axes: Axes, dataset: xr.Dataset, columns: Columns) -> None:
    """Draw the error on new prompts; what chaos makes of it may leave the panel above."""
    eta = dataset["step_size"].values
    axes.axhline(1, color=style.INK, lw=0.5)
    for name, look in _ERRORS.items():
        values, errors = dataset[name].values, dataset[f"{name}_error"].values
        exponents.curve(axes, columns, eta, values, errors, look)
    every = np.concatenate([dataset[name].values for name in list(_ERRORS)[1:]])
    low, high = np.nanmin(every, initial=0.9), np.nanmax(every, initial=1.1)
    size = high - low
    axes.set(xlim=(columns.low, columns.high), ylim=(low - 0.1 * size, high + 0.4 * size))
    axes.set_ylabel("error, new tasks")
    axes.legend(loc="upper left", ncols=3, borderpad=0.2, handlelength=1.8)


def _draw_regimes(panels: list[Axes], dataset: xr.Dataset, columns: Columns) -> None:
    """Draw both strips of regimes, each with its name on the left, and one key to both."""
    key = []
    for panel, name, words in zip(panels, ("regime", "map_regime"), ("model", "map"), strict=True):
        left = exponents.strip(panel, dataset[[name]].rename({name: "regime"}), columns)
        for artist in left:
            artist.set_label(f"{words}: {artist.get_label()}")
        key += left
        panel.set_ylabel(words, rotation=0, ha="right", va="center", size=8.5)
    sheet.key(panels[-1], key)
