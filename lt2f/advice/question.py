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

from lt2f.advice import checks, noises, scale
from lt2f.advice.checks import POSITIVE, AdviceError
from lt2f.advice.given_start import WEIGHTS, GivenStart, State
from lt2f.advice.noises import AskedNoise, Model
from lt2f.advice.pools import Sampling
from lt2f.advice.prompts import Layer
from lt2f.dynamics.lanes import Law

Reduction: TypeAlias = Literal["scalar", "matrix", "full"]


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
    begin = GivenStart(start, parameters, initial_scale, a, b, imbalance, product)
    way = begin.way()
    asked = AskedNoise(model, noise, law, pool, batch_size, replacement)
    kind, deviation, shape = asked.check()
    if way in WEIGHTS:
        place = begin.of_weights(eta, prompt, reduction or "scalar", seed)
        _refuse_beside(way, factor=factor, target=target, sharpness=sharpness, pool=pool)
    else:
        found = scale.scale(factor, target, sharpness, prompt, reduction, pool, seed)
        place = begin.of_numbers(eta, found)
    sampling = asked.sampling(place.scale.pool)
    if deviation > 0.0 and place.layer is not None and not place.layer.is_exact:
        allowed = "is known for the map alone, which this full model leaves"
        raise AdviceError("noise", allowed, deviation)
    return Question(
        said=f"learning rate {eta:g}, {place.scale.said}{place.where}",
        learning_rate=eta,
        mu=_mu(eta, place.scale.rate),
        start=place.state,
        factor=place.scale.factor,
        noise=deviation,
        model=kind,
        law=shape,
        realizations=noises.realizations(realizations, sampling.batch_size if sampling else 1),
        seed=seed,
        sharpness=sharpness,
        sampling=sampling,
        layer=place.layer,
    )


def _refuse_beside(way: str, **rest: Any) -> None:
    """Refuse what would fix mu once more where weights and a prompt do."""
    if beside := next((name for name, part in rest.items() if part is not None), None):
        raise AdviceError(beside, f"does not go with {way}, whose prompt says it all")


def _mu(eta: float, rate: float) -> float:
    mu = eta * rate
    if not 0.0 < mu < math.inf:
        raise AdviceError("learning_rate", f"mu = {mu:g} is beyond the range of doubles", eta)
    return mu
