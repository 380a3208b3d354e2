"""The whole ledger: every room of claims, in the order in which a referee would ask.

A room is a module with a `ROOM`, whose claims register themselves by `@ROOM.claim(id, text,
source)`; it becomes part of the ledger by being named here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lt2f.claims import (
    apart,
    arithmetic,
    averages,
    balanced,
    batch_thresholds,
    batches,
    convergence,
    decay,
    ellipse,
    identities,
    learned,
    losses,
    minimum,
    noise,
    plane,
    roots,
    settling,
    sharpness_spread,
    target,
    transformer,
    transverse,
    two_cycle,
)
from lt2f.claims.ledger import Claim, Report, Room, Row, rows
from lt2f.claims.study import Tables

if TYPE_CHECKING:
    import xarray as xr

ROOMS: Final[tuple[Room, ...]] = (
    identities.ROOM,
    balanced.ROOM,
    two_cycle.ROOM,
    roots.ROOM,
    transverse.ROOM,
    averages.ROOM,
    ellipse.ROOM,
    plane.ROOM,
    minimum.ROOM,
    convergence.ROOM,
    noise.ROOM,
    target.ROOM,
    batches.ROOM,
    batch_thresholds.ROOM,
    sharpness_spread.ROOM,
    apart.ROOM,
    arithmetic.ROOM,
    transformer.ROOM,
    settling.ROOM,
    decay.ROOM,
    losses.ROOM,
    learned.ROOM,
)


def claims() -> list[Claim]:
    """List every claim."""
    return [claim for room in ROOMS for claim in room.claims]


def ledger(
    datasets: "Mapping[str, xr.Dataset]",
    report: Report = lambda done, total: None,
    tables: Tables | None = None,
) -> list[Row]:
    """Hold a study, given as datasets by name, against every claim; what disagrees comes first.

    `tables` are those that the study has made already, as in `lt2f.claims.ledger.rows`.
    """
    return rows(datasets, ROOMS, report, tables)
