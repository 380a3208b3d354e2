"""Live progress: a bar where somebody watches, plain lines where output goes to a file."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

EVERY = 5.0  # seconds between two plain lines
PATIENCE = 2.0  # seconds that nobody minds to wait


class Progress:
    """Shows what is done, rate and time left; call it with (done, in all), counted in units.

    What is `brief` shows only if it takes long, and leaves no bar behind.
    """

    def __init__(self, name: str, unit: str = "cell", *, brief: bool = False) -> None:
        self.name, self.unit, self.brief = name, unit, brief
        self.bar: tqdm[Any] | None = None
        self.began = self.told = time.monotonic()
        self.reused = 0

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` units are there; the first call counts those reused."""
        if sys.stderr.isatty():
            self._draw(done, total)
        else:
            self._tell(done, total)

    def _draw(self, done: int, total: int) -> None:
        if self.bar is None:
            self.bar = tqdm(
                total=total, initial=done, desc=self.name, unit=self.unit, unit_scale=True,
                delay=PATIENCE * self.brief, leave=not self.brief,
            )  # fmt: skip
        self.bar.update(done - self.bar.n)
        if done == total:
            self.bar.close()

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.told == self.began:
            self.reused, self.told = done, now
        if now - self.told >= EVERY or (done == total and not self.brief):
            self.told = now
            line = tqdm.format_meter(
                done, total, now - self.began, prefix=self.name, unit=self.unit, unit_scale=True,
                initial=self.reused, bar_format="{desc}: {n_fmt} of {total_fmt} "
                f"{self.unit}s, {{rate_fmt}}, {{remaining}} left",
            )  # fmt: skip
            print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def waiting(words: str) -> Iterator[None]:
    """Say to who watches what is done, if it takes long and cannot tell how far it is."""
    timer = threading.Timer(PATIENCE, print, [f"{words} ..."], {"file": sys.stderr, "flush": True})
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
