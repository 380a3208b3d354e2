"""A running scheduler: found by address or file, with and without TLS; and all that can be amiss.

Every failure is one line and exit code 2, after the time that the settings state.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
import yaml
from click.testing import CliRunner
from distributed import Security

import lt2f
from lt2f import stages
from lt2f.cli import main
from lt2f.pipeline import settings, sweep
from lt2f.pipeline.dataset import content_sha256
from lt2f.pipeline.plan import plan
from lt2f.pipeline.store import Store

TIMEOUT = 3.0  # of the settings, in seconds
SLACK = 25.0  # for starting Python and ending it, on a busy machine
FILE = "scheduler.json"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def command(study: dict[str, Any], executor: dict[str, Any], **changes: Any) -> list[str]:
    """Make the command that computes the sweep, as the workflow does."""
    Path("study.yaml").write_text(yaml.safe_dump({**study, "executor": executor, **changes}))
    made = stages.stage(settings.load("study.yaml"))
    lt2f = [sys.executable, "-c", "from lt2f.cli import main; main()"]
    return [*lt2f, "sweep", made.sweeps["cells"], "cells.nc", "--runtime", made.runtime]


def refusal(study: dict[str, Any], executor: dict[str, Any], **changes: Any) -> str:
    """Run the sweep, which cannot be: the one line that it says, the log's lines apart."""
    start = time.monotonic()
    asked = command(study, executor, **changes)
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert time.monotonic() - start < executor["timeout"] + SLACK
    assert done.returncode == 2, done.stderr
    said = [x for x in re.split(r"[\r\n]+", done.stderr) if x and not re.match(r"\d\d:|cells: ", x)]
    assert len(said) == 1, done.stderr
    return said[0]


def address_of(file: str, until: Any) -> str:
    return until(
        lambda: Path(file).exists() and re.search(r"\w+://[\d.:]+", Path(file).read_text())
    )[0]


@pytest.fixture
def scheduler(dask, until):
    """Start a scheduler without workers; its process."""
    process = dask("scheduler", "--port", "0", "--scheduler-file", FILE)
    address_of(FILE, until)
    return process


def worker(dask, *more: str, **how: Any) -> subprocess.Popen[str]:
    return dask("worker", "--scheduler-file", FILE, "--nthreads", "1", *more, **how)


@pytest.mark.parametrize("way", ["address", "file"])
def test_a_scheduler_is_found(dask, scheduler, study, content, until, way):
    worker(dask)
    worker(dask, "--nworkers", "1", cwd="/")  # from anywhere: no path is relative to it
    where = {"address": address_of(FILE, until), "file": FILE}[way]
    subprocess.run(command(study, {"kind": "scheduler", way: where}), check=True, timeout=300)
    assert content_sha256(Path("cells.nc")) == content
    assert not list(Path("results/.chunks").glob(".*"))
    # What is in the store needs no cluster.
    scheduler.kill()
    subprocess.run(command(study, {"kind": "scheduler", way: where}), check=True, timeout=60)


def test_the_scheduler_and_its_workers_may_come_later(dask, study, content):
    asked = command(study, {"kind": "scheduler", "file": FILE, "timeout": 100.0})
    with subprocess.Popen(asked) as run:
        time.sleep(2.0)
        dask("scheduler", "--port", "0", "--scheduler-file", FILE)
        time.sleep(2.0)
        worker(dask)
        assert run.wait(200) == 0
    assert content_sha256(Path("cells.nc")) == content


def test_a_missing_file(study):
    said = refusal(study, {"kind": "scheduler", "file": "none.json", "timeout": TIMEOUT})
    assert said == ("lt2f: executor.file = none.json: No such file or directory, after 3 s")


def test_a_file_of_something_else(study):
    Path(FILE).write_text("[]")
    said = refusal(study, {"kind": "scheduler", "file": FILE, "timeout": TIMEOUT})
    assert said == f"lt2f: executor.file = {FILE}: holds no address of a scheduler, after 3 s"


def test_nobody_listens(study):
    where = "tcp://127.0.0.1:9"  # discard: nothing that runs uses it
    said = refusal(study, {"kind": "scheduler", "address": where, "timeout": TIMEOUT})
    assert said.startswith(f"lt2f: no connection to a scheduler at {where} within 3 s")


