"""A line of settling.csv: what a training next to a threshold on mu did, and what the map says."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lt2f.claims.forms import SIGMAS
from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import Regime
from lt2f.training.transformer import Model

# What changes there, and how far to go aside: near enough to lie in the phases that meet there, and
# so far that what attracts does so within the run, for attraction vanishes at the thresholds.
PLACES = {
    "monotone_end": ("the first balanced starts catapult", 1e-3),
    "doubling_1": ("the edge of stability", 8e-3),
    "doubling_2": ("the second doubling", 3e-3),
    "doubling_3": ("the third doubling", 1e-3),
    "accumulation": ("the end of the doublings", 2e-3),
    "first_period_3": ("the first cycle of period 3", 1e-3),
    "attractor_merging": ("the merging of the two attractors", 1e-2),
    "antisymmetric_birth": ("the birth of the antisymmetric cycle", 1e-3),
    "chebyshev": ("the end of bounded training", 1e-2),
}
NEARLY = 0.02  # what exponents may differ by beyond four standard errors, which short runs misjudge


class SettlingError(ValueError):
    """A table is not settling.csv."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One training next to a threshold: what it did, and what the map says.

    Each of `ours` and `forecast` is the regime, the period of the residual, and the larger exponent
    along with its standard error, in nats per step. `sides` tells of both whether the value, or a,
    changes its sign in the last steps: where the two attractors have merged.
    """

    threshold: str
    mu: float
    model: Model
    prompt: int
    ours: tuple[Regime, int, float, float]
    forecast: tuple[Regime, int, float, float]
    sides: tuple[bool, bool]

    @property
    def agrees(self) -> bool:
        """Whether regime, period and side are the same, and the exponents within their errors."""
        (regime, period, rate, error), (regime_, period_, rate_, error_) = self.ours, self.forecast
        if (regime, period) != (regime_, period_) or self.sides[0] != self.sides[1]:
            return False
        room = NEARLY + SIGMAS * math.hypot(error, error_)
        return regime == Regime.DIVERGENT or abs(rate - rate_) <= room


def places() -> dict[str, tuple[float, float]]:
    """Return mu just below and just above each threshold."""
    known = {row.id: row.mu for row in thresholds.full_table()}
    known["monotone_end"] = 2.0 * math.sqrt(2.0) - 2.0
    return {id_: (known[id_] - aside, known[id_] + aside) for id_, (_, aside) in PLACES.items()}


def records(rows: Iterable[Settled]) -> Iterator[dict[str, str]]:
    """Yield the rows as they are in settling.csv, each with its side of the threshold."""
    middle = {name: sum(pair) / 2 for name, pair in places().items()}
    for row in rows:
        parts = {
            f"{whose}{key}": value
            for whose, found, crosses in zip(
                ("", "map_"), (row.ours, row.forecast), row.sides, strict=True
            )
            for key, value in _written(found, crosses).items()
        }
        yield {
            "threshold": row.threshold,
            "side": "above" if row.mu > middle[row.threshold] else "below",
            "mu": f"{row.mu:.10g}",
            "model": row.model.value,
            "prompt": str(row.prompt),
            **parts,
            "agrees": "yes" if row.agrees else "no",
        }


def _written(found: tuple[Regime, int, float, float], crosses: bool) -> dict[str, str]:
    regime, period, rate, error = found
    return {
        "regime": regime.name.lower(),
        "residual_period": str(period),
        "lyapunov": f"{rate:.6g}",
        "lyapunov_error": f"{error:.2g}",
        "changes_sign": "yes" if crosses else "no",
    }


def read(table: Iterable[Mapping[str, str]]) -> list[Settled]:
    """Return trainings from the lines of settling.csv.

    Raises
    ------
    SettlingError
        If there are none, or a line is none of that table.
    """
    try:
        rows = [_settled(line) for line in table]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettlingError(f"settling.csv: no trainings next to thresholds: {error}") from None
    if not rows:
        raise SettlingError("settling.csv: no trainings next to thresholds")
    return rows


def _settled(line: Mapping[str, str]) -> Settled:
    return Settled(
        line["threshold"],
        float(line["mu"]),
        Model(line["model"]),
        int(line["prompt"]),
        _read(line, ""),
        _read(line, "map_"),
        (line["changes_sign"] == "yes", line["map_changes_sign"] == "yes"),
    )


def _read(row: Mapping[str, str], whose: str) -> tuple[Regime, int, float, float]:
    return (
        Regime[row[f"{whose}regime"].upper()],
        int(row[f"{whose}residual_period"]),
        float(row[f"{whose}lyapunov"]),
        float(row[f"{whose}lyapunov_error"]),
    )
