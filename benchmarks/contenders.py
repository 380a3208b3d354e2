"""Who else does the standard works: the C reference, and every peer in peers/ that is installed.

A peer is a file of peers/ with a NAME, a SHARE of the cells that it is given (a slow one does
fewer; rates are per step), and those of the functions below that it can do. Each takes a, b and mu
of N cells, shape (N,), all in double precision:

    iterate(a, b, mu, steps)                  a and b after the last step, (2, N)
    exponents(a, b, mu, transient, measure)   Lyapunov exponents, largest first, (2, N)
    orbit(a, b, mu, transient, samples)       residual ab - mu at each step, (N, samples)
    periods(a, b, mu, transient, longest)     steps after which |da| + |db| < 1e-3, 0 for none, (N,)
"""

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lt2f import bench, works

FOLDER = Path(__file__).parent
FUNCTIONS = {"W1": "iterate", "W2": "exponents", "W3": "orbit", "W4": "periods"}
ENOUGH = 2_500_000  # steps that a peer does at least, if the grid has them: all of W3
C, PLAIN = "C", "C, plain (a, b)"

Side = Callable[[str], "tuple[works.Trial, int] | None"]  # a trial of the named work, and its steps


def contenders() -> tuple[dict[str, Side], dict[str, str]]:
    """Return the sides that can take part, and why others cannot."""
    found, missing = _reference()
    for file in sorted((FOLDER / "peers").glob("*.py")):
        try:
            peer = bench.load(file)
        except ImportError as error:
            missing[file.stem] = str(error)
        else:
            found[peer.NAME] = _side(peer)
    return found, missing


def _reference() -> tuple[dict[str, Side], dict[str, str]]:
    reference = bench.load(FOLDER / "reference.py")
    if reference.compiler() is None:
        return {}, {C: "no C compiler"}
    side = reference.side()

    def same(name: str) -> tuple[works.Trial, int]:
        work = works.WORKS[name]
        return works.trial(work, side), work.steps

    def plain(name: str) -> tuple[works.Trial, int] | None:
        """Iterate with three operations a step: less arithmetic, and small imbalances are lost."""
        work = works.WORKS[name]
        return (works.trial(work, side.IN_AB), work.steps) if name == "W1" else None

    return {C: same, PLAIN: plain}, {}


def _side(peer: ModuleType) -> Side:
    def side(name: str) -> tuple[works.Trial, int] | None:
        function = getattr(peer, FUNCTIONS.get(name, ""), None)
        return None if function is None else _trial(function, works.WORKS[name], peer.SHARE)

    return side


def lengths(work: works.Work) -> tuple[int, ...]:
    """Arguments after a, b and mu."""
    return (work.first, work.then) if work.then else (work.first,)


def _trial(function: Callable[..., Any], work: works.Work, share: float) -> tuple[works.Trial, int]:
    u, v, mu = works.starts(work)
    wanted = max(round(share * mu.size), ENOUGH // (work.first + work.then))
    # Spread evenly over the grid: what a cell costs may depend on mu.
    some = np.linspace(0, mu.size - 1, min(wanted, mu.size)).astype(np.int64)
    a, b, mu = (u + v)[some], (u - v)[some], mu[some]

    def run() -> float:
        start = time.process_time()
        function(a, b, mu, *lengths(work))
        return time.process_time() - start

    return run, mu.size * (work.first + work.then)
