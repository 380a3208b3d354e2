"""How the commands appear: under headings, each with an example, and a line for bad input."""

import inspect
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NoReturn

import click

from lt2f.plain import line


class Command(click.Command):
    """A command whose help ends with the example of its docstring, printed as it is typed."""

    def __init__(self, name: str | None, help: str = "", **options: Any) -> None:
        words, _, self.example = inspect.cleandoc(help).partition("\n\nExample: ")
        super().__init__(name, help=words, **options)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example."""
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def command(**context: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function, which a group then takes in; `context` is click's."""
    return click.command(cls=Command, context_settings=context)


class Group(click.Group):
    """Commands under headings, which answer bad input with one line and exit code 2."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.headings: defaultdict[str, list[click.Command]] = defaultdict(list)

    def under(self, heading: str, *commands: click.Command) -> None:
        """Add commands, which the help lists under a heading in the order given."""
        for command in commands:
            self.add_command(command)
            self.headings[heading].append(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command, all in one column."""
        width = max(map(len, self.commands))
        for heading, commands in self.headings.items():
            with formatter.section(heading):
                room = formatter.width - formatter.current_indent - width - 2
                lines = [(f"{c.name:{width}}", c.get_short_help_str(room)) for c in commands]
                formatter.write_dl(lines)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options in front of a subcommand."""
        try:
            return super().parse_args(ctx, args)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            return _refuse(ctx, error.format_message())

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; an error of ours, of its usage or of a file becomes a line."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            return _refuse(ctx, error.format_message())
        except KeyboardInterrupt:
            click.echo("lt2f: stopped; finished chunks are kept, run again to go on", err=True)
            return ctx.exit(130)
        except RecursionError:
            return _refuse(ctx, "what was given is nested too deeply")
        except MemoryError:
            return _refuse(ctx, "out of memory: close other programs, or run where there is more")
        except (ValueError, OSError) as error:
            if type(error).__module__.startswith("lt2f."):
                return _refuse(ctx, str(error))
            if isinstance(error, OSError) and error.filename is not None:
                return _refuse(ctx, f"{error.filename}: {error.strerror}")
            raise


def _refuse(ctx: click.Context, text: str) -> NoReturn:
    click.echo(line(f"lt2f: {text}"), err=True)
    ctx.exit(2)
