"""Numba, one trajectory at a time, tuned: products fused freely, exponents from one vector."""

import numba
import numpy as np

NAME = "Numba, one at a time, tuned"
SHARE = 1 / 200

jit = numba.njit(fastmath={"contract"}, error_model="numpy")


@jit
def settled(a, b, mu, steps):  # type: ignore[no-untyped-def]
    """a and b of one cell after the last step."""
    for _ in range(steps):
        e = a * b - mu
        a, b = a - e * b, b - e * a
    return a, b


@jit
def iterate(a, b, mu, steps):  # type: ignore[no-untyped-def]
    """a and b after the last step, (2, N)."""
    out = np.empty((2, mu.size))
    for j in range(mu.size):
        out[0, j], out[1, j] = settled(a[j], b[j], mu[j], steps)
    return out


@jit
def exponents(a, b, mu, transient, measure):  # type: ignore[no-untyped-def]
    """Lyapunov exponents, largest first, (2, N): one tangent vector, and the determinants."""
    out = np.empty((2, mu.size))
    for j in range(mu.size):
        m = mu[j]
        u, v = settled(a[j], b[j], m, transient)
        x, y, growth, contraction = 0.6, 0.8, 0.0, 0.0
        for first in range(0, measure, 16):
            volume = 1.0
            for _ in range(first, min(first + 16, measure)):
                e = u * v - m
                p, q, g = 1.0 - v * v, 1.0 - u * u, u * v + e
                x, y = p * x - g * y, q * y - g * x
                volume *= p * q - g * g
                u, v = u - e * v, v - e * u
            size = np.sqrt(x * x + y * y)
            x, y = x / size, y / size
            growth, contraction = growth + np.log(size), contraction + np.log(abs(volume))
        out[0, j], out[1, j] = growth / measure, (contraction - growth) / measure
    return out


@jit
def orbit(a, b, mu, transient, samples):  # type: ignore[no-untyped-def]
    """Residual ab - mu at each step, (N, samples)."""
    out = np.empty((mu.size, samples))
    for j in range(mu.size):
        x, y = settled(a[j], b[j], mu[j], transient)
        for t in range(samples):
            e = x * y - mu[j]
            x, y = x - e * y, y - e * x
            out[j, t] = e
    return out


@jit
def periods(a, b, mu, transient, longest):  # type: ignore[no-untyped-def]
    """Steps after which |da| + |db| < 1e-3, 0 for none, (N,)."""
    out = np.zeros(mu.size)
    for j in range(mu.size):
        x0, y0 = settled(a[j], b[j], mu[j], transient)
        x, y = x0, y0
        for period in range(1, longest + 1):
            x, y = settled(x, y, mu[j], 1)
            if abs(x - x0) + abs(y - y0) < 1e-3:
                out[j] = period
                break
    return out
