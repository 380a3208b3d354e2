"""Curves across regime maps that are known exactly; nothing that is merely seen."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lt2f.dynamics import noise_theory, theory, thresholds
from lt2f.dynamics.steps import STEPS, Line
from lt2f.laws import LAWS
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
    yield from under(style.noise_of(dataset))


def under(noise: Mapping[str, Any]) -> Iterator[Boundary]:
    """Yield the boundaries of regimes under noise of a model and a law."""
    if noise["model"] == "none":
        yield Boundary(r"bounded iff $a_0^2+b_0^2 < 4+\mu(a_0b_0-\mu)$", ellipse)
        yield Boundary("the first step raises the loss", _rise, "--")
    elif noise["model"] == "multiplicative":
        words = "the balanced minimum is almost surely unstable"
        yield Boundary(words, _unstable(noise["law"]), "--")
    elif noise["model"] in STEPS:
        for line in STEPS[noise["model"]].lines:
            yield Boundary(line.words, partial(_of_step, line, noise["model"]), line.dashes)


def _of_step(line: Line, name: str, point: Point) -> Floats:
    return np.asarray(line.beyond(point["mu"], point[name]))


def under_noise(dataset: xr.Dataset) -> Iterator[Boundary]:
    """Yield what is exact over mu and noise, of independent draws, for shares of realizations."""
    noise: dict[str, Any] = style.noise_of(dataset)
    if noise["model"] == "prompts":
        yield Boundary(r"$\mu=1$, the edge for the whole pool", lambda point: point["mu"] - 1, ":")
        words = r"$E(1-2\mu h)^2=1$: finite variance about the balanced minimum before"
        yield Boundary(words, _mean_square_of_batches(dataset), "--")
        return
    law: noise_theory.Law = noise["law"]
    bounded = np.isfinite(noise_theory.SUPPORT[law])
    escape = "balanced orbits can escape only beyond"
    yield Boundary(r"$\mu=1$, the edge without noise", lambda point: point["mu"] - 1, ":")
    if noise["model"] == "multiplicative":
        words = r"$E\log|1-2\mu h|=0$: balanced minimum almost surely stable before"
        yield Boundary(words, _unstable(law))
        words = r"$\mu=1/(1+\sigma^2)$: balanced minimum stable in mean square before"
        yield Boundary(words, _mean_square, "--")
        if bounded:
            words = rf"$\mu h_{{\max}}=2$: {escape}"
            yield Boundary(words, _escape_by_steps(law), "-.")
    elif noise["model"] == "target":
        if bounded:
            most = LAWS[law].factor + r"\sigma"
            words = rf"$2(\frac{{1+\mu+{most}}}{{3}})^{{3/2}}=(2+\mu-{most})^{{1/2}}$: {escape}"
            yield Boundary(words, _escape_by_targets(law), "-.")
        words = r"$E\log|1+m|=0$: beyond, the origin attracts balanced orbits"
        yield Boundary(words, _collapse(law))


def _unstable(law: noise_theory.Law) -> Callable[[Point], Floats]:
    """Compute E log|1 - h S| of the balanced minimum, which has the least sharpness, S = 2 mu."""

    def beyond(point: Point) -> Floats:
        exponent = noise_theory.almost_sure_exponent(2 * point["mu"], point["noise"], law)
        return exponent.clip(-1, 1)  # -inf at single points

    return beyond


def _mean_square(point: Point) -> Floats:
    return 2 * point["mu"] - noise_theory.mean_square_threshold(point["noise"])


def _mean_square_of_batches(dataset: xr.Dataset) -> Callable[[Point], Floats]:
    """Compute 2 mu - 2/(1 + Var h), with the variance of h over batches of each size."""
    noise, single = style.noise_of(dataset), float(dataset.attrs["prompt_covariance"][0])
    n = noise["pool_size"]

    def beyond(point: Point) -> Floats:
        size = np.maximum(point["batch_size"], 1.0)  # the edges of cells may lie beyond
        once = np.maximum(n - size, 0.0) / max(n - 1, 1)
        left = 1.0 if noise.get("replacement", True) else once
        return np.asarray(2 * point["mu"] - 2 / (1 + single * left / size))

    return beyond


def _escape_by_steps(law: noise_theory.Law) -> Callable[[Point], Floats]:
    """Compute mu h_max - 2, where h >= 0 as the theorem asks."""

    def beyond(point: Point) -> Floats:
        h = noise_theory.largest_step(point["noise"], law)
        return np.where(h <= 2, point["mu"] * h - 2, np.nan)

    return beyond


def _escape_by_targets(law: noise_theory.Law) -> Callable[[Point], Floats]:
    def beyond(point: Point) -> Floats:
        mu = point["mu"]
        most = noise_theory.target_escape_threshold(mu, law)
        return np.where((mu >= 0) & (mu <= 2), point["noise"] - most, np.nan)

    return beyond


def _collapse(law: noise_theory.Law) -> Callable[[Point], Floats]:
    def beyond(point: Point) -> Floats:
        exponent = noise_theory.collapse_exponent(point["mu"], point["noise"], law)
        return -exponent.clip(-1, 1)  # -inf at single points

    return beyond


def chebyshev(mu: float, count: int = 1441) -> Floats:
    """Return the ellipse a^2 + b^2 - mu ab = 4 - mu^2, 0 <= mu <= 2, as a closed curve (count, 2).

    Points lie at equal steps of its angle.
    """
    angle = np.linspace(-(2.0**63), 2.0**63, count)[:-1].astype(np.int64)
    u, v = theory.ellipse_point(angle.view(np.uint64), mu)
    curve = np.column_stack([u + v, u - v])
    return np.vstack([curve, curve[:1]])


def minima(mu: float, reach: float, count: int = 721) -> Floats:
    """Return the minima ab = mu whose imbalance is at most `reach`, in a >= 0, as (count, 2).

    The other branch is their negative. Stable are those of |imbalance| < 2 sqrt(1 - mu^2).
    """
    return np.column_stack(theory.start(np.linspace(-reach, reach, count), mu))


def fixed(dataset: xr.Dataset) -> dict[str, Floats]:
    """Return the coordinates that do not vary, as part of a point."""
    scalars = {str(name): x for name, x in dataset.coords.items() if x.ndim == 0}
    return {name: np.asarray(x.values, dtype=np.float64) for name, x in scalars.items()}


def ellipse(point: Point) -> Floats:
    """Compute h = S - mu e - 4 of a start, positive iff it is unbounded, for 0 < mu <= 2."""
    mu = point["mu"]
    return np.where((mu > 0) & (mu <= 2), theory.ellipse(mu, *state(point)), np.nan)


def state(point: Point) -> tuple[Floats, Floats]:
    """Return the start (U, V) of a point, from its imbalance and product or from a and b."""
    if "imbalance" in point:
        return theory.start_state(point["imbalance"], point["product"])
    a, b = point["a"], point["b"] + point.get("perturbation", 0.0)
    return (a + b) / 2, (a - b) / 2


def _rise(point: Point) -> Floats:
    """Compute S - 2 - mu e - e^2, positive iff e'^2 > e^2, inside the ellipse and for mu <= 1.

    For e' = e (e^2 - 3 - h): the loss rises iff 2 - e^2 + h > 0. Beyond mu = 1 it does so for ever.
    """
    u, v = state(point)
    h, e = ellipse(point), (u - v) * (u + v) - point["mu"]
    return np.where((h < 0) & (point["mu"] <= 1), h + 2 - e * e, np.nan)
