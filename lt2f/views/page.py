"""Results in words for who looks at a terminal: what they are, what was found, who made them."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr

from lt2f.claims.forms import Status
from lt2f.claims.ledger import Row
from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.views import captions, catalogue, claims, style, tables
from lt2f.views.words import number, parameters

_SHORT: Final = 16  # digits of a hash that tell any two apart in practice
_RANKS: Final = "largest", "second"
_WORDS: Final[Mapping[Status, str]] = {
    Status.DISAGREES: "disagree",
    Status.UNDECIDED: "undecided",
    Status.AGREES: "agree",
    Status.NOT_COMPUTABLE: "not computable from these sweeps",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to say of a result: a title, entries (label, text), and a table with a head.

    A text may have several lines; each is to be wrapped by itself.
    """

    title: str
    entries: list[tuple[str, str]]
    table: list[list[str]] = field(default_factory=list)


class PageError(ValueError):
    """A file is no table of ours."""


# Datasets


def of_dataset(path: Path, dataset: xr.Dataset, state: str) -> Page:
    """Describe a dataset, whose data are in a state (`lt2f.pipeline.dataset.verify`)."""
    what = f"{kind(dataset)} sweep of {cells(dataset):,} cells"
    drawn = catalogue.figures_of(dataset)
    entries = [
        ("what", dataset.attrs["summary"]),
        ("over", "\n".join(_axes(dataset))),
        ("with", "; ".join(parameters(dataset))),
        ("decided by", _evidence(dataset)),
        ("exponents", "\n".join(_exponents(dataset))),
        ("forecast", _forecast(dataset)),
        ("holds", ", ".join(map(str, dataset.data_vars))),
        ("drawn as", ", or ".join(drawn)),
        *_origin(dataset, state),
    ]
    title = f"{path}: {what}, {path.stat().st_size / 1e6:.3g} MB"
    return Page(title, [(label, text) for label, text in entries if text], outcomes(dataset))


def kind(dataset: xr.Dataset) -> str:
    """Return the kind of the sweep that made a dataset."""
    return str(style.sweep_of(dataset).get("kind", "map"))


def axes(dataset: xr.Dataset) -> list[str]:
    """Name the axes of the sweep that made a dataset."""
    return [name for name in style.sweep_of(dataset)["axes"] if name in dataset.sizes]


def cells(dataset: xr.Dataset) -> int:
    """Count the cells of a dataset."""
    return int(np.prod([dataset.sizes[name] for name in axes(dataset)]))


def outcomes(dataset: xr.Dataset) -> list[list[str]]:
    """Tabulate how many cells, or runs, end in which regime; nothing if that is not recorded."""
    if "regime_count" in dataset:
        of = "runs"
        counts = dataset["regime_count"].sum(axes(dataset)).values
    elif "regime" in dataset:
        of = "cells"
        counts = np.bincount(dataset["regime"].values.ravel(), minlength=len(Regime))
    else:
        return []
    rows = [
        [style.WORDS[code], f"{counts[code]:,}", f"{100 * counts[code] / counts.sum():.2f} %"]
        for code in Regime
        if counts[code]
    ]
    return [["regime", of, "share"], *rows]


def _axes(dataset: xr.Dataset) -> Iterator[str]:
    for name in axes(dataset):
        values = dataset[name].values
        ends = f"from {number(values[0])} to {number(values[-1])}"
        yield f"{name} {ends}, {values.size:,} values: {style.NAMES[name]}"


def _evidence(dataset: xr.Dataset) -> str:
    if "decided_by" not in dataset:
        return ""
    codes = dataset["decided_by"].values.ravel()
    shares = np.bincount(codes, minlength=len(DecidedBy)) / codes.size
    parts = (
        f"{code.name.lower() if code else 'nothing'} {100 * shares[code]:.2f} %"
        for code in sorted(DecidedBy, key=lambda code: -shares[code])
        if shares[code]
    )
    return ", ".join(parts)


def _exponents(dataset: xr.Dataset) -> Iterator[str]:
    """Yield for each Lyapunov exponent its least and largest value, with their standard errors."""
    if "lyapunov" not in dataset:
        return
    for rank, words in enumerate(_RANKS):
        values = dataset["lyapunov"].values[..., rank].ravel()
        errors = dataset["lyapunov_error"].values[..., rank].ravel()
        known = np.flatnonzero(np.isfinite(values))
        if known.size:
            ends = (known[values[known].argmin()], known[values[known].argmax()])
            low, high = (number(float(f"{values[k]:.4g}")) for k in ends)
            widest = errors[known].max(initial=0.0, where=np.isfinite(errors[known]))
            yield f"{words} from {low} to {high} nats per step, standard error at most {widest:.1g}"


