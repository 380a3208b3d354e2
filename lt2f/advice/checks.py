"""Checks of what was asked: a wrong argument is one line with its name, its value and the rule."""

import math
from typing import Final

import numpy as np

POSITIVE: Final = "should be a finite number greater than 0"
NOT_NEGATIVE: Final = "should be a finite number, 0 or greater"
NONZERO: Final = "should be a finite number other than 0"


class AdviceError(ValueError):
    """What is wrong with a question, in one line: the argument, its value and what is allowed."""

    def __init__(self, key: str, allowed: str, value: object = None) -> None:
        self.key, self.allowed, self.value = key, " ".join(allowed.split()), value
        super().__init__(self.said(key))

    def said(self, name: str) -> str:
        """Say it with another spelling of the argument's name."""
        shown = "" if self.value is None else f" = {self.value}"
        return f"{name}{shown}: {self.allowed}"


def number(key: str, value: object, allowed: str, *, positive: bool = False) -> float:
    """Return a value as a finite float, or refuse it."""
    if value is None:
        raise AdviceError(key, f"missing, it {allowed}")
    real = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    found = float(value) if real else math.nan  # type: ignore[arg-type]
    refused = (positive and found <= 0.0) or (allowed == NONZERO and found == 0.0)
    if not math.isfinite(found) or refused:
        raise AdviceError(key, allowed, value)
    return found


def one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not known."""
    if value not in known:
        raise AdviceError(key, f"should be one of {', '.join(known)}", value)


def whole(key: str, value: object, least: int, most: int) -> None:
    """Refuse what is not a whole number between two others."""
    counts = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not counts or not least <= value <= most:  # type: ignore[operator]
        raise AdviceError(key, f"should be a whole number from {least} to {most}", value)
