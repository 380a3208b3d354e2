"""Dask without what nobody here uses: what it costs, and what grows while a run lasts."""

from collections.abc import Mapping
from typing import Any

from distributed.scheduler import DEFAULT_EXTENSIONS

# Of a worker, instead of Dask's own: that hands memory back to the system after every use of it,
# which takes up to a third of the time of a quick chunk.
_ENVIRONMENT = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# Dask looks at every process up to a hundred times a second; once is enough for what we do.
SETTINGS: Mapping[str, Any] = {
    "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.worker.memory.pause": False,  # no help: what a worker holds is its own chunk
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.low-level-log-length": 100,  # messages that each side keeps, of 1000
    "distributed.scheduler.http.routes": [],  # pages on what runs, to which everybody has access
    "distributed.worker.http.routes": [],
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.allowed-failures": 3,  # of workers, on which one batch was
}


def environment() -> dict[str, str]:
    """Write the settings as variables, for processes of Dask that others start for us."""
    names = {key: key.upper().replace(".", "__").replace("-", "_") for key in SETTINGS}
    return {f"DASK_{name}": repr(SETTINGS[key]) for key, name in names.items()}


class NoRecord:
    """Instead of Dask's record of all that was ever submitted, which grows with every task."""

    def __init__(self, _scheduler: object) -> None:
        pass

    def observe_tasks(self, _tasks: object, **_more: object) -> dict[str, object]:
        """Take note of nothing."""
        return {}

    def heartbeat(self, _worker: object, _data: object) -> None:
        """Take no note of what workers tell for it."""


def scheduler_options() -> dict[str, Any]:
    """Say how a scheduler starts: without pages, and without a record."""
    return {"dashboard": False, "extensions": {**DEFAULT_EXTENSIONS, "spans": NoRecord}}
