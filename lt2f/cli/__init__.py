"""Command line: each command reads, calls and writes; heavy imports wait until they are used."""

import click

import lt2f
from lt2f.cli import ask, look, steps, study
from lt2f.cli.group import Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(lt2f.__version__, prog_name="lt2f")
def main() -> None:
    """Large-step training dynamics of a two-factor linear transformer."""


main.under("Ask", ask.advise)
main.under("Look", look.verify)
main.under("Before a study", study.check, study.schema, study.bench)
main.under(
    "Steps of the workflow (Snakemake calls these)",
    steps.sweep,
    steps.figure,
    steps.thresholds,
    steps.claims,
    steps.summary,
)
