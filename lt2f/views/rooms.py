"""The ledger as the report shows it: what is not settled first, what agrees by subject."""

from collections.abc import Iterable, Mapping
from typing import Final

from lt2f.claims.forms import Status
from lt2f.claims.ledger import Row

STATUSES: Final[Mapping[Status, str]] = {
    Status.DISAGREES: "Disagree",
    Status.UNDECIDED: "Undecided",
    Status.NOT_COMPUTABLE: "Not computable from these sweeps",
    Status.AGREES: "Agree",
}
"""Headings, in the order in which a reader has to see them."""

_SUBJECTS: Final = {
    "identities": "Identities of one step",
    "balanced": "The balanced line",
    "two_cycle": "The two-cycle",
    "roots": "Thresholds found as roots",
    "transverse": "Stability off the balanced line",
    "averages": "Averages over attractors",
    "ellipse": "The ellipse of bounded starts",
    "plane": "The plane of starts",
    "minimum": "Which minimum is reached",
    "convergence": "Convergence",
    "noise": "Noise of the step size",
    "target": "Noise of the target",
    "batches": "Mini-batches of prompts",
    "batch_thresholds": "Thresholds under mini-batches",
    "sharpness_spread": "Sharpness of the minima found",
    "apart": "Noise that moves the factors apart",
    "arithmetic": "Arithmetic in 50 digits",
    "settling": "Training next to each threshold",
    "transformer": "The trained transformer",
    "decay": "Weight decay",
    "losses": "Other losses",
    "learned": "What training has learned",
}


def subject(id_: str) -> str:
    """Name the subject of a claim, from the room that its id begins with."""
    rooms = [room for room in _SUBJECTS if id_.startswith(f"{room}_")]
    if rooms:
        return _SUBJECTS[max(rooms, key=len)]
    return id_.partition("_")[0].capitalize()


def by_status(rows: Iterable[Row]) -> dict[Status, list[Row]]:
    """Part a ledger by status, in the order of `STATUSES`, those that occur."""
    rows = list(rows)
    parts = {status: [row for row in rows if row.status == status] for status in STATUSES}
    return {status: part for status, part in parts.items() if part}


def by_subject(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Part rows by subject, each in its order, subjects as they first occur."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(subject(row.id), []).append(row)
    return parts
