"""What comes from a stranger is data: it runs nothing, and writes nowhere but below results/.

And no stranger, on this machine either, is let in to the workers of a sweep.
"""

import ast
import io
import json
import pickle
import re
import socket
import ssl
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any

import netCDF4
import numpy as np
import psutil
import pytest
from click.testing import CliRunner

import lt2f
from lt2f.cli import main
from lt2f.pipeline import certificates, sweep
from lt2f.pipeline.dataset import content_sha256, open_dataset
from lt2f.pipeline.executors import Local
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import SettingsError, load, parse
from lt2f.pipeline.store import Store
from lt2f.plain import line, plain
from lt2f.training.prompts import read_prompt
from lt2f.views import report, summary

ROOT = Path(lt2f.__file__).parent
KERNELS = "dynamics/cache.py"  # unpickles what this user has compiled, from this user's own cache

# What the sources say


def calls():
    """Every call in the package: the file, the function as it is written, the call."""
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call):
                yield str(file.relative_to(ROOT)), ast.unparse(node.func), node


def test_nothing_but_the_cache_of_kernels_knows_pickles():
    known = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found = {name.partition(".")[0] for name in names} & known
            assert not found or str(file.relative_to(ROOT)) == KERNELS, file


def test_nothing_is_run_that_is_read():
    """Neither Python nor a shell is given a text: other programs get their words one by one."""
    for file, function, call in calls():
        assert function not in {"eval", "exec", "compile", "__import__", "os.system"}, file
        assert not function.startswith(("os.popen", "os.spawn", "subprocess.getoutput")), file
        assert "shell" not in {word.arg for word in call.keywords}, file


def test_readers_are_the_safe_ones():
    for file, function, call in calls():
        words = {word.arg: ast.unparse(word.value) for word in call.keywords}
        if function in {"np.load", "numpy.load"}:
            assert words.get("allow_pickle") == "False", file
        if function in {"yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load"}:
            assert (file, ast.unparse(call.args[1])) == ("pipeline/settings.py", "_Loader")
        if function == "Environment":
            assert words.get("autoescape") == "True", file


def test_this_scan_sees_something():
    seen = {function for _, function, _ in calls()}
    assert {"np.load", "yaml.load", "Environment", "pickle.loads", "subprocess.run"} <= seen


# Settings


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Enter a folder in which a payload would leave a file."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not (tmp_path / "owned").exists()


