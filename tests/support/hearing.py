"""Children that hear signals, whatever this process was started to ignore."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heard(*signals: signal.Signals) -> Iterator[None]:
    """Let processes that are started meanwhile hear some signals.

    What is ignored here, as with nohup or behind a shell's `&`, would be ignored there.
    """
    before = {name: signal.signal(name, signal.SIG_DFL) for name in signals}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
