"""Tests of how the page's server ends."""

import signal

import pytest

from lt2f.explore import server


class Finalised:
    """Something that is interrupted while it is finalised, where Python passes over exceptions."""

    def __init__(self, name: signal.Signals) -> None:
        self.name = name

    def __del__(self) -> None:
        signal.raise_signal(self.name)


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_no_interrupt_is_lost(maps, name):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    heard = signal.getsignal(name)
    late = []
    try:
        with server.serving(maps, 0) as serving:
            loop = serving.io_loop.asyncio_loop
            loop.call_later(0.1, lambda: Finalised(name) and None)
            end = loop.call_later(60, lambda: (late.append(name), loop.stop()))
            server.run(serving)
            end.cancel()
        assert not late
        assert signal.getsignal(name) is heard
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_is_to_be_ignored_is_ignored(maps):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended = []
    try:
        with server.serving(maps, 0) as serving:
            loop = serving.io_loop.asyncio_loop
            loop.call_later(0.1, signal.raise_signal, signal.SIGINT)
            loop.call_later(0.5, lambda: (ended.append("later"), loop.stop()))
            server.run(serving)
        assert ended == ["later"]
    finally:
        signal.signal(signal.SIGINT, before)
