"""Numbers of a cell, with their errors, and what theory says of each."""

import math
from collections.abc import Iterator
from typing import Final, cast

import numpy as np

from lt2f.dynamics import decay, noise_theory, theory
from lt2f.dynamics.closed_forms import CLOSED_FORMS
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.lanes import Floats
from lt2f.dynamics.noise_theory import Law
from lt2f.dynamics.steps import MAP
from lt2f.explore.cell import Cell
from lt2f.explore.view import View
from lt2f.views.words import number

Row = tuple[str, str, str]
"""A quantity, what was found, and what theory says."""

_TWO_CYCLE: Final = 1.0, {row.id: row.mu for row in CLOSED_FORMS}["doubling_2"]
_RESTS: Final = {Regime.MONOTONE, Regime.CATAPULT}
_UNBOUNDED: Final = {Regime.DIVERGENT, Regime.UNDECIDED}  # or not known to be bounded
_EXPONENTS: Final = "largest Lyapunov exponent", "second Lyapunov exponent"
_ACROSS, _NORM = "transverse exponent", "a² + b², step size × sharpness"
_IMBALANCE: Final = "final imbalance a² − b²"
_LOSS, _SQUARE = "mean loss", "mean of e²/2"  # of the map; of other losses


def rows(view: View, cell: Cell) -> list[Row]:
    """List what was measured in a cell beside what is known exactly."""
    exact = dict(_exact(view, cell))
    # Under another law of the step training goes down another loss than what is measured.
    loss, squared = (_LOSS, "loss") if view.descent[0] is MAP else (_SQUARE, "e²")
    found = [
        (_EXPONENTS[0], _measured(cell, "lyapunov", 0)),
        (_EXPONENTS[1], _measured(cell, "lyapunov", 1)),
        (_ACROSS, _measured(cell, "transverse_lyapunov", 0)),
        ("period, that of the residual", _periods(cell)),
        (_NORM, _measured(cell, "sharpness", 0)),
        (loss, _measured(cell, "loss_mean", 0)),
        (_IMBALANCE, _number(cell.number("imbalance_final") + 0.0)),
        (f"largest {squared} over the first", _number(cell.number("loss_peak_ratio"))),
        ("steps until settled or escaped", _steps(cell)),
    ]
    return [(name, words, exact.get(name, "")) for name, words in found]


def _number(value: float) -> str:
    """Write a number, if it is one."""
    if math.isnan(value):
        return "—"
    return number(value).replace("inf", "∞")


def _measured(cell: Cell, name: str, rank: int) -> str:
    """Write a number with its standard error, in the digits that the latter leaves."""
    value, error = cell.number(name, rank), cell.number(f"{name}_error", rank)
    if not math.isfinite(value):
        return _number(value)
    if not 0.0 < error < math.inf:
        return number(value)
    digits = min(max(1 - math.floor(math.log10(error)), 0), 9)
    if error < 1e-9 or abs(value) < 1e-9:
        return number(value)
    return f"{value:.{digits}f} ± {error:.{digits}f}".replace("-", "−")


def _steps(cell: Cell) -> str:
    steps = int(cell.number("steps"))
    return "neither" if steps < 0 else f"{steps:,}"


def _periods(cell: Cell) -> str:
    found = [int(cell.number(name)) for name in ("period", "residual_period")]
    return ", ".join(map(str, found)) if all(found) else "none"


def _exact(view: View, cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield closed forms that fit what the cell does: without noise, or at minima under noise."""
    mu, (step, strength) = view.point["mu"], view.descent
    if view.point["noise"] > 0.0:
        if cell.regime in _RESTS and view.model == "multiplicative":
            exponent = almost_sure(cell.number("sharpness"), view)
            yield _EXPONENTS[1], f"E log|1 − hS| = {number(exponent)}"
        return
    if step.fits and cell.regime in _RESTS:
        yield from _at_rest(cell)
    if step is MAP:
        yield from _free(mu, cell.regime)
    elif step.name == "decay":
        yield from _decayed(mu, strength, cell.regime)


def _at_rest(cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield what is exact at minima ab = mu, which are those of every loss that fits."""
    _, second = theory.minimum_exponents(cell.number("sharpness"))
    yield _EXPONENTS[0], "0, along the valley of minima"
    yield _EXPONENTS[1], f"log|1 − S| = {number(float(second))}"
    yield _NORM, "stable below 2"
    yield from dict.fromkeys((_LOSS, _SQUARE), "0").items()


def _free(mu: float, regime: Regime) -> Iterator[tuple[str, str]]:
    """Yield what is exact of the map itself, if a run stays bounded: where it ends, the 2-cycle."""
    if regime in _UNBOUNDED:
        return
    if 1 < mu < 2:
        yield _IMBALANCE, "0: it ends on balance"
        yield _ACROSS, "negative: balance attracts"
    else:
        yield _IMBALANCE, _bound(mu)
    if regime == Regime.PERIODIC and _TWO_CYCLE[0] < mu < _TWO_CYCLE[1]:
        words = "log|9 − 2(1 + μ)²|/2", "log|3 − 2μ|/2"
        yield from _exponents(words, np.stack(theory.two_cycle_multipliers(mu)), 2)
        yield _LOSS, f"(μ² − 1)/4 = {number(float(theory.two_cycle_loss(mu)))}"


def _decayed(mu: float, kappa: float, regime: Regime) -> Iterator[tuple[str, str]]:
    """Yield what is exact with decay: at the origin, at the minima, and on the 2-cycle."""
    nu = float(decay.shifted(mu, kappa))
    if regime == Regime.COLLAPSED:
        words = "log|1 − κ + μ|", "log|1 − κ − μ|"
        yield from _exponents(words, decay.origin_multipliers(mu, kappa))
        yield _NORM, "0: decay wins, μ < κ"
    if regime in _RESTS:
        words = "log|1 − 2(μ − κ)|", "log|1 − 2κ|"
        yield from _exponents(words, decay.minimum_multipliers(mu, kappa))
        yield _NORM, f"2(μ − κ) = {number(2 * nu)}, stable below 2"
        yield _SQUARE, f"κ²/2 = {number(kappa * kappa / 2)}"
        yield _IMBALANCE, "0 in the end: it dies like exp(−2κt)"
    if regime == Regime.PERIODIC and _TWO_CYCLE[0] < nu < _TWO_CYCLE[1]:
        words = "log|9 − 2(1 + ν)²|/2, ν = μ − κ", "log|q² + (1 + q)(1 − ν)|/2, q = 1 − 2κ"
        yield from _exponents(words, decay.two_cycle_multipliers(mu, kappa), 2)


def _exponents(
    words: tuple[str, str], multipliers: Floats, period: int = 1
) -> Iterator[tuple[str, str]]:
    """Yield exponents along the balanced line and across it, by their size, and that across."""
    values = [math.log(abs(float(x))) / period if x else -math.inf for x in multipliers]
    along, across = (f"{formula} = {number(x)}" for formula, x in zip(words, values, strict=True))
    pair = (along, across) if values[0] >= values[1] else (across, along)
    yield from zip(_EXPONENTS, pair, strict=True)
    yield _ACROSS, across


def almost_sure(sharpness: float, view: View) -> float:
    """Return E log|1 − hS|, below zero at minima that are stable almost surely."""
    law = cast("Law", view.law)
    found = noise_theory.almost_sure_exponent(sharpness, view.point["noise"], law)
    return float(found)


def _bound(mu: float) -> str:
    bound = float(theory.imbalance_bound(mu))
    return f"stable within ±2√(1 − μ²) = ±{number(bound)}" if math.isfinite(bound) else ""
