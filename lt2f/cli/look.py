"""Look at results."""

from pathlib import Path

import click

from lt2f.cli.group import command


@command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def verify(folder: Path) -> None:
    """Tell whether the datasets in FOLDER hold what they name.

    That is a hash of their data and settings, and one of the code.

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
