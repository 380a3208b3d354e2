"""Datasets: what is in the file, what identifies it, and what happens when writing fails."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import lt2f
from lt2f.pipeline import attributes, dataset, sweep
from lt2f.pipeline import plan as planning
from lt2f.pipeline.dataset import DatasetError, content_sha256, open_dataset
from lt2f.pipeline.settings import RECORDABLE, parse
from lt2f.pipeline.solve import solve
from lt2f.pipeline.store import Store

KINDS = ("map", "orbit", "trajectory", "noisy", "counted")
# Codes and types as users read them; the order of the words is that of the values 0, 1, ...
REGIMES = "undecided monotone catapult periodic chaotic bounded_noise divergent collapsed"
EVIDENCE = "none theorem cycle measurement inferred"
BRANCHES = "none positive negative"
TYPES = {
    "regime": "u1",
    "decided_by": "u1",
    "period": "i4",
    "residual_period": "i4",
    "steps": "i8",
    "branch": "u1",
    "regime_count": "i8",
}
WITH_ERROR = ("lyapunov", "transverse_lyapunov", "sharpness", "loss_mean", "weights_mean")
ERRORS = {f"{name}_error" for name in WITH_ERROR}
PAIRS = {"lyapunov": "exponent", "weights_mean": "weight"}


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """Compute a changed sweep of a kind: its plan, store and dataset. Chunks are kept."""
    store = Store(tmp_path_factory.mktemp("chunks"))

    def compute(plan):
        path = tmp_path_factory.mktemp("results") / "cells.nc"
        content = sweep.run(plan, store, path)
        assert content == content_sha256(path)
        return plan, store, path

    return compute


@pytest.fixture(scope="module")
def made(computed, planned):
    """The plan, the store and the dataset of each kind."""
    return {kind: computed(planned(kind)) for kind in KINDS}


@pytest.fixture(scope="module", params=KINDS)
def opened(request, made):
    """Each kind's plan, and its dataset as xarray alone reads it."""
    plan, _, path = made[request.param]
    with xr.open_dataset(path) as data:
        yield plan, data.load()


@pytest.fixture
def copied(made, tmp_path):
    """A copy of the map's dataset, to be damaged."""
    return Path(shutil.copy(made["map"][2], tmp_path / "cells.nc"))


def again(plan, store, path):
    """Write a plan's dataset once more; its content hash."""
    return dataset.assemble(plan, list(plan.chunks()), store, path)


# What is in the file


def test_dimensions_are_the_axes_in_their_order(opened):
    plan, data = opened
    counted = plan.task.count
    axes = {name: values for name, values in plan.axes.items() if name != counted}
    extra = {"orbit": ("sample",), "trajectory": ("step",)}.get(plan.task.kind, ())
    extra = ("outcome",) if counted else extra
    for name, variable in data.data_vars.items():
        pair = PAIRS.get(name.removesuffix("_error"))
        last = (pair,) if pair else extra
        assert variable.dims == (*axes, *last)
    for name, values in axes.items():
        assert data[name].dims == (name,)
        assert data[name].values.tobytes() == values.tobytes()
        assert data[name].dtype == (np.int64 if name == "realization" else np.float64)


def test_every_kind_holds_its_variables(made):
    expected = {
        "map": {*RECORDABLE, *ERRORS},
        "orbit": {"residual"},
        "trajectory": {"loss", "sharpness", "imbalance"},
        "noisy": {*RECORDABLE, *ERRORS},
        "counted": {"regime_count"},
    }
    for kind, (_, _, path) in made.items():
        with xr.open_dataset(path) as data:
            assert set(data.data_vars) == expected[kind]
            assert all(data[v].dtype == TYPES.get(v, "f8") for v in data.data_vars)


def test_only_what_is_recorded_is_there_with_its_error(computed, planned):
    *_, path = computed(planned(record=["lyapunov", "period"]))
    with xr.open_dataset(path) as data:
        assert set(data.data_vars) == {
            "regime", "decided_by", "period", "lyapunov", "lyapunov_error",
        }  # fmt: skip


