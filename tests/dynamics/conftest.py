"""A second, slow implementation of the map, and a crowd of cells in which every fate occurs."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import repeat
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from lt2f.dynamics.model import CARRIED, MULTIPLICATIVE, QUIET, TARGET

FAR = 10**6  # an orbit that goes beyond this a^2 + b^2 soon has more digits than memory holds

Orbit: TypeAlias = Iterator[tuple[Fraction, Fraction, Fraction]]
Cells: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def rounded(q: Fraction) -> Fraction:
    """Round to 53 bits, ties to even, as if exponents had no limits."""
    nearest = float(q)  # Python divides integers with one rounding
    if abs(nearest) > 2.0**-1000 or not q:
        return Fraction(nearest)
    scale = Fraction(2) ** (q.denominator.bit_length() - q.numerator.bit_length())
    return Fraction(float(q * scale)) / scale


def orbit(
    u: float,
    v: float,
    mu: float,
    steps: int,
    model: int = QUIET,
    noise: Iterable[Fraction] = repeat(Fraction(0)),
) -> Orbit:
    """Yield (U, V, e) at steps 0 ... `steps`, or until S is beyond FAR.

    One rounding for each fused or single operation that the kernels name. `noise` holds amplitude
    times x_t for each step, before any rounding.
    """
    U, V, m, carried = Fraction(u), Fraction(v), Fraction(mu), Fraction(1)
    for _, x in zip(range(steps + 1), noise, strict=False):
        w = rounded(V * V + m)
        e, n = rounded(U * U - w), rounded(U * U + rounded(V * V))
        minus_s = rounded(-2 * e + rounded(-4 * w + 2 * m))
        if model == MULTIPLICATIVE and abs(carried) < CARRIED:
            e = carried
        yield U, V, e
        if 2 * n > FAR:
            return
        h = rounded(1 + x) if model == MULTIPLICATIVE else Fraction(1)
        r = rounded(e - x) if model == TARGET else rounded(h * e)
        carried = rounded(e * rounded(h * rounded(r * rounded(e + m) + minus_s) + 1))
        U, V = rounded(U - U * r), rounded(V + V * r)


@pytest.fixture(scope="session")
def plain_orbit() -> Callable[..., Orbit]:
    return orbit


@pytest.fixture(scope="session")
def crowd() -> Cells:
    """Give (U, V, mu) of 192 cells: ordinary ones and those that could trip a kernel."""
    rng = np.random.default_rng(20)
    cells = [
        # at a minimum to the last bit, U^2 - V^2 = mu: stable and not
        *((1.0, 2.0**-k, 1.0 - 4.0**-k) for k in (1, 2, 3, 4)),
        (0.75, 0.25, 0.5),
        (0.5, 0.0, 0.25),
        (1.25, 1.0, 0.5625),
        # on the ellipse to the last bit, x -> -x, and beside it
        (1.5, 0.0, 0.25),
        (1.5, 2.0**-40, 0.25),
        (2.0, 0.0, 2.0),
        (0.0, 1.0, 1.0),
        # on U = 0 and at the origin
        *((0.0, v, 0.7) for v in (0.0, 0.3, 0.9, 2.0)),
        # balanced, and so nearly that the factor has to be lifted
        *zip(rng.uniform(0.05, 2.0, 40), np.zeros(40), rng.uniform(0.05, 2.1, 40), strict=True),
        *zip(
            rng.uniform(0.05, 1.6, 40),
            2.0 ** rng.uniform(-450, -90, 40),
            rng.uniform(0.7, 2.0, 40),
            strict=True,
        ),
    ]
    rest = 192 - len(cells)
    plane = rng.uniform((-1.7, -1.2, 0.05), (1.7, 1.2, 2.1), (rest, 3))
    u, v, mu = np.array([*cells, *map(tuple, plane)]).T
    return u.copy(), v.copy(), mu.copy()
