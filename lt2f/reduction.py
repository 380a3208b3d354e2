"""From a prompt, parameters and a step size to the map (arXiv:2605.21292), and back.

Derived: let prediction = c f g with loss (c f g - y)^2/2. With s the sign of cy, a = sqrt(eta)|c|f
and b = s sqrt(eta)|c|g, a step of size eta is a' = a - e b, b' = b - e a, with e = ab - mu and
mu = eta |c y|; and e = s eta c (prediction - y).

* Scalar model: f = u, g = v, c = x_q^T h, with h the mean of y_i x_i.
* Matrix model: f = u, g = xhat^T W hhat (hats: unit vectors), c = |x_q||h|: the derivative by W
  is a multiple of x_q h^T, so nothing else of W moves.
* Full model: let G be the mean of E_i E_i^T over the context, p the last row of P, q = Q^T E_q and
  qhat = q/|x_q|. The prediction is p^T G q, and p and qhat move by -eta r |x_q| G qhat and
  -eta r |x_q| G p, with r = prediction - y. In the eigenspace of G with eigenvalue l the parts of
  p + qhat and p - qhat so keep their directions and are multiplied by 1 -+ eta r c, c = l |x_q|.
  One eigenspace is the map, with |a +- b| = sqrt(eta) c |p +- qhat| (-+ if y < 0). Several are
  several pairs of factors that share one residual: no two-factor map, see `Block`. Rounding enters
  them too, and for mu > 1 that can grow: out of the two-cycle, whose residuals have the sum and
  the product 1 - mu, an eigenvalue k l is multiplied by 1 + (mu - 1) k (1 - k) every two steps.

Only signs are lost: (a, b) stands also for (b, a) and (-a, -b) where the full model is reduced.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.training.prompts import Prompt
from lt2f.training.transformer import Model, Parameters, readers

Floats = NDArray[np.float64]


class Reduction(NamedTuple):
    """Factors a, b and effective step size mu of the map, arrays of one shape."""

    a: Floats
    b: Floats
    mu: Floats


class Block(NamedTuple):
    """The two-factor model nearest to the full one, for starts of shape (...).

    In an eigenspace of G with coupling c_l the prediction is at most w_l = c_l(|p_l|^2 +
    |qhat_l|^2)/2. `coupling` is the mean of c_l with the weights w_l, `departure` their standard
    deviation over that mean. With this coupling the block has the prediction and the tangent
    kernel of the full model, for any start. It is exact for all step sizes iff the departure is
    zero, or the prediction is right from the start. Derived: predictions that are equal for all
    step sizes need equal moments sum c_l^k w_l, k = 1, 3, 5; those of a single coupling leave no
    variance to c_l^2 under the weights c_l w_l. `rounding` is the departure that rounding can
    feign.
    """

    coupling: Floats
    departure: Floats
    rounding: Floats

    @property
    def is_exact(self) -> NDArray[np.bool_]:
        """Whether the departure is zero to rounding: the full model follows the map."""
        return self.departure <= self.rounding


class NotTwoFactorError(ValueError):
    """The full model does not follow the map from this start."""


def coupling(model: Model, prompt: Prompt) -> float:
    """Return c of the scalar or the matrix model; negative only for the scalar one.

    Raises
    ------
    ValueError
        For the full model, where it depends on the start, see `block`.
    """
    if model == Model.FULL:
        raise ValueError("the coupling of the full model depends on its start")
    h = prompt.labels @ prompt.context / prompt.labels.size
    if model == Model.SCALAR:
        return float(prompt.query @ h)
    return float(np.linalg.norm(prompt.query) * np.linalg.norm(h))


def block(prompt: Prompt, parameters: Parameters) -> Block:
    """Find the two-factor block nearest to the full model, and how far off it is.

    NaN where p and q lie in the kernel of G: the prediction stays zero for ever.

    Raises
    ------
    ValueError
        If the query is zero.
    """
    context, size = prompt.tokens[:, :-1], np.linalg.norm(prompt.query)
    # |E^T p|^2 = N p^T G p: in scores the kernel of G is gone, and G acts as E^T E / N.
    scores = np.stack(_scores(prompt, parameters), axis=-2)
    gram = context.T @ context / context.shape[1]
    moved, norm = scores @ gram, _norm(scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.sum(scores * moved, axis=(-2, -1)) / norm**2
        rest = moved - mean[..., np.newaxis, np.newaxis] * scores
        # Scores are right to some (N + d) eps |E||(p, qhat)|, and are multiplied by G / mean.
        cancelled = np.linalg.norm(context) * _length(prompt, parameters) / norm
        unit = 4.0 * sum(prompt.tokens.shape) * float(np.finfo(float).eps)
        floor = unit * cancelled * np.linalg.norm(gram) / mean
        return Block(size * mean, _norm(rest) / (norm * mean), floor)


def reduce(
    model: Model,
    prompt: Prompt,
    parameters: Parameters,
    step_size: ArrayLike,
    *,
    nearest: bool = False,
) -> Reduction:
    """Find the start and the effective step size of the map that the model follows.

    For the full model `nearest` accepts starts that do not follow the map, and gives the start of
    their nearest two-factor block.

    Raises
    ------
    ValueError
        If no parameter moves: c = 0, or p and q in the kernel of G.
    NotTwoFactorError
        If the full model leaves the map from one of the starts, unless `nearest`.
    """
    eta = np.asarray(step_size, dtype=np.float64)
    value, key_query = (np.asarray(part, dtype=np.float64) for part in parameters)
    if model == Model.FULL:
        return _reduce_full(prompt, Parameters(value, key_query), eta, nearest)
    c = coupling(model, prompt)
    if c == 0.0:
        raise ValueError("the prompt has c = 0: no parameter moves, whatever the step size")
    other = key_query if model == Model.SCALAR else _along(prompt, key_query)
    scale = np.sqrt(eta) * abs(c)
    return _together(
        scale * value, _sign(c * prompt.target) * scale * other, eta * abs(c * prompt.target)
    )


def realize(
    model: Model, prompt: Prompt, a: ArrayLike, b: ArrayLike, mu: float
) -> tuple[Parameters, float]:
    """Find parameters and a step size that reduce to (a, b, mu).

    The matrix W is the multiple of x_q h^T, the full model's p and qhat are multiples of the
    eigenvector of G with the largest eigenvalue. Where the target is 0, mu must be 0, and the step
    size is 1.

    Raises
    ------
    ValueError
        If the prompt cannot have this mu: c = 0, or just one of mu and the target is 0.
    """
    c = _leading(prompt)[0] if model == Model.FULL else coupling(model, prompt)
    if c == 0.0 or (mu == 0.0) != (prompt.target == 0.0):
        raise ValueError(f"no step size gives mu = {mu} with c y = {c * prompt.target}")
    eta = mu / abs(c * prompt.target) if mu else 1.0
    return start(model, prompt, a, b, eta), eta


def start(
    model: Model,
    prompt: Prompt,
    a: ArrayLike,
    b: ArrayLike,
    step_size: ArrayLike,
    direction: Floats | None = None,
) -> Parameters:
    """Find parameters that reduce to (a, b) at a step size, all three of shapes that broadcast.

    As in `realize`, but the full model's p and qhat may be multiples of any `direction`, of shape
    (d + 1,): then their nearest two-factor block has (a, b), and they follow the map only if the
    direction lies in one eigenspace of G.

    Raises
    ------
    ValueError
        If no parameter moves: c = 0, or the direction in the kernel of G.
    """
    factors, vector = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float)), None
    if model == Model.FULL:
        c, vector = _leading(prompt) if direction is None else _along_direction(prompt, direction)
    else:
        c = coupling(model, prompt)
    if c == 0.0:
        raise ValueError("the prompt has c = 0: no parameter moves, whatever the step size")
    unit = np.sqrt(np.asarray(step_size, dtype=np.float64)) * abs(c)
    f, g = (np.asarray(part / unit) for part in factors)
    g = _sign(c * prompt.target) * g
    if vector is not None:
        return _full_parameters(prompt, vector, f, g)
    return Parameters(f, g if model == Model.SCALAR else _times(g, _unit_matrix(prompt)))


def unit_mu(model: Model, prompt: Prompt, parameters: Parameters) -> Floats:
    """Return |c y|, the mu of step size 1; for the full model that of its nearest block."""
    return np.asarray(np.abs(_coupling_at(model, prompt, parameters) * prompt.target))


def residual_unit(
    model: Model, prompt: Prompt, parameters: Parameters, step_size: ArrayLike
) -> Floats:
    """Return s eta c, by which e = s eta c (prediction - y) in the units of the map."""
    c = _coupling_at(model, prompt, parameters)
    return np.asarray(np.where(c * prompt.target < 0.0, -1.0, 1.0) * np.asarray(step_size) * c)


def _coupling_at(model: Model, prompt: Prompt, parameters: Parameters) -> Floats:
    """Coupling of each start."""
    if model == Model.FULL:
        return block(prompt, parameters).coupling
    return np.asarray(coupling(model, prompt))


def _reduce_full(prompt: Prompt, parameters: Parameters, eta: Floats, nearest: bool) -> Reduction:
    found, sign = block(prompt, parameters), _sign(prompt.target)
    if not (found.rounding < 1.0).all():
        raise ValueError("p and q lie in the kernel of G, to rounding: no parameter moves")
    if not nearest and not found.is_exact.all():
        raise NotTwoFactorError(
            "the full model leaves the two-factor map: p and q reach eigenspaces of G whose "
            f"eigenvalues spread by {np.max(found.departure):.1e} of their mean"
        )
    values, scores = _scores(prompt, parameters)
    size = np.sqrt(eta * found.coupling * np.linalg.norm(prompt.query) / prompt.labels.size)
    plus = size * np.linalg.norm(values + sign * scores, axis=-1)
    minus = size * np.linalg.norm(values - sign * scores, axis=-1)
    mu = eta * found.coupling * abs(prompt.target)
    return _together((plus + minus) / 2.0, (plus - minus) / 2.0, mu)


def _scores(prompt: Prompt, parameters: Parameters) -> tuple[Floats, Floats]:
    """Values E^T p and scores E^T qhat of the full model, each (..., N)."""
    if not prompt.query.any():
        raise ValueError("the query is zero: no parameter moves")
    by_value, by_key_query = readers(Model.FULL, prompt)
    values = by_value.read(parameters.value)
    scores = by_key_query.read(parameters.key_query) / np.linalg.norm(prompt.query)
    both = np.broadcast_arrays(values, scores)
    return both[0], both[1]


def _leading(prompt: Prompt) -> tuple[float, Floats]:
    """Coupling and unit eigenvector of the largest eigenvalue of G."""
    context = prompt.tokens[:, :-1]
    left, sizes, _ = np.linalg.svd(context, full_matrices=False)
    eigenvalue = sizes[0] ** 2 / context.shape[1]
    return float(eigenvalue * np.linalg.norm(prompt.query)), left[:, 0]


def _along_direction(prompt: Prompt, direction: Floats) -> tuple[float, Floats]:
    """Coupling of the block nearest to p and qhat along a vector z, and z to go with it.

    The block has |a +- b|^2 = eta c |x_q| z^T G z |f +- g|^2, so z is scaled to make that
    eta c^2 |f +- g|^2.
    """
    both = _full_parameters(prompt, direction, np.ones(()), np.ones(()))
    c = float(block(prompt, both).coupling)
    scores = _scores(prompt, both)[0]
    moment = float(scores @ scores) / prompt.labels.size
    if not c > 0.0:
        return 0.0, direction
    return c, direction * np.sqrt(c / (np.linalg.norm(prompt.query) * moment))


def _full_parameters(prompt: Prompt, vector: Floats, f: Floats, g: Floats) -> Parameters:
    """P with the last row f times the vector, Q with qhat = g times the vector."""
    query = prompt.tokens[:, -1]
    last = np.eye(query.size)[-1]
    across = np.outer(query / np.linalg.norm(query), vector)
    return Parameters(_times(f, np.outer(last, vector)), _times(g, across))


def _unit_matrix(prompt: Prompt) -> Floats:
    """The direction in which the matrix W moves: xhat hhat^T, of norm 1."""
    h = prompt.labels @ prompt.context
    return np.outer(prompt.query / np.linalg.norm(prompt.query), h / np.linalg.norm(h))


def _along(prompt: Prompt, key_query: Floats) -> Floats:
    return np.asarray(np.sum(key_query * _unit_matrix(prompt), axis=(-2, -1)))


def _times(factor: Floats, matrix: Floats) -> Floats:
    return factor[..., np.newaxis, np.newaxis] * matrix


def _norm(rows: Floats) -> Floats:
    return np.asarray(np.linalg.norm(rows, axis=(-2, -1)))


def _length(prompt: Prompt, parameters: Parameters) -> Floats:
    """Norm of (p, qhat)."""
    query = prompt.tokens[:, -1] / np.linalg.norm(prompt.query)
    p, q = parameters.value[..., -1, :], query @ parameters.key_query
    return np.asarray(np.hypot(np.linalg.norm(p, axis=-1), np.linalg.norm(q, axis=-1)))


def _sign(x: float) -> float:
    """Sign of x, and 1 for 0: with mu = 0 either sign gives an orbit of the map."""
    return -1.0 if x < 0.0 else 1.0


def _together(*parts: Floats) -> Reduction:
    return Reduction(*np.broadcast_arrays(*parts))
