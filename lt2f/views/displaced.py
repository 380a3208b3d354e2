"""The share of starts that reach the other branch if displaced, over the displacement's size.

It is a share of the starts that reach a minimum, displaced and not: those that diverge, or are too
slow, have no branch to change.
"""

from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from lt2f.dynamics import repeller, sensitivity
from lt2f.dynamics.codes import Branch
from lt2f.dynamics.jackknife import Exponent
from lt2f.views import style
from lt2f.views.raster import Floats

_MEASURED: Final = style.INK
_FITTED: Final = "#1f4e8c"
_THEORY: Final = "#c6004f"


def draw_shares(axes: Axes, dataset: xr.Dataset) -> None:
    """Draw f over epsilon, for each mu: changes of branch among starts that have one twice."""
    some = dataset if "mu" in dataset.dims else dataset.expand_dims("mu")
    for cell in (some.isel(mu=i) for i in range(some.sizes["mu"])):
        _draw_share(axes, cell, "mu" in dataset.dims)
    axes.set(xscale="log", yscale="log")
    axes.set_xlabel(r"displacement $\varepsilon$ of $b_0$", labelpad=1)
    # Above the panel: beside it is room for numbers alone.
    axes.set_title(r"share $f(\varepsilon)$ that changes", size=9)
    axes.tick_params(labelsize=7, length=2.5, pad=1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=5))
    axes.legend(
        loc="upper left", fontsize=7, handlelength=1.1,
        borderpad=0.2,
    )  # fmt: skip


def _draw_share(axes: Axes, cell: xr.Dataset, several: bool) -> None:
    """Draw the shares of one mu, of several, with errors, the fitted and the predicted slope."""
    mu = float(cell["mu"])
    labels = cell["branch"].transpose(..., "perturbation").values
    by = cell["perturbation"].values
    found = sensitivity.uncertain_fractions(labels, by, absent=Branch.NONE)
    some = found.fraction > 0
    eps, f = found.epsilon[some], found.fraction[some]
    # On a logarithmic axis an error as large as the value has no lower end.
    bars = np.array([np.minimum(found.error[some], 0.9 * f), found.error[some]])
    points = {"fmt": "o", "ms": 2.5, "color": _MEASURED, "elinewidth": 0.8}
    words = rf"$\mu$ = {mu:g}" if several else "measured"
    axes.errorbar(eps, f, bars, **points, label=words)  # type: ignore[arg-type]
    try:
        fit = sensitivity.uncertainty_exponent(found)
    except ValueError:  # too few displacements
        return
    x = found.epsilon[fit.fitted][[0, -1]]
    words = rf"$\alpha$ = {fit.value:.3f} $\pm$ {fit.error:.3f}"
    axes.plot(x, fit.amplitude * x**fit.value, color=_FITTED, lw=1.2, label=words)
    if 0 < mu < 1 and style.noise_of(cell)["model"] == "none":
        _draw_prediction(axes, mu, found.epsilon[[0, -1]], fit, float(np.sqrt(x.prod())))


def _draw_prediction(axes: Axes, mu: float, x: Floats, fit: Exponent, middle: float) -> None:
    """Draw the predicted slope through the middle of the fitted line."""
    alpha = repeller.uncertainty_exponent(mu).value
    height = fit.amplitude * middle**fit.value
    words = rf"$\kappa/\log 3$ = {alpha:.3f}," + "\n" + "$\\kappa$: escape rate\nof the ellipse"
    y = height * (x / middle) ** alpha
    axes.plot(x, y, color=_THEORY, lw=1.0, ls="--", label=words)
