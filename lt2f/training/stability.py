"""How fast nearby trainings part: the derivative of gradient descent, carried along a run.

The prediction f of each model is a quadratic form of its parameters, so its gradient is linear in
them, and the second derivative applied to a vector is the gradient at that vector. A step
theta -> theta - eta r grad f(theta), with r = f - y, so takes a tangent vector v to

    v - eta ((grad f(theta) . v) grad f(theta) + r grad f(v)),

which is exact and costs one more prediction for each vector. Two vectors are carried, kept
orthonormal (Benettin et al. 1980). They begin as the two parts of a gradient, of the value and of
the key-query parameters, and are projected at every step on the directions in which training moves
anything, for rounding reaches the rest, where nothing shrinks. In the scalar and the matrix model
these directions are two, and their exponents are all there are but zeros.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.training.prompts import Prompt
from lt2f.training.transformer import (
    Model,
    Parameters,
    Reader,
    Run,
    broadcast,
    descend,
    outputs,
    product,
    readers,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Watched:
    """A run and, at each of its steps, the growth of two tangent vectors.

    `growth` has shape (steps, 2, ...): logarithms of lengths, the vector that grows faster first,
    in nats per step; minus infinity where a step leaves nothing of a vector.
    """

    run: Run
    growth: Floats


def watch(
    model: Model,
    prompt: Prompt,
    parameters: Parameters,
    step_size: ArrayLike,
    steps: int,
    keep: int = 0,
) -> Watched:
    """Train as `transformer.train` does, and carry tangent vectors along.

    Of the parameters only those after the last `keep` steps, and the last before them, are kept.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `keep` exceeds `steps`.
    """
    if not 0 <= keep <= steps:
        raise ValueError(f"of {steps} steps the last {keep} cannot be kept")
    by = readers(model, prompt)
    now, eta = broadcast(by, parameters, np.asarray(step_size, dtype=np.float64))
    predictions, kernel = np.empty((2, steps + 1, *eta.shape))
    growth = np.empty((steps, 2, *eta.shape))
    kept = Parameters(*(np.empty((keep + 1, *part.shape)) for part in now))
    with np.errstate(all="ignore"):
        moving = _moving(by[0], by[1]), _moving(by[1], by[0])
        vectors = _first(outputs(by, now)[1], eta.ndim)
        for step in range(steps + 1):
            predictions[step], slopes = outputs(by, now)
            kernel[step] = product(slopes, slopes, eta.ndim)
            if step >= steps - keep:
                for history, part in zip(kept, now, strict=True):
                    history[step - steps + keep] = part
            if step < steps:
                residual = predictions[step] - prompt.target
                moved = _moved(by, vectors, slopes, eta, residual)
                moved = Parameters(*map(_project, moving, moved))
                vectors, growth[step] = _orthonormal(moved, eta.ndim)
                now = descend(now, slopes, eta * residual)
    for seen in (predictions, kernel):
        seen[~np.isfinite(seen)] = np.nan
    return Watched(Run(prompt.target, predictions, kernel, kept), growth)


def _moving(reader: Reader, other: Reader) -> tuple[Floats, Floats] | None:
    """Projectors on both sides of what a parameter's gradient can be; None for a scalar.

    It is left (right w)^T, with w the numbers that the other reader reads, which are combinations
    of the rows of its own `right`.
    """
    if reader.left is None:
        return None
    basis, sizes, _ = np.linalg.svd(
        reader.right @ np.atleast_2d(other.right).T, full_matrices=False
    )
    basis = basis[:, sizes > max(basis.shape) * np.finfo(float).eps * sizes[0]]
    return reader.left / np.linalg.norm(reader.left), basis @ basis.T


def _project(moving: tuple[Floats, Floats] | None, part: Floats) -> Floats:
    if moving is None:
        return part
    left, right = moving
    return np.asarray(left[:, np.newaxis] * ((left @ part) @ right)[..., np.newaxis, :])


def _first(slopes: Parameters, leading: int) -> Parameters:
    """Two unit vectors, on an axis in front: a gradient's value part and its key-query part."""
    value, key_query = slopes
    none = Parameters(np.zeros_like(value), np.zeros_like(key_query))
    pair = none._replace(value=value), none._replace(key_query=key_query)
    return _stacked(*(_unit(vector, leading)[0] for vector in pair))


def _moved(
    by: tuple[Reader, Reader], vectors: Parameters, slopes: Parameters, eta: Floats, r: Floats
) -> Parameters:
    """Apply the derivative of a step to both vectors."""
    along = product(slopes, vectors, eta.ndim + 1)
    curved = outputs(by, vectors)[1]
    return descend(descend(vectors, slopes, eta * along), curved, np.stack([eta * r] * 2))


def _orthonormal(vectors: Parameters, leading: int) -> tuple[Parameters, Floats]:
    """Make both vectors unit ones at right angles; and the logarithms of what is divided by."""
    one, first = _unit(Parameters(*(part[0] for part in vectors)), leading)
    other = Parameters(*(part[1] for part in vectors))
    two, second = _unit(descend(other, one, product(one, other, leading)), leading)
    return _stacked(one, two), np.log(np.stack([first, second]))


def _unit(vector: Parameters, leading: int) -> tuple[Parameters, Floats]:
    """Divide a vector by its length; zero stays zero."""
    size = np.sqrt(product(vector, vector, leading))
    none = Parameters(*(np.zeros_like(part) for part in vector))
    return descend(none, vector, -1.0 / np.where(size > 0.0, size, 1.0)), size


def _stacked(one: Parameters, two: Parameters) -> Parameters:
    return Parameters(*(np.stack(pair) for pair in zip(one, two, strict=True)))
