"""What training has learned: the error of prediction on prompts that it has not seen.

The error is the mean of (prediction - target)^2 over new Gaussian prompts, for which predicting
zero costs 1. Two questions are told apart:

* fresh task: a new prompt has a task w of its own, so only the rule can help, by which the layer
  reads a task off its context;
* same task: new examples and a new query of the task that was trained on.

Both expectations are known in the scalar and the matrix model, whose prediction is u x_q^T W h, h
the mean of y_i x_i (W = v I in the scalar one). Derived, with label noise s: E[h | w] = w and
E[h h^T | w] = (1 + 1/N) w w^T + (|w|^2 + s^2)/N, from the fourth moments of a Gaussian; and w has
mean 0 and covariance I/d. So the error is

    fresh task: 1 - 2 u tr(W)/d + u^2 |W|^2 ((1 + 1/N)/d + (1 + s^2)/N),
    same task: |w|^2 - 2 u w^T W w + u^2 ((1 + 1/N) |W w|^2 + |W|^2 (|w|^2 + s^2)/N).

One prompt moves the matrix model in the one direction x_q h^T. If W is along it, tr(W) is at most
|W| in size, so that no step size and no number of steps brings the fresh error below

    1 - 1/(d (1 + (1 + d (1 + s^2))/N)) > 1 - 1/d:

one prompt teaches one direction of d. The scalar model can hold the whole rule, down to the same
expression without the factor d; but it fits u v = y_q/(x_q^T h), to which its one context is noise.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lt2f.training.batches import LAWS
from lt2f.training.transformer import Model, Parameters

Floats = NDArray[np.float64]

FRESH = 256  # new prompts on which what has been learned is measured
BEYOND = (0, 0, 0, 2)  # counter of new prompts: on the last place those of training have 1


@dataclass(frozen=True, eq=False)
class Fresh:
    """M new prompts.

    Parameters
    ----------
    moments
        Mean of E_i E_i^T over the context tokens E_i = (x_i, y_i), shape (M, d + 1, d + 1).
    queries
        Inputs x_q, shape (M, d).
    targets
        Labels y_q, without noise, shape (M,).
    variance
        Expectation of y_q^2: 1 for fresh tasks, |w|^2 for one.
    """

    moments: Floats
    queries: Floats
    targets: Floats
    variance: float = 1.0

    @cached_property
    def outer(self) -> Floats:
        """Products x_q h^T, shape (M, d, d)."""
        return self.queries[:, :, np.newaxis] * self.moments[:, np.newaxis, -1, :-1]


def fresh_prompts(
    seed: int,
    index: int,
    count: int,
    dimension: int,
    context: int,
    label_noise: float = 0.0,
    task: Floats | None = None,
) -> Fresh:
    """Draw `count` new prompts for the training prompt number `index`: of one task, if it is given.

    They have its dimension, length and label noise. A larger count begins with the smaller one.
    """
    key = np.array([seed, index], dtype=np.uint64)
    width = 2 * dimension + context * (dimension + 1)
    raw = np.random.Philox(key=key, counter=BEYOND).random_raw(count * width)
    numbers = LAWS["normal"](raw).reshape(count, width)
    tasks = numbers[:, :dimension] / np.sqrt(dimension)
    queries = numbers[:, dimension : 2 * dimension]
    if task is not None:
        tasks = np.broadcast_to(task, tasks.shape)
    tokens = numbers[:, 2 * dimension :].reshape(count, context, dimension + 1)
    labels = np.sum(tokens[:, :, :-1] * tasks[:, np.newaxis], axis=-1)
    tokens[:, :, -1] = labels + label_noise * tokens[:, :, -1]
    moments = tokens.transpose(0, 2, 1) @ tokens / context
    variance = 1.0 if task is None else float(task @ task)
    return Fresh(moments, queries, np.sum(queries * tasks, axis=-1), variance)


def predictions(model: Model, fresh: Fresh, parameters: Parameters) -> Floats:
    """Predictions for M new prompts, shape (..., M)."""
    value, key_query = parameters
    moments, queries = fresh.moments, fresh.queries
    if model == Model.FULL:
        # p^T G Q^T (x_q, 0), with p the last row of P
        values = value[..., -1, :] @ moments.reshape(-1, moments.shape[-1]).T
        scores = queries @ key_query[..., :-1, :]
        return np.asarray(np.sum(values.reshape(scores.shape) * scores, axis=-1))
    if model == Model.SCALAR:
        couplings = np.trace(fresh.outer, axis1=1, axis2=2)
        return np.asarray((value * key_query)[..., np.newaxis] * couplings)
    flat = (value[..., np.newaxis, np.newaxis] * key_query).reshape(*value.shape, -1)
    return np.asarray(flat @ fresh.outer.reshape(len(queries), -1).T)


def squared_errors(model: Model, fresh: Fresh, parameters: Parameters) -> Floats:
    """Return (prediction - target)^2 for each of M new prompts, shape (..., M)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray((predictions(model, fresh, parameters) - fresh.targets) ** 2)


