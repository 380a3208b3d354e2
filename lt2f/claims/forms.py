"""Forms of a claim, and the one rule for each by which a status follows from the numbers.

Throughout, `uncertainty` is the largest distance that is no contradiction: four standard errors
where a measurement is random, plus a bound of what is not (grid, truncation, rounding). A claim
also states its resolution, the least difference that it has to be able to tell. Where the
uncertainty is larger, nothing was tested and the claim is undecided.

An identity or a bound of what is computed without chance has the allowance for rounding as its
uncertainty: "<= 0" agrees with a measured 1e-10 where rounding may make 1e-8.
"""

import math
from dataclasses import dataclass, replace
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
        status, why = Status.UNDECIDED, _takes(resolution)
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


def _takes(resolution: float) -> str:
    """Say what would decide a claim."""
    smaller = "a finer grid, or for averages more runs and longer ones"
    least = f"of {resolution:.2g} or less" if math.isfinite(resolution) else "that is a number"
    return f"to be decided it takes an uncertainty {least}: {smaller}"


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
    enough = 2 * int(told.sum()) >= told.size
    seen = f"{t.size:,} cells, {x.min():.6g} <= {name} <= {x.max():.6g}; the worst is shown, "
    where = f"{seen * (t.size > 1)}at {name} = {x[k]:.6g}"
    note = "; ".join(filter(None, [where, note]))
    found = value(float(t[k]), float(m[k]), float(u[k]), math.inf, note)
    if enough or math.isnan(m[k]):
        return found
    why = (
        f"{int(told.sum()):,} of {t.size:,} cells are known to {resolution:.2g} of theory, to be "
        "decided it takes half of them: more runs and longer ones"
    )
    return replace(found, status=Status.UNDECIDED, explanation=f"{why}; {note}")


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
        off = f"{abs(measured - bound):.2g}"
        why = f"the bound lies within the uncertainty: to be decided it takes one below {off}"
        status = Status.UNDECIDED
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
    if status == Status.UNDECIDED:
        why += f", to be decided it takes {least:,} or more"
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
