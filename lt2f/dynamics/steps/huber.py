"""The pseudo-Huber loss: quadratic near its minimum, linear far from it, as a step that is clipped.

With s = 1/delta it is l = delta^2 (sqrt(1 + s^2 e^2) - 1), whose slope never exceeds delta. The
minima and their stability are those of the squared loss; what is far from them is not. Derived:

- on a = b = x, x' = (1 - l') x. Where e > 0 the factor lies between 1 - delta and 1, elsewhere
  x^2 <= mu: for delta < 2 no balanced start escapes, however large mu is.
- the imbalance becomes 1 - l'^2 times itself: for delta <= sqrt 2 it never grows in modulus.
"""

import numpy as np

from lt2f.dynamics.steps.step import Line, Real, Step


class PseudoHuber(Step):
    """Residuals count no more than delta = 1/s."""

    name = "huber"
    words = "reciprocal scale of the pseudo-Huber loss"
    symbol = r"$1/\delta$"
    plain = "1/δ"
    formula = (
        "reciprocal scale s of the pseudo-Huber loss (sqrt(1 + s^2 e^2) - 1) / s^2, e = ab - mu: "
        "(a, b) -> (a - r b, b - r a), r = e / sqrt(1 + s^2 e^2)"
    )

    lines = (
        *Step.lines,
        Line(
            r"$\delta=2$: beyond, no balanced start escapes", "--", lambda m, s: s - 0.5 + 0.0 * m
        ),
    )

    @staticmethod
    def derivatives(e: Real, s: Real) -> tuple[Real, Real, Real]:
        """Return e/w, 1/w^3 and -3 s^2 e/w^5 with w = sqrt(1 + s^2 e^2)."""
        squared = 1.0 + (s * e) * (s * e)
        clip = np.sqrt(squared) / squared  # 1/w, and no number where w^2 leaves the doubles
        cube = clip * clip * clip
        return e * clip, cube, -3.0 * s * s * e * clip * clip * cube

    @staticmethod
    def loss(e: Real, norm: Real, s: Real) -> Real:
        """Return (w - 1)/s^2 as e^2/(1 + w), which is good for every s."""
        return e * e / (1.0 + np.sqrt(1.0 + (s * e) * (s * e)))
