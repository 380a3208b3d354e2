"""Command line: each subcommand reads, calls and writes; heavy imports wait until they are used."""

import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import click

import lt2f

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)


class _OneLine(click.Group):
    """A group whose commands answer bad input with one line and exit code 2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options in front of a subcommand."""
        try:
            return super().parse_args(ctx, args)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            return _refuse(ctx, error.format_message())

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; an error of ours, of its usage or of a file becomes a line."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            return _refuse(ctx, error.format_message())
        except KeyboardInterrupt:
            click.echo("lt2f: stopped; finished chunks are kept, run again to go on", err=True)
            return ctx.exit(130)
        except (ValueError, OSError) as error:
            if type(error).__module__.startswith("lt2f."):
                return _refuse(ctx, str(error))
            if isinstance(error, OSError) and error.filename is not None:
                return _refuse(ctx, f"{error.filename}: {error.strerror}")
            raise


def _refuse(ctx: click.Context, text: str) -> NoReturn:
    click.echo(f"lt2f: {' '.join(text.split())}", err=True)
    ctx.exit(2)


@click.group(cls=_OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(lt2f.__version__, prog_name="lt2f")
def main() -> None:
    """Large-step training dynamics of a two-factor linear transformer."""


@main.command()
@click.argument("file", type=_FILE)
@click.option("--cores", type=click.IntRange(min=1), help="Workers to plan for; all if unsaid.")
def check(file: Path, cores: int | None) -> None:
    """Validate settings and print the size of each sweep, and the figures that come of them.

    Example: lt2f check config/config.yaml
    """
    from lt2f.pipeline import settings, sizing
    from lt2f.views import catalogue

    study = settings.load(file)
    click.echo(sizing.table(study, cores))
    click.echo(catalogue.said(study.sweeps))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def verify(folder: Path) -> None:
    """Hold every dataset in FOLDER against the hash and the code that it names.

    Example: lt2f verify results/atlas
    """
    from lt2f.pipeline import dataset

    files = sorted(folder.glob("*.nc"))
    states = [dataset.verify(file) for file in files]
    for file, state in zip(files, states, strict=True):
        click.echo(f"{file}: {state}")
    if not files:
        click.echo(f"{folder}: holds no datasets")
    if not all(state.startswith("intact") for state in states):
        click.get_current_context().exit(1)


@main.command()
def schema() -> None:
    """Print the JSON schema of settings files, for editors that check while you type.

    Example: lt2f schema > schema.json
    """
    from lt2f.pipeline import settings
    from lt2f.pipeline.identity import canonical_json

    click.echo(canonical_json(settings.schema()))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--peers", is_flag=True, help="Time others too (from a checkout: benchmarks/).")
@click.option("--work", "names", multiple=True, metavar="NAME", help="Only this; may be repeated.")
def bench(as_json: bool, peers: bool, names: tuple[str, ...]) -> None:
    """Measure how many map steps one core does in a second.

    Example: lt2f bench --work W1 --work W2
    """
    from lt2f import bench
    from lt2f.pipeline.identity import canonical_json

    result = bench.measure(names, peers=peers)
    click.echo(canonical_json(result) if as_json else bench.table(result))


@main.command()
@click.option("--learning-rate", type=float, required=True, help="Step size of gradient descent.")
@click.option("--factor", type=float, help="c in the prediction c u w.")
@click.option("--target", type=float, help="What the prediction learns.")
@click.option("--sharpness", type=float, help="Instead: that of the flattest minimum.")
@click.option("--prompt", type=_EXISTING, help="Instead: a file with a prompt.")
@click.option(
    "--reduction",
    type=click.Choice(["scalar", "matrix"]),
    help="Model that reads the prompt; scalar if unsaid.",
)
@click.option("--start", type=(float, float), metavar="U W", help="Factors at the start.")
@click.option("--a", type=float, help="Instead, with --b: the start in units of the map.")
@click.option("--b", type=float)
@click.option("--imbalance", type=float, help="Instead, with --product: a^2 - b^2 there.")
@click.option("--product", type=float, help="ab there; mu at a minimum.")
@click.option("--noise", type=float, help="Of mini-batches: a standard deviation.")
@click.option(
    "--model",
    help="What it is of: multiplicative, of each step's multiplier (default); target, of mu.",
)
@click.option("--law", help="two_point (default), uniform or normal.")
@click.option("--realizations", type=int, help="Mini-batch orders to try; 256 if unsaid.")
@click.option("--seed", type=int, help="Of the mini-batch orders; 0 if unsaid.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def advise(as_json: bool, **asked: Any) -> None:
    """Tell what a learning rate will do, and which ones are safe.

    The loss is (c u w - y)^2 / 2, with the factor c and the target y. A prompt file is JSON, or
    .npz, with the entries context (N rows of d numbers), labels (N), query (d) and target.

    Example: lt2f advise --learning-rate 0.5 --factor 1.5 --target 0.7 --start 0.5 0.2
    """
    from lt2f.advice.answer import AdviceError
    from lt2f.advice.answer import advise as answer
    from lt2f.pipeline.identity import canonical_json

    given = {name: value for name, value in asked.items() if value is not None}
    try:
        found = answer(**given)
    except AdviceError as error:
        raise click.UsageError(error.said(f"--{error.key.replace('_', '-')}")) from None
    click.echo(canonical_json(found.as_dict()) if as_json else str(found))


@main.command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
@click.option("--runtime", type=_EXISTING, help="Stamp that says how to compute.")
@click.option("--cores", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--log", "log_file", type=_FILE, help="File that gets the log lines too.")
def sweep(
    stamp: Path, output: Path, runtime: Path | None, cores: int, log_file: Path | None
) -> None:
    """Compute one sweep from its stamp (a step of the workflow)."""
    from lt2f import stages
    from lt2f.pipeline import sweep as sweeps
    from lt2f.progress import Progress

    _log_to(log_file)
    _end_with_parent()
    with stages.unchanged(stamp):
        settings, name = stages.read_sweep(stamp, runtime)
        sweeps.run_study(settings, name, output, cores, Progress(name))


@main.command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
def thresholds(stamp: Path, output: Path) -> None:
    """Write thresholds.csv (a step of the workflow)."""
    from lt2f import stages
    from lt2f.views import tables

    with stages.unchanged(stamp):
        tables.write_thresholds(output)


@main.command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE, nargs=1)
@click.argument("datasets", type=_EXISTING, nargs=-1, required=True)
def figure(stamp: Path, output: Path, datasets: tuple[Path, ...]) -> None:
    """Draw a figure in every format of its style (a step of the workflow).

    OUTPUT is the file name without its ending.
    """
    from lt2f import stages
    from lt2f.pipeline.dataset import open_dataset
    from lt2f.views import figures

    with stages.unchanged(stamp) as content:
        figures.draw(content, [open_dataset(path) for path in datasets], output)


@main.command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
@click.argument("datasets", type=_EXISTING, nargs=-1, required=True)
def claims(stamp: Path, output: Path, datasets: tuple[Path, ...]) -> None:
    """Write claims.csv: theory against the datasets of a study (a step of the workflow)."""
    from lt2f import stages
    from lt2f.claims import book
    from lt2f.pipeline.dataset import open_dataset
    from lt2f.views import claims as tables

    opened = {path.stem: open_dataset(path) for path in datasets}
    with stages.unchanged(stamp):
        tables.write(book.ledger(opened), output)


@main.command()
@click.argument("stamp", type=_EXISTING)
@click.argument("output", type=_FILE)
@click.argument("datasets", type=_EXISTING, nargs=-1, required=True)
@click.option("--claims", "ledger", type=_EXISTING, help="claims.csv of the study.")
def summary(stamp: Path, output: Path, datasets: tuple[Path, ...], ledger: Path | None) -> None:
    """Write summary.md (a step of the workflow)."""
    from lt2f import stages
    from lt2f.pipeline.dataset import open_dataset
    from lt2f.views import claims as tables
    from lt2f.views import summary as summaries

    opened = {path.stem: open_dataset(path) for path in datasets}
    rows = [] if ledger is None else tables.read(ledger)
    with stages.unchanged(stamp):
        summaries.write(opened, output, rows)


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
