"""`lt2f show` and `lt2f verify`: what they say of each kind of result, and of what is none."""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import netCDF4
import pytest
from click.testing import CliRunner

from lt2f.claims.forms import Status
from lt2f.cli import main
from lt2f.views import claims

LT2F = Path(sys.executable).with_name("lt2f")


def shown(*words):
    """What is said of a result in this process, which loads nothing again."""
    found = CliRunner().invoke(main, ["show", *map(str, words)])
    assert found.exit_code == 0, found.output
    return found.output


def entry(text, label):
    """The text of an entry, unwrapped."""
    (found,) = re.findall(rf"^{label}  +(.*(?:\n  +.*)*)", text, re.M)
    return " ".join(found.split())


# What is said


def test_a_map_is_described(results):
    text = shown(results / "plane.nc")
    assert " ".join(text.split()).startswith(f"{results}/plane.nc: map sweep of 40 cells, ")
    assert "mu from 0.25 to 2.5, 10 values: effective step size" in entry(text, "over")
    assert "imbalance from 0 to 1.5, 4 values" in entry(text, "over")
    assert "a₀b₀ = 0.1; 300 steps discarded, 320 measured" in entry(text, "with")
    # Beyond mu = 2 nothing stays, and these starts are inside the ellipse for mu <= 1: of the 16
    # cells with mu <= 1 all converge, the 8 of mu > 2 diverge.
    counts = dict(re.findall(r"^(monotone|catapult|divergent) +(\d+)", text, re.M))
    assert int(counts["monotone"]) + int(counts.get("catapult", 0)) == 16
    assert int(counts["divergent"]) >= 8
    assert sum(map(int, re.findall(r"^[a-z]+ +(\d+) +\d+\.\d\d %$", text, re.M))) == 40
    assert re.search(r"largest from .* to .* nats per step, standard error at most", text)
    assert "study small, sweep plane, seed 7" in entry(text, "made")
    assert entry(text, "data").startswith("intact, content ")
    assert entry(text, "code").startswith("that of this lt2f, ")
    assert entry(text, "drawn as").startswith("regime_map")


def test_what_is_not_recorded_is_not_spoken_of(results):
    text = shown(results / "orbit.nc")
    assert "orbit sweep of 5 cells" in " ".join(text.split())  # where a line ends is the path's
    assert not re.search(r"^(regime|exponents|decided by|forecast) ", text, re.M)


def test_a_folder_is_one_page(results):
    text = shown(results)
    for name, cells in {"line": 10, "plane": 40, "orbit": 5, "odd": 4}.items():
        assert re.search(rf"^{name} +(map|orbit) +{cells} +\S.* intact$", text, re.M)
    assert entry(text, "claims") == "1 agree, 1 not computable from these sweeps"
    assert entry(text, "made by").endswith("study small")
    assert entry(text, "thresholds").split()[0].isdigit()


def test_thresholds_are_the_main_ones(results):
    text = shown(results / "thresholds.csv")
    # The 2-cycle of e² − (1−μ)e + (1−μ) = 0 has the multiplier 9 − 2(1+μ)², which is −1 here.
    assert re.search(rf"^{re.escape(f'{5**0.5 - 1:.15g}')} +\S+ +second doubling", text, re.M)
    assert "superstable" in entry(text, "besides")
    assert not re.search(r"^[\d.]+ +\S+ +superstable", text, re.M)


def test_claims_that_do_not_hold_come_in_full(make_row, tmp_path):
    statuses = (Status.DISAGREES, Status.UNDECIDED, Status.AGREES, Status.AGREES)
    rows = [make_row(status) for status in statuses]
    claims.write(rows, tmp_path / "claims.csv")
    text = shown(tmp_path / "claims.csv")
    assert "claims.csv: 4 claims" in " ".join(text.split())
    assert entry(text, "found").startswith("1 disagree, 1 undecided, 2 agree")
    for row in rows[:2]:
        assert f"{row.claim} theory 1, measured 2 ± 0.1; off by 10" in entry(text, row.status)
    assert "what agrees" not in text


def test_settings_are_told_as_check_tells_them(results):
    settings = results.parent / "small.yaml"
    assert shown(settings) == CliRunner().invoke(main, ["check", str(settings)]).output


def test_several_results_are_several_pages(results):
    both = shown(results / "line.nc", results / "claims.csv")
    assert both == f"{shown(results / 'line.nc')}\n{shown(results / 'claims.csv')}"


# Where it is said


@pytest.mark.parametrize(("columns", "most"), [(60, 60), (80, 80), (200, 100)])
def test_a_page_fits_the_terminal(results, typed, columns, most):
    found = typed("show", "plane.nc", "thresholds.csv", cwd=results, COLUMNS=str(columns))
    widest = max(map(len, found.stdout.splitlines()))
    # Text is broken between words, none of which has 30 letters.
    assert most - 30 < widest <= most


def on_a_terminal(*words, **environment):
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [str(word) for word in words], stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", **environment},
    ) as process:  # fmt: skip
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
    os.close(ours)
    assert process.returncode == 0
    return text.decode()


def test_colours_are_for_who_watches_and_wants_them(results, typed):
    words = LT2F, "show", results / "claims.csv"
    assert "\x1b[" in on_a_terminal(*words, NO_COLOR="")
    assert "\x1b[" not in on_a_terminal(*words, NO_COLOR="1")
    assert "\x1b[" not in typed(*words[1:]).stdout


def test_a_reader_who_stops_reading_hears_nothing(results):
    run = subprocess.run(
        ["bash", "-c", f"{LT2F} show {results}/*.nc {results} | head -1"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.stdout.count("\n") == 1
    assert run.stderr == ""


# What is no result


@pytest.fixture
def strange(results, tmp_path):
    (tmp_path / "words.txt").write_text("no result")
    (tmp_path / "words.nc").write_text("no result")
    (tmp_path / "words.csv").write_text("no,result\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "cut.csv").write_text((results / "thresholds.csv").read_text()[:5000])
    (tmp_path / "folder").mkdir()
    with netCDF4.Dataset(tmp_path / "foreign.nc", "w") as file:
        file.title = "not of lt2f"
    shutil.copy(results / "line.nc", tmp_path / "changed.nc")
    with netCDF4.Dataset(tmp_path / "changed.nc", "a") as file:
        file["lyapunov"][0] = 1.0
    (tmp_path / "cut.nc").write_bytes((results / "line.nc").read_bytes()[:9000])
    return tmp_path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("words.txt", "no dataset, table, folder of results or settings file"),
        ("words.nc", "words.nc: "),
        ("words.csv", "neither claims nor thresholds"),
        ("bytes.csv", "neither claims nor thresholds"),
        ("cut.csv", "not a table of thresholds"),
        ("folder", "holds no datasets"),
        ("foreign.nc", "not a dataset of lt2f"),
        ("changed.nc", "damaged"),
        ("cut.nc", "cut.nc: "),
        ("missing.nc", "does not exist"),
    ],
)
def test_what_is_no_result_is_refused_in_a_line(strange, typed, name, words):
    found = typed("show", name, cwd=strange)
    assert found.returncode == 2
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert line.startswith("lt2f: ")
    assert words in line


def test_files_and_folders_are_verified(results, strange, typed):
    found = typed("verify", results, strange / "changed.nc")
    states = dict(line.rsplit("/", 1)[1].split(": ", 1) for line in found.stdout.splitlines())
    assert found.returncode == 1
    assert states.pop("changed.nc").startswith("damaged")
    assert states == dict.fromkeys(("line.nc", "plane.nc", "orbit.nc", "odd.nc"), "intact")
    assert typed("verify", results).returncode == 0
