"""thresholds.csv reads back as the thresholds that it was written from."""

import csv

import pytest

from lt2f.dynamics import thresholds
from lt2f.views import tables


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "deep" / "thresholds.csv"
    tables.write_thresholds(path)
    return path


def test_columns_and_line_ends(written):
    text = written.read_bytes()
    assert text.startswith(b"id,name,mu,error,method,source\n")
    assert b"\r" not in text
    assert text.endswith(b"\n")


def test_every_threshold_comes_back_in_order(written):
    with written.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = thresholds.table()
    assert [row["id"] for row in rows] == [row.id for row in table]
    assert [float(row["mu"]) for row in rows] == sorted(float(row["mu"]) for row in rows)
    for row, threshold in zip(rows, table, strict=True):
        # 15 digits: half a unit of the last one.
        assert float(row["mu"]) == pytest.approx(threshold.mu, rel=5e-15, abs=0)
        assert float(row["error"]) == pytest.approx(threshold.error, rel=0.05)
        assert row["name"] == threshold.name
        assert row["method"] == threshold.method
        assert row["source"] == threshold.source


def test_known_values_are_there(written):
    text = written.read_text(encoding="utf-8")
    # 2 sqrt 2 - 2, sqrt 5 - 1 and 3 sqrt 3/2 - 1, to 15 digits.
    for digits in ("0.82842712474619", "1.23606797749979", "1.59807621135332"):
        assert digits in text
