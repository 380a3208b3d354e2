"""Claims on the model itself: the unreduced transformer, trained on tokens, beside the map."""

import math
from collections.abc import Iterator

import numpy as np

from lt2f import reduction, trained
from lt2f.claims import forms, runs, settling
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import ABSTRACT, Room, derived, observed
from lt2f.claims.study import Array, MissingError, Study
from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.training.prompts import Prompt, gaussian_prompt
from lt2f.training.transformer import Model, Parameters, train

ROOM = Room("transformer")

_REDUCTION = "lt2f/reduction.py; tests/test_reduction.py"
_EXACT = ("scalar", "matrix")


def cells(study: Study, *names: str) -> dict[str, Array]:
    """Return variables and starts of every training of a model that follows the map.

    Raises
    ------
    MissingError
        If there is no such sweep.
    """
    found = [sweep for sweep in study.sweeps if sweep.model in _EXACT]
    if not found:
        raise MissingError("needs a sweep of kind transformer, transformer.model scalar or matrix")
    parts = [sweep.cells(*names) for sweep in found]
    return {name: np.concatenate([part[name] for part in parts]) for name in (*names, "u", "v")}


def prompts(count: int) -> Iterator[Prompt]:
    """Yield the prompts of this room's own trainings."""
    law = settling.DIMENSION, settling.CONTEXT, settling.LABEL_NOISE
    return (gaussian_prompt(settling.SEED, k, *law) for k in range(count))


def placed(
    model: Model, prompt: Prompt, a: Floats, b: Floats, mu: float
) -> tuple[Parameters, Floats]:
    """Return parameters and step sizes of trainings that start as the map does from (a, b)."""
    unit = reduction.unit_mu(model, prompt, reduction.start(model, prompt, 1.0, 1.0, 1.0))
    eta = np.full(a.size, mu / float(unit))
    return reduction.start(model, prompt, a, b, eta), eta


@ROOM.claim(
    "cells",
    "with large steps the transformer does what the two-factor map does: monotone and catapult "
    "convergence, periods, chaos, divergence (trainings whose own label is another)",
    f"{ABSTRACT}; that it holds step by step: {derived(_REDUCTION)}",
)
def _cells(study: Study) -> Finding:
    names = "regime", "map_regime", "residual_period", "map_residual_period", "effective_step_size"
    found = cells(study, *names)
    decided = (found["regime"] != Regime.UNDECIDED) & (found["map_regime"] != Regime.UNDECIDED)
    differ = found["regime"] != found["map_regime"]
    differ |= found["residual_period"] != found["map_residual_period"]
    differ &= decided
    loose = int(_hang_on_rounding({name: values[differ] for name, values in found.items()}).sum())
    regimes = np.unique(found["regime"][decided]).size
    note = f"{int((~decided).sum())} of {decided.size} undecided, {regimes} regimes seen"
    if loose:
        note += f"; {loose} with labels that the map too has from starts within 1e-12"
    return forms.none(int(differ.sum()) - loose, int(decided.sum()) - loose, note)


def _hang_on_rounding(found: dict[str, Array], trials: int = 128) -> Array:
    """Tell which labels the map has as well, from starts within 1e-12 of the cell's own.

    A chaotic transient into a narrow window lasts for as long as rounding has it: in runs of 1,000
    steps both of its ends are seen.
    """
    mu, regime, period = (found[n] for n in ("effective_step_size", "regime", "residual_period"))
    if not mu.size:
        return np.zeros(0, dtype=bool)
    moved = 1.0 + 1e-12 * np.linspace(-1.0, 1.0, trials)[:, np.newaxis]
    a, b = ((x * moved).ravel() for x in (found["u"] + found["v"], found["u"] - found["v"]))
    seen = runs.labelled(a, b, np.tile(mu, trials), 500, 500)
    regimes, periods = (seen[name].reshape(trials, -1) for name in ("regime", "residual_period"))
    same = (regimes == regime) & (periods == period)
    return np.asarray(same.any(axis=0))


@ROOM.claim(
    "residual",
    "for mu < 1 trainings of the scalar and the matrix model follow the map to rounding, in all "
    "of their first 64 steps (largest difference of residuals)",
    derived(_REDUCTION),
)
def _residual(study: Study) -> Finding:
    found = cells(study, "effective_step_size", "residual_error")
    some = (found["effective_step_size"] < 0.99) & np.isfinite(found["residual_error"])
    if not some.any():
        raise MissingError("needs a sweep of kind transformer with step sizes below mu = 1")
    # Hundreds of roundings of order 1, and a prompt may cancel a digit or two.
    worst = float(found["residual_error"][some].max())
    return forms.at_most(0.0, worst, 1e-12, f"{int(some.sum()):,} trainings")


@ROOM.claim(
    "parting",
    "in chaos the difference between model and map grows at the Lyapunov exponent (nats per step, "
    "at mu = 1.9, matrix model)",
    derived("a rounding is a displacement, and both run the same steps"),
)
def _parting(study: Study) -> Finding:
    mu, lanes, early, late = 1.9, 512, 6, 24
    *_, (a, b) = runs.descend(*runs.inner_starts(np.full(lanes, mu), 0.3), np.full(lanes, mu), 400)
    known = runs.labelled(a, b, np.full(lanes, mu), 500, 2000)["lyapunov"][:, 0]
    distance = np.concatenate([_distances(p, a, b, mu, late) for p in prompts(2)], axis=1)
    with np.errstate(divide="ignore"):
        rates = np.log(distance[late] / distance[early]) / (late - early)
    seen = rates[np.isfinite(rates)]  # a difference may be zero for some steps
    error = SIGMAS * (float(seen.std()) / math.sqrt(seen.size) + float(known.std()) / lanes**0.5)
    # e tells only a part of the displacement: a factor of order 1, once at each end
    return forms.value(
        float(known.mean()), float(seen.mean()), error + 0.02, 0.1, f"{seen.size:,} trainings"
    )


