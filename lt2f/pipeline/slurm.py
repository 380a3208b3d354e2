"""Workers as jobs of SLURM, through dask-jobqueue: how many, and what becomes of those that end.

Jobs are submitted as the pace measured so far shows that there is work for them, and given back
when there is not. One that ended, by its walltime or by somebody's hand, is replaced. Its worker
leaves some time before its walltime, and what it had not finished goes to others.
"""

import contextlib
import logging
import math
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dask
from distributed.utils import get_ip

from lt2f.pipeline import certificates, consent, lean, reach
from lt2f.pipeline.executors import (
    PLAIN_PATH,
    PLAIN_WORDS,
    WORTH,
    ClusterError,
    Slurm,
    walltime_text,
)

POLL = 10.0  # seconds between questions to SLURM, which answers for everybody
ATTEMPTS = 3  # jobs in a row that end before their workers are here, until we ask for no more

log = logging.getLogger("lt2f")


@contextlib.contextmanager
def started(executor: Slurm) -> Iterator[Any]:
    """Start a scheduler in this process that can submit jobs, and cancel all of them in the end.

    Raises
    ------
    ClusterError
        If dask-jobqueue or SLURM is not installed, or SLURM would refuse these jobs.
    ConsentError
        If there are commands in these jobs that our user has not allowed.
    """
    consent.require(reach.beyond(executor))
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError:
        raise ClusterError("executor.kind = 'slurm' needs: pip install 'lt2f[slurm]'") from None
    logs = _plain(executor.logs.absolute())
    logs.mkdir(parents=True, exist_ok=True)
    with (
        # Dask would cancel what waits in the queue under the name of a job that has ended.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1000 days"}),
        tempfile.TemporaryDirectory(prefix=".tls-", dir=logs) as ours,  # which only we may read
    ):
        try:
            security = certificates.in_files(Path(ours)) if executor.tls else None
            cluster = SLURMCluster(**_how(executor), security=security)
        except (RuntimeError, ValueError, ImportError) as error:  # such as: no such interface
            raise ClusterError(f"no scheduler for the jobs of SLURM: {error}") from None
        with cluster:
            _try(cluster.job_script())
            yield cluster


def _plain(folder: Path) -> Path:
    """Return the folder of logs, which jobs name in shell code, the folder of the run in front."""
    if not PLAIN_PATH.fullmatch(str(folder)):
        raise ClusterError(
            f"executor.kind = 'slurm' cannot run in {Path.cwd()}: "
            f"jobs need {str(folder)!a} to be {PLAIN_WORDS}"
        )
    return folder


def _how(executor: Slurm) -> dict[str, Any]:
    """Say what dask-jobqueue needs to know."""
    first, spread = lifetime(executor.walltime)
    return {
        "queue": executor.queue,
        "account": executor.account,
        "walltime": walltime_text(executor.walltime),
        "cores": executor.cores,
        "processes": executor.cores,
        "memory": f"{executor.memory} B",
        "interface": executor.interface,
        "python": executor.python,
        "job_name": "lt2f",
        "job_extra_directives": list(executor.job_extra),
        "job_script_prologue": [*_exports(), *executor.prologue],
        "log_directory": str(executor.logs.absolute()),
        "worker_extra_args": [
            *("--lifetime", f"{first}s", "--lifetime-stagger", f"{spread}s"),
            *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
        ],
        "scheduler_options": _listening(executor),
        "silence_logs": logging.CRITICAL,
    }


def _listening(executor: Slurm) -> dict[str, Any]:
    """Choose one network to listen on; what Dask has of web pages stays on this machine."""
    where = {"interface": executor.interface} if executor.interface else {"host": get_ip()}
    return {**where, **lean.scheduler_options(), "dashboard_address": "127.0.0.1:0"}


def _exports() -> Iterator[str]:
    """Hand settings of Dask to jobs, where our own do not reach."""
    for name, value in lean.environment().items():
        yield f"export {name}={shlex.quote(value)}"


