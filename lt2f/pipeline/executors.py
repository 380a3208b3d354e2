"""Where a study is computed, as settings: on this machine, by a running Dask scheduler, in SLURM.

An executor says how to compute and never what, so it is no part of a dataset's identity.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from lt2f.pipeline.grids import Positive
from lt2f.pipeline.rules import Model, refusal, whole

File = Annotated[Path, Field(strict=False)]
Script = TypeVar("Script", str, Path)
Seconds = Annotated[float, Field(gt=0)]

_WALLTIME = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT])i?B", re.IGNORECASE)


def _read_walltime(value: object) -> object:
    """Count the seconds of D-HH:MM:SS; YAML reads an unquoted 10:00:00 as seconds already."""
    if not isinstance(value, str):
        return value
    if not (found := _WALLTIME.fullmatch(value)):
        raise refusal("should be HH:MM:SS or D-HH:MM:SS")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def walltime_text(seconds: int) -> str:
    """Write a time as SLURM reads it, D-HH:MM:SS."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}-{hours:02}:{minutes:02}:{rest:02}"


def _read_memory(value: object) -> object:
    """Count the bytes of 4 GB; units are powers of 1024, as SLURM has them."""
    if not isinstance(value, str):
        return value
    if not (found := _MEMORY.fullmatch(value)):
        raise refusal("should be a number with its unit, such as 4 GB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _text(pattern: str, least: int) -> dict[str, object]:
    """Describe, in the schema, what may be written as text or as a whole number."""
    return {
        "anyOf": [{"type": "string", "pattern": pattern}, {"type": "integer", "minimum": least}]
    }


SHORTEST, SMALLEST = 300, 2**28  # a job that ends sooner computes little; Python takes 250 MB

Walltime = Annotated[
    int,
    Field(ge=SHORTEST),
    BeforeValidator(_read_walltime),
    PlainSerializer(walltime_text, return_type=str, when_used="json"),
    WithJsonSchema(_text(r"^([0-9]+-)?[0-9]+:[0-5][0-9]:[0-5][0-9]$", SHORTEST)),
]
Memory = Annotated[
    int,
    Field(ge=SMALLEST),
    BeforeValidator(_read_memory),
    WithJsonSchema(_text(r"^[0-9]+([.][0-9]+)? ?[KMGTkmgt][iI]?[bB]$", SMALLEST)),
]


def _fits(pattern: str, allowed: str) -> AfterValidator:
    """Refuse a text that does not fit a pattern, in words that say what is allowed."""

    def check(text: Script) -> Script:
        if not re.fullmatch(pattern, str(text)):
            raise refusal(f"should be {allowed}")
        return text

    return AfterValidator(check)


# These become parts of a job's script: no word is read as an option, and no line begins another.
Word = Annotated[str, _fits(r"[^\s-]\S*", "one word")]
Option = Annotated[str, _fits(r"-\S.*", "an option of sbatch, such as --qos=long")]
Line = Annotated[str, _fits(r".+", "one line of shell")]
# Of a path the shell would take as code what is not one of these.
PLAIN_PATH = re.compile(r"[\w./@+=:,-]+")
PLAIN_WORDS = "a path of letters, digits and ./@+=:,_- alone"
Folder = Annotated[File, _fits(PLAIN_PATH.pattern, PLAIN_WORDS)]
Address = Annotated[str, _fits(r"(tcp|tls)://[^\s/]+:\d+", "tcp://host:port or tls://host:port")]


WORTH = 30.0  # seconds of work for each of its workers that a job is worth: what it takes to start


class ClusterError(OSError):
    """There is no scheduler, or no worker, or none is left, or SLURM does not take our jobs."""


class Local(Model):
    """Worker processes on this machine; as many as the job has cores if unsaid."""

    kind: Annotated[Literal["local"], Field(description="on this machine")] = "local"
    workers: Annotated[
        Positive | None,
        Field(description="processes; unsaid, as many as Snakemake gives the job, else all cores"),
    ] = None

    def capacity(self, cores: int) -> int:
        """Count the workers, for a job of so many cores."""
        return self.workers or cores


class Tls(Model):
    """Files in PEM format, of which each side shows the other its certificate."""

    ca: Annotated[File, Field(description="certificate that vouches for the others")]
    cert: Annotated[File, Field(description="our own certificate")]
    key: Annotated[File, Field(description="its private key")]


class Scheduler(Model):
    """A Dask scheduler that runs already, and the workers that are connected to it."""

    kind: Literal["scheduler"]
    address: Annotated[Address | None, Field(description="tcp://host:port or tls://…")] = None
    file: Annotated[
        File | None, Field(description="what `dask scheduler --scheduler-file` wrote")
    ] = None
    tls: Tls | None = None
    timeout: Annotated[
        Seconds, Field(description="seconds to wait for file, scheduler and workers")
    ] = 60.0

    def capacity(self, _cores: int) -> int:
        """Count one: how many workers there are is known when we are connected."""
        return 1

    @model_validator(mode="after")
    def _one_way_to_it(self) -> Self:
        if (self.address is None) == (self.file is None):
            raise refusal("should have either address or file")
        if self.address is not None and self.address.startswith("tls") != (self.tls is not None):
            raise refusal("should begin with tls:// if, and only if, there is a key tls", "address")
        return self


class Jobs(Model):
    """How many jobs there are at a time: more while there is work for them, fewer at its end."""

    min: Annotated[int, Field(ge=0, description="kept while there is work"), whole] = 0
    max: Annotated[Positive, Field(description="at a time")] = 10

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max < self.min:
            raise refusal(f"should be at least min, {self.min}", "max")
        return self


class Slurm(Model):
    """Workers as jobs of SLURM, submitted from here."""

    kind: Literal["slurm"]
    queue: Annotated[Word | None, Field(description="partition; SLURM's default if unsaid")] = None
    account: Annotated[Word | None, Field(description="who pays; your default if unsaid")] = None
    walltime: Annotated[Walltime, Field(description="longest time of a job, D-HH:MM:SS")] = 3600
    cores: Annotated[Positive, Field(description="of a job, each with a worker process")] = 1
    memory: Annotated[Memory, Field(description="of a job: half a gigabyte a core or more")] = 2**30
    jobs: Jobs = Jobs()
    interface: Annotated[
        Word | None, Field(description="network of jobs and this machine, such as ib0; `ip addr`")
    ] = None
    tls: Annotated[bool, Field(description="encrypt, and let nobody else in")] = True
    timeout: Annotated[
        Seconds, Field(description="seconds without any worker until the run gives up")
    ] = 3600.0
    job_extra: Annotated[
        tuple[Option, ...], Field(strict=False, description="more #SBATCH options: --qos=long")
    ] = ()
    prologue: Annotated[
        tuple[Line, ...], Field(strict=False, description="shell lines before a worker starts")
    ] = ()
    python: Annotated[Word | None, Field(description="in jobs; the same as here if unsaid")] = None
    logs: Annotated[Folder, Field(description="folder of what jobs print")] = Path("results/.slurm")

    def capacity(self, _cores: int) -> int:
        """Count the workers of all jobs at most."""
        return self.jobs.max * self.cores

    @model_validator(mode="after")
    def _closed_to_others(self) -> Self:
        if not self.tls and self.interface is None:
            raise refusal("without tls, say which network to listen on", "interface")
        return self


def _local_if_unsaid(value: object) -> object:
    return {"kind": "local", **value} if isinstance(value, dict) else value


Executor = Annotated[
    Local | Scheduler | Slurm, Field(discriminator="kind"), BeforeValidator(_local_if_unsaid)
]
