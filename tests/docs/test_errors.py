"""Every line of error that a user can meet is explained: docs/errors.md quotes them all."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lt2f

ROOT = Path(lt2f.__file__).parent
PAGE = (ROOT.parent / "docs" / "errors.md").read_text(encoding="utf-8")
# What these raise reaches the user as a line; other exceptions are for programmers.
SAID = {
    "AdviceError",
    "BenchError",
    "DatasetError",
    "LedgerError",
    "NotTwoFactorError",
    "SettingsError",
    "StampError",
    "StoreError",
    "refusal",
}


def texts(node: ast.AST) -> Iterator[str]:
    """Yield the parts of an expression that are said as they stand."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value.strip(" :,;")


def said(function: ast.AST) -> Iterator[str]:
    """Yield what the errors of a function say, in their own words or in those of a variable."""
    named = {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID:
            parts = [part for argument in node.args for part in ast.walk(argument)]
            names = [part.id for part in parts if isinstance(part, ast.Name) and part.id in named]
            for source in (*node.args, *(named[name] for name in names)):
                yield from texts(source)


def lines() -> set[tuple[str, str]]:
    found = set()
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.FunctionDef):
                where = str(file.relative_to(ROOT))
                # A word alone is a key's name, or joins two parts.
                found |= {(where, text) for text in said(node) if " " in text}
    return found


LINES = sorted(lines())


def test_there_are_lines():
    assert len(LINES) > 50


@pytest.mark.parametrize(("where", "text"), LINES)
def test_a_line_is_explained(where, text):
    assert " ".join(text.split()) in " ".join(PAGE.split())
