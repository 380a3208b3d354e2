"""The stages of a study, and for each a stamp: a small file that says what it depends on.

A stamp holds the slice of the settings and the hash of the code that determine one artefact. It is
rewritten only if that changes, and the workflow makes an artefact again only if its stamp is newer.
So an edit reruns what it concerns and nothing else, even when Snakemake has lost its own records,
and a job works with the settings that the workflow saw, whatever happens to the file meanwhile.
"""

import contextlib
import functools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lt2f.pipeline.identity import code_sha256, remembered, sha256_of
from lt2f.pipeline.settings import Settings, parse
from lt2f.views import catalogue

RESULTS = Path("results")


class StampError(ValueError):
    """A file is not the stamp that it should be."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Stamps and outputs of a study; paths are relative to the folder that holds results/."""

    study: str
    runtime: str  # executor, chunk store and tiles: how to compute, never what
    sweeps: dict[str, str]
    figures: dict[str, tuple[str, list[str], list[str]]]  # stamp, datasets, files
    thresholds: tuple[str, str]
    claims: tuple[str, str, list[str]]  # stamp, file, datasets
    summary: tuple[str, str, list[str]]
    settling: tuple[str, str]
    report: tuple[str, str, list[str], list[str]]  # stamp, file, datasets, all else that it shows


@remembered()
def stage(settings: Settings) -> Stages:
    """Write the stamps of a study that changed, and tell what makes what."""
    folder = RESULTS / settings.study
    stamps = folder / ".stamps"
    code = functools.cache(code_sha256)  # all that it reads is read once
    made_by = _code()
    shown = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    style = settings.figures.model_dump(mode="json")
    runtime: dict[str, Any] = {key: shown[key] for key in ("executor", "chunks") if key in shown}
    runtime["tiles"] = {name: dict(sweep.tile) for name, sweep in settings.sweeps.items()}
    summary_code = code("lt2f.views.summary")
    claims_code = {"claims": code("lt2f.claims.book"), "table": code("lt2f.views.claims")}
    settling_code = {"training": code("lt2f.claims.settling"), "table": code("lt2f.views.tables")}
    report_code = {"report": code("lt2f.views.report"), "page": _page()}
    sweeps = {
        name: _stamp(stamps / f"sweep-{name}.json", {**_slice(settings, name), "code": made_by})
        for name in settings.sweeps
    }
    datasets = {name: str(folder / f"{name}.nc") for name in settings.sweeps}
    look = style["style"]
    look["format"] = list(dict.fromkeys([*look["format"], "png"]))  # which the report shows
    figures = {}
    listed = catalogue.figures(settings.sweeps)
    for figure in listed:
        stamp = {"drawing": figure.drawing, "sweeps": figure.sweeps, **style}
        stamp |= {"code": code("lt2f.views.figures")}
        files = [str(folder / "figures" / f"{figure.stem}.{f}") for f in look["format"]]
        figures[figure.stem] = (
            _stamp(stamps / f"figure-{figure.stem}.json", stamp),
            [datasets[name] for name in figure.sweeps],
            files,
        )
    shown_by = [asdict(figure) for figure in listed]
    tables = [str(folder / f"{name}.csv") for name in ("thresholds", "claims", "settling")]
    pictures = [str(folder / "figures" / f"{figure.stem}.png") for figure in listed]
    return Stages(
        study=settings.study,
        runtime=_stamp(stamps / "runtime.json", runtime),
        sweeps=sweeps,
        figures=figures,
        thresholds=(
            _stamp(stamps / "thresholds.json", {"code": code("lt2f.views.tables")}),
            str(folder / "thresholds.csv"),
        ),
        claims=(
            _stamp(stamps / "claims.json", {"sweeps": list(datasets), "code": claims_code}),
            str(folder / "claims.csv"),
            list(datasets.values()),
        ),
        summary=(
            _stamp(stamps / "summary.json", {"sweeps": list(datasets), "code": summary_code}),
            str(folder / "summary.md"),
            list(datasets.values()),
        ),
        settling=(
            _stamp(stamps / "settling.json", {"code": settling_code}),
            str(folder / "settling.csv"),
        ),
        report=(
            _stamp(stamps / "report.json", {"figures": shown_by, "code": report_code}),
            str(folder / "report.html"),
            list(datasets.values()),
            [*tables, *pictures],
        ),
    )


@remembered()
def _code() -> dict[str, str]:
    """Hash the code that plans and computes chunks, and the code that makes datasets of them."""
    return {
        "plan": code_sha256("lt2f.pipeline.plan"),
        "compute": code_sha256("lt2f.pipeline.solve"),
        "write": code_sha256("lt2f.pipeline.dataset"),
    }


def _page() -> str:
    """Hash the template of the report, and its style."""
    files = sorted((Path(__file__).parent / "views" / "templates").iterdir())
    return sha256_of({file.name: file.read_text(encoding="utf-8") for file in files})


def _slice(settings: Settings, name: str) -> dict[str, Any]:
    """Return the settings of one sweep alone, without what does not change a number."""
    sweep = settings.sweeps[name].model_dump(mode="json", by_alias=True, exclude={"tile"})
    return {"settings": {"study": settings.study, "seed": settings.seed, "sweeps": {name: sweep}}}


def _stamp(path: Path, content: dict[str, Any]) -> str:
    """Write a stamp unless it says the same already; its path."""
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"  # unsorted: axes have an order
    try:
        unchanged = path.read_text(encoding="utf-8") == text
    except OSError:
        unchanged = False
    if not unchanged:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    return str(path)


def read_stamp(path: Path) -> dict[str, Any]:
    """Read a stamp back.

    Raises
    ------
    StampError
        If the file is not a stamp.
    """
    try:
        content: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StampError(f"{path}: not a stamp of this workflow: {error}") from None
    return content


@contextlib.contextmanager
def unchanged(stamp: Path) -> Iterator[dict[str, Any]]:
    """Give a stamp's content, and fail at the end if it was rewritten meanwhile.

    What was made is out of date then, and the workflow could not see that: it gives what a job made
    the date of the job's end.
    """
    before = read_stamp(stamp)
    yield before
    if read_stamp(stamp) != before:
        raise StampError(f"{stamp}: changed while its job was running; run it again")


def read_sweep(stamp: Path, runtime: Path | None) -> tuple[Settings, str]:
    """Read the settings of one sweep from its stamp and the stamp of the runtime; and its name."""
    try:
        content = read_stamp(stamp)
        raw, code = content["settings"], content["code"]
        (name,) = raw["sweeps"]
        if runtime is not None:
            how = read_stamp(runtime)
            raw["sweeps"][name]["tile"] = how.pop("tiles")[name]
            raw |= how
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StampError(f"{stamp}: not the stamp of a sweep") from None
    if code != _code():
        raise StampError(f"{stamp}: made for other code than there is now; run the workflow again")
    return parse(raw), name
