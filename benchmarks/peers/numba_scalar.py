"""Numba, one trajectory at a time, as one would write it down."""

import numba
import numpy as np
from numpy.typing import NDArray

NAME = "Numba, one at a time"
SHARE = 1 / 200

Floats = NDArray[np.float64]


@numba.njit
def step(a, b, mu):  # type: ignore[no-untyped-def]
    """One step of the map."""
    e = a * b - mu
    return a - e * b, b - e * a


@numba.njit
def iterate(a, b, mu, steps):  # type: ignore[no-untyped-def]
    """a and b after the last step, (2, N)."""
    out = np.empty((2, mu.size))
    for j in range(mu.size):
        x, y = a[j], b[j]
        for _ in range(steps):
            x, y = step(x, y, mu[j])
        out[0, j], out[1, j] = x, y
    return out


@numba.njit
def exponents(a, b, mu, transient, measure):  # type: ignore[no-untyped-def]
    """Lyapunov exponents, largest first, (2, N): two vectors, made orthogonal at every step."""
    out = np.empty((2, mu.size))
    for j in range(mu.size):
        x, y = a[j], b[j]
        for _ in range(transient):
            x, y = step(x, y, mu[j])
        p, q, first, second = 0.6, 0.8, 0.0, 0.0
        for _ in range(measure):
            g = 2.0 * x * y - mu[j]
            aa, bb = 1.0 - y * y, 1.0 - x * x
            r, s = aa * p - g * q, bb * q - g * p
            u, v = -aa * q - g * p, bb * p + g * q
            size = np.sqrt(r * r + s * s)
            p, q = r / size, s / size
            along = u * p + v * q
            u, v = u - along * p, v - along * q
            first, second = first + np.log(size), second + np.log(np.sqrt(u * u + v * v))
            x, y = step(x, y, mu[j])
        out[0, j], out[1, j] = first / measure, second / measure
    return out


@numba.njit
def orbit(a, b, mu, transient, samples):  # type: ignore[no-untyped-def]
    """Residual ab - mu at each step, (N, samples)."""
    out = np.empty((mu.size, samples))
    for j in range(mu.size):
        x, y = a[j], b[j]
        for _ in range(transient):
            x, y = step(x, y, mu[j])
        for t in range(samples):
            out[j, t] = x * y - mu[j]
            x, y = step(x, y, mu[j])
    return out


@numba.njit
def periods(a, b, mu, transient, longest):  # type: ignore[no-untyped-def]
    """Steps after which |da| + |db| < 1e-3, 0 for none, (N,)."""
    out = np.zeros(mu.size)
    for j in range(mu.size):
        x, y = a[j], b[j]
        for _ in range(transient):
            x, y = step(x, y, mu[j])
        x0, y0 = x, y
        for period in range(1, longest + 1):
            x, y = step(x, y, mu[j])
            if abs(x - x0) + abs(y - y0) < 1e-3:
                out[j] = period
                break
    return out
