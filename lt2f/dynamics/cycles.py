"""Cycles of the map: found by a near return, refined by Newton's method, judged by multipliers.

A cycle is confirmed only if Newton's method on Phi^p(z) - z converges close to the orbit and both
eigenvalues of the refined cycle's Jacobian are smaller than one in modulus. A near return alone
would also be found on a chaotic orbit, and at every minimum.

All of this holds under any law of the step without noise: `model` is its number, s its strength, q
what it keeps of the weights; r and h are the first two derivatives of its loss.
"""

import math
from collections.abc import Callable

import numpy as np

from lt2f.dynamics.compiler import fma, jit, widest_registers, workspace
from lt2f.dynamics.cycle_means import averages, mean_log
from lt2f.dynamics.kernels import AMPLITUDE, MU, TRACKED, U, V
from lt2f.dynamics.model import NUMBERED, QUIET, derivatives, half_norm, kept, residual

NEAR = 1e-3  # a return this close is worth a Newton iteration
CLOSED = 1e-12  # Newton's last correction: a few hundred roundings
NEGLIGIBLE = 2.0**-60  # a factor this small cannot change the residual by one bit
# A multiplier this close to one is no evidence: where it is one, z and its image agree to rounding
# (1e-16) over some 5e-6 about a neutral point, and multipliers there reach 1 - O((5e-6)^2). A
# doubled cycle has amplitude sqrt((1 - multiplier)/8) or so, hence points closer than SAME are one.
NEUTRAL, SAME = 1e-7, 1e-6
UNSTABLE = -1.0
# What `find` reports of each lane: one row each.
PERIOD, RESIDUAL_PERIOD, FIRST, SECOND, TRANSVERSE, MEAN_S, MEAN_LOSS, MEAN_A, MEAN_B = range(9)
FIRST_ERROR, SECOND_ERROR, TRANSVERSE_ERROR, S_ERROR, LOSS_ERROR, WEIGHT_ERROR = range(9, 15)
ROWS = 15

U_NOW, V_NOW, U_THEN, V_THEN, STEP_SIZE, STRENGTH, FOUND = range(7)


def _make_returns(model: int) -> Callable[..., None]:
    @jit
    def returns(state, max_period, out):  # type: ignore[no-untyped-def]
        """First p <= `max_period` after which each lane is back within NEAR, 0 for none."""
        widest_registers()
        lanes = workspace(7, TRACKED)
        for first in range(0, state.shape[1], TRACKED):
            for j in range(TRACKED):
                lanes[U_NOW, j], lanes[U_THEN, j] = state[U, first + j], state[U, first + j]
                lanes[V_NOW, j], lanes[V_THEN, j] = state[V, first + j], state[V, first + j]
                lanes[STEP_SIZE, j], lanes[FOUND, j] = state[MU, first + j], np.inf
                lanes[STRENGTH, j] = state[AMPLITUDE, first + j]
            for period in range(1, max_period + 1):
                for j in range(TRACKED):
                    u, v, s = lanes[U_NOW, j], lanes[V_NOW, j], lanes[STRENGTH, j]
                    r, _, _ = derivatives(model, residual(u, v, lanes[STEP_SIZE, j]), s)
                    q = kept(model, s)
                    u, v = fma(-u, r, q * u), fma(v, r, q * v)
                    apart = abs(u - lanes[U_THEN, j]) + abs(v - lanes[V_THEN, j])
                    back = float(period) if apart < NEAR else np.inf
                    lanes[U_NOW, j], lanes[V_NOW, j] = u, v
                    lanes[FOUND, j] = min(lanes[FOUND, j], back)
            for j in range(TRACKED):
                found = lanes[FOUND, j]
                out[first + j] = found if found < np.inf else 0.0

    return returns


# One for each law of the step without noise, shape (N,) of what it fills.
RETURNS = {model: _make_returns(model) for model in (QUIET, *NUMBERED)}


