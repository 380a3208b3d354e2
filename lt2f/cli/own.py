"""A study of one's own, wherever lt2f is installed: begin it, run it, and find what it made."""

import os
import sys
from pathlib import Path

import click

from lt2f.cli.group import command

SETTINGS, PROFILE = "study.yaml", "profile"
_YAML = {".yaml", ".yml"}
_FOLDER = click.Path(path_type=Path, file_okay=False)
# Of Snakemake's options those that follow from the study, and would be silently passed over.
_OURS = {"--configfile", "--configfiles", "--directory", "-d", "--snakefile", "-s"}
_README = """\
`lt2f run` computes the study of `study.yaml`, and `lt2f check .` says before how large it is.
Then look: `lt2f show .`, `lt2f explore .`. Options of Snakemake are in `profile/config.yaml`.
"""
_HEAD = """\
# The study `{}`: a few sweeps of runs from a start (a, b). Every key: lt2f schema
# mu: effective step size; imbalance: a^2 - b^2, and product: ab, of the start.
# Of each run `transient` steps are discarded; `measure` steps, or `samples`, are looked at."""
_SNAKEMAKE = """\
# Options of Snakemake for this study, as on its command line: snakemake --help
cores: all
"""


def carried() -> Path:
    """Return the folder with the Snakefile: that of the package, or in a checkout its root."""
    package = Path(__file__).parents[1]
    inside = package / "workflow"
    return inside if inside.is_dir() else package.parent


def settings_of(path: Path) -> Path:
    """Return the settings that a path names: a file, or those of a study's folder."""
    return path if path.is_file() or path.suffix in _YAML else path / SETTINGS


def home_of(path: Path) -> Path:
    """Return the folder in which what a path names runs: that of the study, or this one."""
    return Path() if settings_of(path) == path else path


def results_of(path: Path) -> Path:
    """Return the folder of a study's results, if a path names that of the study; else the path."""
    if not (path / SETTINGS).is_file():
        return path
    from lt2f.pipeline import settings

    made = path / "results" / settings.load(path / SETTINGS).study
    if not made.is_dir():
        raise click.UsageError(f"{made}: no such folder; `lt2f run {path}` makes it")
    return made


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
    text = "\n".join([_HEAD.format(name), *kept]) + "\n"
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
@click.argument("words", metavar="[STUDY] [SNAKEMAKE]...", nargs=-1, type=click.UNPROCESSED)
def run(words: tuple[str, ...]) -> None:
    """Run a study: Snakemake, with this workflow.

    STUDY is the folder of one, this one if unsaid, or a settings file, whose results come into
    this folder. What follows goes to Snakemake: targets, such as results/mine/regimes.nc, and
    options, such as --cores 2 or --dry-run.

    Example: lt2f run mine --dry-run
    """
    study, snakemake = _study(words)
    for option in (word.partition("=")[0] for word in snakemake):
        if option in _OURS:
            hint = "it follows from STUDY, a folder or a settings file: lt2f run STUDY"
            raise click.UsageError(f"{option}: {hint}")
    file = settings_of(study)
    if not file.is_file():
        hint = f"; `lt2f init {study}` writes one" if file != study else ""
        raise click.UsageError(f"{file}: no such file{hint}")
    from lt2f.pipeline import settings

    settings.load(file)  # what is wrong with it is said before Snakemake says anything
    folder = home_of(study)
    profile = study / PROFILE
    own = ["--profile", str(profile.resolve())] if profile.is_dir() else ["--cores", "all"]
    # Of an option said twice Snakemake takes the last, so what is typed comes after what is ours.
    line = [sys.executable, "-m", "snakemake", *own, *snakemake]
    line += ["--snakefile", str(carried() / "Snakefile"), "--directory", str(folder.resolve())]
    os.execv(sys.executable, [*line, "--configfile", str(file.resolve())])


def _study(words: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    """Tell the study from what is for Snakemake; in the folder of a study it may be left out."""
    if not words or words[0].startswith("-"):
        return Path(), words
    first = Path(words[0])
    if Path(SETTINGS).is_file() and not first.is_dir() and first.suffix not in _YAML:
        return Path(), words
    return first, words[1:]
