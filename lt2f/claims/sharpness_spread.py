"""Claims on which minima mini-batches find: how sharp a minimum can stay, and how fast it flattens.

Where batches agree on the minimum runs converge, and the noise decides which minima can be ends;
where they disagree nothing converges, and the imbalance falls for ever.
"""

import math
from typing import NamedTuple

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.batches import drawn, law_of, multipliers_of
from lt2f.claims.ends import AGREE, DISAGREE, SHARP, Ends, bounded_mean, ends
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, observed, proved
from lt2f.claims.noise import draws
from lt2f.claims.study import MissingError, Study, Sweep
from lt2f.dynamics import balancing, noise_theory
from lt2f.training.prompt_batches import Batches

ROOM = Room("sharpness_spread")

_TOLD = 0.9  # of the mean-square edge, up to which the leading order of balancing is told


# Batches that agree


def _patience(noise: float, edge: float, steps: int) -> float:
    """Return how far beyond the edge a run can still be: where log|e| drifts up too little.

    A drift of slope (S - edge) in each step leaves it down there only against four of the standard
    deviations that log|1 - h S| has after so many steps.
    """
    h = np.array([1 - noise, 1 + noise])
    slope = float(np.mean(h / (h * edge - 1)))  # of E log|1 - h S| over S
    spread = float(np.std(np.log(np.abs(1 - h * edge))))
    return SIGMAS * spread / (slope * math.sqrt(steps))


@ROOM.claim(
    "edge",
    "of runs on batches that agree on the minimum, from starts sharper than that, none ends at a "
    "minimum sharper than the almost-sure edge 2/(1 - s^2), two-point draws, s^2 < 1/2 (sharpness "
    "of the run that comes nearest, or furthest beyond)",
    proved("noise_theory", "almost_sure_threshold"),
)
def _edge(study: Study) -> Finding:
    nearest, count = (math.inf, 0.0, 0.0, 0.0), 0
    for found in ends(study, AGREE, "noise"):
        for j, s in enumerate(found.level.tolist()):
            if not 0 < s * s < 0.5:
                continue
            edge = noise_theory.almost_sure_threshold(s, "two_point")
            sharper = found.sharpest > edge
            reached = found.sharpness[sharper, j]
            reached = reached[np.isfinite(reached)]
            if reached.size:
                room, top = _patience(s, edge, found.steps), float(reached.max())
                nearest = min(nearest, ((edge - top) / room, edge, top, room))
                count += reached.size
    if not count:
        raise MissingError(AGREE.text() + SHARP + "er than 2/(1 - s^2) at some noise s > 0")
    note = f"{count:,} runs; the edge of the noise at which one comes nearest is shown"
    return forms.at_most(nearest[1], nearest[2], nearest[3], note)


@ROOM.claim(
    "between_edges",
    "minima between the mean-square edge 2/(1 + s^2) and the almost-sure one are reached: the "
    "latter decides (bounded runs that end there, at most noise with s^2 < 1/2)",
    observed("both edges are proved; that runs end between them is seen"),
)
def _between(study: Study) -> Finding:
    count = total = 0
    for found in ends(study, AGREE, "noise"):
        j, s = _noisiest(found)
        reached = found.sharpness[:, j][np.isfinite(found.sharpness[:, j])]
        low = float(noise_theory.mean_square_threshold(s))
        high = noise_theory.almost_sure_threshold(s, "two_point")
        count += int(((reached > low) & (reached < high)).sum())
        total += reached.size
    return forms.words("some", "some" if count else "none", f"{count:,} of {total:,} runs")


def _noisiest(found: Ends) -> tuple[int, float]:
    some = np.flatnonzero(found.level**2 < 0.5)
    return int(some[-1]), float(found.level[some[-1]])


