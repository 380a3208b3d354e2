"""Live progress: a bar where somebody watches, plain lines where output goes to a file."""

import sys
import time
from typing import Any

from tqdm import tqdm

EVERY = 5.0  # seconds between two plain lines


class Progress:
    """Shows cells done, rate and time left; call it with (cells done, cells in all)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: tqdm[Any] | None = None
        self.began = self.told = time.monotonic()
        self.reused = 0

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` cells are there; the first call counts those reused."""
        if sys.stderr.isatty():
            self._draw(done, total)
        else:
            self._tell(done, total)

    def _draw(self, done: int, total: int) -> None:
        if self.bar is None:
            self.bar = tqdm(total=total, initial=done, desc=self.name, unit="cell", unit_scale=True)
        self.bar.update(done - self.bar.n)
        if done == total:
            self.bar.close()

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.told == self.began:
            self.reused, self.told = done, now
        if now - self.told >= EVERY or done == total:
            self.told = now
            line = tqdm.format_meter(
                done, total, now - self.began, prefix=self.name, unit="cell", unit_scale=True,
                initial=self.reused, bar_format="{desc}: {n_fmt} of {total_fmt} cells, {rate_fmt}, "
                "{remaining} left",
            )  # fmt: skip
            print(line, file=sys.stderr, flush=True)
