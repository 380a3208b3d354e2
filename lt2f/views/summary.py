"""summary.md: what a study found, in one page of words and numbers."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from lt2f.claims.ledger import Row
from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.dynamics.steps import STEPS, of_step
from lt2f.plain import line, plain
from lt2f.views import claims, contents, tables, trainings
from lt2f.views.files import whole


def write(datasets: Mapping[str, xr.Dataset], path: Path, ledger: Iterable[Row] = ()) -> None:
    """Write the summary of a study: its sweeps by name, and its ledger of claims if it has one."""
    with whole(path) as draft:
        text = "\n".join(_page(datasets, list(ledger)))
        draft.write_text(plain(text) + "\n", encoding="utf-8")


def _page(datasets: Mapping[str, xr.Dataset], ledger: list[Row]) -> Iterator[str]:
    first = next(iter(datasets.values()))
    study = json.loads(first.attrs["lt2f_settings"])["study"]
    yield f"# {study}\n"
    yield (
        "Large-step training dynamics of a two-factor linear transformer (arXiv:2605.21292): "
        "gradient descent (a, b) → (a − (ab − μ) b, b − (ab − μ) a) on the squared loss, with "
        f"effective step size μ = η·|c·y_q|. Made by lt2f {line(first.attrs['lt2f_version'])}.\n"
    )
    for name, dataset in datasets.items():
        yield f"## {name}\n"
        yield from _sweep(dataset)
    if rows := [row for row in ledger if row.id.startswith("settling_")]:
        yield "## Training next to each threshold\n"
        yield from _settling(rows)
    if ledger:
        yield "## Claims\n"
        yield from claims.section(ledger)
    yield "## Thresholds\n"
    yield "Of the map itself, on the squared loss and without noise.\n"
    yield "| μ | error | what happens | how it is known |"
    yield "|---:|---:|---|---|"
    for row in thresholds.table():
        mu, error = tables.written(row)
        yield f"| {mu} | {error} | {row.name} | {row.method} |"


def _sweep(dataset: xr.Dataset) -> Iterator[str]:
    cells = contents.cells(dataset)
    yield f"{cells:,} cells: {contents.spans(dataset)}.\n"
    if (law := of_step(dataset.coords, "none")) in STEPS:
        yield f"Descent is with {STEPS[law].formula}.\n"
    if "regime" in dataset:
        yield from _shares(dataset, cells)
    if "map_regime" in dataset:
        yield from _agreement(dataset)
        yield from _learned(dataset)
    if trainings.lasting(dataset):
        yield from _lasting(dataset)
    if "regime_count" in dataset:
        yield from _counts(dataset)
    yield f"Content `{line(dataset.attrs['content_sha256'])}`.\n"


def _shares(dataset: xr.Dataset, cells: int) -> Iterator[str]:
    """Cross-tabulate regimes with the evidence for them."""
    pairs = dataset["regime"].values.ravel(), dataset["decided_by"].values.ravel()
    counts = np.zeros((len(Regime), len(DecidedBy)), dtype=np.int64)
    np.add.at(counts, pairs, 1)
    by = [code for code in DecidedBy if counts[:, code].any()]
    yield f"| regime | cells | share | {' | '.join(f'by {code.name.lower()}' for code in by)} |"
    yield f"|---|---:|---:|{'---:|' * len(by)}"
    for regime in Regime:
        if total := int(counts[regime].sum()):
            parts = " | ".join(f"{counts[regime, code]:,}" for code in by)
            yield f"| {regime.name.lower()} | {total:,} | {total / cells:.2%} | {parts} |"
    yield ""


def _agreement(dataset: xr.Dataset) -> Iterator[str]:
    """Say how many trained models have the regime and the period that the map forecasts."""
    same, decided = contents.forecast(dataset)
    yield (
        f"The map forecasts regime and period of {same:,} of the {decided:,} trained models that "
        "are decided.\n"
    )


def _learned(dataset: xr.Dataset) -> Iterator[str]:
    """Tabulate what trained models have learned for new prompts, by regime."""
    names = [words for key, words in trainings.ERRORS.items() if key in dataset]
    yield "Median errors relative to predicting zero:\n"
    yield f"| regime | models | {' | '.join(names)} |"
    yield f"|---|---:|{'---:|' * len(names)}"
    for row in trainings.on_new_prompts(dataset):
        yield f"| {row['regime']} | {row['count']:,} | {' | '.join(row['errors'])} |"
    yield ""


def _lasting(dataset: xr.Dataset) -> Iterator[str]:
    """Tabulate the step size at which half of the runs escape."""
    level, rows = trainings.halves(dataset)
    yield f"| {level} | half of the runs escape at μ | 95 % interval |"
    yield "|---:|---:|---:|"
    yield from (f"| {row.level} | {row.mu} | {row.interval} |" for row in rows)
    yield ""


def _settling(rows: Iterable[Row]) -> Iterator[str]:
    """Tabulate what the transformer and the map do below and above each threshold."""
    yield "Below · above each threshold, what the map says and what trained transformers did:\n"
    yield "| claim | the map | the transformer | trainings | status |"
    yield "|---|---|---|---|---|"
    for row in rows:
        cells = (row.id.removeprefix("settling_"), row.theory, row.measured, row.explanation)
        words = " | ".join(cell.replace(" | ", " · ") for cell in cells)
        yield f"| {words} | {row.status} |"
    yield ""


def _counts(dataset: xr.Dataset) -> Iterator[str]:
    """Tabulate the runs of all realizations, where only their numbers were kept."""
    counts = dataset["regime_count"]
    totals = counts.sum([name for name in counts.dims if name != "outcome"]).values
    yield "| regime | runs | share |"
    yield "|---|---:|---:|"
    for regime in Regime:
        if total := int(totals[regime]):
            yield f"| {regime.name.lower()} | {total:,} | {total / totals.sum():.2%} |"
    yield ""