def test_what_is_fixed_is_a_scalar_coordinate_of_every_variable(opened):
    plan, data = opened
    fixed = plan.sweep.fixed
    assert fixed
    for name, value in fixed.items():
        assert data.coords[name].shape == ()
        assert data[name].item() == value
        assert all(name in variable.coords for variable in data.data_vars.values())
    assert set(data.coords) - set(data.dims) == set(fixed)


def test_extra_dimensions_are_numbered(made):
    expected = {"map": ("exponent", [1, 2]), "orbit": ("sample", range(6))}
    for kind, (name, values) in (expected | {"trajectory": ("step", range(5))}).items():
        with xr.open_dataset(made[kind][2]) as data:
            assert data[name].values.tolist() == list(values)


@pytest.mark.parametrize(
    ("kind", "name", "meanings", "dtype"),
    [
        ("map", "regime", REGIMES, np.uint8),
        ("map", "decided_by", EVIDENCE, np.uint8),
        ("map", "branch", BRANCHES, np.uint8),
        ("counted", "outcome", REGIMES, np.int64),
    ],
)
def test_codes_are_flags_with_the_documented_meanings(made, kind, name, meanings, dtype):
    with xr.open_dataset(made[kind][2]) as data:
        flags = data[name].attrs
        assert data[name].dtype == flags["flag_values"].dtype == dtype
        assert flags["flag_values"].tolist() == list(range(len(meanings.split())))
        assert flags["flag_meanings"] == meanings


def test_nothing_is_masked(made):
    # A fill value would turn flags into floats, and hide a value that happens to be equal to it.
    for _, _, path in made.values():
        with netCDF4.Dataset(path) as file:
            assert not [v.name for v in file.variables.values() if "_FillValue" in v.ncattrs()]


def test_everything_says_what_it_is(opened):
    plan, data = opened
    for variable in data.variables.values():
        assert variable.attrs["units"] == "1"
        assert len(variable.attrs["long_name"]) > 10
    for variable in data.data_vars.values():
        other = variable.attrs.get("ancillary_variables")
        assert other is None or other in data
    assert {v.attrs.get("ancillary_variables") for v in data.data_vars.values()} - {None} == (
        ERRORS if "lyapunov" in data else set()
    )
    assert data.attrs["Conventions"].startswith("CF-1.")
    assert data.attrs["references"] == "arXiv:2605.21292"
    assert data.attrs["seed"] == 7
    assert data.attrs["lt2f_version"] == lt2f.__version__
    assert data.attrs["code_sha256"] == plan.code
    for name in ("title", "history", "lt2f_settings", "content_sha256"):
        assert data.attrs[name]


def test_codes_are_packed_and_everything_has_checksums(made):
    for plan, _, path in made.values():
        with netCDF4.Dataset(path) as file:
            for name in dataset.variables(plan):
                filters = file[name].filters()
                assert filters["zlib"] == (file[name].dtype.kind in "iu")
                assert filters["fletcher32"]


def test_values_are_those_of_the_whole_grid_solved_at_once(opened):
    plan, data = opened
    assert len(list(plan.chunks())) > 1
    for name, values in solve(plan.task, plan.axes, plan.sweep.scalars()).items():
        assert data[name].dtype == values.dtype
        np.testing.assert_array_equal(data[name].values, values)  # to the bit but for NaN's


def test_missing_values_are_nan(made):
    with xr.open_dataset(made["map"][2]) as data:
        divergent = data["regime"] == 6
        for name in ("lyapunov", "sharpness", "loss_mean", "weights_mean"):
            missing = np.isnan(data[name])
            missing = missing.all(PAIRS[name]) if name in PAIRS else missing
            np.testing.assert_array_equal(missing, divergent)
        assert 0 < divergent.mean() < 1


def test_counts_are_those_of_the_realizations(made):
    with xr.open_dataset(made["noisy"][2]) as each, xr.open_dataset(made["counted"][2]) as all_:
        for code in range(8):
            expected = (each["regime"] == code).sum("realization")
            np.testing.assert_array_equal(all_["regime_count"].sel(outcome=code), expected)
        assert (all_["regime_count"].sum("outcome") == 5).all()


