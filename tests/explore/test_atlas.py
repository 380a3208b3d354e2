"""Which maps are found, and what they say of themselves."""

import pytest

from lt2f.explore import atlas, cell, told
from lt2f.pipeline.dataset import DatasetError


def test_maps_over_two_coordinates_are_found_the_best_first(maps):
    listed = ["regimes", "decayed", "clipped", "plane", "capped", "frayed", "noisy"]
    assert list(maps) == listed
    axes = {name: (found.x, found.y) for name, found in maps.items()}
    assert axes == {
        "regimes": ("mu", "imbalance"), "decayed": ("mu", "decay"), "plane": ("a", "b"),
        "frayed": ("a", "b"), "noisy": ("mu", "noise"), "clipped": ("mu", "huber"),
        "capped": ("a", "b"),
    }  # fmt: skip


def test_one_file_is_enough(folder):
    assert list(atlas.maps(folder / "plane.nc")) == ["plane"]


@pytest.mark.parametrize("name", ["line", "paths"])
def test_what_is_no_map_is_refused_in_a_line(folder, name):
    with pytest.raises(atlas.ExploreError, match=rf"{name}\.nc: holds no map over two of"):
        atlas.maps(folder / f"{name}.nc")


def test_an_empty_folder_and_a_foreign_file_are_refused(tmp_path):
    with pytest.raises(atlas.ExploreError, match="holds no map"):
        atlas.maps(tmp_path)
    (tmp_path / "notes.nc").write_text("not netCDF")
    with pytest.raises(DatasetError, match=r"notes\.nc"):
        atlas.maps(tmp_path)


def test_the_first_cell_is_one_of_the_dataset(maps):
    for found in maps.values():
        view = found.home()
        assert view.window == found.whole
        assert found.recorded(view) is not None
        assert found.recorded(view.at(mu=view.point["mu"] + 1e-9)) is None


def test_a_dataset_applies_only_at_its_own_coordinates(maps):
    home = maps["regimes"].home()
    assert maps["regimes"].applies(home)
    assert not maps["regimes"].applies(home.at(product=0.12))
    assert not maps["regimes"].applies(home.at(noise=0.1))
    assert not maps["regimes"].applies(home.at(decay=0.1))
    assert maps["decayed"].applies(maps["decayed"].home().at(decay=0.05))
    frayed = maps["frayed"].home()
    assert maps["frayed"].applies(frayed)
    assert not maps["frayed"].applies(frayed.at(decay=0.0))
    assert maps["clipped"].applies(maps["clipped"].home().at(huber=0.3))
    assert not maps["regimes"].applies(home.at(huber=0.1))
    capped = maps["capped"].home()
    assert maps["capped"].applies(capped)
    assert not maps["capped"].applies(capped.at(huber=0.0))
    noisy = maps["noisy"].home()
    assert maps["noisy"].applies(noisy)
    assert not maps["noisy"].applies(noisy.chosen("law", "normal"))
    assert not maps["noisy"].applies(noisy.at(realization=3.0))


def test_what_is_said_of_agreement_is_held_against_the_dataset(maps):
    found = maps["regimes"]
    view = found.home()
    computed, recorded = cell.answer(found.task(view), view.point), found.recorded(view)
    assert "the same, bit for bit" in told.agreement(computed, recorded)
    other = recorded | {"sharpness": recorded["sharpness"] + 1e-16 + 1e-15}
    assert "another sharpness" in told.agreement(computed, other)
    assert "no cell at exactly this point" in told.agreement(computed, None)
