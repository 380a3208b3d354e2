"""NumPy: all cells of a chunk at once, in place, in chunks that stay in the second-level cache."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

NAME = "NumPy"
SHARE = 1 / 5
CHUNK = 16384

Floats = NDArray[np.float64]


def iterate(a: Floats, b: Floats, mu: Floats, steps: int) -> Floats:
    """a and b after the last step, (2, N)."""
    out = np.array([a, b])
    for part in _parts(mu.size):
        step = _stepper(out[0, part], out[1, part], mu[part])
        for _ in range(steps):
            step()
    return out


def exponents(a: Floats, b: Floats, mu: Floats, transient: int, measure: int) -> Floats:
    """Lyapunov exponents, largest first, (2, N): one tangent vector, and the determinants."""
    a, b = iterate(a, b, mu, transient)
    out = np.empty((2, mu.size))
    for part in _parts(mu.size):
        out[:, part] = _exponents(a[part], b[part], mu[part], measure)
    return out


def orbit(a: Floats, b: Floats, mu: Floats, transient: int, samples: int) -> Floats:
    """Residual ab - mu at each step, (N, samples)."""
    a, b = iterate(a, b, mu, transient)
    out = np.empty((mu.size, samples))
    for part in _parts(mu.size):
        step = _stepper(a[part], b[part], mu[part])
        for t in range(samples):
            out[part, t] = step()
    return out


def periods(a: Floats, b: Floats, mu: Floats, transient: int, longest: int) -> Floats:
    """Steps after which |da| + |db| < 1e-3, 0 for none, (N,)."""
    a, b = iterate(a, b, mu, transient)
    out = np.zeros(mu.size)
    for part in _parts(mu.size):
        first, now, found = (a[part].copy(), b[part].copy()), (a[part], b[part]), out[part]
        step = _stepper(*now, mu[part])
        for period in range(1, longest + 1):
            step()
            apart = np.abs(now[0] - first[0]) + np.abs(now[1] - first[1])
            found[(apart < 1e-3) & (found == 0.0)] = period
    return out


def _parts(size: int) -> Iterator[slice]:
    return (slice(k, k + CHUNK) for k in range(0, size, CHUNK))


def _stepper(a: Floats, b: Floats, mu: Floats) -> Callable[[], Floats]:
    """Return a function that takes a step of a and b in place, and returns the residual before."""
    e, da, db = np.empty_like(a), np.empty_like(a), np.empty_like(a)

    def step() -> Floats:
        np.multiply(a, b, out=e)
        np.subtract(e, mu, out=e)
        np.multiply(e, b, out=da)
        np.multiply(e, a, out=db)
        np.subtract(a, da, out=a)
        np.subtract(b, db, out=b)
        return e

    return step


def _exponents(a: Floats, b: Floats, mu: Floats, steps: int) -> Floats:
    x, y, volume, growth = np.ones_like(a), np.full_like(a, 0.5), np.ones_like(a), np.zeros_like(a)
    contraction, dx, dy, p, q, g = np.zeros_like(a), *(np.empty_like(a) for _ in range(5))
    step = _stepper(a, b, mu)
    for t in range(1, steps + 1):
        # The Jacobian is (p, -g; -g, q) with p = 1 - b^2, q = 1 - a^2 and g = 2ab - mu.
        np.subtract(1.0, np.multiply(b, b, out=p), out=p)
        np.subtract(1.0, np.multiply(a, a, out=q), out=q)
        np.multiply(a, b, out=g)
        np.add(g, g, out=g)
        np.subtract(g, mu, out=g)
        step()
        np.multiply(p, x, out=dx)
        np.multiply(q, y, out=dy)
        np.multiply(p, q, out=p)
        np.subtract(p, np.multiply(g, g, out=q), out=p)
        np.multiply(volume, p, out=volume)
        np.multiply(g, y, out=q)
        np.multiply(g, x, out=g)
        np.subtract(dx, q, out=x)
        np.subtract(dy, g, out=y)
        if t % 16 == 0 or t == steps:
            size = np.hypot(x, y)
            growth += np.log(size)
            contraction += np.log(np.abs(volume))
            x /= size
            y /= size
            volume.fill(1.0)
    return np.stack([growth, contraction - growth]) / steps
