"""What others make of our files: xarray over many of them, its plots, pandas."""

import matplotlib

matplotlib.use("agg")

import numpy as np
import pytest
import xarray as xr

from lt2f.dynamics.codes import Regime
from lt2f.pipeline import sweep
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store


@pytest.fixture
def files(raw, tmp_path):
    """Write one map whole, and again as two files that meet along mu."""
    cuts = {"whole": (0.05, 24), "first": (0.05, 10), "second": (0.95, 14)}
    for name, (start, num) in cuts.items():
        axes = {"mu": {"start": start, "step": 0.09, "num": num}, "imbalance": {"values": [0, 1.2]}}
        settings = parse(raw("map", axes=axes, tile={"mu": 8, "imbalance": 2}))
        sweep.run(plan(settings, "cells"), Store(tmp_path), tmp_path / f"{name}.nc")
    return {name: tmp_path / f"{name}.nc" for name in cuts}


def test_several_files_open_as_one(files):
    parts = [files["second"], files["first"]]
    with (
        xr.open_mfdataset(parts, combine="by_coords", combine_attrs="drop_conflicts") as together,
        xr.open_dataset(files["whole"]) as whole,
    ):
        # 0.05 + k 0.09 and 0.95 + j 0.09 are the doubles next to the same decimals.
        xr.testing.assert_equal(together.load(), whole.load())
        assert together.attrs["references"] == whole.attrs["references"]
        assert together["regime"].dtype == whole["regime"].dtype == np.uint8


def test_a_table_of_pandas_has_a_row_a_cell(files):
    with xr.open_dataset(files["whole"]) as whole:
        table = whole[["regime", "period", "steps"]].to_dataframe().reset_index()
        assert len(table) == whole["regime"].size
        words = whole["regime"].attrs["flag_meanings"].split()
        named = table["regime"].map(dict(enumerate(words)))
        counts = named.value_counts()
        for regime in Regime:
            known = int((whole["regime"] == regime).sum())
            assert counts.get(regime.name.lower(), 0) == known


def test_the_plots_of_xarray_name_their_axes(files):
    with xr.open_dataset(files["whole"]) as whole:
        mesh = whole["regime"].plot(x="mu")
        assert "step size" in mesh.axes.get_xlabel()
        (line,) = whole["lyapunov"].sel(imbalance=0, exponent=1).plot(x="mu")
        assert line.axes.get_ylabel().startswith("Lyapunov exponents")
        np.testing.assert_array_equal(line.get_xdata(), whole["mu"])
