"""How a page is laid out: rows with a label, and the words for outcomes and numbers."""

import textwrap
from collections.abc import Iterator
from typing import Final

from lt2f.dynamics.codes import DecidedBy, Regime

WIDTH: Final = 96
LABEL: Final = 19

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


def rate(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def times(ratio: float) -> str:
    """Say a ratio of learning rates."""
    return f"{ratio:.4g} times this one"
