"""The question: a learning rate, a prompt and a start, brought to the units of the map.

The prediction is c u w with loss (c u w - y)^2/2. With s the sign of cy, a = sqrt(eta)|c| u and
b = s sqrt(eta)|c| w, a step of size eta is the map of arXiv:2605.21292 with mu = eta |c y|. At
another learning rate r eta the same start is (sqrt(r) a, sqrt(r) b) and the map's number r mu, so
ratios of learning rates are all that the rest of this room computes with.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np

from lt2f.advice import checks, noises, prompts, scale
from lt2f.advice.checks import POSITIVE, AdviceError
from lt2f.advice.noises import AskedNoise, Model
from lt2f.advice.pools import Sampling
from lt2f.advice.prompts import Layer
from lt2f.advice.scale import Scale
from lt2f.dynamics import theory
from lt2f.dynamics.lanes import Law

Reduction: TypeAlias = Literal["scalar", "matrix", "full"]
State: TypeAlias = tuple[float, float]


class Asked(TypedDict, total=False):
    """What `advise` takes beside a learning rate; each is explained there."""

    factor: float | None
    target: float | None
    sharpness: float | None
    prompt: Any
    reduction: Reduction | None
    start: Sequence[float] | None
    parameters: Any
    initial_scale: float | None
    a: float | None
    b: float | None
    imbalance: float | None
    product: float | None
    noise: float | None
    model: Model | None
    law: Law | None
    pool: Any
    batch_size: int | None
    replacement: bool | None
    realizations: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class Question:
    """A cell of the map, and the learning rate and the factor that translate it.

    `start` is ((a + b)/2, (a - b)/2), without units; `factor` is |c|, where it is known, of a pool
    the root of E c^2. `noise` is the standard deviation of the step size's multiplier (mean 1)
    under the model multiplicative, and of the target (mean mu) under the model target; 0 for none.
    Under the model prompts `sampling` says how batches are drawn. `layer` is the transformer whose
    weights were given, `sharpness` the one that was asked about.
    """

    said: str
    learning_rate: float
    mu: float
    start: State | None
    factor: float | None
    noise: float
    model: Model
    law: Law
    realizations: int
    seed: int
    sharpness: float | None = None
    sampling: Sampling | None = None
    layer: Layer | None = field(default=None, compare=False)

    @property
    def factors(self) -> tuple[float, float]:
        """The start as (a, b)."""
        u, v = self.start or (math.nan, math.nan)
        return u + v, u - v

    @property
    def balanced(self) -> bool:
        """Whether the start has a = b."""
        return self.start is not None and self.start[1] == 0.0

    @property
    def is_noisy(self) -> bool:
        """Whether steps differ from those of the full batch."""
        return self.noise > 0.0 or (self.sampling is not None and not self.sampling.is_silent)


def ask(
    learning_rate: float,
    *,
    factor: float | None = None,
    target: float | None = None,
    sharpness: float | None = None,
    prompt: Any = None,
    reduction: Reduction | None = None,
    start: Sequence[float] | None = None,
    parameters: Any = None,
    initial_scale: float | None = None,
    a: float | None = None,
    b: float | None = None,
    imbalance: float | None = None,
    product: float | None = None,
    noise: float | None = None,
    model: Model | None = None,
    law: Law | None = None,
    pool: Any = None,
    batch_size: int | None = None,
    replacement: bool | None = None,
    realizations: int | None = None,
    seed: int = 0,
) -> Question:
    """Check a question and bring it to the units of the map. See `answer.advise`."""
    eta = checks.number("learning_rate", learning_rate, POSITIVE, positive=True)
    checks.whole("seed", seed, 0, 2**64 - 1)
    given = _given({"start": [start], "parameters": [parameters], "initial_scale": [initial_scale],
                    "a": [a, b], "imbalance": [imbalance, product]})  # fmt: skip
    asked = AskedNoise(model, noise, law, pool, batch_size, replacement)
    kind, deviation, shape = asked.check()
    state: State | None
    layer = None
    if given in ("parameters", "initial_scale"):
        weights = (parameters, initial_scale)
        found, layer, state, where = _layer(eta, prompt, reduction or "scalar", weights, seed)
        rest = {"factor": factor, "target": target, "sharpness": sharpness, "pool": pool}
        if beside := next((name for name, part in rest.items() if part is not None), None):
            raise AdviceError(beside, f"does not go with {given}, whose prompt says it all")
    else:
        found = scale.scale(factor, target, sharpness, prompt, reduction, pool, seed)
        state, where = _start(eta, found, given, start, (a, b), (imbalance, product))
    mu = eta * found.rate
    if not 0.0 < mu < math.inf:
        raise AdviceError("learning_rate", f"mu = {mu:g} is beyond the range of doubles", eta)
    sampling = asked.sampling(found.pool)
    if deviation > 0.0 and layer is not None and not layer.is_exact:
        allowed = "is known for the map alone, which this full model leaves"
        raise AdviceError("noise", allowed, deviation)
    return Question(
        said=f"learning rate {eta:g}, {found.said}{where}",
        learning_rate=eta,
        mu=mu,
        start=state,
        factor=found.factor,
        noise=deviation,
        model=kind,
        law=shape,
        realizations=noises.realizations(realizations, sampling.batch_size if sampling else 1),
        seed=seed,
        sharpness=sharpness,
        sampling=sampling,
        layer=layer,
    )


def _given(starts: dict[str, list[Any]]) -> str | None:
    """Return which way to say a start was used, if any."""
    used = [key for key, parts in starts.items() if any(part is not None for part in parts)]
    if len(used) > 1:
        allowed = "give one start: start, or a and b, or imbalance and product, or weights"
        raise AdviceError(used[0], allowed)
    return used[0] if used else None


def _layer(
    eta: float, prompt: Any, reduction: str, weights: tuple[Any, float | None], seed: int
) -> tuple[Scale, Layer, State, str]:
    """Return what a transformer with given weights makes of a prompt, and words for it."""
    key = "parameters" if weights[1] is None else "initial_scale"
    if prompt is None:
        raise AdviceError(key, "needs a prompt")
    said, read = prompts.read(prompt)
    found = prompts.layer(read, reduction, *weights, seed, eta)
    state = _state(key, (found.a + found.b) / 2.0, (found.a - found.b) / 2.0)
    drawn = "" if weights[1] is None else f"normal weights of deviation {weights[1]:g}, "
    where = f", {drawn}start a = {found.a:.4g}, b = {found.b:.4g}"
    return scale.of_layer(said, found, eta), found, state, where


def _start(
    eta: float,
    found: Scale,
    given: str | None,
    raw: Sequence[float] | None,
    pair: tuple[float | None, float | None],
    moments: tuple[float | None, float | None],
) -> tuple[State | None, str]:
    """Return ((a + b)/2, (a - b)/2), or None where no start was given, and words for it."""
    if given is None:
        return None, ""
    if given == "start":
        return _raw_start(eta, found, raw)
    names, parts = (("a", "b"), pair) if given == "a" else (("imbalance", "product"), moments)
    first, second = (
        checks.number(name, part, "should be a finite number")
        for name, part in zip(names, parts, strict=True)
    )
    where = f", start {names[0]} = {first:g}, {names[1]} = {second:g}"
    if given == "a":
        return _state("a", (first + second) / 2.0, (first - second) / 2.0), where
    u, v = theory.start_state(first, second)
    return _state("imbalance", float(u), float(v)), where


def _raw_start(eta: float, found: Scale, raw: Sequence[float] | None) -> tuple[State, str]:
    if found.factor is None:
        allowed = "needs factor and target, or prompt, or pool; with sharpness give a, b"
        raise AdviceError("start", allowed)
    if raw is None or np.shape(raw) != (2,):
        raise AdviceError("start", "should be two numbers, u and w", raw)
    u, w = (checks.number("start", part, "should be two finite numbers, u and w") for part in raw)
    size = math.sqrt(eta) * found.factor
    p, q = size * u, size * found.sign * w
    return _state("start", (p + q) / 2.0, (p - q) / 2.0), f", start u = {u:g}, w = {w:g}"


def _state(key: str, u: float, v: float) -> State:
    if not max(abs(u), abs(v)) < 1e100:
        raise AdviceError(key, "a and b should be below 1e100; everything there diverges")
    if u == v == 0.0:
        raise AdviceError(key, "should not be the origin: no gradient moves it, whatever the rate")
    return u, v
