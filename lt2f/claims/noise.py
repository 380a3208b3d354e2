"""Claims on mini-batches that agree on the minimum: noise in the step size."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Check, Room, derived, observed, proved
from lt2f.claims.study import Cells, MissingError, Need, Study
from lt2f.dynamics import noise_theory
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.noise_theory import Law
from lt2f.training import batches

ROOM = Room("noise")

_STEP = "h = 1 + s xi the multiplier of a step, xi of variance 1"

_CONVERGED = (Regime.MONOTONE, Regime.CATAPULT)
_RATES = frozenset({"mu", "noise", "realization"})
_SHARED = frozenset({"mu", "noise"})
BOUNDED = tuple(code for code in Regime if code != Regime.DIVERGENT)

Holds: TypeAlias = Callable[[Floats, Floats], NDArray[np.bool_]]


def _trials(study: Study, model: str) -> Iterator[Cells]:
    """Yield the noisy runs of every sweep over step size, noise and realization, with weights.

    Where a sweep keeps counts alone, there is an entry for each regime of a cell.
    """
    each = Need(noise=model, law="two_point", across=_RATES, record=("regime",), near=True)
    counted = replace(each, kind="count", across=_SHARED, record=("regime_count",))
    found = [sweep for sweep in study.sweeps if sweep.has(each) or sweep.has(counted)]
    if not found:
        raise MissingError(each.text())
    for sweep in found:
        name = "regime" if sweep.kind == "map" else "regime_count"
        for cells in sweep.parts(name):
            for part in _weighted(cells, name):
                yield part.where(part["noise"] > 0)


def _weighted(cells: Cells, name: str) -> Iterator[Cells]:
    mu, noise, found = cells["mu"], cells["noise"], cells[name]
    if name == "regime":
        ones = np.ones(mu.size, dtype=np.int64)
        yield Cells({"mu": mu, "noise": noise, "regime": found, "runs": ones})
        return
    for code in Regime:
        met = found[:, code] > 0
        runs_ = found[met, code]
        regime = np.full(runs_.size, code)
        yield Cells({"mu": mu[met], "noise": noise[met], "regime": regime, "runs": runs_})


def exceptions(study: Study, model: str, covers: Holds, allowed: tuple[Regime, ...]) -> Finding:
    """Count the runs, of those that a claim covers, whose regime is none that it allows."""
    wrong = count = 0
    for cells in _trials(study, model):
        weights = cells["runs"] * covers(cells["mu"], cells["noise"])
        wrong += int((weights * ~np.isin(cells["regime"], allowed)).sum())
        count += int(weights.sum())
    return forms.none(wrong, count)


def draws(law: Law, shape: tuple[int, int]) -> Floats:
    """Draw numbers of mean 0 and variance 1 by a law, not by the code that makes mini-batches."""
    chance = runs.generator()
    if law == "two_point":
        return np.where(chance.random(shape) < 0.5, -1.0, 1.0)
    return math.sqrt(3) * (2 * chance.random(shape) - 1)


for _law in ("two_point", "uniform", "normal"):

    @ROOM.claim(
        f"draws_{_law}",
        f"{_law.replace('_', '-')} draws have variance 1 (of 2^20, with their mean taken for 0)",
        derived("lt2f/training/batches.py: LAWS"),
    )
    def _variance(study: Study, law: str = _law) -> Finding:
        squares = batches.sequence(runs.SEED, 0, 1 << 20, law) ** 2
        error = SIGMAS * float(squares.std()) / 1024
        return forms.value(1.0, float(squares.mean()), max(error, 1e-12), 0.01)


# Multiplicative noise


def _residual_factor(mu: float, s: float, law: Law, steps: int, lanes: int) -> Floats:
    """Follow balanced runs from a residual of 1e-15, by the exact step of e; |e_n/e_0| of each.

    So small a residual stays in the range where a minimum's stability decides, and carrying e along
    keeps its relative precision.
    """
    e = np.full(lanes, 1e-15)
    for x in draws(law, (steps, lanes)):
        h = 1 + s * x
        sharpness = 2 * (mu + e)
        e = e * (1 - h * sharpness + h * h * e * (e + mu))
    factors: Floats = np.abs(e) / 1e-15
    return factors


def crossing(mus: Floats, rates: Floats, errors: Floats) -> tuple[float, float]:
    """Zero of the line through rates over mu, and its standard error."""
    (slope, constant), covariance = np.polyfit(
        mus - mus.mean(), rates, 1, w=1 / errors, cov="unscaled"
    )
    return float(mus.mean() - constant / slope), float(math.sqrt(covariance[1, 1]) / abs(slope))


def _almost_sure(law: Law, s: float) -> Check:
    def check(study: Study) -> Finding:
        known = noise_theory.almost_sure_threshold(s, law) / 2
        mus, steps, lanes = np.linspace(0.98, 1.02, 7) * known, 60, 1 << 13
        logs = np.log([_residual_factor(mu, s, law, steps, lanes) for mu in mus]) / steps
        errors = logs.std(axis=1) / math.sqrt(lanes)
        measured, error = crossing(mus, logs.mean(axis=1), errors)
        # All step sizes see the same draws, so their errors do not average out.
        error *= math.sqrt(mus.size)
        return forms.value(known, measured, SIGMAS * error, 0.01, f"{lanes:,} runs at 7 step sizes")

    return check


for _law in ("two_point", "uniform"):
    ROOM.claim(
        f"almost_sure_{_law}",
        f"a balanced minimum is almost surely stable iff E log|1 - 2 mu h| < 0, {_STEP} (threshold "
        f"on mu at s = 0.3, {_law.replace('_', '-')} draws"
        + ": 1/(1 - s^2))" * (_law == "two_point")
        + ")" * (_law != "two_point"),
        proved("noise_theory", "almost_sure_threshold"),
    )(_almost_sure("two_point" if _law == "two_point" else "uniform", 0.3))


@ROOM.claim(
    "mean_square",
    f"a balanced minimum is mean-square stable iff mu < 1/(1 + s^2), {_STEP} (threshold on mu at "
    "s = 0.3)",
    proved("noise_theory", "mean_square_threshold"),
)
def _mean_square(study: Study) -> Finding:
    known, lanes = 1 / (1 + 0.3**2), 1 << 16
    mus = np.linspace(0.98, 1.02, 7) * known
    squares = np.array([_residual_factor(mu, 0.3, "uniform", 3, lanes) ** 2 for mu in mus])
    means = squares.mean(axis=1)
    errors = squares.std(axis=1) / means / math.sqrt(lanes)
    measured, error = crossing(mus, np.log(means), errors)
    note = f"{lanes:,} runs of 3 steps at 7 step sizes, uniform draws"
    return forms.value(known, measured, SIGMAS * error * math.sqrt(mus.size), 0.01, note)


@ROOM.claim(
    "converges_below_mean_square",
    "where minima are mean-square stable with room, mu < 0.98/(1 + s^2), and no step can escape, "
    f"mu h_max < 2, every run from near balance converges, {_STEP} and h_max = 1 + s its largest "
    "value (runs that do not)",
    observed("stability of a minimum decides for runs that begin far from it")
    + "; the room of 2 % is one of time: E (1 - 2 mu h)^2 < 1 - 0.078/(1 + s^2) with it, so that "
    "|e| falls to 1e-12 in some 710 (1 + s^2) steps, and without it in ever more",
)
def _converges(study: Study) -> Finding:
    def covers(mu: Floats, s: Floats) -> NDArray[np.bool_]:
        return (mu < 0.98 / (1 + s * s)) & (mu * (1 + s) < 2)

    return exceptions(study, "multiplicative", covers, _CONVERGED)


@ROOM.claim(
    "stays_below_largest_step",
    "no run from near balance escapes while mu h_max <= 2, h_max the largest multiplier of a step, "
    "1 + s for two-point draws: the ellipse of the largest step contains it (runs that do)",
    proved("noise_theory", "multiplicative_escape_is_possible"),
)
def _stays(study: Study) -> Finding:
    return exceptions(study, "multiplicative", lambda mu, s: mu * (1 + s) <= 2, BOUNDED)


@ROOM.claim(
    "escape_begins",
    "runs near balance begin to escape at mu h_max = 2, h_max the largest multiplier of a step, "
    "1 + s for two-point draws (least mu h_max of a run that does)",
    proved("noise_theory", "multiplicative_escape_is_possible"),
)
def _escape_begins(study: Study) -> Finding:
    least, step = math.inf, 0.0
    for cells in _trials(study, "multiplicative"):
        largest = cells["mu"] * (1 + cells["noise"])
        gone = cells["regime"] == Regime.DIVERGENT
        least = min(least, float(largest[gone].min(initial=math.inf)))
        beyond = np.unique(largest[largest > 2])
        step = max(step, float(np.diff(beyond).max(initial=0.0)))
    # Just beyond, escape takes draws that are rare: within some 1 % it has to be seen.
    return forms.value(2.0, least, 0.02 + step, 0.1)
