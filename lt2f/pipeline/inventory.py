"""What lies in a chunk store: which chunks serve which sweeps, which are damaged, which are spare.

A chunk's name says all that determines it and nothing that could be read back, so whom it serves
follows from plans: a chunk that no sweep of the studies given would ask for is spare.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import Settings
from lt2f.pipeline.store import ABANDONED, CHUNK, DRAFT, Store


@dataclass(frozen=True, slots=True)
class Holding:
    """The chunks of one sweep: how many it takes, those that are there, and their bytes."""

    study: str
    sweep: str
    wanted: int
    names: frozenset[str]
    bytes: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a store holds, for the sweeps of some studies; `spare` serves none of them."""

    sweeps: tuple[Holding, ...]
    spare: dict[str, int]  # bytes, by the name of a chunk
    drafts: dict[Path, int]  # of runs that were killed


def take(store: Store, studies: Iterable[Settings] = ()) -> Inventory:
    """List a store; without studies all is spare."""
    sizes = {path.stem: path.stat().st_size for path in chunks(store)}
    sweeps = tuple(_holding(study, name, sizes) for study in studies for name in study.sweeps)
    used = frozenset[str]().union(*(holding.names for holding in sweeps))
    spare = {name: size for name, size in sizes.items() if name not in used}
    return Inventory(sweeps, spare, {path: path.stat().st_size for path in drafts(store)})


def _holding(study: Settings, name: str, sizes: dict[str, int]) -> Holding:
    wanted = [chunk.name for chunk in plan(study, name).chunks()]
    here = frozenset(wanted) & sizes.keys()
    return Holding(study.study, name, len(wanted), here, sum(sizes[chunk] for chunk in here))


def chunks(store: Store) -> Iterator[Path]:
    """Yield the files of a store, in the order of their names; foreign files are not ours."""
    known = (path for path in store.folder.glob("??/*.npz") if CHUNK.fullmatch(path.name))
    yield from sorted(path for path in known if path == store.path(path.stem))


def drafts(store: Store, age: float = ABANDONED) -> Iterator[Path]:
    """Yield files that a run was writing when it was killed, at least so many seconds ago."""
    for path in sorted(store.folder.glob("??/.*.part")):
        if DRAFT.fullmatch(path.name) and time.time() - path.stat().st_mtime > age:
            yield path


def damaged(
    store: Store, report: Callable[[int, int], None] = lambda done, total: None
) -> list[str]:
    """Read every chunk and name those that are not what their seal says; nothing is removed."""
    paths = list(chunks(store))
    found = []
    for done, path in enumerate(paths, 1):
        if not store.is_whole(path.stem):
            found.append(path.stem)
        report(done, len(paths))
    return found


def prune(store: Store, names: Iterable[str], abandoned: Iterable[Path] = ()) -> int:
    """Remove chunks and drafts; the bytes that this frees. A chunk that is gone is no error."""
    freed = 0
    for path in (*map(store.path, names), *abandoned):
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            continue
        freed += size
    return freed