def lifetime(walltime: int) -> tuple[int, int]:
    """Return when a worker leaves, in seconds from its start, and how far this may vary.

    It leaves between three margins and one margin before the walltime, not all at once.
    """
    margin = min(max(walltime // 20, 30), 300)
    return walltime - 2 * margin, margin


def _try(script: str) -> None:
    """Let SLURM judge a job without submitting it."""
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        try:
            verdict = _call("sbatch", "--test-only", file.name)
        except OSError:
            raise ClusterError("executor.kind = 'slurm': there is no SLURM here") from None
    if verdict.returncode:
        raise ClusterError(f"SLURM would refuse the jobs: {' '.join(verdict.stderr.split())}")


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class Jobs:
    """The jobs of a cluster: as many as there is work for, each in the place of one that ended."""

    def __init__(
        self, cluster: Any, executor: Slurm, seconds_left: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._cluster, self._executor, self._seconds_left = cluster, executor, seconds_left
        self._most, self._failed = executor.jobs.max, 0
        self._seen: set[str] = set()  # jobs whose workers have been here
        self._polled, self._told = time.monotonic(), ""

    def tend(self, in_flight: int, workers: Mapping[str, Any]) -> None:
        """Replace jobs that ended, and submit or cancel some as there is work.

        Parameters
        ----------
        in_flight
            Batches that are handed out.
        workers
            Those that are here, each with its name.

        Raises
        ------
        ClusterError
            If jobs end before their workers are here, again and again.
        """
        here = {self._job_of(each["name"]) for each in workers.values()}
        if here - self._seen:
            self._failed = 0
        self._seen |= here
        ended = self._drop_ended() if time.monotonic() > self._polled + POLL else False
        if self._failed >= ATTEMPTS:
            self._give_up(bool(workers))
        count = self.wanted(in_flight, len(self._cluster.worker_spec))
        unsent = self._cluster.worker_spec.keys() - self._cluster.workers.keys()
        if ended or unsent or count != len(self._cluster.worker_spec):
            self._cluster.scale(jobs=count)

    def wanted(self, in_flight: int, jobs: int) -> int:
        """Count the jobs that there should be, where there are so many."""
        cores, bounds = self._executor.cores, self._executor.jobs
        worth = math.ceil((self._seconds_left() + in_flight) / (WORTH * cores))  # 1 s a batch
        busy = math.ceil(in_flight / cores)
        return min(max(bounds.min, min(max(jobs, worth, 1), busy)), self._most)

    def _job_of(self, worker: str) -> str:
        """Return the name of a worker's job: its own, or without the number of the process."""
        return worker if worker in self._cluster.worker_spec else worker.rpartition("-")[0]

    def _drop_ended(self) -> bool:
        """Forget jobs that SLURM does not know any more; whether there were any."""
        self._polled = time.monotonic()
        jobs = {name: job.job_id for name, job in list(self._cluster.workers.items())}
        if (queue := self._queue()) is None:
            return False
        ended = {name: number for name, number in jobs.items() if number not in queue}
        for name, number in ended.items():
            if name in self._seen:
                log.info("job %s of SLURM has ended", number)
            else:
                self._failed += 1
                log.warning("job %s: %s", number, self._last_words(number))
        if ended:
            self._cluster.sync(self._forget, ended)
        return bool(ended)

    async def _forget(self, names: Mapping[str, Any]) -> None:  # in the thread of the cluster
        for name in names:
            self._seen.discard(name)  # it is given to another job
            self._cluster.workers.pop(name, None)
            self._cluster.worker_spec.pop(name, None)

    def _queue(self) -> set[str] | None:
        """Return our jobs that wait or run; None if SLURM does not say."""
        try:
            answer = _call("squeue", "--me", "--noheader", "--format=%A %T %r")
        except (OSError, subprocess.TimeoutExpired):
            return None
        if answer.returncode:
            return None
        rows = [line.split(maxsplit=2) for line in answer.stdout.splitlines()]
        ours = {job.job_id for job in list(self._cluster.workers.values())}
        waiting = [
            reason for number, state, reason in rows if number in ours and state == "PENDING"
        ]
        said = f"{len(waiting)} jobs wait in the queue: {waiting[0]}" if waiting else ""
        if said not in ("", self._told):
            log.info(said)
        self._told = said
        return {number for number, *_ in rows}

    def _last_words(self, number: str | None) -> str:
        """Say what is known of a job that ended before its worker was here."""
        if number is None:
            return "SLURM did not accept it"
        file = self._executor.logs / f"lt2f-{number}.err"
        lines = _lines(file)
        return f"ended before its worker was here; {file}: {lines[-1] if lines else 'is empty'}"

    def _give_up(self, others: bool) -> None:
        """Go on with the jobs that there are, if there are any."""
        if not others:
            raise ClusterError(
                f"{ATTEMPTS} jobs in a row ended before their workers were here: "
                f"see the files in {self._executor.logs}"
            )
        self._most = max(len(self._cluster.worker_spec), 1)


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return []
