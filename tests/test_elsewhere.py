"""lt2f away from its checkout: as a wheel in an environment of its own, and in other workflows."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import yaml

from lt2f.cli.own import carried
from lt2f.pipeline import sweep
from lt2f.pipeline.dataset import content_sha256

ROOT = Path(__file__).parents[1]
SWEEP = {
    "axes": {"mu": {"start": 0.1, "step": 0.1, "num": 15}},
    "fixed": {"imbalance": 0.5, "product": 0.1},
    "iterations": {"transient": 300, "measure": 300},
}
STUDY = {"study": "tiny", "sweeps": {"line": SWEEP}}


def call(*words, cwd, code=0, **environment):
    """Run a command as in a shell that knows nothing of the checkout."""
    known = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=known | environment, text=True, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = sys.executable, "-m", "pip"
    call(*pip, "wheel", ROOT, "--no-deps", "--no-build-isolation", "-w", folder, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Make an environment that has the wheel, and the libraries of this one but not the checkout.

    A path file names the folder of libraries, whose own path files are then not read: among these
    is the one that leads to the checkout.
    """
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    own = folder / "bin" / "python"
    pip = sys.executable, "-m", "pip", "--python", own
    call(*pip, "install", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=folder)
    return own


def test_a_wheel_holds_the_workflow_and_nothing_of_a_study(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tracked = subprocess.run(
        ["git", "ls-files", "Snakefile", "workflow", "config"],
        cwd=ROOT, text=True, capture_output=True, check=False,
    ).stdout.split()  # fmt: skip
    if not tracked:
        pytest.skip("not a clone")
    assert {f"lt2f/workflow/{name}" for name in tracked} <= set(names)
    assert not [name for name in names if "results" in name or "tests" in name]


def test_a_wheel_starts_and_runs_a_study(python, tmp_path):
    where = call(python, "-c", "import lt2f; print(lt2f.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where
    lt2f = python.with_name("lt2f")
    said = call(lt2f, "init", "mine", cwd=tmp_path)
    assert said.splitlines()[-1] == "now: lt2f run mine"
    assert len((tmp_path / "mine/README.md").read_text().splitlines()) == 2
    call(lt2f, "run", "mine", "results/mine/orbit.nc", "--cores", "1", cwd=tmp_path)
    made = tmp_path / "mine/results/mine/orbit.nc"
    assert "intact" in call(lt2f, "verify", made, cwd=tmp_path)
    assert "Nothing to be done" in call(
        lt2f, "run", "mine", made.relative_to(tmp_path / "mine"), "-n", cwd=tmp_path
    )
    for words in ("check",), ("show",), ("verify",), ("chunks", "--verify"):
        assert "orbit" in call(lt2f, *words, "mine", cwd=tmp_path)
    again = call(lt2f, "init", "mine", cwd=tmp_path)
    assert again.count("is there already, left as it is") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "nowhere"), "nowhere/study.yaml: no such file"),
        (("run", "-n"), "study.yaml: no such file; `lt2f init .` writes one"),
        (("run", "nowhere.yaml"), "nowhere.yaml: no such file"),
        (("run", ".", "--configfile", "other.yaml"), "--configfile: it follows from STUDY"),
        (("run", "--configfile=other.yaml"), "--configfile: it follows from STUDY"),
        (("run", ".", "-n", "-d", "there"), "-d: it follows from STUDY"),
        (("init", "no name"), "study = 'no name'"),
    ],
)
def test_what_cannot_be_is_one_line(words, message, tmp_path):
    said = call(sys.executable, "-m", "lt2f", *words, cwd=tmp_path, code=2, PYTHONPATH=str(ROOT))
    assert said.startswith("lt2f: ")
    assert message in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_bad_settings_are_one_line(tmp_path):
    (tmp_path / "bad.yaml").write_text("study: bad\nsweep: {}\n")
    run = sys.executable, "-m", "lt2f", "run", "bad.yaml", "-n"
    said = call(*run, cwd=tmp_path, code=2, PYTHONPATH=str(ROOT))
    assert said.startswith("lt2f: ")
    assert "sweep" in said
    assert len(said.splitlines()) == 1


def test_a_study_is_a_file_too_and_the_last_word_on_options_is_yours(tmp_path):
    """In the folder of a study it is left out; a settings file computes into this folder."""
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(STUDY))
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "study.yaml").write_text(yaml.safe_dump(STUDY))
    run = sys.executable, "-m", "lt2f", "run"
    target, environment = "results/tiny/line.nc", {"PYTHONPATH": str(ROOT)}
    for words, cwd in (
        (("again.yaml", target, "--cores", "1"), tmp_path),
        ((target, "-c", "1"), tmp_path / "here"),
    ):
        said = call(*run, *words, cwd=cwd, **environment)
        assert "sweep line, cores: 1" in said
        assert (cwd / target).is_file()
    assert "Nothing to be done" in call(
        *run, "--dry-run", "--", target, cwd=tmp_path / "here", **environment
    )


def test_another_workflow_takes_ours_as_a_module(tmp_path):
    """Beside steps of its own, with its own settings, and a --configfile that is not ours."""
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"tiny": STUDY, "mine": 1}))
    (tmp_path / "Snakefile").write_text(
        f"""\
module lt2f:
    snakefile: "{carried() / "Snakefile"}"
    config: config["tiny"]

use rule * from lt2f as lt2f_*

rule count:
    default_target: True
    input: "results/tiny/line.nc"
    output: "count.txt"
    shell: "wc -c < {{input}} > {{output}}"
"""
    )
    snakemake = sys.executable, "-m", "snakemake", "--configfile", "other.yaml", "--cores", "1"
    said = call(*snakemake, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert "localrules" not in said  # Snakemake warns of names that are not there
    made = tmp_path / "results/tiny/line.nc"
    assert int((tmp_path / "count.txt").read_text()) == made.stat().st_size
    assert content_sha256(made) == sweep.sweep(STUDY, "line").attrs["content_sha256"]


def test_bad_settings_of_a_module_are_one_line(tmp_path):
    (tmp_path / "Snakefile").write_text(
        f'module lt2f:\n    snakefile: "{carried() / "Snakefile"}"\n    config: {{"study": 3}}\n'
        "use rule * from lt2f as lt2f_*\n"
    )
    snakemake = sys.executable, "-m", "snakemake", "--cores", "1"
    said = call(*snakemake, cwd=tmp_path, code=1, PYTHONPATH=str(ROOT))
    assert "lt2f: " in said
    assert "study = 3" in said
    assert "Traceback" not in said
