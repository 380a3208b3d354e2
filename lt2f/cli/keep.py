"""What was computed: how to make it again, and the chunks that it was made of."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lt2f.cli.group import command
from lt2f.cli.layout import table
from lt2f.cli.own import SETTINGS, home_of, settings_of

if TYPE_CHECKING:
    from lt2f.pipeline.inventory import Inventory
    from lt2f.pipeline.settings import Settings

_STUDY = click.Path(path_type=Path, exists=True)
_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@command()
@click.argument("file", type=_EXISTING)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File.")
def reproduce(file: Path, output: Path | None) -> None:
    """Write the settings that made a dataset.

    A run of them gives the same content.

    Example: lt2f reproduce results/atlas/regimes.nc --output again.yaml
    """
    from lt2f.pipeline import reproduce

    text = reproduce.text(file)
    if output is None:
        click.echo(text, nl=False)
        return
    with output.open("x", encoding="utf-8") as made:  # nothing is overwritten
        made.write(text)
    click.echo(f"wrote {output}")


@command()
@click.argument("settings", type=_STUDY, nargs=-1)
@click.option("--store", type=_FOLDER, help="The store; that of the settings if unsaid.")
@click.option("--verify", is_flag=True, help="Read every chunk, and name those that are damaged.")
@click.option("--prune", is_flag=True, help="Remove what serves none of the SETTINGS.")
@click.option("--yes", is_flag=True, help="Do not ask before.")
def chunks(
    settings: tuple[Path, ...], store: Path | None, verify: bool, prune: bool, yes: bool
) -> None:
    """List, verify or prune the chunks that finished work is kept in.

    SETTINGS are the files of the studies to keep, or their folders; to list and verify, in the
    folder of a study, that one if unsaid. What serves none of them is spare.

    Example: lt2f chunks config/config.yaml --verify
    """
    from lt2f.pipeline import inventory
    from lt2f.pipeline.settings import load
    from lt2f.pipeline.store import Store
    from lt2f.progress import Progress

    if prune and not settings:
        raise click.UsageError("--prune: needs the SETTINGS of every study to keep")
    if not (settings or store) and Path(SETTINGS).is_file():
        settings = (Path(),)
    studies = [load(settings_of(path)) for path in settings]
    homes = [home_of(path) for path in settings]
    kept = Store(store or _folder(studies, homes))
    found = inventory.take(kept, studies)
    _list(found, kept.folder)
    if verify:
        damaged = inventory.damaged(kept, Progress("chunks", "chunk", brief=True))
        for name in damaged:
            click.echo(f"{kept.path(name)}: damaged; the next run that needs it makes it again")
        click.echo(f"{len(damaged)} damaged")
        if damaged and not prune:
            click.get_current_context().exit(1)
    if prune:
        spare = [*found.spare, *(damaged if verify else ())]
        _prune(kept.folder, spare, found.drafts, yes=yes)


def _folder(studies: "list[Settings]", homes: list[Path]) -> Path:
    """Find the one store of the studies, each of which runs in its home."""
    from lt2f.pipeline.sweep import CHUNKS

    each = zip(studies, homes, strict=True)
    folders = {home / (study.chunks or CHUNKS) for study, home in each} or {CHUNKS}
    if len(folders) > 1:
        several = ", ".join(map(str, sorted(folders)))
        raise click.UsageError(f"these studies have several stores ({several}): say --store")
    return folders.pop()


def _list(found: "Inventory", folder: Path) -> None:
    rows = [("study", "sweep", "chunks", "size")]
    rows += [
        (held.study, held.sweep, f"{len(held.names):,} of {held.wanted:,}", _size(held.bytes))
        for held in found.sweeps
    ]
    rows.append(("spare", "", f"{len(found.spare):,}", _size(sum(found.spare.values()))))
    if found.drafts:
        drafts = sum(found.drafts.values())
        rows.append(("left by killed runs", "", f"{len(found.drafts):,}", _size(drafts)))
    click.echo(f"{folder}")
    for line in table(rows):
        click.echo(line)


def _prune(folder: Path, spare: list[str], drafts: dict[Path, int], *, yes: bool) -> None:
    from lt2f.pipeline import inventory
    from lt2f.pipeline.store import Store

    if not spare and not drafts:
        click.echo("nothing to remove")
        return
    if not yes:
        click.confirm(f"remove {len(spare) + len(drafts):,} files?", abort=True)
    freed = inventory.prune(Store(folder), spare, drafts)
    click.echo(f"removed {len(spare) + len(drafts):,} files, {_size(freed)}")


def _size(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