def test_somebody_listens_and_says_nothing(study):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        where = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        said = refusal(study, {"kind": "scheduler", "address": where, "timeout": TIMEOUT})
    assert said.startswith(f"lt2f: no connection to a scheduler at {where} within 3 s")


ELSEWHERE = "tcp://192.0.2.1:8786"  # of the addresses that RFC 5737 gives to no machine


@pytest.mark.parametrize("way", ["address", "file"])
def test_a_scheduler_elsewhere_has_to_be_allowed(study, config_home, way):
    """And then is looked for, in vain."""
    Path("there.json").write_text(json.dumps({"address": ELSEWHERE}))
    where = {"address": ELSEWHERE, "file": "there.json"}[way]
    executor = {"kind": "scheduler", way: where, "timeout": TIMEOUT}
    said = refusal(study, executor)
    assert said.startswith(f"lt2f: executor.{way} = {where} ")
    assert said.endswith("who runs it can run code as you: lt2f trust SETTINGS allows it")
    assert not Path("results/.chunks").exists()
    CliRunner().invoke(main, ["trust", "study.yaml"], catch_exceptions=False)
    said = refusal(study, executor)
    assert said.startswith(f"lt2f: no connection to a scheduler at {ELSEWHERE} within 3 s")
    Path("other.json").write_text(json.dumps({"address": ELSEWHERE.replace("8786", "8787")}))
    other = {"address": ELSEWHERE.replace("8786", "8787"), "file": "other.json"}[way]
    assert "can run code as you" in refusal(study, {**executor, way: other})


def test_a_scheduler_file_that_leads_elsewhere_later(study, config_home):
    """What counts is where it leads when we connect."""
    asked = command(study, {"kind": "scheduler", "file": FILE, "timeout": 60.0})
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True) as run:
        time.sleep(2.0)
        Path("draft").write_text(json.dumps({"address": ELSEWHERE}))
        Path("draft").replace(FILE)
        _, errors = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "can run code as you: lt2f trust SETTINGS allows it" in errors


def test_a_scheduler_by_the_name_of_this_machine(dask, study, content, until):
    dask("scheduler", "--port", "0", "--scheduler-file", FILE)
    where = address_of(FILE, until).replace("127.0.0.1", "localhost")
    worker(dask)
    subprocess.run(command(study, {"kind": "scheduler", "address": where}), check=True, timeout=300)
    assert content_sha256(Path("cells.nc")) == content


def test_no_worker(scheduler, study):
    said = refusal(study, {"kind": "scheduler", "file": FILE, "timeout": TIMEOUT})
    assert said.startswith("lt2f: no worker for 3 s")


@pytest.mark.parametrize("victim", ["workers", "scheduler"])
def test_all_of_it_dies_meanwhile_and_what_was_finished_stays(
    dask, scheduler, study, content, until, victim
):
    process = {"workers": worker(dask, "--no-nanny"), "scheduler": scheduler}[victim]
    asked = command(study, {"kind": "scheduler", "file": FILE, "timeout": TIMEOUT})
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True) as run:
        until(lambda: list(Path("results/.chunks").glob("*/*.npz")))
        process.kill()
        _, errors = run.communicate(timeout=120)
    assert run.returncode == 2, errors
    last = errors.strip().splitlines()[-1]
    wrong = {"workers": "no worker for 3 s", "scheduler": "the scheduler is gone"}[victim]
    assert last.startswith(f"lt2f: {wrong}")
    assert "Traceback" not in errors
    kept = finished()
    if victim == "scheduler":
        Path(FILE).unlink()
        dask("scheduler", "--port", "0", "--scheduler-file", FILE)
        address_of(FILE, until)
    worker(dask)
    again = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=True)
    assert f"30 chunks, {len(kept)} reused, {30 - len(kept)} to compute" in again.stderr
    assert content_sha256(Path("cells.nc")) == content
    assert kept.items() <= finished().items()


def finished() -> dict[str, int]:
    """Chunks in the store, with the time of their files, which a new one would not keep."""
    return {file.name: file.stat().st_mtime_ns for file in chunk_files()}


def chunk_files() -> list[Path]:
    return list(Path("results/.chunks").glob("*/[!.]*.npz"))


# Memory: of two chunks one is small and fits anywhere, the other is too large for some workers.

