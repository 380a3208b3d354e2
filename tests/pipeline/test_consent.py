"""What settings reach beyond their results, which of it needs consent, and what consent is."""

import json
import os
import socket
import stat
from contextlib import chdir
from pathlib import Path

import psutil
import pytest

from lt2f.pipeline import cluster, consent, nearby, reach, slurm
from lt2f.pipeline.executors import ClusterError, Local, Scheduler, Slurm
from lt2f.pipeline.nearby import nearest
from lt2f.pipeline.settings import SettingsError, parse
from lt2f.pipeline.store import Store
from lt2f.pipeline.sweep import run_study

ELSEWHERE = "192.0.2.1"  # RFC 5737: the address of no machine


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, config_home):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def jobs(**keys):
    return Slurm(kind="slurm", **keys)


def asked(executor, chunks=None):
    """Which keys need consent that is not given."""
    reaches = reach.beyond(executor, None if chunks is None else Path(chunks))
    return [each.key for each in reaches if each.asks and not consent.given(each)]


# Which addresses are here


def own_addresses():
    every = [each for card in psutil.net_if_addrs().values() for each in card]
    return sorted({each.address for each in every if each.family == socket.AF_INET})


@pytest.mark.parametrize("host", [*own_addresses(), "127.0.0.1", "127.8.9.1", "0.0.0.0"])
def test_every_address_of_this_machine_is_here(host):
    assert nearest(f"tcp://{host}:8786") == f"tcp://{host}:8786"


@pytest.mark.parametrize(
    "address",
    [
        f"tcp://{ELSEWHERE}:8786",
        f"tls://{ELSEWHERE}:8786",
        "tcp://[2001:db8::1]:8786",  # RFC 3849: of no machine either
        "tcp://255.255.255.255:1",
        f"tcp://{ELSEWHERE}:1@127.0.0.1:1",
        "tcp://127.0.0.1:1:2",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:99999999",
        "ws://127.0.0.1:1",
        "inproc://127.0.0.1:1",
        "127.0.0.1:1",
        "",
        "tcp://no-such-host.invalid:1",
    ],
)
def test_other_addresses_are_not(address):
    assert nearest(address) is None


def resolving(monkeypatch, *answers):
    """Let names resolve to these addresses, one answer after the other."""
    left, real = iter(answers), socket.getaddrinfo

    def getaddrinfo(host, port, *how, **more):
        if host != "name":
            return real(host, port, *how, **more)
        return [(socket.AF_INET, 1, 6, "", (each, port)) for each in next(left)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_may_have_several_addresses_all_of_them_here(monkeypatch):
    with socket.create_server(("127.0.0.3", 0)) as listening:
        port = listening.getsockname()[1]
        resolving(monkeypatch, ["127.0.0.2", "127.0.0.3"], ["127.0.0.2", ELSEWHERE])
        assert nearest(f"tcp://name:{port}") == f"tcp://127.0.0.3:{port}"  # it answers
        assert nearest(f"tcp://name:{port}") is None


def test_a_name_cannot_lead_elsewhere_afterwards(monkeypatch):
    """It is asked for once, and connected to in numbers."""
    connected = []

    async def greet(address, *_):
        connected.append(address)

    monkeypatch.setattr(cluster, "_greet", greet)
    monkeypatch.setattr(cluster, "Client", lambda address, **_: connected.append(address))
    resolving(monkeypatch, ["127.0.0.1"], [ELSEWHERE])
    cluster._connected(Scheduler(kind="scheduler", address="tcp://name:1"), "tcp://name:1", 0.0)
    assert connected == ["tcp://127.0.0.1:1"] * 2  # to see that somebody is there, and to stay


def test_nobody_elsewhere_hears_of_us_before_consent(monkeypatch):
    monkeypatch.setattr(nearby, "_is_here", lambda host: False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.5)
        where = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        executor = Scheduler(kind="scheduler", address=where, timeout=1.0)
        with pytest.raises(consent.ConsentError, match=r"executor.address = tcp://127"):
            cluster.workers(executor, 1).__enter__()
        with pytest.raises(TimeoutError):
            listening.accept()


# What needs consent


@pytest.mark.parametrize(
    "executor",
    [
        Local(),
        Scheduler(kind="scheduler", address="tcp://127.0.0.1:8786"),
        Scheduler(kind="scheduler", file=Path("not-yet.json")),
        jobs(queue="q", account="a", walltime=600, cores=2, interface="lo", tls=False),
        jobs(logs=Path("results/logs")),
    ],
)
def test_what_stays_within_needs_none(executor):
    assert asked(executor) == []


def test_what_needs_consent():
    keys = {"prologue": ("touch x",), "python": "./python", "job_extra": ("--wrap=x",)}
    executor = jobs(**keys, logs=Path("/var/log"))
    assert asked(executor) == [*(f"executor.{key}" for key in keys), "executor.logs"]
    elsewhere = Scheduler(kind="scheduler", address=f"tcp://{ELSEWHERE}:1")
    assert asked(elsewhere) == ["executor.address"]


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        (f'{{"address": "tcp://{ELSEWHERE}:1"}}', True),
        ('{"address": "tcp://127.0.0.1:1"}', False),
        ('{"address": [1]}', True),
        ("[]", False),  # no address of anybody; to run is to wait for one, and to ask then
        ('{"addr', False),
        ("[" * 20_000, False),
    ],
)
def test_a_scheduler_file_that_is_there_is_looked_into(content, needed):
    Path("there.json").write_text(content)
    executor = Scheduler(kind="scheduler", file=Path("there.json"))
    assert bool(asked(executor)) is needed


