"""What the page says in words: of a cell, of its pictures, and of the map."""

import math
from typing import Final

import numpy as np

from lt2f.advice.rows import HOW, RUNS
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.steps import MAP, STEPS
from lt2f.explore import colours
from lt2f.explore.atlas import Map
from lt2f.explore.cell import Cell
from lt2f.explore.colours import Key
from lt2f.explore.view import RIVALS, View
from lt2f.explore.window import Grid
from lt2f.views import style
from lt2f.views.words import PLAIN, untexed

_NAMES: Final = PLAIN | {"realization": "realization"}
_BOUNDED: Final = "solid", "bounded inside a₀² + b₀² < 4 + μ(a₀b₀ − μ)"
_RISES: Final = "dashed", "beyond, the first step raises the loss"
_THRESHOLDS: Final = "dotted", "thresholds on μ"
_UNSTABLE: Final = "dashed", "beyond, the balanced minimum is almost surely unstable"
_KINDS: Final = {"-": "solid", "--": "dashed", ":": "dotted", "-.": "dashdot"}
_EXACT: Final = {
    MAP.name: "Black, exact without noise: in the plane of the weights the ellipse that bounds the "
    "bounded starts, dashed the minima, red those that are stable; in the cobweb the balanced "
    "line.",
    "decay": "The loss is e²/2 + κ(a² + b²)/2. Black, exact with decay: on the lines a = ±b the "
    "starts that stay bounded; the minima are red if they are stable; in the cobweb the balanced "
    "line, that of μ − κ. No ellipse bounds the bounded starts any more.",
}
_FITTING: Final = (
    "dashed in the plane of the weights the minima, those of the squared loss, red those that are "
    "stable; "
)
_ANY: Final = (
    "The loss is another than e²/2, of strength {}. Black, exact: {}in the cobweb the balanced "
    "line. Ellipse and thresholds belong to the squared loss alone."
)
_BARRED: Final = {True: "this map is over it", False: "bring it to 0 first"}
LABELS: Final = {
    name: f"{style.NAMES[name]} {PLAIN[name]}"
    for name in ("mu", "imbalance", "product", "a", "b", *RIVALS)
} | {"realization": "realization of the noise"}
"""Labels of the sliders."""


def headline(view: View, cell: Cell) -> str:
    """Say in a sentence what the point is and does, for eyes and for screen readers."""
    regime = cell.regime
    words = RUNS.get(regime, "stays bounded, kept moving by noise")
    if regime == Regime.COLLAPSED and view.descent[0] is not MAP:
        words = "collapses to the origin, which attracts"
    if regime == Regime.PERIODIC:
        words += f" with period {int(cell.number('period'))}"
    return f"{words[0].upper()}{words[1:]} ({HOW[cell.decided_by]}). At {place(view)}."


def place(view: View) -> str:
    """Name the coordinates of the point."""
    silent = {name for name in RIVALS if view.point[name] == 0.0 and name not in view.axes}
    silent |= {"realization"} if view.point["noise"] == 0.0 else set()
    told = [
        f"{_NAMES[name]} = {short(value)}"
        for name, value in view.point.items()
        if name not in silent
    ]
    return ", ".join(told)


def short(value: float) -> str:
    """Write a coordinate in the digits that one has."""
    return f"{value:.10g}".replace("-", "−")


def agreement(cell: Cell, recorded: dict[str, np.ndarray] | None) -> str:
    """Hold what was computed now against what the dataset holds of the same cell."""
    if recorded is None:
        return "Computed here; the dataset has no cell at exactly this point."
    shared = [name for name in recorded if name in cell.found]
    other = [
        name
        for name in shared
        if not np.array_equal(cell.found[name], recorded[name], equal_nan=name not in _CODES)
    ]
    if not other:
        return f"Computed here; the dataset holds the same, bit for bit ({len(shared)} variables)."
    return f"Computed here; the dataset holds another {', '.join(other)}: made by other code?"


_CODES: Final = {"regime", "decided_by", "branch"}  # which no NaN can be in


# The map


def of_dataset(found: Map, view: View) -> str:
    """Say which cells the dataset shows, and with which runs."""
    words = f"{found.axes[found.x].size:,} × {found.axes[found.y].size:,} cells of {found.name}"
    return f"{words}, {_runs(found.lengths)}."


def of_grid(grid: Grid, lengths: tuple[int, int], more: bool) -> str:
    """Say how a window was computed, and what shorter runs mean."""
    across, up = grid.round.shape
    words = f"{across} × {up} cells computed here in {grid.seconds:.2f} s, "
    words += _runs(grid.round.lengths)
    if grid.round.lengths == lengths:
        words += ", as in the dataset"
    else:
        words += ": shorter than in the dataset, so more cells may be undecided"
    few = int((grid.cells["regime"] == Regime.UNDECIDED).sum())
    words += f"; {few:,} undecided" if few else "; none undecided"
    return f"{words}; more to come …" if more else f"{words}."


def _runs(lengths: tuple[int, int]) -> str:
    return f"runs of {lengths[0]:,} + {lengths[1]:,} steps"


def picture(name: str, cell: Cell) -> str:
    """Say what one of the four pictures shows, for who does not see it."""
    loss, late = cell.early.loss, cell.late
    ends = [x for x in (loss[0], loss[-1]) if math.isfinite(x)]
    spans = {"a": late.a, "b": late.b, "e": late.residual}
    there = {key: x[np.isfinite(x)] for key, x in spans.items()}
    ranges = {k: f"from {x.min():.3g} to {x.max():.3g}" for k, x in there.items() if x.size}
    if name == "loss":
        gone = " and leaves the range of numbers" * (len(ends) < 2)
        above = " above its least value" * (cell.early.step is not MAP)
        values = " to ".join(f"{x:.3g}" for x in ends)
        return f"Loss{above} over {loss.size} steps: from {values}{gone}."
    if not ranges:
        return f"{name.capitalize()}: the orbit escapes."
    if name == "residual":
        return f"Residual over the first steps; later it goes {ranges['e']}."
    if name == "portrait":
        return f"Phase portrait: later a goes {ranges['a']}, b {ranges['b']}."
    return "Cobweb of (a + b)/2 at successive steps beside the map of the balanced line."


def key(found: Map, view: View) -> Key:
    """Explain colours and lines: each with its colour or its kind, and words."""
    named = colours.swatches(view.colour, view.step)
    if view.step == "none":
        return [*named, _BOUNDED, _RISES, *[_THRESHOLDS] * (found.x == "mu")]
    if view.step in STEPS:
        lines = STEPS[view.step].lines if {"mu", view.step} & {found.x, found.y} else ()
        return [
            *named,
            *((_KINDS.get(line.dashes, "solid"), untexed(line.words)) for line in lines),
        ]
    return named + [_UNSTABLE] * (view.step == "multiplicative")


def legend(view: View) -> str:
    """Say what the black lines of the pictures are."""
    step, _ = view.descent
    return _EXACT.get(step.name) or _ANY.format(step.plain, _FITTING * step.fits)


def barred(view: View) -> dict[str, str]:
    """Return which of noise and the laws of the step cannot be had, and why."""
    rival = view.rival
    if rival is None:
        return {}
    words = STEPS[rival].words if rival in STEPS else rival
    reason = f"Not together with {PLAIN[rival]} ({words}): {_BARRED[rival in view.axes]}."
    return {name: reason for name in RIVALS if name != rival}
