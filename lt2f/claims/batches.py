"""Claims on mini-batches of prompts that are drawn from a finite pool."""

import math
from functools import lru_cache
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, derived, proved
from lt2f.claims.study import Study
from lt2f.dynamics import batch_theory, orbits
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.lanes import SILENCE, Noise
from lt2f.training import transformer
from lt2f.training.prompt_batches import Batches, multipliers
from lt2f.training.prompts import pool
from lt2f.training.transformer import Model, Parameters

ROOM = Room("batches")

_DIMENSION, _CONTEXT, _POOL = 8, 32, 16  # of the prompts of every row that is a run of its own


@lru_cache(maxsize=8)
def multipliers_of(context: int = _CONTEXT, label_noise: float = 0.0) -> Floats:
    """Return the multipliers of the pool of every row that is a run of its own."""
    return multipliers(pool(runs.SEED, _POOL, _DIMENSION, context, label_noise))


def law_of(batches: Batches) -> BatchLaw:
    """Return the law of h and g over batches."""
    values, weight, exact = batches.law(runs.SEED)
    return BatchLaw(values[0], values[1], weight, exact)


def drawn(law: BatchLaw, chance: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Draw h and g of batches from their law, not by the code that makes mini-batches."""
    some = chance.choice(law.h.size, count, p=law.weight)
    return law.h[some], law.g[some]


def _moments(matrix: Floats) -> Floats:
    """Return Var h, Cov(h, g) and Var g."""
    return np.asarray(matrix[[0, 0, 1], [0, 1, 1]])


# The law of batches

for _again in (True, False):
    _words = "with" if _again else "without"

    @ROOM.claim(
        f"variance_{_words}_replacement",
        f"the covariances of h and g over batches of B = 5 of n = {_POOL} prompts, drawn {_words} "
        "replacement, are those of single prompts " + "over B" * _again
        + "times (n - B)/(B (n - 1))" * (not _again) + " (Var h, Cov, Var g, of 2^17 draws)",
        derived("the variance of the mean of a simple random sample"),
    )  # fmt: skip
    def _variance(study: Study, again: bool = _again) -> Finding:
        some, count = Batches(multipliers_of(), 5, again), 1 << 17
        single = np.cov(multipliers_of(), bias=True)
        known = _moments(single) / 5 * (1 if again else (_POOL - 5) / (_POOL - 1))
        h, g = some.sequence(runs.SEED, 0, count) - 1
        squares = np.stack([h * h, h * g, g * g])
        errors = SIGMAS * squares.std(axis=1) / math.sqrt(count)
        places = np.arange(3)
        return forms.worst(known, squares.mean(axis=1), errors, places, 0.05, "moment")


@ROOM.claim(
    "variance_enumerated",
    "the same of all batches of B = 1 ... 4 from n = 6 prompts, with and without replacement, one "
    "by one (largest relative distance)",
    derived("the variance of the mean of a simple random sample"),
)
def _enumerated(study: Study) -> Finding:
    part, worst = multipliers_of()[:, :6], 0.0
    for size in range(1, 5):
        for again in (True, False):
            each = product(range(6), repeat=size) if again else combinations(range(6), size)
            means = part[:, np.array(list(each))].mean(axis=-1)
            known = Batches(part, size, again).covariance()
            worst = max(worst, float(np.abs(np.cov(means, bias=True) / known - 1).max()))
    return forms.at_most(0.0, worst, 1e-12)


@ROOM.claim(
    "whole_pool",
    "a batch of the whole pool is gradient descent without noise, to the bit (residuals that "
    "differ, of 64 steps at 200 step sizes)",
    derived("h = g = 1 exactly, and then r = h e + mu (h - g) rounds as e does"),
)
def _whole(study: Study) -> Finding:
    mu = np.linspace(0.05, 1.95, 200)
    u, v = np.full(mu.size, 0.5), np.full(mu.size, 0.1)
    sequence = Batches(multipliers_of(), _POOL, False).sequence(runs.SEED, 0, 64)
    law = BatchLaw(np.ones(1), np.ones(1), np.ones(1), exact=True)
    loud = Noise("prompts", law, sequence, np.zeros(mu.size))
    one, other = (orbits.residuals(u, v, mu, noise, 0, 64) for noise in (loud, SILENCE))
    return forms.none(int((one != other).sum()), one.size)


@ROOM.claim(
    "descent",
    "steps in a and b by h and g are descent of the scalar transformer on the token arrays of the "
    "batch (largest distance over 40 steps on batches of 4, mu = 0.3)",
    derived("lt2f/training/prompt_batches.py: multipliers; the gradient of the mean loss"),
)
def _descent(study: Study) -> Finding:
    prompts = pool(runs.SEED, _POOL, _DIMENSION, _CONTEXT)
    some, steps, mu = Batches(multipliers_of(), 4, False), 40, 0.3
    c = np.array([p.query @ (p.labels @ p.context) / _CONTEXT for p in prompts])
    whole = float(np.mean(c * [p.target for p in prompts]))
    unit = math.sqrt(mu / abs(whole) * float(np.mean(c * c)))  # a = unit u but for its sign
    a, b, worst = 0.4, 0.7, 0.0
    now = np.array([a * np.sign(whole), b]) / unit
    numbers = some.prompts(runs.SEED, 0, steps)
    for (h, g), batch in zip(some.sequence(runs.SEED, 0, steps).T, numbers, strict=True):
        slopes = np.zeros(2)
        for prompt in (prompts[k] for k in batch):
            seen, by = transformer.predict(Model.SCALAR, prompt, Parameters(*now))
            slopes += (seen - prompt.target) * np.array(by) / batch.size
        now = now - mu / abs(whole) * slopes
        r = h * a * b - mu * g
        a, b = a - r * b, b - r * a
        distance = np.abs(now * unit - [a * np.sign(whole), b])
        worst = max(worst, float(distance.max()))
    return forms.at_most(0.0, worst, 1e-12)


# Near a minimum


class _Runs(NamedTuple):
    """Mean e^2 and drift of log|a^2 - b^2| of each run, and what theory takes to say them."""

    squares: Floats
    rates: Floats
    mu: float
    sharpness: float
    covariance: Floats


@lru_cache(maxsize=1)
def _near_minimum(mu: float = 0.6, lanes: int = 2000, steps: int = 240) -> _Runs:
    """Follow runs at a minimum of sharpness 1.5 on batches of prompts that disagree a little.

    Multipliers are drawn to 1 by a factor of 0.02; the sharpness that returns is that at half time.
    """
    some = Batches(1 + 0.02 * (multipliers_of() - 1), 2, True)
    law, chance = law_of(some), runs.generator()
    imbalance = math.sqrt(1.5**2 - 4 * mu * mu)
    a = np.full(lanes, math.sqrt((1.5 + imbalance) / 2))
    b = np.full(lanes, math.sqrt((1.5 - imbalance) / 2))
    first, squares, middle = np.zeros(lanes), np.zeros(lanes), 0.0
    for step in range(steps):
        if step == 40:  # by then the residual has its stationary law, (1 - S)^40 = 1e-12
            first = np.log(a * a - b * b)
        h, g = drawn(law, chance, lanes)
        e = a * b - mu
        squares += e * e * (step >= 40)
        r = h * e + mu * (h - g)
        a, b = a - r * b, b - r * a
        middle = float(np.mean(a * a + b * b)) if step == (steps + 40) // 2 else middle
    rates = (np.log(a * a - b * b) - first) / (steps - 40)
    return _Runs(squares / (steps - 40), rates, mu, middle, some.covariance())


@ROOM.claim(
    "loss_floor",
    "batches that disagree keep the loss above zero: at a minimum of sharpness S the mean of e^2 "
    "is S mu^2 Var(h - g)/(2 - (1 + Var h) S) (of prompts that disagree little, at mu = 0.6)",
    proved("batch_theory", "residual_variance"),
)
def _floor(study: Study) -> Finding:
    seen = _near_minimum()
    known = batch_theory.residual_variance(seen.mu, seen.sharpness, seen.covariance)
    return _mean(seen.squares, float(known), seen.sharpness)


@ROOM.claim(
    "balances",
    "batches that disagree balance the factors: log|a^2 - b^2| drifts by E log|1 - r^2| = "
    "-2 mu^2 Var(h - g)/(2 - (1 + Var h) S) a step (of the same runs)",
    proved("batch_theory", "balancing_rate"),
)
def _balances(study: Study) -> Finding:
    seen = _near_minimum()
    known = batch_theory.balancing_rate(seen.mu, seen.sharpness, seen.covariance)
    return _mean(seen.rates, float(known), seen.sharpness)


def _mean(values: Floats, known: float, sharpness: float) -> Finding:
    # The next order is e itself against S, and S moves by some 1 % meanwhile.
    error = SIGMAS * float(values.std()) / math.sqrt(values.size) + 0.03 * abs(known)
    note = f"{values.size:,} runs, S = {sharpness:.4g}"
    return forms.value(known, float(values.mean()), error, 0.1 * abs(known), note)
