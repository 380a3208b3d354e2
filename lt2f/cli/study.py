"""Before a study runs: its settings, and what this machine does."""

from contextlib import chdir
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from lt2f.cli.group import command
from lt2f.cli.layout import width, wrap
from lt2f.cli.own import home_of, settings_of

_STUDY = click.Path(path_type=Path)


@command()
@click.argument("file", metavar="FILE_OR_FOLDER", type=_STUDY)
@click.option("--cores", type=click.IntRange(min=1), help="Workers to plan for; all if unsaid.")
def check(file: Path, cores: int | None) -> None:
    """Tell what a settings file makes, or what is wrong with it.

    For each sweep its size, and an estimate of time and memory; then warnings of what this machine
    would not bear, what a run would do as you outside results/ and whether you have allowed it
    (`lt2f trust`), and the figures. A folder is that of a study, with its study.yaml.

    Example: lt2f check config/config.yaml
    """
    click.echo(outlook(settings_of(file), cores, home_of(file)))


def _works(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    from lt2f import bench

    return [CompletionItem(name) for name in bench.NAMES if name.startswith(typed)]


def outlook(file: Path, cores: int | None = None, home: Path = Path()) -> str:
    """Say what settings make that run in `home`: sizes of sweeps, what is unusual, the figures."""
    from lt2f.pipeline import consent, limits, reach, settings, sizing
    from lt2f.views import catalogue

    study = settings.load(file)
    with chdir(home):
        warnings = [f"warning: {line}" for line in limits.warnings(study, cores)]
        notes = [
            f"note: {each.line}{consent.state(each)}"
            for each in reach.beyond(study.executor, study.chunks)
        ]
    figures = wrap(catalogue.said(study.sweeps), width())
    return "\n".join([sizing.table(study, cores), *warnings, *notes, *figures])


@command()
def schema() -> None:
    """Print the JSON schema of settings files.

    With it, editors check settings while you type.

    Example: lt2f schema > schema.json
    """
    from lt2f.pipeline import settings
    from lt2f.pipeline.identity import canonical_json

    click.echo(canonical_json(settings.schema()))


@command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--peers", is_flag=True, help="Time others too (from a checkout: benchmarks/).")
@click.option(
    "--work",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=_works,
    help="Only this; may be repeated.",
)
def bench(as_json: bool, peers: bool, names: tuple[str, ...]) -> None:
    """Measure how many map steps one core does in a second.

    Example: lt2f bench --work W1 --work W2
    """
    from lt2f import bench
    from lt2f.pipeline.identity import canonical_json
    from lt2f.progress import Progress

    report = Progress("bench", "timing", brief=True)
    result = bench.measure(names, peers=peers, report=report)
    click.echo(canonical_json(result) if as_json else bench.table(result))
