"""The command line: its help, its answers to bad input, and what each step writes."""

import csv
import json
import logging
import subprocess
import sys
from pathlib import Path

import netCDF4
import pytest
import yaml
from click.testing import CliRunner

import lt2f
from lt2f import stages
from lt2f.cli import main
from lt2f.pipeline import settings, sizing, sweep
from lt2f.pipeline.dataset import content_sha256
from lt2f.pipeline.plan import plan
from lt2f.pipeline.store import Store

COMMANDS = (
    "check",
    "trust",
    "verify",
    "schema",
    "advise",
    "show",
    "plot",
    "explore",
    "completion",
    "init",
    "run",
    "reproduce",
    "chunks",
    "sweep",
    "thresholds",
    "figure",
    "claims",
    "summary",
    "settling",
    "report",
    "bench",
)
STUDY = {
    "study": "tiny",
    "sweeps": {
        "line": {
            "axes": {"mu": {"start": 0.1, "step": 0.1, "num": 15}},
            "fixed": {"imbalance": 0.5, "product": 0.1},
            "iterations": {"transient": 300, "measure": 300},
            "tile": {"mu": 4},
        },
        "orbit": {
            "kind": "orbit",
            "axes": {"mu": {"start": 0.5, "stop": 1.5, "num": 5}},
            "fixed": {"imbalance": 0.5, "product": 0.1},
            "iterations": {"transient": 10, "samples": 4},
        },
    },
}


def call(*arguments):
    return CliRunner().invoke(main, [str(word) for word in arguments])


def python(code):
    """Run some code in a new interpreter; its output."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with settings, good and bad, and files that are not what they seem."""
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    Path("misspelt.yaml").write_text(yaml.safe_dump({**STUDY, "sweps": {}}))
    Path("broken.yaml").write_text("sweeps: {line: [")
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00\x01")
    Path("broken.json").write_text("{")
    Path("empty.json").write_text("{}")
    Path("words.nc").write_text("not a dataset")
    with netCDF4.Dataset("foreign.nc", "w") as file:
        file.title = "not of lt2f"
    Path("folder").mkdir()
    return tmp_path


@pytest.fixture
def staged(here):
    """Stamps of the study. A step's log handlers, which end with its process, end with the test."""
    log = logging.getLogger("lt2f")
    handlers, level = list(log.handlers), log.level
    yield stages.stage(settings.load("study.yaml"))
    for handler in {*log.handlers} - {*handlers}:
        log.removeHandler(handler)
        handler.close()
    log.setLevel(level)


# Help


def test_help_lists_every_command():
    for option in ("-h", "--help"):
        found = call(option)
        assert found.exit_code == 0
        below = found.output.partition("Ask:\n")[2].splitlines()
        listed = [line.split()[0] for line in below if line.startswith("  ")]
        assert sorted(listed) == sorted(COMMANDS) == sorted(main.commands)
        assert not any(line.endswith("...") for line in below)  # every one is whole


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    found = call(command, "--help")
    assert found.exit_code == 0
    assert found.output.startswith(f"Usage: main {command}")
    assert main.commands[command].help
    # The example is a line of its own, as it is typed.
    (example,) = found.output.partition("\nExample:\n")[2].splitlines()
    assert f"lt2f {command}" in example


def test_the_version_is_that_of_the_package():
    assert call("--version").output == f"lt2f, version {lt2f.__version__}\n"


@pytest.mark.parametrize(
    "code",
    [
        "import lt2f",
        "import lt2f.cli",
        "from lt2f.cli import main; main(['--help'], standalone_mode=False)",
        "from lt2f.cli import main; main(['advise', '--help'], standalone_mode=False)",
        "from lt2f.cli import main; main(['sweep', '--help'], standalone_mode=False)",
    ],
)
def test_help_loads_nothing_heavy(code):
    loaded = python(f"{code}\nimport sys\nprint('loaded:', *sys.modules)").rpartition("loaded:")[2]
    heavy = {"numpy", "pydantic", "numba", "xarray", "yaml", "dask", "matplotlib", "netCDF4"}
    assert not heavy & set(loaded.split())
    assert "lt2f" in loaded.split()


