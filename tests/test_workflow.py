"""The real workflow, from `config/quick.yaml` to the summary, in a copy of the tree.

What must run is read from dry runs: one line `Job N: sweep slice, cores: 1` per job.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
import yaml

import lt2f
from lt2f.pipeline import plan, settings
from lt2f.pipeline.dataset import content_sha256
from lt2f.views import catalogue

ROOT = Path(__file__).parents[1]
QUICK = "config/quick.yaml"
RESULTS = Path("results/quick")
SWEEPS = {"regimes", "slice", "orbit"}


def start(*arguments: str, **how: Any) -> subprocess.Popen[str]:
    """Start Snakemake here. Its jobs find the lt2f of the copy, if there is one."""
    own = {"PYTHONPATH": str(Path.cwd())} if Path("lt2f").exists() else {}
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *arguments],
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def call(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run Snakemake to its end."""
    with start(*arguments, **how) as run:
        output, errors = run.communicate()
    return subprocess.CompletedProcess(arguments, run.returncode, output, errors)


def run_quick(*arguments: str) -> subprocess.CompletedProcess[str]:
    run = call("--cores", "1", *arguments, "--configfile", QUICK)
    assert run.returncode == 0, run.stdout + run.stderr
    return run


def due(*targets: str) -> set[str]:
    """What a dry run would do, as words: {"sweep slice", "summary", ...}."""
    return set(re.findall(r"^Job \d+: ([^,\n]+)", run_quick("--dry-run", *targets).stdout, re.M))


def jobs_due() -> set[str]:
    return {job for job in due() if not job.startswith("writing")}


