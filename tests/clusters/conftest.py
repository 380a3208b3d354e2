"""A study worth a cluster, real Dask schedulers and workers, and a real SLURM on this machine."""

import getpass
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from lt2f.pipeline.dataset import content_sha256
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store
from lt2f.pipeline.sweep import run

PATIENCE = 120.0  # seconds that anything may take on a busy machine, seconds as it mostly is
# Balanced chaos, with nothing decided early: some 0.1 s a chunk, and none of them quicker.
CELLS = {
    "axes": {"mu": {"start": 1.4, "step": 0.005, "num": 120}},
    "fixed": {"imbalance": 0.001, "product": 0.1},
    "iterations": {"transient": 1_000_000, "measure": 2_000_000},
    "shortcuts": False,
    "tile": {"mu": 4},
}
T = TypeVar("T")


def wait_until(condition: Callable[[], T], patience: float = PATIENCE) -> T:
    """Poll until something is true, and return it."""
    end = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)
    return found


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def study() -> dict[str, Any]:
    return {"study": "elsewhere", "sweeps": {"cells": CELLS}}


@pytest.fixture(scope="session")
def content(study: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Hash the sweep as this process alone computes it."""
    folder = tmp_path_factory.mktemp("alone")
    digest = run(plan(parse(study), "cells"), Store(folder), folder / "cells.nc")
    assert digest == content_sha256(folder / "cells.nc")
    return digest


@contextmanager
def started(*command: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a process that ends with us, even if we are killed."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *command], text=True, **{**silent, **how}
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start `dask scheduler` or `dask worker`, on the loopback interface alone."""
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path / "dask"))
    with ExitStack() as stack:

        def start(*arguments: str, **how: Any) -> subprocess.Popen[str]:
            here = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--no-dashboard")
            command = (sys.executable, "-m", "dask", *arguments, *here)
            return stack.enter_context(started(*command, **how))

        yield start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def slurm_conf(folder: Path) -> str:
    """Describe a cluster of one node, this machine, that listens on the loopback interface."""
    host, user = platform.node().partition(".")[0], getpass.getuser()
    return f"""
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=6000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=1:00:00 State=UP
"""


def call(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return answer.stdout if not answer.returncode else ""


def of_this_slurm(conf: Path) -> list[psutil.Process]:
    """Find every process that was started for this cluster, jobs included."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SLURM_CONF") == str(conf) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


@contextmanager
def daemons(folder: Path, conf: Path) -> Iterator[None]:
    """Run munged, slurmctld and slurmd until an idle node is there, and end all of it after use."""
    munge = {"key-file": "key", "socket": "munge.socket", "pid-file": "pid", "log-file": "log"}
    options = [f"--{name}={folder}/{file}" for name, file in munge.items()]
    commands = (
        ["munged", "--foreground", "--force", f"--seed-file={folder}/seed", *options],
        ["slurmctld", "-D", "-f", str(conf)],
        ["slurmd", "-D", "-f", str(conf)],
    )
    with ExitStack() as stack:
        for command in commands:
            file = stack.enter_context((folder / f"{command[0]}.out").open("w"))
            stack.enter_context(started(*command, stdout=file, stderr=file))
            if command[0] == "munged":
                wait_until((folder / "munge.socket").exists)
        wait_until(lambda: "idle" in call("sinfo", "--noheader", "--format=%T"))
        try:
            yield
        finally:
            call("scancel", "--me")
            wait_until(lambda: not call("squeue", "--noheader"))
    for process in of_this_slurm(conf):  # none, unless a job did not heed its end
        process.kill()


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start SLURM here. In continuous integration it has to be installed."""
    missing = [name for name in ("munged", "slurmctld", "slurmd") if shutil.which(name) is None]
    if missing:
        reason = f"not installed: {', '.join(missing)} (see requirements/debian.txt)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("slurm")
    for part in ("state", "spool"):
        (folder / part).mkdir()
    (folder / "key").write_bytes(secrets.token_bytes(1024))
    (folder / "key").chmod(0o600)
    conf = folder / "slurm.conf"
    conf.write_text(slurm_conf(folder))
    # Snakemake takes SLURM's variables away from its jobs, which then ask for /etc/slurm.
    (folder / "bin").mkdir()
    srun = folder / "bin/srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([str(srun.parent), *os.get_exec_path()]))
        patch.setenv("SLURM_CONF", str(conf))
        with daemons(folder, conf):
            yield folder
