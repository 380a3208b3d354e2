"""summary.md: its numbers are those of the data, and those of theory where theory decides."""

import csv
import re

import numpy as np
import pytest
import xarray as xr

import lt2f
from lt2f.claims.forms import Status
from lt2f.claims.ledger import Row
from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.dynamics.steps import STEPS
from lt2f.views import summary, tables


@pytest.fixture(scope="module")
def datasets(make_map, orbit) -> dict[str, xr.Dataset]:
    axes = {
        "mu": {"values": [0.5, 0.75, 1.125, 2.5]},
        "imbalance": {"start": 0, "step": 0.5, "num": 12},
    }
    return {"plane": make_map(axes, {"product": 0.11}), "diagram": orbit}


@pytest.fixture(scope="module")
def page(datasets, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("summary") / "deep" / "summary.md"
    summary.write(datasets, path)
    return path.read_text(encoding="utf-8")


def section(page: str, name: str) -> str:
    (text,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    return text


def rows(text: str) -> list[list[str]]:
    """Cells of a Markdown table, without its rule."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in table if not set("".join(row)) <= set("-:")]


def test_it_names_the_study_and_every_sweep_in_order(page, datasets):
    titles = re.findall(r"^#+ (.*)$", page, re.M)
    assert titles == ["views", *datasets, "Thresholds"]
    assert page.endswith("\n")
    for name, dataset in datasets.items():
        assert dataset.attrs["content_sha256"] in section(page, name)


def test_it_says_on_which_loss_descent_is(make_map, tmp_path):
    at, fixed = {"mu": {"values": [0.4, 0.5]}}, {"imbalance": 0.0, "product": 0.1}
    data = {"plain": make_map(at, fixed), "other": make_map(at, fixed | {"huber": 0.5})}
    summary.write(data, tmp_path / "summary.md")
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert f"Descent is with {STEPS['huber'].formula}." in section(page, "other")
    assert "Descent is with" not in section(page, "plain")


def test_it_says_what_was_swept(page):
    plane, diagram = section(page, "plane"), section(page, "diagram")
    assert "48 cells: mu from 0.5 to 2.5 (4 values)" in plane
    assert "imbalance from 0 to 5.5 (12 values), product = 0.11" in plane
    assert diagram.strip().startswith("131 cells: mu from 0.8 to 2.1 (131 values), ")
    assert "sample" not in diagram


def test_counts_are_those_of_theory(page):
    """Divergent: mu > 2, or outside the ellipse. Else convergent for mu <= 1, a cycle at 1.125."""
    counts = {row[0]: int(row[1]) for row in rows(section(page, "plane"))[1:]}
    imbalance = 0.5 * np.arange(12)
    inside = {
        mu: int((np.hypot(imbalance, 0.22) < 4 + mu * (0.11 - mu)).sum())
        for mu in (0.5, 0.75, 1.125)
    }
    assert counts["monotone"] + counts["catapult"] == inside[0.5] + inside[0.75]
    assert counts["periodic"] == inside[1.125]
    assert counts["divergent"] == 48 - sum(inside.values())
    assert sum(counts.values()) == 48


def test_the_table_adds_up(page, datasets):
    head, *body = rows(section(page, "plane"))
    plane = datasets["plane"]
    assert len(body) == len(np.unique(plane["regime"]))
    for regime, cells, share, *parts in body:
        assert int(cells) == sum(map(int, parts))
        assert share == f"{int(cells) / 48:.2%}"
        for title, part in zip(head[3:], parts, strict=True):
            code = DecidedBy[title.removeprefix("by ").upper()]
            both = (plane["regime"] == Regime[regime.upper()]) & (plane["decided_by"] == code)
            assert int(part) == both.sum()
    # Every table row has as many cells as its head.
    assert {len(row) for row in body} == {len(head)}


def test_orbits_have_no_table_of_regimes(page):
    assert rows(section(page, "diagram")) == []


def test_it_lists_every_threshold(page):
    body = rows(section(page, "Thresholds"))[1:]
    table = thresholds.table()
    assert [row[2] for row in body] == [row.name for row in table]
    for shown, row in zip(body, table, strict=True):
        assert float(shown[0]) == pytest.approx(row.mu, rel=5e-15)
        assert len(shown) == 4


def test_thresholds_are_those_of_the_table(page, tmp_path):
    tables.write_thresholds(tmp_path / "thresholds.csv")
    with (tmp_path / "thresholds.csv").open(newline="", encoding="utf-8") as file:
        known = {row["name"]: (row["mu"], row["error"]) for row in csv.DictReader(file)}
    body = rows(section(page, "Thresholds"))[1:]
    assert [(row[0], row[1]) for row in body] == [known[row[2]] for row in body]


def test_counts_are_runs_and_not_cells(tmp_path):
    axes = {"mu": {"values": [0.5, 2.5]}, "noise": {"values": [0.1]}, "realization": {"num": 4}}
    study = {
        "study": "counted",
        "sweeps": {
            "cells": {
                "axes": axes,
                "fixed": {"imbalance": 0.1, "product": 0.1},
                "noise": {"model": "multiplicative"},
                "iterations": {"transient": 300, "measure": 320},
                "count": "realization",
            }
        },
    }
    summary.write({"cells": lt2f.sweep(study, "cells")}, tmp_path / "summary.md")
    text = (tmp_path / "summary.md").read_text()
    assert "\n2 cells: mu from 0.5 to 2.5" in text
    # at mu = 0.5 every run converges; at mu = 2.5 the origin throws almost every start out
    assert "| monotone | 4 | 50.00% |" in text
    assert "| divergent | 4 | 50.00% |" in text


def test_claims_come_before_the_thresholds(datasets, tmp_path):
    row = Row("id", "a claim", "derived: here", "1", "2", "0.1", Status.DISAGREES, "off")
    summary.write(datasets, tmp_path / "summary.md", [row])
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.M) == [*datasets, "Claims", "Thresholds"]
    assert rows(section(text, "Claims"))[1] == ["disagrees", "a claim", "1", "2", "0.1", "off"]


def test_trained_models_are_counted_against_the_forecast(trained, tmp_path):
    """All that are decided, as they are; and none, if the map said something else."""
    wrong = trained.assign(map_regime=(trained["regime"] + 1) % 7)
    summary.write({"trained": trained, "wrong": wrong}, tmp_path / "summary.md")
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    found = re.findall(r"period of ([\d,]+) of the ([\d,]+) trained models", text)
    (same, decided), (none, _) = [tuple(map(int, pair)) for pair in found]
    assert same == decided > 200
    assert none == 0


def test_training_and_how_long_runs_last_have_tables(trained, escaping, tmp_path):
    summary.write({"model": trained, "runs": escaping}, tmp_path / "summary.md")
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    model, runs = section(page, "model"), section(page, "runs")
    (monotone,) = (row for row in rows(model.partition("Median")[2]) if row[0] == "monotone")
    here = trained["regime"].values == Regime.MONOTONE
    assert int(monotone[1]) == here.sum() > 0
    # three digits are written
    assert float(monotone[2]) == pytest.approx(np.median(trained["fresh_error"].values[here]), 5e-3)
    halves = [row for row in rows(runs) if row[0] in map(str, escaping["batch_size"].values)]
    assert len(halves) == escaping.sizes["batch_size"]
    assert "Training next" not in page  # there is no ledger


def test_trainings_next_to_thresholds_have_a_table(datasets, tmp_path):
    said = ("settling_doubling_1", "claim", "source", "a | b", "a | c", "0")
    ledger = [Row(*said, Status.DISAGREES, "12 trainings at mu = 0.9 | 1.1")]
    summary.write(datasets, tmp_path / "summary.md", ledger)
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert rows(section(page, "Training next to each threshold"))[1:] == [
        ["doubling_1", "a · b", "a · c", "12 trainings at mu = 0.9 · 1.1", "disagrees"]
    ]
