"""Forms of a claim, and the one rule for each by which a status follows from the numbers.

Throughout, `uncertainty` is the largest distance that is no contradiction: four standard errors
where a measurement is random, plus a bound of what is not (grid, truncation, rounding). A claim
also states its resolution, the least difference that it has to be able to tell. Where the
uncertainty is larger, nothing was tested and the claim is undecided.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_UP, Context, Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SIGMAS = 4.0
"""Standard errors that make the uncertainty of one random measurement."""


class Status(StrEnum):
    """What the numbers say of a claim, what a reader has to see first coming first."""

    DISAGREES = "disagrees"
    UNDECIDED = "undecided"
    AGREES = "agrees"
    NOT_COMPUTABLE = "not_computable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was expected and what was found, as a ledger shows it."""

    theory: str
    measured: str
    uncertainty: str
    status: Status
    explanation: str


# Numbers


def value(
    theory: float, measured: float, uncertainty: float, resolution: float, note: str = ""
) -> Finding:
    """Compare a number: agrees iff |measured - theory| <= uncertainty <= resolution.

    NaN disagrees: what is not a number is not the number that was expected.
    """
    off = 0.0 if measured == theory else abs(measured - theory)  # equal infinities too
    if not uncertainty <= resolution and not math.isnan(measured):
        status, why = Status.UNDECIDED, f"cannot tell differences of {resolution:.2g}, as it has to"
    elif off <= uncertainty:
        status, why = Status.AGREES, ""
    else:
        ratio = off / uncertainty if uncertainty else math.inf
        status, why = Status.DISAGREES, f"off by {ratio:.3g} times the uncertainty"
    return Finding(
        shown(theory, uncertainty / 10),
        shown(measured, uncertainty),
        rounded_up(uncertainty),
        status,
        "; ".join(filter(None, [why, note])),
    )


def worst(
    theory: ArrayLike,
    measured: ArrayLike,
    uncertainty: ArrayLike,
    at: ArrayLike,
    resolution: float,
    name: str = "mu",
    note: str = "",
) -> Finding:
    """Compare a number in many cells, and show the one that is most of its uncertainty off.

    `at` says where each cell is, under `name`. The resolution is relative to theory, and at least
    half of the cells must have it; infinities of one sign are equal.
    """
    arrays = (np.asarray(x, dtype=np.float64) for x in (theory, measured, uncertainty, at))
    t, m, u, x = (z.ravel() for z in np.broadcast_arrays(*arrays))
    with np.errstate(invalid="ignore"):
        off = np.where(t == m, 0.0, np.abs(m - t))
        told = u <= resolution * np.abs(t)
        ratio = np.where(np.isnan(off), np.inf, off / np.maximum(u, math.ulp(0.0)))
    k = int(np.argmax(ratio))
    enough = math.inf if 2 * int(told.sum()) >= told.size else 0.0
    seen = f"{t.size:,} cells, {x.min():.6g} <= {name} <= {x.max():.6g}; the worst is shown, "
    where = f"{seen * (t.size > 1)}at {name} = {x[k]:.6g}"
    note = "; ".join(filter(None, [where, note]))
    return value(float(t[k]), float(m[k]), float(u[k]), enough, note)


def quantile(cells: int) -> float:
    """Return the standard errors that the worst of many normal cells exceeds as rarely as one 4."""
    from scipy.special import ndtri

    return float(-ndtri(_RARE / max(cells, 1)))


_RARE = 0.5 * math.erfc(SIGMAS / math.sqrt(2.0))


def between(theory: float, low: float, high: float, resolution: float, note: str = "") -> Finding:
    """Compare a threshold with the two neighbours on a grid between which it was seen."""
    half = (high - low) / 2 + 4 * math.ulp(abs(high))
    seen = f"seen between {low:.8g} and {high:.8g}"
    return value(theory, (low + high) / 2, half, resolution, "; ".join(filter(None, [seen, note])))


# Bounds


def at_most(bound: float, measured: float, uncertainty: float, note: str = "") -> Finding:
    """Hold the largest value seen against a bound that may be attained."""
    agrees = measured <= bound + uncertainty
    return _bound("<=", bound, measured, uncertainty, agrees, note)


def at_least(bound: float, measured: float, uncertainty: float, note: str = "") -> Finding:
    """Hold the smallest value seen against a bound that may be attained."""
    agrees = measured >= bound - uncertainty
    return _bound(">=", bound, measured, uncertainty, agrees, note)


def _bound(
    sign: str, bound: float, measured: float, uncertainty: float, agrees: bool, note: str
) -> Finding:
    return Finding(
        f"{sign} {shown(bound, 0.0)}",
        shown(measured, uncertainty),
        rounded_up(uncertainty),
        Status.AGREES if agrees else Status.DISAGREES,
        note,
    )


def below(bound: float, measured: float, uncertainty: float, note: str = "") -> Finding:
    """Hold a value against a strict bound: undecided where the uncertainty reaches across."""
    if abs(measured - bound) <= uncertainty:
        status, why = Status.UNDECIDED, "the bound lies within the uncertainty"
    else:
        status, why = (Status.AGREES if measured < bound else Status.DISAGREES), ""
    return Finding(
        f"< {shown(bound, 0.0)}",
        shown(measured, uncertainty),
        rounded_up(uncertainty),
        status,
        "; ".join(filter(None, [why, note])),
    )


# Counts and words


def none(exceptions: int, among: int, note: str = "", least: int = 1) -> Finding:
    """Count exceptions to what must hold without one, among at least so many cases."""
    if exceptions:
        status = Status.DISAGREES
    else:
        status = Status.AGREES if among >= least else Status.UNDECIDED
    why = f"exceptions among {among:,} cases"
    return Finding("0", str(exceptions), "0", status, "; ".join(filter(None, [why, note])))


def words(theory: str, measured: str, note: str = "") -> Finding:
    """Compare what is no number."""
    status = Status.AGREES if theory == measured else Status.DISAGREES
    return Finding(theory, measured, "0", status, note)


# Digits


def shown(x: float, uncertainty: float) -> str:
    """Write a number to the second digit of its uncertainty, with 12 digits at most without one."""
    if not math.isfinite(x) or x == 0.0:
        return f"{x:g}"
    if not 0.0 < uncertainty < math.inf:
        return f"{x:.12g}"
    digits = math.floor(math.log10(abs(x))) - math.floor(math.log10(uncertainty)) + 2
    return f"{x:.{min(max(digits, 1), 15)}g}"


def rounded_up(uncertainty: float) -> str:
    """Write an uncertainty with two digits, never as less than it is."""
    if not math.isfinite(uncertainty) or uncertainty == 0.0:
        return f"{uncertainty:g}"
    decimal = Decimal(f"{uncertainty:.12g}")  # 1e-9 itself, not the double next to it
    return f"{float(Context(prec=2, rounding=ROUND_UP).plus(decimal)):.2g}"
