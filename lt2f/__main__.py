"""The command line, as ``python -m lt2f``."""

from lt2f.cli import main

main(prog_name="lt2f")
