"""Steps of the workflow: each reads a stamp and datasets, and writes one artefact."""

import logging
import os
import sys
import threading
import time
from pathlib import Path

import click

from lt2f.cli.group import command

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)


@command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
@click.option("--runtime", type=_EXISTING, help="Stamp that says how to compute.")
@click.option("--cores", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--log", "log_file", type=_FILE, help="File that gets the log lines too.")
def sweep(
    stamp: Path, output: Path, runtime: Path | None, cores: int, log_file: Path | None
) -> None:
    """Compute one sweep from its stamp, and write its dataset.

    Example: lt2f sweep results/atlas/.stamps/sweep-regimes.json regimes.nc --cores 4
    """
    from lt2f import stages
    from lt2f.pipeline import sweep as sweeps
    from lt2f.progress import Progress

    _log_to(log_file)
    _end_with_parent()
    with stages.unchanged(stamp):
        settings, name = stages.read_sweep(stamp, runtime)
        sweeps.run_study(settings, name, output, cores, Progress(name))


@command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
def thresholds(stamp: Path, output: Path) -> None:
    """Write thresholds.csv: where on mu something changes.

    Example: lt2f thresholds results/atlas/.stamps/thresholds.json thresholds.csv
    """
    from lt2f import stages
    from lt2f.views import tables

    with stages.unchanged(stamp):
        tables.write_thresholds(output)


@command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE, nargs=1)
@click.argument("datasets", type=_EXISTING, nargs=-1, required=True)
def figure(stamp: Path, output: Path, datasets: tuple[Path, ...]) -> None:
    """Draw the figure of a stamp, in every format of its style.

    OUTPUT is the file name without its ending.

    Example: lt2f figure results/atlas/.stamps/figure-regimes.json picture regimes.nc
    """
    from lt2f import stages
    from lt2f.pipeline.dataset import open_dataset
    from lt2f.progress import waiting
    from lt2f.views import figures

    with stages.unchanged(stamp) as content, waiting(f"lt2f: drawing {output}"):
        figures.draw(content, [open_dataset(path) for path in datasets], output)


@command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
@click.argument("datasets", type=_EXISTING, nargs=-1, required=True)
@click.option("--settling", "trained", type=_EXISTING, help="settling.csv; else it trains again.")
def claims(stamp: Path, output: Path, datasets: tuple[Path, ...], trained: Path | None) -> None:
    """Write claims.csv: theory against the datasets of a study.

    Example: lt2f claims results/atlas/.stamps/claims.json claims.csv results/atlas/*.nc
    """
    from lt2f import stages
    from lt2f.claims import book
    from lt2f.pipeline.dataset import open_dataset
    from lt2f.progress import Progress
    from lt2f.views import claims as ledgers
    from lt2f.views import tables

    opened = {path.stem: open_dataset(path) for path in datasets}
    made = {} if trained is None else {"settling": tables.read(trained)}
    with stages.unchanged(stamp):
        progress = Progress("claims", "claim", brief=True)
        ledgers.write(book.ledger(opened, progress, made), output)


@command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
@click.argument("datasets", type=_EXISTING, nargs=-1, required=True)
@click.option("--claims", "ledger", type=_EXISTING, help="claims.csv of the study.")
def summary(stamp: Path, output: Path, datasets: tuple[Path, ...], ledger: Path | None) -> None:
    """Write summary.md: what a study found, in one page.

    Example: lt2f summary results/atlas/.stamps/summary.json summary.md results/atlas/*.nc
    """
    from lt2f import stages
    from lt2f.pipeline.dataset import open_dataset
    from lt2f.views import claims as tables
    from lt2f.views import summary as summaries

    opened = {path.stem: open_dataset(path) for path in datasets}
    rows = [] if ledger is None else tables.read(ledger)
    with stages.unchanged(stamp):
        summaries.write(opened, output, rows)


@command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
def settling(stamp: Path, output: Path) -> None:
    """Write settling.csv: transformers trained next to each threshold.

    Example: lt2f settling results/atlas/.stamps/settling.json settling.csv
    """
    from lt2f import stages
    from lt2f.claims import settled, settling
    from lt2f.progress import waiting
    from lt2f.views import tables

    with stages.unchanged(stamp), waiting("lt2f: training next to each threshold"):
        tables.write_settling(settled.records(settling.settle()), output)


@command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
@click.argument("datasets", type=_EXISTING, nargs=-1, required=True)
@click.option("--folder", type=_FOLDER, required=True, help="Results of the study.")
def report(stamp: Path, output: Path, datasets: tuple[Path, ...], folder: Path) -> None:
    """Write report.html: all that a study made, on one page.

    Example: lt2f report STAMP report.html results/atlas/*.nc --folder results/atlas
    """
    from lt2f import stages
    from lt2f.pipeline.dataset import open_dataset
    from lt2f.progress import waiting
    from lt2f.views import report as reports

    opened = {path.stem: open_dataset(path) for path in datasets}
    with stages.unchanged(stamp) as content, waiting("lt2f: writing the report"):
        reports.write(opened, content["figures"], folder, output)


def _log_to(file: Path | None) -> None:
    """Send log lines to standard error, and to a file if one is given."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(file, mode="w", encoding="utf-8"))
    log = logging.getLogger("lt2f")  # ours alone: what Dask says of its own affairs is no news
    log.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        log.addHandler(handler)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone.

    A workflow that was killed outright leaves its jobs running: one of them would later write what
    was asked for then over what is asked for now.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
