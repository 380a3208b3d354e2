"""The state of many lanes as an array, and the noise that they share."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.kernels import (
    AMPLITUDE,
    BLOCK,
    E_LIFT,
    MARK_STEP,
    MU,
    RISE,
    ROWS,
    U_LIFT,
    V_LIFT,
    E,
    U,
    V,
    X,
    Y,
    residuals,
)
from lt2f.dynamics.model import (
    CARRIED,
    FACTORS,
    MULTIPLICATIVE,
    NUMBERED,
    PROMPTS,
    QUIET,
    TARGET,
)
from lt2f.dynamics.steps import MAP, STEPS, Step
from lt2f.laws import Name

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

Model: TypeAlias = str  # of noise, or the name of a law of `steps`

INDEX: dict[Model, int] = {
    "none": QUIET, "multiplicative": MULTIPLICATIVE, "target": TARGET, "prompts": PROMPTS,
    "factors": FACTORS, **{law.name: number for number, law in NUMBERED.items()},
}  # fmt: skip
Law: TypeAlias = Name

ZERO = 2.0**-150, 2.0**30  # stand-in for a factor that is exactly zero, and its lift


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of a run of N cells.

    `sequence` has one number for each step, shape (steps,), the same for all cells; `amplitude`,
    shape (N,), is the standard deviation of the multiplier h or of the target m in each. Where each
    factor has a multiplier of its own there are two numbers for each step, shape (2, steps).
    Batches of prompts have two as well, h and g of mean 1 (`model.draw`); their law is a
    `BatchLaw`, and no amplitude scales them. The laws of `steps` stand in the place of noise, but
    draw nothing: `amplitude` is their strength.
    """

    model: Model
    law: Law | BatchLaw
    sequence: Floats
    amplitude: Floats

    @property
    def index(self) -> int:
        """Place of this model in the tables of kernels."""
        return INDEX[self.model]

    @property
    def is_random(self) -> bool:
        """Whether anything is drawn."""
        return self.model not in ("none", *STEPS)

    @property
    def step(self) -> Step:
        """The law of the step without noise: that of the map itself, or another."""
        return STEPS.get(self.model, MAP)

    def of(self, some: Mask) -> "Noise":
        """Return the noise of some of the cells; what is silent has one amplitude for all."""
        if self.index == QUIET:
            return self
        return replace(self, amplitude=self.amplitude[some])


SILENCE = Noise("none", "two_point", np.zeros(1), np.zeros(1))


def steady(step: str, strength: Floats) -> Noise:
    """Return a law of `steps` by its name, with its strength in each of N cells, shape (N,)."""
    return Noise(step, "two_point", SILENCE.sequence, strength)


def padded(count: int) -> int:
    """Lanes that make whole blocks, and an odd number of these.

    A kernel works on one column of blocks: rows that lay a power of two apart in memory would share
    a few places of the cache.
    """
    return (-(-count // BLOCK) | 1) * BLOCK


def prepare(u: Floats, v: Floats, mu: Floats, noise: Noise = SILENCE) -> Floats:
    """State of N lanes from their starts, padded with still lanes to a whole number of blocks."""
    state = np.zeros((ROWS, padded(u.size)))
    state[RISE], state[E], state[MARK_STEP] = -np.inf, np.inf, -1.0
    state[X], state[Y] = 1.0, 0.75  # any direction but the two that are invariant
    state[U], state[V], state[MU] = 0.75, 0.25, 0.5  # a stable minimum, e = 0 to the last bit
    rows = (U, u), (V, v), (MU, mu), (AMPLITUDE, noise.amplitude)
    for row, values in rows:
        state[row, : u.size] = values
    if noise.index == FACTORS:  # each factor drives the other, so one that is zero does not stay so
        return state
    for factor, lift in ((U, U_LIFT), (V, V_LIFT)):
        zero = state[factor] == 0.0
        state[factor, zero], state[lift, zero] = ZERO
    return state


def pack(state: Floats, lanes: Indices) -> Floats:
    """Copy some lanes into a state of their own, repeated to fill its last block."""
    return np.take(state, np.resize(lanes, padded(lanes.size)), axis=1)


def true_value(state: Floats, row: int, lift: int) -> Floats:
    """Return a row with `model.lifting` taken back."""
    bits = np.minimum(state[lift], 3000.0).astype(np.int32)  # 2**-3000 is zero
    return np.ldexp(state[row], -bits)


def factors(state: Floats) -> tuple[Floats, Floats]:
    """Return U = (a + b)/2 and V = (a - b)/2 of each lane."""
    return true_value(state, U, U_LIFT), true_value(state, V, V_LIFT)


def residual_and_norm(state: Floats) -> tuple[Floats, Floats]:
    """Return e = ab - mu and S = a^2 + b^2 of each lane."""
    u, v = factors(state)
    carried = true_value(state, E, E_LIFT)
    e = np.where(np.abs(carried) < CARRIED, carried, residuals(u, v, state[MU]))
    return e, 2.0 * (u * u + v * v)
