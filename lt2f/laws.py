"""The laws of mini-batch noise, each in one place: numbers xi of mean 0 and variance 1.

A law turns one random word into one number, by its inverse distribution function, so that a step
always uses one word. It knows the largest |xi|, from which follows where escape is impossible, and
E log|c + w xi|, from which stability does. What is here concerns neither the map nor training, and
both go by it. Laws of the step that draw nothing are those of `lt2f.dynamics.steps`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Words: TypeAlias = NDArray[np.uint64]
Name: TypeAlias = Literal["two_point", "uniform", "normal"]


@dataclass(frozen=True)
class Law:
    """What is asked of a law."""

    numbers: Callable[[Words], Floats]
    """Turn 64-bit words into draws."""
    largest: float
    """Largest |xi| that it attains or comes near."""
    factor: str
    """The same as TeX, which stands before a standard deviation; nothing for 1."""
    mean_log: Callable[[Floats, Floats], Floats]
    """E log|c + w xi| for w >= 0, to some 1e-14; -inf where the mean is."""


# Draws


def midpoints(raw: Words) -> Floats:
    """Midpoints of 2^52 equal parts of (0, 1), exactly: never 0, never 1, symmetric about 1/2."""
    return ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def _normal(raw: Words) -> Floats:
    from scipy.special import ndtri  # here, because most sweeps can do without its import

    return np.asarray(ndtri(midpoints(raw)))


# The mean logarithm


def _two_point_log(c: Floats, w: Floats) -> Floats:
    return (np.log(np.abs(c + w)) + np.log(np.abs(c - w))) / 2


def _uniform_log(c: Floats, w: Floats) -> Floats:
    """Average log|z| over c - w sqrt(3) < z < c + w sqrt(3)."""
    from scipy.special import xlogy  # here, because most sweeps can do without its import

    half = math.sqrt(3.0) * w
    t = np.divide(half, np.abs(c), out=np.full_like(c, np.inf), where=c != 0)
    # Wide: the primitive z log|z| - z. Narrow: its expansion, whose terms do not cancel.
    q = np.where(t < 0.5, np.maximum(t, 1e-200), 0.25)  # the floor is exact: its square is 0
    narrow = np.log(np.abs(c)) + np.arctanh(q) / q - 1 + np.log1p(-q * q) / 2
    low, high = c - half, c + half
    primitive = xlogy(high, np.abs(high)) - xlogy(low, np.abs(low))
    wide = primitive / np.where(half > 0, 2 * half, 1.0) - 1
    return np.where(half == 0, np.log(np.abs(c)), np.where(t < 0.5, narrow, wide))


def _normal_log(c: Floats, w: Floats) -> Floats:
    """Add log w to G(|c|/w) with G(m) = E log|m + xi|.

    G' = E 1/(m + xi) (principal value) is sqrt(2) times Dawson's function of m/sqrt(2), and
    G(0) = -(gamma + log 2)/2. Forty Gauss nodes integrate that entire function to rounding for
    m <= 10; beyond, the asymptotic series -sum (2k-1)!!/(2k m^2k) of log|m + xi| - log m does.
    """
    from scipy.special import dawsn

    m = np.divide(np.abs(c), w, out=np.full_like(c, np.inf), where=w > 0)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = np.minimum(m, 10.0) / math.sqrt(2.0)
    integral = x * (dawsn(x[..., None] * (1 + nodes) / 2) @ weights)
    near = np.log(w) - (np.euler_gamma + math.log(2.0)) / 2 + integral
    term, series = np.ones_like(m), np.zeros_like(m)
    for k in range(1, 21):
        term = term * (2 * k - 1) / np.maximum(m, 10.0) ** 2
        series += term / (2 * k)
    return np.where(m < 10, near, np.log(np.abs(c)) - series)


LAWS: Final[dict[Name, Law]] = {
    "two_point": Law(
        lambda raw: np.where(raw >> np.uint64(63), 1.0, -1.0), 1.0, "", _two_point_log
    ),
    "uniform": Law(
        lambda raw: np.sqrt(3.0) * (2.0 * midpoints(raw) - 1.0),
        math.sqrt(3.0),
        r"\sqrt{3}",
        _uniform_log,
    ),
    "normal": Law(_normal, math.inf, r"\infty", _normal_log),
}
