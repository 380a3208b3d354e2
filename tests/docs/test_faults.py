"""The table of faults names tests, and every test of a fault is in it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/howto/faults.md"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ")
][1:]


def names(folder: str = "tests") -> set[str]:
    """Name every test below a folder."""
    return {
        node.name
        for file in (ROOT / folder).rglob("test_*.py")
        for node in ast.parse(file.read_bytes()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_has_its_test(row):
    assert len(row) == 5
    assert row[3] == "yes"
    (name,) = re.findall(r"`(test_\w+)`", row[4])
    assert name in names()


def test_no_fault_is_left_out():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert names("tests/faults") - named == set()
