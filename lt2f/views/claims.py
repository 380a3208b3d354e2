"""claims.csv: the ledger of a study as a table, and as a section of its summary."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from lt2f.claims.forms import Status
from lt2f.claims.ledger import Row
from lt2f.views.files import whole

COLUMNS: Final = tuple(field.name for field in fields(Row))
MEANING: Final = (
    "A claim agrees if what was measured differs from theory by no more than the uncertainty; a "
    "bound, if it is exceeded by no more than that. The uncertainty is not one standard error: it "
    "is four of them where chance is at work (more for the worst of many cells), plus stated "
    "bounds of what is not chance, such as the step of a grid, the length of a run or the terms "
    'left out of a limit; of an identity it is the tolerance for rounding. So "<= 0" agrees with '
    "a measured 1e-10 where 1e-8 is allowed for rounding. A claim is undecided where the "
    "uncertainty is too large to test it."
)
_LOUD: Final = (Status.DISAGREES, Status.UNDECIDED)


class LedgerError(ValueError):
    """A file is not the ledger of a study."""


def write(rows: Iterable[Row], path: Path) -> None:
    """Write a ledger, whole or not at all, in the order of its rows."""
    with whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read(path: Path) -> list[Row]:
    """Read a ledger back.

    Raises
    ------
    LedgerError
        If the file is none.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        try:
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise LedgerError(f"{path}: not a ledger of claims")
            return [_row(row) for row in reader]
        except (TypeError, ValueError) as error:
            raise LedgerError(f"{path}: not a ledger of claims: {error}") from None


def _row(cells: dict[str, str]) -> Row:
    status = Status(cells.pop("status"))
    return Row(**cells, status=status)


def section(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a summary: how many claims hold, and in full those that do not."""
    rows = list(rows)
    counts = Counter(row.status for row in rows)
    said = (f"{counts[status]} {_WORDS[status]}" for status in Status if counts[status])
    yield f"{len(rows)} claims: {', '.join(said)}. Every one is in claims.csv.\n"
    yield f"{MEANING}\n"
    if not any(counts[status] for status in _LOUD):
        return
    yield "| status | claim | theory | measured | uncertainty | explanation |"
    yield "|---|---|---:|---:|---:|---|"
    for row in rows:
        if row.status in _LOUD:
            cells = [row.status, row.claim, row.theory, row.measured, row.uncertainty]
            escaped = (cell.replace("|", "\\|") for cell in [*cells, row.explanation])
            yield f"| {' | '.join(escaped)} |"
    yield ""


_WORDS: Final[Mapping[Status, str]] = {
    Status.DISAGREES: "disagree",
    Status.UNDECIDED: "undecided",
    Status.AGREES: "agree",
    Status.NOT_COMPUTABLE: "not computable from these sweeps",
}
