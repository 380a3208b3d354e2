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


def sources(folder: str = "tests") -> dict[str, str]:
    """Every test below a folder, by its name."""
    return {
        node.name: ast.unparse(node)
        for file in (ROOT / folder).rglob("test_*.py")
        for node in ast.parse(file.read_bytes()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_has_its_test(row):
    assert len(row) == 5
    (name,) = re.findall(r"`(test_\w+)`", row[4])
    hashed = re.search(r"content_sha256|same_as_ever|goes_on\(", sources()[name])
    assert row[3] == ("yes" if hashed else "–")


def test_no_fault_is_left_out():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert sources("tests/faults").keys() - named == set()
