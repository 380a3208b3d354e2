"""Kinds of sweep: what is computed in each cell of a grid, and the rules that make it well posed.

Every coordinate of a cell is once an axis or once fixed: mu; the start, as imbalance and product or
as a and b, perhaps with a perturbation of b; and, where the steps are noisy, realization and noise
or, where prompts are drawn from a pool, batch_size.
"""

import hashlib
import math
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lt2f.pipeline.axes import FORMS, AnyAxis, Counted
from lt2f.pipeline.rules import Model, refusal, whole

MAX_CELLS = 10**12  # of one sweep
MAX_STEPS = 10**12  # in one cell, of each sort: their sums stay far below 2**63

Positive = Annotated[int, Field(ge=1), whole]
Steps = Annotated[int, Field(ge=1, le=MAX_STEPS), whole]
Transient = Annotated[int, Field(ge=0, le=MAX_STEPS), whole]

Coordinate = Literal[
    "mu",
    "imbalance",
    "product",
    "a",
    "b",
    "noise",
    "realization",
    "perturbation",
    "batch_size",
    "step_size",
]
WHOLE = frozenset({"realization", "batch_size"})  # coordinates that are integers
Recordable = Literal[
    "regime",
    "decided_by",
    "period",
    "residual_period",
    "lyapunov",
    "transverse_lyapunov",
    "steps",
    "imbalance_final",
    "sharpness",
    "loss_mean",
    "loss_peak_ratio",
    "weights_mean",
    "branch",
]
RECORDABLE: tuple[Recordable, ...] = get_args(Recordable)
ALWAYS = ("regime", "decided_by")  # the rest cannot be read without them


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


MAX_SIDE, MAX_POOL = 2**12, 2**16  # of a prompt, and prompts in a pool or in a batch
Side = Annotated[int, Field(ge=1, le=MAX_SIDE), whole]


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


class MapIterations(Model):
    """Steps discarded, steps measured, and the longest cycle looked for."""

    transient: Transient
    measure: Annotated[int, Field(ge=32, le=MAX_STEPS), whole]
    max_period: Annotated[int, Field(ge=1, le=1024), whole] = 64


class OrbitIterations(Model):
    """Steps discarded, and steps kept."""

    transient: Transient
    samples: Steps


class TrajectoryIterations(Model):
    """Steps kept, from the first."""

    steps: Steps


class EllipseIterations(Model):
    """Steps measured."""

    measure: Annotated[int, Field(ge=32, le=MAX_STEPS), whole]


