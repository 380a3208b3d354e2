"""benchmarks/run.py measures and writes a page."""

from dataclasses import replace

import pytest

from lt2f import bench, works
from lt2f.dynamics import peak

run = bench.load(bench.BESIDE / "run.py")
SWEEP = {
    "axes": {
        "mu": {"start": 0.1, "step": 0.1, "num": 20},
        "imbalance": {"values": [0.0, 0.5]},
    },
    "fixed": {"product": 0.1},
    "iterations": {"transient": 64, "measure": 64},
}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Make everything tiny, and leave C and peers to their own tests."""
    for name, work in works.WORKS.items():
        few = {"grid": (3, 2), "first": min(work.first, 64), "then": min(work.then, 64)}
        monkeypatch.setitem(
            works.WORKS, name, replace(work, **few, rounds=1, columns=few["then"] or 1)
        )
    monkeypatch.setattr(bench, "MAP", SWEEP)
    monkeypatch.setattr(bench, "_contenders", lambda: ({}, {"C": "no C compiler"}))
    monkeypatch.setattr(peak, "ROUNDS", 10)
    monkeypatch.setattr(run, "CELLS", (2, 3))
    monkeypatch.setattr(run, "STEPS", (1, 2))
    monkeypatch.setattr(run, "_workers", lambda: "two workers")
    monkeypatch.setattr(run, "thinned", lambda sweep: SWEEP)


def test_a_page_is_written(small, tmp_path):
    file = tmp_path / "RESULTS.md"
    run.main(["--output", str(file), "--repetitions", "1"])
    text = file.read_text()
    for heading in ("Steps per second of one core", "others", "Scaling", "by brute force"):
        assert f"{heading}\n" in text
    for name in bench.NAMES:
        assert f"| {name} | " in text
    for sweep in ("regimes", "slice", "portrait", "multiplicative", "target"):
        assert f"| {sweep} | " in text
    assert "Not there: C (no C compiler)." in text


def test_thinning_keeps_every_so_many_values_of_an_axis():
    axes = {
        "mu": {"start": 0.5, "step": 0.25, "num": 64},
        "a": {"values": [1.0, 2.0]},
        "realization": {"num": 64},
    }
    thin = run.thinned({"axes": axes, "fixed": {}})
    n = run.THINNED
    assert thin["axes"]["mu"] == {"start": 0.5 + 0.25 * (n // 2), "step": 0.25 * n, "num": 64 // n}
    assert thin["axes"]["a"] == {"values": [1.0, 2.0]}
    assert thin["axes"]["realization"] == {"num": 64 // n}
    assert thin["fixed"] == {}


def test_a_table_is_markdown():
    assert run.table(("a", "b"), [("x", "1")]) == "| a | b |\n| --- | --: |\n| x | 1 |"