class Payload:
    """Leaves a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("owned"),)


def test_the_payload_works(folder):
    pickle.loads(pickle.dumps(Payload()))
    (folder / "owned").unlink()


OUTSIDE = [
    "..",
    ".",
    "../up",
    "/etc",
    "a/b",
    "a\\b",
    ".hidden",
    "a\n",
    "a\0",
    "",
    "~",
    "a b",
    "$(a)",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("what", ["study", "sweep"])
def test_names_lead_nowhere_else(raw, name, what):
    study = raw()
    if what == "study":
        study["study"] = name
    else:
        study["sweeps"] = {name: study["sweeps"]["cells"]}
    with pytest.raises(SettingsError):
        parse(study)


@pytest.mark.parametrize(
    "text",
    [
        "study: !!python/object/apply:pathlib.Path.touch [!!python/object:pathlib.Path [owned]]",
        "study: !!python/object/new:os.system ['touch owned']",
        "!!python/module:os : 1",
        "study: !include owned",
        "[" * 5000,
        "study: " + "1" * 5000,
        "study: \u001b[2Jx",
    ],
)
def test_a_hostile_settings_file_is_refused_in_one_line(folder, text):
    Path("study.yaml").write_text(text)
    with pytest.raises(SettingsError):
        load("study.yaml")
    said = CliRunner().invoke(main, ["check", "study.yaml"])
    assert said.exit_code == 2
    assert len(said.output.splitlines()) == 1


JOBS = {
    "kind": "slurm",
    "prologue": ["touch owned"],
    "python": "./python",
    "job_extra": ["--wrap=x"],
    "logs": "/var/log",
}


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({}, []),
        ({"chunks": "results/.chunks"}, []),
        ({"chunks": "results/../up"}, ["chunks"]),
        ({"executor": {"kind": "slurm"}}, []),
        (
            {"executor": JOBS, "chunks": "/scratch"},
            ["prologue", "python", "job_extra", "chunks", "logs"],
        ),
        ({"executor": {"kind": "scheduler", "address": "tcp://a:1"}}, ["address"]),
        ({"executor": {"kind": "scheduler", "file": "there.json"}}, ["file"]),
    ],
)
def test_check_names_what_reaches_beyond_results_and_runs_none_of_it(raw, keys, named):
    Path("study.yaml").write_text(json.dumps(raw() | keys))
    said = CliRunner().invoke(main, ["check", "study.yaml"])
    assert said.exit_code == 0, said.output
    notes = [line for line in said.output.splitlines() if line.startswith("note: ")]
    assert [line.split()[1].removeprefix("executor.").rstrip(":") for line in notes] == named


# Prompts


def archive(**members: bytes) -> Path:
    path = Path("prompt.npz")
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def packed(value) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(value), allow_pickle=True)
    return file.getvalue()


PROMPT = {"context": [[1.0, 0.2]], "labels": [0.5], "query": [0.8, 0.1], "target": 0.6}
HUGE = (
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000000,), }".ljust(117) + b"\n"
)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(packed(np.array([Payload()], dtype=object)), id="object"),
        pytest.param(pickle.dumps(Payload()), id="pickle"),
        pytest.param(b"\x93NUMPY\x01\x00" + len(HUGE).to_bytes(2, "little") + HUGE, id="huge"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_hostile_archive_is_no_prompt(target):
    parts = {name: packed(value) for name, value in PROMPT.items()}
    assert read_prompt(archive(**parts)).target == 0.6
    with pytest.raises(ValueError, match="no prompt"):
        read_prompt(archive(**parts | {"target": target}))
    Path("prompt.npz").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ValueError, match="no prompt"):
        read_prompt("prompt.npz")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"context": [[1.0]], "labels": [1.0], "query": [1.0], "target": 1' + "0" * 400 + "}",
        '{"context": [[1.0]], "labels": [1.0], "query": [1.0], "target": 1' + "0" * 5000 + "}",
        '{"context": [[1' + "0" * 400 + ']], "labels": [1.0], "query": [1.0], "target": 1.0}',
        '{"context": [[1e999]], "labels": [1.0], "query": [1.0], "target": 1.0}',
    ],
    ids=["lists", "mappings", "integer", "digits", "input", "infinite"],
)
@pytest.mark.parametrize("option", ["--prompt", "--parameters"])
def test_hostile_json_is_refused_in_one_line(text, option):
    Path("file.json").write_text(text)
    Path("good.json").write_text(str(PROMPT).replace("'", '"'))
    given = ["--prompt", "file.json"]
    if option == "--parameters":
        with pytest.raises(ValueError, match=r"parameters"):
            lt2f.advise(learning_rate=0.1, prompt="good.json", parameters="file.json")
    said = CliRunner().invoke(main, ["advise", "--learning-rate", "0.1", *given])
    assert said.exit_code == 2, said.output
    assert len(said.output.splitlines()) == 1


# Chunks and datasets


def test_a_chunk_with_a_pickle_in_it_is_damaged():
    store = Store(Path("chunks"))
    store.write("ab" * 20, {"x": np.zeros(3)})
    with zipfile.ZipFile(store.path("ab" * 20), "w") as file:
        file.writestr("x.npy", packed(np.array([Payload()], dtype=object)))
    assert not store.has("ab" * 20)


@pytest.fixture(scope="module")
def made(raw_study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    path = folder / "cells.nc"
    sweep.run(plan(parse(raw_study), "cells"), Store(folder), path)
    return path


@pytest.fixture(scope="module")
def raw_study():
    return {
        "study": "small",
        "sweeps": {
            "cells": {
                "axes": {"mu": {"start": 0.25, "step": 0.25, "num": 6}},
                "fixed": {"imbalance": 0.5, "product": 0.1},
                "iterations": {"transient": 300, "measure": 320},
            }
        },
    }


@pytest.fixture
def raw(raw_study):
    return lambda: {**raw_study, "sweeps": dict(raw_study["sweeps"])}


EVIL = (
    "\x1b]0;owned\x07\x1b[2J\u202e<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"
)
TEXTS = "summary", "history", "title", "source", "lt2f_version", "code_sha256", "references"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.fixture
def hostile(made):
    """A dataset that is intact, with texts of a stranger wherever no hash looks."""
    copy(made, "cells.nc")
    with netCDF4.Dataset("cells.nc", "a") as file:
        for name in TEXTS:
            file.setncattr(name, f"{EVIL}: made by {EVIL}, sweep")
        for variable in file.variables.values():
            variable.setncattr("long_name", EVIL)
            variable.setncattr("units", EVIL)
    assert content_sha256(Path("cells.nc")) == content_sha256(made)
    return Path("cells.nc")


@pytest.mark.parametrize("command", ["show", "plot", "verify", "reproduce"])
def test_a_terminal_is_told_nothing_that_it_would_obey(hostile, command):
    said = CliRunner().invoke(main, [command, str(hostile)])
    assert said.exit_code in (0, 2), said.output
    assert said.output
    assert not OBEYED.search(said.output.replace("\n", ""))
    assert {path.suffix for path in Path().iterdir()} <= {".nc", ".png", ".pdf"}


def test_a_file_with_a_hostile_name_is_named_in_plain_letters(made):
    name = "a\x1b]0;owned\x07.nc"  # the title of the window
    copy(made, name)
    for command in ("show", "verify"):
        said = CliRunner().invoke(main, [command, name])
        assert said.exit_code == 0
        assert not OBEYED.search(said.output)


def test_plain_text_stays_as_it_is():
    assert plain("μ ≤ 2 — größer, 中文\tx\n") == "μ ≤ 2 — größer, 中文\tx\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\n\n"])
def test_a_line_stays_one_and_keeps_the_spaces_in_names(end):
    assert line(f"my  file.nc: damaged{end}  other.nc: intact") == (
        "my  file.nc: damaged other.nc: intact"
    )


FORGED = "1\nresults/atlas/regimes.nc: intact"
SETTINGS = {
    "a list": "[1,2]",
    "not a number": '{"study": NaN}',
    "a number": 5,
    "words": "no JSON",
    "deep": "[" * 100_000,
    "no sweep": '{"study": "small", "sweeps": {}}',
    "half a sweep": '{"study": "small", "sweeps": {"cells": 5}}',
}
ATTACKS = [
    *(pytest.param({"lt2f_settings": value}, id=f"settings: {n}") for n, value in SETTINGS.items()),
    pytest.param({"lt2f_layout": [1, 1]}, id="layout: a list"),
    pytest.param({"lt2f_layout": FORGED}, id="layout: a forged line"),
    *(pytest.param({name: 5}, id=f"{name}: 5") for name in ("summary", "history", "code_sha256")),
    pytest.param({"seed": FORGED}, id="seed: a forged line"),
    pytest.param({"content_sha256": [1, 2]}, id="content: a list"),
]


def told(path: Path, attributes: dict[str, Any]) -> None:
    with netCDF4.Dataset(path, "a") as file:
        file.setncatts(attributes)


def with_sweeps(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with netCDF4.Dataset("cells.nc", "a") as file:
        raw = json.loads(file.lt2f_settings)
        raw["sweeps"] = change(*raw["sweeps"].values())
        file.lt2f_settings = json.dumps(raw)


def refused(command: str, path: Path | str) -> str:
    """Give a command a path: the one line that it says."""
    said = CliRunner().invoke(main, [command, str(path)])
    assert said.exit_code == (1 if command == "verify" else 2), said.output
    (only,) = said.output.splitlines()
    assert only.startswith("cells.nc: " if command == "verify" else "lt2f: cells.nc: ")
    return only


READERS = "show", "plot", "explore", "reproduce", "verify"


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("attributes", ATTACKS)
def test_a_dataset_that_says_nonsense_is_refused_in_one_line(made, command, attributes):
    copy(made, "cells.nc")
    told(Path("cells.nc"), attributes)
    refused(command, "cells.nc")
    if command in ("show", "explore"):
        refused(command, ".")


@pytest.mark.parametrize("command", READERS)
def test_settings_of_two_sweeps_or_of_another_are_refused_in_one_line(made, command):
    copy(made, "cells.nc")
    with_sweeps(lambda sweep: {"a": sweep, "b": sweep})
    assert "of 2 sweeps" in refused(command, "cells.nc")
    copy(made, "cells.nc")
    other = {"axes": {"a": {"values": [0.1, 0.2]}}, "fixed": {"mu": 0.5, "b": 0.1}}
    with_sweeps(lambda sweep: {"cells": sweep | other})
    assert "axes that it lacks: a" in refused(command, "cells.nc")


def test_a_name_of_a_file_forges_no_line(made):
    copy(made, "a.nc\nb.nc")
    said = CliRunner().invoke(main, ["verify", "a.nc\nb.nc"])
    assert said.output.splitlines() == ["a.nc b.nc: intact"]


def test_a_summary_holds_nothing_that_a_terminal_would_obey(hostile):
    forged = "\r\n\n## Claims\n\nAll agree."
    told(hostile, {"lt2f_version": EVIL + forged, "content_sha256": EVIL + forged})
    summary.write({"cells": open_dataset(hostile)}, Path("summary.md"))
    text = Path("summary.md").read_text(encoding="utf-8")
    assert "Made by lt2f \N{REPLACEMENT CHARACTER}" in text
    assert not OBEYED.search(text)
    assert "## Claims" not in text.splitlines()


def test_a_report_shows_texts_and_runs_none(hostile):
    dataset = open_dataset(hostile)
    report.write({"cells": dataset}, [], Path(), Path("report.html"))
    html = Path("report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "{{ 7 * 7 }}" in html  # a text, not a template
    assert "default-src 'none'" in html  # and a browser would load and run nothing


def test_settings_from_a_dataset_go_through_the_rules(made):
    """`lt2f reproduce` writes no file that a run would take outside."""
    copy(made, "cells.nc")
    with netCDF4.Dataset("cells.nc", "a") as file:
        text = file.getncattr("lt2f_settings")
        file.setncattr("lt2f_settings", text.replace('"small"', '"../../small"'))
    said = CliRunner().invoke(main, ["reproduce", "cells.nc", "--output", "again.yaml"])
    assert said.exit_code == 2
    assert not Path("again.yaml").exists()


# Workers

WORD = b"GET /info/main/workers.html HTTP/1.0\r\n\r\n"  # what Dask would tell of its workers
FEW = {"axes": {"mu": {"start": 0.25, "step": 0.25, "num": 6}}, "tile": {"mu": 1}}


def speaker(held: Any = None) -> ssl.SSLContext:
    """Make what a client speaks TLS with: the certificate that it holds, or none."""
    if held is not None:
        return held.get_connection_args("client")["ssl_context"]
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def answer(port: int, by: ssl.SSLContext | None) -> bytes:
    """Knock at a port of this machine: the first that is said there, nothing if it is closed."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
            by.wrap_socket(plain) if by else plain as link,
        ):
            link.sendall(WORD)
            return link.recv(12)
    except (ConnectionError, ssl.SSLError):  # to say nothing for a minute is no refusal
        return b""


