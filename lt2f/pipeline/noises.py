"""Models of noise: what each step of a sweep draws."""

from typing import Annotated, Literal

from pydantic import Field

from lt2f.laws import Name
from lt2f.pipeline.rules import Model, whole

NoiseModel = Literal["none", "multiplicative", "target", "factors", "prompts"]

MAX_SIDE, MAX_POOL = 2**12, 2**16  # of a prompt, and prompts in a pool or in a batch
Side = Annotated[int, Field(ge=1, le=MAX_SIDE), whole]


class Noiseless(Model):
    """Full batches: the map itself."""

    model: Literal["none"]
    """No noise: every step uses all the data."""


class Noisy(Model):
    """Mini-batches: random multipliers, or a random target, drawn afresh at every step.

    `multiplicative` multiplies the step of both factors by one number, `factors` that of each
    factor by its own; the latter is for orbits and trajectories.
    """

    model: Literal["multiplicative", "target", "factors"]
    """What is random: the step's multiplier, the target, or one multiplier for each factor."""
    law: Name = "two_point"
    """Distribution of the draws, with the standard deviation that the coordinate noise gives."""


class Prompts(Model):
    """Mini-batches of prompts from a pool: batch_size of them, drawn afresh at every step.

    A prompt is `context` Gaussian inputs in `dimension` with labels by a random linear rule, plus
    noise of standard deviation `label_noise`; without `replacement` no batch has a prompt twice.
    """

    model: Literal["prompts"]
    """Batches are drawn from a pool of Gaussian prompts."""
    dimension: Side
    """Dimension d of an input."""
    context: Side
    """Number of labelled examples in a prompt."""
    pool_size: Annotated[int, Field(ge=1, le=MAX_POOL), whole]
    """Prompts in the pool."""
    label_noise: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of the noise in the labels."""
    replacement: bool = True
    """Whether a batch may hold a prompt twice."""
