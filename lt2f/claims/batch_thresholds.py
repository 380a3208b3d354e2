"""Claims on where mini-batches of prompts change the outcome: collapse, stability, escape."""

import math
from collections.abc import Iterator

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.batches import drawn, law_of, multipliers_of
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, derived, observed, proved
from lt2f.claims.noise import crossing, draws
from lt2f.claims.study import Cells, MissingError, Need, Study
from lt2f.dynamics import batch_theory, escape
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.codes import Regime
from lt2f.training.prompt_batches import Batches

ROOM = Room("batch_thresholds")

_NEED = Need(
    noise="prompts",
    across=frozenset({"mu", "batch_size", "realization"}),
    record=("regime",),
    near=True,
)


def _growth(law: BatchLaw, mu: float, at_origin: bool) -> tuple[float, float]:
    """Follow balanced runs that begin next to the origin, or to the minimum; their mean rate."""
    chance, steps, lanes = runs.generator(), 60, 1 << 12
    x = np.full(lanes, 1e-30)
    for _ in range(steps):
        h, g = drawn(law, chance, lanes)
        if at_origin:
            x = x - (h * x * x - mu * g) * x
        else:  # prompts that agree; x is the residual, which so keeps its relative precision
            x = x * (1 - h * 2 * (mu + x) + h * h * x * (x + mu))
    logs = np.log(np.abs(x) / 1e-30) / steps
    return float(logs.mean()), float(logs.std() / math.sqrt(lanes))


def _threshold(law: BatchLaw, known: float, at_origin: bool) -> Finding:
    mus = np.linspace(0.97, 1.03, 5) * known
    means, errors = np.array([_growth(law, float(mu), at_origin) for mu in mus]).T
    measured, error = crossing(mus, means, errors)
    # All step sizes see the same draws, so their errors do not average out; the rates bend a little
    error = SIGMAS * error * math.sqrt(mus.size) + 0.001 * known
    return forms.value(known, measured, error, 0.03 * known, "4,096 runs at 5 step sizes")


def _zero(mean: Floats, mus: Floats) -> tuple[float, float]:
    """Return neighbours between which an exponent rises through zero, the first such."""
    k = int(np.flatnonzero((mean[:-1] < 0) & (mean[1:] >= 0))[0])
    return float(mus[k]), float(mus[k + 1])


@ROOM.claim(
    "collapse",
    "where E log|1 + mu g| < 0 the origin attracts balanced runs, and they collapse (threshold on "
    "mu, of single prompts with 4 examples and much noise on their labels)",
    proved("batch_theory", "origin_exponents"),
)
def _collapse(study: Study) -> Finding:
    from scipy.optimize import brentq

    law, mus = law_of(Batches(multipliers_of(4, 2.0), 1, True)), np.linspace(0.2, 0.6, 81)
    ends = _zero(batch_theory.origin_exponents(mus, law)[0][0], mus)
    known = brentq(lambda mu: float(batch_theory.origin_exponents(mu, law)[0][0]), *ends)
    return _threshold(law, float(known), at_origin=True)


@ROOM.claim(
    "almost_sure",
    "prompts that agree on the minimum: a balanced one is almost surely stable iff "
    "E log|1 - 2 mu h| < 0 over batches (threshold on mu, for batches of 4)",
    proved("batch_theory", "almost_sure_exponent"),
)
def _almost_sure(study: Study) -> Finding:
    from scipy.optimize import brentq

    found = Batches(np.repeat(multipliers_of()[:1], 2, axis=0), 4, False)
    law, mus = law_of(found), np.linspace(0.9, 2.0, 111)
    ends = _zero(batch_theory.almost_sure_exponent(2 * mus, law)[0], mus)
    known = brentq(lambda mu: float(batch_theory.almost_sure_exponent(2 * mu, law)[0]), *ends)
    return _threshold(law, float(known), at_origin=False)


@ROOM.claim(
    "final_sharpness",
    "batches that agree on the minimum reach minima up to the sharpness 2/(1 - s^2) at which these "
    "cease to be almost surely stable, and none beyond (largest reached, two-point s = 0.5, "
    "mu = 0.6; mean-square stable are those below 2/(1 + s^2))",
    observed("the threshold is proved; that minima all the way up to it are reached is seen"),
)
def _final_sharpness(study: Study) -> Finding:
    s, mu, lanes, steps = 0.5, 0.6, 3000, 2000
    sharpness = np.linspace(2 * mu, 3.2, lanes)  # of the minima next to which runs begin
    imbalance = np.sqrt(sharpness**2 - 4 * mu * mu)
    a, b = np.sqrt((sharpness + imbalance) / 2), np.sqrt((sharpness - imbalance) / 2)
    e = np.full(lanes, 1e-3)
    with np.errstate(all="ignore"):  # some escape
        for x in draws("two_point", (steps, lanes)):
            h = 1 + s * x
            r = h * e
            e = e * (1 - h * (a * a + b * b - r * a * b))  # carried along, precise however small
            a, b = a - r * b, b - r * a
    reached = (a * a + b * b)[np.abs(e) < 1e-40]
    # At a sharpness 0.03 beyond, log|e| drifts up by 0.029 a step, so by 59 until the end, with a
    # standard deviation of 49; 85 down, to 1e-40, is three of these away.
    largest, share = float(reached.max()), float(np.mean(reached > 2 / (1 + s * s)))
    note = f"{reached.size:,} of {lanes:,} runs converge, {share:.0%} of them beyond 2/(1 + s^2)"
    return forms.value(2 / (1 - s * s), largest, 0.03, 0.05, note)


