"""Tables of training in the report: next to thresholds, on new prompts, and in mini-batches."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr

from lt2f.dynamics.codes import Regime
from lt2f.views import style, survival
from lt2f.views.raster import Floats

ERRORS: Final = {
    "fresh_error": "new tasks, last iterate",
    "fresh_error_mean": "new tasks, mean over iterates",
    "fresh_error_averaged": "new tasks, mean weights",
    "same_task_error": "same task, last iterate",
}
"""Errors of a trained model on prompts that it has not seen."""

_LEVELS: Final = 7  # of noise that a table shows


# Next to thresholds


@dataclass(frozen=True, slots=True)
class Side:
    """All trainings on one side of a threshold: what the map says, and what they did."""

    threshold: str
    side: str
    mu: str
    forecast: str
    exponent: str
    did: str
    exponents: str
    agree: int
    of: int


def sides(rows: Iterable[Mapping[str, str]]) -> list[Side]:
    """Gather the lines of settling.csv by threshold and side, in their order."""
    parts: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for row in rows:
        parts.setdefault((row["threshold"], row["side"]), []).append(row)
    return [_side(part) for part in parts.values()]


def _side(rows: list[Mapping[str, str]]) -> Side:
    seen: dict[str, int] = {}
    for row in rows:
        words = _behaviour(row, "")
        seen[words] = seen.get(words, 0) + 1
    most = sorted(seen, key=lambda words: -seen[words])
    return Side(
        threshold=rows[0]["threshold"],
        side=rows[0]["side"],
        mu=f"{float(rows[0]['mu']):.7g}",
        forecast=" or ".join(dict.fromkeys(_behaviour(row, "map_") for row in rows)),
        exponent=_span(rows, "map_"),
        did=most[0] if len(most) == 1 else "; ".join(f"{seen[words]} {words}" for words in most),
        exponents=_span(rows, ""),
        agree=sum(row["agrees"] == "yes" for row in rows),
        of=len(rows),
    )


def _behaviour(row: Mapping[str, str], whose: str) -> str:
    """Say what a run does: its regime and, of cycles, the period of the residual."""
    regime = style.WORDS[Regime[row[f"{whose}regime"].upper()]]
    if row[f"{whose}regime"] == "periodic":
        regime += f" {row[f'{whose}residual_period']}"
    turns = row[f"{whose}regime"] == "chaotic" and row[f"{whose}changes_sign"] == "yes"
    return f"{regime}, of both signs" if turns else regime


def _span(rows: list[Mapping[str, str]], whose: str) -> str:
    """Write the exponents of several runs, as one number where four digits do not tell them."""
    rates = np.array([float(row[f"{whose}lyapunov"]) for row in rows])
    rates = rates[np.isfinite(rates)]
    if not rates.size:
        return "–"
    low, high = (number(x) for x in (rates.min(), rates.max()))
    return low if low == high else f"{low} to {high}"


def number(x: float) -> str:
    """Write a number with four decimals and a true minus; zero has no sign."""
    return f"{x:.4f}".replace("-", "−") if abs(x) >= 5e-5 else "0"


# On new prompts


def on_new_prompts(dataset: xr.Dataset) -> Iterator[dict[str, Any]]:
    """Yield medians of the errors of trained models by their regime; 1 is to predict zero."""
    regime = dataset["regime"].values
    known = [name for name in ERRORS if name in dataset]
    for code in Regime:
        here = regime == code
        if here.any():
            medians = [_median(dataset[name].values[here]) for name in known]
            yield {
                "regime": style.WORDS[code],
                "count": int(here.sum()),
                "errors": medians,
            }


def _median(values: Any) -> str:
    """Write a median, as a dash where there is none or where it is not finite."""
    middle = float(np.median(values))
    return f"{middle:.3g}" if np.isfinite(middle) else "–"


# In mini-batches


@dataclass(frozen=True, slots=True)
class Half:
    """At a level of noise, the step size at which half of the runs escape, and where it may be."""

    level: str
    mu: str
    interval: str


def lasting(dataset: xr.Dataset) -> bool:
    """Tell whether a dataset says how long runs last over mu and a level of noise."""
    noisy = {"noise", "batch_size"} & set(dataset.sizes)
    return len(noisy) == 1 and {"mu", "realization"} <= set(dataset.sizes) and "steps" in dataset


def halves(dataset: xr.Dataset) -> tuple[str, list[Half]]:
    """Say at which step size half of the runs escape, at up to seven levels; and what these are."""
    found = survival.read(dataset)
    count = found.level.values.size
    some = np.unique(np.linspace(0, count - 1, min(count, _LEVELS)).round().astype(int))
    ends = zip(*(part[some] for part in survival.half(found)), strict=True)
    rows = [
        _half(f"{level:g}", found.mu, *map(float, end))
        for level, end in zip(found.level.values[some], ends, strict=True)
    ]
    return style.NAMES[found.level.name], rows


def _half(level: str, grid: Floats, mu: float, low: float, high: float) -> Half:
    """Write a row; the interval goes at least from one step of the grid to the next."""
    if not np.isfinite(mu):
        end = f"below {grid[0]:.4g}" if mu < 0 else f"none by {grid[-1]:.4g}"
        return Half(level, end, "–")
    j = int(np.clip(np.searchsorted(grid, mu), 1, grid.size - 1))
    low, high = min(low, float(grid[j - 1])), max(high, float(grid[j]))
    return Half(level, f"{mu:.4g}", f"{low:.4g} to {high:.4g}")
