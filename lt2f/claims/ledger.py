"""The ledger: claims registered by room, and the rows that a study makes of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from lt2f.claims.forms import Finding, Status
from lt2f.claims.study import MissingError, Study, Tables

if TYPE_CHECKING:
    import xarray as xr

Check: TypeAlias = Callable[[Study], Finding]
Report: TypeAlias = Callable[[int, int], None]  # claims done, claims in all

ABSTRACT = "arXiv:2605.21292 v1, abstract"
"""The paper, of which the abstract alone was read: rows go no further than its words."""

SCALAR = "arXiv:2310.01687, abstract"
"""The scalar cubic map of quadratic regression: five phases of training."""


def derived(proof: str) -> str:
    """Say that a claim is proved in this repository, and how or where."""
    return f"derived: {proof}"


def proved(module: str, *names: str) -> str:
    """Name functions or constants of `lt2f.dynamics` that say the proof, and the tests of them."""
    where = f"lt2f/dynamics/{module}.py: {', '.join(names)}"
    return derived(f"{where}; tests/dynamics/test_{module}.py")


def observed(what: str) -> str:
    """Say that a claim is not proved, and what speaks for it."""
    return f"not proved, seen in numbers: {what}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, who makes it, and how to hold a study against it."""

    id: str
    text: str
    source: str
    check: Check


@dataclass(frozen=True, slots=True)
class Row:
    """A line of claims.csv."""

    id: str
    claim: str
    source: str
    theory: str
    measured: str
    uncertainty: str
    status: Status
    explanation: str


@dataclass(frozen=True, slots=True)
class Room:
    """Claims on one subject, in the order in which they are written."""

    name: str
    claims: list[Claim] = field(default_factory=list)

    def claim(self, id_: str, text: str, source: str) -> Callable[[Check], Check]:
        """Register the function below as the check of a claim."""

        def register(check: Check) -> Check:
            self.claims.append(Claim(f"{self.name}_{id_}", text, source, check))
            return check

        return register


def rows(
    datasets: "Mapping[str, xr.Dataset]",
    rooms: Iterable[Room],
    report: Report = lambda done, total: None,
    tables: Tables | None = None,
) -> list[Row]:
    """Hold a study, given as datasets by name, against the claims of some rooms.

    `tables` are those that the study has made already, by name: "settling" is not trained again.
    What disagrees comes first, then what is undecided; a claim whose sweep is absent comes last,
    as not computable, and says which sweep it takes.
    """
    study = Study(datasets, tables)
    claims = [claim for room in rooms for claim in room.claims]
    found: list[Row] = []
    for claim in claims:
        report(len(found), len(claims))
        found.append(_row(claim, study))
    report(len(found), len(claims))
    order = list(Status)
    return sorted(found, key=lambda row: order.index(row.status))  # stable: rooms stay together


def _row(claim: Claim, study: Study) -> Row:
    try:
        finding = claim.check(study)
    except MissingError as missing:
        finding = Finding("", "", "", Status.NOT_COMPUTABLE, str(missing))
    return Row(
        claim.id,
        claim.text,
        claim.source,
        finding.theory,
        finding.measured,
        finding.uncertainty,
        finding.status,
        finding.explanation,
    )
