"""A linear transformer of one self-attention layer, trained by plain gradient descent.

The layer acts on a token array E of shape (d + 1, N + 1), see `prompts`. Column j is replaced by

    E_j + (1/N) sum_i (P E_i) (E_j^T Q E_i),

the sum over the N context tokens, with a value (projection) matrix P and a key-query matrix Q. The
lower right entry is the prediction for the query: with the values v_i = (P E_i)_{d+1} and the
scores s_i = E_q^T Q E_i it is the mean of v_i s_i over the context, for the query has no label yet.
The loss is (prediction - target)^2 / 2. Three models differ in what of P and Q is trained:

* scalar: the value u picks labels, the key-query matrix is v times the identity on inputs;
* matrix: the same value u, and any key-query matrix W on inputs;
* full: all of P and Q.

Each is bilinear: values and scores are linear in their own parameters, and what multiplies them is
the derivative. All arrays are double precision.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.training.prompts import Prompt

Floats = NDArray[np.float64]


class Model(StrEnum):
    """Which parameters of the layer are trained."""

    SCALAR = "scalar"
    MATRIX = "matrix"
    FULL = "full"


class Parameters(NamedTuple):
    """Value and key-query parameters; leading axes, which broadcast, run over starts."""

    value: Floats
    key_query: Floats


class Reader(NamedTuple):
    """How N numbers, one for each context token, depend on a parameter: left^T M right_i.

    A scalar parameter has no `left`, and `right` of shape (N,); a matrix M of shape (m, n) has
    `left` of shape (m,) and `right` of shape (n, N).
    """

    left: Floats | None
    right: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the parameter."""
        return () if self.left is None else (self.left.size, len(self.right))

    def read(self, parameter: Floats) -> Floats:
        """Compute the N numbers, shape (..., N)."""
        if self.left is None:
            return parameter[..., np.newaxis] * self.right
        return np.asarray((self.left @ parameter) @ self.right)

    def slope(self, weights: Floats) -> Floats:
        """Compute the derivative of the sum of weights (..., N) times numbers by the parameter."""
        sums = np.asarray(weights @ self.right.T)
        return sums if self.left is None else self.left[:, np.newaxis] * sums[..., np.newaxis, :]


def readers(model: Model, prompt: Prompt) -> tuple[Reader, Reader]:
    """How a model's values and its scores depend on their parameters."""
    context, query = prompt.tokens[:, :-1], prompt.tokens[:, -1]
    if model == Model.FULL:
        last_row = np.eye(query.size)[-1]
        return Reader(last_row, context), Reader(query, context)
    inputs, labels = context[:-1], context[-1]
    if model == Model.MATRIX:
        return Reader(None, labels), Reader(query[:-1], inputs)
    return Reader(None, labels), Reader(None, query[:-1] @ inputs)


def attention(tokens: Floats, projection: Floats, key_query: Floats) -> Floats:
    """Compute the whole layer, shape (d + 1, N + 1), with P and Q of shape (d + 1, d + 1)."""
    context = tokens[:, :-1]
    scores = tokens.T @ key_query @ context
    return np.asarray(tokens + projection @ context @ scores.T / context.shape[1])


def predict(model: Model, prompt: Prompt, parameters: Parameters) -> tuple[Floats, Parameters]:
    """Prediction for the query, and its derivatives by the parameters."""
    return outputs(readers(model, prompt), parameters)


def outputs(by: tuple[Reader, Reader], parameters: Parameters) -> tuple[Floats, Parameters]:
    """Do what `predict` does, with the `readers` at hand."""
    values, scores = (reader.read(part) for reader, part in zip(by, parameters, strict=True))
    n = values.shape[-1]
    prediction = np.asarray(np.sum(values * scores, axis=-1) / n)
    return prediction, Parameters(by[0].slope(scores / n), by[1].slope(values / n))


@dataclass(frozen=True)
class Run:
    """What was seen along a run, for starts and step sizes of shape (...).

    Parameters
    ----------
    target
        The label y_q.
    predictions
        At steps 0 ... steps, shape (steps + 1, ...); NaN once the range of doubles is left.
    tangent_kernel
        Squared norm of the prediction's gradient, shape (steps + 1, ...): the sharpness of the loss
        wherever the prediction is right, and the only eigenvalue of its Hessian that is not zero.
    parameters
        At steps 0, every, 2 every ..., with that axis first.
    """

    target: float
    predictions: Floats
    tangent_kernel: Floats
    parameters: Parameters

    @property
    def losses(self) -> Floats:
        """Loss (prediction - target)^2 / 2 at every step."""
        with np.errstate(over="ignore"):
            return (self.predictions - self.target) ** 2 / 2.0

    @property
    def final(self) -> Parameters:
        """Parameters after the last step."""
        return Parameters(*(part[-1] for part in self.parameters))


def train(
    model: Model,
    prompt: Prompt,
    parameters: Parameters,
    step_size: ArrayLike,
    steps: int,
    every: int = 1,
) -> Run:
    """Run gradient descent on the loss of one prompt, from many starts at once.

    Each of `parameters` has its own shape, see `readers`, behind leading axes that broadcast
    with `step_size`.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `steps` is no multiple of `every`.
    """
    if every < 1 or steps % every:
        raise ValueError(f"{steps} steps are no multiple of {every}")
    by = readers(model, prompt)
    now, eta = broadcast(by, parameters, np.asarray(step_size, dtype=np.float64))
    predictions, kernel = np.empty((2, steps + 1, *eta.shape))
    kept = Parameters(*(np.empty((steps // every + 1, *part.shape)) for part in now))
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps + 1):
            predictions[step], slopes = outputs(by, now)
            kernel[step] = product(slopes, slopes, eta.ndim)
            if step % every == 0:
                for history, part in zip(kept, now, strict=True):
                    history[step // every] = part
            now = descend(now, slopes, eta * (predictions[step] - prompt.target))
    for seen in (predictions, kernel):
        seen[~np.isfinite(seen)] = np.nan
    return Run(prompt.target, predictions, kernel, kept)


def broadcast(
    by: tuple[Reader, Reader], parameters: Parameters, eta: Floats
) -> tuple[Parameters, Floats]:
    """Give parameters and step sizes the same leading axes."""
    parts = [np.asarray(part, dtype=np.float64) for part in parameters]
    own, lead = [reader.shape for reader in by], [eta.shape]
    for part, shape in zip(parts, own, strict=True):
        split = part.ndim - len(shape)
        if split < 0 or part.shape[split:] != shape:
            raise ValueError(f"a parameter of shape {shape} cannot be {part.shape}")
        lead.append(part.shape[:split])
    outer = np.broadcast_shapes(*lead)
    wide = (np.broadcast_to(p, outer + shape) for p, shape in zip(parts, own, strict=True))
    return Parameters(*wide), np.broadcast_to(eta, outer)


def product(one: Parameters, other: Parameters, leading: int) -> Floats:
    """Inner product over the parameters' own axes, which come after `leading` ones of `other`."""
    own = (tuple(range(leading - part.ndim, 0)) for part in other)
    return np.asarray(sum(np.sum(x * y, axis=k) for x, y, k in zip(one, other, own, strict=True)))


def descend(parameters: Parameters, slopes: Parameters, amount: Floats) -> Parameters:
    """Subtract `amount` times the slopes; its axes are the leading ones."""
    moved = (
        part - amount.reshape(amount.shape + (1,) * (part.ndim - amount.ndim)) * slope
        for part, slope in zip(parameters, slopes, strict=True)
    )
    return Parameters(*moved)