@jit
def around(model, u, v, mu, s, period):  # type: ignore[no-untyped-def]
    """End point of `period` steps and the Jacobian of all of them, in U and V."""
    xx, xy, yx, yy, q = 1.0, 0.0, 0.0, 1.0, kept(model, s)
    for _ in range(period):
        r, h, _ = derivatives(model, residual(u, v, mu), s)
        juu, juv, jvv = q - r - 2.0 * h * u * u, 2.0 * h * u * v, q + r - 2.0 * h * v * v
        xx, xy, yx, yy = (
            juu * xx + juv * yx,
            juu * xy + juv * yy,
            juv * xx + jvv * yx,
            juv * xy + jvv * yy,
        )
        u, v = fma(-u, r, q * u), fma(v, r, q * v)
    return u, v, xx, xy, yx, yy


@jit
def refine(model, u, v, mu, s, period):  # type: ignore[no-untyped-def]
    """Newton's method for Phi^period(z) = z from (u, v): converged, and where."""
    u0, v0 = u, v
    for _ in range(24):
        un, vn, xx, xy, yx, yy = around(model, u, v, mu, s, period)
        xx, yy = xx - 1.0, yy - 1.0
        det = xx * yy - xy * yx
        if not abs(det) > 0.0:
            return False, u, v
        fu, fv = un - u, vn - v
        du, dv = (yy * fu - xy * fv) / det, (xx * fv - yx * fu) / det
        u, v = u - du, v - dv
        if not abs(u - u0) + abs(v - v0) < 100.0 * NEAR:
            return False, u, v
        if abs(du) + abs(dv) < CLOSED:
            return True, u, (v if abs(v) > SAME else 0.0)  # balanced to rounding is balanced
    return False, u, v


@jit
def multipliers(xx, xy, yx, yy):  # type: ignore[no-untyped-def]
    """Moduli of the eigenvalues of a 2 x 2 matrix, the larger first."""
    if xy == 0.0 or yx == 0.0:
        return max(abs(xx), abs(yy)), min(abs(xx), abs(yy))
    half, det = (xx + yy) / 2.0, xx * yy - xy * yx
    disc = ((xx - yy) / 2.0) ** 2 + xy * yx  # half^2 - det, without its cancellation
    if disc < 0.0:
        return math.sqrt(det), math.sqrt(det)
    large = abs(half) + math.sqrt(disc)
    # The quotient keeps the small one's relative precision.
    return large, abs(det) / large if large > 0.0 else 0.0


@jit
def separation(model, u, v, mu, s, period, shift):  # type: ignore[no-untyped-def]
    """Largest distance on a cycle between points `shift` steps apart, and that of their (e, S)."""
    un, vn, _, _, _, _ = around(model, u, v, mu, s, shift)
    q, apart, apart_in_residual = kept(model, s), 0.0, 0.0
    for _ in range(period):
        e, en = residual(u, v, mu), residual(un, vn, mu)
        in_norm = 2.0 * abs(half_norm(un, vn) - half_norm(u, v))
        apart = max(apart, abs(un - u) + abs(vn - v))
        apart_in_residual = max(apart_in_residual, abs(en - e) + in_norm)
        r, _, _ = derivatives(model, e, s)
        rn, _, _ = derivatives(model, en, s)
        u, v = fma(-u, r, q * u), fma(v, r, q * v)
        un, vn = fma(-un, rn, q * un), fma(vn, rn, q * vn)
    return apart, apart_in_residual


@jit
def least_periods(model, u, v, mu, s, period):  # type: ignore[no-untyped-def]
    """Least period of (a, b) and of e = ab - mu on a refined cycle.

    Just after a doubling two points can be close at one phase of a long cycle and not at another,
    so the whole cycle is compared. With S the residual fixes its own future; e alone does not.
    """
    of_residual = period
    for shift in range(1, period):
        if period % shift == 0:
            apart, apart_in_residual = separation(model, u, v, mu, s, period, shift)
            if apart_in_residual < SAME:
                of_residual = min(of_residual, shift)
            if apart < SAME:
                return shift, of_residual
    return period, of_residual


