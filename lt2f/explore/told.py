"""What the page says in words: of a cell, of the theory around it, and of the map."""

import math
from collections.abc import Iterator
from typing import Final, cast

import numpy as np

from lt2f.advice.attractor import Neighbour, neighbours, rungs
from lt2f.advice.rows import HOW, RUNS, rate
from lt2f.dynamics import noise_theory, theory
from lt2f.dynamics.closed_forms import CLOSED_FORMS
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.noise_theory import Law
from lt2f.explore.atlas import Map
from lt2f.explore.cell import Cell
from lt2f.explore.view import View
from lt2f.explore.window import Grid
from lt2f.pipeline.solve import starts
from lt2f.views import style
from lt2f.views.words import PLAIN, number

Row = tuple[str, str, str]
"""A quantity, what was found, and what theory says."""

_TWO_CYCLE: Final = 1.0, {row.id: row.mu for row in CLOSED_FORMS}["doubling_2"]
_RESTS: Final = {Regime.MONOTONE, Regime.CATAPULT}
_NAMES: Final = PLAIN | {"realization": "realization"}

_BOUNDED: Final = "solid", "bounded inside a₀² + b₀² < 4 + μ(a₀b₀ − μ)"
_RISES: Final = "dashed", "beyond, the first step raises the loss"
_THRESHOLDS: Final = "dotted", "thresholds on μ"
_UNSTABLE: Final = "dashed", "beyond, the balanced minimum is almost surely unstable"
LABELS: Final = {
    name: f"{style.NAMES[name]} {PLAIN[name]}"
    for name in ("mu", "imbalance", "product", "a", "b", "noise")
} | {"realization": "realization of the noise"}
"""Labels of the sliders."""


def headline(view: View, cell: Cell) -> str:
    """Say in a sentence what the point is and does, for eyes and for screen readers."""
    regime = cell.regime
    words = RUNS.get(regime, "stays bounded, kept moving by noise")
    if regime == Regime.PERIODIC:
        words += f" with period {int(cell.number('period'))}"
    return f"{words[0].upper()}{words[1:]} ({HOW[cell.decided_by]}). At {place(view)}."


def place(view: View) -> str:
    """Name the coordinates of the point."""
    quiet = view.point["noise"] == 0.0
    told = [
        f"{_NAMES[name]} = {_short(value)}"
        for name, value in view.point.items()
        if not (quiet and name in ("noise", "realization"))
    ]
    return ", ".join(told)


def _number(value: float) -> str:
    """Write a number, if it is one."""
    if math.isnan(value):
        return "—"
    return number(value).replace("inf", "∞")


def _short(value: float) -> str:
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


# Numbers, with their errors, and what theory says of each


def rows(view: View, cell: Cell) -> list[Row]:
    """List what was measured in a cell beside what is known exactly."""
    exact = dict(_exact(view, cell))
    found = [
        ("largest Lyapunov exponent", _measured(cell, "lyapunov", 0)),
        ("second Lyapunov exponent", _measured(cell, "lyapunov", 1)),
        ("transverse exponent", _measured(cell, "transverse_lyapunov", 0)),
        ("a² + b², step size × sharpness", _measured(cell, "sharpness", 0)),
        ("mean loss", _measured(cell, "loss_mean", 0)),
        ("final imbalance a² − b²", _number(cell.number("imbalance_final") + 0.0)),
        ("largest loss over the first", _number(cell.number("loss_peak_ratio"))),
        ("steps until settled or escaped", _steps(cell)),
    ]
    return [(name, words, exact.get(name, "")) for name, words in found]


def _measured(cell: Cell, name: str, rank: int) -> str:
    """Write a number with its standard error, in the digits that the latter leaves."""
    value, error = cell.number(name, rank), cell.number(f"{name}_error", rank)
    if not math.isfinite(value):
        return _number(value)
    if not 0.0 < error < math.inf:
        return number(value)
    digits = min(max(1 - math.floor(math.log10(error)), 0), 9)
    if error < 1e-9 or abs(value) < 1e-9:
        return number(value)
    return f"{value:.{digits}f} ± {error:.{digits}f}".replace("-", "−")


def _steps(cell: Cell) -> str:
    steps = int(cell.number("steps"))
    return "neither" if steps < 0 else f"{steps:,}"


