"""The start that was given, in one of several ways, in the units of the map."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from lt2f.advice import checks, prompts, scale
from lt2f.advice.checks import AdviceError
from lt2f.advice.prompts import Layer
from lt2f.advice.scale import Scale
from lt2f.dynamics import theory

State: TypeAlias = tuple[float, float]
WEIGHTS: Final = ("parameters", "initial_scale")  # ways that say the weights of a transformer


class Place(NamedTuple):
    """A start as ((a + b)/2, (a - b)/2), None where none was given, and words for it.

    `scale` is what fixes mu, `layer` the transformer whose weights were given.
    """

    scale: Scale
    layer: Layer | None
    state: State | None
    where: str


@dataclass(frozen=True, slots=True)
class GivenStart:
    """What was said of the start, before it is checked."""

    start: Sequence[float] | None
    parameters: Any
    initial_scale: float | None
    a: float | None
    b: float | None
    imbalance: float | None
    product: float | None

    def way(self) -> str | None:
        """Return which way to say a start was used, if any."""
        pairs = {"a": "b", "imbalance": "product"}
        ways = ("start", *WEIGHTS, *pairs)
        used = [way for way in ways if self._says(way) or self._says(pairs.get(way, way))]
        if len(used) > 1:
            allowed = "give one start: start, or a and b, or imbalance and product, or weights"
            raise AdviceError(used[0], allowed)
        return used[0] if used else None

    def _says(self, key: str) -> bool:
        return getattr(self, key) is not None

    def of_weights(self, eta: float, prompt: Any, reduction: str, seed: int) -> Place:
        """Return what a transformer with given weights makes of a prompt."""
        drawn = self.initial_scale is not None
        key = "initial_scale" if drawn else "parameters"
        if prompt is None:
            raise AdviceError(key, "needs a prompt")
        said, read = prompts.read(prompt)
        layer = prompts.layer(read, reduction, self.parameters, self.initial_scale, seed, eta)
        state = _state(key, (layer.a + layer.b) / 2.0, (layer.a - layer.b) / 2.0)
        words = f"normal weights of deviation {self.initial_scale:g}, " if drawn else ""
        where = f", {words}start a = {layer.a:.4g}, b = {layer.b:.4g}"
        return Place(scale.of_layer(said, layer, eta), layer, state, where)

    def of_numbers(self, eta: float, found: Scale) -> Place:
        """Return a start that was given by numbers."""
        match self.way():
            case None:
                state, where = None, ""
            case "start":
                state, where = self._raw(eta, found)
            case "a":
                a, b, where = _pair(a=self.a, b=self.b)
                state = _state("a", (a + b) / 2.0, (a - b) / 2.0)
            case _:
                imbalance, product, where = _pair(imbalance=self.imbalance, product=self.product)
                u, v = theory.start_state(imbalance, product)
                state = _state("imbalance", float(u), float(v))
        return Place(found, None, state, where)

    def _raw(self, eta: float, found: Scale) -> tuple[State, str]:
        """Bring (u, w) to the units of the map."""
        raw, allowed = self.start, "should be two finite numbers, u and w"
        if found.factor is None:
            needs = "needs factor and target, or prompt, or pool; with sharpness give a, b"
            raise AdviceError("start", needs)
        if raw is None or np.shape(raw) != (2,):
            raise AdviceError("start", "should be two numbers, u and w", raw)
        u, w = (checks.number("start", part, allowed) for part in raw)
        size = math.sqrt(eta) * found.factor
        p, q = size * u, size * found.sign * w
        return _state("start", (p + q) / 2.0, (p - q) / 2.0), f", start u = {u:g}, w = {w:g}"


def _pair(**parts: float | None) -> tuple[float, float, str]:
    """Return two numbers that go together, and words for them."""
    first, second = (
        checks.number(name, part, "should be a finite number") for name, part in parts.items()
    )
    one, other = parts
    return first, second, f", start {one} = {first:g}, {other} = {second:g}"


def _state(key: str, u: float, v: float) -> State:
    if not max(abs(u), abs(v)) < 1e100:
        raise AdviceError(key, "a and b should be below 1e100; everything there diverges")
    if u == v == 0.0:
        raise AdviceError(key, "should not be the origin: no gradient moves it, whatever the rate")
    return u, v
