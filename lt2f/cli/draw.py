"""Draw datasets outside the workflow: `lt2f plot` chooses the drawing that fits."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import CompletionItem

from lt2f.cli import layout
from lt2f.cli.group import command

if TYPE_CHECKING:
    import xarray as xr

    from lt2f.pipeline.settings import Style

FORMATS: Final = ("png", "pdf", "svg")
_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


def _drawings(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Complete the name of a drawing by those that fit the files typed before."""
    files = [Path(word) for word in ctx.args]  # not parsed yet: an option without value ends them
    try:
        names = list(fitting(_opened(files)))
    except (ValueError, OSError):
        names = []
    return [CompletionItem(name) for name in names if name.startswith(typed)]


@command()
@click.argument("files", metavar="FILES", type=_EXISTING, nargs=-1, required=True)
@click.option("-o", "--output", type=_FILE, help="File to write; its ending chooses the format.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Format; may be repeated.  [default: png and pdf, or those of --style]",
)
@click.option("--dpi", type=click.IntRange(50, 1200), help="Dots per inch.  [default: 200]")
@click.option("--drawing", metavar="NAME", shell_complete=_drawings, help="Another that fits.")
@click.option("--style", type=_EXISTING, help="Settings whose figures these shall look like.")
def plot(
    files: tuple[Path, ...],
    output: Path | None,
    formats: tuple[str, ...],
    dpi: int | None,
    drawing: str | None,
    style: Path | None,
) -> None:
    """Draw the figure that fits a dataset, and say what it shows.

    Of several FILES one figure is drawn that shows them all, such as an orbit diagram above the
    exponents. It is written where you are, under the name of the first file; a picture of that
    name is replaced.

    Example: lt2f plot results/atlas/regimes.nc --format svg
    """
    from lt2f.progress import waiting

    look, datasets = _look(style), _opened(files)
    chosen, order = _choose(files, fitting(datasets), drawing)
    stem, endings = _target(output, formats)
    stem = stem or Path(files[order[0]].stem + f"-{drawing}" * (drawing is not None))
    with waiting(f"lt2f: drawing {stem}, {chosen.replace('_', ' ')}"):
        from lt2f.views import captions, figures

        shown = [datasets[k] for k in order]
        endings = endings or look.format
        size = {"format": endings, "dpi": dpi or look.dpi}
        figures.draw({"drawing": chosen, "style": size}, shown, stem)
        caption = captions.caption(chosen, shown)
    click.echo(", ".join(f"{stem}.{ending}" for ending in endings))
    click.echo("\n".join(layout.wrap(caption, layout.width())))


def fitting(datasets: Sequence["xr.Dataset"]) -> dict[str, list[int]]:
    """Name the drawings that show all of some datasets, the best first, and in which order each."""
    from lt2f.views import catalogue

    if len(datasets) == 1:
        return {name: [0] for name in catalogue.figures_of(datasets[0])}
    return catalogue.figures_together(datasets)


def _opened(files: Sequence[Path]) -> list["xr.Dataset"]:
    from lt2f.pipeline.dataset import open_dataset

    return [open_dataset(file) for file in files]


def _choose(
    files: Sequence[Path], fits: dict[str, list[int]], drawing: str | None
) -> tuple[str, list[int]]:
    """Choose a drawing, the first unless one is asked for."""
    named = ", ".join(map(str, files))
    if not fits:
        why = "no drawing shows them together, plot them one by one" if files[1:] else "none fits"
        raise click.UsageError(f"{named}: {why}; README.md says which there are")
    chosen = drawing or next(iter(fits))
    if chosen not in fits:
        raise click.UsageError(f"{named}: no {chosen}, can be drawn as {' or '.join(fits)}")
    return chosen, fits[chosen]


def _target(output: Path | None, formats: tuple[str, ...]) -> tuple[Path | None, tuple[str, ...]]:
    """Part what is to be written into a name without ending and formats; none are the usual."""
    if output is None or not output.suffix:
        return output, formats
    ending = output.suffix[1:]
    if ending not in FORMATS or {*formats} - {ending}:
        known = ", ".join(formats or FORMATS)
        raise click.UsageError(f"{output}: ends with .{ending}, not with one of: {known}")
    return output.with_suffix(""), (ending,)


def _look(settings_file: Path | None) -> "Style":
    from lt2f.pipeline import settings

    return settings.load(settings_file).figures.style if settings_file else settings.Style()
