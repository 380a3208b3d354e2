"""Whole files: what a view writes takes its name only when it is complete."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a draft to write to, which becomes `path` if all goes well and vanishes if not.

    Raises
    ------
    OSError
        If the file cannot be written, with its name; what was at `path` stays as it was.
    """
    draft = path.with_name(f".{path.name}")  # keeps the ending, which may choose a format
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        draft.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
