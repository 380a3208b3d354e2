"""Look at results: in words, and whether they are what they say."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lt2f.cli import layout
from lt2f.cli.group import command
from lt2f.cli.own import results_of
from lt2f.cli.study import outlook
from lt2f.plain import line

if TYPE_CHECKING:
    from lt2f.views.page import Page

_PATH = click.Path(path_type=Path, exists=True)


@command()
@click.argument("files", type=_PATH, nargs=-1, required=True)
def show(files: tuple[Path, ...]) -> None:
    """Say what a result is, and what was found, in a page.

    FILES are datasets, claims.csv, thresholds.csv, folders of results or of studies, or settings.

    Example: lt2f show results/atlas/regimes.nc
    """
    for number, file in enumerate(map(results_of, files)):
        if number:
            click.echo()
        if file.suffix in (".yaml", ".yml"):
            click.echo(outlook(file))
        else:
            click.echo(layout.show(_page(file)))


@command()
@click.argument("files", metavar="FILES", type=_PATH, nargs=-1, required=True)
def verify(files: tuple[Path, ...]) -> None:
    """Tell whether datasets hold what they name.

    That is a hash of their data and settings, and one of the code. FILES are datasets, or folders
    of them, or of studies.

    Example: lt2f verify results/atlas
    """
    states = []
    for file in map(results_of, files):
        inside = sorted(file.glob("*.nc")) if file.is_dir() else [file]
        for path in inside:
            states.append(_state(path))
            click.echo(line(f"{path}: {states[-1]}"))
        if not inside:
            click.echo(line(f"{file}: holds no datasets"))
    if not all(state.startswith("intact") for state in states):
        click.get_current_context().exit(1)


def _page(file: Path) -> "Page":
    from lt2f.pipeline.dataset import open_dataset
    from lt2f.views import page

    if file.is_dir():
        paths = sorted(file.glob("*.nc"))
        return page.of_folder(file, {path: (open_dataset(path), _state(path)) for path in paths})
    if file.suffix == ".csv":
        return page.of_table(file)
    if file.suffix != ".nc":
        raise click.UsageError(f"{file}: no dataset, table, folder of results or settings file")
    dataset, state = open_dataset(file), _state(file)
    if not state.startswith("intact"):
        raise click.UsageError(f"{file}: {state}")
    return page.of_dataset(file, dataset, state)


def _state(path: Path) -> str:
    """Hold a dataset against the hashes that it names."""
    from lt2f.pipeline import dataset
    from lt2f.progress import Progress

    return dataset.verify(path, Progress(path.name, "byte", brief=True))
