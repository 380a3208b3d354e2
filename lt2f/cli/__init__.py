"""Command line: each command reads, calls and writes; heavy imports wait until they are used."""

import os

import click

import lt2f
from lt2f.cli import ask, draw, explore, keep, look, own, shell, steps, study, trust
from lt2f.cli.group import Group

_CONTEXT = {
    "help_option_names": ["-h", "--help"],
    "color": False if os.environ.get("NO_COLOR") else None,  # None: where somebody watches
}


@click.group(cls=Group, context_settings=_CONTEXT)
@click.version_option(lt2f.__version__, prog_name="lt2f")
def main() -> None:
    """Large-step training dynamics of a two-factor linear transformer."""


main.under("Ask", ask.advise)
main.under("Run", own.init, own.run)
main.under("Look", look.show, draw.plot, explore.explore, look.verify)
main.under("Keep", keep.reproduce, keep.chunks)
main.under("Before a study", study.check, trust.trust, study.schema, study.bench)
main.under(
    "Steps of the workflow (Snakemake calls these)",
    steps.sweep,
    steps.figure,
    steps.thresholds,
    steps.claims,
    steps.settling,
    steps.summary,
    steps.report,
)
main.under("Your shell", shell.completion)
