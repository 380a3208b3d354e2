"""`lt2f trust` as it is typed, and runs of settings that reach beyond their results."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from studies import over

from lt2f.cli import main
from lt2f.cli.own import carried

ROOT = Path(__file__).parents[2]
STUDY = {
    "study": "tiny",
    "sweeps": {"line": over({"imbalance": 0.5, "product": 0.1}, 300, 320, mu={"values": [0.5, 1]})},
}
JOBS = {"kind": "slurm", "prologue": ["touch owned"]}
LINE = 'executor.prologue = ["touch owned"] is part of every job, which runs as you'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, config_home):
    """Enter a folder in which a command of a job would leave a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    write("study.yaml")
    yield
    assert not Path("owned").exists()


def write(file, **keys):
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(yaml.safe_dump(STUDY | {"executor": JOBS} | keys))


def call(*words):
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


def run(*words, module="snakemake"):
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def ours(said):
    """The lines that are ours, of all that was said."""
    return [line for line in said.stderr.splitlines() if line.startswith("lt2f: ")]


def snakemake(*words):
    snakefile = "--snakefile", str(carried() / "Snakefile")
    return run(*snakefile, "--cores", "1", *words, "--configfile", "study.yaml")


def notes():
    said = call("check", "study.yaml").output.splitlines()
    return [line for line in said if line.startswith("note: ")]


def test_what_is_allowed_is_printed_listed_and_taken_back():
    assert notes() == [f"note: {LINE}: not allowed, see lt2f trust"]
    assert call("trust", "study.yaml").output == f"{LINE}\nis allowed\n"
    assert notes() == [f"note: {LINE}: allowed"]
    assert call("trust", "--list").output == f"{LINE} (in {Path.cwd()})\n"
    write("study.yaml", seed=8)  # what is reached is the same
    assert notes() == [f"note: {LINE}: allowed"]
    write("study.yaml", executor=JOBS | {"prologue": ["touch owned too"]})
    assert "not allowed" in notes()[0]
    write("study.yaml")
    assert call("trust", "study.yaml", "--forget").output == f"{LINE}\nis not allowed\n"
    assert notes() == [f"note: {LINE}: not allowed, see lt2f trust"]
    assert call("trust", "--list").output == ""


def test_where_a_study_runs_is_where_it_is_allowed():
    write("mine/study.yaml")
    assert call("trust", "mine").exit_code == 0
    assert call("trust", "study.yaml", "--directory", "mine", "--forget").exit_code == 0
    assert call("trust", "--list").output == ""


def test_to_trust_what_reaches_nothing_is_no_error():
    Path("plain.yaml").write_text(json.dumps(STUDY))
    assert call("trust", "plain.yaml").output == "does nothing beyond its results\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "lt2f: needs a settings file, or the folder of a study"),
        (("none.yaml",), "lt2f: none.yaml: cannot be read: No such file or directory"),
    ],
)
def test_bad_input_is_one_line(words, line):
    said = call("trust", *words)
    assert (said.exit_code, said.output.strip()) == (2, line)


def test_a_run_without_consent_ends_before_anything_is_done():
    said = snakemake()
    assert said.returncode
    assert ours(said) == [f"lt2f: {LINE}: lt2f trust study.yaml allows it"]
    assert "Traceback" not in said.stderr
    assert not list(Path("results/tiny").glob("[!.]*.*"))
    assert not Path("results/.slurm").exists()
    assert not list(Path(".snakemake").glob("locks/*"))
    # What runs nothing needs no consent.
    assert snakemake("--dry-run").returncode == 0


def test_consent_for_other_values_does_not_count_and_for_these_does(monkeypatch):
    """Then SLURM is asked, and here refuses; without its controller it would take a minute to."""
    write("other.yaml", executor=JOBS | {"prologue": ["true"]})
    assert call("trust", "other.yaml").exit_code == 0
    assert ours(snakemake()) == [f"lt2f: {LINE}: lt2f trust study.yaml allows it"]
    assert call("trust", "study.yaml").exit_code == 0
    Path("sbatch").write_text("#!/bin/sh\necho 'no account' >&2; exit 1\n")
    Path("sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path.cwd()}:{Path(sys.executable).parent}:/bin")
    said = snakemake("results/tiny/line.nc")
    assert said.returncode
    (line,) = ours(said)
    assert line.endswith("SLURM would refuse the jobs: no account")


def test_lt2f_run_says_what_to_type(monkeypatch):
    write("mine/study.yaml")
    said = run("run", "mine", "--cores", "1", module="lt2f")
    assert ours(said) == [f"lt2f: {LINE}: lt2f trust mine/study.yaml --directory mine allows it"]
    assert call("trust", "mine/study.yaml", "--directory", "mine").exit_code == 0
    said = run("run", "mine", "--cores", "1", "results/tiny/thresholds.csv", module="lt2f")
    assert said.returncode == 0, said.stderr


def test_a_module_of_another_workflow_does_not_go_round_it():
    """Nor do stamps, which say the same as the settings: each sweep asks for itself."""
    Path("Snakefile").write_text(
        f'configfile: "study.yaml"\n'
        f'module lt2f:\n    snakefile: "{carried() / "Snakefile"}"\n    config: config\n'
        "use rule * from lt2f as lt2f_*\n"
    )
    said = run("--cores", "1", "results/tiny/line.nc")
    assert said.returncode
    assert ours(said) == [f"lt2f: {LINE}: lt2f trust SETTINGS allows it"]
    assert not Path("results/tiny/line.nc").exists()
    assert not Path("results/.slurm").exists()


def test_chunks_among_the_files_of_a_user_need_consent():
    write("study.yaml", executor={"kind": "local"}, chunks=str(Path().absolute()))
    said = snakemake("results/tiny/line.nc")
    (line,) = ours(said)
    assert line.startswith(f"lt2f: chunks = {Path().absolute()} holds other things than chunks")
    assert call("trust", "study.yaml").exit_code == 0
    assert snakemake("results/tiny/line.nc").returncode == 0
    assert list(Path().glob("??/*.npz"))
    write("study.yaml", executor={"kind": "local"}, chunks=str(Path("new").absolute()), seed=8)
    assert call("trust", "study.yaml", "--forget").exit_code == 0
    for file in Path("results/tiny").glob("*.nc"):
        file.unlink()
    assert snakemake("results/tiny/line.nc").returncode == 0
    assert list(Path("new").glob("??/*.npz"))
