"""Tables that a study writes: thresholds.csv."""

import csv
from dataclasses import asdict
from pathlib import Path

from lt2f.dynamics import thresholds
from lt2f.views.files import whole

COLUMNS = ("id", "name", "mu", "error", "method", "source")


def write_thresholds(path: Path) -> None:
    """Write the thresholds on mu, closed forms and found roots, sorted, with 15 digits."""
    with whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for threshold in thresholds.table():
            row = asdict(threshold)
            writer.writerow(row | {"mu": f"{threshold.mu:.15g}", "error": f"{threshold.error:.2g}"})
