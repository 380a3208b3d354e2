"""Progress, with a clock that the tests turn."""

import sys
import time

import netCDF4
import pytest

from lt2f import progress
from lt2f.bench import fastest
from lt2f.claims import ledger
from lt2f.claims.forms import words
from lt2f.claims.ledger import Claim, Room
from lt2f.pipeline.dataset import content_sha256
from lt2f.progress import EVERY, Progress, waiting


def bench_steps(report, folder):
    fastest({("W", "us"): lambda: 1.0}, 3, report)


def claim_steps(report, folder):
    room = Room("of", [Claim("it", "is", "so", lambda study: words("1", "1"))] * 2)
    ledger.rows({}, [room], report)


def hash_steps(report, folder):
    with netCDF4.Dataset(folder / "it.nc", "w") as file:
        file.createDimension("x", 8)
        file.createVariable("x", "f8", ("x",))[:] = 0.0
        file.createVariable("y", "i4", ("x",))[:] = 0
        file.lt2f_identity = "{}"
    content_sha256(folder / "it.nc", report)


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


def test_what_is_brief_is_not_spoken_of(clock, lines):
    show = Progress("claims", "claim", brief=True)
    for done in range(11):
        clock.now += EVERY / 20
        show(done, 10)
    assert lines() == []


def test_what_turns_out_long_is(clock, lines):
    show = Progress("claims", "claim", brief=True)
    show(0, 10)
    clock.now += EVERY
    show(6, 10)  # 4 are left, at 1.2 a second
    assert lines() == ["claims: 6.00 of 10.0 claims, 1.20claim/s, 00:03 left"]


def test_who_watches_sees_no_bar_of_what_is_brief(lines, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    show = Progress("claims", "claim", brief=True)
    show(0, 10)
    show(10, 10)
    assert lines() == []


@pytest.mark.parametrize(("seconds", "watched", "said"), [
    (0.2, True, ["drawing ..."]), (0.0, True, []), (0.2, False, []),
])  # fmt: skip
def test_waiting_is_explained_to_who_watches(lines, monkeypatch, seconds, watched, said):
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched, raising=False)
    with waiting("drawing"):
        time.sleep(seconds)
    assert lines() == said


@pytest.mark.parametrize("count", [bench_steps, claim_steps, hash_steps])
def test_what_takes_long_tells_how_far_it_is(count, tmp_path):
    told = []
    count(lambda done, total: told.append((done, total)), tmp_path)
    done, totals = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert len({*totals}) == 1
    assert done[-1] == totals[0] > 1