def test_a_device_is_no_scheduler_file():
    os.mkfifo("pipe")
    for file in ("/dev/zero", "pipe", "/"):
        executor = Scheduler(kind="scheduler", file=Path(file), timeout=1.0)
        assert asked(executor) == []
        refused = pytest.raises(ClusterError, match=f"executor.file = {file}: .*, after 1 s")
        with refused, cluster.workers(executor, 1):
            pass


def stored(folder):
    """A chunk store, with all that may be left in one."""
    Store(Path(folder)).write("ab" * 32, {})
    (Path(folder) / "ab" / f".{'ab' * 32}.{'0' * 32}.part").touch()
    (Path(folder) / f".seen-{'0' * 32}").touch()


def test_folders_for_chunks():
    Path("empty").mkdir()
    stored("store")
    stored("results/.chunks")
    Path("results/link").symlink_to("/etc")
    Path("file").touch()
    for fine in ("new", "new/er", "empty", "store", "results/link/x", "results", "file"):
        assert asked(Local(), fine) == []
    Path("names").mkdir()
    Path("names/ab").mkdir()
    Path("names/ab/abad.npz").touch()
    stored("mixed")
    Path("mixed/.bashrc").touch()
    stored("inside")
    Path("inside/ab/script").touch()
    Path("ours/ab").mkdir(parents=True)
    Path("ours/git").mkdir()
    Path("deep").mkdir()
    for other in (
        "mixed",
        "inside",
        "ours",
        "names",
        "deep/none/../..",
        "none/../ours",
        ".",
        "/etc",
        "results/..",
        "results/link/..",
    ):
        assert asked(Local(), other) == ["chunks"], other


def test_a_link_to_a_folder_is_that_folder():
    Path("link").symlink_to("/etc")
    assert asked(Local(), "link") == ["chunks"]


def test_a_study_that_needs_consent_computes_nothing(raw):
    Path("mine").touch()
    study = parse({**raw(), "chunks": str(Path().absolute())})
    with pytest.raises(consent.ConsentError, match=r"^chunks = /.* allows it$"):
        run_study(study, "cells", Path("cells.nc"), 1, lambda done, total: None)
    assert [path.name for path in Path().iterdir()] == ["mine"]
    consent.give(reach.beyond(study.executor, study.chunks))
    run_study(study, "cells", Path("cells.nc"), 1, lambda done, total: None)
    assert Path("cells.nc").exists()


