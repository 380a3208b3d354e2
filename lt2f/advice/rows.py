"""How a page is laid out: rows with a label, and the words for outcomes and numbers."""

import textwrap
from collections.abc import Iterator
from typing import Final

from lt2f.dynamics.codes import DecidedBy, Regime

WIDTH: Final = 96
LABEL: Final = 19

CONVERGED: Final = (Regime.MONOTONE, Regime.CATAPULT)
RUNS: Final = {
    Regime.UNDECIDED: "undecided",
    Regime.MONOTONE: "converges, the loss never rises",
    Regime.CATAPULT: "converges after a catapult: the loss rises on the way",
    Regime.PERIODIC: "cycles",
    Regime.CHAOTIC: "stays bounded, chaotic",
    Regime.DIVERGENT: "diverges",
    Regime.COLLAPSED: "ends at the saddle at the origin",
}
HOW: Final = {
    DecidedBy.NONE: "no evidence",
    DecidedBy.THEOREM: "by theorem",
    DecidedBy.CYCLE: "cycle refined, stable by its multipliers",
    DecidedBy.MEASUREMENT: "measured",
    DecidedBy.INFERRED: "inferred",
}


def row(label: str, words: str) -> Iterator[str]:
    """Yield a label and its words, wrapped beside it."""
    first = f"  {label:<{LABEL - 2}}"
    yield from textwrap.wrap(
        words, WIDTH, initial_indent=first, subsequent_indent=" " * LABEL, break_on_hyphens=False
    )


def kernel(regime: Regime, value: float, scaled: float) -> str:
    """Say the tangent kernel where a run ends; it is the sharpness at a minimum alone."""
    if regime in CONVERGED:
        return f"sharpness {rate(value)} (rate x sharpness = {rate(scaled)}; stable below 2)"
    words = f"mean tangent kernel {rate(value)} (times the rate {rate(scaled)}; at a minimum it is"
    return f"{words} the sharpness)"


def rate(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def times(ratio: float) -> str:
    """Say a ratio of learning rates."""
    return f"{ratio:.4g} times this one"
