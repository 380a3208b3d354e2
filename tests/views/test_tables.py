"""thresholds.csv reads back as the thresholds that it was written from."""

import csv
from decimal import Decimal

import pytest

from lt2f.dynamics import thresholds
from lt2f.views import tables


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "deep" / "thresholds.csv"
    tables.write_thresholds(path)
    return path


@pytest.fixture(scope="module")
def rows(written):
    with written.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_columns_and_line_ends(written):
    text = written.read_bytes()
    assert text.startswith(b"id,name,mu,error,method,source\n")
    assert b"\r" not in text
    assert text.endswith(b"\n")


def test_every_threshold_comes_back_in_order(rows):
    table = thresholds.full_table()
    assert [row["id"] for row in rows] == [row.id for row in table]
    assert [float(row["mu"]) for row in rows] == sorted(float(row["mu"]) for row in rows)
    for row, threshold in zip(rows, table, strict=True):
        # 15 digits: half a unit of the last one.
        assert float(row["mu"]) == pytest.approx(threshold.mu, rel=5e-15, abs=0)
        assert row["name"] == threshold.name
        assert row["method"] == threshold.method
        assert row["source"] == threshold.source


def test_errors_cover_the_digits_left_out(rows):
    for row, threshold in zip(rows, thresholds.full_table(), strict=True):
        error = abs(Decimal(row["mu"]) - Decimal(threshold.mu)) + Decimal(threshold.error)
        # Two digits, rounded up.
        assert error <= Decimal(row["error"]) <= Decimal("1.1") * error
        assert Decimal(row["error"]) < Decimal("1e-14")


def test_known_values_are_there(rows):
    written = {row["id"]: row["mu"] for row in rows}
    # 2 sqrt 2 - 2, sqrt 5 - 1 and 3 sqrt 3/2 - 1, to 15 digits.
    assert written["monotone_end"] == "0.82842712474619"
    assert written["doubling_2"] == "1.23606797749979"
    assert written["attractor_merging"] == "1.59807621135332"
    assert written["superstable_1"] == "0.5"
