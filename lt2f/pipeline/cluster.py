"""Where work runs: the one room that knows Dask, and with `slurm` all that there is of clusters.

Workers are processes with one thread each, for kernels are serial and release no work to threads.
Those of this machine listen on the loopback interface alone, and let in only who holds the
certificate that this run has made. What can go wrong with a cluster is said in one line, after a
time that the settings state: a missing scheduler, or no worker.
"""

import asyncio
import concurrent.futures
import contextlib
import gc
import itertools
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dask
from distributed import Client, KilledWorker, LocalCluster, Security, wait
from distributed.comm.core import connect

from lt2f.pipeline import consent, lean, reach
from lt2f.pipeline.executors import ClusterError, Executor, Local, Scheduler, Slurm, Tls
from lt2f.pipeline.nearby import nearest

T = TypeVar("T")

log = logging.getLogger("lt2f")

PATIENCE = 300.0  # seconds without any result, after which the oldest item is named
GLANCE = 2.0  # seconds between looks at who is there
_GONE = "the scheduler is gone; finished chunks are kept, run again to go on"
_CANCELLED = asyncio.CancelledError, concurrent.futures.CancelledError  # no relation
WINDOW = 2  # batches in flight per worker: none waits, and the last ones are small


class NotStarted(RuntimeError):
    """A worker died before it was there."""


def _untended(_in_flight: int, _workers: Mapping[str, Any]) -> None:
    """Leave a cluster as large as it is."""


@dataclass
class Crew:
    """Workers, some of them perhaps still to come, and how long to wait for one."""

    client: Client
    capacity: int  # workers, once all of them are there
    timeout: float = PATIENCE  # seconds without any worker, after which we give up
    tend: Callable[[int, Mapping[str, Any]], None] = _untended  # told of items in flight, workers
    _looked: float = field(default=0.0, init=False)
    _manned: float = field(default_factory=time.monotonic, init=False)

    def present(self) -> dict[str, Any]:
        """Return what the scheduler knows of its workers, by their addresses."""
        try:
            found: dict[str, Any] = self.client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, *_CANCELLED):
            raise ClusterError(_GONE) from None
        self.capacity = max(self.capacity, sum(each["nthreads"] for each in found.values()))
        return found

    def look(self, in_flight: int) -> None:
        """Count the workers, now and then, and let the cluster grow or shrink.

        Raises
        ------
        ClusterError
            If there was none for too long.
        """
        now = time.monotonic()
        if now < self._looked + GLANCE:
            return
        self._looked, workers = now, self.present()
        self.tend(in_flight, workers)
        if workers:
            self._manned = now
        elif now - self._manned > self.timeout:
            raise ClusterError(
                f"no worker for {self.timeout:g} s; finished chunks are kept, run again to go on"
            )

    def wait(self) -> None:
        """Return once there is a worker."""
        self.look(1)
        while not (workers := self.present()):
            time.sleep(0.1)
            self.look(1)
        self.tend(1, workers)  # who was here is known, however soon it goes

    def ask(self, function: Callable[..., T], *arguments: Any) -> dict[str, T]:
        """Call a function of lt2f on every worker that is there; the answers by address."""
        self.wait()
        answers = self.client.run(function, *arguments, on_error="return")
        for worker, answer in answers.items():
            if isinstance(answer, Exception) and not isinstance(answer, OSError):
                raise ClusterError(
                    f"worker {worker} cannot run lt2f as it is here ({answer}): "
                    "install the same on both and restart the workers"
                )  # after an OSError, the worker itself is gone
        return {worker: x for worker, x in answers.items() if not isinstance(x, Exception)}

    def unordered(
        self, function: Callable[..., T], items: Iterable[Any], *shared: Any
    ) -> Iterator[T]:
        """Yield function(item, *shared) for every item as they finish, a sliding window at a time.

        An item that does not come back is named in the log, again and again until it does.

        Raises
        ------
        ClusterError
            If no worker is left, or an item took four of them with it.
        """
        waiting, running, heard = iter(items), dict[Any, Any](), time.monotonic()
        while True:
            for item in itertools.islice(waiting, WINDOW * self.capacity - len(running)):
                running[self.client.submit(function, item, *shared, pure=False)] = item
            if not running:
                return
            self.look(len(running))
            for future in _finished(list(running), min(GLANCE, PATIENCE)):
                try:
                    result = _result(future, running[future])
                except TimeoutError:
                    break  # its worker has died before it told us: another one does it again
                heard = time.monotonic()
                del running[future]
                yield result
            if time.monotonic() - heard >= PATIENCE:
                heard, first = time.monotonic(), next(iter(running.values()))
                log.warning("nothing came back for %g s; the oldest is %s", PATIENCE, first)


def _finished(futures: list[Any], patience: float) -> Iterable[Any]:
    try:
        done: set[Any] = wait(futures, timeout=patience, return_when="FIRST_COMPLETED").done
    except TimeoutError:
        return ()
    except (OSError, *_CANCELLED):
        raise ClusterError(_GONE) from None
    return done


