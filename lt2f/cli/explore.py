"""Look at a map in a browser, and compute what is not there."""

import importlib.util
from pathlib import Path

import click

from lt2f.cli.group import command
from lt2f.cli.own import results_of


@command()
@click.argument("path", metavar="FOLDER_OR_FILE", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Where to listen; 0 for any free one.  [default: 5421, or another if that is taken]",
)
@click.option("--browser/--no-browser", default=True, help="Open a browser.  [default: yes]")
def explore(path: Path, port: int | None, browser: bool) -> None:
    """Open a page with the regime map, in which every cell answers.

    Only this machine can reach it. Point at a cell for its orbit, loss, phase portrait and
    exponents, computed by the kernels of the sweeps; zoom in, and finer cells are computed.
    Ctrl-C ends it.

    Example: lt2f explore results/atlas
    """
    if importlib.util.find_spec("bokeh") is None:
        raise click.UsageError("explore needs: pip install 'lt2f[explore]'")
    import webbrowser

    from lt2f.explore import atlas, server
    from lt2f.progress import waiting

    server.quiet()
    maps = atlas.maps(results_of(path))
    with waiting("lt2f: compiling, once on this machine"):
        server.prepare(maps)
    with server.serving(maps, port) as serving:
        click.echo(f"{server.address(serving)}  (only this machine can reach it; Ctrl-C ends it)")
        if browser:
            webbrowser.open(server.address(serving))
        server.run(serving)
