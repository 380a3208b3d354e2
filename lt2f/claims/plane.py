"""Claims on the plane of starts: the Chebyshev ellipse, its inside, and what lies beyond mu = 2.

Labels that a study owes to the theorem of the ellipse prove nothing of it. So what is bounded is
seen in runs of the ledger's own, and the study's labels are held against those of brute force.
"""

from collections.abc import Iterator

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding
from lt2f.claims.ledger import ABSTRACT, Room, derived, observed, proved
from lt2f.claims.study import Cells, MissingError, Need, Study
from lt2f.dynamics import theory
from lt2f.dynamics.codes import DecidedBy, Regime

ROOM = Room("plane")

_ELLIPSE = proved("theory", "ellipse", "fate")
CONVERGED = (Regime.MONOTONE, Regime.CATAPULT)
_MARGIN = 1e-6  # |h| of a start so near the ellipse that rounding may carry its run across
_SAMPLE = 6000  # cells of each sweep that are run again


def starts(study: Study, *names: str, transient: int = 0) -> Iterator[Cells]:
    """Yield the cells of every sweep of starts without noise, and at several step sizes."""
    need = Need(across=frozenset({"mu"}), record=("regime", *names), transient=transient)
    found = [sweep for sweep in study.all(need) if len(sweep.axes) > 1]
    if not found:
        raise MissingError(f"{need.text()}, over starts as well")
    for sweep in found:
        yield from sweep.parts("regime", "decided_by", *names)


def _area(mu: float) -> tuple[float, float]:
    """Count the bounded starts of lattices laid at random; the area, and its standard error."""
    chance, areas = runs.generator(), []
    side, step = 2 * np.sqrt(2 + mu), 2 * np.sqrt(2 + mu) / 64  # |a|, |b| <= (half axis) sqrt 2
    ticks = np.arange(-side / 1.4, side / 1.4, step)
    for _ in range(12):
        a, b = np.meshgrid(ticks + step * chance.random(), ticks + step * chance.random())
        count = runs.bounded(a.ravel(), b.ravel(), np.full(a.size, mu), 200).sum()
        areas.append(float(count) * step * step)
    return float(np.mean(areas)), float(np.std(areas, ddof=1) / np.sqrt(len(areas)))


for _mu in (0.5, 1.0, 1.5):

    @ROOM.claim(
        f"area_{_mu:g}".replace(".", "_"),
        f"area of the bounded starts (a, b), 2 pi sqrt(4 - mu^2), at mu = {_mu:g}",
        proved("theory", "ellipse_area"),
    )
    def _bounded_area(study: Study, mu: float = _mu) -> Finding:
        known = float(theory.ellipse_area(mu))
        area, error = _area(mu)
        note = "12 lattices laid at random, brute force"
        return forms.value(known, area, SIGMAS * error, 0.01 * known, note)


@ROOM.claim(
    "ellipse_separates",
    "for 0 < mu < 2 a run is bounded iff it starts inside the ellipse a^2 + b^2 - mu ab = 4 - mu^2 "
    "(starts of which that is not so)",
    f"{ABSTRACT} (separating forward-invariant regions); bounded or not: {_ELLIPSE}",
)
def _ellipse_separates(study: Study) -> Finding:
    chance = runs.generator()
    mu = 2 * chance.random(50_000)
    a, b = (5.6 * chance.random((2, mu.size)) - 2.8) * np.sqrt((2 + mu) / 4)
    h = runs.ellipse_side(a, b, mu)
    known = np.abs(h) > 0.01 * (4 - mu * mu)  # nearer, a run may take long to leave
    stays = runs.bounded(a, b, mu, 2000)
    wrong = known & (stays != (h < 0))
    return forms.none(int(wrong.sum()), int(known.sum()), "brute force, 2,000 steps")