def _exact(view: View, cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield closed forms that fit what the cell does, without noise."""
    mu, noise = view.point["mu"], view.point["noise"]
    if noise > 0.0:
        if cell.regime in _RESTS and view.model == "multiplicative":
            exponent = _almost_sure(cell.number("sharpness"), view)
            yield "second Lyapunov exponent", f"E log|1 − hS| = {number(exponent)}"
        return
    if 1 < mu < 2:
        yield "final imbalance a² − b²", "0: it ends on balance"
        yield "transverse exponent", "negative: balance attracts"
    else:
        yield "final imbalance a² − b²", _bound(mu)
    if cell.regime in _RESTS:
        _, second = theory.minimum_exponents(cell.number("sharpness"))
        yield "largest Lyapunov exponent", "0, along the valley of minima"
        yield "second Lyapunov exponent", f"log|1 − S| = {number(float(second))}"
        yield "a² + b², step size × sharpness", "stable below 2"
        yield "mean loss", "0"
    if cell.regime == Regime.PERIODIC and _TWO_CYCLE[0] < mu < _TWO_CYCLE[1]:
        yield from _two_cycle(mu)


def _almost_sure(sharpness: float, view: View) -> float:
    """Return E log|1 − hS|, below zero at minima that are stable almost surely."""
    law = cast("Law", view.law)
    found = noise_theory.almost_sure_exponent(sharpness, view.point["noise"], law)
    return float(found)


def _two_cycle(mu: float) -> Iterator[tuple[str, str]]:
    along, across = (
        math.log(abs(float(x))) / 2 if x else -math.inf for x in theory.two_cycle_multipliers(mu)
    )
    words = {"log|9 − 2(1 + μ)²|/2": along, "log|3 − 2μ|/2": across}
    by_size = sorted(words.items(), key=lambda item: -item[1])
    names = ("largest Lyapunov exponent", "second Lyapunov exponent")
    for name, (formula, value) in zip(names, by_size, strict=True):
        yield name, f"{formula} = {number(value)}"
    yield "transverse exponent", f"log|3 − 2μ|/2 = {number(across)}"
    yield "mean loss", f"(μ² − 1)/4 = {number(float(theory.two_cycle_loss(mu)))}"


def _bound(mu: float) -> str:
    bound = float(theory.imbalance_bound(mu))
    return f"stable within ±2√(1 − μ²) = ±{number(bound)}" if math.isfinite(bound) else ""


# Theory around the point


def verdict(view: View) -> list[tuple[str, str]]:
    """Say what theory knows of this start and this step size, with learning rates."""
    mu, eta = view.point["mu"], view.rate
    told = [("learning rate", f"η = {rate(eta)}, so that μ = η·|c·y| = {_short(mu)}")]
    told += list(_start(view))
    if view.point["noise"] > 0.0 and view.model == "multiplicative":
        exponent = _almost_sure(2.0 * mu, view)
        side = "stable" if exponent < 0 else "unstable"
        words = f"almost surely {side}: E log|1 − 2μh| = {number(exponent)}"
        told.append(("balanced minimum", words))
    if view.point["noise"] == 0.0:
        beside = neighbours(mu, eta)
        each = {"below": beside.below, "on": beside.on, "above": beside.above}
        told += [(f"threshold {s}", _threshold(row)) for s, row in each.items() if row is not None]
    unit = eta / mu
    ends = [f"{words} to {rate(unit * end)}" for words, end in zip(_ENDS, rungs(), strict=True)]
    whom = "balanced starts" if view.point["noise"] == 0.0 else "without noise"
    told.append((f"{whom}, by η", f"{', '.join(ends)}, divergence beyond"))
    return told


_ENDS: Final = "monotone", "catapults", "cycles", "chaos with windows of cycles"


def _start(view: View) -> Iterator[tuple[str, str]]:
    """Yield the side of the ellipse, and the weights and rates that belong to the start."""
    point, eta = view.point, view.rate
    u, v = (float(x) for x in starts({name: np.array(x) for name, x in point.items()}))
    a, b, mu = u + v, u - v, point["mu"]
    size = math.sqrt(eta) * abs(view.factor)
    w = math.copysign(b, b * view.factor * view.target) / size
    yield (
        "start",
        f"a = {number(a)}, b = {number(b)}: weights u = {number(a / size)}, w = {number(w)}",
    )
    if point["noise"] > 0.0:
        return
    h = float(theory.ellipse(mu, u, v))
    if mu < 2.0:
        side = "inside, bounded" if h < 0 else "outside, unbounded" if h > 0 else "on it"
        yield "ellipse", f"{side}: a² + b² − μab − (4 − μ²) = {number(h)}"
    bounded, ends = (
        eta * float(found(a, b, mu))
        for found in (theory.edge_step_size, theory.convergent_step_size)
    )
    yield "these weights", f"bounded below η = {rate(bounded)}, converge up to {rate(ends)}"


def _threshold(row: Neighbour) -> str:
    return f"μ = {row.mu:.6g}, η = {rate(row.learning_rate)}: {row.name}"


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
    few = int((grid.regimes == Regime.UNDECIDED).sum())
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
        return f"Loss over {loss.size} steps: from {' to '.join(f'{x:.3g}' for x in ends)}{gone}."
    if not ranges:
        return f"{name.capitalize()}: the orbit escapes."
    if name == "residual":
        return f"Residual over the first steps; later it goes {ranges['e']}."
    if name == "portrait":
        return f"Phase portrait: later a goes {ranges['a']}, b {ranges['b']}."
    return "Cobweb of (a + b)/2 at successive steps beside the cubic map of the balanced line."


def key(found: Map, view: View) -> list[tuple[str, str]]:
    """Explain colours and lines: each with its colour or its kind, and words."""
    noisy = "noise" in (found.x, found.y) or view.point["noise"] > 0.0
    few = set() if noisy else {Regime.BOUNDED_NOISE, Regime.COLLAPSED}
    named = [(style.COLOURS[code], style.WORDS[code]) for code in Regime if code not in few]
    if noisy:
        return named + [_UNSTABLE] * (view.model == "multiplicative")
    return [*named, _BOUNDED, _RISES, *[_THRESHOLDS] * (found.x == "mu")]
