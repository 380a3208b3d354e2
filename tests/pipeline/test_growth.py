"""Sweeps that grow or overlap: the chunks that there are already are not computed again."""

import logging
from pathlib import Path
from typing import Any

import pytest

from lt2f.pipeline import sweep
from lt2f.pipeline.plan import Plan, plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store


def chunk_files() -> dict[str, tuple[int, int]]:
    """Every finished chunk, with what a rewritten file would not keep."""
    stats = {file.name: file.stat() for file in sweep.CHUNKS.glob("*/[!.]*.npz")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


NOISY = {
    "axes": {"realization": {"num": 4}, "mu": {"values": [0.4, 0.8, 1.2]}},
    "fixed": {"imbalance": 0.5, "product": 0.1, "noise": 0.4},
    "noise": {"model": "multiplicative", "law": "uniform"},
    "iterations": {"transient": 100, "measure": 200},
    "tile": {"realization": 2, "mu": 2},
}
PLAIN = {
    "axes": {"mu": {"start": 0.1, "step": 0.1, "num": 9}, "imbalance": {"values": [0.0, 0.5]}},
    "fixed": {"product": 0.1},
    "iterations": {"transient": 300, "measure": 300},
    "tile": {"mu": 4, "imbalance": 1},
}


def with_axis(raw: dict[str, Any], name: str, **changes: float) -> dict[str, Any]:
    return {**raw, "axes": {**raw["axes"], name: {**raw["axes"][name], **changes}}}


GROWN = {
    # First and second sweep, chunks of the second, and how many of them the first one made.
    "longer axis": (PLAIN, with_axis(PLAIN, "mu", num=16), 10, 4),  # 1-3 | 4-7 | then 8 9
    "coarser axis": (PLAIN, with_axis(PLAIN, "mu", start=0.2, step=0.2), 6, 0),
    "overlap": (PLAIN, with_axis(PLAIN, "mu", start=0.4, num=9), 6, 2),  # 4-7
    "part": (PLAIN, with_axis(PLAIN, "mu", num=7), 4, 4),
    "realizations": (NOISY, with_axis(NOISY, "realization", num=7), 8, 4),
    "counted": (
        {**NOISY, "count": "realization"},
        {**with_axis(NOISY, "realization", num=7), "count": "realization"}, 8, 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GROWN)
def test_only_new_chunks_are_computed(case, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, "lt2f")
    one, two, chunks, reused = GROWN[case]
    store = Store(sweep.CHUNKS)
    sweep.run(planned(one), store, Path("one.nc"))
    before = chunk_files()
    caplog.clear()
    content = sweep.run(planned(two), store, Path("two.nc"))
    assert f"in {chunks} chunks, {reused} reused, {chunks - reused} to compute" in caplog.text
    after = chunk_files()
    assert before.items() <= after.items()  # the same files, not others of that name
    assert len(after) - len(before) == chunks - reused
    assert content == sweep.run(planned(two), Store(Path("fresh")), Path("fresh.nc"))


def planned(raw: dict[str, Any]) -> Plan:
    return plan(parse({"study": "grown", "sweeps": {"cells": raw}}), "cells")