def _forecast(dataset: xr.Dataset) -> str:
    """Say how many trained models do what the map forecasts."""
    return captions.CAPTIONS["transformer"](dataset)[1] if "map_regime" in dataset else ""


def _origin(dataset: xr.Dataset, state: str) -> Iterator[tuple[str, str]]:
    when, _, who = str(dataset.attrs["history"]).partition(": made by ")
    yield "made", f"{when} by {who}, seed {dataset.attrs['seed']}"
    yield "data", f"{state.partition(',')[0]}, content {dataset.attrs['content_sha256'][:_SHORT]}"
    whose = "other than that of this lt2f" if "other code" in state else "that of this lt2f"
    yield "code", f"{whose}, {dataset.attrs['code_sha256'][:_SHORT]}"


# Tables


def of_table(path: Path) -> Page:
    """Describe claims.csv or thresholds.csv.

    Raises
    ------
    PageError
        If the file is neither.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head = tuple(next(csv.reader(file), ()))
    except (UnicodeDecodeError, csv.Error):
        head = ()
    if head == claims.COLUMNS:
        return _of_claims(path, claims.read(path))
    if head == tables.COLUMNS:
        return _of_thresholds(path)
    raise PageError(f"{path}: neither claims nor thresholds of lt2f")


def counted(rows: Iterable[Row]) -> str:
    """Say how many claims hold, what does not hold first."""
    counts = Counter(row.status for row in rows)
    return ", ".join(f"{counts[status]} {_WORDS[status]}" for status in Status if counts[status])


def _of_claims(path: Path, rows: list[Row]) -> Page:
    entries = [("found", counted(rows))]
    for row in rows:
        if row.status in (Status.DISAGREES, Status.UNDECIDED):
            numbers = f"theory {row.theory}, measured {row.measured} ± {row.uncertainty}"
            entries.append((row.status, f"{row.claim}\n{numbers}; {row.explanation}"))
    return Page(f"{path}: {len(rows)} claims held against theory", entries)


def _of_thresholds(path: Path) -> Page:
    """Tabulate those thresholds that figures name, and count the others."""
    rows = _read_thresholds(path)
    named = {row.id for row in thresholds.table()}
    body = [[row["mu"], row["error"], row["name"]] for row in rows if row["id"] in named]
    kinds = Counter(row["id"].partition("_")[0] for row in rows if row["id"] not in named)
    words = [f"{count} {name}" for name, count in kinds.items()]
    entries = [("besides", ", ".join(words))] * bool(words)
    title = f"{path}: {len(rows)} thresholds on mu, the effective step size"
    return Page(title, entries, [["mu", "error", "what happens"], *body])


def _read_thresholds(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restkey="more", strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise PageError(f"{path}: not a table of thresholds: {error}") from None
    if any(None in row.values() or "more" in row for row in rows):
        raise PageError(f"{path}: not a table of thresholds: a line is too short or too long")
    return rows


# Folders


def of_folder(folder: Path, found: Mapping[Path, tuple[xr.Dataset, str]]) -> Page:
    """Describe the results of a study: its datasets, each with its state, and what goes with them.

    Raises
    ------
    PageError
        If there is no dataset.
    """
    if not found:
        raise PageError(f"{folder}: holds no datasets")
    head = ["dataset", "kind", "cells", "over", "data"]
    body = [
        [path.stem, kind(data), f"{cells(data):,}", ", ".join(axes(data)), state]
        for path, (data, state) in found.items()
    ]
    size = sum(path.stat().st_size for path in found) / 1e6
    made = {str(data.attrs["history"]).partition(": made by ")[2].rpartition(", sweep")[0]
            for data, _ in found.values()}  # fmt: skip
    entries = [("made by", "; ".join(sorted(made))), *_beside(folder)]
    return Page(f"{folder}: {len(found)} datasets, {size:.3g} MB", entries, [head, *body])


def _beside(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what else is there: claims, thresholds, figures and the summary."""
    if (path := folder / "claims.csv").exists():
        yield "claims", counted(claims.read(path))
    if (path := folder / "thresholds.csv").exists():
        yield "thresholds", f"{len(_read_thresholds(path))} on mu, the effective step size"
    figures = sorted({file.stem for file in (folder / "figures").glob("*.*")})
    if figures:
        yield "figures", f"{len(figures)}: {', '.join(figures)}"
    if (path := folder / "summary.md").exists():
        yield "in words", str(path)
