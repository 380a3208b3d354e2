"""What is known of mini-batches of prompts when the batches are independent draws.

A step is U' = U (1 - r), V' = V (1 + r) with r = h ab - mu g and E h = E g = 1. The law of (h, g)
is that of means over batches from a finite pool: a list of values and their probabilities or,
where there are too many batches to list, a sample of them, whose means have standard errors.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lt2f.dynamics.theory import FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class BatchLaw:
    """Values of h and g, each of shape (K,), and their probabilities, of sum 1.

    Where they are no `exact` list, they are a sample of the law.
    """

    h: FloatArray
    g: FloatArray
    weight: FloatArray
    exact: bool

    def mean(self, values: FloatArray) -> tuple[float, float]:
        """Return the mean of a function of (h, g), given by its values, and its standard error.

        The error is 0 where the law is exact, and NaN where the mean of a sample is infinite.
        """
        with np.errstate(invalid="ignore"):
            error = 0.0 if self.exact else float(np.std(values)) / math.sqrt(values.size)
            return float(self.weight @ values), error


def origin_exponents(mu: ArrayLike, law: BatchLaw) -> tuple[FloatArray, FloatArray]:
    """Return E log|1 + mu g| in U and E log|1 - mu g| in V, and their errors, both (2, ...).

    The origin attracts balanced orbits iff the first is negative, others iff both are.
    """
    m = np.asarray(mu, dtype=np.float64)
    return _mean_logs(law, "g", np.stack([-m, m]))


def almost_sure_exponent(sharpness: ArrayLike, law: BatchLaw) -> tuple[FloatArray, FloatArray]:
    """Return E log|1 - h S| and its error: the rate at which runs near a minimum come together.

    Where all prompts agree on the minimum, it is almost surely stable iff this is negative.
    Elsewhere it is no fixed point, but two runs on the same batches differ, across the valley and
    to first order in how far they and the prompts are from the minimum, by a factor 1 - h S a step.
    """
    return _mean_logs(law, "h", np.asarray(sharpness, dtype=np.float64))


def _mean_logs(
    law: BatchLaw, name: Literal["h", "g"], at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    found = np.array([_mean_log(law, name, x) for x in at.ravel().tolist()])
    means, errors = found.reshape(-1, 2).T
    return means.reshape(at.shape), errors.reshape(at.shape)


@lru_cache(maxsize=2**14)  # realizations share step sizes and laws
def _mean_log(law: BatchLaw, name: Literal["h", "g"], x: float) -> tuple[float, float]:
    """Return E log|1 - h x| or E log|1 - g x| and its error."""
    with np.errstate(divide="ignore"):
        return law.mean(np.log(np.abs(1 - getattr(law, name) * x)))


def mean_square_factor(sharpness: ArrayLike, covariance: ArrayLike) -> FloatArray:
    """Return E (1 - h S)^2 = (1 - S)^2 + S^2 Var h, from the covariance matrix of (h, g)."""
    s, c = np.asarray(sharpness, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    return np.asarray((1 - s) ** 2 + s * s * c[0, 0])


def mean_square_threshold(covariance: ArrayLike) -> float:
    """Return the sharpness 2/(1 + Var h) from which on E (1 - h S)^2 exceeds 1."""
    return float(2 / (1 + np.asarray(covariance)[0, 0]))


def residual_variance(mu: ArrayLike, sharpness: ArrayLike, covariance: ArrayLike) -> FloatArray:
    """Return the stationary variance of e = ab - mu near a minimum; NaN where there is none.

    To first order in e and in the disagreement z = mu (h - g) a step is e' = (1 - h S) e - S z,
    with independent (h, z) at each. As E z = 0, E e = 0 and Var e = S^2 Var z/(1 - E (1 - h S)^2),
    that is S Var z/(2 - (1 + Var h) S).
    """
    s, z = np.asarray(sharpness, dtype=np.float64), disagreement(mu, covariance)
    c = np.asarray(covariance, dtype=np.float64)
    room = 2 - (1 + c[0, 0]) * s
    return np.asarray(s * z / np.where(room > 0, room, np.nan))


def balancing_rate(mu: ArrayLike, sharpness: ArrayLike, covariance: ArrayLike) -> FloatArray:
    """Return E log|1 - r^2| near a minimum to leading order: how fast the imbalance falls.

    An imbalance is multiplied by 1 - r^2 a step, and r = h e + z. With `residual_variance`,
    E r^2 = (1 + Var h) Var e + Var z = 2 Var z/(2 - (1 + Var h) S), and the rate is minus that, in
    nats per step; what is left out is of third order in the disagreement of the prompts.
    """
    s, z = np.asarray(sharpness, dtype=np.float64), disagreement(mu, covariance)
    c = np.asarray(covariance, dtype=np.float64)
    room = 2 - (1 + c[0, 0]) * s
    return np.asarray(-2 * z / np.where(room > 0, room, np.nan))


def disagreement(mu: ArrayLike, covariance: ArrayLike) -> FloatArray:
    """Return the variance of z = mu (h - g), by which a batch disagrees about the minimum."""
    c, m = np.asarray(covariance, dtype=np.float64), np.asarray(mu, dtype=np.float64)
    return np.asarray(m * m * (c[0, 0] - 2 * c[0, 1] + c[1, 1]))