def _distances(prompt: Prompt, a: Floats, b: Floats, mu: float, steps: int) -> Floats:
    """Differences of residuals between the matrix model and the map, (steps + 1, N)."""
    start, eta = placed(Model.MATRIX, prompt, a, b, mu)
    run = train(Model.MATRIX, prompt, start, eta, steps)
    e = reduction.residual_unit(Model.MATRIX, prompt, start, eta) * (
        run.predictions - prompt.target
    )
    return np.abs(
        e - np.stack([x * y - mu for x, y in runs.descend(a, b, np.full(a.size, mu), steps)])
    )


def endings(mu: float, count: int, model: Model = Model.FULL) -> list[tuple[Regime, int]]:
    """Return the regime and the period of outputs of trainings from (0.6, 0.55), one a prompt."""
    lengths, found = trained.Lengths(transient=6000, measure=1000), []
    for prompt in prompts(count):
        start, eta = placed(model, prompt, np.array([0.6]), np.array([0.55]), mu)
        outcome, _ = trained.explore(model, prompt, start, eta, lengths)
        found.append((Regime(int(outcome["regime"][0])), int(outcome["residual_period"][0])))
    return found


@ROOM.claim(
    "full_below",
    "the full model, started in one eigenspace of its prompt, follows the map to rounding for "
    "mu < 1 (largest difference of residuals in 64 steps)",
    derived(_REDUCTION),
)
def _full_below(study: Study) -> Finding:
    worst = 0.0
    for prompt in prompts(4):
        for mu in (0.3, 0.6, 0.9):
            start, eta = placed(Model.FULL, prompt, np.array([0.6]), np.array([0.55]), mu)
            found, _ = trained.compare(Model.FULL, prompt, start, eta, trained.Lengths(64, 32, 16))
            worst = max(worst, float(found["residual_error"][0]))
    return forms.at_most(0.0, worst, 1e-12, "4 prompts at mu = 0.3, 0.6, 0.9")


@ROOM.claim(
    "full_leaves",
    "for mu > 1 that is unstable: out of the two-cycle an eigenvalue k times the largest grows by "
    "1 + (mu - 1) k (1 - k) every two steps, and the full model leaves the map (prompts, at mu = "
    "1.15, whose outputs still have its period 2)",
    derived(_REDUCTION),
)
def _full_leaves(study: Study) -> Finding:
    found = endings(1.15, 8)
    stayed = sum(period == 2 for _, period in found)
    settled = sum(regime in (Regime.MONOTONE, Regime.CATAPULT) for regime, _ in found)
    return forms.none(stayed, len(found), f"{settled} of {len(found)} converge to a minimum")


GAUSSIAN = 0.5, 0.9, 1.15, 1.6, 2.2  # mu of the nearest block


def converging(count: int, model: Model = Model.FULL) -> Floats:
    """Return the shares of trainings that converge at each of GAUSSIAN, one prompt a training.

    Values and key-queries begin along one Gaussian direction, which lies in all eigenspaces.
    """
    chance, mu = runs.generator(), np.array(GAUSSIAN)
    a, b = theory.start(np.full(mu.size, 0.1), np.full(mu.size, 0.1))
    found = np.zeros((count, mu.size), dtype=bool)
    for k, prompt in enumerate(prompts(count)):
        law = model, prompt, chance.normal(size=prompt.query.size + 1)
        found[k] = _converges(*law, a, b, mu)
    return np.asarray(found.mean(axis=0))


def _converges(
    model: Model, prompt: Prompt, along: Floats, a: Floats, b: Floats, mu: Floats
) -> Array:
    unit = reduction.unit_mu(model, prompt, reduction.start(model, prompt, 1.0, 1.0, 1.0, along))
    eta, steps = mu / float(unit), 3000
    start = reduction.start(model, prompt, a, b, eta, along)
    run = train(model, prompt, start, eta, steps, steps)
    return np.asarray(run.losses[-1] < 1e-18 * prompt.target**2)


@ROOM.claim(
    "full_gaussian",
    "from Gaussian starts the full model is no two-factor map: its flattest minima are those of "
    "its least coupling c, of sharpness 2 c |y|, and where the map of the nearest block has no "
    "stable minimum, mu = 1.15, trainings still converge (in 3,000 steps)",
    observed("that flatter minima are stable is proved: docs/theory/model.md; that they are found"),
)
def _full_gaussian(study: Study) -> Finding:
    count = 24
    shares = converging(count)
    told = "some" if shares[GAUSSIAN.index(1.15)] > 0.0 else "none"
    each = ", ".join(f"{share:.0%} at {mu:g}" for share, mu in zip(shares, GAUSSIAN, strict=True))
    return forms.words("some", told, f"of {count} prompts converge, by mu: {each}")
