"""Claims on runs that converge: where they end, when they overshoot, and how long they take."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding
from lt2f.claims.ledger import Room, derived
from lt2f.claims.plane import CONVERGED, starts
from lt2f.claims.study import Array, Cells, MissingError, Need, Study
from lt2f.dynamics.codes import Regime

ROOM = Room("convergence")

_RISE = derived("e'/e = 1 - S + mu e + e^2; tests/dynamics/test_identities.py")
_DENSE = 100
_WIDE = 20
_LONG = 2000  # steps after which few runs still converge
_GONE = (Regime.DIVERGENT, Regime.COLLAPSED)
_CENTRE = derived("two steps at mu = 1: e loses e(4 e^2 - 2 q), q = (a - b)^2 loses 4 e^2 q")


def _bounded(study: Study, name: str) -> Iterator[Cells]:
    """Yield the bounded cells at mu < 1, whatever their label, but those that start at a minimum.

    With them come the steps after which they arrived, -1 where they still converge. Labels call
    converged what ends at a stable minimum; among all, another end would be seen.
    """
    for cells in starts(study, name, "steps", transient=_LONG):
        u, v, mu, regime = (cells[key] for key in ("u", "v", "mu", "regime"))
        moves = np.abs(u * u - v * v - mu) > 1e-12
        yield cells.where((mu < 1) & moves & ~np.isin(regime, _GONE))


@ROOM.claim(
    "final_imbalance",
    "for mu < 1 bounded runs end with |a^2 - b^2| <= 2 sqrt(1 - mu^2), at a stable minimum "
    "(largest of the imbalance over this bound)",
    derived("S = hypot(imbalance, 2 mu) <= 2; lt2f/dynamics/theory.py: imbalance_bound"),
)
def _final_imbalance(study: Study) -> Finding:
    largest, count, slow = 0.0, 0, 0
    for cells in _bounded(study, "imbalance_final"):
        mu, last = cells["mu"], np.abs(cells["imbalance_final"])
        largest = max(largest, float((last / (2 * np.sqrt(1 - mu * mu))).max(initial=0.0)))
        count, slow = count + mu.size, slow + int((cells["steps"] < 0).sum())
    return _bound_of(1.0, largest, count, slow)


@ROOM.claim(
    "final_sharpness",
    "for mu < 1 bounded runs end with sharpness at most 2, the edge of stability (largest)",
    derived("a minimum has multipliers 1 and 1 - S; lt2f/dynamics/theory.py: minimum_exponents"),
)
def _final_sharpness(study: Study) -> Finding:
    largest, count, slow = 0.0, 0, 0
    for cells in _bounded(study, "sharpness"):
        largest = max(largest, float(cells["sharpness"].max(initial=0.0)))
        count, slow = count + cells["mu"].size, slow + int((cells["steps"] < 0).sum())
    return _bound_of(2.0, largest, count, slow)


def _bound_of(bound: float, largest: float, count: int, slow: int) -> Finding:
    if not count:
        raise MissingError("needs a sweep over starts, noise none, with bounded cells at mu < 1")
    note = f"{count:,} cells, of which {slow:,} still converge; 1e-4 is allowed for these"
    return forms.at_most(bound, largest, 1e-4, note)


@ROOM.claim(
    "loss_rises",
    "the loss rises at a step iff a^2 + b^2 > 2 + mu e + e^2, e = ab - mu (steps of which that is "
    "not so)",
    _RISE,
)
def _loss_rises(study: Study) -> Finding:
    wrong = count = 0
    mu = np.linspace(0.02, 1.98, 5000)
    paths = list(runs.descend(*runs.inner_starts(mu), mu, 40))
    for (a, b), (a_next, b_next) in pairwise(paths):
        e, after = a * b - mu, a_next * b_next - mu
        clear = (np.abs(e) > 1e-6) & (np.abs(np.abs(after) - np.abs(e)) > 1e-9)  # beyond rounding
        rises = a * a + b * b > 2 + mu * e + e * e
        wrong += int((clear & (rises != (np.abs(after) > np.abs(e)))).sum())
        count += int(clear.sum())
    return forms.none(wrong, count)


@ROOM.claim(
    "monotone_never_exceeds",
    "a run labelled monotone never exceeds its first loss (cells that do)",
    _RISE,
)
def _monotone(study: Study) -> Finding:
    above = count = 0
    for cells in starts(study, "loss_peak_ratio"):
        monotone = cells["regime"] == Regime.MONOTONE
        above += int((monotone & (cells["loss_peak_ratio"] > 1 + 1e-9)).sum())
        count += int(monotone.sum())
    return forms.none(above, count)


@ROOM.claim(
    "catapults_off_balance",
    "off balance there are catapults at every mu < 1 (step sizes without one)",
    _RISE,
)
def _catapults(study: Study) -> Finding:
    wide: Counter[float] = Counter()
    risen: Counter[float] = Counter()
    for cells in starts(study):
        converged = cells.where(np.isin(cells["regime"], CONVERGED) & (cells["mu"] < 1))
        mu, index = np.unique(converged["mu"], return_inverse=True)
        imbalance = np.abs(4 * converged["u"] * converged["v"])
        beyond = imbalance > 2 * np.sqrt(1 - converged["mu"] ** 2)
        rose = converged["regime"] == Regime.CATAPULT
        for count, chosen in ((wide, beyond), (risen, rose)):
            met = np.bincount(index[chosen], minlength=mu.size)
            count.update(dict(zip(mu.tolist(), met.tolist(), strict=True)))
    known = [mu for mu, count in wide.items() if count >= _WIDE]
    note = f"those with {_WIDE} convergent starts off balance by more than 2 sqrt(1 - mu^2)"
    return forms.none(sum(not risen[mu] for mu in known), len(known), note)


@ROOM.claim(
    "monotone_on_slice",
    "on the balanced slice nothing overshoots up to mu = 2 sqrt 2 - 2 (catapults among the starts "
    "in balance)",
    derived("lt2f/dynamics/closed_forms.py: monotone_end"),
)
def _monotone_on_slice(study: Study) -> Finding:
    catapults = count = 0
    for cells in starts(study):
        kept = (np.abs(cells["v"]) < 1e-12) & (cells["mu"] < 2 * math.sqrt(2) - 2)
        kept &= np.isin(cells["regime"], CONVERGED)
        catapults += int((cells["regime"][kept] == Regime.CATAPULT).sum())
        count += int(kept.sum())
    return forms.none(catapults, count)


def _tail(steps: Array, low: float, high: float) -> tuple[float, float]:
    """Fit P(steps > n) ~ n^-k to low < n < high by maximum likelihood; k and its error."""
    from scipy.optimize import brentq

    kept = steps[(steps > low) & (steps < high)]
    mean, width = float(np.log(kept / low).mean()), math.log(high / low)
    k = float(brentq(lambda k: 1 / k - width / math.expm1(k * width) - mean, 1e-3, 50))
    spread = 1 / k**2 - width**2 / (4 * math.sinh(k * width / 2) ** 2)
    return k, 1 / math.sqrt(spread * kept.size)


@ROOM.claim(
    "heavy_tail",
    "over starts, the number of steps to converge has a tail P(steps > n) ~ n^-2 (exponent)",
    derived(
        "next to S = 2, e = 0 the step keeps (2 - S)^2 + 2(1 - mu^2) e^2 to leading order, S that "
        "of the minimum with the same imbalance: starts in an area ~ x^2, and its preimages, end "
        "with 2 - S < x, which takes some 1/x steps but for a logarithm; tests/claims/test_rooms.py"
    )
    + "; that all preimages together have a finite density there is not proved",
)
def _heavy_tail(study: Study) -> Finding:
    need = Need(across=frozenset({"a", "b"}), record=("regime", "steps"))
    tails: dict[float, list[Array]] = {}
    for sweep in study.all(need):
        for cells in sweep.parts("regime", "steps"):
            kept = cells.where(np.isin(cells["regime"], CONVERGED) & (cells["mu"] < 0.95))
            for mu in np.unique(kept["mu"]).tolist():
                tails.setdefault(mu, []).append(kept["steps"][kept["mu"] == mu])
    found = {mu: np.concatenate(parts) for mu, parts in tails.items()}
    # The tail begins where S is nearer to 2 than on most of the valley, and ends with the run.
    ends = {
        mu: (8 * math.log(1e12) / (2 - 2 * mu), 0.8 * float(n.max())) for mu, n in found.items()
    }
    sizes = {mu: int(((n > ends[mu][0]) & (n < ends[mu][1])).sum()) for mu, n in found.items()}
    mu = max(sizes, key=lambda mu: sizes[mu], default=0.0)
    if sizes.get(mu, 0) < _DENSE:
        raise MissingError(
            f"{need.text()}, with {_DENSE} starts or more in the tail at a mu < 0.95"
        )
    k, error = _tail(found[mu], *ends[mu])
    low, high = ends[mu]
    note = f"{sizes[mu]:,} starts at mu = {mu:g} with {low:.0f} < n < {high:.0f}"
    return forms.value(2.0, k, SIGMAS * error, 0.5, note)


# At the edge of stability


def _scaled_residual(a: float, b: float, steps: int = 200_000) -> tuple[float, float]:
    """Mean of |e| sqrt(n) over the last two of n steps at mu = 1, and what it still changes."""
    seen = []
    x, y = a, b
    for n in range(1, steps + 1):
        e = x * y - 1.0
        x, y = x - e * y, y - e * x
        if n in (steps // 2 - 1, steps // 2, steps - 1, steps):
            seen.append(abs(x * y - 1.0) * math.sqrt(n))
    half, whole = (seen[0] + seen[1]) / 2, (seen[2] + seen[3]) / 2
    return whole, 4 * abs(whole - half)  # it tends to its limit no slower than n^(-1/2)


@ROOM.claim(
    "edge_generic",
    "at mu = 1 runs off balance converge like |e| ~ 1/sqrt(2 n) (|e| sqrt n)",
    _CENTRE,
)
def _edge_generic(study: Study) -> Finding:
    value, error = _scaled_residual(1.3, 0.6)
    return forms.value(1 / math.sqrt(2), value, error, 0.02, "200,000 steps from (1.3, 0.6)")


@ROOM.claim(
    "edge_balanced",
    "at mu = 1 balanced runs converge like |e| ~ 1/(2 sqrt n) (|e| sqrt n)",
    derived("two steps of e' = e^3 - e^2 - e make e - 4 e^3 + ..."),
)
def _edge_balanced(study: Study) -> Finding:
    value, error = _scaled_residual(0.7, 0.7)
    return forms.value(0.5, value, error, 0.02, "200,000 steps from (0.7, 0.7)")
