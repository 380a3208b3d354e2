"""Orbits themselves: samples of the residual after a transient, and whole trajectories."""

from collections.abc import Iterator

import numpy as np

from lt2f.dynamics import asymmetric, kernels
from lt2f.dynamics.lanes import Floats, Noise, factors, prepare, residual_and_norm

# One kernel for each law of the step: those of `model.LAWS`, then FACTORS.
ITERATE = (*kernels.ITERATE, asymmetric.iterate)
RECORD = (*kernels.RECORD, asymmetric.record)


def residuals(
    u: Floats, v: Floats, mu: Floats, noise: Noise, transient: int, samples: int
) -> Floats:
    """Residual e = ab - mu at `samples` successive steps after `transient` ones, (N, samples).

    NaN from the step on at which an orbit has left the range of double precision.
    """
    return _residuals(_settled(u, v, mu, noise, transient), noise, transient, samples)[: u.size]


def with_imbalances(
    u: Floats, v: Floats, mu: Floats, noise: Noise, transient: int, samples: int
) -> Floats:
    """Residual, and imbalance a^2 - b^2 at the same steps, (2, N, samples); NaN as in `residuals`.

    The residuals are those of `residuals` to the bit.
    """
    state = _settled(u, v, mu, noise, transient)
    out = np.empty((2, u.size, samples))
    out[0] = _residuals(state.copy(), noise, transient, samples)[: u.size]
    with np.errstate(all="ignore"):
        for step in _walk(state, noise, transient, samples):
            x, y = factors(state)
            out[1, :, step] = (4.0 * x * y)[: u.size]
    return _bounded(out)


def trajectory(u: Floats, v: Floats, mu: Floats, noise: Noise, steps: int) -> Floats:
    """Loss e^2/2, sharpness a^2 + b^2 and imbalance a^2 - b^2 at steps 0 ... steps - 1.

    The result has shape (3, N, steps), NaN from where an orbit has left the range of double
    precision.
    """
    state = prepare(u, v, mu, noise)
    out = np.empty((3, u.size, steps))
    with np.errstate(all="ignore"):
        for step in _walk(state, noise, 0, steps):
            (x, y), (e, s) = factors(state), residual_and_norm(state)
            out[:, :, step] = np.stack([e * e / 2.0, s, 4.0 * x * y])[:, : u.size]
    return _bounded(out)


def _settled(u: Floats, v: Floats, mu: Floats, noise: Noise, transient: int) -> Floats:
    state = prepare(u, v, mu, noise)
    ITERATE[noise.index](state, transient, 0, noise.sequence)
    return state


def _residuals(state: Floats, noise: Noise, start: int, samples: int) -> Floats:
    out = np.empty((state.shape[1], samples))
    RECORD[noise.index](state, start, noise.sequence, out)
    return _bounded(out)


def _walk(state: Floats, noise: Noise, start: int, steps: int) -> Iterator[int]:
    """Yield 0 ... steps - 1, and step the state after each."""
    for step in range(steps):
        yield step
        ITERATE[noise.index](state, 1, start + step, noise.sequence)


def _bounded(out: Floats) -> Floats:
    out[~np.isfinite(out)] = np.nan
    return out
