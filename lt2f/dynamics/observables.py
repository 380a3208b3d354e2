"""From a run and its labels to the variables of a dataset.

Where an orbit rests or repeats, its exponents and averages are those of the minimum, the origin or
the refined cycle, and their errors are rounding; elsewhere they are as measured.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics import batch_theory, cycles, kernels, noise_theory, theory
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.codes import Branch, Regime
from lt2f.dynamics.lanes import Floats, Mask, Noise, factors, residual_and_norm
from lt2f.dynamics.model import TARGET
from lt2f.dynamics.steps.step import CONVERGED
from lt2f.dynamics.survey import LOSS, SHARPNESS, A, B, Schedule, Survey

Outcome = dict[str, NDArray[np.generic]]
Flags = NDArray[np.uint8]

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Labels of N cells, which of them rest at a minimum, and the cycles that were found."""

    regime: Flags
    decided_by: Flags
    converged: Mask
    cycle: Floats  # report of `cycles.find`, shape (ROWS, N)


def reached(state: Floats, noise: Noise) -> tuple[Floats, Floats]:
    """Imbalance delta and product of the minimum that a converged lane approaches.

    Under noise the minima are those of the map itself.
    """
    return noise.step.reached(*factors(state), state[kernels.MU], state[kernels.AMPLITUDE])


def reached_sharpness(state: Floats, noise: Noise) -> Floats:
    """S of the minimum that a converged lane approaches: sqrt(delta^2 + 4 mu^2)."""
    imbalance, product = reached(state, noise)
    return np.hypot(imbalance, 2.0 * product)


def reached_weights(state: Floats, noise: Noise) -> Floats:
    """Weights (a, b), shape (2, N), of the minimum that a converged lane approaches.

    The imbalance and the product mu fix them but for their common sign, which is that of U:
    a + b is never zero where ab = mu > 0.
    """
    u, _ = factors(state)
    return np.sign(u) * np.array(theory.start(*reached(state, noise)))


def minimum_exponent(s: Floats, noise: Noise) -> Floats:
    """Exponent E log|1 - hS| of a minimum of sharpness S under noise, in nats per step."""
    if isinstance(noise.law, BatchLaw):
        return batch_theory.almost_sure_exponent(s, noise.law)[0]
    return noise_theory.almost_sure_exponent(s, noise.amplitude, noise.law)


def origin_exponents(mu: Floats, noise: Noise) -> tuple[Floats, Floats]:
    """Exponents E log|1 + m| and E log|1 - m| of the origin, and their standard errors.

    In nats per step, both of shape (2, N); an error is zero where the law of m is known.
    """
    if isinstance(noise.law, BatchLaw):
        return batch_theory.origin_exponents(mu, noise.law)
    if not noise.is_random:
        exponents = np.log(np.abs(noise.step.origin_multipliers(mu, noise.amplitude)))
    else:
        spread = noise.amplitude if noise.index == TARGET else mu * noise.amplitude
        exponents = np.stack(noise_theory.origin_exponents(mu, spread, noise.law))
    return exponents, np.zeros_like(exponents)


def rest_exponents(mu: Floats, s: Floats, noise: Noise) -> Floats:
    """Exponents of minima of sharpness S along their valley, off it and across, shape (3, N)."""
    if not noise.is_random:
        return np.log(np.abs(noise.step.minimum_multipliers(mu, s, noise.amplitude)))
    return np.stack([np.zeros_like(s), minimum_exponent(s, noise), np.zeros_like(s)])


def observe(
    survey: Survey,
    verdict: Verdict,
    schedule: Schedule,
    noise: Noise,
    start: tuple[Floats, Floats, Floats],
) -> Outcome:
    """Every variable of a map dataset for N cells; `start` is their (U, V, mu)."""
    steps = _steps(survey.state, verdict.converged, schedule, noise)
    return {
        "regime": verdict.regime,
        "decided_by": verdict.decided_by,
        **_periods(verdict),
        **_exponents(survey, verdict, noise),
        **_averages(survey, verdict, steps, noise),
        **_loss(survey.state, verdict.regime, start),
        "steps": steps,
        "branch": _branch(survey.state, verdict.converged),
    }


def _periods(verdict: Verdict) -> Outcome:
    fixed = np.isin(verdict.regime, [Regime.MONOTONE, Regime.CATAPULT])
    periodic = verdict.regime == Regime.PERIODIC
    rows = {"period": cycles.PERIOD, "residual_period": cycles.RESIDUAL_PERIOD}
    return {
        name: np.select([fixed, periodic], [1, verdict.cycle[row]], 0).astype(np.int32)
        for name, row in rows.items()
    }


