"""Windows of periodic attractors on the balanced line: where one opens, doubles, merges, closes.

About a superstable cycle of residual period n the n-th iterate of x' = k x - x^3, k = 1 + mu, with
the sign with which x comes back, is nearly a parabola: in z proportional to x - x_0 it reads
z' = z^2 + c, with c linear in mu near its zero. There the events of a window are those of the
parabola, which predicts them; each is then found from its own equation.
"""

import math
from typing import Final, NamedTuple

from lt2f.dynamics.bifurcations import cycle_point
from lt2f.dynamics.critical import Root, relation
from lt2f.dynamics.superstable import flips, superstable

_OPENS: Final = (0.25, 0.5)  # c and the cycle's z where z' = z^2 + c has multiplier 1
_DOUBLES: Final = (-0.75, -0.5)  # multiplier -1
_MERGES: Final = -1.5436890126920764  # 0 lands on the unstable fixed point at its third image
_CLOSES: Final = -2.0  # at its second, on the other fixed point: from there z escapes


class Window(NamedTuple):
    """The events of a window, by increasing mu; the word is that of its superstable cycle.

    It opens where a stable and an unstable cycle of its residual period n are born. Where x comes
    back with its sign turned, the period of (a, b) is 2n from then on: the doubling of the residual
    is a pitchfork into a mirrored pair of period 2n, and where its two bands merge, the mirrored
    attractors do. Otherwise (a, b) has the period of the residual, a mirrored pair all along. The
    window closes by a crisis, where the attractor meets the unstable cycle born with it.
    """

    word: str
    opens: Root
    superstable: Root
    doubles: Root
    merges: Root
    closes: Root


def window(word: str) -> Window:
    """Find the window of a word of at least one lap.

    Raises ValueError where the word is not that of a superstable cycle, or is empty: the window of
    period 1 opens at mu = 0, by an exchange of stability with the origin.
    """
    if not word:
        raise ValueError("the window of period 1 is not born from a tangency")
    period, sign, centre = len(word) + 1, flips(word), superstable(word)
    unit_mu, unit_x = parabola(float(centre.mu), period, sign)
    x, mu = math.sqrt((1 + centre.mu) / 3), float(centre.mu)

    def at(c: float, z: float, multiplier: int) -> Root:
        return cycle_point(period, multiplier, x + z * unit_x, mu + c * unit_mu, sign).root

    return Window(
        word=word,
        opens=at(*_OPENS, 1),
        superstable=centre,
        doubles=at(*_DOUBLES, -1),
        merges=relation(4 * period, 3 * period, sign, mu + _MERGES * unit_mu),
        closes=relation(3 * period, 2 * period, sign, mu + _CLOSES * unit_mu),
    )


def parabola(mu: float, period: int, sign: int) -> tuple[float, float]:
    """Return the units of mu and x in which the return map at a superstable mu is z^2 + c.

    With f^n(x_0 + y) = x_0 + F + A y^2, F linear in mu, z = A y and c = A F.
    """
    k = 1 + mu
    x = x_0 = math.sqrt(k / 3)
    slope = x / (2 * k)
    y, y_k, product = x * (k - x * x), x, 1.0  # the slope of x_0 in k meets a zero derivative
    for _ in range(period - 1):
        d = k - 3 * y * y
        y_k, product, y = d * y_k + y, d * product, y * (k - y * y)
    bend = -3 * x_0 * sign * product
    return 1 / (bend * (sign * y_k - slope)), 1 / bend
