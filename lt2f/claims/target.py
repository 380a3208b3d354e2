"""Claims on mini-batches that disagree: noise in the target."""

import math

import numpy as np
from numpy.typing import NDArray

from lt2f.claims import forms
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, derived, proved
from lt2f.claims.noise import BOUNDED, crossing, draws, exceptions
from lt2f.claims.study import Study
from lt2f.dynamics import noise_theory
from lt2f.dynamics.codes import Regime

ROOM = Room("target")

_MOVING = tuple(code for code in Regime if code not in (Regime.MONOTONE, Regime.CATAPULT))


@ROOM.claim(
    "stays",
    "with targets mu + sigma or mu - sigma runs near balance stay while 2((1 + mu + "
    "sigma)/3)^(3/2) <= sqrt(2 + mu - sigma) (runs that escape)",
    proved("noise_theory", "escape_threshold"),
)
def _target_stays(study: Study) -> Finding:
    def covers(mu: Floats, sigma: Floats) -> NDArray[np.bool_]:
        return ~noise_theory.target_escape_is_possible(mu, sigma, "two_point")

    return exceptions(study, "target", covers, BOUNDED)


@ROOM.claim(
    "escapes",
    "with targets mu + sigma or mu - sigma, beyond 1.3 times the sigma of 2((1 + mu + "
    "sigma)/3)^(3/2) = sqrt(2 + mu - sigma), every run escapes in the end (runs that do not)",
    derived("an independent draw repeats any finite order of draws in the end"),
)
def _target_escapes(study: Study) -> Finding:
    def covers(mu: Floats, sigma: Floats) -> NDArray[np.bool_]:
        known = noise_theory.target_escape_threshold(mu, "two_point")
        return (known > 0) & (sigma > 1.3 * known)

    return exceptions(study, "target", covers, (Regime.DIVERGENT,))


@ROOM.claim(
    "never_converges",
    "with noise in the target nothing converges: no point but the origin is fixed (runs that do)",
    derived("e = 0 is left as soon as m differs from mu"),
)
def _target_never_converges(study: Study) -> Finding:
    return exceptions(study, "target", lambda mu, sigma: sigma > 0, _MOVING)


@ROOM.claim(
    "balances",
    "small noise in the target, of standard deviation sigma, balances the factors: log|a^2 - b^2| "
    "drifts by -2 sigma^2/(2 - S) a step, S = a^2 + b^2 at the minimum (times sigma^-2, at mu = "
    "0.6, S = 1.5)",
    derived("E r^2 = sigma^2 + S sigma^2/(2 - S) to second order, and the drift is -E r^2"),
)
def _target_balances(study: Study) -> Finding:
    mu, sigma, sharpness, lanes, steps = 0.6, 0.005, 1.5, 4000, 240
    imbalance = math.sqrt(sharpness**2 - 4 * mu**2)
    a = np.full(lanes, math.sqrt((sharpness + imbalance) / 2))
    b = np.full(lanes, math.sqrt((sharpness - imbalance) / 2))
    first = np.zeros(lanes)
    for step, x in enumerate(draws("two_point", (steps, lanes))):
        if step == 40:  # by then the residual has its stationary law, (1 - S)^40 = 1e-12
            first = np.log(a * a - b * b)
        r = a * b - mu - sigma * x
        a, b = a - r * b, b - r * a
    rates = (np.log(a * a - b * b) - first) / (steps - 40) / sigma**2
    known = -2 / (2 - sharpness)
    # S falls by some 1 % meanwhile, and the next order is sigma^2
    error = SIGMAS * float(rates.std()) / math.sqrt(lanes) + 0.02 * abs(known)
    return forms.value(known, float(rates.mean()), error, 0.5, f"{lanes:,} runs, sigma = {sigma}")


@ROOM.claim(
    "origin_attracts",
    "noise makes the origin attract balanced runs iff E log|1 + m| < 0, m the target of a step, of "
    "mean mu and standard deviation sigma (threshold on sigma at mu = 0.2, two-point draws: "
    "sqrt((1 + mu)^2 - 1))",
    proved("noise_theory", "collapse_exponent"),
)
def _origin(study: Study) -> Finding:
    # Beyond it the logarithm of |(1 + mu)^2 - sigma^2| is negative up to sqrt((1 + mu)^2 + 1).
    known, lanes, steps = math.sqrt(1.2**2 - 1), 1 << 13, 60
    sigmas = np.linspace(0.9, 1.1, 7) * known
    logs = []
    for sigma in sigmas:
        x = np.full(lanes, 1e-20)
        for xi in draws("two_point", (steps, lanes)):
            x = x - (x * x - (0.2 + sigma * xi)) * x
        logs.append(np.log(np.abs(x) / 1e-20) / steps)
    errors = np.std(logs, axis=1) / math.sqrt(lanes)
    measured, error = crossing(sigmas, np.mean(logs, axis=1), errors)
    error *= math.sqrt(sigmas.size)
    # the line through the rates bends: its curvature over the range of sigma
    return forms.value(known, measured, SIGMAS * error + 0.003, 0.02, f"{lanes:,} runs")
