"""Kinds of sweep: what is computed in each cell of a grid."""

from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lt2f.pipeline.grids import Sweep
from lt2f.pipeline.rules import Model, refusal, whole
from lt2f.pipeline.training_kind import TransformerSweep

MAX_STEPS = 10**12  # in one cell, of each sort: their sums stay far below 2**63

Steps = Annotated[int, Field(ge=1, le=MAX_STEPS), whole]
Transient = Annotated[int, Field(ge=0, le=MAX_STEPS), whole]

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


class MapIterations(Model):
    """Steps discarded, steps measured, and the longest cycle looked for."""

    transient: Transient
    """Steps discarded before anything is measured."""
    measure: Annotated[int, Field(ge=32, le=MAX_STEPS), whole]
    """Steps that exponents and averages are taken over."""
    max_period: Annotated[int, Field(ge=1, le=1024), whole] = 64
    """Longest cycle that is looked for."""


class OrbitIterations(Model):
    """Steps discarded, and steps kept."""

    transient: Transient
    """Steps discarded before the first sample."""
    samples: Steps
    """Steps kept after the transient."""


class TrajectoryIterations(Model):
    """Steps kept, from the first."""

    steps: Steps
    """Steps kept, from the first."""


class EllipseIterations(Model):
    """Steps measured."""

    measure: Annotated[int, Field(ge=32, le=MAX_STEPS), whole]
    """Steps that exponents and averages are taken over."""


def _with_always(names: tuple[Recordable, ...]) -> tuple[Recordable, ...]:
    return tuple(name for name in RECORDABLE if name in names or name in ALWAYS)


Record = Annotated[tuple[Recordable, ...], Field(strict=False), AfterValidator(_with_always)]


class MapSweep(Sweep):
    """What each cell does in the long run: regime, period, exponents.

    With ``count: realization`` cells are not kept: what is, for every other coordinate, is how many
    realizations ended in each regime.
    """

    kind: Literal["map"] = "map"
    """What is computed in each cell: what training does in the long run."""
    iterations: MapIterations
    """How many steps."""
    record: Record = RECORDABLE
    """Variables kept; regime and decided_by always are. All if unsaid."""
    count: Literal["realization"] | None = None
    """Keep how many realizations end in each regime, instead of every cell."""

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
    """What is computed in each cell: samples of the residual after a transient."""
    iterations: OrbitIterations
    """How many steps."""
    record: Samples = RESIDUAL
    """What is sampled; the residual always is."""

    def identity(self) -> dict[str, Any]:
        """Return the settings that determine the data; the residual alone goes without saying."""
        plain = super().identity()
        if self.record == RESIDUAL:
            del plain["record"]
        return plain


class TrajectorySweep(Sweep):
    """Loss, sharpness and imbalance at every step."""

    kind: Literal["trajectory"]
    """What is computed in each cell: loss, sharpness and imbalance at every step."""
    iterations: TrajectoryIterations
    """How many steps."""


class EllipseSweep(Sweep):
    """Chaos on the Chebyshev ellipse, followed by its angle from a random start.

    Which start is the realization's: it follows from the seed and its number alone.
    """

    kind: Literal["ellipse"]
    """What is computed in each cell: an orbit on the ellipse, by its exact angle."""
    iterations: EllipseIterations
    """How many steps."""

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


def _map_if_unsaid(value: object) -> object:
    return {"kind": "map", **value} if isinstance(value, dict) else value


AnySweep = Annotated[
    MapSweep | OrbitSweep | TrajectorySweep | EllipseSweep | TransformerSweep,
    Field(discriminator="kind"),
    BeforeValidator(_map_if_unsaid),
]
