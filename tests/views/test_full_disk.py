"""A disk that is full while something is shown: one line, and everything is as it was."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from studies import computed, over

from lt2f import stages
from lt2f.cli import main
from lt2f.pipeline import settings

STUDY = {
    "study": "full",
    "figures": {"style": {"format": ["svg", "png", "pdf"]}},
    "sweeps": {
        "cells": over(
            {"product": 0.1},
            600,
            400,
            mu={"start": 0.05, "step": 0.05, "num": 42},
            imbalance={"start": 0, "step": 0.5, "num": 6},
        ),
    },
}
STEPS = ("figure", "thresholds", "summary")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with settings and the dataset of their sweep."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    computed(STUDY, folder)
    return folder


@pytest.fixture
def make(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
    """Call a step of the workflow, which writes into the folder made/."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(study / "cells.nc", "cells.nc")
    staged = stages.stage(settings.load(study / "study.yaml"))
    stamp, _, _ = staged.figures["cells"]
    commands = {
        "figure": [stamp, "made/cells", "cells.nc"],
        "thresholds": [staged.thresholds[0], "made/thresholds.csv"],
        "summary": [staged.summary[0], "made/summary.md", "cells.nc"],
    }
    return lambda step: CliRunner().invoke(main, [step, *commands[step]])


def made() -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in Path("made").rglob("*") if file.is_file()}


def says_so_in_one_line(found: Result) -> bool:
    """Whether a step names a file and the reason, and nothing else."""
    line = found.stderr.removesuffix("\n")
    said = line.startswith("lt2f: made/") and "File too large" in line and "\n" not in line
    return said and found.exit_code == 2


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("size", [0, 500])
def test_a_full_disk_leaves_nothing_where_nothing_was(make, full_disk, step, size):
    with full_disk(size):
        found = make(step)
    assert made() == {}
    assert says_so_in_one_line(found)


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_leaves_what_was_there(make, full_disk, step):
    assert make(step).exit_code == 0
    before = made()
    with full_disk(500):
        found = make(step)
    assert made() == before
    assert says_so_in_one_line(found)
    assert make(step).exit_code == 0
    assert made() == before
