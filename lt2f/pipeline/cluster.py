"""Where work runs: the one room that knows Dask.

Workers are processes with one thread each, for kernels are serial and release no work to threads.
Nothing listens beyond the loopback interface.
"""

import contextlib
import itertools
import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import dask
from distributed import Client, LocalCluster, wait

from lt2f.pipeline.settings import Executor

T = TypeVar("T")

log = logging.getLogger("lt2f")

PATIENCE = 300.0  # seconds without any result, after which the oldest item is named
WINDOW = 2  # batches in flight per worker: none waits, and the last ones are small
# Of a worker, instead of Dask's own: that hands memory back to the system after every use of it,
# which takes up to a third of the time of a quick chunk.
_ENVIRONMENT = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# Dask looks at every process up to a hundred times a second; once is enough for what we do.
_SETTINGS = {
    "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "1s",
    "distributed.scheduler.active-memory-manager.start": False,
}


class NotStarted(RuntimeError):
    """A worker died before it was there."""


@contextlib.contextmanager
def workers(executor: Executor, count: int) -> Iterator[Client]:
    """Start `count` workers of an executor, and stop them in the end.

    Raises
    ------
    NotStarted
        If one of them dies meanwhile.
    """
    with (
        dask.config.set(_SETTINGS),
        _local(count) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _local(count: int) -> Any:
    """Start a cluster whose workers do not hear Ctrl-C: it is for us to stop them.

    A child inherits that a signal is ignored, which only a process's main thread can say.
    """
    ours = threading.current_thread() is threading.main_thread()
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN) if ours else None
    try:
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,  # an error of a chunk comes back to us, and is said once
        )
    except RuntimeError as error:
        raise NotStarted(str(error)) from error
    finally:
        if ours:
            signal.signal(signal.SIGINT, heard)


def unordered(
    client: Client, function: Callable[..., T], items: Iterable[Any], *shared: Any
) -> Iterator[T]:
    """Yield function(item, *shared) for every item as they finish, a sliding window at a time.

    An item that does not come back is named in the log, again and again until it does.
    """
    waiting, running = iter(items), dict[Any, Any]()
    window = WINDOW * len(client.scheduler_info(n_workers=-1)["workers"])
    while True:
        for item in itertools.islice(waiting, window - len(running)):
            running[client.submit(function, item, *shared, pure=False)] = item
        if not running:
            return
        try:
            done, _ = wait(list(running), timeout=PATIENCE, return_when="FIRST_COMPLETED")
        except TimeoutError:
            first = next(iter(running.values()))
            log.warning("nothing came back for %g s; the oldest is %s", PATIENCE, first)
            continue
        for future in done:
            del running[future]
            yield future.result()