def test_each_cell_is_where_its_coordinates_are(made):
    # The first step needs no iteration: e = ab - mu, S = a^2 + b^2 from the coordinates alone.
    with xr.open_dataset(made["orbit"][2]) as data:
        first = data["residual"].isel(sample=0)
        expected = (data["product"] - data["mu"]).transpose(*first.dims)
        np.testing.assert_allclose(first, expected, rtol=0, atol=4e-16)  # ab is not p to the bit
    with xr.open_dataset(made["trajectory"][2]) as data:
        first = data.isel(step=0)
        a, b = data["a"], data["b"]
        expected = {
            "loss": (a * b - data["mu"]) ** 2 / 2,
            "sharpness": a**2 + b**2,
            "imbalance": a**2 - b**2,
        }
        for name, values in expected.items():
            np.testing.assert_allclose(first[name], values.transpose("b", "a"), rtol=1e-14)
    with xr.open_dataset(made["map"][2]) as data:
        # Bounded iff inside the ellipse S - mu e - 4 = 0, for mu < 2.
        data = data.where(data["mu"] < 2, drop=True)
        s = np.sqrt(data["imbalance"] ** 2 + 4 * data["product"] ** 2)
        h = s - data["mu"] * (data["product"] - data["mu"]) - 4
        outside = (h > 0).transpose("mu", "imbalance")
        np.testing.assert_array_equal(data["regime"] == 6, outside)
        assert 0 < outside.mean() < 1


# What identifies it


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_does_not_show_the_tiles(made, computed, planned, kind):
    plan, _, path = made[kind]
    for side in (1, 3, 100):
        other = computed(planned(kind, tile=dict.fromkeys(plan.axes, side)))[2]
        assert content_sha256(other) == content_sha256(path)
        with xr.open_dataset(path) as one, xr.open_dataset(other) as two:
            xr.testing.assert_equal(one, two)


def test_the_content_does_not_show_the_names_of_study_and_sweep(made, computed, raw):
    study = raw(study="renamed")
    study["sweeps"]["others"] = study["sweeps"].pop("cells")
    *_, path = computed(planning.plan(parse(study), "others"))
    assert content_sha256(path) == content_sha256(made["map"][2])


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8},
        {"shortcuts": False},
        {"record": ["lyapunov"]},
        {"fixed": {"product": 0.2}},
        {"iterations": {"transient": 600, "measure": 400, "max_period": 63}},
        {"axes": {"mu": {"values": [0.5, 1.5]}, "imbalance": {"values": [0.0, 0.4]}}},
    ],
    ids=str,
)
def test_the_content_shows_what_determines_the_data(made, computed, planned, changes):
    *_, path = computed(planned(**changes))
    assert content_sha256(path) != content_sha256(made["map"][2])
    assert content_sha256(path) == xr.open_dataset(path).attrs["content_sha256"]


def test_the_content_says_which_axis_comes_first(computed, planned):
    axes = {"mu": {"values": [0.5]}, "imbalance": {"values": [0.5]}}
    swapped = dict(reversed(axes.items()))
    paths = [computed(planned(axes=order, tile={}))[2] for order in (axes, swapped)]
    assert content_sha256(paths[0]) != content_sha256(paths[1])


def test_one_value_in_any_place_changes_the_content(made, copied):
    before = content_sha256(copied)
    with netCDF4.Dataset(copied) as file:
        names = list(file.variables)
    for name in names:
        with netCDF4.Dataset(copied, "a") as file:
            file.set_auto_mask(False)
            kept = np.array(file[name][...])
            edited = kept.copy()
            edited.reshape(-1).view(f"u{kept.itemsize}")[-1] ^= 1  # the last bit of the last value
            file[name][...] = edited
        assert content_sha256(copied) != before, name
        with netCDF4.Dataset(copied, "a") as file:
            file[name][...] = kept
    assert content_sha256(copied) == before


def test_there_is_one_nan(made, copied):
    with netCDF4.Dataset(copied) as file:
        values = np.array(file["lyapunov"][...])
    assert {*values[np.isnan(values)].view("u8")} == {np.array(np.nan).view("u8").item()}


