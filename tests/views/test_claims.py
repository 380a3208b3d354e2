"""claims.csv reads back as it was written, and the summary tells of what does not hold."""

import pytest

from lt2f.claims import forms
from lt2f.claims.ledger import Claim, Room, Row, rows
from lt2f.claims.study import MissingError
from lt2f.views import claims


def absent(study):
    raise MissingError("needs a sweep of kind orbit")


CHECKS = {
    "good": lambda study: forms.value(1, 1, 0.1, 1, 'of "many", cells'),
    "bad": lambda study: forms.value(1, 2, 0.1, 1),
    "vague": lambda study: forms.value(1, 1, 2, 1),
    "absent": absent,
}


@pytest.fixture
def ledger() -> list[Row]:
    room = Room("r", [Claim(n, f"|{n}|, said", "derived: here", c) for n, c in CHECKS.items()])
    return rows({}, [room])


def test_a_ledger_reads_back(ledger, tmp_path):
    path = tmp_path / "deep" / "claims.csv"
    claims.write(ledger, path)
    head = b"id,claim,source,theory,measured,uncertainty,status,explanation\n"
    assert path.read_bytes().startswith(head)
    assert b"\r" not in path.read_bytes()
    assert claims.read(path) == ledger


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n1,2\n", "id,claim,source,theory,measured,uncertainty,status,explanation\nx\n"],
)
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "claims.csv"
    path.write_text(text)
    with pytest.raises(claims.LedgerError, match="not a ledger of claims"):
        claims.read(path)


def test_the_section_counts_and_shows_what_does_not_hold(ledger):
    text = "\n".join(claims.section(ledger))
    assert text.startswith(
        "4 claims: 1 disagree, 1 undecided, 1 agree, 1 not computable from these sweeps."
    )
    body = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert [line.split(" | ")[0] for line in body] == ["| disagrees", "| undecided"]
    assert "\\|bad\\|, said" in body[0]
    assert "off by 10 times the uncertainty" in body[0]


def test_what_holds_needs_no_table(ledger):
    text = "\n".join(claims.section([row for row in ledger if row.id == "good"]))
    assert text == f"1 claims: 1 agree. Every one is in claims.csv.\n\n{claims.MEANING}\n"
    assert "four of them" in claims.MEANING