def due_sweeps() -> set[str]:
    return {job.removeprefix("sweep ") for job in due() if job.startswith("sweep ")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the quick study once, in a tree of its own."""
    tree = tmp_path_factory.mktemp("study")
    for part in ("workflow", "config"):
        shutil.copytree(ROOT / part, tree / part)
    for part in ("Snakefile", "profiles"):
        shutil.copy(ROOT / part, tree / part, follow_symlinks=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree)
        run_quick()
    return tree


@pytest.fixture
def tree(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a copy of the finished study, to be edited; files keep their dates."""
    copy = tmp_path / "study"
    shutil.copytree(finished, copy, symlinks=True)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def code(tree: Path) -> Path:
    """Copy the package into the tree, to be edited. Its kernels would have to be compiled again."""
    shutil.copytree(ROOT / "lt2f", tree / "lt2f", ignore=shutil.ignore_patterns("__pycache__"))
    return tree / "lt2f"


def edit(file: str, change: Callable[[str], str]) -> None:
    before = Path(file).read_text()
    Path(file).write_text(change(before))
    assert Path(file).read_text() != before


def lengthen_an_axis(sweep: str) -> None:
    raw = yaml.safe_load(Path(QUICK).read_text())
    axis = next(iter(raw["sweeps"][sweep]["axes"].values()))
    if "num" in axis:
        axis["num"] += 1
    else:
        axis["values"].append(axis["values"][-1] + 0.125)
    Path(QUICK).write_text(yaml.safe_dump(raw, sort_keys=False))


def outputs() -> dict[str, tuple[int, bytes]]:
    """Every published file, with its date and content."""
    files = [*RESULTS.glob("[!.]*.*"), *RESULTS.glob("figures/*")]
    return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def test_a_study_is_complete(tree):
    study = settings.load(QUICK)
    assert set(study.sweeps) == SWEEPS
    for name, sweep in study.sweeps.items():
        with xr.open_dataset(RESULTS / f"{name}.nc") as dataset:
            assert (
                dict(dataset.sizes).items()
                >= {axis: values.size for axis, values in sweep.coordinates().items()}.items()
            )
            assert dataset.attrs["lt2f_version"]
        assert (RESULTS / f"logs/{name}.log").read_text()
        assert (RESULTS / f"benchmarks/{name}.tsv").stat().st_size
    for name in ("thresholds.csv", "claims.csv", "settling.csv", "summary.md", "report.html"):
        assert (RESULTS / name).stat().st_size
    for figure in catalogue.figures(study.sweeps):
        for form in study.figures.style.format:
            assert (RESULTS / f"figures/{figure.stem}.{form}").stat().st_size
    assert not [file for file in RESULTS.glob(".new/**/*") if file.is_file()]


def test_a_dataset_is_that_of_the_package_alone(tree):
    with xr.open_dataset(RESULTS / "orbit.nc") as dataset:
        content = dataset.attrs["content_sha256"]
    assert content == lt2f.sweep(QUICK, "orbit").attrs["content_sha256"]


def test_a_second_run_does_nothing(tree):
    shutil.rmtree(".snakemake")  # nor does it when Snakemake remembers nothing
    before = outputs()
    assert "Nothing to be done" in run_quick().stderr
    assert outputs() == before


def set_key(path: str, value: object) -> None:
    """Set a key of the study; path/of/key."""
    raw = yaml.safe_load(Path(QUICK).read_text())
    *parts, last = path.split("/")
    place = raw
    for part in parts:
        place = place.setdefault(part, {})
    place[last] = value
    Path(QUICK).write_text(yaml.safe_dump(raw, sort_keys=False))


def add_code(file: str) -> None:
    edit(file, lambda text: text + "\nUNUSED = 1\n")


def remove(file: str) -> None:
    (RESULTS / file).unlink()


def test_what_changes_no_result_runs_nothing(code):
    edit("lt2f/dynamics/kernels.py", lambda text: text + '\n# a comment\n"""and a note"""\n')
    edit("lt2f/dynamics/averages.py", lambda text: '"""Anything else."""' + text[text.find("\n") :])
    edit("lt2f/pipeline/sweep.py", lambda text: "# a comment\n" + text)
    for file in ("cli/steps.py", "progress.py", "pipeline/sweep.py", "pipeline/cluster.py"):
        add_code(f"lt2f/{file}")
    edit(QUICK, lambda text: "# a comment\n" + text)
    set_key("executor", {"kind": "local", "workers": 3})
    set_key("sweeps/slice/tile", {"mu": 100})
    set_key("chunks", "elsewhere")
    Path("README.md").write_text("What it is.")
    for folder in ("lt2f", "workflow", "config", "profiles", "."):  # as in a fresh checkout
        for file in Path(folder).rglob("*") if folder != "." else [Path("Snakefile")]:
            file.touch()
    assert due("--cores", "2") == set()


SAY = {"claims", "summary", "report"}
RUN = {f"sweep {name}" for name in SWEEPS}
SLICE = {"figure orbit", "figure slice-averages", "figure slice-transverse"}
PLANE = {"figure regimes", "figure regimes-sharpness", "figure regimes-overshoot"}
DRAW = {*PLANE, *SLICE}
SHOW = {*DRAW, "report"}
CHANGES: dict[str, tuple[Callable[[], object], set[str]]] = {
    # An edit, and all that it runs; `slice` is shown below the orbit diagram.
    "grid of regimes": (
        partial(lengthen_an_axis, "regimes"), {"sweep regimes", *PLANE, *SAY},
    ),
    "grid of slice": (
        partial(lengthen_an_axis, "slice"), {"sweep slice", *SLICE, *SAY},
    ),
    "seed": (partial(set_key, "seed", 1), {*RUN, *DRAW, *SAY}),
    "dots per inch": (partial(set_key, "figures/style/dpi", 150), SHOW),
    "formats": (partial(set_key, "figures/style/format", ["svg"]), SHOW),
    "kernels": (partial(add_code, "lt2f/dynamics/kernels.py"), {*RUN, *DRAW, "settling", *SAY}),
    "datasets": (partial(add_code, "lt2f/pipeline/dataset.py"), {*RUN, *DRAW, *SAY}),
    "thresholds": (
        partial(add_code, "lt2f/dynamics/thresholds.py"), {*DRAW, "thresholds", "settling", *SAY},
    ),
    "drawing": (partial(add_code, "lt2f/views/regime_map.py"), SHOW),
    "table": (partial(add_code, "lt2f/views/tables.py"),
        {"thresholds", "settling", *SAY},
    ),
    "claim": (partial(add_code, "lt2f/claims/plane.py"), SAY),
    "page": (
        partial(edit, "lt2f/views/templates/report.css", lambda text: text + "\n"), {"report"},
    ),
    "words": (partial(add_code, "lt2f/views/summary.py"), {"summary"}),
    # A dataset that is made again is a new file, which Snakemake shows again.
    "no slice.nc": (partial(remove, "slice.nc"), {"sweep slice", *SLICE, *SAY}),
    "no regimes.png": (partial(remove, "figures/regimes.png"), {"figure regimes", "report"}),
    "no thresholds.csv": (partial(remove, "thresholds.csv"), {"thresholds", "report"}),
    "no claims.csv": (partial(remove, "claims.csv"), SAY),
    "no summary.md": (partial(remove, "summary.md"), {"summary"}),
    "no settling.csv": (partial(remove, "settling.csv"), {"settling", *SAY}),
    "no report.html": (partial(remove, "report.html"), {"report"}),
    "no times": (lambda: shutil.rmtree(RESULTS / "benchmarks"), set()),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_what_it_concerns(code, change):
    make, jobs = CHANGES[change]
    make()
    assert jobs_due() == jobs


@pytest.mark.parametrize("change", ["grid of slice", "dots per inch", "kernels", "claim"])
def test_so_it_does_when_snakemake_remembers_nothing(code, change):
    shutil.rmtree(".snakemake")
    make, jobs = CHANGES[change]
    make()
    assert jobs_due() == jobs


@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "seen by a dry run"])
def test_an_edit_during_a_run_is_caught(tree, seen):
    """A dry run meanwhile rewrites what the jobs under way depend on."""
    target, log = RESULTS / "slice.nc", RESULTS / "logs/slice.log"
    lengthen_an_axis("slice")
    log.unlink()
    with start("--cores", "1", str(target), "--configfile", QUICK) as run:
        while not log.exists() and run.poll() is None:
            time.sleep(0.02)
        lengthen_an_axis("slice")
        if seen:
            assert "sweep slice" in due(str(target))
        _, errors = run.communicate()
    if run.returncode:  # the dry run came before the end of the sweep
        assert seen
        assert re.search(r"^lt2f: .*run it again$", errors, re.M)
    assert jobs_due() == CHANGES["grid of slice"][1]
    run_quick(str(target))
    with xr.open_dataset(target) as dataset:
        assert dataset.sizes["mu"] == 1002


