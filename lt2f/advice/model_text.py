"""What the full model did in training, as rows of the page."""

import math
from collections.abc import Iterator

from lt2f.advice.descent import Trained
from lt2f.advice.rows import HOW, RUNS, kernel, rate, row
from lt2f.dynamics.codes import Regime


def rows(found: Trained) -> Iterator[str]:
    """Tell what it did, how that compares with the map, and which other rates converge."""
    yield from row("outcome", _told(found))
    if math.isfinite(found.loss_peak_ratio) and found.loss_peak_ratio > 1.0:
        yield from row("largest loss", f"{rate(found.loss_peak_ratio)} times the first")
    if math.isfinite(found.sharpness):
        words = kernel(found.regime, found.sharpness, found.scaled_sharpness)
        yield from row("ends with", words)
    yield from row("the map", _beside(found))
    if found.rates:
        yield from row("other rates", _rates(found))


def _told(found: Trained) -> str:
    words = RUNS.get(found.regime, found.regime.name.lower())
    how = HOW[found.decided_by]
    if found.regime == Regime.PERIODIC:
        words += f", the loss with period {found.period}"
        how = "outputs return, exponent below 0"
    if found.regime == Regime.CHAOTIC:
        how += f", exponent {found.exponent:.3f} ± {found.exponent_error:.3f} per step"
    after = f", after {found.steps} steps" if found.steps >= 0 else ""
    if found.regime == Regime.UNDECIDED:
        after = f", after {found.tried_steps} steps"
    return f"{words}{after} ({how})"


def _beside(found: Trained) -> str:
    words = "is exact here"
    if found.departure > 0.0:
        words = f"is that of couplings which in truth spread by {100 * found.departure:.2g} %"
    same = "agrees" if found.map_regime == found.regime else "says otherwise"
    words += f"; on the outcome it {same}"
    if math.isfinite(found.apart):
        words += f"; residuals at most {found.apart:.2g} apart in {found.compared} steps"
    return words


def _rates(found: Trained) -> str:
    words = f"of {found.rates}, every {rate(found.spacing)}, "
    if found.converges == 0.0:
        return f"{words}not even the least, {rate(found.fails)}, converges (tried)"
    words += f"all up to {rate(found.converges)} converge"
    return f"{words}; {rate(found.fails)} does not (tried)" if found.fails > 0.0 else words
