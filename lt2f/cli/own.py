"""A study of one's own, wherever lt2f is installed: begin it, and run it."""

import os
import sys
from pathlib import Path

import click

from lt2f.cli.group import command

SETTINGS, PROFILE = "study.yaml", "profile"
_FOLDER = click.Path(path_type=Path, file_okay=False)
_README = """\
`lt2f run` here computes the study of `study.yaml` into `results/`.
`lt2f check study.yaml` says how large it is; options of Snakemake are in `profile/config.yaml`.
"""
_SNAKEMAKE = """\
# Options of Snakemake for this study, as on its command line: snakemake --help
cores: all
"""


def carried() -> Path:
    """Return the folder with the Snakefile: that of the package, or in a checkout its root."""
    package = Path(__file__).parents[1]
    inside = package / "workflow"
    return inside if inside.is_dir() else package.parent


@command()
@click.argument("folder", type=_FOLDER)
def init(folder: Path) -> None:
    """Write a study to start from.

    FOLDER gets settings, a profile of Snakemake, and a README of two lines. Its name becomes the
    study's. What is there already stays.

    Example: lt2f init mine
    """
    from lt2f.pipeline import settings

    name, quick = folder.resolve().name, carried() / "config" / "quick.yaml"
    plain = settings.load(quick).model_dump(by_alias=True)
    settings.parse({**plain, "study": name})  # a folder's name may be none of a study
    lines = quick.read_text(encoding="utf-8").replace("study: quick", f"study: {name}").splitlines()
    kept = [line for line in lines if not line.startswith("#") and "tile:" not in line]
    text = "\n".join([f"# The study `{name}`. Every key: lt2f schema", *kept]) + "\n"
    files = {SETTINGS: text, "README.md": _README, f"{PROFILE}/config.yaml": _SNAKEMAKE}
    (folder / PROFILE).mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        try:
            with (folder / path).open("x", encoding="utf-8") as file:
                file.write(content)
        except FileExistsError:
            click.echo(f"{folder / path}: is there already, left as it is")
        else:
            click.echo(f"{folder / path}")
    click.echo(f"now: lt2f run {folder}")


@command(ignore_unknown_options=True)
@click.argument("folder", type=_FOLDER, default=".")
@click.argument("snakemake", nargs=-1, type=click.UNPROCESSED)
def run(folder: Path, snakemake: tuple[str, ...]) -> None:
    """Run a study: Snakemake, with this workflow.

    The settings are in FOLDER, which is this one if unsaid. What follows it goes to Snakemake:
    targets, such as results/mine/regimes.nc, and options, such as --cores 2 or --dry-run.

    Example: lt2f run mine --dry-run
    """
    file = folder / SETTINGS
    if not file.is_file():
        raise click.UsageError(f"{file}: no such file; `lt2f init {folder}` writes one")
    profile = folder / PROFILE
    own = ["--profile", str(profile.resolve())] if profile.is_dir() else ["--cores", "all"]
    words = [sys.executable, "-m", "snakemake", *snakemake, *own, "--snakefile"]
    words += [str(carried() / "Snakefile"), "--directory", str(folder.resolve())]
    os.execv(sys.executable, [*words, "--configfile", str(file.resolve())])
