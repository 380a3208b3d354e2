"""When runs under weight decay rest, and on which cycles they end: their rungs of the ladder.

No theorem says where a start goes, but what attracts is known (`decay`): the origin, the balanced
minima, and on the balanced line whatever attracts there without decay at mu - kappa. Cycles are
therefore found as ever, at that step size, and held against what decay makes of the direction
across. An attractor off the line would be left undecided, or measured if it is chaotic.
"""

import math

import numpy as np

from lt2f.dynamics import cycles, decay
from lt2f.dynamics.compiler import fma, jit
from lt2f.dynamics.cycle_means import ROUNDING, displacement
from lt2f.dynamics.kernels import AMPLITUDE, CONVERGED, MU, U, V, residuals
from lt2f.dynamics.lanes import Floats, Mask, factors
from lt2f.dynamics.model import residual

# A multiplier below this leaves a point, from which a step takes 1e-12, within 1e-6 of where it
# ends: near enough that the linear map decides.
STABLE = 1.0 - 1e-6
COLLAPSED = 1e-20  # a^2 + b^2 from which the origin, if it attracts, has won


def at_minimum(state: Floats) -> Mask:
    """Which lanes are at rest at a balanced minimum that is linearly stable."""
    mu, kappa = state[MU], state[AMPLITUDE]
    with np.errstate(over="ignore", invalid="ignore"):
        u, v = factors(state)
        e = residuals(u, v, mu)
        step = 2.0 * (((kappa + e) * u) ** 2 + ((kappa - e) * v) ** 2)
        stable = np.abs(decay.minimum_multipliers(mu, kappa)).max(axis=0) < STABLE
        return (step <= CONVERGED) & stable & (2.0 * u * u > mu - kappa) & (mu > kappa)


def at_origin(state: Floats) -> Mask:
    """Which lanes have come to an origin that attracts."""
    with np.errstate(over="ignore", invalid="ignore"):
        u, v = factors(state)
        attracts = np.abs(decay.origin_multipliers(state[MU], state[AMPLITUDE])).max(axis=0) < 1.0
        return attracts & (2.0 * (u * u + v * v) < COLLAPSED)


def on_the_line(state: Floats) -> tuple[Floats, Mask]:
    """State of the shifted map without decay, and which lanes it speaks for: those on the line."""
    u, v = factors(state)
    plain = state.copy()
    plain[U], plain[V] = u, 0.0
    plain[MU] = decay.shifted(state[MU], state[AMPLITUDE])
    return plain, np.abs(v) < cycles.NEGLIGIBLE


@jit
def hold(u_all, nu_all, kappa_all, report):  # type: ignore[no-untyped-def]
    """Turn a report of cycles of the shifted map, shape (ROWS, N), into that under decay.

    Exponents across and losses are others; a cycle that repels across is none.
    """
    for j in range(u_all.size):
        period, nu, kappa = int(report[cycles.PERIOD, j]), nu_all[j], kappa_all[j]
        if period <= 0:
            continue
        _, u, v = cycles.refine(u_all[j], 0.0, nu, period)
        large, _ = _along(u, nu, period)
        off = displacement(u, v, nu, period, large)
        along, across, off_along, off_across, loss, off_loss = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for _ in range(period):
            f = residual(u, 0.0, nu)
            e, g, h = f - kappa, abs(1.0 - f - 2.0 * u * u), abs(1.0 - 2.0 * kappa + f)
            off_g = (6.0 * abs(u) * off + ROUNDING * (1.0 + 3.0 * u * u)) / g
            off_h = (2.0 * abs(u) * off + ROUNDING * (1.0 + u * u)) / h
            along += math.log(g) if off_g < 0.5 else -np.inf
            across += math.log(h) if off_h < 0.5 else -np.inf
            off_along, off_across = off_along + off_g, off_across + off_h
            loss, off_loss = loss + e * e / 2.0, off_loss + abs(e) * (2.0 * abs(u) * off + ROUNDING)
            off = abs(1.0 - f - 2.0 * u * u) * off + ROUNDING * (1.0 + abs(u))
            u = fma(-u, f, u)
        rates = along / period, across / period
        errors = (
            off_along / period if along > -np.inf else 0.0,
            off_across / period if across > -np.inf else 0.0,
        )
        first = 0 if along >= across else 1
        report[cycles.FIRST, j], report[cycles.SECOND, j] = rates[first], rates[1 - first]
        report[cycles.FIRST_ERROR, j] = errors[first]
        report[cycles.SECOND_ERROR, j] = errors[1 - first]
        report[cycles.TRANSVERSE, j], report[cycles.TRANSVERSE_ERROR, j] = rates[1], errors[1]
        report[cycles.MEAN_LOSS, j], report[cycles.LOSS_ERROR, j] = loss / period, off_loss / period
        if not across < -cycles.NEUTRAL:
            report[cycles.PERIOD, j] = cycles.UNSTABLE


@jit
def _along(u, nu, period):  # type: ignore[no-untyped-def]
    """Multiplier along the line of a refined cycle, in modulus, and its end point."""
    product = 1.0
    for _ in range(period):
        f = residual(u, 0.0, nu)
        product *= abs(1.0 - f - 2.0 * u * u)
        u = fma(-u, f, u)
    return product, u