def test_a_longer_axis_runs_that_sweep_and_what_shows_it(tree):
    before, old = outputs(), chunk_names("slice")
    lengthen_an_axis("slice")
    sweeps = settings.load(QUICK).sweeps
    shown = {figure.stem for figure in catalogue.figures(sweeps) if "slice" in figure.sweeps}
    after = SAY | {f"figure {stem}" for stem in shown}
    assert jobs_due() == {"sweep slice"} | after
    target = str(RESULTS / "slice.nc")
    run_quick(target)
    kept = len(old & chunk_names("slice"))
    assert kept
    assert f"{kept} reused" in (RESULTS / "logs/slice.log").read_text()
    assert {file for file, what in outputs().items() if what != before[file]} == {target}
    assert jobs_due() == after


def chunk_names(sweep: str) -> set[str]:
    return {chunk.name for chunk in plan.plan(settings.load(QUICK), sweep).chunks()}


def test_a_failed_run_takes_nothing_away_and_the_next_one_makes_up_for_it(code):
    before = outputs()
    lengthen_an_axis("slice")
    door = Path("lt2f/cli/__init__.py")
    kept = door.read_text()
    door.write_text("def main():\n    raise SystemExit('lt2f: broken')\n")
    run = call("--cores", "1", "--configfile", QUICK)
    assert run.returncode
    assert "lt2f: broken\n" in run.stderr
    assert outputs() == before
    door.write_text(kept)
    assert due_sweeps() == {"slice"}