SMALL, LARGE, SAMPLES = 64, 512, 50_000
STEP = 0.0005
BYTES = LARGE * SAMPLES * 8  # 205 MB of the large chunk
LITTLE = "320MB"  # a worker with all that it imports takes less than 250, with the chunk over 400


def large(**changes: Any) -> dict[str, Any]:
    """Return a study of two chunks, unless the tile is another."""
    cells = {
        "kind": "orbit",
        "axes": {"mu": {"start": 6 * LARGE * STEP, "step": STEP, "num": LARGE + SMALL}},
        "fixed": {"imbalance": 0.001, "product": 0.1},
        "iterations": {"transient": 0, "samples": SAMPLES},
        "record": ["residual"],
        "tile": {"mu": LARGE},
    }
    return {"study": "large", "sweeps": {"cells": {**cells, **changes}}}


@pytest.fixture(scope="session")
def large_content() -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cells.nc"
        return sweep.run(plan(settings.parse(large()), "cells"), Store(Path(folder)), path)


@pytest.fixture
def no_leftovers():
    """Take away what killed workers leave half written, which is large."""
    yield
    shutil.rmtree("results", ignore_errors=True)
    Path("cells.nc").unlink(missing_ok=True)


EXECUTOR = {"kind": "scheduler", "file": FILE, "timeout": 60.0}


def begin() -> None:
    """Let the worker compute the small chunk, for which it imports all that it will."""
    few = large(axes={"mu": {"start": 7 * LARGE * STEP, "step": STEP, "num": SMALL}})
    subprocess.run(command(few, EXECUTOR), check=True, timeout=300)
    assert len(finished()) == 1


def goes_on(study: dict[str, Any], content: str) -> None:
    """Run a study to its end: it has the content that is due, and what was finished stays."""
    kept = finished()
    subprocess.run(command(study, EXECUTOR), check=True, timeout=300)
    assert content_sha256(Path("cells.nc")) == content
    assert kept.items() <= finished().items()


@pytest.mark.parametrize("cure", ["memory", "tile"])
@pytest.mark.usefixtures("no_leftovers")
def test_a_chunk_that_kills_every_worker_is_named(dask, scheduler, large_content, cure):
    """The nanny of a worker kills it for its memory, four times; the last one ends the run."""
    poor = worker(dask, "--memory-limit", LITTLE)
    begin()
    said = last_words(large())
    assert re.match(
        r"lt2f: every worker that was given chunk \w+ \(mu 1.536 to 1.7915\) died", said
    )
    assert "set a smaller tile" in said
    if cure == "memory":
        poor.terminate()
        worker(dask, "--memory-limit", "2GB")
    goes_on(large() if cure == "memory" else large(tile={"mu": SMALL}), large_content)


@pytest.mark.usefixtures("no_leftovers")
def test_a_worker_killed_for_its_memory_costs_its_chunk_alone(
    dask, scheduler, large_content, until
):
    poor = psutil.Process(worker(dask, "--memory-limit", LITTLE).pid)
    begin()
    kept, first = finished(), worker_of(poor, until)
    with subprocess.Popen(command(large(), EXECUTOR)) as run:
        until(lambda: not first.is_running())
        worker(dask, "--memory-limit", "2GB")
        for process in (poor, *poor.children(recursive=True)):  # another of its kind would do it
            process.kill()
        assert run.wait(200) == 0
    assert content_sha256(Path("cells.nc")) == large_content
    assert kept.items() <= finished().items()


def worker_of(nanny: psutil.Process, until: Any) -> psutil.Process:
    def found() -> list[psutil.Process]:
        children = nanny.children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    return until(found)[0]


