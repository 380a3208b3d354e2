"""Tables that a study writes: thresholds.csv and settling.csv."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import ROUND_UP, Context, Decimal
from pathlib import Path

from lt2f.dynamics import thresholds
from lt2f.dynamics.thresholds import Threshold
from lt2f.views.files import whole

COLUMNS = ("id", "name", "mu", "error", "method", "source")
DIGITS = 15
_OF_EACH = ("regime", "residual_period", "lyapunov", "lyapunov_error", "changes_sign")
SETTLING = (
    *("threshold", "side", "mu", "model", "prompt"),
    *_OF_EACH,
    *(f"map_{name}" for name in _OF_EACH),
    "agrees",
)
"""Columns of settling.csv; those of the map's forecast begin with map."""


def write_thresholds(path: Path) -> None:
    """Write every threshold on mu, sorted, with 15 digits.

    The error bounds the distance of what is written to the true value: it includes the digits that
    are left out.
    """
    with whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for threshold in thresholds.full_table():
            mu, error = written(threshold)
            writer.writerow(asdict(threshold) | {"mu": mu, "error": error})


def write_settling(rows: Iterable[Mapping[str, str]], path: Path) -> None:
    """Write what trainings next to each threshold did, and what the map says, a line each."""
    with whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, SETTLING, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read(path: Path) -> list[dict[str, str]]:
    """Read a table back, a mapping for each of its lines; empty if there is no such file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []


def written(threshold: Threshold) -> tuple[str, str]:
    """Write a threshold with 15 digits, and a bound of the distance of these to its true value.

    The error is rounded up to two digits, after adding what the digits of mu leave out.
    """
    mu = f"{threshold.mu:.{DIGITS}g}"
    left_out = abs(Decimal(threshold.mu) - Decimal(mu))
    error = Context(prec=2, rounding=ROUND_UP).plus(Decimal(threshold.error) + left_out)
    return mu, f"{error:.1e}" if error else "0"
