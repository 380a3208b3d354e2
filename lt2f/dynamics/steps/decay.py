"""Weight decay: descent on e^2/2 + kappa (a^2 + b^2)/2, with kappa in units of the step size.

What is known of it stands in `lt2f.dynamics.decay`. It leaves two minima, on the balanced line, and
lets the origin attract where it is the stronger; no run is at rest with e = 0.
"""

import math
from collections.abc import Callable

import numpy as np

from lt2f.dynamics import decay
from lt2f.dynamics.steps.step import CONVERGED, Floats, Line, Mask, Real, Step

# A multiplier below this leaves a point, from which a step takes 1e-12, within 1e-6 of where it
# ends: near enough that the linear map decides.
_STABLE = 1.0 - 1e-6
_COLLAPSED = 1e-20  # a^2 + b^2 from which the origin, if it attracts, has won


def _beyond(mu: float) -> Callable[[Floats, Floats], Floats]:
    """Return what decay makes of a threshold of the balanced line: kappa moves it."""
    return lambda m, k: decay.shifted(m, k) - mu


class Decay(Step):
    """Weights shrink by a share kappa at every step."""

    name = "decay"
    below = 1.0
    words = "weight decay"
    symbol = r"$\kappa$"
    plain = "κ"
    formula = (
        "weight decay kappa, step size times the coefficient of the weights' squares: (a, b) -> "
        "((1 - kappa) a - (ab - mu) b, (1 - kappa) b - (ab - mu) a), descent on "
        "(ab - mu)^2 / 2 + kappa (a^2 + b^2) / 2"
    )
    power = 1.0
    fits = False
    lines = (
        Line(r"$\mu=\kappa$: below, the origin attracts", "--", _beyond(0.0)),
        Line(r"$\mu=1+\kappa$: edge of stability", "-", _beyond(1.0)),
        Line(r"$\mu=\sqrt{5}-1+\kappa$: second doubling", ":", _beyond(math.sqrt(5.0) - 1.0)),
        Line(r"$\mu=2+\kappa$: nothing lasts", "-.", _beyond(2.0)),
    )

    @staticmethod
    def kept(s: Real) -> Real:
        """Return 1 - kappa."""
        return 1.0 - s

    @staticmethod
    def loss(e: Real, norm: Real, s: Real) -> Real:
        """Return e^2/2 + kappa (a^2 + b^2)/2."""
        return 0.5 * (e * e + s * norm)

    def at_minimum(self, u: Floats, v: Floats, e: Floats, mu: Floats, s: Floats) -> Mask:
        """Tell which cells rest at a balanced minimum, U^2 = mu - kappa, that is stable."""
        step = 2.0 * (((s + e) * u) ** 2 + ((s - e) * v) ** 2)
        stable = np.abs(decay.minimum_multipliers(mu, s)).max(axis=0) < _STABLE
        there = (2.0 * u * u > mu - s) & (mu > s)
        return np.asarray((step <= CONVERGED) & stable & there)

    def at_origin(self, u: Floats, v: Floats, mu: Floats, s: Floats) -> Mask:
        """Tell which cells have come to an origin that attracts."""
        attracts = np.abs(self.origin_multipliers(mu, s)).max(axis=0) < 1.0
        return np.asarray(attracts & (2.0 * (u * u + v * v) < _COLLAPSED))

    def reached(self, u: Floats, v: Floats, mu: Floats, s: Floats) -> tuple[Floats, Floats]:
        """Return imbalance 0 and product mu - kappa."""
        return np.zeros_like(mu), decay.shifted(mu, s)

    def rest_residual(self, s: Floats) -> Floats:
        """Return -kappa."""
        return -s

    def minimum_multipliers(self, mu: Floats, norm: Floats, s: Floats) -> Floats:
        """Return those along a = b, across it, and of the imbalance, which are one."""
        along, across = decay.minimum_multipliers(mu, s)
        return np.stack([along, across, across])

    def lasts(self, mu: Floats, s: Floats) -> Mask:
        """Tell where almost no orbit escapes on the balanced line: up to mu - kappa = 2."""
        return np.asarray(decay.shifted(mu, s) <= 2.0)

    def excess(self, a: Floats, b: Floats, mu: float, s: float) -> Floats:
        """Return the loss above that of a minimum, or of the origin where there is none.

        For ab = mu - kappa at the minima it is (e + kappa)^2/2 + kappa (a - b)^2/2 above theirs;
        for mu < kappa, where the origin is lowest, (ab)^2/2 + (kappa - mu) (a^2 + b^2)/2 +
        mu (a - b)^2/2 above mu^2/2. Derived: put in e = ab - mu. No digits cancel.
        """
        across = min(s, mu)
        off = a * b - (mu - across)
        twice = off * off + across * (a - b) ** 2 + max(s - mu, 0.0) * (a * a + b * b)
        return np.asarray(twice / 2.0)
