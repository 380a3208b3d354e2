"""Workers as jobs of a real SLURM: cancelled, outlived, refused, held back; and their number."""

import re
import shutil
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from distributed import Client, Security

import lt2f
from lt2f.pipeline import cluster, consent, reach, slurm, sweep
from lt2f.pipeline.dataset import content_sha256
from lt2f.pipeline.executors import ClusterError, Executor
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store

ROOT = Path(__file__).parents[2]
# Everything on the loopback interface, and small: the node has 4 cores and 6 GB.
HERE = {"kind": "slurm", "interface": "lo", "memory": "600 MB", "timeout": 100.0}

pytestmark = pytest.mark.usefixtures("slurm")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def queue(form: str = "%A", *more: str) -> list[str]:
    command = ["squeue", "--noheader", f"--format={form}", *more]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def chunks() -> int:
    return len(list(Path("results/.chunks").glob("*/[!.]*.npz")))


def cancel_one(run: subprocess.Popen[str]) -> int | None:
    """Cancel the job that runs as soon as it has finished something; what it had, or None."""
    before = chunks()
    while run.poll() is None:
        if chunks() > before and (jobs := queue("%A", "--states=RUNNING")):
            subprocess.run(["scancel", jobs[0]], check=True)
            return chunks()
        time.sleep(0.005)
    return None


def test_the_quick_study_with_a_job_cancelled_in_the_middle(until):
    """By the real workflow; the sweeps are short, so the first job met in its work is cancelled."""
    for part in ("workflow", "config"):
        shutil.copytree(ROOT / part, part)
    for part in ("Snakefile", "profiles"):
        shutil.copy(ROOT / part, part, follow_symlinks=False)
    quick = yaml.safe_load(Path("config/quick.yaml").read_text())
    # Of one mu each, so that there are many; how work is cut is no part of what comes out.
    for each in quick["sweeps"].values():
        each["tile"] = {"mu": 1}
    quick["executor"] = {**HERE, "jobs": {"max": 1}}  # so that its place has to be filled
    Path("quick.yaml").write_text(yaml.safe_dump(quick, sort_keys=False))
    targets = [f"results/quick/{name}.nc" for name in quick["sweeps"]]
    command = ["snakemake", "--cores", "1", *targets, "--configfile", "quick.yaml"]
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as run:
        had = cancel_one(run)
        _, errors = run.communicate(timeout=400)
    assert run.returncode == 0, errors
    assert had is not None
    assert had < chunks()
    assert re.search(r"job \d+ of SLURM has ended", errors), errors
    for name in quick["sweeps"]:
        alone = lt2f.sweep(quick, name).attrs["content_sha256"]
        assert content_sha256(Path(f"results/quick/{name}.nc")) == alone
    until(lambda: not queue())  # nothing is left behind


def compute(study: dict[str, Any], report: Any = lambda done, total: None, **how: Any) -> str:
    """Run the sweep here, with workers in SLURM; its content."""
    how_much = plan(parse(study), "cells"), Store(Path("results/.chunks")), Path("cells.nc")
    return sweep.run(*how_much, executor_of(study, **how), 1, report)


def executor_of(study: dict[str, Any], **how: Any) -> Executor:
    return parse({**study, "executor": {**HERE, **how}}).executor


def allow(study: dict[str, Any], **how: Any) -> None:
    consent.give(reach.beyond(executor_of(study, **how)))


def test_jobs_become_more_and_then_fewer(study, content, until, monkeypatch):
    """As many as are wanted by then; how many that is, `tests/pipeline/test_jobs.py` asks."""
    stages, met, looked = (1, 2, 1), [], set()
    look = cluster.Crew.look

    def wanted(jobs, in_flight, number):
        looked.add(len(met))
        return stages[min(len(met), 2)]

    def always(crew, in_flight):
        crew._looked = 0.0
        look(crew, in_flight)

    def follow(done, total):
        if done and len(met) < 3 and len(met) in looked:
            until(lambda: len(queue()) == stages[len(met)])
            met.append(len(queue()))

    monkeypatch.setattr(slurm.Jobs, "wanted", wanted)
    monkeypatch.setattr(cluster.Crew, "look", always)
    many = deepcopy(study)
    many["sweeps"]["cells"]["tile"] = {"mu": 1}  # so that there are many looks
    assert compute(many, follow, cores=2, jobs={"max": 2}, memory="1.2 GB") == content
    assert met == [*stages]


