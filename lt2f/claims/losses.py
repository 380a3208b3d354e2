"""Claims on other losses: what is left of the map's theory, and what the pseudo-Huber loss adds.

A loss l with l'(0) = 0 and l''(0) = 1 has the minima of the map and their stability; runs here are
loops that take a law's own l' and nothing else of it.
"""

from collections.abc import Iterator

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import Finding, Floats
from lt2f.claims.ledger import Room, derived
from lt2f.claims.study import Need, Study
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.steps import STEPS

ROOM = Room("losses")

_FITTING = [name for name, law in STEPS.items() if law.fits]
_SAME = derived("l' = e + o(e); docs/theory/losses.md, tests/dynamics/test_steps.py")
_CLIPPED = derived("|l'| < delta; docs/theory/losses.md, tests/dynamics/test_steps.py")
_RESTING = 1e-13  # length of a step from which a run counts as at rest


def descend(
    name: str, a: Floats, b: Floats, mu: Floats, s: Floats, steps: int
) -> Iterator[tuple[Floats, Floats]]:
    """Yield (a, b) at steps 0 ... `steps` of descent under a law of strength s."""
    slope = STEPS[name].derivatives
    yield a, b
    for _ in range(steps):
        r = slope(a * b - mu, s)[0]
        a, b = a - r * b, b - r * a
        yield a, b


@ROOM.claim(
    "minima",
    "with another loss whose minimum is at e = 0, and of curvature one, a run that comes to rest "
    "does so at ab = mu, where a^2 + b^2 is 2 at most (the larger of |ab - mu| and a^2 + b^2 - 2)",
    _SAME,
)
def _minima(study: Study) -> Finding:
    off = []
    for name in _FITTING:
        a, b, mu, s = runs.generator().random((4, 20_000))
        a, b, mu = 3 * a - 1.5, 3 * b - 1.5, 1.2 * mu
        with np.errstate(all="ignore"):
            *_, (c, d), (a, b) = descend(name, a, b, mu, s, 3000)
            rests = np.hypot(a - c, b - d) < _RESTING
        size = np.hypot(a, b)
        # Next to the origin, which repels, nothing is at rest for long; a step there is mu a.
        rests &= size > 1e-3
        off += [np.maximum(np.abs(a * b - mu), size**2 - 2)[rests]]
    found = np.concatenate(off)
    # A step is as long as e times sqrt(a^2 + b^2), and that is at least sqrt(2 mu).
    note = f"{found.size:,} random starts at rest after 3,000 steps"
    return forms.at_most(0.0, float(found.max()), 1e-9, note)


@ROOM.claim(
    "edge",
    "with such a loss no run converges beyond mu = 1, for ab = mu has a^2 + b^2 >= 2 mu (cells "
    "that do)",
    _SAME,
)
def _edge(study: Study) -> Finding:
    wrong = count = 0
    needs = {
        name: Need(noise=name, across=frozenset({"mu", name}), record=("regime",))
        for name in _FITTING
    }
    there = [name for name, need in needs.items() if study.any(need)] or _FITTING[:1]
    for name in there:
        for sweep in study.all(needs[name]):
            for cells in sweep.parts("regime"):
                other = (cells[name] > 0) & (cells["mu"] > 1)
                rests = np.isin(cells["regime"], (Regime.MONOTONE, Regime.CATAPULT))
                wrong, count = wrong + int((other & rests).sum()), count + int(other.sum())
    return forms.none(wrong, count, least=100)


@ROOM.claim(
    "bounded",
    "with the pseudo-Huber loss of a scale delta < 2 no balanced start escapes, however large mu "
    "is (random starts that leave |a| <= max(|a0|, (1 + delta) sqrt(mu)))",
    _CLIPPED,
)
def _bounded(study: Study) -> Finding:
    x, mu, delta = runs.generator().random((3, 20_000))
    x, mu, delta = 20 * x - 10, 40 * mu, 0.1 + 1.89 * delta
    reach, farthest = np.maximum(np.abs(x), (1 + delta) * np.sqrt(mu)), np.abs(x)
    for a, _ in descend("huber", x, x, mu, 1 / delta, 500):
        farthest = np.maximum(farthest, np.abs(a))
    # beyond the bound by no more than rounding
    return forms.none(int((farthest > reach * (1 + 1e-12)).sum()), x.size, "500 steps each")


@ROOM.claim(
    "balance",
    "with the pseudo-Huber loss of a scale delta <= sqrt 2 a step never makes |a^2 - b^2| larger "
    "(largest factor of a step)",
    _CLIPPED,
)
def _balance(study: Study) -> Finding:
    a, b, mu, delta = runs.generator().random((4, 20_000))
    a, b, mu, delta = 6 * a - 3, 6 * b - 3, 3 * mu, 0.1 + (2**0.5 - 0.1) * delta
    largest, last = 0.0, np.full(a.size, np.inf)
    for x, y in descend("huber", a, b, mu, 1 / delta, 60):
        imbalance = np.abs((x + y) * (x - y))
        clear = (last > 1e-6) & (last < np.inf)  # of what rounding makes of a difference
        largest = max(largest, float((imbalance[clear] / last[clear]).max(initial=0.0)))
        last = imbalance
    return forms.at_most(1.0, largest, 1e-8)