# Escape


def escaping(mu: float, size: int, lanes: int, steps: int) -> escape.Watched:
    """Follow balanced runs on batches from the pool until they leave."""
    law, chance = law_of(Batches(multipliers_of(), size, False)), runs.generator()
    x, alive = np.full(lanes, 0.3), np.arange(lanes)
    until, escaped = np.full(lanes, float(steps)), np.zeros(lanes, dtype=bool)
    for step in range(1, steps + 1):
        k = chance.integers(0, law.h.size, x.size)  # without replacement all are equally likely
        x = x - (law.h[k] * x * x - mu * law.g[k]) * x
        out = np.abs(x) > 700  # a^2 + b^2 > 1e6, from where no run returns
        until[alive[out]], escaped[alive[out]] = step, True
        x, alive = x[~out], alive[~out]
    return escape.Watched(until, escaped, steps)


@ROOM.claim(
    "escape_is_exponential",
    "after a burn-in runs on batches escape at a constant rate: their times are exponential "
    "(Weibull shape; mu = 0.9, batches of 4)",
    observed("the law of a Markov chain killed at its exit, once it has forgotten its start"),
)
def _exponential(study: Study) -> Finding:
    found = escaping(0.9, 4, 6000, 1000)
    shape, error = escape.weibull_shape(found)
    mean = 1 / float(escape.rate(found).rate)
    note = f"{found.escaped.sum():,} of 6,000 runs escape, after {mean:.3g} steps on average"
    return forms.value(1.0, shape, SIGMAS * error, 0.08, note)


# What a study says


def _by_size(study: Study) -> Iterator[tuple[Cells, int]]:
    """Yield the runs of every sweep over step size, batch size and realization, and its n."""
    for sweep in study.all(_NEED):
        n = int(sweep.noise_settings["pool_size"])
        for cells in sweep.parts("regime"):
            yield cells, n


@ROOM.claim(
    "never_converges",
    "on batches of fewer than all prompts, which disagree, nothing converges (runs that do)",
    derived("e = 0 is left as soon as h mu and g mu differ"),
)
def _never_converges(study: Study) -> Finding:
    wrong = count = 0
    for cells, n in _by_size(study):
        part = cells["batch_size"] < n
        wrong += int((part & np.isin(cells["regime"], (Regime.MONOTONE, Regime.CATAPULT))).sum())
        count += int(part.sum())
    return forms.none(wrong, count)


@ROOM.claim(
    "whole_pool_stays",
    "on batches of the whole pool, drawn without replacement, no run near balance escapes up to "
    "mu = 2 (runs that do)",
    proved("theory", "fate"),
)
def _whole_stays(study: Study) -> Finding:
    wrong = count = 0
    for sweep in study.all(_NEED):
        if sweep.noise_settings.get("replacement", True):
            continue
        for cells in sweep.parts("regime"):
            whole = cells["batch_size"] == sweep.noise_settings["pool_size"]
            part = whole & (cells["mu"] <= 2)
            wrong += int((part & (cells["regime"] == Regime.DIVERGENT)).sum())
            count += int(part.sum())
    if not count:
        raise MissingError(_NEED.text() + ", without replacement, up to the size of the pool")
    return forms.none(wrong, count)


@ROOM.claim(
    "larger_batches_last",
    "larger batches escape at no larger a share of the step sizes (largest excess over the next "
    "smaller size, mean over realizations)",
    observed("the variances of h and g fall with the size of a batch"),
)
def _larger_last(study: Study) -> Finding:
    found = []
    for sweep in study.all(_NEED):
        regime = sweep.dataset["regime"].transpose("batch_size", "realization", "mu", ...).values
        shares = (regime == Regime.DIVERGENT).reshape(*regime.shape[:2], -1).mean(axis=-1)
        excess = np.diff(shares, axis=0)  # realizations are independent, step sizes are not
        errors = SIGMAS * excess.std(axis=1) / math.sqrt(max(excess.shape[1] - 1, 1))
        found += list(zip(excess.mean(axis=1).tolist(), errors.tolist(), strict=True))
    if not found:
        raise MissingError(_NEED.text() + ", of two batch sizes or more")
    mean, error = max(found, key=lambda pair: pair[0] - pair[1])
    return forms.at_most(0.0, mean, error, f"{len(found)} pairs of neighbouring sizes")
