"""Curves across regime maps that are known exactly; nothing that is merely seen."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lt2f.dynamics import noise_theory, theory, thresholds
from lt2f.views import style

Floats = NDArray[np.float64]
Point = Mapping[str, Floats]
"""Coordinates of cells by name, broadcast against each other."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Words, and a function of a point that is zero on the curve and positive beyond it.

    NaN where it has no meaning.
    """

    words: str
    beyond: Callable[[Point], Floats]
    dashes: str = "-"


def lines(dataset: xr.Dataset) -> list[thresholds.Threshold]:
    """List the thresholds that hold for almost every bounded start, and not on the slice alone.

    That is from mu = 1 on, where all of them end at the balanced attractor, and without noise.
    """
    if style.noise_of(dataset)["model"] != "none":
        return []
    return [row for row in thresholds.table() if row.mu >= 1]


def curves(dataset: xr.Dataset) -> Iterator[Boundary]:
    """Yield the boundaries of a dataset's regimes."""
    noise: dict[str, Any] = style.noise_of(dataset)
    if noise["model"] == "none":
        yield Boundary(r"bounded iff $a_0^2+b_0^2 < 4+\mu(a_0b_0-\mu)$", ellipse)
        yield Boundary("the first step raises the loss", _rise, "--")
    elif noise["model"] == "multiplicative":

        def unstable(point: Point) -> Floats:
            # The balanced minimum has the least sharpness of all, 2 mu.
            sharpness = 2 * point["mu"]
            exponent = noise_theory.almost_sure_exponent(sharpness, point["noise"], noise["law"])
            return exponent.clip(-1, 1)  # -inf at single points

        yield Boundary("the balanced minimum is almost surely unstable", unstable, "--")


def fixed(dataset: xr.Dataset) -> dict[str, Floats]:
    """Return the coordinates that do not vary, as part of a point."""
    scalars = {str(name): x for name, x in dataset.coords.items() if x.ndim == 0}
    return {name: np.asarray(x.values, dtype=np.float64) for name, x in scalars.items()}


def ellipse(point: Point) -> Floats:
    """Compute h = S - mu e - 4 of a start, positive iff it is unbounded, for 0 < mu <= 2."""
    mu = point["mu"]
    return np.where((mu > 0) & (mu <= 2), theory.ellipse(mu, *_state(point)), np.nan)


def _state(point: Point) -> tuple[Floats, Floats]:
    if "imbalance" in point:
        return theory.start_state(point["imbalance"], point["product"])
    return (point["a"] + point["b"]) / 2, (point["a"] - point["b"]) / 2


def _rise(point: Point) -> Floats:
    """Compute S - 2 - mu e - e^2, positive iff e'^2 > e^2, inside the ellipse and for mu <= 1.

    For e' = e (e^2 - 3 - h): the loss rises iff 2 - e^2 + h > 0. Beyond mu = 1 it does so for ever.
    """
    u, v = _state(point)
    h, e = ellipse(point), (u - v) * (u + v) - point["mu"]
    return np.where((h < 0) & (point["mu"] <= 1), h + 2 - e * e, np.nan)
