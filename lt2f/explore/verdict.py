"""What theory knows around a point: of this start, and of this step size."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from lt2f.advice.attractor import Neighbour, neighbours, rungs
from lt2f.advice.rows import rate
from lt2f.dynamics import decay, theory
from lt2f.dynamics.steps import MAP, Step
from lt2f.explore.rows import almost_sure
from lt2f.explore.told import short
from lt2f.explore.view import View
from lt2f.pipeline.solve import starts
from lt2f.views.words import number

Said = Iterator[tuple[str, str]]
"""What something is about, and what is known of it."""

_ENDS: Final = "monotone", "catapults", "cycles", "chaos with windows of cycles"


def verdict(view: View) -> list[tuple[str, str]]:
    """Say what theory knows of this start and this step size, with learning rates."""
    mu, eta = view.point["mu"], view.rate
    told = [("learning rate", f"η = {rate(eta)}, so that μ = η·|c·y| = {short(mu)}")]
    told += list(_start(view))
    step, strength = view.descent
    if step is not MAP:
        return [*told, *(_decayed(view) if step.name == "decay" else _of(step, strength, view))]
    if view.point["noise"] == 0.0:
        return [*told, *_free(view), *_ladder(view, mu, "μ")]
    if view.model == "multiplicative":
        exponent = almost_sure(2.0 * mu, view)
        side = "stable" if exponent < 0 else "unstable"
        words = f"almost surely {side}: E log|1 − 2μh| = {number(exponent)}"
        told.append(("balanced minimum", words))
    return [*told, _rungs(eta / mu, "without noise")]


def _start(view: View) -> Said:
    """Yield the weights that belong to the start."""
    a, b = _weights(view)
    size = math.sqrt(view.rate) * abs(view.factor)
    w = math.copysign(b, b * view.factor * view.target) / size
    yield (
        "start",
        f"a = {number(a)}, b = {number(b)}: weights u = {number(a / size)}, w = {number(w)}",
    )


def _weights(view: View) -> tuple[float, float]:
    u, v = (float(x) for x in starts({name: np.array(x) for name, x in view.point.items()}))
    return u + v, u - v


def _free(view: View) -> Said:
    """Yield the side of the ellipse, and the rates that belong to the start."""
    (a, b), mu, eta = _weights(view), view.point["mu"], view.rate
    h = float(theory.ellipse(mu, (a + b) / 2, (a - b) / 2))
    if mu < 2.0:
        side = "inside, bounded" if h < 0 else "outside, unbounded" if h > 0 else "on it"
        yield "ellipse", f"{side}: a² + b² − μab − (4 − μ²) = {number(h)}"
    bounded, ends = (
        eta * float(found(a, b, mu))
        for found in (theory.edge_step_size, theory.convergent_step_size)
    )
    yield "these weights", f"bounded below η = {rate(bounded)}, converge up to {rate(ends)}"


def _ladder(view: View, mu: float, symbol: str) -> Said:
    """Yield the thresholds beside a step size of the balanced line, and what lies between them."""
    beside = neighbours(mu, view.rate)
    for side, row in {"below": beside.below, "on": beside.on, "above": beside.above}.items():
        if row is not None:
            yield f"threshold {side}", _threshold(row, symbol)
    yield _rungs(view.rate / mu, "balanced starts")


def _rungs(unit: float, whom: str) -> tuple[str, str]:
    ends = [f"{words} to {rate(unit * end)}" for words, end in zip(_ENDS, rungs(), strict=True)]
    return f"{whom}, by η", f"{', '.join(ends)}, divergence beyond"


def _threshold(row: Neighbour, symbol: str) -> str:
    return f"{symbol} = {row.mu:.6g}, η = {rate(row.learning_rate)}: {row.name}"


# With another law of the step


def _of(step: Step, strength: float, view: View) -> Said:
    """Yield what a law says of itself: of its minima if they are the map's, and whether runs last.

    At any strength such minima are stable where a^2 + b^2 < 2, so it does not matter that the
    learning rate changes that as well.
    """
    mu, power = view.point["mu"], f"η^{number(step.power)}"
    grows = {1.0: "η", -1.0: "1/η"}.get(step.power, power)
    yield step.words, f"{step.plain} = {short(strength)}; with the weights kept it goes as {grows}"
    if not np.all(step.lasts(np.array([mu]), np.array([strength]))):
        yield "bounded starts", "almost none is"
    if step.fits:
        side = "stable" if mu < 1.0 else "unstable" if mu > 1.0 else "at the edge"
        words = f"{side}, as of the squared loss: stable below η = {rate(view.rate / mu)}"
        yield "balanced minimum", words
    yield "the rest", "is computed: ellipse and thresholds belong to the squared loss alone"


def _decayed(view: View) -> Said:
    """Yield what decay leaves of theory: the lines a = b and a = -b, the first as at mu - kappa.

    Of the thresholds there kappa moves the place; as mu and kappa grow with the learning rate
    alike, the rate that reaches one is to this rate as the threshold is to mu - kappa.
    """
    mu, kappa = view.point["mu"], view.point["decay"]
    nu = float(decay.shifted(mu, kappa))
    yield "weight decay", f"κ = η·λ, with λ(u² + w²)/2 in the loss: λ = {rate(kappa / view.rate)}"
    yield "bounded starts", f"no ellipse bounds them; exact {_lines(mu, kappa)}"
    if nu > 0.0:
        yield "balanced line", f"as without decay at ν = μ − κ = {short(nu)}"
        yield from _ladder(view, nu, "ν")
    elif mu + kappa < 2.0:
        yield "balanced line", "the origin attracts: μ < κ, at every learning rate"


def _lines(mu: float, kappa: float) -> str:
    """Say which starts are bounded on a = b, and on a = -b if any are."""
    bounds = {"a = b": decay.balanced_bound, "a = −b": decay.opposite_bound}
    with np.errstate(invalid="ignore"):
        found = {line: float(bound(mu, kappa)) for line, bound in bounds.items()}
    known = [f"on {line} for |a| ≤ {number(x)}" for line, x in found.items() if x >= 0.0]
    return " and ".join(known) if mu - kappa <= 2.0 else "beyond μ = 2 + κ: almost none is"
