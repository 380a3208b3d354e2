"""Progress, with a clock that the tests turn."""

import sys

import pytest

from lt2f import progress
from lt2f.progress import EVERY, Progress


@pytest.fixture
def clock(monkeypatch):
    """Seconds since some start; set `clock.now` to let time pass."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            # A clock never stands still between two readings.
            self.now += 1e-6
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def lines(capsys):
    """The lines printed since the last look."""
    return lambda: capsys.readouterr().err.splitlines()


def test_a_file_gets_a_line_every_few_seconds(clock, lines):
    show = Progress("regimes")
    show(0, 1000)
    assert lines() == []
    told = 0
    for done in range(1, 1000):
        clock.now += EVERY / 10
        show(done, 1000)
        told += len(lines())
    assert told == 1000 // 10 - 1


def test_a_line_says_how_much_how_fast_and_how_long(clock, lines):
    show = Progress("regimes")
    show(0, 100)
    clock.now += 10.0
    show(25, 100)  # 75 are left, at 2.5 a second
    assert lines() == ["regimes: 25.0 of 100 cells, 2.50cell/s, 00:30 left"]


def test_cells_that_were_there_are_no_speed(clock, lines):
    show = Progress("regimes")
    show(40, 100)
    clock.now += 10.0
    show(60, 100)  # 20 in ten seconds, 40 are left
    assert lines() == ["regimes: 60.0 of 100 cells, 2.00cell/s, 00:20 left"]


def test_the_end_is_always_said(clock, lines):
    show = Progress("regimes")
    show(0, 100)
    clock.now += 1.0
    show(100, 100)
    (line,) = lines()
    assert line.startswith("regimes: 100 of 100 cells, ")
    show = Progress("slice")
    show(100, 100)  # nothing to compute
    (line,) = lines()
    assert line.startswith("slice: 100 of 100 cells, ")


def test_who_watches_sees_a_bar(lines, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    show = Progress("regimes")
    show(40, 100)
    show(70, 100)
    show(100, 100)
    drawn = "".join(lines())
    assert "regimes:  40%" in drawn
    assert "regimes: 100%" in drawn
    assert "100/100" in drawn
