"""What this process and a worker elsewhere must have in common: code, and the chunk store.

`look` runs on the worker and is sent by its name alone: a worker without lt2f fails there.
"""

import platform
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import lt2f
from lt2f.pipeline.identity import code_sha256
from lt2f.pipeline.store import SEEN, appeared

WORK = "lt2f.pipeline.work"  # what runs on workers, with all that it imports


class Disagreement(OSError):
    """A worker has other code, or another disk, than this process."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is where a worker runs."""

    host: str
    version: str
    code: str
    mark: str  # name of the file that it left in the chunk store
    trouble: str  # why it could not; or nothing


Ask = Callable[[Callable[[Path], Sight], Path], Mapping[str, Sight]]


def look(folder: Path) -> Sight:
    """Hash the code that would run here, and leave a mark in the chunk store."""
    mark, trouble = f".seen-{uuid.uuid4().hex}", ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / mark).touch()
    except OSError as error:
        trouble = error.strerror or str(error)
    return Sight(platform.node(), lt2f.__version__, code_sha256(WORK), mark, trouble)


def agree(ask: Ask, folder: Path) -> None:
    """Make sure that workers have the code that we have, and our chunk store.

    Parameters
    ----------
    ask
        Calls a function on every worker; the answers by the workers' addresses.
    folder
        The chunk store, as an absolute path.

    Raises
    ------
    Disagreement
        If a worker has other code, or the folder is another one there or cannot be written.
    """
    ours = code_sha256(WORK)
    for worker, sight in ask(look, folder).items():
        where = f"worker {worker} on {sight.host}"
        if sight.code != ours:
            raise Disagreement(
                f"{where} has other code of lt2f (version {sight.version}) than this process "
                f"(version {lt2f.__version__}): install the same on both and restart the workers"
            )
        if sight.trouble:
            raise Disagreement(f"chunks: {where} cannot write to {folder}: {sight.trouble}")
        _find(folder / sight.mark, where)


def _find(mark: Path, where: str) -> None:
    """Wait for a file that was written elsewhere, and remove it."""
    end = time.monotonic() + SEEN
    while not appeared(mark):
        if time.monotonic() > end:
            raise Disagreement(
                f"chunks: what {where} writes to {mark.parent} is not there for this process: "
                "set chunks to a folder that all machines share"
            )
        time.sleep(0.1)
    mark.unlink(missing_ok=True)