def _result(future: Any, item: Any) -> Any:
    try:
        return future.result(timeout=GLANCE)
    except (OSError, *_CANCELLED) as error:
        if isinstance(error, TimeoutError) or future.status == "error":  # the item's own
            raise
        raise ClusterError(_GONE) from None
    except KilledWorker:
        raise ClusterError(
            f"every worker that was given {item} died, mostly for lack of memory: give each more, "
            "or set a smaller tile, and run again; finished chunks are kept"
        ) from None


@contextlib.contextmanager
def workers(
    executor: Executor, count: int, seconds_left: Callable[[], float] = lambda: 0.0
) -> Iterator[Crew]:
    """Start `count` workers of an executor, or find those that it names; and leave them in the end.

    A cluster that grows does so as there is work for it: `seconds_left` of one process.

    Raises
    ------
    NotStarted
        If one of our own dies meanwhile.
    ClusterError
        If there is no scheduler, or SLURM does not take our jobs.
    ConsentError
        If they would do what our user has not allowed.
    """
    with dask.config.set(lean.SETTINGS), contextlib.ExitStack() as stack:
        match executor:
            case Local():
                yield stack.enter_context(_started(count))
            case Scheduler():
                yield stack.enter_context(_found(executor))
            case Slurm():
                yield stack.enter_context(_submitted(executor, count, seconds_left))


@contextlib.contextmanager
def _started(count: int) -> Iterator[Crew]:
    with _local(count) as cluster, Client(cluster) as client:
        yield Crew(client, count)


def _local(count: int) -> Any:
    """Start a cluster whose workers do not hear Ctrl-C: it is for us to stop them.

    A child inherits that a signal is ignored, which only a process's main thread can say.
    """
    from lt2f.pipeline import certificates

    ours = threading.current_thread() is threading.main_thread()
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN) if ours else None
    try:
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            security=certificates.in_memory(),  # who else can connect can run code as us
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs=lean.scheduler_options(),
            silence_logs=logging.CRITICAL,  # an error of a chunk comes back to us, and is said once
        )
    except RuntimeError as error:
        raise NotStarted(str(error)) from error
    finally:
        if ours:
            signal.signal(signal.SIGINT, heard)


@contextlib.contextmanager
def _found(executor: Scheduler) -> Iterator[Crew]:
    end = time.monotonic() + executor.timeout
    address = executor.address or _address(executor.file or Path(), executor.timeout)
    with _quiet(), _connected(executor, address, end) as client:
        crew = Crew(client, 1, executor.timeout)
        crew.wait()
        yield crew


def _address(file: Path, timeout: float) -> str:
    """Read the address of a scheduler from the file that it writes, once it is there."""
    end, trouble = time.monotonic() + timeout, ""
    while True:
        try:
            return reach.address_in(file)
        except OSError as error:
            trouble = error.strerror or str(error)
        except ValueError:  # perhaps half written
            trouble = "holds no address of a scheduler"
        if time.monotonic() > end:
            raise ClusterError(f"executor.file = {file}: {trouble}, after {timeout:g} s")
        time.sleep(0.1)


def _connected(executor: Scheduler, address: str, end: float) -> Client:
    if address.startswith("tls:") and executor.tls is None:
        raise ClusterError(f"the scheduler at {address} speaks TLS: executor.tls is missing")
    security, left = _security(executor.tls), max(end - time.monotonic(), 1.0)
    if (way := nearest(address)) is None:
        consent.require([reach.scheduler(executor, elsewhere=True)])
    try:
        asyncio.run(_greet(way or address, security, left))
        return Client(way or address, security=security, timeout=max(end - time.monotonic(), 1.0))
    except (OSError, TypeError, ValueError) as error:
        # ssl's errors are of the first kind, and what they hold is not always the file.
        reason = str(error.__cause__ or error) or type(error).__name__
        raise ClusterError(
            f"no connection to a scheduler at {address} within {executor.timeout:g} s: {reason}"
        ) from None


async def _greet(address: str, security: Security | None, timeout: float) -> None:
    """Connect and part, in time: Dask itself would wait for ever for words from who says none."""
    how = security.get_connection_args("client") if security else {}
    comm = await asyncio.wait_for(connect(address, timeout=timeout, **how), timeout)
    await comm.close()


def _security(tls: Tls | None) -> Security | None:
    if tls is None:
        return None
    for key, file in tls:
        if not file.is_file():
            raise ClusterError(f"executor.tls.{key} = {file}: no such file")
    cert, key = str(tls.cert), str(tls.key)
    return Security(
        require_encryption=True,
        tls_ca_file=str(tls.ca),
        tls_client_cert=cert,
        tls_client_key=key,
    )


@contextlib.contextmanager
def _submitted(executor: Slurm, count: int, seconds_left: Callable[[], float]) -> Iterator[Crew]:
    from lt2f.pipeline import slurm

    with _quiet(), slurm.started(executor) as cluster, Client(cluster) as client:
        jobs = slurm.Jobs(cluster, executor, seconds_left)
        yield Crew(client, count, executor.timeout, jobs.tend)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let Dask say nothing: what goes wrong comes back to us, and is said once."""
    logs = [logging.getLogger(name) for name in ("distributed", "distributed.client", "asyncio")]
    levels = [each.level for each in logs]
    for each in logs:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        gc.collect()  # a coroutine that failed unheard says so when it is collected
        for each, level in zip(logs, levels, strict=True):
            each.setLevel(level)
