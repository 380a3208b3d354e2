"""What settings reach beyond their results: commands, other machines, other folders.

Who wrote them may mean well; who runs what a stranger wrote should know, and be asked before.
"""

import errno
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt2f.pipeline.executors import Executor, Scheduler, Slurm
from lt2f.pipeline.nearby import nearest
from lt2f.pipeline.store import CHUNK, DRAFT

RESULTS = Path("results")
_COMMANDS = "prologue", "python", "job_extra"
# What a chunk store has: folders, marks of workers, chunks, drafts; for a while what NFS leaves.
_FOLDER, _MARK = re.compile(r"[0-9a-f]{2}"), re.compile(r"\.seen-[0-9a-f]{32}")
_NFS = re.compile(r"\.nfs[0-9a-f]+")
_LONGEST = 2**16  # bytes of a scheduler's file, which may be any file


@dataclass(frozen=True, slots=True)
class Reach:
    """One thing that a run would do as you outside `results/`."""

    key: str  # of the settings, dotted
    said: str  # what they say there
    act: str  # what it does
    means: Any  # all that determines what it does, as JSON: what consent is given to
    asks: bool = True  # whether it needs consent

    @property
    def line(self) -> str:
        """Say it, in letters that a terminal only shows."""
        said = self.said if self.said.isprintable() else ascii(self.said)
        return f"{self.key} = {said} {self.act}"


def beyond(executor: Executor, chunks: Path | None = None) -> list[Reach]:
    """Tell what a run in this folder would do as you outside `results/`; mostly nothing."""
    if isinstance(executor, Slurm):
        return [*_commands(executor), *_store(chunks), *_logs(executor)]
    if isinstance(executor, Scheduler):
        known = executor.address or _known(executor.file or Path())
        elsewhere = known is not None and nearest(known) is None
        return [scheduler(executor, elsewhere=elsewhere), *_store(chunks)]
    return [*_store(chunks)]


def scheduler(executor: Scheduler, *, elsewhere: bool) -> Reach:
    """Name a scheduler: what it sends is unpickled, so that it may run anything."""
    act = "is a scheduler, and who runs it can run code as you"
    if executor.file:
        whole = str(executor.file.absolute().resolve())
        return Reach("executor.file", str(executor.file), f"names what {act}", whole, elsewhere)
    said = str(executor.address)
    return Reach("executor.address", said, act, said, elsewhere)


def _commands(executor: Slurm) -> Iterator[Reach]:
    """Name what is in jobs; `source env.sh` means another file in another folder."""
    for key in _COMMANDS:
        if said := getattr(executor, key):
            means = {"folder": str(Path.cwd()), "said": said if key == "python" else list(said)}
            act = "is part of every job, which runs as you"
            yield Reach(f"executor.{key}", json.dumps(said), act, means)


def _store(chunks: Path | None) -> Iterator[Reach]:
    if chunks and not _within_results(chunks):
        asks = _holds_other_things(chunks.absolute().resolve())  # past what is not there yet
        act = "holds other things than chunks, and " if asks else ""
        act += "is written to, which is not in results"
        yield Reach("chunks", str(chunks), act, str(chunks.absolute().resolve()), asks)


def _logs(executor: Slurm) -> Iterator[Reach]:
    if not _within_results(executor.logs):
        means = str(executor.logs.absolute().resolve())
        act = "is written to, which is not in results"
        yield Reach("executor.logs", str(executor.logs), act, means)


def _within_results(folder: Path) -> bool:
    """Tell whether a path stays in `results/`; a link in there that leads out is the user's own."""
    as_written = ".." not in folder.parts and folder.absolute().is_relative_to(RESULTS.absolute())
    return as_written or folder.absolute().resolve().is_relative_to(RESULTS.resolve())


def _holds_other_things(folder: Path) -> bool:
    """Tell whether there is anything in a folder that a chunk store does not have."""
    try:
        with os.scandir(folder) as entries:
            return not all(_MARK.fullmatch(one.name) or _holds_chunks(one) for one in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _holds_chunks(entry: os.DirEntry[str]) -> bool:
    if not _FOLDER.fullmatch(entry.name) or not entry.is_dir():
        return False
    with os.scandir(entry) as inside:
        return all(any(kind.fullmatch(one.name) for kind in (CHUNK, DRAFT, _NFS)) for one in inside)


def _known(file: Path) -> str | None:
    """Read the address in a scheduler's file, if it is there by now."""
    try:
        return address_in(file)
    except (OSError, ValueError):
        return None


def address_in(file: Path) -> str:
    """Read the address in the file that a scheduler writes.

    Raises
    ------
    OSError
        If it cannot be read, or is no file: a device would never end.
    ValueError
        If it holds no address, perhaps because it is half written.
    """
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "is no file")
    with file.open("rb") as opened:
        text = opened.read(_LONGEST)
    try:
        return str(json.loads(text)["address"])
    except (LookupError, TypeError, RecursionError):
        raise ValueError("no address") from None