@pytest.mark.parametrize("cure", ["memory", "tile"])
@pytest.mark.usefixtures("no_leftovers")
def test_a_chunk_beyond_the_limit_of_a_process_is_named(dask, scheduler, large_content, cure):
    """What `ulimit -v` sets: memory is refused, and the worker lives."""
    process = psutil.Process(worker(dask, "--no-nanny").pid)
    begin()
    limit = process.memory_info().vms + BYTES // 2
    process.rlimit(psutil.RLIMIT_AS, (limit, psutil.RLIM_INFINITY))
    said = last_words(large())
    assert re.match(r"lt2f: chunk \w+ of \{mu: 512\} cells does not fit into memory", said)
    assert "set a smaller tile" in said
    if cure == "memory":
        process.rlimit(psutil.RLIMIT_AS, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    goes_on(large() if cure == "memory" else large(tile={"mu": SMALL}), large_content)


def last_words(study: dict[str, Any]) -> str:
    """Run a study that ends with exit code 2: its last line."""
    asked = command(study, EXECUTOR)
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return re.split(r"[\r\n]+", done.stderr.strip())[-1]


def test_a_worker_with_other_code(dask, scheduler, study):
    shutil.copytree(Path(lt2f.__file__).parent, "other/lt2f")
    with Path("other/lt2f/pipeline/solve.py").open("a") as file:
        file.write("\nNEW = 1\n")
    worker(dask, env=elsewhere("other"))
    said = refusal(study, {"kind": "scheduler", "file": FILE, "timeout": TIMEOUT})
    assert re.match(r"lt2f: worker tcp://\S+ on \S+ has other code of lt2f \(version", said)


def test_a_worker_without_lt2f(dask, scheduler, study):
    Path("other/lt2f").mkdir(parents=True)
    Path("other/lt2f/__init__.py").touch()
    worker(dask, env=elsewhere("other"))
    said = refusal(study, {"kind": "scheduler", "file": FILE, "timeout": TIMEOUT})
    assert re.match(r"lt2f: worker tcp://\S+ cannot run lt2f as it is here", said)


def elsewhere(folder: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(folder).absolute())}


def test_a_worker_that_cannot_write_to_the_chunk_store(dask, scheduler, study):
    worker(dask)
    Path("taken").touch()
    said = refusal(study, {"kind": "scheduler", "file": FILE, "timeout": TIMEOUT}, chunks="taken")
    assert "cannot write to" in said
    assert str(Path("taken").absolute()) in said


# TLS


def certificates(name: str) -> dict[str, str]:
    """Write a certificate that vouches for itself and one more, as PEM files."""
    made = Security.temporary()
    texts = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for part, text in texts.items():
        Path(f"{name}-{part}.pem").write_text(text)
    return {part: f"{name}-{part}.pem" for part in texts}


def options(tls: dict[str, str]) -> list[str]:
    names = {"ca": "--tls-ca-file", "cert": "--tls-cert", "key": "--tls-key"}
    return [word for part, file in tls.items() for word in (names[part], file)]


@pytest.fixture
def tls(dask, until):
    """Start a scheduler and a worker that speak to holders of a certificate alone."""
    files = certificates("ours")
    dask("scheduler", "--protocol", "tls", "--port", "0", "--scheduler-file", FILE, *options(files))
    assert address_of(FILE, until).startswith("tls://")
    worker(dask, *options(files))
    return files


def test_a_scheduler_with_tls(tls, study, content):
    executor = {"kind": "scheduler", "file": FILE, "tls": tls}
    subprocess.run(command(study, executor), check=True, timeout=300)
    assert content_sha256(Path("cells.nc")) == content


def test_certificates_of_others(tls, study):
    theirs = certificates("theirs")
    said = refusal(study, {"kind": "scheduler", "file": FILE, "timeout": TIMEOUT, "tls": theirs})
    assert said.startswith("lt2f: no connection to a scheduler at tls://127.0.0.1:")


def test_a_scheduler_with_tls_and_no_word_of_it(tls, study):
    said = refusal(study, {"kind": "scheduler", "file": FILE, "timeout": TIMEOUT})
    assert said.startswith("lt2f: the scheduler at tls://127.0.0.1:")
    assert said.endswith(" speaks TLS: executor.tls is missing")


def test_certificates_that_are_not_there(study):
    files = {**certificates("ours"), "key": "none.pem"}
    executor = {"kind": "scheduler", "address": "tls://127.0.0.1:9", "timeout": TIMEOUT}
    said = refusal(study, {**executor, "tls": files})
    assert said == "lt2f: executor.tls.key = none.pem: no such file"


def test_certificates_that_are_none(study):
    files = {**certificates("ours"), "key": "study.yaml"}
    executor = {"kind": "scheduler", "address": "tls://127.0.0.1:9", "timeout": TIMEOUT}
    said = refusal(study, {**executor, "tls": files})
    assert said.startswith("lt2f: no connection to a scheduler at tls://127.0.0.1:9")