@ROOM.claim(
    "agreeing_sharpens",
    "noise by batches that agree finds no flatter minima: from starts too sharp for full batches "
    "runs end sharper, on the average over those that are bounded, at the most noise with "
    "s^2 < 1/2 than without any (least mean difference over step sizes, of opposite sign)",
    observed("minima between 2 and 2/(1 - s^2) are ends with noise alone, and attract"),
)
def _sharpens(study: Study) -> Finding:
    gains = []
    for found in ends(study, AGREE, "noise"):
        j, s = _noisiest(found)
        for i, mu in enumerate(found.mu.tolist()):
            silent = found.level == 0
            if s == 0 or not silent.any() or found.sharpest[i] <= 2 or mu >= 1:
                continue
            mean, error = bounded_mean(found.sharpness[i, j] - found.sharpness[i, silent].max())
            gains.append((-mean, error, f"at mu = {mu:g}, s = {s:g}"))
    if not gains:
        raise MissingError(AGREE.text() + SHARP + "er than 2, noise 0 and more")
    return forms.below(0.0, *max(gains, key=lambda gain: gain[0] + gain[1]))


class _Settled(NamedTuple):
    change: Floats
    residual: float
    sharpness: float


def _settle(
    mu: float = 0.4, s: float = 0.4, residual: float = 1e-3, lanes: int = 40_000
) -> _Settled:
    """Follow runs next to a minimum with a^2 - b^2 = 1, until their residuals have died out."""
    total = math.hypot(1.0, 2 * (mu + residual))
    a, b = (np.full(lanes, math.sqrt((total + sign) / 2)) for sign in (1.0, -1.0))
    change = np.zeros(lanes)
    for x in draws("two_point", (120, lanes)):
        r = (1 + s * x) * (a * b - mu)
        change += np.log1p(-r * r)
        a, b = a - r * b, b - r * a
    return _Settled(change, residual, math.hypot(1.0, 2 * mu))


@ROOM.claim(
    "settling",
    "batches that agree stop balancing as they converge: log|a^2 - b^2| changes by "
    "-(1 + Var h) e^2/(S (2 - (1 + Var h) S)) in all, on average, from a residual e (mu = 0.4, "
    "S = 1.28, two-point s = 0.4)",
    proved("balancing", "settling_change"),
)
def _settling(study: Study) -> Finding:
    seen = _settle()
    known = float(balancing.settling_change(seen.residual, seen.sharpness, 0.4**2))
    mean, error = bounded_mean(seen.change)
    bound = 0.005 * abs(known)  # the next order, e itself
    return forms.value(known, mean, error + bound, 0.1 * abs(known), f"{seen.change.size:,} runs")


# Batches that disagree


@ROOM.claim(
    "balancing_exact",
    "a small imbalance falls at E log|1 - r^2| over the stationary law of balanced runs, to all "
    "orders (nats per step, batches of 10 of 16 prompts, mu = 0.5)",
    proved("balancing", "stationary_rate"),
)
def _exact(study: Study) -> Finding:
    mu, lanes, steps, burn = 0.5, 4000, 500, 100
    law, chance = law_of(Batches(multipliers_of(), 10, False)), runs.generator()
    known, error = balancing.stationary_rate(mu, law)
    x, total = np.full(lanes, math.sqrt(mu)), np.zeros(lanes)
    for step in range(burn + steps):
        h, g = drawn(law, chance, lanes)
        r = h * x * x - mu * g
        total += np.log1p(-r * r) * (step >= burn)
        x = x - r * x
    mean, width = bounded_mean(total / steps)
    return forms.value(known, mean, width + error, 0.02 * abs(known), f"{lanes:,} runs")


@ROOM.claim(
    "larger_batches_sharper",
    "from one start, sharp but stable for full batches, larger batches that disagree end at "
    "sharper minima (largest excess of the next smaller size, mean over the realizations that are "
    "bounded in both)",
    observed("the rate at which the imbalance falls goes like 1/B; lt2f/dynamics/balancing.py"),
)
def _larger(study: Study) -> Finding:
    found = []
    for part in ends(study, DISAGREE, "batch_size"):
        excess = -np.diff(part.sharpness[part.sharpest < 2], axis=1)
        found += [bounded_mean(pair) for pair in excess.reshape(-1, excess.shape[-1])]
    found = [pair for pair in found if math.isfinite(pair[1])]
    if not found:
        raise MissingError(DISAGREE.text() + SHARP + " but not sharper than 2, and two sizes")
    mean, error = max(found, key=lambda pair: pair[0] - pair[1])
    return forms.at_most(0.0, mean, error, f"{len(found)} pairs of neighbouring sizes")