def small_disk(size: int) -> Callable[[], None]:
    """For a child process: let writes beyond `size` bytes of a file fail, as on a full disk."""
    return partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))


def fails_for_space(size: int, target: str) -> None:
    """A run on a small disk says so in one line, takes nothing away and leaves nothing behind."""
    before = outputs()
    command = ("--cores", "1", target, "--configfile", QUICK)
    run = call(*command, preexec_fn=small_disk(size))
    assert run.returncode
    (line,) = (line for line in run.stderr.splitlines() if line.startswith("lt2f: "))
    assert re.search(r"\.(npz|nc|png|pdf): ", line)
    assert "Traceback" not in run.stderr
    assert outputs() == before
    files = [*RESULTS.rglob("*"), *Path("results/.chunks").rglob("*")]
    assert not [file for file in files if file.suffix == ".part"]
    assert not [file for file in RESULTS.glob(".new/**/*") if file.is_file()]


def test_after_a_full_disk_a_run_gives_the_same(tree):
    target = RESULTS / "slice.nc"
    names, files = chunk_names("slice"), Path("results/.chunks").glob("*/*")
    largest = max(file.stat().st_size for file in files if file.stem in names)
    assert largest + 2000 < target.stat().st_size
    set_key("sweeps/slice/fixed/imbalance", 0.002)
    fails_for_space(largest // 2, str(target))  # in a chunk
    fails_for_space(largest + 1000, str(target))  # in the dataset
    run_quick(str(target))
    assert "4 reused, 0 to compute" in (RESULTS / "logs/slice.log").read_text()
    assert content_sha256(target) == lt2f.sweep(QUICK, "slice").attrs["content_sha256"]
    fails_for_space(20_000, str(RESULTS / "figures/orbit.png"))
    run_quick(str(RESULTS / "figures/orbit.png"))


def test_a_dataset_is_a_target(tree):
    (RESULTS / "orbit.nc").unlink()
    targets = {str(RESULTS / "slice.nc"), str(RESULTS / "orbit.nc")}
    assert due(*targets) == {"sweep orbit", "writing results/quick/orbit.nc"}


def test_a_file_stands_alone(tree):
    raw = yaml.safe_load(Path(QUICK).read_text())
    raw["study"], raw["sweeps"] = "alone", {"only": raw["sweeps"]["slice"]}
    Path("alone.yaml").write_text(yaml.safe_dump(raw))
    run = call("--dry-run", "--configfile", "alone.yaml")
    assert set(re.findall(r"sweep (\w+)", run.stdout)) == {"only"}
    assert "results/alone/only.nc" in run.stdout
    assert "results/atlas" not in run.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--configfile", "wrong.yaml"],
        ["--configfile", QUICK, "config/config.yaml"],
        ["--config", "study=other"],
    ],
)
def test_bad_settings_are_one_line(tree, arguments):
    Path("wrong.yaml").write_text("study: wrong\nswepes: {}\n")
    run = call("--cores", "1", *arguments)
    lines = [line for line in run.stderr.splitlines() if not line.startswith("Using workflow")]
    assert run.returncode
    assert len(lines) == 1
    assert lines[0].startswith("lt2f: ")


def test_lint_is_clean(tree):
    run = call("--lint")
    assert run.returncode == 0, run.stderr


def test_the_rulegraph_shows_every_step(tree):
    graph = call("--rulegraph")
    assert graph.returncode == 0
    steps = {"all", "sweep", "figure", "thresholds", "claims", "summary", "settling", "report"}
    assert steps | {"publish", "show"} == set(re.findall(r'label = "(\w+)"', graph.stdout))


def test_snakemakes_own_report_shows_figures_and_tables_and_no_data(tree):
    run_quick("--report", "workflow.html")
    text = Path("workflow.html").read_text()
    figures = {
        f"figures/{figure.stem}.png" for figure in catalogue.figures(settings.load(QUICK).sweeps)
    }
    tables = {f"{name}.csv" for name in ("thresholds", "claims", "settling")}
    assert {*figures, *tables, "report.html"} == set(
        re.findall(r'"results/quick/([^"]+)": \{"name"', text)
    )