def test_only_holders_of_our_certificate_are_let_in(study, content, until):
    """And nothing listens beyond the interface that was chosen."""
    met = []

    def meet(done, total):
        if done and not met:
            parts = [psutil.Process(), *workers_of_slurm()]
            sockets = [c for p in parts for c in p.net_connections("inet") if c.status == "LISTEN"]
            met.append({c.laddr.ip for c in sockets})
            for security in (None, Security.temporary()):
                scheme = "tls" if security else "tcp"
                met.append(refused(f"{scheme}://{scheduler_address()}", security))

    assert compute(study, meet) == content
    assert met == [{"127.0.0.1"}, True, True]


def workers_of_slurm() -> list[psutil.Process]:
    every = psutil.process_iter(["cmdline"])  # nothing, of one that ends meanwhile
    found = [p for p in every if "distributed.cli.dask_worker" in (p.info["cmdline"] or [])]
    return [*found, *(child for p in found for child in p.children(recursive=True))]


def scheduler_address() -> str:
    words = workers_of_slurm()[0].cmdline()
    return next(word for word in words if word.startswith("tls://")).removeprefix("tls://")


def refused(address: str, security: Any) -> bool:
    try:
        with Client(address, security=security, timeout=2, set_as_default=False):
            return False
    except OSError:
        return True


def test_a_worker_leaves_before_its_walltime_and_another_takes_its_place(
    study, monkeypatch, caplog
):
    longer = deepcopy(study)  # than a worker stays, on any machine
    longer["sweeps"]["cells"]["iterations"] = {"transient": 4_000_000, "measure": 8_000_000}
    caplog.set_level("INFO", "lt2f")
    monkeypatch.setattr(slurm, "lifetime", lambda walltime: (6, 0))
    monkeypatch.setattr(slurm, "POLL", 0.2)
    content = compute(longer, jobs={"max": 1})
    assert re.search(r"job \d+ of SLURM has ended", caplog.text)
    assert len(list(Path("results/.slurm").glob("*.err"))) >= 2
    assert content == lt2f.sweep(longer, "cells").attrs["content_sha256"]


def test_slurm_refuses_the_jobs(study):
    with pytest.raises(ClusterError, match=r"SLURM would refuse the jobs: .*invalid partition"):
        compute(study, queue="nowhere")


@pytest.mark.parametrize("name", ["ib99", "lo;touch${IFS}owned", "$(touch${IFS}owned)"])
def test_no_such_network(study, name):
    """Nor are there jobs whose command line has such a name in it."""
    said = rf"no scheduler for the jobs of SLURM: .*{re.escape(name)}"
    with pytest.raises(ClusterError, match=said):
        compute(study, interface=name)
    assert not queue()


def test_commands_in_jobs_run_once_they_are_allowed_and_not_before(study, content, config_home):
    """Where jobs are made, whoever asked for them: by the workflow, a module of it, or Python."""
    prologue = [f"touch {Path('ran').absolute()}"]
    allow(study, prologue=["touch other"], job_extra=["--begin=now"])
    with pytest.raises(consent.ConsentError, match=r"executor.prologue = .*touch .*ran.* allows"):
        compute(study, prologue=prologue)
    assert not Path("results").exists()
    assert not queue()
    allow(study, prologue=prologue)
    assert compute(study, prologue=prologue) == content
    assert Path("ran").exists()


def test_jobs_that_end_before_their_workers_are_here(study, monkeypatch, caplog, config_home):
    monkeypatch.setattr(slurm, "POLL", 0.2)
    prologue = ["echo no module of that name >&2", "exit 1"]
    allow(study, prologue=prologue)
    with pytest.raises(ClusterError, match="3 jobs in a row ended before their workers were here"):
        compute(study, prologue=prologue)
    assert re.search(r"job \d+: ended before .*lt2f-\d+.err: no module of that name", caplog.text)


def test_jobs_that_never_start(study, monkeypatch, caplog, until, config_home):
    caplog.set_level("INFO", "lt2f")
    monkeypatch.setattr(slurm, "POLL", 0.2)
    allow(study, job_extra=["--begin=now+1hour"])
    with pytest.raises(ClusterError, match="no worker for 3 s"):
        compute(study, timeout=3.0, job_extra=["--begin=now+1hour"])
    assert "1 jobs wait in the queue: BeginTime" in caplog.text
    until(lambda: not queue())


def test_without_slurm(study, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(ClusterError, match="there is no SLURM here"):
        compute(study)
