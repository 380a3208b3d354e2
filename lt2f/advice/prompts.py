"""A prompt, and the parameters of the transformer that reads it, as a question about the map."""

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from lt2f.advice.checks import AdviceError, one_of

MODELS: Final = ("scalar", "matrix", "full")


class Reduced(NamedTuple):
    """The start (a, b) and mu of the map that a transformer follows, and the factor |c|."""

    a: float
    b: float
    mu: float
    factor: float


def read(prompt: Any) -> tuple[str, Any]:
    """Return words for a prompt, and the prompt, which may be in a file."""
    from lt2f.training.prompts import read_prompt

    if not isinstance(prompt, str | Path):
        return "a prompt", prompt
    try:
        return f"prompt {Path(prompt).name}", read_prompt(prompt)
    except ValueError as error:
        raise AdviceError("prompt", str(error)) from None


def coupling(prompt: Any, reduction: str) -> tuple[float, float]:
    """Return the factor c and the target of a prompt, where they do not depend on the start."""
    from lt2f import reduction as bridge
    from lt2f.training.transformer import Model

    one_of("reduction", reduction, MODELS)
    if reduction == "full":
        raise AdviceError("reduction", "needs parameters, on which the factor depends", "full")
    c, y = float(bridge.coupling(Model(reduction), prompt)), float(prompt.target)
    if c == 0.0 or y == 0.0:
        raise AdviceError("prompt", f"moves nothing: factor {c:g}, target {y:g}, both not 0 wanted")
    return c, y


def reduce(prompt: Any, reduction: str, parameters: Any, step_size: float) -> Reduced:
    """Reduce a transformer with given parameters (value, key_query); shapes as in `train`."""
    from lt2f import reduction as bridge
    from lt2f.training.transformer import Model, Parameters

    one_of("reduction", reduction, MODELS)
    y = abs(float(prompt.target))
    if y == 0.0:
        raise AdviceError("prompt", "has target 0, for which mu is 0 whatever the learning rate")
    try:
        value, key_query = (np.asarray(part, dtype=np.float64) for part in parameters)
        start = Parameters(value, key_query)
        a, b, mu = map(float, bridge.reduce(Model(reduction), prompt, start, step_size))
    except (TypeError, ValueError) as error:  # its own words, or a shape that numpy refuses
        raise AdviceError("parameters", str(error)) from None
    return Reduced(a, b, mu, mu / (step_size * y))