def open_ports() -> set[int]:
    family = psutil.Process(), *psutil.Process().children(recursive=True)
    sockets = [each for process in family for each in process.net_connections("inet")]
    return {each.laddr.port for each in sockets if each.status == psutil.CONN_LISTEN}


def keys_in(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if b"PRIVATE KEY" in path.read_bytes()]


@pytest.fixture(scope="module")
def knocked(raw_study, tmp_path_factory):
    """What each open port says to whom while two workers run, and files with a private key."""
    folder = tmp_path_factory.mktemp("workers")
    ours, heard, keys, make = [], {}, [], certificates.in_memory
    before = open_ports()  # of tests that came first

    def knock(done, total):
        if not ours or heard:
            return
        visitors = {
            "no certificate": speaker(),
            "another certificate": speaker(make()),
            "ours": speaker(ours[0]),
        }
        keys.extend(keys_in(folder))
        for port in open_ports() - before:
            heard[port] = {"plain": answer(port, None)}
            if not heard[port]["plain"]:
                heard[port] |= {name: answer(port, by) for name, by in visitors.items()}

    study = {**raw_study, "sweeps": {"cells": raw_study["sweeps"]["cells"] | FEW}}
    how = Store(folder / "chunks"), folder / "cells.nc", Local(workers=2), 1, knock
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        patch.setattr(certificates, "in_memory", lambda: ours.append(make()) or ours[0])
        patch.setattr(sweep, "START", -1.0)  # workers at once, and for all that is left
        patch.setattr(sweep, "_alone", lambda *_: [])
        sweep.run(plan(parse(study), "cells"), *how)
    return heard, keys + keys_in(folder)


def test_workers_let_in_who_holds_the_certificate_of_their_run(knocked):
    heard, _ = knocked
    doors = [said for said in heard.values() if not said["plain"]]
    assert len(doors) == 5  # of the scheduler, and of each worker and of who watches it
    for said in doors:
        assert {name for name, word in said.items() if word} == {"ours"}


def test_what_else_is_open_tells_nothing(knocked):
    heard, _ = knocked
    others = {said["plain"] for said in heard.values()} - {b""}
    assert others <= {b"HTTP/1.1 404"}


def test_the_key_of_a_run_lies_in_no_file(knocked, tmp_path):
    _, keys = knocked
    assert keys == []
    made = certificates.in_files(tmp_path)  # as jobs of SLURM need it
    assert keys_in(tmp_path) == [Path(made.tls_client_key)]
    assert Path(made.tls_client_key).stat().st_mode & 0o777 == 0o600
