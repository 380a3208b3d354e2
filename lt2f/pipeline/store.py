"""The chunk store: finished pieces of sweeps, kept under names that say what is in them.

A chunk's name is a hash of its coordinates, the settings that determine it and the code that made
it, so a file under that name is never out of date: it is right, or it is damaged and made again.
Files are written under another name, read back, and only then renamed.
"""

import contextlib
import hashlib
import os
import re
import time
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

CHUNK = re.compile(r"[0-9a-f]{40,}\.npz")  # names of files that are ours
DRAFT = re.compile(r"\.[0-9a-f]{40,}\.[0-9a-f]{32}\.part")
ABANDONED = 86400.0  # seconds after which a draft that nobody touched was left by a killed run
SEEN = 60.0  # seconds until a network file system shows everywhere what was written somewhere


class StoreError(OSError):
    """A chunk could not be written."""


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of chunks."""

    folder: Path

    def path(self, name: str) -> Path:
        """Return where the chunk is, or would be; two letters of a folder keep listings short."""
        return self.folder / name[:2] / f"{name}.npz"

    def has(self, name: str) -> bool:
        """Tell whether the chunk is there and whole; a damaged one is removed."""
        path = self.path(name)
        if not path.exists():
            return False
        if self.is_whole(name):
            return True
        path.unlink(missing_ok=True)
        return False

    def is_whole(self, name: str) -> bool:
        """Tell whether a chunk is there and to the last bit what was written."""
        return _is_whole(self.path(name), name)

    def read(self, name: str, variable: str) -> NDArray[Any]:
        """Read one variable of a chunk."""
        with self.open(name) as archive:
            values: NDArray[Any] = archive[variable]
        return values

    def open(self, name: str) -> Any:
        """Open a chunk, a mapping of its variables that are read when they are asked for."""
        return np.load(self.path(name), allow_pickle=False)

    def expect(self, names: Iterable[str]) -> None:
        """Return once chunks are seen here that another machine has written.

        Raises
        ------
        StoreError
            If one is not there after a time.
        """
        end = time.monotonic() + SEEN
        for name in names:
            while not appeared(self.path(name)):
                if time.monotonic() > end:
                    raise StoreError(f"{self.path(name)}: a worker wrote it and it is not there")
                time.sleep(0.1)

    def write(self, name: str, arrays: Arrays) -> None:
        """Write a chunk whole or not at all.

        Raises
        ------
        StoreError
            If the disk is full or the folder cannot be written; no file is left behind.
        """
        path = self.path(name)
        draft = path.with_name(f".{name}.{uuid.uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                _fill(file, name, arrays)
                file.flush()
                os.fsync(file.fileno())
            if not _is_whole(draft, name):
                raise OSError("what was written does not read back")
            draft.replace(path)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from None
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)


def appeared(path: Path) -> bool:
    """Tell whether a file is there that another machine may have written just now.

    A network file system remembers that a file was absent until its folder is read again.
    """
    if path.exists():
        return True
    try:
        return path.name in {entry.name for entry in path.parent.iterdir()}
    except OSError:
        return False


def _fill(file: BinaryIO, name: str, arrays: Arrays) -> None:
    """Write what numpy.savez would, and the seal as the archive's comment."""
    with zipfile.ZipFile(file, "w") as archive:
        for key, values in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)
        archive.comment = _seal(name, archive)


def _is_whole(path: Path, name: str) -> bool:
    """Tell whether a file holds the chunk of that name, to the last bit, and nothing else."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            for key in archive.files:
                archive[key]  # fails where the data are not those of its checksum
            return bool(archive.zip.comment == _seal(name, archive.zip))
    except Exception:  # a damaged archive can fail in any way; whatever it is, it is not whole
        return False


def _seal(name: str, archive: zipfile.ZipFile) -> bytes:
    """Hash a chunk's name, and the names, sizes and checksums of all that it holds."""
    digest = hashlib.sha256(name.encode())
    for member in archive.infolist():
        digest.update(f"{member.filename} {member.file_size} {member.CRC}\n".encode())
    return digest.hexdigest().encode()
