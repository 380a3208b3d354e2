"""`lt2f reproduce` and `lt2f chunks`, as they are typed."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lt2f.cli import main
from lt2f.pipeline import settings, sweep
from lt2f.pipeline.dataset import content_sha256
from lt2f.pipeline.plan import plan
from lt2f.pipeline.store import Store

SWEEP = {
    "axes": {"mu": {"start": 0.1, "step": 0.1, "num": 15}},
    "fixed": {"imbalance": 0.5, "product": 0.1},
    "iterations": {"transient": 300, "measure": 300},
    "tile": {"mu": 4},
}
STUDY = {"study": "tiny", "sweeps": {"line": SWEEP}}
OTHER = {"study": "other", "sweeps": {"line": {**SWEEP, "fixed": {"imbalance": 0.6, "product": 0}}}}


def call(*arguments, **how):
    return CliRunner().invoke(main, list(map(str, arguments)), **how)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Enter a folder with the chunks of two studies and the settings of both."""
    monkeypatch.chdir(tmp_path)
    for name, raw in (("tiny", STUDY), ("other", OTHER)):
        Path(f"{name}.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
        run(f"{name}.yaml", f"{name}.nc")
    return Store(sweep.CHUNKS)


def run(file, path):
    return sweep.run(plan(settings.load(file), "line"), Store(sweep.CHUNKS), Path(path))


def test_settings_come_back_and_run_again(study):
    shown = call("reproduce", "tiny.nc")
    assert shown.exit_code == 0
    assert call("reproduce", "tiny.nc", "-o", "again.yaml").output == "wrote again.yaml\n"
    assert Path("again.yaml").read_text() == shown.output
    assert run("again.yaml", "again.nc") == content_sha256(Path("tiny.nc"))


def test_no_file_is_overwritten(study):
    Path("mine.yaml").write_text("mine")
    refused = call("reproduce", "tiny.nc", "-o", "mine.yaml")
    assert refused.exit_code == 2
    assert refused.output == "lt2f: mine.yaml: File exists\n"
    assert Path("mine.yaml").read_text() == "mine"


def test_what_serves_which_study_is_listed(study):
    alone = call("chunks", "tiny.yaml").output.splitlines()
    assert alone[0] == "results/.chunks"
    assert [line.split()[:5] for line in alone[2:3]] == [["tiny", "line", "4", "of", "4"]]
    assert alone[3].split()[:2] == ["spare", "4"]
    Path("study.yaml").write_text(Path("tiny.yaml").read_text())
    assert call("chunks").output.splitlines() == alone
    Path("study.yaml").unlink()
    both = call("chunks", "tiny.yaml", "other.yaml").output
    assert [line.split()[:2] for line in both.splitlines() if "spare" in line] == [["spare", "0"]]


def test_damage_is_named_and_left_until_it_is_pruned(study):
    assert call("chunks", "--verify").exit_code == 0
    victim = sorted(sweep.CHUNKS.glob("*/*.npz"))[1]
    victim.write_bytes(b"")
    found = call("chunks", "tiny.yaml", "other.yaml", "--verify")
    assert found.exit_code == 1
    assert f"{victim}: damaged" in found.output
    assert victim.exists()
    again = call("chunks", "tiny.yaml", "other.yaml", "--verify", "--prune", "--yes")
    assert again.exit_code == 0
    assert "removed 1 files" in again.output
    assert not victim.exists()


def test_pruning_asks_and_keeps_what_is_named(study):
    assert call("chunks", "tiny.yaml", "--prune", input="n\n").exit_code == 1
    assert len(list(sweep.CHUNKS.glob("*/*.npz"))) == 8
    assert "removed 4 files" in call("chunks", "tiny.yaml", "--prune", input="y\n").output
    left = {path.stem for path in sweep.CHUNKS.glob("*/*.npz")}
    assert left == {chunk.name for chunk in plan(settings.load("tiny.yaml"), "line").chunks()}
    assert "nothing to remove" in call("chunks", "tiny.yaml", "--prune").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("chunks", "--prune", "--yes"), "--prune: needs the SETTINGS"),
        (("chunks", "tiny.yaml", "elsewhere.yaml"), "several stores"),
        (("chunks", "--store", "nowhere"), "does not exist"),
        (("reproduce", "tiny.yaml"), "tiny.yaml: "),
    ],
)
def test_what_cannot_be_is_one_line(study, arguments, message):
    Path("elsewhere.yaml").write_text(yaml.safe_dump({**OTHER, "chunks": "scratch"}))
    refused = call(*arguments)
    assert refused.exit_code == 2
    assert message in refused.output
    assert len(refused.output.splitlines()) == 1
    assert len(list(sweep.CHUNKS.glob("*/*.npz"))) == 8
