"""A folder with the workflow and the study of `killable`, and runs that end with the test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from killable import ROOT, Run


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with the workflow."""
    for part in ("workflow", "config"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for part in ("Snakefile", "profiles"):
        shutil.copy(ROOT / part, tmp_path / part, follow_symlinks=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.fixture
def started() -> Iterator[Callable[..., Run]]:
    """Start runs that do not outlive the test."""
    runs: list[Run] = []

    def start(*arguments: str, **how: Any) -> Run:
        runs.append(Run(*arguments, **how))
        return runs[-1]

    yield start
    for run in runs:
        run.processes()
        for process in run.living():
            process.kill()
        run.popen.wait()
