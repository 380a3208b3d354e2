"""Consent to what settings do as their user, which no settings file can give itself."""

from contextlib import chdir
from pathlib import Path

import click

from lt2f.cli.group import command
from lt2f.cli.own import home_of, settings_of
from lt2f.plain import line

_STUDY = click.Path(path_type=Path)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@command()
@click.argument("study", metavar="[FILE_OR_FOLDER]", type=_STUDY, required=False)
@click.option("--directory", type=_FOLDER, help="Where it runs; in the study, or here, if unsaid.")
@click.option("--forget", is_flag=True, help="Take it back.")
@click.option("--list", "listed", is_flag=True, help="Print all that you have allowed.")
def trust(study: Path | None, directory: Path | None, forget: bool, listed: bool) -> None:
    """Allow what a settings file does as you beyond its results.

    That is printed: commands in jobs, a scheduler on another machine, folders outside results/. A
    run of a file in which there is such a thing, and that you have not allowed, ends before it
    begins. If one of them changes it has to be allowed again; the rest of the file may change.
    What you allow is kept in your own configuration folder.

    Example: lt2f trust config/examples/slurm.yaml
    """
    from lt2f.pipeline import consent

    if listed:
        for what, folder in consent.everything():
            click.echo(line(f"{what} (in {folder})" if folder else what))
        return
    if study is None:
        raise click.UsageError("needs a settings file, or the folder of a study")
    from lt2f.pipeline import reach, settings

    said = settings.load(settings_of(study))
    with chdir(directory or home_of(study)):
        reaches = reach.beyond(said.executor, said.chunks)
        (consent.take_back if forget else consent.give)(reaches)
    for each in reaches:
        click.echo(line(each.line))
    done = "is not allowed" if forget else "is allowed"
    click.echo(done if reaches else "does nothing beyond its results")
