"""A prompt, and the transformer that reads it, as a question about the map."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from lt2f import reduction as bridge
from lt2f.advice import layers
from lt2f.advice.checks import AdviceError, one_of
from lt2f.training.prompts import Prompt, read_prompt
from lt2f.training.transformer import Model, Parameters

MODELS: Final = ("scalar", "matrix", "full")


@dataclass(frozen=True, slots=True)
class Layer:
    """A transformer at the start of training, and the map it follows, exactly or nearly.

    `a`, `b`, `mu` and the factor |c| are those of the map; for the full model those of its nearest
    two-factor block, from which it departs by `departure`, a relative spread of couplings (0: the
    map is exact). `parameters` are value and key_query.
    """

    model: Model
    a: float
    b: float
    mu: float
    factor: float
    departure: float
    prompt: Prompt = field(repr=False, compare=False)
    parameters: Parameters = field(repr=False, compare=False)

    @property
    def is_exact(self) -> bool:
        """Whether training is the map, to rounding."""
        return self.departure == 0.0


def read(prompt: Any) -> tuple[str, Prompt]:
    """Return words for a prompt, and the prompt, which may be in a file."""
    if isinstance(prompt, Prompt):
        return "a prompt", prompt
    if not isinstance(prompt, str | Path):
        raise AdviceError("prompt", "should be a prompt, or the name of a file with one", prompt)
    try:
        return f"prompt {Path(prompt).name}", read_prompt(prompt)
    except ValueError as error:
        raise AdviceError("prompt", str(error)) from None


def coupling(prompt: Prompt, reduction: str) -> tuple[float, float]:
    """Return the factor c and the target of a prompt, where they do not depend on the start."""
    one_of("reduction", reduction, MODELS)
    if reduction == "full":
        allowed = "needs parameters or initial_scale: the factor depends on the weights"
        raise AdviceError("reduction", allowed, "full")
    with np.errstate(over="ignore", invalid="ignore"):
        c, y = float(bridge.coupling(Model(reduction), prompt)), float(prompt.target)
    if not np.isfinite(c):
        raise AdviceError("prompt", "has a factor c beyond the range of doubles")
    if c == 0.0 or y == 0.0:
        raise AdviceError("prompt", f"moves nothing: factor {c:g}, target {y:g}, both not 0 wanted")
    return c, y


def layer(
    prompt: Prompt, reduction: str, parameters: Any, scale: Any, seed: int, step_size: float
) -> Layer:
    """Take a transformer with given weights (value, key_query), or drawn ones, to the map."""
    one_of("reduction", reduction, MODELS)
    model, y = Model(reduction), abs(float(prompt.target))
    if y == 0.0:
        raise AdviceError("prompt", "has target 0, for which mu is 0 whatever the learning rate")
    key = "parameters" if scale is None else "initial_scale"
    start = layers.read(parameters) if scale is None else layers.draw(model, prompt, scale, seed)
    if not _is_moderate(prompt):
        raise AdviceError("prompt", "has products of its numbers beyond the range of doubles")
    try:
        with np.errstate(all="ignore"):
            a, b, mu = map(float, bridge.reduce(model, prompt, start, step_size, nearest=True))
            departure = _departure(model, prompt, start)
    except (TypeError, ValueError) as error:  # its own words, or a shape that numpy refuses
        raise AdviceError(key, str(error)) from None
    return Layer(model, a, b, mu, mu / (step_size * y), departure, prompt, start)


def _is_moderate(prompt: Prompt) -> bool:
    """Whether couplings, and their squares, are doubles."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.linalg.norm(prompt.tokens) ** 6))


def _departure(model: Model, prompt: Prompt, parameters: Parameters) -> float:
    if model != Model.FULL:
        return 0.0
    found = bridge.block(prompt, parameters)
    return 0.0 if bool(found.is_exact) else float(found.departure)
