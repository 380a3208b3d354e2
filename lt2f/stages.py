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
    study = _Study(settings)
    claims = {"claims": study.code("lt2f.claims.book"), "table": study.code("lt2f.views.claims")}
    training = study.code("lt2f.claims.settling")
    tables, summary = study.code("lt2f.views.tables"), study.code("lt2f.views.summary")
    return Stages(
        study=settings.study,
        runtime=study.stamp("runtime", _runtime(settings)),
        sweeps=study.sweeps(),
        figures=study.figures(),
        thresholds=study.told("thresholds.csv", tables),
        claims=(*study.told("claims.csv", claims, sweeps=study.names), study.datasets),
        summary=(*study.told("summary.md", summary, sweeps=study.names), study.datasets),
        settling=study.told("settling.csv", {"training": training, "table": tables}),
        report=study.report(),
    )


class _Study:
    """A study being staged: where its files are, and the stamps that it writes for them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = RESULTS / settings.study
        self.names = list(settings.sweeps)
        self.datasets = [self.file(f"{name}.nc") for name in self.names]
        self.shown = catalogue.figures(settings.sweeps)
        self.code = functools.cache(code_sha256)  # all that it reads is read once

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def stamp(self, name: str, content: dict[str, Any]) -> str:
        return _stamp(self.folder / ".stamps" / f"{name}.json", content)

    def told(self, file: str, code: str | dict[str, str], **content: Any) -> tuple[str, str]:
        """Stamp a table or a text, which is named like its stamp; both paths."""
        return self.stamp(Path(file).stem, {**content, "code": code}), self.file(file)

    def sweeps(self) -> dict[str, str]:
        made_by = _code()
        return {
            name: self.stamp(f"sweep-{name}", {**_slice(self.settings, name), "code": made_by})
            for name in self.names
        }

    def figures(self) -> dict[str, tuple[str, list[str], list[str]]]:
        """Stamp the figures, in the formats asked for and in the one that the report shows."""
        style = self.settings.figures.model_dump(mode="json")
        formats = list(dict.fromkeys([*style["style"]["format"], "png"]))
        style["style"]["format"] = formats
        style["code"] = self.code("lt2f.views.figures")
        return {
            figure.stem: (
                self.stamp(
                    f"figure-{figure.stem}",
                    {"drawing": figure.drawing, "sweeps": figure.sweeps, **style},
                ),
                [self.file(f"{name}.nc") for name in figure.sweeps],
                [self.file(f"figures/{figure.stem}.{form}") for form in formats],
            )
            for figure in self.shown
        }

    def report(self) -> tuple[str, str, list[str], list[str]]:
        code = {"report": self.code("lt2f.views.report"), "page": _page()}
        figures = [asdict(figure) for figure in self.shown]
        tables = [self.file(f"{name}.csv") for name in ("thresholds", "claims", "settling")]
        pictures = [self.file(f"figures/{figure.stem}.png") for figure in self.shown]
        made = self.told("report.html", code, figures=figures)
        return *made, self.datasets, [*tables, *pictures]


def _runtime(settings: Settings) -> dict[str, Any]:
    """Return how to compute: what is said of it, and the tiles."""
    said = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    runtime: dict[str, Any] = {key: said[key] for key in ("executor", "chunks") if key in said}
    return runtime | {"tiles": {name: dict(x.tile) for name, x in settings.sweeps.items()}}


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
