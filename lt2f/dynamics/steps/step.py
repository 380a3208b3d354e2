"""What a law of the step is: descent on another loss l(ab - mu), or on one with the weights in it.

In U = (a + b)/2 and V = (a - b)/2 a step from the residual e = ab - mu, that keeps a share q of the
weights, is

    U' = (q - l'(e)) U,       V' = (q + l'(e)) V;

for l = e^2/2 and q = 1 that is the map of arXiv:2605.21292. A law is a subclass of `Step` in a file
of its own. Its static functions are plain arithmetic, with NumPy's functions and without `if`: of
one cell where kernels compile them and of many wherever else they are called. Everything else has
an answer here that holds for every loss with l'(0) = 0 and l''(0) = 1: its minima are those of the
map, ab = mu, and as stable. (Another curvature there is another unit of the step size.)
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Real: TypeAlias = Any  # one number in a kernel, an array elsewhere

CONVERGED = 1e-24  # e^2 of the converged loss: 1e8 above rounding, far below any loss that matters
STABLE = 2.0 - 1e-9  # a sharpness below this attracts every |e| <= 1e-12 from then on


@dataclass(frozen=True, slots=True)
class Line:
    """An exact boundary over mu and the strength of a law, for maps of regimes."""

    words: str
    """What is said of it, with TeX between dollar signs."""
    dashes: str
    """How it is drawn, as matplotlib has it."""
    beyond: Any
    """Function of mu and the strength: zero on the line, positive beyond it."""


class Step:
    """A law of the step; of each cell s is its strength, and s = 0 is the map itself, to the bit.

    Where a method takes several of them, u, v, e, mu, norm and s are arrays of shape (N,): the
    factors U and V, the residual, the effective step size, a^2 + b^2 and the strength.
    """

    name: ClassVar[str]
    """Name of the law, and of the coordinate that is its strength, from 0 on."""
    below: ClassVar[float] = math.inf
    """What strengths are less than."""
    words: ClassVar[str]
    """What the strength is, in a few words: `weight decay`."""
    symbol: ClassVar[str]
    """Its symbol as TeX between dollar signs."""
    plain: ClassVar[str]
    """Its symbol where there is no mathematical type."""
    formula: ClassVar[str]
    """The step and its loss in a line of plain text, for datasets."""
    power: ClassVar[float] = -1.0
    """Power of the learning rate eta by which the strength grows while the weights stay.

    Derived: e is eta |c| times the error c u w - y of the prediction, up to a sign. A loss of that
    error with a scale D of its own has the scale eta |c| D in e, and the reciprocal of it is as
    eta^-1; so is every strength that acts through s e. What the loss has of the weights,
    lambda (u^2 + w^2)/2, is eta lambda (a^2 + b^2)/2 in map units: as eta^1.
    """
    fits: ClassVar[bool] = True
    """Whether runs at rest have e = 0. If not they are at rest when their weights are."""
    lines: ClassVar[tuple[Line, ...]] = (
        Line(r"$\mu=1$: edge of stability", "-", lambda m, s: m - 1.0 + 0.0 * s),
    )
    """Exact boundaries of its regimes: the balanced minimum has a^2 + b^2 = 2 mu."""

    # What kernels compile

    @staticmethod
    def derivatives(e: Real, s: Real) -> tuple[Real, Real, Real]:
        """Return l', l'' and l''' at a residual."""
        return e, 1.0, 0.0

    @staticmethod
    def kept(s: Real) -> Real:
        """Return the share q of the weights that a step keeps."""
        return 1.0

    @staticmethod
    def loss(e: Real, norm: Real, s: Real) -> Real:
        """Return what descent goes down, which rises in a catapult; `norm` is a^2 + b^2."""
        return 0.5 * e * e

    # What a run becomes

    def at_minimum(self, u: Floats, v: Floats, e: Floats, mu: Floats, s: Floats) -> Mask:
        """Tell which cells are at rest at a minimum that is linearly stable."""
        return np.asarray((e * e <= CONVERGED) & (2.0 * (u * u + v * v) < STABLE))

    def at_origin(self, u: Floats, v: Floats, mu: Floats, s: Floats) -> Mask:
        """Tell which cells have come to an origin that attracts: none, for it repels along a = b.

        A step there multiplies U by 1 - l'(-mu), where l' < 0 if only the minimum is at rest.
        """
        return np.zeros(u.shape, dtype=bool)

    def reached(self, u: Floats, v: Floats, mu: Floats, s: Floats) -> tuple[Floats, Floats]:
        """Return imbalance and product of the minimum that a cell at rest approaches.

        The imbalance changes by a share of order e^2 a step, so it is the minimum's to all digits
        while the sharpness itself is still off by as much as e.
        """
        return 4.0 * u * v, mu

    def rest_residual(self, s: Floats) -> Floats:
        """Return e at the minima."""
        return np.zeros_like(s)

    def minimum_multipliers(self, mu: Floats, norm: Floats, s: Floats) -> Floats:
        """Return those of minima with a^2 + b^2 = `norm`, shape (3, N): valley, off it, imbalance.

        The valley is neutral, and it is the direction in which the imbalance changes.
        """
        return np.stack([np.ones_like(norm), 1.0 - norm, np.ones_like(norm)])

    def origin_multipliers(self, mu: Floats, s: Floats) -> Floats:
        """Return those of the origin along a = b and across, q -+ l'(-mu), shape (2, N)."""
        slope, q = self.derivatives(-mu, s)[0], self.kept(s)
        return np.stack(np.broadcast_arrays(q - slope, q + slope))

    def lasts(self, mu: Floats, s: Floats) -> Mask:
        """Tell where runs may go on for ever; elsewhere almost all of them escape by theorem."""
        return np.ones(mu.shape, dtype=bool)

    def excess(self, a: Floats, b: Floats, mu: float, s: float) -> Floats:
        """Return how far a loss is above its least value."""
        return np.asarray(self.loss(a * b - mu, a * a + b * b, s))


class Map(Step):
    """The map itself: descent on e^2/2."""

    name = "none"

    def lasts(self, mu: Floats, s: Floats) -> Mask:
        """Tell where almost no orbit escapes: up to mu = 2."""
        return np.asarray(mu <= 2.0)