def mean_and_error(fresh: Fresh, squares: Floats) -> tuple[Floats, Floats]:
    """Mean over new prompts, the last axis, and its standard error.

    How far y_q^2 is from its expectation on these prompts is known, and taken off with the slope
    that leaves least variance (a control variate): where little is learned that is nearly all.
    Squares have a heavy tail: where few of the large ones were drawn, both numbers are too small,
    and of 256 the mean may seem five standard errors low.
    """
    control = fresh.targets**2 - np.mean(fresh.targets**2)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = squares.mean(axis=-1)
        slope = squares @ control / (control @ control)
        rest = squares - mean[..., np.newaxis] - slope[..., np.newaxis] * control
        error = np.sqrt(np.sum(rest**2, axis=-1) / (control.size - 2) / control.size)
        return mean - slope * (np.mean(fresh.targets**2) - fresh.variance), error


def evaluate(model: Model, fresh: Fresh, iterates: Parameters) -> dict[str, tuple[Floats, Floats]]:
    """Errors on new prompts along a run whose iterates are on the first axis, with standard errors.

    "last" is that of the last iterate, "mean" the mean over iterates of each one's error, and
    "averaged" that of the mean weights, u and W each by itself.
    """
    total = np.zeros(())
    for now in zip(*iterates, strict=True):
        total = total + squared_errors(model, fresh, Parameters(*now))
    with np.errstate(over="ignore", invalid="ignore"):
        averaged = Parameters(*(part.mean(axis=0) for part in iterates))
    last = Parameters(*(part[-1] for part in iterates))
    return {
        "last": mean_and_error(fresh, squared_errors(model, fresh, last)),
        "mean": mean_and_error(fresh, total / len(iterates.value)),
        "averaged": mean_and_error(fresh, squared_errors(model, fresh, averaged)),
    }


def expected_error(
    model: Model,
    parameters: Parameters,
    dimension: int,
    context: int,
    label_noise: float = 0.0,
    task: Floats | None = None,
) -> Floats:
    """Return the expectation of the squared error of the scalar or matrix model on a new prompt.

    For fresh tasks, or for one task if it is given; of the shape of starts.

    Raises
    ------
    ValueError
        For the full model.
    """
    if model == Model.FULL:
        raise ValueError("the error of the full model is not known in closed form")
    u, w = parameters
    matrix = w if model == Model.MATRIX else w[..., np.newaxis, np.newaxis] * np.eye(dimension)
    squares = np.sum(matrix**2, axis=(-2, -1))
    seen, rest = 1.0 + 1.0 / context, label_noise**2 / context
    if task is None:
        trace = np.trace(matrix, axis1=-2, axis2=-1) / dimension
        return np.asarray(
            1 - 2 * u * trace + u**2 * squares * (seen / dimension + 1 / context + rest)
        )
    length, image = float(task @ task), matrix @ task
    variance = seen * np.sum(image**2, axis=-1) + squares * (length / context + rest)
    return np.asarray(length - 2 * u * (image @ task) + u**2 * variance)