def _exponents(survey: Survey, verdict: Verdict, noise: Noise) -> Outcome:
    mu, s = survey.state[kernels.MU], reached_sharpness(survey.state, noise)
    nothing = np.full_like(mu, np.nan)
    collapsed = verdict.regime == Regime.COLLAPSED
    at_rest, (at_origin, off_origin) = (
        np.full((3, mu.size), np.nan),
        np.full((2, 2, mu.size), np.nan),
    )
    rests = verdict.converged
    at_rest[:, rests] = rest_exponents(mu[rests], s[rests], noise.of(rests))
    at_origin[:, collapsed], off_origin[:, collapsed] = origin_exponents(
        mu[collapsed], noise.of(collapsed)
    )
    conditions = [
        verdict.regime == Regime.DIVERGENT,
        collapsed,
        verdict.converged,
        verdict.regime == Regime.PERIODIC,
    ]
    first, second, across = (
        np.select(conditions, [nothing, origin, minimum, verdict.cycle[row]], measured)
        for origin, minimum, row, measured in (
            (at_origin[0], at_rest[0], cycles.FIRST, survey.rates[0]),
            (at_origin[1], at_rest[1], cycles.SECOND, survey.rates[1]),
            (at_origin[1], at_rest[2], cycles.TRANSVERSE, survey.rates[2]),
        )
    )
    rounding = EPSILON * np.where(verdict.converged, 1.0 + 1.0 / np.abs(1.0 - s), 1.0)
    off = np.maximum(off_origin, rounding)
    errors = [
        np.select(conditions, [nothing, origin, rounding, verdict.cycle[row]], measured)
        for origin, row, measured in zip(
            (off[0], off[1], off[1]),
            (cycles.FIRST_ERROR, cycles.SECOND_ERROR, cycles.TRANSVERSE_ERROR),
            survey.errors,
            strict=False,
        )
    ]
    swap = second > first  # two that agree within their errors come out in either order
    return {
        "lyapunov": np.where(swap, [second, first], [first, second]).T,
        "lyapunov_error": np.where(swap, errors[1::-1], errors[:2]).T,
        "transverse_lyapunov": across,
        "transverse_lyapunov_error": errors[2],
    }


def _averages(survey: Survey, verdict: Verdict, steps: NDArray[np.int64], noise: Noise) -> Outcome:
    """Sharpness, loss and weights; `steps` are those until the loss settled."""
    u, v = factors(survey.state)
    e, s = residual_and_norm(survey.state)
    at_minimum = verdict.converged
    s = np.where(at_minimum, reached_sharpness(survey.state, noise), s)
    a, b = np.where(at_minimum, reached_weights(survey.state, noise), [u + v, u - v])
    # Each further step may round both factors of the imbalance that tells which minimum it is.
    rounding = EPSILON * np.where(at_minimum, 4.0 + survey.steps - steps, 4.0)
    loss = e * e / 2.0
    # There it still goes to its end, zero if minima fit.
    least = noise.step.rest_residual(survey.state[kernels.AMPLITUDE]) ** 2 / 2.0
    loss_error = np.where(at_minimum, np.abs(loss - least) + rounding * least, rounding * loss)
    each = {
        "sharpness": ((SHARPNESS, cycles.MEAN_S, cycles.S_ERROR), s, rounding * s),
        "loss_mean": ((LOSS, cycles.MEAN_LOSS, cycles.LOSS_ERROR), loss, loss_error),
        "a": ((A, cycles.MEAN_A, cycles.WEIGHT_ERROR), a, rounding * np.abs(a)),
        "b": ((B, cycles.MEAN_B, cycles.WEIGHT_ERROR), b, rounding * np.abs(b)),
    }
    found: Outcome = {}
    for name, (rows, now, error) in each.items():
        found[name], found[f"{name}_error"] = _average(survey, verdict, rows, now, error)
    for end in ("", "_error"):
        pair = [found.pop(f"{name}{end}") for name in "ab"]
        found[f"weights_mean{end}"] = np.stack(pair, axis=-1)
    return found


def _average(
    survey: Survey, verdict: Verdict, rows: tuple[int, int, int], now: Floats, error: Floats
) -> tuple[Floats, Floats]:
    """Choose a mean and its error: where an orbit rests, on a cycle, or as measured.

    `rows` are those of what was measured and, in a report of a cycle, of the mean and its error.
    """
    measured, mean, off = rows
    nothing = np.full_like(now, np.nan)
    conditions = [
        verdict.regime == Regime.DIVERGENT,
        verdict.converged | (verdict.regime == Regime.COLLAPSED),
        verdict.regime == Regime.PERIODIC,
    ]
    return (
        np.select(conditions, [nothing, now, verdict.cycle[mean]], survey.rates[measured]),
        np.select(conditions, [nothing, error, verdict.cycle[off]], survey.errors[measured]),
    )


def _loss(state: Floats, regime: Flags, start: tuple[Floats, Floats, Floats]) -> Outcome:
    u, v = factors(state)
    u0, v0, mu = start
    first = kernels.residuals(u0, v0, mu) ** 2
    # A first loss at rounding is no scale to compare with.
    ratio = np.where(first > CONVERGED, state[kernels.PEAK] / first, np.nan)
    gone = regime == Regime.DIVERGENT
    return {
        "imbalance_final": np.where(gone, np.nan, 4.0 * u * v),
        "loss_peak_ratio": np.where(gone, np.inf, np.maximum(ratio, 1.0)),
    }


def _branch(state: Floats, converged: Mask) -> Flags:
    """Sign of U = (a + b)/2 at a minimum, where U^2 >= mu: near a stable one it never changes."""
    u = factors(state)[0]
    ends = [converged & (u > 0.0), converged & (u < 0.0)]
    return np.select(ends, [Branch.POSITIVE, Branch.NEGATIVE], Branch.NONE).astype(np.uint8)


def _steps(state: Floats, converged: Mask, schedule: Schedule, noise: Noise) -> NDArray[np.int64]:
    found = np.zeros(state.shape[1])
    kernels.MOMENT[noise.index](state, schedule.total, noise.sequence, found)
    has_ended = converged | (state[kernels.ESCAPED] > 0.0)
    return np.where(has_ended, found, -1.0).astype(np.int64)
