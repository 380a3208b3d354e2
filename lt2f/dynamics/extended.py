"""The map and the ladder of labels once more, slowly and to 50 digits: a check on the arithmetic.

Nothing here is shared with the kernels but the codes of the regimes: the state is (a, b), not its
sum and difference; a rise of the loss is seen by comparing losses; no theorem and no inference is
used. A chaotic orbit loses 50 digits in 115 steps divided by its exponent, those of a double in 36,
so neither run follows the exact start for long. What must not depend on the digits is the label,
and every average within its error.

Arithmetic is that of the standard library's `decimal`. A step size and a start are the doubles that
they are, to the last bit, but a sum or a difference of factors 1e50 times smaller than they are is
taken for zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from lt2f.dynamics.codes import Regime
from lt2f.dynamics.extended_map import Cycle, find_cycle, least_period, precision, repeats, tangent

CONVERGED = Decimal("1e-24")  # e^2 of the converged loss
ESCAPED, COLLAPSED = Decimal("1e6"), Decimal("1e-20")  # a^2 + b^2
BLOCKS = 32
SIGNIFICANT = 4.0  # standard errors

UNITS = Decimal(1), Decimal(1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A time average, and its standard error; 0 stands for one below any rounding of doubles."""

    value: float
    error: float = 0.0


NOTHING = Estimate(math.nan, math.nan)
Pair = tuple[Estimate, Estimate]


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell does in the long run, under the names and conventions of datasets.

    Exponents are in nats per step, the larger first. Averages are NaN where the orbit diverges, and
    those of the minimum or the cycle where it ends on one.
    """

    regime: Regime
    period: int = 0
    residual_period: int = 0
    lyapunov: Pair = (NOTHING, NOTHING)
    transverse_lyapunov: Estimate = NOTHING
    sharpness: Estimate = NOTHING
    loss_mean: Estimate = NOTHING


@dataclass(slots=True)
class Orbit:
    """A point that moves with a tangent vector, and whether the loss has ever risen."""

    mu: Decimal
    a: Decimal
    b: Decimal
    x: Decimal = Decimal(1)
    y: Decimal = Decimal("0.6")  # in no special direction
    last: Decimal = field(default=Decimal(0), init=False)
    rose: bool = field(default=False, init=False)


def label(
    mu: float,
    a: float | Decimal,
    b: float | Decimal,
    transient: int,
    measure: int,
    max_period: int = 64,
) -> Cell:
    """Run one cell without noise for `transient` and `measure` steps, and label it.

    The rungs are escape, collapse, convergence to a linearly stable minimum, a stable cycle of
    period up to `max_period`, and a largest exponent more than four standard errors above zero;
    `measure` is cut to a multiple of BLOCKS. Some 4 microseconds a step.

    Raises
    ------
    ValueError
        If there are fewer than BLOCKS steps to measure.
    """
    if measure < BLOCKS:
        raise ValueError(f"measure should be at least {BLOCKS} steps, not {measure}")
    with precision():
        orbit = Orbit(Decimal(mu), Decimal(a), Decimal(b))
        if (end := _run(orbit, transient, [])) is not None:
            return end
        if (cycle := find_cycle(orbit.mu, (orbit.a, orbit.b), max_period)) is not None:
            return _on_cycle(orbit.mu, cycle)
        blocks: list[list[float]] = []
        for _ in range(BLOCKS):
            if (end := _run(orbit, measure // BLOCKS, blocks)) is not None:
                return end
        return _judged(orbit, blocks, measure, max_period)


def _run(orbit: Orbit, steps: int, blocks: list[list[float]]) -> Cell | None:
    """Take some steps and add their mean rates to `blocks`; a cell where the end is certain."""
    mu, a, b, x, y, last = orbit.mu, orbit.a, orbit.b, orbit.x, orbit.y, orbit.last
    before, across, volume, norms, losses = x * x + y * y, *UNITS, Decimal(0), Decimal(0)
    for _ in range(steps):
        e, s = a * b - mu, a * a + b * b
        loss = e * e
        if s > ESCAPED:
            return Cell(Regime.DIVERGENT)
        if loss > CONVERGED:
            orbit.rose |= loss > last > CONVERGED
        elif (a * a - b * b) ** 2 + 4 * mu * mu < 4:  # S of the minimum, squared
            return _at_minimum(orbit.rose, (a * a - b * b) ** 2 + 4 * mu * mu)
        norms, losses, last = norms + s, losses + loss, loss
        across, volume = across * (1 + e), volume * (1 - s - 3 * loss - 2 * mu * e)
        x, y = tangent(mu, a, b, x, y)
        a, b = a - e * b, b - e * a
    orbit.a, orbit.b, orbit.x, orbit.y, orbit.last = a, b, x, y, last
    if steps:
        first = _log((x * x + y * y) / before) / 2
        rates = first, _log(volume) - first, _log(across), float(norms), float(losses) / 2
        blocks.append([rate / steps for rate in rates])
    return None


def _log(x: Decimal) -> float:
    return float(abs(x).ln()) if x else -math.inf


def _at_minimum(rose: bool, norm_squared: Decimal) -> Cell:
    """Cell that has converged: neutral along the valley of minima, whatever the orbit's sums."""
    regime, zero = Regime.CATAPULT if rose else Regime.MONOTONE, Estimate(0.0)
    s = norm_squared.sqrt()
    return Cell(regime, 1, 1, (zero, Estimate(_log(1 - s))), zero, Estimate(float(s)), zero)


def _judged(orbit: Orbit, blocks: list[list[float]], measure: int, max_period: int) -> Cell:
    """Label a cell that has neither escaped nor converged by its last state and its averages."""
    mu, a, b = orbit.mu, orbit.a, orbit.b
    if a * a + b * b < COLLAPSED:
        pair, loss = (Estimate(_log(1 + mu)), Estimate(_log(1 - mu))), float(mu * mu) / 2
        return Cell(Regime.COLLAPSED, 0, 0, pair, pair[1], Estimate(0.0), Estimate(loss))
    first, second, *others = (_estimate(values) for values in zip(*blocks, strict=True))
    if (cycle := find_cycle(mu, (a, b), max_period)) is not None:
        return _on_cycle(mu, cycle)
    # At a minimum or on a cycle that is not stable nothing is told of the orbits near it.
    stays = (a * b - mu) ** 2 <= CONVERGED or repeats(mu, (a, b), max_period)
    # A neutral orbit stretches tangent vectors too, but by a power of the number of steps.
    grows = not stays and first.value > max(
        SIGNIFICANT * first.error, 2 * math.log(measure) / measure
    )
    regime = Regime.CHAOTIC if grows else Regime.UNDECIDED
    return Cell(regime, 0, 0, (first, second), *others)


def _estimate(values: Sequence[float]) -> Estimate:
    mean = math.fsum(values) / BLOCKS
    spread = math.fsum((x - mean) ** 2 for x in values) / (BLOCKS - 1)
    return Estimate(mean, math.sqrt(spread / BLOCKS))


def _on_cycle(mu: Decimal, cycle: Cycle) -> Cell:
    period, residuals = len(cycle.points), [a * b - mu for a, b in cycle.points]
    large, small = (Estimate(_log(multiplier) / period) for multiplier in cycle.multipliers)
    across = math.fsum(_log(1 + e) for e in residuals) / period
    norm = sum(a * a + b * b for a, b in cycle.points) / period
    loss = sum(e * e for e in residuals) / (2 * period)
    others = (Estimate(float(mean)) for mean in (across, norm, loss))
    return Cell(
        Regime.PERIODIC, period, least_period([(e, e) for e in residuals]), (large, small), *others
    )
