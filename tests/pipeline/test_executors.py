"""Executors as settings: what is read, what is refused in which words, and that they travel."""

from pathlib import Path

import pytest

from lt2f.pipeline.executors import Scheduler, Slurm, walltime_text
from lt2f.pipeline.settings import SettingsError, load, parse

TLS = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
EXAMPLES = sorted((Path(__file__).parents[2] / "config/examples").glob("*.yaml"))


def executor(raw, **keys):
    return parse({**raw(), "executor": keys}).executor


def test_a_scheduler_by_address_or_file(raw):
    found = executor(raw, kind="scheduler", address="tcp://10.0.0.1:8786")
    assert found == Scheduler(kind="scheduler", address="tcp://10.0.0.1:8786", timeout=60.0)
    assert executor(raw, kind="scheduler", file="s.json", tls=TLS).tls.key == Path("key.pem")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("00:05:00", 300), ("10:00:00", 36000), (36000, 36000), ("2-01:02:03", 176523), (3e3, 3000)],
)
def test_walltimes(raw, written, seconds):
    if isinstance(written, float):
        written = int(written)
    assert executor(raw, kind="slurm", walltime=written).walltime == seconds


@pytest.mark.parametrize(("seconds", "text"), [(300, "0-00:05:00"), (176523, "2-01:02:03")])
def test_a_walltime_is_written_as_slurm_reads_it(seconds, text):
    assert walltime_text(seconds) == text


@pytest.mark.parametrize(
    ("written", "size"), [("4 GB", 2**32), ("1.5GiB", 3 * 2**29), ("600 mb", 600 * 2**20)]
)
def test_memory(raw, written, size):
    assert executor(raw, kind="slurm", memory=written).memory == size


REFUSED = [
    ({"kind": "scheduler"}, "executor = {'kind': 'scheduler'}: should have either address or file"),
    ({"kind": "scheduler", "file": "a", "address": "tcp://h:1"}, "should have either address or f"),
    ({"kind": "scheduler", "address": "h:1"}, "executor.address = 'h:1': should be tcp://host:po"),
    ({"kind": "scheduler", "address": "tcp://h:1", "tls": TLS}, "executor.address = 'tcp://h:1': "),
    ({"kind": "scheduler", "address": "tls://h:1"}, "should begin with tls:// if, and only if,"),
    ({"kind": "scheduler", "file": "a", "tls": {"ca": "b"}}, "executor.tls.cert: missing"),
    ({"kind": "scheduler", "file": "a", "timeout": 0}, "executor.timeout = 0: should be greater"),
    ({"kind": "slurm", "walltime": "1h"}, "executor.walltime = '1h': should be HH:MM:SS or D-HH"),
    ({"kind": "slurm", "walltime": "00:04:59"}, "should be greater than or equal to 300"),
    ({"kind": "slurm", "memory": "2"}, "executor.memory = '2': should be a number with its unit"),
    ({"kind": "slurm", "memory": "99 MB"}, "executor.memory = '99 MB': should be greater than"),
    ({"kind": "slurm", "jobs": {"min": 3, "max": 2}}, "executor.jobs.max = 2: should be at least"),
    ({"kind": "slurm", "jobs": 5}, "executor.jobs = 5: should be a mapping"),
    ({"kind": "slurm", "tls": False}, "executor.interface: without tls, say which network"),
    ({"kind": "slurm", "queue": "a b"}, "executor.queue = 'a b': should be one word"),
    ({"kind": "slurm", "queue": "--wrap"}, "executor.queue = '--wrap': should be one word"),
    ({"kind": "slurm", "job_extra": ["qos"]}, "executor.job_extra[0] = 'qos': should be an option"),
    ({"kind": "slurm", "prologue": ["a\nb"]}, "executor.prologue[0] = 'a\\nb': should be one line"),
    ({"kind": "slurm", "que": "a"}, "executor.que = 'a': unknown key, known are kind, queue, acc"),
]


@pytest.mark.parametrize(("keys", "line"), REFUSED)
def test_what_is_refused(raw, keys, line):
    with pytest.raises(SettingsError) as caught:
        executor(raw, **keys)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "keys",
    [
        {"kind": "local", "workers": 3},
        {"kind": "scheduler", "address": "tls://h:1", "tls": TLS, "timeout": 5.0},
        {"kind": "slurm", "walltime": 4000, "memory": "2 GB", "job_extra": ["--qos=a"]},
    ],
)
def test_what_is_written_down_reads_back(raw, keys):
    study = parse({**raw(), "executor": keys})
    text = study.model_dump(mode="json", exclude_defaults=True)["executor"]
    assert parse({**raw(), "executor": text}).executor == study.executor


def test_the_examples_are_one_of_each_kind():
    assert [load(file).executor.kind for file in EXAMPLES] == ["local", "scheduler", "slurm"]


def test_capacity_is_every_worker_of_every_job():
    assert Slurm(kind="slurm", cores=4, jobs={"max": 3}).capacity(2) == 12
