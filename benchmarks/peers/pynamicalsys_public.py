"""pynamicalsys, by its public functions, one cell at a time as they are."""

import numba
import numpy as np
from numpy.typing import NDArray
from pynamicalsys import DiscreteDynamicalSystem

NAME = "pynamicalsys"
SHARE = 1 / 4000

Floats = NDArray[np.float64]


@numba.njit
def mapping(u, parameters):  # type: ignore[no-untyped-def]
    """One step of the map."""
    e = u[0] * u[1] - parameters[0]
    return np.array([u[0] - e * u[1], u[1] - e * u[0]])


@numba.njit
def jacobian(u, parameters, *args):  # type: ignore[no-untyped-def]
    """Jacobian of a step."""
    g = 2.0 * u[0] * u[1] - parameters[0]
    return np.array([[1.0 - u[1] ** 2, -g], [-g, 1.0 - u[0] ** 2]])


SYSTEM = DiscreteDynamicalSystem(
    mapping=mapping, jacobian=jacobian, system_dimension=2, number_of_parameters=1
)


def iterate(a: Floats, b: Floats, mu: Floats, steps: int) -> Floats:
    """a and b after the last step, (2, N)."""
    ends = [
        SYSTEM.trajectory(start, steps, parameters=[m], transient_time=steps - 1)[-1]
        for start, m in zip(np.array([a, b]).T, mu, strict=True)
    ]
    return np.array(ends).T


def exponents(a: Floats, b: Floats, mu: Floats, transient: int, measure: int) -> Floats:
    """Lyapunov exponents, largest first, (2, N)."""
    total = transient + measure
    found = [
        SYSTEM.lyapunov(start, total, parameters=[m], transient_time=transient)
        for start, m in zip(np.array([a, b]).T, mu, strict=True)
    ]
    return np.array(found).T


def orbit(a: Floats, b: Floats, mu: Floats, transient: int, samples: int) -> Floats:
    """Residual ab - mu at each step, (N, samples)."""
    before, last = (
        transient - 1,
        transient + samples - 1,
    )  # a path begins a step after its transient
    found = []
    for start, m in zip(np.array([a, b]).T, mu, strict=True):
        path = SYSTEM.trajectory(start, last, parameters=[m], transient_time=before)
        found.append(path[:, 0] * path[:, 1] - m)
    return np.array(found)
