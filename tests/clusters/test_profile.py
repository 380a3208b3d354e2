"""Snakemake's own executor for SLURM: every step of the workflow is a job, by the profile alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lt2f
from lt2f.pipeline.dataset import content_sha256

ROOT = Path(__file__).parents[2]
# The node of the tests is smaller than what the profile asks for.
SMALL = ["--set-threads", "sweep=2", "--set-resources", "sweep:mem_mb=1500", "summary:mem_mb=500"]


@pytest.mark.usefixtures("slurm")
def test_a_sweep_is_a_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for part in ("workflow", "config"):
        shutil.copytree(ROOT / part, part)
    for part in ("Snakefile", "profiles"):
        shutil.copy(ROOT / part, part, follow_symlinks=False)
    targets = ["results/quick/slice.nc", "results/quick/thresholds.csv"]
    command = ["snakemake", *targets, "--profile", "profiles/slurm", *SMALL]
    command += ["--configfile", "config/quick.yaml"]
    run = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=400, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "has been submitted with SLURM jobid" in run.stdout + run.stderr
    assert list(Path("results/.slurm").glob("rule_sweep/**/*.log"))
    alone = lt2f.sweep("config/quick.yaml", "slice").attrs["content_sha256"]
    assert content_sha256(Path("results/quick/slice.nc")) == alone
    assert Path("results/quick/thresholds.csv").stat().st_size
