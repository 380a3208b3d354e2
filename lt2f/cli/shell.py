"""What makes typing easier."""

import click
from click.shell_completion import get_completion_class

from lt2f.cli.group import command


@command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options and names.

    For bash and zsh, put the line of the example into ~/.bashrc or ~/.zshrc, with the name of the
    shell. For fish, write what is printed to ~/.config/fish/completions/lt2f.fish.

    Example: eval "$(lt2f completion bash)"
    """
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(ctx.find_root().command, {}, "lt2f", "_LT2F_COMPLETE").source())
