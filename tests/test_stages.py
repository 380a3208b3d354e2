"""Stamps: each changes with what it stands for, and with nothing else."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from lt2f import stages
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import load, parse

QUICK = Path(__file__).parents[1] / "config" / "quick.yaml"
SWEEPS = {"sweep-regimes", "sweep-slice", "sweep-orbit"}
# `slice` is drawn below the orbit diagram as well
FIGURES = {"figure-regimes", "figure-orbit", "figure-slice-transverse", "figure-slice-averages"}
FIGURES |= {"figure-regimes-sharpness", "figure-regimes-overshoot"}
ALL = SWEEPS | FIGURES | {"runtime", "thresholds", "claims", "summary", "settling", "report"}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The raw settings of the quick study, in a folder without results."""
    monkeypatch.chdir(tmp_path)
    return yaml.safe_load(QUICK.read_text())


def stamps():
    """Every stamp's identity on disk; a rewritten one has another."""
    files = Path("results/quick/.stamps").iterdir()
    return {file.stem: (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}


def touched(before, after):
    """The stamps written by staging one raw study after another."""
    stages.stage(parse(before))
    old = stamps()
    stages.stage(parse(after))
    new = stamps()
    return {name for name in new if new[name] != old.get(name)}


def changed(study, path, value):
    """The raw study with one key set."""
    copy = deepcopy(study)
    *parts, last = path.split("/")
    place = copy
    for part in parts:
        place = place.setdefault(part, {})
    place[last] = value
    return copy


def test_a_first_staging_writes_every_stamp(study):
    stages.stage(parse(study))
    assert stamps().keys() == ALL


def test_the_same_settings_touch_nothing(study):
    assert touched(study, study) == set()
    respelt = yaml.safe_load(yaml.safe_dump(study, sort_keys=False, default_flow_style=True))
    respelt["sweeps"]["slice"]["kind"] = "map"  # the default, said
    respelt["executor"] = {"kind": "local"}
    assert touched(study, respelt) == set()


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("sweeps/slice/axes/mu/num", 1001, {"sweep-slice"}),
        ("sweeps/slice/fixed/imbalance", 0.002, {"sweep-slice"}),
        ("sweeps/slice/iterations/measure", 10001, {"sweep-slice"}),
        ("sweeps/slice/record", ["lyapunov", "transverse_lyapunov"], {"sweep-slice", "report"}),
        ("sweeps/slice/shortcuts", False, {"sweep-slice"}),
        ("sweeps/orbit/iterations/samples", 201, {"sweep-orbit"}),
        ("seed", 1, SWEEPS),
        ("sweeps/slice/tile/mu", 128, {"runtime"}),
        ("executor", {"kind": "local", "workers": 3}, {"runtime"}),
        ("chunks", "/scratch", {"runtime"}),
        ("figures", {"style": {"dpi": 300}}, FIGURES),
        ("figures", {"style": {"format": ["svg"]}}, FIGURES),
    ],
)
def test_a_change_touches_what_it_concerns(study, path, value, expected):
    assert touched(study, changed(study, path, value)) == expected


def test_the_order_of_axes_counts(study):
    axes = dict(reversed(study["sweeps"]["regimes"]["axes"].items()))
    assert "sweep-regimes" in touched(study, changed(study, "sweeps/regimes/axes", axes))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("lt2f.pipeline.solve", SWEEPS),
        ("lt2f.pipeline.dataset", SWEEPS),
        ("lt2f.views.figures", FIGURES),
        ("lt2f.views.tables", {"thresholds", "settling"}),
        ("lt2f.claims.settling", {"settling"}),
        ("lt2f.views.report", {"report"}),
        ("lt2f.claims.book", {"claims"}),
        ("lt2f.views.claims", {"claims"}),
        ("lt2f.views.summary", {"summary"}),
    ],
)
def test_an_edit_of_the_code_touches_what_it_makes(study, monkeypatch, module, expected):
    stages.stage(parse(study))
    code = stages.code_sha256
    monkeypatch.setattr(stages, "code_sha256", lambda name: code(name) + "e" * (name == module))
    assert touched_now(study) == expected


def touched_now(study):
    old = stamps()
    stages.stage(parse(study))
    return {name for name, when in stamps().items() if when != old[name]}


def test_another_sweep_has_a_stamp_of_its_own(study):
    more = changed(study, "sweeps/again", study["sweeps"]["regimes"])
    fresh = touched(study, more)
    assert {"sweep-again", "figure-again"} <= fresh
    assert not fresh & (SWEEPS | FIGURES | {"thresholds"})


def test_a_sweep_that_goes_away_leaves_the_ledger_and_the_summary(study):
    less = deepcopy(study)
    del less["sweeps"]["regimes"]
    assert {"claims", "summary", "report"} <= touched(study, less)


def test_a_figure_that_shows_another_sweep_is_drawn_again(study):
    # The orbit diagram has the first line through mu below it.
    slices = {"wide": study["sweeps"]["slice"], "narrow": study["sweeps"]["slice"]}
    first = study | {"sweeps": {"orbit": study["sweeps"]["orbit"], **slices}}
    second = study | {
        "sweeps": {**dict(reversed(slices.items())), "orbit": first["sweeps"]["orbit"]}
    }
    shown = [stages.stage(parse(raw)).figures["orbit"][1] for raw in (first, second)]
    assert shown[0] != shown[1]
    assert "figure-orbit" in touched(first, second)


