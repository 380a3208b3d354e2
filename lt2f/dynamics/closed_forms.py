"""Thresholds on mu that have a closed form, each with its derivation in one line."""

import math
from typing import Final, NamedTuple


class ClosedForm(NamedTuple):
    """A threshold as a formula, evaluated in doubles with at most four roundings."""

    id: str
    name: str
    mu: float
    source: str


CLOSED_FORMS: Final = (
    ClosedForm(
        "monotone_end",
        "end of monotone convergence on the balanced line",
        2 * math.sqrt(2) - 2,
        "derived: the largest |e'/e|, mu + mu^2/4, reaches 1",
    ),
    ClosedForm(
        "doubling_1",
        "edge of stability, first doubling: period 1 to 2",
        1.0,
        "derived: the balanced minimum has sharpness 2 mu = 2",
    ),
    ClosedForm(
        "doubling_2",
        "second doubling: period 2 to 4",
        math.sqrt(5) - 1,
        "derived: the multiplier 9 - 2(1 + mu)^2 of the two-cycle reaches -1",
    ),
    ClosedForm(
        "attractor_merging",
        "merging of the attractors in x > 0 and x < 0",
        1.5 * math.sqrt(3) - 1,
        "derived: the second image of the critical point is 0, 4(1 + mu)^3/27 = 1 + mu",
    ),
    ClosedForm(
        "antisymmetric_birth",
        "birth of the cycle x, y, -x, -y: period 4, residual period 2",
        2 * math.sqrt(2) - 1,
        "derived: with k = 1 + mu and w = (k - x^2) + (k - y^2), w^2 - k w + 2 = 0 has a "
        "double root",
    ),
    ClosedForm(
        "antisymmetric_split",
        "its residual doubles to period 4, the cycle splits into a mirrored pair of period 4",
        math.sqrt(13 + 3 * math.sqrt(41)) / 2 - 1,
        "derived: its residual multiplier 9 + 6kw - 4k^2 reaches -1, 2k^4 - 13k^2 = 25",
    ),
    ClosedForm(
        "chebyshev",
        "full Chebyshev chaos, the last bounded balanced attractor",
        2.0,
        "derived: x = 2 cos t turns the map into t' = pi + 3t",
    ),
)
