"""Identities: what a result depends on, as a hash.

A result is identified by its settings, as canonical JSON, and by the code that makes it, as the
syntax trees of a module and of everything it imports from its own package. Comments, docstrings,
layout and type-checking imports are no part of a syntax tree here, so editing them changes no hash.
Source files are read, never imported. To parse a hundred of them takes longer than all else that
planning a study does, so what they hash to can be kept on disk, under the hash of their bytes.
"""

import ast
import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lt2f.dynamics.place import cache_folder

_kept: dict[str, tuple[str, list[str]]] = {}  # by the hash of a module's name and bytes
_used: set[str] = set()


def canonical_json(obj: Any) -> str:
    """Write ``obj`` as JSON in one way only: keys sorted, no spaces, ASCII.

    Raises
    ------
    ValueError
        If ``obj`` holds NaN or an infinity, which JSON cannot write.
    TypeError
        If ``obj`` holds something that is not JSON.
    """
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_of(obj: Any) -> str:
    """Hash ``obj`` through its canonical JSON; the SHA-256 in hexadecimal."""
    return _sha256(canonical_json(obj))


def code_sha256(module: str) -> str:
    """Hash the code of ``module`` and of all that it imports inside its package, transitively.

    Parameters
    ----------
    module
        Dotted name, such as ``"lt2f.pipeline.sweep"``.

    Returns
    -------
    str
        SHA-256 in hexadecimal over the names of these modules and their syntax trees. The
        ``__init__`` of the root package takes no part: it holds the version and the lazy names,
        through which every module would depend on every other.

    Raises
    ------
    ModuleNotFoundError
        If there is no source file for ``module``.
    """
    root = module.partition(".")[0]
    folder = _package_folder(root)
    if _source(folder, module) is None:
        raise ModuleNotFoundError(f"no source file for module {module!r}", name=module)
    hashes: dict[str, str] = {}
    seen, waiting = {root}, {module}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if name == root or (file := _source(folder, name)) is None:
            continue
        hashes[name], imported = _digest(name, file)
        waiting |= {part for target in imported for part in _with_parents(target)} - seen
    return sha256_of(hashes)


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """Take from disk what files were found to hash to, and keep there what is found meanwhile.

    A table that is missing or damaged, or cannot be written, costs time and nothing else. It is
    named by the code of this module, which determines what is in it.
    """
    name = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    table = cache_folder("syntax") / f"{name}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        found = dict(json.loads(table.read_bytes())).items()
        _kept.update({key: (str(digest), list(imported)) for key, (digest, imported) in found})
    known = set(_kept)
    yield
    if not _used <= known:
        _write(table, {key: _kept[key] for key in sorted(_used)})


def _write(table: Path, content: dict[str, tuple[str, list[str]]]) -> None:
    draft = table.with_name(f"{table.name}.{uuid.uuid4().hex}.part")
    with contextlib.suppress(OSError):
        table.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(table)
    with contextlib.suppress(OSError):
        draft.unlink(missing_ok=True)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _package_folder(root: str) -> Path:
    spec = find_spec(root)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {root!r}", name=root)
    return Path(next(iter(spec.submodule_search_locations)))


def _source(folder: Path, name: str) -> Path | None:
    path = folder.joinpath(*name.split(".")[1:])
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def _with_parents(name: str) -> Iterator[str]:
    """Yield what may be a module that importing ``name`` runs, which may end in an attribute."""
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _digest(name: str, file: Path) -> tuple[str, list[str]]:
    """Hash one file's syntax tree and collect what it imports from its own package."""
    source = file.read_bytes()
    key = hashlib.sha256(f"{name}\0{file.name}\0".encode() + source).hexdigest()
    _used.add(key)
    if key not in _kept:
        tree = ast.parse(source, filename=str(file))
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        words: list[str] = []
        imported: set[str] = set()
        _walk(tree, words, imported, package)
        _kept[key] = _sha256("\0".join(words)), sorted(imported)
    return _kept[key]


def _walk(node: ast.AST, words: list[str], imported: set[str], package: str) -> None:
    """Append the tree in prefix order, without positions, empty fields and mute statements.

    Python's minor versions differ in the empty fields that a node has, not in the others, which is
    why ``ast.dump`` is not used.
    """
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        imported.update(_inside(node, package))
    words.append(type(node).__name__)
    for field in node._fields:
        value = getattr(node, field, None)
        if value is None or value == [] or field == "ctx":
            continue
        words.append(field)
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, ast.AST):
                words.append(repr(item))
                continue
            for statement in _executed(item):
                _walk(statement, words, imported, package)
    words.append("end")


def _executed(node: ast.AST) -> list[ast.AST]:
    """Drop docstrings, which are strings that stand alone, and what only a type checker reads."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return []
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return list(node.orelse)
    return [node]


def _inside(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Yield the absolute dotted names that an import statement may load from its own package."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        base = _absolute(node, package)
        names = [f"{base}.{alias.name}" for alias in node.names]
    root = package.partition(".")[0]
    return (name for name in names if name.partition(".")[0] == root)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    anchor = parts[: len(parts) - node.level + 1]
    return ".".join([*anchor, node.module] if node.module else anchor)
