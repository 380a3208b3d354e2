"""Texts from files that anybody may have written, without what a terminal or an editor obeys."""

import re
from typing import Final

# Control characters, and those that turn the direction of writing around; white space is none.
_OBEYED: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Take from a text what a terminal would obey; its lines stay."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def line(text: str) -> str:
    """Make a text plain and one line, so that it cannot pass off a line of its own as ours."""
    return plain(" ".join(filter(None, map(str.strip, text.splitlines()))))