def test_outputs_are_named_after_study_and_sweep(study):
    found = stages.stage(parse(changed(study, "figures", {"style": {"format": ["svg", "pdf"]}})))
    folder = "results/quick"
    assert found.study == "quick"
    assert found.sweeps == {
        name: f"{folder}/.stamps/sweep-{name}.json" for name in ("regimes", "slice", "orbit")
    }
    assert found.runtime == f"{folder}/.stamps/runtime.json"
    assert found.thresholds[1] == f"{folder}/thresholds.csv"
    assert found.summary[1:] == (
        f"{folder}/summary.md",
        [f"{folder}/{name}.nc" for name in study["sweeps"]],
    )
    assert found.claims[1:] == (f"{folder}/claims.csv", found.summary[2])
    stamp, datasets, files = found.figures["orbit"]
    assert stamp == f"{folder}/.stamps/figure-orbit.json"
    assert datasets == [f"{folder}/orbit.nc", f"{folder}/slice.nc"]
    assert files == [f"{folder}/figures/orbit.{form}" for form in ("svg", "pdf", "png")]
    assert found.settling[1] == f"{folder}/settling.csv"
    assert found.report[1:3] == (f"{folder}/report.html", found.summary[2])
    pictures = [f"{folder}/figures/{stem}.png" for stem in found.figures]
    tables = [f"{folder}/{name}.csv" for name in ("thresholds", "claims", "settling")]
    assert found.report[3] == [*tables, *pictures]
    stated = [
        found.runtime,
        found.thresholds[0],
        found.claims[0],
        found.summary[0],
        found.settling[0],
        found.report[0],
        *found.sweeps.values(),
    ]
    stated += [stamp for stamp, _, _ in found.figures.values()]
    assert {Path(file).stem for file in stated} == stamps().keys()


EXTREME = {
    "seed": 2**64 - 1,
    "chunks": "/scratch/chunks",
    "executor": {"kind": "local", "workers": 5},
    "sweeps": {
        "listed": {
            "kind": "trajectory",
            "axes": {"b": {"values": [-1e300, -5e-324, 0.1, 1 / 3]}, "a": {"values": [0.0]}},
            "fixed": {"mu": 1e-300},
            "iterations": {"steps": 10**12},
            "tile": {"b": 3},
        },
        "spaced": {
            "kind": "orbit",
            "axes": {
                "product": {"start": -0.1, "stop": 1 / 3, "num": 7},
                "imbalance": {"start": -0.3, "step": 0.1, "num": 5},
                "mu": {"start": 0.1, "step": 0.001, "num": 3},
            },
            "iterations": {"transient": 0, "samples": 1},
        },
    },
}


@pytest.mark.parametrize("changes", [{}, EXTREME], ids=["quick", "extreme"])
def test_a_sweep_and_how_to_compute_it_are_read_back(study, changes):
    settings = parse(study | changes)
    found = stages.stage(settings)
    for name, stamp in found.sweeps.items():
        read, said = stages.read_sweep(Path(stamp), Path(found.runtime))
        assert said == name
        assert list(read.sweeps) == [name]
        assert (read.study, read.executor, read.chunks) == (
            settings.study, settings.executor, settings.chunks,
        )  # fmt: skip
        before, after = plan(settings, name), plan(read, name)
        assert after.identity() == before.identity()
        assert after.tile() == before.tile()
        assert list(after.axes) == list(before.axes)
        names = zip(before.chunks(), after.chunks(), strict=True)
        assert all(one.name == other.name for one, other in names)


def test_without_a_runtime_a_sweep_has_the_default_one(study):
    study |= {"chunks": "/scratch", "executor": {"kind": "local", "workers": 5}}
    found = stages.stage(parse(study))
    read, name = stages.read_sweep(Path(found.sweeps["slice"]), None)
    bare = deepcopy(study)
    del bare["chunks"], bare["executor"], bare["sweeps"]["slice"]["tile"]
    bare["sweeps"] = {name: bare["sweeps"][name]}
    assert read.model_dump(exclude={"figures"}) == parse(bare).model_dump(exclude={"figures"})


def test_a_stamp_that_cannot_be_read_is_written_again(study):
    found = stages.stage(parse(study))
    stamp = Path(found.sweeps["slice"])
    whole = stamp.read_text()
    for text in ("", whole[:-10], whole.replace("slice", "slicy")):
        stamp.write_text(text)
        stages.stage(parse(study))
        assert stamp.read_text() == whole
    assert json.loads(whole)["settings"]["sweeps"].keys() == {"slice"}


def test_the_study_atlas_is_staged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = stages.stage(load(QUICK.with_name("config.yaml")))
    assert found.study == "atlas"
    assert Path(found.runtime).is_file()


def test_a_stamp_of_other_code_is_not_computed(study):
    stamp = Path(next(iter(stages.stage(parse(study)).sweeps.values())))
    content = json.loads(stamp.read_text())
    content["code"]["compute"] = "0" * 64
    stamp.write_text(json.dumps(content))
    with pytest.raises(stages.StampError, match="other code"):
        stages.read_sweep(stamp, None)
