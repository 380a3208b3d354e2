"""Pages on a terminal: wrapped to its width, in colour only where somebody watches."""

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from lt2f.plain import line as one_line
from lt2f.plain import plain

if TYPE_CHECKING:
    from lt2f.views.page import Page

WIDEST: Final = 100  # columns; longer lines are hard to read
_LEAST: Final = 24  # columns that a text has at least, however narrow the terminal
_LOUD: Final = {"damaged": "red", "disagrees": "red", "undecided": "yellow", "intact": "green"}


def width() -> int:
    """Columns to write in."""
    return min(shutil.get_terminal_size().columns, WIDEST)


def show(page: "Page") -> str:
    """Lay a page out: its title, its table, its entries."""
    title = [click.style(line, bold=True) for line in wrap(page.title, width())]
    blocks = [title, list(table(page.table)), list(entries(page))]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def entries(page: "Page") -> Iterator[str]:
    """Yield lines with labels in a column before the texts."""
    indent = max((len(label) for label, _ in page.entries), default=0) + 2
    for label, text in page.entries:
        head = _loud(label, plain(f"{label:{indent}}"), dim=True)
        for line in text.splitlines():
            for part in wrap(line, width() - indent):
                yield f"{head}{_loud(part, part)}"
                head = " " * indent


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; numbers stand to the right, and the last column is wrapped."""
    if not rows:
        return
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [all(row[i][:1].isdigit() for row in rows[1:]) for i in range(len(widths))]
    room = width() - sum(widths[:-1]) - 2 * (len(widths) - 1)
    for row in rows:
        cells = [
            cell.rjust(size) if to_right else cell.ljust(size)
            for cell, size, to_right in zip(row, widths, right, strict=True)
        ]
        before, last = "".join(f"{cell}  " for cell in cells[:-1]), cells[-1].rstrip()
        for part in wrap(last, room) if len(last) > room else [last]:
            line = f"{before}{part}"
            yield click.style(line, dim=True) if row is rows[0] else _loud(part, line)
            before = " " * len(before)


def wrap(text: str, columns: int) -> list[str]:
    """Break a text into lines; words longer than a line are kept whole, for they may be paths."""
    return textwrap.wrap(
        plain(text), max(columns, _LEAST), break_long_words=False, break_on_hyphens=False
    ) or [""]


def _loud(words: str, line: str, *, dim: bool = False) -> str:
    """Colour a line by the first of some words, if there is anything in it to look at."""
    colour = _LOUD.get(words.replace(",", ":").partition(":")[0])
    return click.style(line, fg=colour, dim=dim and not colour)
