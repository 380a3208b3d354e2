"""Sweeps along mu from near balance: their cells, their periods, and where something begins."""

import math

import numpy as np

from lt2f.claims import forms
from lt2f.claims.forms import Finding
from lt2f.claims.study import Array, Cells, MissingError, Need, Study
from lt2f.dynamics.codes import Regime

_REPEATS, _NEARLY = 1e-8, 1e-5


def line(study: Study, low: float, high: float, *names: str, margin: float = 0.0) -> Cells:
    """Return the labelled cells of the finest sweep along mu from near balance, low < mu <= high.

    The sweep must reach from `low` to `high`, but for a margin at either end.
    """
    reach = low + margin, high - margin
    need = Need(axes=frozenset({"mu"}), record=("regime", *names), mu=reach, near=True)
    cells = study.largest(need).cells("regime", *names)
    mu, regime = cells["mu"], cells["regime"]
    return cells.where((mu > low) & (mu <= high) & (regime != Regime.UNDECIDED))


def passage(
    theory_: float, mu: Array, before: Array, after: Array, resolution: float, takes: str = ""
) -> Finding:
    """Hold a threshold against the first cell beyond it and the last one before that.

    `takes` says, for where nothing is seen, what a sweep needs besides steps that are fine enough.

    Raises
    ------
    MissingError
        If no cell is beyond it, and none near enough that it would have to be.
    """
    if not after.any():
        near = mu[(mu > theory_) & (mu < theory_ + resolution)]
        if not near.size:
            raise MissingError(
                "needs a sweep of kind map, noise none, axes mu alone, with steps of "
                f"{resolution / 2:.1g} or less beyond mu = {theory_:.8g}"
                + f", and {takes}"
                * bool(takes)
            )
        return forms.value(theory_, float(near.max()), 0.0, resolution, "not seen so far")
    high = float(mu[after].min())
    low = mu[before & (mu < high)]
    if not low.size:
        return forms.value(theory_, high, 0.0, resolution, "seen from the first step on")
    return forms.between(theory_, float(low.max()), high, resolution)


def periods(study: Study, low: float, high: float) -> tuple[Array, Array]:
    """Periods over low < mu < high, of the labels of a line or, if these are finer, of orbits."""
    need = Need(
        kind="orbit", axes=frozenset({"mu"}), record=("residual",), mu=(low, high), near=True
    )
    found = []
    for sweep in study.all(need) if study.any(need) else []:
        mu = sweep.cells()["mu"]
        inside = (mu > low) & (mu < high)
        found.append((int(inside.sum()), sweep, inside))
    finest = max(found, key=lambda each: each[0], default=None)
    try:
        cells = line(study, low, high, "period")
    except MissingError:
        if finest is None:
            raise
    else:
        if finest is None or finest[0] <= cells["mu"].size:
            return cells["mu"], cells["period"]
    _, sweep, inside = finest
    orbits = sweep.cells("residual").where(inside)
    return orbits["mu"], sampled_period(orbits["residual"])


def sampled_period(residual: Array) -> Array:
    """Return the least power of 2 after which samples repeat, 0 where none of 3 rounds does.

    It is 0, too, where halves of it nearly repeat: next to a doubling an orbit that still comes
    nearer to a cycle looks like one of twice the period.
    """
    period = np.zeros(residual.shape[0], dtype=np.int64)
    for power in range(int(math.log2(residual.shape[1] / 3)), -1, -1):
        shift = 2**power
        apart = np.abs(residual[:, shift:] - residual[:, :-shift]).max(axis=1)
        period[apart < _NEARLY] = 0
        period[apart < _REPEATS] = shift
    return period
