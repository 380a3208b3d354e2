"""`verify`: a dataset against the hash and the code that it names."""

import netCDF4
import pytest
import xarray as xr

from lt2f.pipeline import dataset, sweep
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store


@pytest.fixture
def file(raw, tmp_path):
    path = tmp_path / "cells.nc"
    sweep.run(plan(parse(raw("orbit")), "cells"), Store(tmp_path), path)
    return path


def test_what_was_written_is_intact(file):
    assert dataset.verify(file) == "intact"


@pytest.mark.parametrize("name", ["residual", "mu"])
def test_a_changed_value_is_damage(file, name):
    with netCDF4.Dataset(file, "a") as opened:
        values = opened[name][:]
        values.flat[0] += 2.0**-40
        opened[name][:] = values
    assert dataset.verify(file).startswith("damaged")


def test_other_settings_are_damage(file):
    with netCDF4.Dataset(file, "a") as opened:
        opened.lt2f_identity = opened.lt2f_identity.replace('"seed":', '"seed":1')
    assert dataset.verify(file).startswith("damaged")


def test_what_is_called_intact_has_the_values_that_were_written(file):
    whole, values = file.read_bytes(), xr.load_dataset(file)
    found = set()
    for start in range(0, len(whole), len(whole) // 40):
        raw = bytearray(whole)
        raw[start : start + 8] = bytes(byte ^ 255 for byte in raw[start : start + 8])
        file.write_bytes(raw)
        found.add(state := dataset.verify(file))
        if state == "intact":  # they hit nothing that is read
            xr.testing.assert_identical(xr.load_dataset(file).drop_attrs(), values.drop_attrs())
    assert any(state.startswith("damaged") for state in found)


def test_other_code_is_told(file, monkeypatch):
    monkeypatch.setattr(dataset, "code_sha256", lambda module: "f" * 64)
    assert dataset.verify(file) == "intact, made by other code"


def test_a_study_or_its_name_do_not_matter(file):
    with netCDF4.Dataset(file, "a") as opened:
        opened.history = "somebody looked at it"
    assert dataset.verify(file) == "intact"


def test_what_is_no_dataset_is_told(tmp_path):
    words = tmp_path / "words.nc"
    words.write_text("no dataset")
    assert not dataset.verify(words).startswith("intact")
