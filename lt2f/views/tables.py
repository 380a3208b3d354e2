"""Tables that a study writes: thresholds.csv."""

import csv
from dataclasses import asdict
from decimal import ROUND_UP, Context, Decimal
from pathlib import Path

from lt2f.dynamics import thresholds
from lt2f.dynamics.thresholds import Threshold
from lt2f.views.files import whole

COLUMNS = ("id", "name", "mu", "error", "method", "source")
DIGITS = 15


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


def written(threshold: Threshold) -> tuple[str, str]:
    """Write a threshold with 15 digits, and a bound of the distance of these to its true value.

    The error is rounded up to two digits, after adding what the digits of mu leave out.
    """
    mu = f"{threshold.mu:.{DIGITS}g}"
    left_out = abs(Decimal(threshold.mu) - Decimal(mu))
    error = Context(prec=2, rounding=ROUND_UP).plus(Decimal(threshold.error) + left_out)
    return mu, f"{error:.1e}" if error else "0"