# Answers to bad input


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("check nowhere.yaml", "nowhere.yaml: cannot be read"),
        ("check misspelt.yaml", "did you mean 'sweeps'?"),
        ("check broken.yaml", "broken.yaml: line 1"),
        ("check binary.yaml", "binary.yaml: is not YAML"),
        ("figure empty.json figure words.nc", "words.nc: "),
        ("figure empty.json figure foreign.nc", "foreign.nc: not a dataset of lt2f"),
        ("claims empty.json claims.csv words.nc", "words.nc: "),
        ("claims empty.json claims.csv", "DATASETS"),
        ("summary empty.json summary.md words.nc", "words.nc: "),
        ("summary empty.json summary.md foreign.nc", "foreign.nc: not a dataset of lt2f"),
        ("check", "FILE"),
        ("check folder", "folder"),
        ("check --cores 0 study.yaml", "cores"),
        ("chekc study.yaml", "chekc"),
        ("schema extra", "extra"),
        ("sweep nowhere.json out.nc", "nowhere.json"),
        ("sweep --cores many empty.json out.nc", "many"),
        ("thresholds empty.json folder", "folder"),
        ("figure empty.json figure nowhere.nc", "nowhere.nc"),
        ("summary empty.json summary.md", "DATASETS"),
        ("sweep broken.json out.nc", "broken.json"),
        ("sweep empty.json out.nc", "empty.json"),
        ("thresholds empty.json words.nc/out.csv", "words.nc"),
        ("advise", "--learning-rate"),
        ("advise --learning-rate 1", "--factor: give factor and target, or sharpness, or prompt"),
        ("advise --learning-rate 0 --sharpness 1", "--learning-rate = 0.0: should be a finite"),
        ("advise --learning-rate 1 --factor 1 --target 0", "--target = 0.0: should be a finite"),
        ("advise --learning-rate 1 --sharpness 1 --law odd", "--law = odd: should be one of"),
        ("advise --learning-rate 1 --sharpness 1 --start 1 1", "--start: needs factor and target"),
        ("advise --learning-rate 1 --sharpness 1 --start 1", "--start"),
        ("advise --learning-rate 1 --prompt nowhere.json", "nowhere.json"),
        ("advise --learning-rate 1 --prompt words.nc", "words.nc: no prompt"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(here, arguments, words):
    found = call(*arguments.split())
    assert found.exit_code == 2
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert line.startswith("lt2f: ")
    assert words in line


def test_a_misspelt_option_is_one_line_too():
    found = call("--colour")
    assert found.exit_code == 2
    assert len(found.stderr.splitlines()) == 1


def test_errors_of_the_system_keep_their_words(here, monkeypatch):
    def cannot(*_):
        raise TimeoutError("no scheduler at tcp://127.0.0.1:1")

    monkeypatch.setattr(sizing, "table", cannot)
    found = call("check", "study.yaml")
    assert found.exit_code
    assert "no scheduler at tcp://127.0.0.1:1" in (found.stderr or str(found.exception))


def test_the_console_script_says_the_same(here):
    command = Path(sys.executable).with_name("lt2f")
    run = subprocess.run([command, "check", "misspelt.yaml"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == call("check", "misspelt.yaml").stderr
    assert len(run.stderr.splitlines()) == 1


def test_what_nobody_foresaw_keeps_its_traceback(here, monkeypatch):
    def stumble(*_):
        raise ValueError("a mistake in the program")

    monkeypatch.setattr(sizing, "table", stumble)
    found = call("check", "study.yaml")
    assert found.exit_code == 1
    assert isinstance(found.exception, ValueError)


# What each command does


def test_check_prints_a_row_per_sweep(here):
    found = call("check", "study.yaml", "--cores", "3")
    assert found.exit_code == 0
    table, said = found.output.rstrip("\n").rsplit("\n", 1)
    assert table == sizing.table(settings.load("study.yaml"), 3)
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["line", "orbit"]
    assert said.startswith("figures: orbit (of orbit, line)")


@pytest.mark.parametrize("name", ["config.yaml", "quick.yaml"])
def test_check_accepts_the_studies_that_come_along(name):
    file = Path(__file__).parents[1] / "config" / name
    found = call("check", file)
    assert found.exit_code == 0
    sweeps = yaml.safe_load(file.read_text())["sweeps"]
    table = found.output.partition("figures: ")[0].splitlines()[2:]
    assert [line.split()[0] for line in table] == list(sweeps)


def test_schema_prints_the_schema():
    found = call("schema")
    assert found.exit_code == 0
    assert json.loads(found.stdout) == settings.schema()


def test_advise_prints_a_page_or_json():
    asked = "advise --learning-rate 0.25 --factor 2 --target 1.5 --start 0.5 0.25 --noise 0.2"
    answer = lt2f.advise(0.25, factor=2.0, target=1.5, start=(0.5, 0.25), noise=0.2, realizations=8)
    found = call(*asked.split(), "--realizations", 8)
    assert found.exit_code == 0, found.stderr
    assert found.output == f"{answer}\n"
    found = call(*asked.split(), "--realizations", 8, "--json")
    # The effective step is 0.25 * 2 * 1.5, exactly.
    assert json.loads(found.stdout)["mu"] == 0.75
    assert json.loads(found.stdout) == json.loads(json.dumps(answer.as_dict()))


def test_a_sweep_is_computed_from_its_stamp(here, staged):
    log = Path("logs/deep/line.log")
    found = call(
        "sweep", staged.sweeps["line"], "line.nc", "--runtime", staged.runtime, "--log", log
    )
    assert found.exit_code == 0, found.output
    direct = lt2f.sweep("study.yaml", "line")
    assert content_sha256(Path("line.nc")) == direct.attrs["content_sha256"]
    said = log.read_text()
    assert "line: 15 cells in 4 chunks, 0 reused, 4 to compute" in said
    assert direct.attrs["content_sha256"][:16] in said
    assert "line: 15.0 of 15.0 cells" in found.stderr
    # Another process finds the chunks under the same names.
    again = [Path(sys.executable).with_name("lt2f"), "sweep", staged.sweeps["line"], "again.nc"]
    run = subprocess.run(
        [*again, "--runtime", staged.runtime, "--log", log],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "4 reused, 0 to compute" in run.stderr
    assert "4 reused, 0 to compute" in log.read_text()
    assert content_sha256(Path("again.nc")) == direct.attrs["content_sha256"]


def test_settings_that_change_during_a_sweep_stop_it(staged, monkeypatch):
    compute = sweep.run
    # With its chunks there already, the sweep needs no workers.
    compute(plan(settings.load("study.yaml"), "orbit"), Store(sweep.CHUNKS), Path("first.nc"))

    def compute_while_somebody_edits(*arguments):
        stages.stage(settings.parse({**STUDY, "seed": 1}))
        return compute(*arguments)

    monkeypatch.setattr(sweep, "run", compute_while_somebody_edits)
    stamp, output = Path(staged.sweeps["orbit"]), Path("orbit.nc")
    before = stamp.read_text()
    found = call("sweep", stamp, output, "--runtime", staged.runtime)
    assert stamp.read_text() != before
    # Snakemake dates an output by the end of its job, so this one would seem up to date.
    assert found.exit_code
    assert "changed" in found.stderr


def test_thresholds_are_a_table(here, staged):
    assert call("thresholds", staged.thresholds[0], "made/thresholds.csv").exit_code == 0
    with Path("made/thresholds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "name", "mu", "error", "method", "source"]
    mu = [float(row["mu"]) for row in rows]
    assert mu == sorted(mu)
    # The 2-cycle of e² − (1−μ)e + (1−μ) = 0 has the multiplier 9 − 2(1+μ)², which is −1 here.
    assert any(abs(x - (5**0.5 - 1)) < 1e-14 for x in mu)


@pytest.fixture
def datasets(here):
    for name in STUDY["sweeps"]:
        lt2f.sweep("study.yaml", name).to_netcdf(f"{name}.nc")
    return [f"{name}.nc" for name in STUDY["sweeps"]]


def test_a_summary_speaks_of_every_sweep(staged, datasets):
    assert call("summary", staged.summary[0], "made/summary.md", *datasets).exit_code == 0
    lines = Path("made/summary.md").read_text().splitlines()
    assert lines[0] == "# tiny"
    assert [line for line in lines if line.startswith("## ")][:2] == ["## line", "## orbit"]


def test_a_ledger_is_written_and_told_in_the_summary(staged, datasets):
    asked = ("claims", staged.claims[0], "made/claims.csv", *datasets)
    refused = call(*asked, "--settling", "broken.json")
    assert refused.exit_code == 2
    assert "settling.csv: no trainings" in refused.stderr
    assert not Path("made/claims.csv").exists()
    assert call(*asked).exit_code == 0
    rows = Path("made/claims.csv").read_text().splitlines()
    assert sum("not_computable" in row for row in rows) > 1
    found = call(
        "summary", staged.summary[0], "made/summary.md", *datasets, "--claims", "made/claims.csv"
    )
    assert found.exit_code == 0, found.output
    assert f"\n{len(rows) - 1} claims: " in Path("made/summary.md").read_text()
    refused = call("summary", staged.summary[0], "s.md", *datasets, "--claims", "broken.json")
    assert refused.exit_code == 2
    assert "not a ledger of claims" in refused.stderr


def test_a_figure_is_drawn_in_every_format(staged, datasets):
    stamp, shown, files = staged.figures["orbit"]
    shown = [Path(file).name for file in shown]
    found = call("figure", stamp, "made/orbit", *shown)
    assert found.exit_code == 0, found.output
    assert {file.name for file in Path("made").iterdir()} == {Path(file).name for file in files}
    assert Path("made/orbit.png").read_bytes().startswith(b"\x89PNG")
    assert Path("made/orbit.pdf").read_bytes().startswith(b"%PDF")


def test_trainings_next_to_thresholds_are_a_table(staged, monkeypatch):
    from lt2f.claims import settling

    monkeypatch.setattr(settling, "settle", list)
    assert call("settling", staged.settling[0], "made/settling.csv").exit_code == 0
    (head,) = Path("made/settling.csv").read_text().splitlines()
    assert head.startswith("threshold,side,mu,model,prompt,regime,")


def test_a_report_shows_what_is_there(staged, datasets):
    for stem, (stamp, shown, _) in staged.figures.items():
        call("figure", stamp, f"figures/{stem}", *[Path(file).name for file in shown])
    asked = ("report", staged.report[0], "made/report.html", *datasets, "--folder", ".")
    found = call(*asked)
    assert found.exit_code == 0, found.output
    page = Path("made/report.html").read_text(encoding="utf-8")
    assert "<h1>Study tiny</h1>" in page
    assert all(f'id="figure-{stem}"' in page for stem in staged.figures)
    Path("figures/orbit.png").unlink()
    refused = call(*asked)
    assert refused.exit_code == 2
    assert refused.stderr == "lt2f: figures/orbit.png: No such file or directory\n"
