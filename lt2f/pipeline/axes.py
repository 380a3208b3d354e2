"""Axes of a sweep: five spellings of a strictly increasing sequence of doubles.

A decimal in the settings means that decimal. ``{start, step, num}`` is therefore computed in exact
rational arithmetic and rounded once: value i does not depend on how long the axis is, and an axis
that grows keeps every value it had, to the bit.
"""

import math
from abc import abstractmethod
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate
from operator import mul
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from lt2f.pipeline.rules import Model, refusal, whole

MAX_POINTS = 10**7  # on one axis, which is held in memory: eight bytes each

Points = Annotated[int, Field(ge=1, le=MAX_POINTS), whole]


class Axis(Model):
    """A strictly increasing, finite sequence of doubles."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of values, known without computing them."""

    @abstractmethod
    def values(self) -> NDArray[np.float64]:
        """Compute the values, shape (size,)."""

    def anchor(self) -> int:
        """Return the absolute index of the first value, to which chunks are aligned."""
        return 0

    @model_validator(mode="after")
    def _strictly_increasing(self) -> Self:
        values = self.values()
        if not np.isfinite(values).all():
            raise refusal("leaves the range of double precision")
        flat = np.flatnonzero(np.diff(values) <= 0)
        if flat.size:
            i = int(flat[0])
            pair = f"value {i + 1} is {values[i + 1]!s} after {values[i]!s}"
            raise refusal(f"should increase strictly in double precision, but {pair}")
        return self


class Stepped(Axis):
    """start, start + step, …: each value the double nearest to the exact decimal."""

    start: float
    """First value."""
    step: Annotated[float, Field(gt=0)]
    """Distance between values; value i is the double nearest to start + i·step."""
    num: Points
    """Number of values."""

    @property
    def size(self) -> int:
        """Number of values."""
        return self.num

    def _decimals(self) -> tuple[Fraction, Fraction]:
        # The shortest decimal that reads back as the double: what the user wrote.
        return Fraction(repr(self.start)), Fraction(repr(self.step))

    def values(self) -> NDArray[np.float64]:
        """Compute start + i·step; a number beyond the doubles becomes inf.

        Over a common denominator each value is one quotient of integers, and Python rounds that
        correctly.
        """
        start, step = self._decimals()
        common = math.lcm(start.denominator, step.denominator)
        first, increment = int(start * common), int(step * common)
        quotients = ((first + i * increment) / common for i in range(self.num))
        try:
            return np.fromiter(quotients, np.float64, self.num)
        except OverflowError:
            return np.full(self.num, np.inf)

    def anchor(self) -> int:
        """Return ⌊start/step⌋, exactly: an axis that starts k steps earlier has k less."""
        start, step = self._decimals()
        return start // step


class Spaced(Axis):
    """``num`` values from start to stop, both included, as numpy.linspace places them."""

    start: float
    """First value."""
    stop: float
    """Last value."""
    num: Points
    """Number of values."""

    @property
    def size(self) -> int:
        """Number of values."""
        return self.num

    def values(self) -> NDArray[np.float64]:
        """Compute the values; a range beyond the doubles gives inf or NaN."""
        with np.errstate(over="ignore", invalid="ignore"):
            # + 0.0 turns −0.0 into 0.0: equal values have equal bits
            return np.linspace(self.start, self.stop, self.num) + 0.0

    @field_validator("stop")
    @classmethod
    def _stop_after_start(cls, stop: float, info: ValidationInfo) -> float:
        start = info.data.get("start", -math.inf)  # absent where it has a fault of its own
        if stop <= start:
            raise refusal(f"should be greater than start, {start}")
        return stop


class Listed(Axis):
    """The values as they are given."""

    given: Annotated[tuple[float, ...], Field(alias="values", min_length=1, strict=False)]
    """The values, each greater than the one before."""

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.given)

    def values(self) -> NDArray[np.float64]:
        """Return the values as an array."""
        return np.array(self.given, np.float64) + 0.0


class Around(Axis):
    """Values that crowd to a point from both sides, at distances in geometric progression.

    Half of the ``num`` values lie below it and half above, mirrored; if their number is odd, the
    point itself is among them. For cascades and power laws, whose shape is even in the logarithm of
    the distance.
    """

    around: float
    """The point to which the values crowd."""
    farthest: Annotated[float, Field(gt=0)]
    """Distance of the first and the last value from it."""
    nearest: Annotated[float, Field(gt=0)]
    """Distance of the closest values from it."""
    num: Annotated[Points, Field(ge=4)]
    """Number of values."""

    @property
    def size(self) -> int:
        """Number of values."""
        return self.num

    def values(self) -> NDArray[np.float64]:
        """Compute around ± farthest·ratio^i, ratio^(num // 2 - 1) = nearest/farthest.

        In decimals of fifty digits, of which forty are sure and kept: the same doubles on every
        machine, which the power of a library of mathematics does not promise.
        """
        point, far, near = (Decimal(repr(x)) for x in (self.around, self.farthest, self.nearest))
        side = self.num // 2
        with localcontext(prec=50):
            ratio = (near / far) ** (1 / Decimal(side - 1))
            gaps = list(accumulate([ratio] * (side - 1), mul, initial=far))
        with localcontext(prec=40):
            gaps = [+gap for gap in gaps]
        with localcontext(prec=50):
            below, above = [point - gap for gap in gaps], [point + gap for gap in gaps[::-1]]
        middle = [point] * (self.num % 2)
        return np.array([float(x) for x in (*below, *middle, *above)]) + 0.0

    @field_validator("nearest")
    @classmethod
    def _nearest_within_farthest(cls, nearest: float, info: ValidationInfo) -> float:
        farthest = info.data.get("farthest", math.inf)  # absent where it has a fault of its own
        if nearest >= farthest:
            raise refusal(f"should be less than farthest, {farthest}")
        return nearest


class Counted(Axis):
    """0, 1, …, num − 1: the realizations of the noise."""

    num: Points
    """Number of realizations."""

    @property
    def size(self) -> int:
        """Number of values."""
        return self.num

    def values(self) -> NDArray[np.float64]:
        """Return 0, 1, …, num − 1."""
        return np.arange(self.num, dtype=np.float64)


def _form(value: object) -> str | None:
    """Tell by its keys which of the five an axis is."""
    if isinstance(value, Axis):
        return type(value).__name__
    if not isinstance(value, dict):
        return None
    if value.keys() == {"num"}:
        return "Counted"
    if "around" in value:
        return "Around"
    return "Listed" if "values" in value else "Spaced" if "stop" in value else "Stepped"


FORMS = (
    "{start, step, num}, {start, stop, num}, {around, farthest, nearest, num} or {values: [...]}"
)

AnyAxis = Annotated[
    Annotated[Stepped, Tag("Stepped")]
    | Annotated[Spaced, Tag("Spaced")]
    | Annotated[Listed, Tag("Listed")]
    | Annotated[Around, Tag("Around")]
    | Annotated[Counted, Tag("Counted")],
    Discriminator(_form, "refused", f"should be {FORMS}"),
]