@ROOM.claim(
    "flatter_than_full",
    "from such a start batches smaller than the pool, which disagree, end at flatter minima than "
    "full batches do (least mean difference over sizes and step sizes, of opposite sign)",
    observed("full batches stop balancing as they converge, and others never do"),
)
def _flatter(study: Study) -> Finding:
    found = []
    for part in ends(study, DISAGREE, "batch_size"):
        n, again = (part.sweep.noise_settings.get(x, True) for x in ("pool_size", "replacement"))
        full = part.level == n
        if again or not full.any():
            continue
        for i in np.flatnonzero(part.sharpest < 2).tolist():
            whole = part.sharpness[i, full]
            smaller = part.sharpness[i, part.level < n]
            pairs = (bounded_mean((some - whole).ravel()) for some in smaller)
            found += [pair for pair in pairs if math.isfinite(pair[1])]
    if not found:
        raise MissingError(DISAGREE.text() + SHARP + " but not sharper than 2, up to the pool's")
    mean, error = max(found, key=sum)
    return forms.below(0.0, mean, error, f"{len(found)} sizes and step sizes")


def _predicted(part: Ends, i: int, covariance: Floats) -> tuple[float, float]:
    """Return the change of log|a^2 - b^2| to leading order: while e dies out, and from there on."""
    mu = float(part.mu[i])
    first = balancing.settling_change(part.product - mu, part.sharpest[i], covariance[0, 0])
    left = part.start * np.exp(first)
    return float(first), float(balancing.balancing_change(mu, left, float(part.steps), covariance))


@ROOM.claim(
    "balancing_change",
    "from a sharp start the imbalance falls as the leading order says, its minimum below "
    f"{_TOLD} of the mean-square edge 2/(1 + Var h): by -(1 + Var h) e^2/(S (2 - (1 + Var h) S)) "
    "while e dies out, then by the inverse of the steps (F(start) - F(end))/(2 Var z) (mean of "
    "log|a^2 - b^2| at the end less that of the start)",
    proved("balancing", "settling_change", "balancing_change"),
)
def _change(study: Study) -> Finding:
    rows = []
    for part in ends(study, DISAGREE, "batch_size"):
        for j, size in enumerate(part.level.tolist()):
            covariance = _covariance(part.sweep, size)
            told = (1 + covariance[0, 0]) * part.sharpest < 2 * _TOLD
            for i in np.flatnonzero(told & (covariance[0, 0] > 0)).tolist():
                first, then = _predicted(part, i, covariance)
                mean, error = bounded_mean(np.log(part.imbalance[i, j] / part.start))
                # Next orders: that of e, and those of z and of fluctuations of S.
                rows.append((first + then, mean, error + 0.3 * abs(first) + 0.1 * abs(then), size))
    if not rows:
        raise MissingError(DISAGREE.text() + SHARP + f" by less than {2 * _TOLD:g}/(1 + Var h)")
    known, measured, errors, sizes = np.array(rows).T
    return forms.worst(known, measured, errors, sizes, 0.5, "batch_size")


def _covariance(sweep: Sweep, size: float) -> Floats:
    """Return the covariance matrix of (h, g) of batches of a size, from that of single prompts."""
    n, again = sweep.noise_settings["pool_size"], sweep.noise_settings.get("replacement", True)
    left = 1.0 if again else (n - size) / max(n - 1, 1)
    hh, hg, gg = sweep.dataset.attrs["prompt_covariance"]
    return np.array([[hh, hg], [hg, gg]]) * left / size
