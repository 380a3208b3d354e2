"""Compiled kernels on disk: one file each, named by all that determines it, sealed by a hash.

Numba's own cache looks at the file of a kernel alone and goes on using it after an edit to what it
calls from another one, ends a run at a damaged file, and keeps a shared index that two processes
can spoil. Here every state of this package's mathematics has a folder of its own, and a file that
is missing or damaged, or cannot be written, costs a compilation and nothing else.
"""

import contextlib
import hashlib
import inspect
import logging
import pickle
import sys
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

from lt2f.dynamics.place import cache_folder

log = logging.getLogger("lt2f")


def _folder() -> Path:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return cache_folder("kernels") / digest.hexdigest()[:16]


FOLDER = _folder()  # now, while the sources are those that are being imported


class KernelCache(_Cache):  # type: ignore[misc]
    """What Numba asks for the compiled forms of one function, and gives them to."""

    cache_path = str(FOLDER)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._function = _identity(function)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the function compiled for a signature, or None if it has to be compiled."""
        path = self._path(signature, target.codegen())
        try:
            rtsys.initialize(target)  # all that running it takes
            return CompileResult._rebuild(target, *pickle.loads(_unseal(path)))
        except OSError:
            pass  # not there, or not to be read
        except Exception:  # a damaged file can fail in any way
            _tell("is damaged and made again")
        # What compiling takes: most of the time to start, so not before there is need.
        target.refresh()
        return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep what was compiled, unless it holds addresses of this process."""
        if compiled.library.has_dynamic_globals or compiled.lifted:
            return
        path = self._path(signature, compiled.codegen)
        draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        data = dumps(compiled._reduce())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(_seal(path, data) + data)
            draft.replace(path)
        except OSError as error:
            _tell(f"cannot be kept: {error.strerror}")
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def enable(self) -> None:
        """Do nothing: it is always in use."""

    disable = flush = enable

    def _path(self, signature: Any, codegen: Any) -> Path:
        """Name a file by source, closure, types, processor, and the versions of the compiler."""
        versions = numba.__version__, sys.version_info[:2]
        key = self._function, str(signature), codegen.magic_tuple(), versions
        digest = hashlib.sha256(repr(key).encode()).hexdigest()
        return FOLDER / f"{self._name.replace('<', '').replace('>', '')}.{digest[:16]}.nbc"


def _identity(value: Any) -> str:
    """Say which function, or which value of a closure, this is, in every process alike."""
    function = getattr(value, "py_func", value)
    if not inspect.isfunction(function):
        return repr(value)
    cells = [_identity(cell.cell_contents) for cell in function.__closure__ or ()]
    return f"{function.__qualname__} {_source(function.__code__.co_filename)} {cells}"


@cache
def _source(file: str) -> str:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:  # typed in, say: nothing that another process could know again
        return uuid.uuid4().hex


def _seal(path: Path, data: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + data).digest()


def _unseal(path: Path) -> bytes:
    """Read what is kept under a path; a ValueError if it is not what was put there."""
    kept = path.read_bytes()
    seal, data = kept[:32], kept[32:]
    if seal != _seal(path, data):
        raise ValueError("the seal is broken")
    return data


@cache  # once: a folder that is spoilt or full concerns every kernel
def _tell(trouble: str) -> None:
    log.info("a compiled kernel in %s %s", FOLDER, trouble)
