"""What a settings file reaches beyond its results: commands, other machines, other folders.

Who wrote it may mean well; who runs what a stranger wrote should know.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from lt2f.pipeline.executors import Executor, Scheduler, Slurm
from lt2f.pipeline.settings import Settings

_COMMANDS = "prologue", "python", "job_extra"


def beyond(settings: Settings) -> list[str]:
    """Say, a line each, what a run would do as you outside `results/`; mostly nothing."""
    return [*_commands(settings.executor), *_hosts(settings.executor), *_folders(settings)]


def _commands(executor: Executor) -> Iterator[str]:
    if isinstance(executor, Slurm):
        for key in _COMMANDS:
            if said := getattr(executor, key):
                yield f"executor.{key} = {json.dumps(said)} is part of every job, which runs as you"


def _hosts(executor: Executor) -> Iterator[str]:
    """Name the scheduler: what it sends is unpickled, so that it may run anything."""
    if isinstance(executor, Scheduler):
        key, place = ("address", executor.address) if executor.address else ("file", executor.file)
        yield f"executor.{key} = {place}: who runs that scheduler can run code as you"


def _folders(settings: Settings) -> Iterator[str]:
    asked = {"chunks": settings.chunks}
    if isinstance(settings.executor, Slurm):
        asked["executor.logs"] = settings.executor.logs
    for key, folder in asked.items():
        if folder and not folder.absolute().resolve().is_relative_to(Path("results").resolve()):
            yield f"{key} = {folder} is written to, which is not in results"
