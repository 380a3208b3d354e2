"""Claims on what training has learned: the error of prediction on prompts that it has not seen.

The scalar and the matrix model have one number k = u w to move, of the value K = y/c where the
prompt is fitted, and their expected error on new tasks is 1 - 2 k t + k^2 n: the numbers t and n
belong to the prompt (`lt2f.training.evaluate`). On an orbit of the map k = K ab/mu.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from lt2f import reduction
from lt2f.claims import forms, runs
from lt2f.claims.forms import Finding, Floats
from lt2f.claims.ledger import Room, derived
from lt2f.claims.study import MissingError, Study, Sweep
from lt2f.dynamics.codes import Regime
from lt2f.training.evaluate import FRESH, Fresh, expected_error, fresh_prompts, predictions
from lt2f.training.prompts import gaussian_prompt
from lt2f.training.transformer import Model, Parameters

ROOM = Room("learned")

_SOURCE = derived("lt2f/training/evaluate.py: expected_error; tests/training/test_evaluate.py")
_MANY = 1 << 14  # prompts of which a variance is known to a tenth or so
Moments = Callable[[Floats], tuple[Floats, Floats]]


def _fitted(sweep: Sweep, realization: int) -> tuple[Model, Parameters, tuple[int, int, float]]:
    """Return the model, parameters that fit its prompt, and the law of prompts."""
    (raw,) = json.loads(sweep.dataset.attrs["lt2f_settings"])["sweeps"].values()
    told = raw["transformer"]
    law = int(told["dimension"]), int(told["context"]), float(told.get("label_noise", 0.0))
    prompt = gaussian_prompt(int(sweep.dataset.attrs["seed"]), realization, *law)
    model = Model(sweep.model)
    # At step size 1 a = |c| f, and f g = y/c wherever ab = mu = |c y|.
    unit = abs(reduction.coupling(model, prompt) * prompt.target)
    return model, reduction.start(model, prompt, np.sqrt(unit), np.sqrt(unit), 1.0), law


def _expected(sweep: Sweep, realization: int, mean: Floats, square: Floats) -> Floats:
    """Expected error on new tasks where k/K has this mean and this mean square."""
    model, fitted, law = _fitted(sweep, realization)
    half = Parameters(fitted.value / 2.0, fitted.key_query)
    whole, part = (float(expected_error(model, x, *law)) for x in (fitted, half))
    # A parabola through 1 at k = 0, `part` at K/2 and `whole` at K.
    slope, bend = 4.0 * part - whole - 3.0, 2.0 * whole - 4.0 * part + 2.0
    return 1.0 + slope * mean + bend * square


@cache
def _many(dimension: int, context: int, label_noise: float) -> Fresh:
    """Draw the prompts from which variances are known: others than any sweep's."""
    return fresh_prompts(runs.SEED, 1 << 32, _MANY, dimension, context, label_noise)


def _spread(sweep: Sweep, realization: int, mean: Floats, square: Floats) -> Floats:
    """Standard error of the mean over FRESH new prompts where k/K has these moments.

    It is that of many other prompts, for the squares have a heavy tail: where few of the large ones
    are drawn, the standard error that is estimated from them is as much too small as their mean.
    """
    model, fitted, law = _fitted(sweep, realization)
    many = _many(*law)
    fit, target = predictions(model, many, fitted), many.targets
    parts = np.stack([fit * target, fit * fit]) - np.array([[fit @ target], [fit @ fit]]) / _MANY
    control = target**2 - np.mean(target**2)  # as in `mean_and_error`
    parts -= np.outer(parts @ control / (control @ control), control)
    weights = np.stack([-2.0 * mean, square])
    variance = np.einsum("ic,ij,jc->c", weights, parts @ parts.T / _MANY, weights)
    return np.asarray(np.sqrt(variance / FRESH))


def _held(study: Study, name: str, some: Callable[..., Floats], moments: Moments) -> Finding:
    """Hold errors against their expectation in the cells that `some` chooses."""
    rows = list(_rows(study, name, some, moments))
    if not sum(part.shape[1] for part in rows):
        where = "that converge" if some is _at_rest else "on the two-cycle, 1.05 < mu < 1.23"
        model = "transformer.model scalar or matrix"
        raise MissingError(f"needs a sweep of kind transformer, {model}, with trainings {where}")
    known, seen, error, mu = np.concatenate(rows, axis=1)
    prompts = sum(bool(part.shape[1]) for part in rows)
    note = f"{prompts} training prompts, the new prompts of each the same in all of its cells"
    return forms.worst(known, seen, forms.quantile(prompts) * error, mu, 0.5, note=note)


def _rows(
    study: Study, name: str, some: Callable[..., Floats], moments: Moments
) -> Iterator[Floats]:
    need = name, f"{name}_error", "regime", "residual_period", "effective_step_size"
    for sweep in study.sweeps:
        if sweep.model not in ("scalar", "matrix") or name not in sweep.dataset:
            continue
        cells = sweep.cells(*need)
        prompt, mu = cells["realization"], cells["effective_step_size"]
        for k in np.unique(prompt).tolist():
            here = (prompt == k) & some(cells["regime"], cells["residual_period"], mu)
            law = moments(mu[here])
            error = np.maximum(cells[need[1]][here], _spread(sweep, k, *law))
            yield np.stack([_expected(sweep, k, *law), cells[name][here], error, mu[here]])


def _at_rest(regime: Floats, period: Floats, mu: Floats) -> Floats:
    return np.asarray(np.isin(regime, (Regime.MONOTONE, Regime.CATAPULT)))


def _on_two_cycle(regime: Floats, period: Floats, mu: Floats) -> Floats:
    """Where the imbalance has died out, too, which takes some 1/(mu - 1) steps."""
    return np.asarray((regime == Regime.PERIODIC) & (period == 2) & (mu > 1.05) & (mu < 1.23))


@ROOM.claim(
    "minimum",
    "a converged training fits its own prompt, u w = y/c, whatever the step size, and has the "
    "error on new tasks that follows: 1 - 2 k t + k^2 n at k = y/c",
    _SOURCE,
)
def _minimum(study: Study) -> Finding:
    return _held(study, "fresh_error", _at_rest, lambda mu: (np.ones_like(mu), np.ones_like(mu)))


@ROOM.claim(
    "two_cycle",
    "on the two-cycle k = (y/c) ab/mu has the mean (1 + mu)/(2 mu) and the mean square "
    "(mu^2 + 2 mu - 1)/(2 mu^2) of its fitted value, and so the mean error on new tasks follows",
    _SOURCE,
)
def _two_cycle(study: Study) -> Finding:
    def moments(mu: Floats) -> tuple[Floats, Floats]:
        return (1 + mu) / (2 * mu), (mu * mu + 2 * mu - 1) / (2 * mu * mu)

    return _held(study, "fresh_error_mean", _on_two_cycle, moments)


@ROOM.claim(
    "averaged",
    "the mean weights of the two-cycle have k = (y/c) (3 + mu)/(4 mu), nearer to the fitted value "
    "than its iterates are on average, and the error on new tasks that follows",
    _SOURCE,
)
def _averaged(study: Study) -> Finding:
    def moments(mu: Floats) -> tuple[Floats, Floats]:
        k = (3 + mu) / (4 * mu)  # x x' = 1 and x^2 + x'^2 = 1 + mu on the cycle
        return k, k * k

    return _held(study, "fresh_error_averaged", _on_two_cycle, moments)
