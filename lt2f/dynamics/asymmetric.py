"""Kernels for noise that treats the two factors differently: each has a multiplier of its own.

A step is a' = a - h e b, b' = b - k e a with e = ab - mu, h = 1 + s x, k = 1 + s y and independent
x, y of zero mean and unit variance. With m = (h + k)/2 and d = (h - k)/2 it reads

    U' = U (1 - m e) + d e V,   V' = V (1 + m e) - d e U.

The balanced line V = 0 is not invariant any more. Either factor is driven by the other, so its size
is not free and it cannot be lifted (`model.lifting`), and need not be: V stays near s in size. The
minima do not move, so a small residual is carried along as under multiplicative noise.
"""

from lt2f.dynamics.compiler import fma, jit, part, widest_registers, workspace
from lt2f.dynamics.kernels import (
    AMPLITUDE,
    E_LIFT,
    LOCAL_ROWS,
    MU,
    SPAN,
    TRACKED,
    E,
    U,
    V,
    fetch,
    store,
)
from lt2f.dynamics.model import MULTIPLICATIVE, carried, lifting, norm, residual

ROWS = E_LIFT + 1  # of the state, which these kernels work on


@part
def carry_apart(e, p, q, m, d, u, v, mu):  # type: ignore[no-untyped-def]
    """Residual e (1 - m(S - p ab) + d(4UV - q ab)) after a step with p = m e and q = d e.

    That is a'b' - mu, sorted by powers of e: its relative precision is that of e.
    """
    common = fma(m, fma(p, e + mu, -norm(u, v, mu)), 1.0)
    return e * fma(d, fma(-q, e + mu, 4.0 * u * v), common)


@part
def advance_apart(lanes, j, mean, half):  # type: ignore[no-untyped-def]
    """Take one step of a lane, with (x + y)/2 and (x - y)/2; its residual before the step."""
    u, v, mu = lanes[U, j], lanes[V, j], lanes[MU, j]
    e = carried(MULTIPLICATIVE, residual(u, v, mu), lanes[E, j])
    m, d = fma(lanes[AMPLITUDE, j], mean, 1.0), lanes[AMPLITUDE, j] * half
    p, q = m * e, d * e
    lanes[E, j] = carry_apart(e, p, q, m, d, u, v, mu)
    lanes[U, j], lanes[V, j] = fma(q, v, fma(-u, p, u)), fma(-q, u, fma(v, p, v))
    return e


@jit
def iterate(state, steps, start, noise):  # type: ignore[no-untyped-def]
    """Take `steps` steps from step `start` on, with noise of shape (2, steps of the whole run)."""
    widest_registers()
    lanes = workspace(LOCAL_ROWS, TRACKED)
    for first in range(0, state.shape[1], TRACKED):
        fetch(state, first, lanes, ROWS)
        for span in range(0, steps, SPAN):
            for t in range(start + span, start + min(span + SPAN, steps)):
                x, y = noise[0, t], noise[1, t]
                for j in range(TRACKED):
                    advance_apart(lanes, j, 0.5 * (x + y), 0.5 * (x - y))
            for j in range(TRACKED):
                lanes[E, j], lanes[E_LIFT, j] = lifting(lanes[E, j], lanes[E_LIFT, j])
        store(lanes, state, first, ROWS)


@jit
def record(state, start, noise, out):  # type: ignore[no-untyped-def]
    """Write the residual at steps `start`, `start` + 1, ... into `out`, shape (lanes, steps)."""
    widest_registers()
    lanes, page = workspace(LOCAL_ROWS, TRACKED), workspace(SPAN, TRACKED)
    for first in range(0, state.shape[1], TRACKED):
        fetch(state, first, lanes, ROWS)
        for span in range(0, out.shape[1], SPAN):
            length = min(SPAN, out.shape[1] - span)
            for t in range(length):
                x, y = noise[0, start + span + t], noise[1, start + span + t]
                for j in range(TRACKED):
                    page[t, j] = advance_apart(lanes, j, 0.5 * (x + y), 0.5 * (x - y))
            for j in range(TRACKED):
                lanes[E, j], lanes[E_LIFT, j] = lifting(lanes[E, j], lanes[E_LIFT, j])
                samples = out[first + j, span : span + length]
                for t in range(length):
                    samples[t] = page[t, j]
        store(lanes, state, first, ROWS)