@pytest.mark.parametrize("name", ["$(touch owned)", "my study", "x;touch owned"])
def test_no_job_is_written_where_a_shell_would_obey_the_folder(name, monkeypatch):
    """What the folder of the run is called is part of what jobs run, in front of that of logs."""
    Path(name).mkdir()
    monkeypatch.chdir(name)
    with pytest.raises(ClusterError, match="cannot run in"), slurm.started(Slurm(kind="slurm")):
        pass
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    "logs", ["results/$(touch owned)", "results/x\ntouch owned", "results/`x`", "a b", "x;y", "~"]
)
def test_a_folder_of_logs_has_no_letter_that_a_shell_obeys(raw, logs):
    """It is part of a job's command line, whose words stand there as they are."""
    with pytest.raises(SettingsError, match=r"executor.logs = .*: should be a path of letters"):
        parse({**raw(), "executor": {"kind": "slurm", "logs": logs}})


# What consent is


def test_consent_is_for_a_value_in_a_folder():
    allowed = jobs(prologue=("source env.sh",), job_extra=("--qos=a",))
    consent.give(reach.beyond(allowed))
    assert asked(allowed) == []
    assert asked(jobs(prologue=("source env.sh",), cores=4)) == []
    assert asked(jobs(prologue=("source env.sh", "true"))) == ["executor.prologue"]
    assert asked(jobs(python="env.sh")) == ["executor.python"]
    with chdir(".."):
        assert asked(allowed) == ["executor.prologue", "executor.job_extra"]


def test_consent_can_be_taken_back():
    executor = jobs(prologue=("a",), python="p", logs=Path("/b"))
    consent.give(reach.beyond(executor))
    consent.take_back(reach.beyond(jobs(prologue=("a",))))
    consent.take_back(reach.beyond(jobs(prologue=("never",))))
    assert asked(executor) == ["executor.prologue"]


def test_what_is_kept_is_the_users_alone_and_can_be_read(config_home):
    consent.give(reach.beyond(jobs(prologue=("a",))))
    folder = config_home / "lt2f" / "trusted"
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert json.loads(file.read_text())["line"].startswith('executor.prologue = ["a"] is part of')
    assert list(consent.everything()) == [
        ('executor.prologue = ["a"] is part of every job, which runs as you', str(Path.cwd()))
    ]


@pytest.mark.parametrize("change", [lambda text: text.replace('"a"', '"b"'), lambda text: text[:9]])
def test_a_file_that_says_something_else_is_no_consent(config_home, change):
    consent.give(reach.beyond(jobs(prologue=("a",))))
    (file,) = (config_home / "lt2f" / "trusted").iterdir()
    file.write_text(change(file.read_text()))
    assert asked(jobs(prologue=("a",))) == ["executor.prologue"]
    assert asked(jobs(prologue=("b",))) == ["executor.prologue"]
    assert list(consent.everything()) == []


def test_the_line_says_key_value_and_what_to_do():
    executor = jobs(prologue=("module load x",), python="p\u202e")
    with pytest.raises(consent.ConsentError) as caught:
        consent.require(reach.beyond(executor), "lt2f trust it.yaml")
    assert str(caught.value) == (
        'executor.prologue = ["module load x"] is part of every job, which runs as you; '
        'executor.python = "p\\u202e" is part of every job, which runs as you: '
        "lt2f trust it.yaml allows it"
    )


def test_the_command_is_for_the_shell(monkeypatch):
    here = Path.cwd()
    monkeypatch.setenv("PWD", str(here))
    assert consent.command(Path("a b.yaml")) == "lt2f trust 'a b.yaml'"
    assert consent.command(Path("/x/y.yaml")) == "lt2f trust /x/y.yaml"
    monkeypatch.setenv("PWD", str(here.parent))
    assert consent.command(Path("y.yaml")) == "lt2f trust here/y.yaml --directory here"
    monkeypatch.setenv("PWD", "/")
    monkeypatch.chdir(here)
    assert consent.command(Path("y.yaml")).endswith(f" --directory {str(here).removeprefix('/')}")
