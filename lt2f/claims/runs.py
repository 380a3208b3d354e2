"""Short runs of a ledger's own, written as the paper writes the map: no kernel, no shortcut.

They are what a claim is held against where no dataset says it, or where a dataset would owe its
label to the theorem under test. Every run begins with the same seed.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt2f.claims.forms import Floats
from lt2f.dynamics import labels, theory
from lt2f.dynamics.lanes import SILENCE
from lt2f.dynamics.survey import Schedule

SEED = 20260520
_LOOK = 40  # steps between looks for runs that have gone


def generator() -> np.random.Generator:
    """Return the source of chance of one run."""
    return np.random.Generator(np.random.Philox(SEED))


def descend(a: Floats, b: Floats, mu: Floats, steps: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield (a, b) at steps 0 ... `steps` of (a, b) -> (a - (ab - mu) b, b - (ab - mu) a)."""
    yield a, b
    for _ in range(steps):
        e = a * b - mu
        a, b = a - e * b, b - e * a
        yield a, b


def inner_starts(mu: Floats, edge: float = 1.0) -> tuple[Floats, Floats]:
    """Return random (a, b) in the ellipse of each mu, evenly over its area shrunk by `edge`."""
    chance = generator()
    radius, turn = np.sqrt(chance.random(mu.size)), 2 * np.pi * chance.random(mu.size)
    u = edge * np.sqrt(2 + mu) * radius * np.cos(turn)
    v = edge * np.sqrt(2 - mu) * radius * np.sin(turn)
    return u + v, u - v


def labelled(
    a: Floats, b: Floats, mu: Floats, transient: int, measure: int
) -> dict[str, NDArray[Any]]:
    """Label cells by brute force: no theorem and no early exit decides one."""
    schedule = Schedule(transient=transient, measure=measure, max_period=64, shortcuts=False)
    return dict(labels.explore((a + b) / 2, (a - b) / 2, mu, schedule, SILENCE))


def bounded(a: Floats, b: Floats, mu: Floats, steps: int) -> NDArray[np.bool_]:
    """Tell which runs stay within a^2 + b^2 <= 1e6 for all their steps, looking now and then."""
    out, staying = np.zeros(a.size, dtype=bool), np.arange(a.size)
    for _ in range(0, steps, _LOOK):
        with np.errstate(all="ignore"):
            *_, (a, b) = descend(a, b, mu, _LOOK)
            kept = a * a + b * b <= 1e6
        a, b, mu, staying = a[kept], b[kept], mu[kept], staying[kept]
    out[staying] = True
    return out


def balanced(x: Floats, mu: Floats, steps: int) -> Iterator[Floats]:
    """Yield x at steps 0 ... `steps` of x -> (1 + mu) x - x^3, the balanced line a = b = x."""
    yield x
    for _ in range(steps):
        x = (1 + mu) * x - x * x * x
        yield x


def ellipse_side(a: Floats, b: Floats, mu: Floats) -> Floats:
    """Return h of states (a, b) from its definition, a^2 + b^2 - mu ab - (4 - mu^2)."""
    return a * a + b * b - mu * a * b - (4 - mu * mu)


def ellipse_point(angle: Floats, mu: Floats | float) -> tuple[Floats, Floats]:
    """Return the point (a, b) of the ellipse at an angle in radians, counted on its half axes."""
    u, v = np.sqrt(2 + mu) * np.cos(angle), np.sqrt(2 - mu) * np.sin(angle)
    return u + v, u - v


def ellipse_angle(a: Floats, b: Floats, mu: Floats | float) -> Floats:
    """Return the angle in radians of a point (a, b) of the ellipse."""
    return np.arctan2((a - b) / np.sqrt(2 - mu), (a + b) / np.sqrt(2 + mu))


def ellipse_starts(mu: Floats) -> tuple[Floats, Floats]:
    """Return random (a, b) on the ellipse, evenly in its angle, to rounding."""
    phi = generator().integers(0, 1 << 64, mu.size, dtype=np.uint64)
    u, v = theory.ellipse_point(phi, mu)
    return u + v, u - v


def periodic_points(mu: float, n: int) -> Floats:
    """Find the angles of all points of the ellipse that n steps of the map return to.

    Between two neighbours on a grid the angle by which n steps turn a point changes its sign there
    and not by a whole turn; what it is between is a straight line.
    """
    angle = np.linspace(0.0, 2 * np.pi, 40 * 3**n) + 0.01
    *_, image = descend(*ellipse_point(angle, mu), np.full(angle.size, mu), n)
    turned = ellipse_angle(*image, mu) - angle
    turned -= 2 * np.pi * np.round(turned / (2 * np.pi))
    jump = np.diff(turned)
    found = np.flatnonzero((turned[:-1] * turned[1:] < 0) & (np.abs(jump) < np.pi))
    share = turned[found] / -jump[found]
    return np.asarray(angle[found] + share * (angle[1] - angle[0]))


def ellipse_cycles(mu: float, n: int) -> int:
    """Count the ellipse's cycles of exact period n, taking each point of that period a step on."""
    angle = np.sort(periodic_points(mu, n) % (2 * np.pi))
    _, image = descend(*ellipse_point(angle, mu), np.full(angle.size, mu), 1)
    following = ellipse_angle(*image, mu)
    off = np.abs(np.exp(1j * following)[:, np.newaxis] - np.exp(1j * angle))
    step, place = off.argmin(axis=1), np.arange(angle.size)
    period = np.zeros(angle.size, dtype=np.int64)
    for k in range(1, n + 1):
        place = step[place]
        period[(period == 0) & (place == np.arange(angle.size))] = k
    return Counter(period.tolist())[n] // n
