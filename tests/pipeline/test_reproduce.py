"""A dataset gives back the settings that made it, and these give the dataset again."""

import json

import netCDF4
import pytest

from lt2f.pipeline import dataset, reproduce, settings, sweep
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store

KINDS = "map", "orbit", "trajectory", "noisy", "counted"


def made(raw, folder):
    path = folder / "cells.nc"
    sweep.run(plan(parse(raw), "cells"), Store(folder), path)
    return path


@pytest.fixture
def file(raw, tmp_path):
    return made(raw("orbit"), tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_settings_give_the_content_again(raw, kind, tmp_path):
    path = made(raw(kind), tmp_path)
    again = tmp_path / "again.yaml"
    again.write_text(reproduce.text(path))
    (tmp_path / "elsewhere").mkdir()
    other = made(settings.load(again).model_dump(by_alias=True), tmp_path / "elsewhere")
    assert dataset.content_sha256(other) == dataset.content_sha256(path)
    assert dataset.content_sha256(path) in again.read_text()
    assert settings.load(again).study == "small-again"  # so that the original is not touched


def test_numbers_survive_to_the_last_bit_and_axes_in_their_order(raw, tmp_path):
    values = [5e-324, 1e-300, 1e-5, 0.1, 1 / 3, 2**53 + 2.0, 1.7976931348623157e308]
    axes = {"b": {"values": [0.1, 0.2]}, "a": {"values": values}}
    path = made(raw("trajectory", axes=axes), tmp_path)
    (tmp_path / "again.yaml").write_text(reproduce.text(path))
    again = settings.load(tmp_path / "again.yaml").sweeps["cells"]
    assert list(again.axes) == ["b", "a"]
    assert again.axes["a"].values().tolist() == values


def test_a_long_name_stays_a_name(raw, tmp_path):
    path = made(raw("orbit", study="s" * 100), tmp_path)
    (tmp_path / "again.yaml").write_text(reproduce.text(path))
    assert len(settings.load(tmp_path / "again.yaml").study) <= 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw | {"seed": raw["seed"] + 1}, "do not determine what it holds"),
        (lambda raw: raw | {"study": "../../up"}, "break a rule: study"),
        (lambda raw: raw | {"sweeps": {}}, "break a rule: sweeps"),
        (lambda raw: raw | {"chunks": 3}, "break a rule: chunks"),
        (lambda raw: [raw], "break a rule: should be a mapping"),
    ],
)
def test_a_file_that_says_something_else_is_refused(file, change, message):
    with netCDF4.Dataset(file, "a") as opened:
        opened.lt2f_settings = json.dumps(change(json.loads(opened.lt2f_settings)))
    with pytest.raises((reproduce.ReproduceError, dataset.DatasetError), match=message):
        reproduce.text(file)


def test_a_hash_that_is_none_is_refused(file):
    """It goes into a comment, and a line break would end that."""
    with netCDF4.Dataset(file, "a") as opened:
        opened.content_sha256 = "0\nstudy: other"
    with pytest.raises(reproduce.ReproduceError, match="do not determine"):
        reproduce.text(file)


def test_other_code_is_said(file, monkeypatch):
    assert "other code" not in reproduce.text(file)
    monkeypatch.setattr(reproduce, "code_sha256", lambda module: "f" * 64)
    assert "other code" in reproduce.text(file)


def test_a_foreign_file_is_refused(tmp_path):
    with netCDF4.Dataset(tmp_path / "other.nc", "w") as other:
        other.createDimension("x", 1)
    with pytest.raises(dataset.DatasetError, match="not a dataset of lt2f"):
        reproduce.text(tmp_path / "other.nc")