def test_settings_in_the_file_make_the_same_dataset(made, computed):
    for plan, _, path in made.values():
        with xr.open_dataset(path) as data:
            study = parse(json.loads(data.attrs["lt2f_settings"]))
            identity, dims = json.loads(data.attrs["lt2f_identity"]), data.sizes
        replanned = planning.plan(study, plan.name)
        assert replanned.identity() == plan.identity() == identity
        assert list(replanned.axes) == list(plan.axes)
        *_, other = computed(replanned)  # in other tiles: these are not kept
        assert content_sha256(other) == content_sha256(path)
        with xr.open_dataset(other) as data:
            assert data.sizes == dims


numbers = st.floats(0, 1e6, allow_subnormal=False)


@settings(max_examples=50)
@given(
    st.permutations(["mu", "imbalance", "product"]),
    st.lists(numbers, min_size=1, max_size=4, unique=True).map(sorted),
    numbers,
    st.integers(0, 2**64 - 1),
)
def test_any_settings_survive_in_the_file(planned, raw, order, values, fixed, seed):
    axes = {
        order[0]: {"values": values},
        order[1]: {"start": fixed, "step": 1.0 + fixed, "num": 3},
    }
    plan = planned(axes=axes, fixed={order[2]: fixed}, tile={}, seed=seed)
    text = attributes.attributes(plan, "")["lt2f_settings"]
    replanned = planning.plan(parse(json.loads(text)), plan.name)
    assert replanned.identity() == plan.identity()
    assert list(replanned.axes) == list(plan.axes)


# When something is wrong


@pytest.mark.parametrize("size", [0, 1000, 20_000])
def test_a_full_disk_leaves_what_was_there(made, copied, full_disk, size):
    plan, store, _ = made["map"]
    before = copied.read_bytes()
    with full_disk(size), pytest.raises(DatasetError, match=r"cells\.nc: "):
        again(plan, store, copied)
    assert copied.read_bytes() == before
    assert list(copied.parent.iterdir()) == [copied]
    assert again(plan, store, copied) == content_sha256(copied)  # in the same process


def test_a_full_disk_leaves_nothing_where_nothing_was(made, tmp_path, full_disk):
    plan, store, _ = made["map"]
    with full_disk(1000), pytest.raises(DatasetError):
        again(plan, store, tmp_path / "new" / "cells.nc")
    assert not list((tmp_path / "new").iterdir())


def test_a_file_that_does_not_read_back_is_not_kept(made, copied, monkeypatch):
    plan, store, _ = made["map"]
    before = copied.read_bytes()

    def read_after_damage(draft):
        with netCDF4.Dataset(draft, "a") as file:
            file["period"][0, 0] += 1
        return content_sha256(draft)

    monkeypatch.setattr(dataset, "content_sha256", read_after_damage)
    with pytest.raises(DatasetError, match="does not read back"):
        again(plan, store, copied)
    assert copied.read_bytes() == before
    assert list(copied.parent.iterdir()) == [copied]


def test_writing_again_replaces_the_file_at_once(made, copied):
    plan, store, _ = made["map"]
    before = copied.stat().st_ino
    with copied.open("rb") as reader:
        again(plan, store, copied)
        assert copied.stat().st_ino != before
        assert os.fstat(reader.fileno()).st_nlink == 0


def test_a_second_writer_of_a_dataset_takes_nothing_from_the_first(made, copied, monkeypatch):
    plan, store, _ = made["map"]

    def read_after_another_run(draft):
        monkeypatch.undo()
        again(plan, store, copied)
        return content_sha256(draft)

    monkeypatch.setattr(dataset, "content_sha256", read_after_another_run)
    assert again(plan, store, copied) == content_sha256(copied)


def values_of(path):
    """Every variable's bytes as a reader gets them, or None if reading fails."""
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            return {name: np.asarray(v[...]).tobytes() for name, v in file.variables.items()}
    except (OSError, RuntimeError):
        return None


def content_or_error(path):
    try:
        return content_sha256(path)
    except (OSError, RuntimeError, ValueError):
        return None


