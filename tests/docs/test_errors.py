"""Every line of error that a user can meet is explained: docs/errors.md quotes them all."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lt2f

ROOT = Path(lt2f.__file__).parent
PAGE = (ROOT.parent / "docs" / "errors.md").read_text(encoding="utf-8")
TREES = {
    str(file.relative_to(ROOT)): ast.parse(file.read_bytes()) for file in sorted(ROOT.rglob("*.py"))
}
# What our own errors say reaches the user as a line; other exceptions are for programmers. A claim
# that a study cannot tell is no error: the ledger says what it needs.
OURS = {
    node.name
    for tree in TREES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
}
SAID = {"refusal", "UsageError", "BadParameter"} | OURS - {"MissingError"}


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
    """Every text of an error, with the file that says it; a word alone only joins two parts."""
    return {
        (where, text)
        for where, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for text in said(node)
        if " " in text
    }


LINES = sorted(lines())


def test_there_are_lines():
    assert len(LINES) > 50


@pytest.mark.parametrize(("where", "text"), LINES)
def test_a_line_is_explained(where, text):
    assert " ".join(text.split()) in " ".join(PAGE.split())