@ROOM.claim(
    "sides_never_change",
    "the ellipse is invariant: the sign of h = a^2 + b^2 - mu ab - (4 - mu^2) never changes "
    "(starts of which it does)",
    ABSTRACT,
)
def _sides(study: Study) -> Finding:
    mu = np.linspace(0.01, 1.99, 20_000)
    a, b = runs.inner_starts(mu, 1.3)
    h = runs.ellipse_side(a, b, mu)
    changed = np.zeros(mu.size, dtype=bool)
    with np.errstate(all="ignore"):
        for a, b in runs.descend(a, b, mu, 100):  # noqa: B020
            now = runs.ellipse_side(a, b, mu)
            changed |= (np.abs(h) > _MARGIN) & (now * h < 0)
    return forms.none(int(changed.sum()), mu.size, "100 steps from within and without")


@ROOM.claim(
    "labels_are_brute_force",
    "labels that a theorem decides are those of brute force (cells that differ)",
    proved("theory", "fate"),
)
def _labels(study: Study) -> Finding:
    wrong = count = 0
    for cells in starts(study):
        chosen = np.flatnonzero(cells["decided_by"] == DecidedBy.THEOREM)
        # Slow ones, on h = 0 and at mu = 1, would need more steps than a ledger takes.
        chosen = chosen[(np.abs(cells.h[chosen]) > 0.02) & (np.abs(cells["mu"][chosen] - 1) > 0.03)]
        part = cells.where(chosen[:: max(1, chosen.size // _SAMPLE)])
        u, v = part["u"], part["v"]
        again = runs.labelled(u + v, u - v, part["mu"], 2000, 1024)["regime"]
        decided = again != Regime.UNDECIDED
        wrong += int((decided & (again != part["regime"])).sum())
        count += int(decided.sum())
    return forms.none(wrong, count, "a sample of the study, run again without shortcuts", 100)


@ROOM.claim(
    "measured_sides",
    "cells whose label is measured, but for those that collapse to a = b = 0, are divergent iff "
    "they start outside the ellipse, 0 < mu < 2 (cells of which that is not so)",
    _ELLIPSE,
)
def _measured(study: Study) -> Finding:
    wrong = count = 0
    for cells in starts(study):
        mu, by, regime = cells["mu"], cells["decided_by"], cells["regime"]
        # A start that lands on a minimum or on the origin is an exception of area zero.
        kept = np.isin(by, (DecidedBy.MEASUREMENT, DecidedBy.CYCLE)) & (mu < 2)
        kept &= (np.abs(cells.h) > _MARGIN) & (regime != Regime.COLLAPSED)
        wrong += int((kept & ((cells.h > 0) != (regime == Regime.DIVERGENT))).sum())
        count += int(kept.sum())
    return forms.none(wrong, count)


@ROOM.claim(
    "beyond_1",
    "beyond the thresholds training may settle into cycles or bounded chaos, or diverge (outcomes "
    "of starts at mu > 1, but for undecided cells and for those that collapse to a = b = 0, which "
    "start on a + b = 0 or on a preimage of it)",
    ABSTRACT,
)
def _beyond_1(study: Study) -> Finding:
    counts = np.zeros(len(Regime), dtype=np.int64)
    need = Need(across=frozenset({"mu"}), record=("regime",), mu=(1.0, 2.05))
    for sweep in study.all(need):
        for cells in sweep.parts("regime"):
            counts += np.bincount(cells["regime"][cells["mu"] > 1], minlength=len(Regime))
    left = Regime.UNDECIDED, Regime.COLLAPSED
    seen = [code for code in Regime if counts[code] and code not in left]
    outcomes = ", ".join(code.name.lower() for code in seen)
    out = ", ".join(f"{counts[code]:,} {code.name.lower()}" for code in left)
    note = f"{counts.sum():,} cells, of which left out: {out}"
    return forms.words("periodic, chaotic, divergent", outcomes, note)


@ROOM.claim(
    "beyond_2",
    "for mu > 2 almost every start diverges (cells that do not)",
    observed("on the balanced line almost all leave the interval |x| <= sqrt(2 + mu)"),
)
def _beyond_2(study: Study) -> Finding:
    stays = count = 0
    need = Need(across=frozenset({"mu"}), record=("regime",), mu=(1.9, 2.05))
    for sweep in study.all(need):
        for cells in sweep.parts("regime"):
            beyond = cells["mu"] > 2
            stays += int((beyond & (cells["regime"] != Regime.DIVERGENT)).sum())
            count += int(beyond.sum())
    return forms.none(stays, count)


@ROOM.claim(
    "label_of_mu",
    "for 1 < mu < 2 the label of almost every bounded start depends on mu alone (starts whose "
    "label is not that of most)",
    derived("the residual's map has one free critical point, (1 - 2 mu)/3: one attracting cycle"),
)
def _label_of_mu(study: Study) -> Finding:
    steps, each = np.linspace(1.03, 1.97, 48), 16
    mu = np.repeat(steps, each)
    a, b = runs.inner_starts(mu, 0.98)
    outcome = runs.labelled(a, b, mu, 8000, 4096)
    labels = outcome["regime"].reshape(-1, each)
    most = np.median(labels, axis=1, keepdims=True)
    decided = labels != Regime.UNDECIDED
    odd = decided & (labels != most)
    note = f"{each} random starts at each of {steps.size} step sizes, brute force"
    return forms.none(int(odd.sum()), int(decided.sum()), note, 500)


@ROOM.claim(
    "inner_residual",
    "inside the ellipse |ab - mu| <= 2 for ever (largest)",
    derived("h < 0 is S < 4 + mu e, and S >= 2|e + mu|; tests/dynamics/test_theory.py"),
)
def _inner_residual(study: Study) -> Finding:
    mu = np.linspace(0.02, 1.98, 20_000)
    largest = max(
        float(np.abs(a * b - mu).max())
        for a, b in runs.descend(*runs.inner_starts(mu, 0.999), mu, 200)
    )
    return forms.at_most(2.0, largest, 1e-9, "20,000 starts, 200 steps")


@ROOM.claim(
    "lyapunov_function",
    "inside the ellipse |a - b|^mu / |h| never grows, h = a^2 + b^2 - mu ab - (4 - mu^2) (largest "
    "growth of its logarithm in a step)",
    derived("1 + mu e + e^2 >= |1 + e|^mu; tests/dynamics/test_theory.py"),
)
def _lyapunov_function(study: Study) -> Finding:
    mu = np.linspace(0.02, 1.98, 20_000)
    largest, last = -np.inf, np.full(mu.size, np.inf)
    for a, b in runs.descend(*runs.inner_starts(mu, 0.999), mu, 200):
        apart, side = np.abs(a - b), np.abs(runs.ellipse_side(a, b, mu))
        clear = (apart > 1e-6) & (side > _MARGIN)  # elsewhere rounding is all there is
        ones = np.where(clear, apart, 1.0), np.where(clear, side, 1.0)
        now = np.where(clear, mu * np.log(ones[0]) - np.log(ones[1]), np.nan)
        largest = max(largest, float(np.nanmax(now - last, initial=-np.inf)))
        last = now
    note = "20,000 starts, 200 steps; above 0 by rounding, within what is allowed for it"
    return forms.at_most(0.0, largest, 1e-8, note if largest > 0 else "20,000 starts, 200 steps")


@ROOM.claim(
    "edge_step_size",
    "descent on (xz - y)^2/2 from (x, z) is bounded iff its step is less than "
    "8/(S + sqrt(S^2 - 16 y(xz - y))), S = x^2 + z^2 (starts of which that is not so)",
    proved("theory", "edge_step_size"),
)
def _edge_step_size(study: Study) -> Finding:
    chance = runs.generator()
    x, z, y = 4 * chance.random((3, 20_000)) - 2
    edge = theory.edge_step_size(x, z, y)
    # mu < 2 is part of it: at mu = 2 nothing off the line is bounded
    wrong = np.zeros(x.size, dtype=bool)
    clear = edge * np.abs(y) < 1.95
    for factor, stays in ((0.98, True), (1.02, False)):
        step = factor * edge
        p, q = x, z
        with np.errstate(all="ignore"):
            for _ in range(2000):
                r = step * (p * q - y)
                p, q = p - r * q, q - r * p
            wrong |= ((p * p + q * q) * step <= 1e6) != stays
    return forms.none(
        int((clear & wrong).sum()), int(clear.sum()), "2 % to either side, 2,000 steps"
    )
