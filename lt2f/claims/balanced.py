"""Claims on the balanced line a = b: phases, doublings, windows and chaos."""

import math

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import ABSTRACT, SCALAR, Check, Room, derived, proved
from lt2f.claims.lines import line, passage, periods
from lt2f.claims.study import Need, Study
from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import Regime

ROOM = Room("balanced")


# Phases


@ROOM.claim(
    "phases",
    "with growing mu the balanced slice passes from monotone to catapult convergence, to periodic "
    "and to chaotic bounded motion, and to divergence (regimes in the order of their first step)",
    f"{ABSTRACT}; the five phases of the scalar map: {SCALAR}",
)
def _phases(study: Study) -> Finding:
    cells = line(study, 0.5, 2.0)
    codes, first = np.unique(cells["regime"], return_index=True)
    seen = ", ".join(Regime(code).name.lower() for code in codes[np.argsort(first)])
    return forms.words("monotone, catapult, periodic, chaotic, divergent", seen)


@ROOM.claim(
    "divergence",
    "least mu at which a run from near the balanced slice diverges",
    f"{ABSTRACT} (divergence); the threshold: {proved('theory', 'slice_bound', 'ellipse')}",
)
def _divergence(study: Study) -> Finding:
    cells = line(study, 1.9, 2.0)
    gone = cells["regime"] == Regime.DIVERGENT
    return passage(2.0, cells["mu"], ~gone, gone, 0.01)


@ROOM.claim(
    "no_convergence",
    "for 1 < mu < 2 large-step training settles into cycles or bounded chaos, never into a minimum "
    "(cells that converge)",
    ABSTRACT,
)
def _no_convergence(study: Study) -> Finding:
    cells = line(study, 1.0, 2.0, margin=0.01)
    cells = cells.where(cells["mu"] < 2)
    converged = np.isin(cells["regime"], (Regime.MONOTONE, Regime.CATAPULT))
    return forms.none(int(converged.sum()), converged.size)


@ROOM.claim(
    "monotone_end",
    "least mu at which the loss rises at a step of some bounded balanced run (2 sqrt 2 - 2)",
    derived("lt2f/dynamics/closed_forms.py: |e'/e| <= mu + mu^2/4; tests/dynamics/test_theory.py"),
)
def _monotone_end(study: Study) -> Finding:
    mu = np.linspace(0.5, 1.0, 5001)
    rises = np.zeros(mu.size, dtype=bool)
    for part in np.linspace(0.0, 1.0, 1002)[1:-1]:
        before, after = (x * x - mu for x in runs.balanced(part * np.sqrt(2 + mu), mu, 1))
        rises |= np.abs(after) > np.abs(before) * (1 + 1e-9)  # far above rounding
    return passage(2 * math.sqrt(2) - 2, mu, ~rises, rises, 1e-3)


# Doublings, chaos, windows


def _doubling(order: int) -> Check:
    """Hold a doubling against the cells of its period before and of twice that beyond."""

    def check(study: Study) -> Finding:
        rows = thresholds.doublings(order + 1)
        below = rows[order - 2].mu if order > 1 else 0.9
        here, above = rows[order - 1].mu, rows[order].mu
        mu, period = periods(study, (below + here) / 2, (here + above) / 2)
        before, after = (period == 2**k for k in (order - 1, order))
        takes = f"max_period {2**order} or more, or of kind orbit, with samples {3 * 2**order}"
        return passage(here, mu, before, after, (above - here) / 4, f"{takes} or more")

    return check


for _order in range(1, 9):
    ROOM.claim(
        f"doubling_{_order}",
        f"the balanced cycle doubles its period from {2 ** (_order - 1)} to {2**_order}",
        proved("thresholds", "doublings"),
    )(_doubling(_order))


@ROOM.claim(
    "chaos_onset",
    "least mu at which an orbit is chaotic: where the doublings accumulate",
    proved("thresholds", "accumulation"),
)
def _chaos_onset(study: Study) -> Finding:
    cells = line(study, 1.25, 1.35)
    chaotic = cells["regime"] == Regime.CHAOTIC
    return passage(thresholds.accumulation().mu, cells["mu"], ~chaotic, chaotic, 2e-3)


@ROOM.claim(
    "order_below_chaos",
    "below the accumulation of the doublings every run converges or is periodic with a power of 2 "
    "(cells that do not)",
    proved("thresholds", "accumulation"),
)
def _order_below_chaos(study: Study) -> Finding:
    cells = line(study, 0.5, thresholds.accumulation().mu, "period")
    period = cells["period"]
    regular = (period > 0) & (period & (period - 1) == 0)
    return forms.none(int((~regular).sum()), regular.size)


def _opening(id_: str, residual_period: int, low: float, high: float) -> Check:
    """Hold the opening of a window against the first cell in low < mu < high with its period."""

    def check(study: Study) -> Finding:
        known = next(row.mu for row in thresholds.full_table() if row.id == id_)
        cells = line(study, low, high, "residual_period")
        inside = cells["residual_period"] == residual_period
        takes = (
            f"max_period {2 * residual_period} or more"  # if it comes back with its signs turned
        )
        return passage(known, cells["mu"], ~inside, inside, 2e-3, takes)

    return check