@jit
def describe(model, u, v, mu, s, period, report):  # type: ignore[no-untyped-def]
    """Fill one column of `report` from a refined cycle; False if the cycle is not stable."""
    _, _, xx, xy, yx, yy = around(model, u, v, mu, s, period)
    large, small = multipliers(xx, xy, yx, yy)
    if not large < 1.0 - NEUTRAL:
        if v == 0.0 and abs(xx) < 1.0 - NEUTRAL:  # on the balanced line nothing tells of across
            report[PERIOD] = UNSTABLE
        return False
    along, across, off_along, off_across = mean_log(model, u, v, mu, s, period, large)
    off_along = off_along if along > -np.inf else 0.0
    off_across = off_across if across > -np.inf else 0.0
    report[TRANSVERSE], report[TRANSVERSE_ERROR] = across, off_across
    if v != 0.0:  # off the balanced line only the product of Jacobians knows
        along, across = math.log(large) / period, math.log(small) / period
    order = along >= across
    report[FIRST], report[SECOND] = max(along, across), min(along, across)
    report[FIRST_ERROR] = off_along if order else off_across
    report[SECOND_ERROR] = off_across if order else off_along
    means, errors = averages(model, u, v, mu, s, period, large)
    report[MEAN_S], report[MEAN_LOSS], report[MEAN_A], report[MEAN_B] = means
    report[S_ERROR], report[LOSS_ERROR], report[WEIGHT_ERROR] = errors
    return True


@jit
def find(model, u_all, v_all, mu_all, s_all, max_period, report):  # type: ignore[no-untyped-def]
    """Look for a stable cycle at each of N lanes and fill `report`, shape (ROWS, N).

    The period is 0 for none, and UNSTABLE where rounding alone keeps an orbit on one that is none:
    it returns to the last bit, or is on the balanced line while the cycle repels across.
    """
    for j in range(u_all.size):
        u, v, mu, s = u_all[j], v_all[j], mu_all[j], s_all[j]
        u, v = (0.0 if abs(u) < NEGLIGIBLE else u), (0.0 if abs(v) < NEGLIGIBLE else v)
        un, vn, q = u, v, kept(model, s)
        report[PERIOD, j] = 0.0
        for period in range(1, max_period + 1):
            r, _, _ = derivatives(model, residual(un, vn, mu), s)
            un, vn = fma(-un, r, q * un), fma(vn, r, q * vn)
            # A fixed point is a minimum or the origin, never a cycle.
            if period == 1 or not abs(un - u) + abs(vn - v) < NEAR:
                continue
            if un == u and vn == v:
                report[PERIOD, j] = UNSTABLE  # unless it proves stable below
            converged, uc, vc = refine(model, u, v, mu, s, period)
            if not converged:
                continue
            least, of_residual = least_periods(model, uc, vc, mu, s, period)
            if least == period and describe(model, uc, vc, mu, s, period, report[:, j]):
                report[PERIOD, j], report[RESIDUAL_PERIOD, j] = period, of_residual
                break


@jit
def locked(u_all, v_all, mu_all, max_period, out):  # type: ignore[no-untyped-def]
    """Whether each lane of the map itself repeats bit for bit within `max_period` steps, for ever.

    U has to; V no longer matters once it is negligible, which it is on every attracting cycle.
    """
    for j in range(u_all.size):
        u, v, mu = u_all[j], v_all[j], mu_all[j]
        out[j] = False
        for _ in range(max_period if abs(v) < NEGLIGIBLE else 0):
            e = residual(u, 0.0, mu)
            u = fma(-u, e, u)
            if u == u_all[j]:
                out[j] = True
                break
