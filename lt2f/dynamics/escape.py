"""How long noisy runs take to escape, from runs that end before all of them have.

A run is watched from its start until it escapes, converges, or the last step. One that converges
can escape no more; one that does neither is censored at the last step: it escapes later, or never.
Arrays have one entry for each realization along their last axis. Any noise model will do.
"""

import math
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.dynamics.codes import Regime
from lt2f.dynamics.theory import FloatArray

BURN_IN = 32  # steps, in which a start near the origin grows by (1 + mu)^32: 341 at mu = 0.2
_CONVERGED = (Regime.MONOTONE, Regime.CATAPULT)


@dataclass(frozen=True, eq=False, slots=True)
class Watched:
    """When each of (..., R) runs of `length` steps was last at risk, and whether it then escaped.

    A run that collapses leaves at a step that nobody knows: `until` is NaN there.
    """

    until: FloatArray
    escaped: NDArray[np.bool_]
    length: int


class Survival(NamedTuple):
    """Share of runs that have not escaped by each of `step`, with the ends of an interval."""

    step: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray


class Rate(NamedTuple):
    """Escapes per step and run still at risk, the ends of an interval, and how many were seen."""

    rate: FloatArray
    low: FloatArray
    high: FloatArray
    escapes: NDArray[np.int64]


def watched(steps: ArrayLike, regime: ArrayLike, length: int) -> Watched:
    """Read runs of `length` steps as a map sweep records them.

    `steps` is the step at which a run escaped or from which on it has converged, and negative where
    neither was seen: a run that a theorem alone labels is watched to its last step.

    Raises
    ------
    ValueError
        If a run escaped or converged after its last step.
    """
    found, code = np.asarray(steps), np.asarray(regime)
    seen, settled = found >= 0, np.isin(code, _CONVERGED)
    escaped = seen & (code == Regime.DIVERGENT)
    ended = escaped | (seen & settled)
    latest = int(found[ended].max(initial=0))
    if latest > length:
        raise ValueError(f"a run of {length} steps cannot end at step {latest}")
    until = np.where(ended, found, float(length))
    return Watched(np.where(code == Regime.COLLAPSED, np.nan, until), escaped, length)


def survival(runs: Watched, level: float = 0.95) -> Survival:
    """Estimate the share of runs, of shape (R,), that have not escaped by step n.

    Kaplan and Meier's estimate and, of Greenwood's variance, the log-log interval (Kalbfleisch and
    Prentice). A run that has converged or collapsed has not escaped, to the last step. Where the
    share is 1 or 0 the interval is Clopper and Pearson's, for all runs were watched until then.
    """
    from scipy.stats import CensoredData, beta, ecdf

    times = np.where(runs.escaped, runs.until, runs.length)
    data = CensoredData(uncensored=times[runs.escaped], right=times[~runs.escaped])
    found = ecdf(data).sf
    with np.errstate(all="ignore"), warnings.catch_warnings():  # at shares of 0 and 1
        warnings.simplefilter("ignore", RuntimeWarning)
        ends = [
            np.concatenate([[np.nan], end.probabilities])
            for end in found.confidence_interval(level, method="log-log")
        ]
    share = np.concatenate([[1.0], found.probabilities])
    least = float(beta.ppf((1 - level) / 2, times.size, 1))
    low = np.select([share == 1, share == 0], [least, 0.0], ends[0])
    high = np.select([share == 1, share == 0], [1.0, 1 - least], ends[1])
    return Survival(np.concatenate([[0.0], found.quantiles]), share, low, high)


def rate(runs: Watched, burn_in: int = BURN_IN, level: float = 0.95) -> Rate:
    """Estimate a constant rate of escape after a burn-in, over the last axis.

    Of independent runs that escape at each step with probability p, the likelihood is greatest at
    p = escapes / time at risk, both after the burn-in; 1/p is the mean escape time from there on.
    The interval takes the escapes for a Poisson number (Garwood, Biometrika 28 (1936) 437), which
    they are for small p; for others it is too wide. Without escapes it begins at 0, and NaN stands
    where no run is at risk, or some have collapsed.
    """
    from scipy.special import gammaincinv

    time = np.maximum(runs.until - burn_in, 0.0).sum(axis=-1)
    count = (runs.escaped & (runs.until > burn_in)).sum(axis=-1, dtype=np.int64)
    whole = np.where(time > 0, time, np.nan)
    tail = (1 - level) / 2
    low = np.where(count > 0, gammaincinv(np.maximum(count, 1), tail), 0.0)
    high = gammaincinv(count + 1, 1 - tail)
    return Rate(count / whole, low / whole, high / whole, count)


def weibull_shape(runs: Watched, burn_in: int = BURN_IN) -> tuple[float, float]:
    """Fit exp(-(n/scale)^shape) to the times n after a burn-in; the shape and its standard error.

    The shape is 1 where the rate of escape is constant, and less where it falls. The likelihood,
    censored runs included, is greatest where 1/k + mean log n of those that escaped is the mean
    of log n over all with weights n^k; its curvature there is d (1/k^2 + the weighted variance),
    of d escapes. Times are taken half a step early, where their continuous law is rounded up.

    Raises
    ------
    ValueError
        If fewer than two runs escape after the burn-in.
    """
    from scipy.optimize import brentq

    left = runs.until > burn_in
    gone = runs.escaped[left]
    if gone.sum() < 2:
        raise ValueError("the shape takes two escapes after the burn-in")
    log = np.log(runs.until[left] - burn_in - 0.5 * gone)
    mean = log[gone].mean()

    def weighted(shape: float) -> tuple[float, float]:
        weight = np.exp(shape * (log - log.max()))
        middle = float(weight @ log / weight.sum())
        return middle, float(weight @ (log - middle) ** 2 / weight.sum())

    shape = float(brentq(lambda k: weighted(k)[0] - mean - 1 / k, 1e-3, 1e3))
    return shape, 1 / math.sqrt(gone.sum() * (shape**-2 + weighted(shape)[1]))
