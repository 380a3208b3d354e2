"""The outcome of a cell and what decided it, as the integers that datasets store."""

from enum import IntEnum


class Regime(IntEnum):
    """What the orbit of a cell does in the long run (theory: what a regime is)."""

    UNDECIDED = 0
    MONOTONE = 1
    CATAPULT = 2
    PERIODIC = 3
    CHAOTIC = 4
    BOUNDED_NOISE = 5
    DIVERGENT = 6
    COLLAPSED = 7


class DecidedBy(IntEnum):
    """The kind of evidence behind a regime."""

    NONE = 0
    THEOREM = 1
    CYCLE = 2
    MEASUREMENT = 3
    INFERRED = 4


class Branch(IntEnum):
    """On which branch of the minima ab = mu an orbit ends: the sign of a + b."""

    NONE = 0  # at no minimum
    POSITIVE = 1
    NEGATIVE = 2


class Fate(IntEnum):
    """What a theorem says of a start before any iteration."""

    OPEN = 0  # no theorem applies
    DIVERGES = 1  # outside the Chebyshev ellipse
    CONVERGES = 2  # inside, mu <= 1: to a minimum
    BALANCES = 3  # inside, 1 < mu < 2: to the balanced attractor
