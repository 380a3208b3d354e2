"""The question: a learning rate, a prompt and a start, brought to the units of the map.

The prediction is c u w with loss (c u w - y)^2/2. With s the sign of cy, a = sqrt(eta)|c| u and
b = s sqrt(eta)|c| w, a step of size eta is the map of arXiv:2605.21292 with mu = eta |c y|. At
another learning rate r eta the same start is (sqrt(r) a, sqrt(r) b) and the map's number r mu, so
ratios of learning rates are all that the rest of this room computes with.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from lt2f.advice import checks, prompts
from lt2f.advice.checks import NONZERO, POSITIVE, AdviceError
from lt2f.dynamics import theory
from lt2f.dynamics.lanes import Law

Model: TypeAlias = Literal["multiplicative", "target"]
Reduction: TypeAlias = Literal["scalar", "matrix", "full"]
State: TypeAlias = tuple[float, float]

MOST_REALIZATIONS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Question:
    """A cell of the map, and the learning rate and the factor that translate it.

    `start` is ((a + b)/2, (a - b)/2), without units; `factor` is |c|, where it is known. `noise`
    is the standard deviation of the step size's multiplier (mean 1) under the model multiplicative,
    and of the target (mean mu) under the model target; 0 for none.
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

    @property
    def factors(self) -> tuple[float, float]:
        """The start as (a, b)."""
        u, v = self.start or (math.nan, math.nan)
        return u + v, u - v

    @property
    def balanced(self) -> bool:
        """Whether the start has a = b."""
        return self.start is not None and self.start[1] == 0.0


class _Scale(NamedTuple):
    """What was given but the start: words for it, |c|, the sign of cy, mu at learning rate 1."""

    said: str
    factor: float | None
    sign: float
    rate: float


def ask(
    learning_rate: float,
    *,
    factor: float | None = None,
    target: float | None = None,
    sharpness: float | None = None,
    prompt: Any = None,
    reduction: Reduction = "scalar",
    start: Sequence[float] | None = None,
    parameters: Any = None,
    a: float | None = None,
    b: float | None = None,
    imbalance: float | None = None,
    product: float | None = None,
    noise: float | None = None,
    model: Model | None = None,
    law: Law = "two_point",
    realizations: int = 256,
    seed: int = 0,
) -> Question:
    """Check a question and bring it to the units of the map. See `answer.advise`."""
    eta = checks.number("learning_rate", learning_rate, POSITIVE, positive=True)
    given = _given({"start": [start], "parameters": [parameters],
                    "a": [a, b], "imbalance": [imbalance, product]})  # fmt: skip
    state: State | None
    if given == "parameters":
        scale, state, where = _layer(eta, prompt, reduction, parameters)
    else:
        scale = _scale(factor, target, sharpness, prompt, reduction)
        state, where = _start(eta, scale, given, start, (a, b), (imbalance, product))
    mu = eta * scale.rate
    if not 0.0 < mu < math.inf:
        raise AdviceError("learning_rate", f"mu = {mu:g} is beyond the range of doubles", eta)
    deviation, kind = _noise(noise, model)
    checks.one_of("law", law, get_args(Law))
    checks.whole("realizations", realizations, 1, MOST_REALIZATIONS)
    checks.whole("seed", seed, 0, 2**64 - 1)
    said = f"learning rate {eta:g}, {scale.said}{where}"
    return Question(
        said, eta, mu, state, scale.factor, deviation, kind, law, realizations, seed
    )  # fmt: skip


def _given(starts: dict[str, list[Any]]) -> str | None:
    """Return which way to say a start was used, if any."""
    used = [key for key, parts in starts.items() if any(part is not None for part in parts)]
    if len(used) > 1:
        raise AdviceError(used[0], "give one start: start, or a and b, or imbalance and product")
    return used[0] if used else None


def _scale(
    factor: float | None, target: float | None, sharpness: float | None, prompt: Any, reduction: str
) -> _Scale:
    given = [factor is not None or target is not None, sharpness is not None, prompt is not None]
    if sum(given) != 1:
        raise AdviceError("factor", "give factor and target, or sharpness, or prompt: one of three")
    if sharpness is not None:
        # At a minimum eta times sharpness is a^2 + b^2 >= 2ab = 2 mu, with equality at balance.
        top = checks.number("sharpness", sharpness, POSITIVE, positive=True)
        return _Scale(f"flattest minimum of sharpness {top:g}", None, 1.0, top / 2.0)
    if prompt is not None:
        said, read = prompts.read(prompt)
        c, y = prompts.coupling(read, reduction)
        said = f"{said} ({reduction} model: factor {c:.4g}, target {y:.4g})"
    else:
        c, y = checks.number("factor", factor, NONZERO), checks.number("target", target, NONZERO)
        said = f"factor {c:g}, target {y:g}"
    return _Scale(said, abs(c), math.copysign(1.0, c) * math.copysign(1.0, y), abs(c * y))


def _layer(eta: float, prompt: Any, reduction: str, parameters: Any) -> tuple[_Scale, State, str]:
    """Return what a transformer with given parameters makes of a prompt, and words for it."""
    if prompt is None:
        raise AdviceError("parameters", "needs a prompt")
    said, read = prompts.read(prompt)
    found = prompts.reduce(read, reduction, parameters, eta)
    said += f" ({reduction} model: factor {found.factor:.4g}, target {read.target:.4g})"
    state = _state("parameters", (found.a + found.b) / 2.0, (found.a - found.b) / 2.0)
    where = f", start a = {found.a:.4g}, b = {found.b:.4g}"
    return _Scale(said, found.factor, 1.0, found.mu / eta), state, where


def _start(
    eta: float,
    scale: _Scale,
    given: str | None,
    raw: Sequence[float] | None,
    pair: tuple[float | None, float | None],
    moments: tuple[float | None, float | None],
) -> tuple[State | None, str]:
    """Return ((a + b)/2, (a - b)/2), or None where no start was given, and words for it."""
    if given is None:
        return None, ""
    if given == "start":
        return _raw_start(eta, scale, raw)
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


def _raw_start(eta: float, scale: _Scale, raw: Sequence[float] | None) -> tuple[State, str]:
    if scale.factor is None:
        raise AdviceError("start", "needs factor and target, or prompt; with sharpness give a, b")
    if raw is None or np.shape(raw) != (2,):
        raise AdviceError("start", "should be two numbers, u and w", raw)
    u, w = (checks.number("start", part, "should be two finite numbers, u and w") for part in raw)
    size = math.sqrt(eta) * scale.factor
    p, q = size * u, size * scale.sign * w
    return _state("start", (p + q) / 2.0, (p - q) / 2.0), f", start u = {u:g}, w = {w:g}"


def _state(key: str, u: float, v: float) -> State:
    if not max(abs(u), abs(v)) < 1e100:
        raise AdviceError(key, "a and b should be below 1e100; everything there diverges")
    if u == v == 0.0:
        raise AdviceError(key, "should not be the origin: no gradient moves it, whatever the rate")
    return u, v


def _noise(noise: float | None, model: str | None) -> tuple[float, Model]:
    if noise is None:
        if model is not None:
            raise AdviceError("noise", "missing, model asks for a standard deviation")
        return 0.0, "multiplicative"
    if noise != 0:
        checks.number("noise", noise, "should be a finite number, 0 or greater", positive=True)
    checks.one_of("model", kind := model or "multiplicative", get_args(Model))
    return float(noise), "target" if kind == "target" else "multiplicative"