class Sweep(Model):
    """A grid of cells, and what to compute in each."""

    scale: ClassVar[Literal["mu", "step_size"]] = "mu"

    axes: Annotated[dict[Coordinate, AnyAxis], Field(min_length=1)]
    fixed: dict[Coordinate, float] = Field(default_factory=dict)
    noise: Annotated[Noiseless | Noisy | Prompts, Field(discriminator="model")] = Noiseless(
        model="none"
    )
    shortcuts: bool = True
    tile: dict[Coordinate, Positive] = Field(default_factory=dict)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return math.prod(axis.size for axis in self.axes.values())

    @property
    def has_realizations(self) -> bool:
        """Whether something in a cell is random."""
        return self.noise.model != "none"

    def coordinates(self) -> dict[str, NDArray[Any]]:
        """Compute the values along each axis, in order: int64 for what is WHOLE, else float64."""
        return {
            name: axis.values().astype(np.int64 if name in WHOLE else np.float64)
            for name, axis in self.axes.items()
        }

    def scalars(self) -> dict[str, float]:
        """Return the coordinates that do not vary; realization, an int, is 0 if unsaid."""
        unsaid = self.has_realizations and "realization" not in self.axes
        values: dict[str, float] = {"realization": 0} if unsaid else {}
        for name, value in self.fixed.items():
            values[name] = int(value) if name in WHOLE else value + 0.0  # never −0.0
        return values

    def identity(self) -> dict[str, Any]:
        """Return exactly the settings that determine the data, as plain JSON.

        Equal for two spellings of the same doubles: axes, in order, stand as the SHA-256 of their
        little-endian bytes, scalars in hexadecimal.
        """
        plain = self.model_dump(mode="json", exclude={"axes", "fixed", "tile"})
        if "record" in plain:
            plain["record"].sort()
        plain["axes"] = [
            [name, axis.size, hashlib.sha256(axis.values().astype("<f8").tobytes()).hexdigest()]
            for name, axis in self.axes.items()
        ]
        plain["fixed"] = {name: float(x).hex() for name, x in sorted(self.scalars().items())}
        return plain

    def _place(self, name: str) -> tuple[str, str]:
        return ("axes" if name in self.axes else "fixed", name)

    @model_validator(mode="after")
    def _each_coordinate_once(self) -> Self:
        for name in self.fixed:
            if name in self.axes:
                raise refusal("is an axis too, give it once", "fixed", name)
        return self

    @model_validator(mode="after")
    def _start_is_given(self) -> Self:
        given = self.axes.keys() | self.fixed.keys()
        factors = [name for name in ("a", "b") if name in given]
        if factors and given & {"imbalance", "product"}:
            reason = "start from imbalance and product or from a and b, not from both"
            raise refusal(reason, *self._place(factors[0]))
        if "perturbation" in given and not factors:
            reason = "is added to b: start from a and b, not from imbalance and product"
            raise refusal(reason, *self._place("perturbation"))
        for name in {"mu", "step_size"} & given - {self.scale}:
            reason = "is for the kind transformer, maps have mu"
            if name == "mu":
                reason = "follows from the prompt, a transformer has step_size"
            raise refusal(reason, *self._place(name))
        for name in (self.scale, *(("a", "b") if factors else ("imbalance", "product"))):
            if name not in given:
                need = f"every sweep needs {self.scale}, and imbalance and product or a and b"
                raise refusal(f"missing, {need}, each an axis or fixed", "axes", name)
        return self

    @model_validator(mode="after")
    def _noise_has_a_model(self) -> Self:
        model, everything = self.noise.model, {**self.axes, **self.fixed}
        given = [name for name in ("noise", "realization") if name in everything]
        if model == "none" and given:
            reason = "needs noise.model to be multiplicative, target or factors, it is none"
            raise refusal(reason, *self._place(given[0]))
        needed, other = ("noise", "batch_size") if model != "prompts" else ("batch_size", "noise")
        if other == "batch_size" and other in everything:
            reason = f"needs noise.model to be prompts, it is {model}"
            raise refusal(reason, *self._place(other))
        if other == "noise" and other in everything:
            reason = "is not for noise.model prompts, whose noise follows from batch_size"
            raise refusal(reason, *self._place(other))
        if model != "none" and needed not in everything:
            reason = f"missing, noise.model {model} needs it, an axis or fixed"
            raise refusal(reason, "axes", needed)
        return self

    @model_validator(mode="after")
    def _grid_is_finite(self) -> Self:
        if self.cells > MAX_CELLS:
            shape = " x ".join(str(axis.size) for axis in self.axes.values())
            raise refusal(f"should make at most {MAX_CELLS} cells, not {shape}", "axes")
        for name in self.tile:
            if name not in self.axes:
                known = ", ".join(self.axes)
                raise refusal(f"should be an axis of this sweep: {known}", "tile", name)
        return self

    @model_validator(mode="after")
    def _values_have_a_meaning(self) -> Self:
        for name, axis in self.axes.items():
            if isinstance(axis, Counted) and name != "realization":
                raise refusal(f"should be {FORMS}, num alone is for realization", "axes", name)
        points = {name: axis.values() for name, axis in self.axes.items()}
        points |= {name: np.array([value]) for name, value in self.fixed.items()}
        for name in ("mu", "noise", "realization"):
            if name in points and points[name][0] < 0:
                raise refusal("should be greater than or equal to 0", *self._place(name))
        if "step_size" in points and points["step_size"][0] <= 0:
            raise refusal("should be greater than 0", *self._place("step_size"))
        whole = points.get("realization", np.zeros(1))
        if (whole != np.floor(whole)).any() or whole[-1] > 2**53:
            raise refusal("should be integers up to 2**53", *self._place("realization"))
        return self

    @model_validator(mode="after")
    def _batches_can_be_drawn(self) -> Self:
        if not isinstance(self.noise, Prompts):
            return self
        axis, fixed = self.axes.get("batch_size"), self.fixed.get("batch_size")
        sizes = axis.values() if axis else np.array([fixed])
        if (sizes != np.floor(sizes)).any() or sizes[0] < 1 or sizes[-1] > MAX_POOL:
            reason = f"should be integers from 1 to {MAX_POOL}"
            raise refusal(reason, *self._place("batch_size"))
        if not self.noise.replacement and sizes[-1] > self.noise.pool_size:
            reason = f"should be at most noise.pool_size, {self.noise.pool_size}, for"
            raise refusal(f"{reason} noise.replacement is false", *self._place("batch_size"))
        return self


def _with_always(names: tuple[Recordable, ...]) -> tuple[Recordable, ...]:
    return tuple(name for name in RECORDABLE if name in names or name in ALWAYS)


Record = Annotated[tuple[Recordable, ...], Field(strict=False), AfterValidator(_with_always)]