def test_a_flipped_bit_is_found(made, copied):
    """Reading fails, or the content hash is another, or all values are the same."""
    *_, path = made["map"]
    whole, right, content = path.read_bytes(), values_of(path), content_sha256(path)
    rng = np.random.default_rng(3)
    unreadable = 0
    for bit in rng.choice(8 * len(whole), 300, replace=False):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        copied.write_bytes(damaged)
        found = values_of(copied)
        unreadable += found is None
        if found is not None and found != right:
            assert content_or_error(copied) != content
    assert unreadable > 10  # about one bit in ten is of compressed data, under a checksum


def test_a_truncated_file_is_not_opened(copied):
    whole = copied.read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        copied.write_bytes(whole[:size])
        with pytest.raises(DatasetError, match=r"cells\.nc"):
            open_dataset(copied)


def test_what_is_no_dataset_of_ours_is_not_opened(tmp_path, copied):
    with pytest.raises(DatasetError, match="No such file"):
        open_dataset(tmp_path / "nowhere.nc")
    with netCDF4.Dataset(copied, "a") as file:
        file.lt2f_layout = np.int32(dataset.LAYOUT_VERSION + 1)
    with pytest.raises(DatasetError, match="of layout 2; this lt2f reads layout 1"):
        open_dataset(copied)
    xr.Dataset({"mu": [1.0]}).to_netcdf(tmp_path / "foreign.nc")
    with pytest.raises(DatasetError, match="not a dataset of lt2f"):
        open_dataset(tmp_path / "foreign.nc")


def test_a_dataset_opens_with_its_values(made):
    _, _, path = made["map"]
    with open_dataset(path) as ours, xr.open_dataset(path) as theirs:
        xr.testing.assert_identical(ours.load(), theirs.load())


@pytest.mark.parametrize("varied", ["mu", "imbalance"])
def test_a_trajectory_can_start_from_imbalance_and_product(computed, planned, varied):
    # Its own imbalance and that of its start are two things.
    axes = {"mu": {"values": [0.5, 0.75]}, "imbalance": {"values": [1.0]}}
    fixed = {"product": 0.25} | ({} if varied == "imbalance" else {"imbalance": 1.0})
    on = axes if varied == "imbalance" else {"mu": axes["mu"]}
    *_, path = computed(planned("trajectory", axes=on, fixed=fixed, tile={}))
    with xr.open_dataset(path) as data:
        first = data.isel(step=0, mu=0).squeeze(drop=True)
        path_of = first["imbalance_path" if varied == "imbalance" else "imbalance"]
        # a² − b² = 1 and ab = 1/4: a² + b² = √(1 + 4/16); the loss is (1/4 − 1/2)²/2.
        np.testing.assert_allclose(path_of, 1.0, rtol=1e-14)
        np.testing.assert_allclose(first["sharpness"], np.sqrt(1.25), rtol=1e-14)
        np.testing.assert_allclose(first["loss"], 0.03125, rtol=1e-14)
        start = data["imbalance" if varied == "imbalance" else "imbalance_start"]
        assert start.item() == 1.0


WRITING = """
import subprocess, threading
from pathlib import Path
from lt2f.pipeline import dataset  # before netCDF4, as everywhere in lt2f
import netCDF4

done = threading.Event()
def start():
    while not done.is_set():
        subprocess.run(["true"])
others = [threading.Thread(target=start) for _ in range(2)]
for other in others:
    other.start()
refused = 0
for k in range(1000):
    try:
        with netCDF4.Dataset("x.nc", "w") as file:
            file.createVariable("x", "f8", ())[...] = k
        with netCDF4.Dataset("x.nc") as file:
            assert file["x"][...] == k
    except OSError:
        refused += 1
    Path("x.nc").unlink(missing_ok=True)
done.set()
print(refused)
"""


@pytest.mark.parametrize(("locks", "refused"), [(None, False), ("TRUE", True)])
def test_children_that_start_meanwhile_keep_no_file_from_us(tmp_path, locks, refused):
    """They hold what is open here until they are another program; with locks one in five fails."""
    env = {name: value for name, value in os.environ.items() if "HDF5" not in name}
    env |= {"HDF5_USE_FILE_LOCKING": locks} if locks else {}
    command = [sys.executable, "-c", WRITING]
    run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert (int(run.stdout) > 0) == refused
