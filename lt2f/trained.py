"""What a transformer did in training, labelled as a cell of the map is, and the map's forecast.

The labels are the model's own: they come from its outputs, from eta times its tangent kernel, which
is eta times the sharpness at a minimum, and from the exponents of its own tangent vectors. The map
takes no part in them. Units alone are the map's (`lt2f.reduction`): e = s eta c (prediction - y).

The ladder, first rung first: escape; collapse to the origin; convergence to a minimum whose eta
times sharpness is below 2, a catapult iff |e| rose at a step by more than rounding; outputs that
return within RETURN, after one period and since the middle of the measured steps, on a run whose
largest exponent over whole periods is negative; a largest exponent more than four standard errors
above zero. Else undecided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt2f import reduction
from lt2f.dynamics import labels, orbits
from lt2f.dynamics.averages import BLOCKS, block_edges, grows
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.dynamics.lanes import SILENCE
from lt2f.dynamics.survey import Schedule
from lt2f.training.prompts import Prompt
from lt2f.training.stability import watch
from lt2f.training.transformer import Model, Parameters, train

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Whole = NDArray[np.int64]
Outcome = dict[str, NDArray[Any]]

ESCAPE = 1e6  # eta times tangent kernel of a run that has escaped: a^2 + b^2 of the map
ORIGIN = 1e-20  # the same where a run has collapsed
CONVERGED = 1e-24  # e^2 of a run that has converged
STABLE = 2.0 - 1e-9  # eta times sharpness of a minimum that attracts, by more than rounding
ROUNDING = 1e-11  # of e; a rise below it is none
RETURN = 1e-9  # how closely outputs of a cycle come back
ALIGN = 256  # last transient steps, in which tangent vectors find their directions
COMPARED = 64  # first steps, over which outputs are compared with the map's
ITERATES = 240  # last ones of a run; whole periods of any cycle whose period divides this


@dataclass(frozen=True, slots=True)
class Lengths:
    """Steps discarded and measured, the longest period looked for, and outputs kept."""

    transient: int
    measure: int
    max_period: int = 64
    samples: int = 1

    @property
    def total(self) -> int:
        """Steps of the whole run."""
        return self.transient + self.measure


@dataclass(frozen=True)
class Seen:
    """What was seen of N trainings, in the map's units.

    `e` and `s`, shape (steps + 1, N), are outputs and eta times tangent kernel, `growth`, shape
    (measure, 2, N), that of tangent vectors in the measured steps; `iterates` are the last ones.
    """

    e: Floats
    s: Floats
    growth: Floats
    iterates: Parameters


def see(
    model: Model, prompt: Prompt, parameters: Parameters, step_size: Floats, lengths: Lengths
) -> Seen:
    """Train from N starts, with N step sizes."""
    settled = lengths.transient - min(ALIGN, lengths.transient)
    rest, keep = lengths.total - settled, max(ITERATES, 2 * lengths.max_period)
    early = train(model, prompt, parameters, step_size, settled, max(settled, 1))
    late = watch(model, prompt, early.final, step_size, rest, min(keep, lengths.measure))
    outputs = np.concatenate([early.predictions[:-1], late.run.predictions])
    kernel = np.concatenate([early.tangent_kernel[:-1], late.run.tangent_kernel])
    with np.errstate(over="ignore"):
        e = reduction.residual_unit(model, prompt, parameters, step_size) * (
            outputs - prompt.target
        )
        s = step_size * kernel
    return Seen(e, s, late.growth[lengths.transient - settled :], late.run.parameters)


def explore(
    model: Model, prompt: Prompt, parameters: Parameters, step_size: Floats, lengths: Lengths
) -> tuple[Outcome, Parameters]:
    """Train from N starts and label each run; and the last iterates of the runs.

    The result maps the name of each variable to an array of shape (N,); exponents have shape
    (N, 2), largest first, in nats per step, and outputs (N, samples).
    """
    seen = see(model, prompt, parameters, step_size, lengths)
    with np.errstate(all="ignore"):  # runs that escaped are inf or NaN by now
        outcome = judge(seen, step_size * reduction.unit_mu(model, prompt, parameters), lengths)
        last = Parameters(*(part[-1] for part in seen.iterates))
        gone = outcome["regime"] == Regime.DIVERGENT
        a, b = np.full((2, step_size.size), np.nan)
        if not gone.all():
            some = Parameters(*(part[~gone] for part in last))
            a[~gone], b[~gone], _ = reduction.reduce(
                model, prompt, some, step_size[~gone], nearest=True
            )
        outcome["imbalance_final"] = a * a - b * b
    return outcome, seen.iterates


def judge(seen: Seen, mu: Floats, lengths: Lengths) -> Outcome:
    """Label N trainings, and average what they did."""
    e, s = seen.e, seen.s
    escaped = np.asarray(~(s <= ESCAPE).all(axis=0))
    collapsed = ~escaped & (s[-1] < ORIGIN)
    still = ~escaped & ~collapsed & (e[-1] ** 2 <= CONVERGED)
    converged = still & (s[-1] < STABLE)
    rose = (np.abs(e[1:]) > np.abs(e[:-1]) + ROUNDING).any(axis=0)
    rest = ~(escaped | collapsed | still)
    returns = np.where(rest, _return(e, lengths), 0)
    rates, errors = _averages(seen.growth, np.where(converged, 1, returns))
    cycle = (returns > 0) & (rates[0] < 0.0)
    # Beyond mu = 2 almost every run escapes, if after a long time: none is chaotic for ever.
    chaotic = rest & (returns == 0) & (mu <= 2.0) & grows(rates[0], errors[0], lengths.measure)
    rungs = {
        Regime.DIVERGENT: escaped,
        Regime.COLLAPSED: collapsed,
        Regime.CATAPULT: converged & rose,
        Regime.MONOTONE: converged,
        Regime.PERIODIC: cycle,
        Regime.CHAOTIC: chaotic,
    }
    regime = np.select(list(rungs.values()), list(rungs), Regime.UNDECIDED).astype(np.uint8)
    period = np.where(converged, 1, np.where(cycle, returns, 0))
    return {
        "regime": regime,
        "decided_by": _decided_by(regime),
        "period": _weight_period(seen.iterates, period),
        "residual_period": period.astype(np.int32),
        **_exponents(rates, errors, escaped),
        **_measured(seen, period, escaped, lengths),
        "steps": _steps(e, s, converged, escaped),
        "residual": e[lengths.transient :][: lengths.samples].T,
    }


def _decided_by(regime: NDArray[np.uint8]) -> NDArray[np.uint8]:
    conditions = [regime == Regime.UNDECIDED, regime == Regime.PERIODIC]
    codes = [DecidedBy.NONE, DecidedBy.CYCLE]
    return np.select(conditions, codes, DecidedBy.MEASUREMENT).astype(np.uint8)


def _return(e: Floats, lengths: Lengths) -> Whole:
    """Least period with which the last outputs come back, for as long again; 0 for none.

    They must have been there since the middle of the measured steps: next to a doubling the shorter
    cycle is approached from both sides in turn, and its double seems to return.
    """
    window, half = lengths.max_period, lengths.measure // 2
    period = np.zeros(e.shape[1], dtype=np.int64)
    for p in range(window, 0, -1):
        back = np.ones(e.shape[1], dtype=bool)
        for since in (p, max(min(half, len(e) - window) // p, 1) * p):
            back &= np.abs(e[-window:] - e[len(e) - window - since : -since]).max(axis=0) <= RETURN
        period[back] = p
    return period


def _weight_period(iterates: Parameters, period: Whole) -> NDArray[np.int32]:
    """Period of the parameters: that of the outputs, or twice it where they return negated."""
    found = np.zeros(period.size, dtype=np.int32)
    for p in np.unique(period[period > 0]):
        here = period == p
        for times in (2, 1):
            off = size = np.zeros(int(here.sum()))
            for part in iterates:
                now, before = (part[k][here].reshape(off.size, -1) for k in (-1, -1 - times * p))
                off, size = off + ((now - before) ** 2).sum(1), size + (now**2).sum(1)
            # Parameters return as closely as outputs do, but for what these do not see.
            found[np.flatnonzero(here)[off <= 1e-10 * size]] = times * p
    return found


def _averages(values: Floats, period: Whole) -> tuple[Floats, Floats]:
    """Means over the measured steps, first axis, and their standard errors.

    On a cycle over whole periods in the second half, with the change since a quarter as error.
    """
    edges = block_edges(len(values))
    blocks = np.add.reduceat(values, edges[:-1]) / np.diff(edges).reshape(
        (-1,) + (1,) * (values.ndim - 1)
    )
    mean, error = values.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(BLOCKS)
    for p in np.unique(period[period > 0]):
        here = period == p
        half, quarter = (
            values[len(values) - max(len(values) // part // p, 1) * p :][..., here].mean(axis=0)
            for part in (2, 4)
        )
        mean[..., here] = half
        error[..., here] = np.abs(half - quarter) + np.finfo(float).eps * np.abs(half)
    return mean, error


def _exponents(rates: Floats, errors: Floats, escaped: Bools) -> Outcome:
    order = np.argsort(-rates, axis=0)
    pair = np.where(escaped, np.nan, np.take_along_axis(rates, order, 0))
    error = np.where(escaped, np.nan, np.take_along_axis(errors, order, 0))
    return {"lyapunov": pair.T, "lyapunov_error": error.T}


def _measured(seen: Seen, period: Whole, escaped: Bools, lengths: Lengths) -> Outcome:
    """Averages of sharpness and loss, and the largest loss over the first."""
    window, found = slice(lengths.transient, lengths.total), {}
    for name, values in (("sharpness", seen.s[window]), ("loss_mean", seen.e[window] ** 2 / 2)):
        mean, error = _averages(values, period)
        found[name] = np.where(escaped, np.nan, mean)
        found[f"{name}_error"] = np.where(escaped, np.nan, error)
    first = seen.e[0] ** 2
    ratio = np.where(first > CONVERGED, (seen.e**2).max(axis=0) / first, np.nan)
    found["loss_peak_ratio"] = np.where(escaped, np.inf, ratio)
    return found


def _steps(e: Floats, s: Floats, converged: Bools, escaped: Bools) -> Whole:
    """First step from which the loss stays converged, or at which a run has escaped."""
    moving = ~(e**2 <= CONVERGED)
    settled = len(e) - np.argmax(moving[::-1], axis=0)
    settled = np.where(moving.any(axis=0), settled, 0)
    gone = np.argmax(~(s <= ESCAPE), axis=0)
    steps = np.select([converged, escaped], [settled, gone], -1)
    return np.asarray(steps, dtype=np.int64)


def forecast(
    model: Model,
    prompt: Prompt,
    parameters: Parameters,
    step_size: Floats,
    lengths: Lengths,
    shortcuts: bool = True,
) -> Mapping[str, NDArray[Any]]:
    """Return what the map says of the same N trainings, by its own labels and kernels.

    `residual` has shape (N, samples); `first`, shape (N, COMPARED + 1), holds the first outputs.
    Where the full model leaves the map it is that of the nearest two-factor block.
    """
    a, b, mu = reduction.reduce(model, prompt, parameters, step_size, nearest=True)
    u, v = (a + b) / 2, (a - b) / 2
    schedule = Schedule(lengths.transient, lengths.measure, lengths.max_period, shortcuts=shortcuts)
    found = labels.explore(u, v, mu, schedule)
    found["mu"] = mu
    found["residual"] = orbits.residuals(u, v, mu, SILENCE, lengths.transient, lengths.samples)
    found["first"] = orbits.residuals(u, v, mu, SILENCE, 0, COMPARED + 1)
    return found


def compare(
    model: Model,
    prompt: Prompt,
    parameters: Parameters,
    step_size: Floats,
    lengths: Lengths,
    shortcuts: bool = True,
) -> tuple[Outcome, Parameters]:
    """Do what `explore` does, and set the map's forecast beside it as ``map_...``."""
    outcome, iterates = explore(model, prompt, parameters, step_size, lengths)
    known = forecast(model, prompt, parameters, step_size, lengths, shortcuts)
    early = train(model, prompt, parameters, step_size, COMPARED)
    unit = reduction.residual_unit(model, prompt, parameters, step_size)
    with np.errstate(all="ignore"):
        off = np.abs(unit * (early.predictions - prompt.target) - known["first"].T).max(axis=0)
        bounded = (step_size * early.tangent_kernel <= ESCAPE).all(axis=0)
    outcome["effective_step_size"] = known["mu"]
    outcome["residual_error"] = np.where(bounded, off, np.nan)
    if model == Model.FULL:
        outcome["departure"] = reduction.block(prompt, parameters).departure
    for name in ("regime", "residual_period", "lyapunov", "lyapunov_error", "residual"):
        outcome[f"map_{name}"] = known[name]
    return outcome, iterates