class MapSweep(Sweep):
    """What each cell does in the long run: regime, period, exponents.

    With ``count: realization`` cells are not kept: what is, for every other coordinate, is how many
    realizations ended in each regime.
    """

    kind: Literal["map"] = "map"
    iterations: MapIterations
    record: Record = RECORDABLE
    count: Literal["realization"] | None = None

    @model_validator(mode="after")
    def _labels_need_a_theory(self) -> Self:
        if self.noise.model == "factors":  # its exponents are those of random matrix products
            reason = "has no labels for a map, should be multiplicative, target or prompts, or the"
            raise refusal(f"{reason} kind orbit or trajectory", "noise", "model")
        return self

    @model_validator(mode="after")
    def _counts_are_of_an_axis(self) -> Self:
        if self.count and len(self.axes) < 2:
            raise refusal("needs another axis beside realization", "count")
        if self.count and self.count not in self.axes:
            raise refusal("should be an axis of this sweep", "count")
        if self.count and self.record not in (ALWAYS, RECORDABLE):  # the default stands for it
            raise refusal("count keeps nothing but regimes; leave record out", "record")
        return self


Sampled = Literal["residual", "imbalance"]
RESIDUAL: tuple[Sampled, ...] = ("residual",)


def _with_residual(names: tuple[Sampled, ...]) -> tuple[Sampled, ...]:
    return ("residual", "imbalance") if "imbalance" in names else RESIDUAL


Samples = Annotated[
    tuple[Sampled, ...], Field(strict=False, min_length=1), AfterValidator(_with_residual)
]


class OrbitSweep(Sweep):
    """Samples of the residual after a transient, for orbit diagrams, and of the imbalance."""

    kind: Literal["orbit"]
    iterations: OrbitIterations
    record: Samples = RESIDUAL

    def identity(self) -> dict[str, Any]:
        """Return the settings that determine the data; the residual alone goes without saying."""
        plain = super().identity()
        if self.record == RESIDUAL:
            del plain["record"]
        return plain


class TrajectorySweep(Sweep):
    """Loss, sharpness and imbalance at every step."""

    kind: Literal["trajectory"]
    iterations: TrajectoryIterations


class EllipseSweep(Sweep):
    """Chaos on the Chebyshev ellipse, followed by its angle from a random start.

    Which start is the realization's: it follows from the seed and its number alone.
    """

    kind: Literal["ellipse"]
    iterations: EllipseIterations

    @property
    def has_realizations(self) -> bool:
        """Whether something in a cell is random: the start."""
        return True

    @model_validator(mode="after")
    def _start_is_given(self) -> Self:
        given = [*self.axes, *self.fixed]
        for name in given:
            if name not in ("mu", "realization"):
                reason = "an ellipse has mu and realization, each an axis or fixed, and no other"
                raise refusal(reason, *self._place(name))
        if "mu" not in given:
            raise refusal("missing, an ellipse needs mu, an axis or fixed", "axes", "mu")
        return self

    @model_validator(mode="after")
    def _noise_has_a_model(self) -> Self:
        if self.noise.model != "none":
            raise refusal("should be none, the ellipse is of full batches", "noise", "model")
        return self

    @model_validator(mode="after")
    def _there_is_an_ellipse(self) -> Self:
        mu = self.axes["mu"].values() if "mu" in self.axes else np.array([self.fixed["mu"]])
        if not (mu[0] > 0 and mu[-1] < 2):
            raise refusal("should lie between 0 and 2, both excluded", *self._place("mu"))
        return self


MAX_TRAINING = 10**6  # steps of each sort, for every output of a training is held at once
TrainingSteps = Annotated[int, Field(ge=0, le=MAX_TRAINING), whole]


class TransformerIterations(Model):
    """Steps discarded and measured, the longest cycle looked for, and outputs kept.

    Kept are the first `samples` outputs of the measured steps.
    """

    transient: TrainingSteps
    measure: Annotated[int, Field(ge=32, le=MAX_TRAINING), whole]
    max_period: Annotated[int, Field(ge=1, le=1024), whole] = 64
    samples: Annotated[int, Field(ge=1, le=MAX_TRAINING), whole] = 64

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
    dimension: Annotated[int, Field(ge=1, le=1024), whole]
    context: Annotated[int, Field(ge=1, le=65536), whole]
    label_noise: Annotated[float, Field(ge=0)] = 0.0
    start: Literal["eigenvector", "gaussian"] = "eigenvector"

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
    transformer: Transformer
    iterations: TransformerIterations

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


def _map_if_unsaid(value: object) -> object:
    return {"kind": "map", **value} if isinstance(value, dict) else value


AnySweep = Annotated[
    MapSweep | OrbitSweep | TrajectorySweep | EllipseSweep | TransformerSweep,
    Field(discriminator="kind"),
    BeforeValidator(_map_if_unsaid),
]
