"""Tables that a study writes: thresholds.csv."""

import csv
from dataclasses import asdict
from pathlib import Path

from lt2f.dynamics import thresholds

COLUMNS = ("id", "name", "mu", "error", "method", "source")


def write_thresholds(path: Path) -> None:
    """Write the thresholds on mu, closed forms and found roots, sorted, with 15 digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for threshold in thresholds.table():
            row = asdict(threshold)
            writer.writerow(row | {"mu": f"{threshold.mu:.15g}", "error": f"{threshold.error:.2g}"})
