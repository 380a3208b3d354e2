"""Settings of sweeps of kind transformer: the model that is trained, its prompts, how long."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lt2f.pipeline.grids import Sweep
from lt2f.pipeline.rules import Model, refusal, whole

MAX_TRAINING = 10**6  # steps of each sort, for every output of a training is held at once
TrainingSteps = Annotated[int, Field(ge=0, le=MAX_TRAINING), whole]


class TransformerIterations(Model):
    """Steps discarded and measured, the longest cycle looked for, and outputs kept.

    Kept are the first `samples` outputs of the measured steps.
    """

    transient: TrainingSteps
    """Steps discarded before anything is measured."""
    measure: Annotated[int, Field(ge=32, le=MAX_TRAINING), whole]
    """Steps that labels are taken from; at least twice max_period."""
    max_period: Annotated[int, Field(ge=1, le=1024), whole] = 64
    """Longest cycle that is looked for."""
    samples: Annotated[int, Field(ge=1, le=MAX_TRAINING), whole] = 64
    """Outputs kept of the measured steps, the first ones."""

    @model_validator(mode="after")
    def _measure_holds_the_rest(self) -> Self:
        if self.measure < 2 * self.max_period:
            raise refusal("should be at least twice max_period", "measure")
        if self.samples > self.measure:
            raise refusal("should be at most the steps measured", "samples")
        return self


class Transformer(Model):
    """The linear transformer that is trained, and the law of its Gaussian prompts.

    `start` is for the full model: p and q begin along the leading eigenvector of the prompt's Gram
    matrix, from where it follows the map but for rounding, or along a Gaussian direction.
    """

    model: Literal["scalar", "matrix", "full"]
    """Which weights train: two numbers, a number and a matrix, or all matrices."""
    dimension: Annotated[int, Field(ge=1, le=1024), whole]
    """Dimension d of an input."""
    context: Annotated[int, Field(ge=1, le=65536), whole]
    """Number of labelled examples in a prompt."""
    label_noise: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of the noise in the labels."""
    start: Literal["eigenvector", "gaussian"] = "eigenvector"
    """Direction in which the full model starts."""

    @model_validator(mode="after")
    def _directions_are_of_the_full_model(self) -> Self:
        if self.start == "gaussian" and self.model != "full":
            reason = "should be eigenvector, only the full model starts in several directions"
            raise refusal(reason, "start")
        return self


class TransformerSweep(Sweep):
    """Real trainings of a linear transformer, labelled by themselves, beside the map's forecast.

    A realization is a prompt, a function of the seed and its number alone.
    """

    scale: ClassVar[Literal["mu", "step_size"]] = "step_size"

    kind: Literal["transformer"]
    """What is computed in each cell: a training of the unreduced linear transformer."""
    transformer: Transformer
    """The model, and the law of its prompts."""
    iterations: TransformerIterations
    """How many steps."""

    @property
    def has_realizations(self) -> bool:
        """Whether something in a cell is random: the prompt."""
        return True

    @model_validator(mode="after")
    def _noise_has_a_model(self) -> Self:
        reason = "a transformer is trained on the whole of one prompt"
        if self.noise.model != "none":
            raise refusal(f"should be none, {reason}", "noise", "model")
        if "noise" in {**self.axes, **self.fixed}:
            raise refusal(f"has no meaning here, {reason}", *self._place("noise"))
        return self
