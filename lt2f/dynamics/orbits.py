"""Orbits themselves: samples of the residual after a transient, and whole trajectories."""

import numpy as np

from lt2f.dynamics.kernels import ITERATE, RECORD
from lt2f.dynamics.lanes import Floats, Noise, factors, prepare, residual_and_norm


def residuals(
    u: Floats, v: Floats, mu: Floats, noise: Noise, transient: int, samples: int
) -> Floats:
    """Residual e = ab - mu at `samples` successive steps after `transient` ones, (N, samples).

    NaN from the step on at which an orbit has left the range of double precision.
    """
    state = prepare(u, v, mu, noise)
    ITERATE[noise.index](state, transient, 0, noise.sequence)
    out = np.empty((state.shape[1], samples))
    RECORD[noise.index](state, transient, noise.sequence, out)
    out[~np.isfinite(out)] = np.nan
    return out[: u.size]


def trajectory(u: Floats, v: Floats, mu: Floats, noise: Noise, steps: int) -> Floats:
    """Loss e^2/2, sharpness a^2 + b^2 and imbalance a^2 - b^2 at steps 0 ... steps - 1.

    The result has shape (3, N, steps), NaN from where an orbit has left the range of double
    precision.
    """
    state = prepare(u, v, mu, noise)
    out = np.empty((3, u.size, steps))
    with np.errstate(all="ignore"):
        for step in range(steps):
            (x, y), (e, s) = factors(state), residual_and_norm(state)
            out[:, :, step] = np.stack([e * e / 2.0, s, 4.0 * x * y])[:, : u.size]
            ITERATE[noise.index](state, 1, step, noise.sequence)
    out[~np.isfinite(out)] = np.nan
    return out
