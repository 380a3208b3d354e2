"""Grids of cells, whatever is computed in each, and the rules that make them well posed.

Every coordinate of a cell is once an axis or once fixed: mu; the start, as imbalance and product or
as a and b, perhaps with a perturbation of b; and, where the steps are noisy, realization and noise
or, where prompts are drawn from a pool, batch_size. Another law of the step brings its strength.
"""

import hashlib
import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from lt2f.dynamics.steps import STEPS, of_step
from lt2f.pipeline.axes import FORMS, AnyAxis, Counted
from lt2f.pipeline.noises import MAX_POOL, Noiseless, Noisy, Prompts
from lt2f.pipeline.rules import Model, refusal, whole

MAX_CELLS = 10**12  # of one sweep

Positive = Annotated[int, Field(ge=1), whole]

_EVERYWHERE = (
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
)
if TYPE_CHECKING:
    Coordinate: TypeAlias = str
else:
    Coordinate = Literal[(*_EVERYWHERE, *STEPS)]
WHOLE = frozenset({"realization", "batch_size"})  # coordinates that are integers


class Sweep(Model):
    """A grid of cells, and what to compute in each."""

    scale: ClassVar[Literal["mu", "step_size"]] = "mu"

    axes: Annotated[dict[Coordinate, AnyAxis], Field(min_length=1)]
    """Coordinates that vary, in the order of the dataset's dimensions."""
    fixed: dict[Coordinate, float] = Field(default_factory=dict)
    """Coordinates that do not vary, one number each; kept in the dataset as scalars."""
    noise: Annotated[Noiseless | Noisy | Prompts, Field(discriminator="model")] = Noiseless(
        model="none"
    )
    """What each step draws; none if unsaid."""
    shortcuts: bool = True
    """Whether theorems may decide cells without a run; false is brute force, for checks."""
    tile: dict[Coordinate, Positive] = Field(default_factory=dict)
    """Cells of a chunk along an axis, chosen for you if unsaid; never changes a number."""

    @property
    def cells(self) -> int:
        """Number of cells."""
        return math.prod(axis.size for axis in self.axes.values())

    @property
    def has_realizations(self) -> bool:
        """Whether something in a cell is random."""
        return self.noise.model != "none"

    @property
    def law(self) -> str:
        """Law of the step: that of a coordinate, such as decay, or the model of its noise."""
        return of_step({**self.axes, **self.fixed}, self.noise.model)

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
    def _other_steps_are_of_whole_batches(self) -> Self:
        given = [name for name in STEPS if name in self.axes or name in self.fixed]
        if not given:
            return self
        name, place = given[0], self._place(given[0])
        if self.noise.model != "none" or self.scale != "mu":
            kinds = "maps, orbits and trajectories without noise"
            other = f", noise.model is {self.noise.model}" * (self.scale == "mu")
            raise refusal(f"is for {kinds}{other}", *place)
        if len(given) > 1:
            raise refusal(f"is another law of the step than {name}", *self._place(given[1]))
        axis, below = self.axes.get(name), STEPS[name].below
        values = axis.values() if axis else np.array([self.fixed[name]])
        if values[0] < 0 or values[-1] >= below:
            bound = f" and less than {below:g}" * math.isfinite(below)
            raise refusal(f"should be at least 0{bound}", *place)
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
