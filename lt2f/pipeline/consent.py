"""What users allow settings to do beyond their results: said once, and kept outside the settings.

Each thing allowed is a file in the user's own configuration folder, named by the hash of what it
allows. So an edit of a sweep takes nothing back, and another command has to be allowed anew.
"""

import json
import os
import shlex
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from platformdirs import user_config_path

from lt2f.pipeline.identity import sha256_of
from lt2f.pipeline.reach import Reach


class ConsentError(PermissionError):
    """Settings would do as their user what that user has not allowed."""


def require(reaches: Iterable[Reach], how: str = "lt2f trust SETTINGS") -> None:
    """Go on only if all that needs consent is allowed.

    Parameters
    ----------
    reaches
        What the settings reach, of `reach.beyond`.
    how
        The command that would allow it.

    Raises
    ------
    ConsentError
        If something is not allowed: each with its key, its value and what it does.
    """
    missing = [each.line for each in reaches if each.asks and not given(each)]
    if missing:
        raise ConsentError(f"{'; '.join(missing)}: {how} allows it")


def command(settings: Path) -> str:
    """Return the command that allows what a settings file reaches from this folder.

    It is for the shell, which may be in another one: Snakemake takes a `--directory`.
    """
    here, shell = Path.cwd(), Path(os.environ.get("PWD") or ".").resolve()
    file, folder = (
        str(path.relative_to(shell) if path.is_relative_to(shell) else path)
        for path in (settings.absolute(), here)
    )
    elsewhere = [] if here == shell else ["--directory", folder]
    return shlex.join(["lt2f", "trust", file, *elsewhere])


def given(reach: Reach) -> bool:
    """Tell whether exactly this was allowed."""
    file = _file(reach)
    return (found := _read(file)) is not None and _name(found) == file.stem


def state(reach: Reach) -> str:
    """Say how it stands with something, to be written behind it; nothing if it needs no consent."""
    if given(reach):
        return ": allowed"
    return ": not allowed, see lt2f trust" if reach.asks else ""


def give(reaches: Iterable[Reach]) -> None:
    """Allow things, each in a file that only its owner can read, written whole or not at all."""
    folder = _folder()
    for place in (folder.parent, folder):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for reach in reaches:
        content = {"key": reach.key, "means": reach.means, "line": reach.line}
        number, draft = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")  # mode 0600
        try:
            with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 (it has no path yet)
                file.write(f"{json.dumps(content, indent=1)}\n")
            Path(draft).replace(_file(reach))
        finally:
            Path(draft).unlink(missing_ok=True)


def take_back(reaches: Iterable[Reach]) -> None:
    """Allow things no longer."""
    for reach in reaches:
        _file(reach).unlink(missing_ok=True)


def everything() -> Iterator[tuple[str, str]]:
    """Yield all that is allowed: what it is in a line, and the folder in which it is so, if any."""
    for file in sorted(_folder().glob("*.json")):
        if (found := _read(file)) is not None and _name(found) == file.stem:
            means = found["means"]
            yield str(found.get("line")), means["folder"] if isinstance(means, dict) else ""


def _folder() -> Path:
    return user_config_path("lt2f") / "trusted"


def _file(reach: Reach) -> Path:
    return _folder() / f"{_name({'key': reach.key, 'means': reach.means})}.json"


def _name(content: dict[str, object]) -> str:
    return sha256_of([content["key"], content["means"]])


def _read(file: Path) -> dict[str, object] | None:
    try:
        found = dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if {"key", "means"} <= found.keys() else None