for _id, _text, _period, _low, _high in (
    ("first_period_3", "least mu with a cycle of residual period 3", 3, 1.3, 1.46),
    ("window_3_ML_doubles", "the first cycle of residual period 3 doubles", 6, 1.4505, 1.465),
    ("antisymmetric_birth", "birth of the cycle x, y, -x, -y (2 sqrt 2 - 1)", 2, 1.6, 1.84),
    (
        "antisymmetric_split",
        "the residual of the cycle x, y, -x, -y doubles its period from 2 to 4",
        4,
        1.83,
        1.839,
    ),
):
    ROOM.claim(_id, _text, proved("thresholds", "windows"))(_opening(_id, _period, _low, _high))


@ROOM.claim(
    "signs_turn",
    "below 3 sqrt(3)/2 - 1 an orbit keeps its side: (a, b) and the residual have one period "
    "(periodic cells where they differ)",
    derived("lt2f/dynamics/closed_forms.py: attractor_merging"),
)
def _signs_turn(study: Study) -> Finding:
    cells = line(study, 1.0, 1.5 * math.sqrt(3) - 1, "period", "residual_period")
    periodic = cells.where(cells["period"] > 1)
    differ = periodic["period"] != periodic["residual_period"]
    return forms.none(int(differ.sum()), differ.size)


@ROOM.claim(
    "attractor_merging",
    "least mu at which an orbit of the balanced line changes its side (3 sqrt(3)/2 - 1)",
    derived("lt2f/dynamics/closed_forms.py: 4(1 + mu)^3/27 = 1 + mu"),
)
def _attractor_merging(study: Study) -> Finding:
    mu = np.linspace(1.595, 1.6, 51)
    mu = np.repeat(mu, 40)
    x = np.tile(np.linspace(0.2, 1.2, 40), 51)
    changed = np.zeros(mu.size, dtype=bool)
    for x in runs.balanced(x, mu, 4000):  # noqa: B020
        changed |= x < 0
    return passage(1.5 * math.sqrt(3) - 1, mu, ~changed, changed, 1e-3)


@ROOM.claim(
    "invariant_interval",
    "for 1 < mu <= 3 sqrt(3)/2 - 1 the settled residual lies between the second and the first "
    "image of the critical point (farthest sample beyond them)",
    derived("x_c = sqrt((1 + mu)/3) is the one critical point in x > 0: its images bound all"),
)
def _invariant_interval(study: Study) -> Finding:
    need = Need(
        kind="orbit", axes=frozenset({"mu"}), record=("residual",), mu=(1.1, 1.55), near=True
    )
    cells = study.largest(need).cells("residual")
    cells = cells.where((cells["mu"] > 1.0001) & (cells["mu"] < 1.5 * math.sqrt(3) - 1))
    mu, e = cells["mu"], cells["residual"]
    _, first, second = runs.balanced(np.sqrt((1 + mu) / 3), mu, 2)
    beyond = np.maximum(e.max(axis=1) - (first**2 - mu), second**2 - mu - e.min(axis=1))
    # off the line by the little imbalance that is left, on it by rounding
    return forms.at_most(0.0, float(beyond.max()), 1e-9, f"{e.size:,} samples")


# Chaos


def chebyshev_exponents(lanes: int = 2048, steps: int = 500) -> tuple[float, float]:
    """Measure the exponent along the line at mu = 2, from random starts; with its error."""
    x = 2 * np.cos(np.pi * runs.generator().random(lanes))
    total: Floats = np.zeros(lanes)
    for step, y in enumerate(runs.balanced(x, np.full(lanes, 2.0), steps)):
        kept = np.abs(y) <= 2  # rounding throws a few runs over the end of the interval
        total += np.where(kept, np.log(np.abs(3 - 3 * y * y)), np.nan) if step < steps else 0
    rates = total[np.isfinite(total)] / steps
    return float(rates.mean()), float(rates.std() / math.sqrt(rates.size))


@ROOM.claim(
    "chebyshev", "exponent along the slice at mu = 2, log 3", proved("theory", "CHEBYSHEV_EXPONENT")
)
def _chebyshev(study: Study) -> Finding:
    measured, error = chebyshev_exponents()
    return forms.value(math.log(3), measured, SIGMAS * error, 0.01, "2,048 runs of 500 steps")


@ROOM.claim(
    "largest_exponent_bound",
    "no exponent exceeds log 3 on the slice: the cubic has three laps, and a rate of separation is "
    "at most the topological entropy (largest over 1 < mu < 2)",
    derived(
        "the n-th iterate has 3^n laps, so its slope is above 3^n e^(cn) on a share e^(-cn) of the "
        "interval at most; tests/test_theory_pages.py"
    ),
)
def _bound(study: Study) -> Finding:
    cells = line(study, 1.0, 2.0, "lyapunov", "lyapunov_error", margin=0.01)
    cells = cells.where((cells["mu"] < 2) & np.isfinite(cells["lyapunov_error"][:, 0]))
    top, error = cells["lyapunov"][:, 0], cells["lyapunov_error"][:, 0]
    least = top - SIGMAS * error
    # of all the largest, unless some cell, perhaps another, is beyond the bound by its own errors
    k = int(np.argmax(least if least.max() > math.log(3) else top))
    note = f"of {top.size:,} cells; at mu = {cells['mu'][k]:.6g}"
    return forms.at_most(math.log(3), float(top[k]), SIGMAS * float(error[k]), note)
