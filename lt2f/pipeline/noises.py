"""Models of noise: what each step of a sweep draws."""

from typing import Annotated, Literal

from pydantic import Field

from lt2f.pipeline.rules import Model, whole

MAX_SIDE, MAX_POOL = 2**12, 2**16  # of a prompt, and prompts in a pool or in a batch
Side = Annotated[int, Field(ge=1, le=MAX_SIDE), whole]


class Noiseless(Model):
    """Full batches: the map itself."""

    model: Literal["none"]


class Noisy(Model):
    """Mini-batches: random multipliers, or a random target, drawn afresh at every step.

    `multiplicative` multiplies the step of both factors by one number, `factors` that of each
    factor by its own; the latter is for orbits and trajectories.
    """

    model: Literal["multiplicative", "target", "factors"]
    law: Literal["two_point", "uniform", "normal"] = "two_point"


class Prompts(Model):
    """Mini-batches of prompts from a pool: batch_size of them, drawn afresh at every step.

    A prompt is `context` Gaussian inputs in `dimension` with labels by a random linear rule, plus
    noise of standard deviation `label_noise`; without `replacement` no batch has a prompt twice.
    """

    model: Literal["prompts"]
    dimension: Side
    context: Side
    pool_size: Annotated[int, Field(ge=1, le=MAX_POOL), whole]
    label_noise: Annotated[float, Field(ge=0)] = 0.0
    replacement: bool = True
