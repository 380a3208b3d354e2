"""Claims on the balanced two-cycle, of which everything has a closed form."""

import math

import numpy as np

from lt2f.claims import forms
from lt2f.claims.forms import SIGMAS, Finding
from lt2f.claims.ledger import Room, derived, proved
from lt2f.claims.lines import line
from lt2f.claims.study import Array, Cells, Study
from lt2f.dynamics import theory

ROOM = Room("two_cycle")

_ROUNDING = 1e-12  # of averages over a cycle that is known to rounding


def two_cycle(study: Study, *names: str) -> Cells:
    """Return the cells in which the two-cycle attracts, 1 < mu < sqrt(5) - 1."""
    return line(study, 1.0, math.sqrt(5) - 1, *names, margin=0.01)


@ROOM.claim(
    "largest_exponent",
    "on the two-cycle the larger exponent is that of the multipliers 9 - 2(1 + mu)^2 along and "
    "3 - 2 mu across the slice",
    proved("theory", "two_cycle_multipliers"),
)
def _two_cycle_exponent(study: Study) -> Finding:
    cells = two_cycle(study, "lyapunov", "lyapunov_error")
    known = np.max(np.log(np.abs(theory.two_cycle_multipliers(cells["mu"]))) / 2, axis=0)
    error = SIGMAS * cells["lyapunov_error"][:, 0] + _ROUNDING
    return forms.worst(known, cells["lyapunov"][:, 0], error, cells["mu"], 1e-3)


@ROOM.claim(
    "smallest_exponent",
    "on the two-cycle the smaller exponent is that of the multipliers 9 - 2(1 + mu)^2 along and "
    "3 - 2 mu across the slice",
    proved("theory", "two_cycle_multipliers"),
)
def _two_cycle_smaller(study: Study) -> Finding:
    cells = two_cycle(study, "lyapunov", "lyapunov_error")
    with np.errstate(divide="ignore"):
        known = np.min(np.log(np.abs(theory.two_cycle_multipliers(cells["mu"]))) / 2, axis=0)
    error = SIGMAS * cells["lyapunov_error"][:, 1] + _ROUNDING
    return forms.worst(known, cells["lyapunov"][:, 1], error, cells["mu"], 1e-3)


def _of_two_cycle(name: str, known: Array, cells: Cells) -> Finding:
    error = SIGMAS * cells[f"{name}_error"] + _ROUNDING
    return forms.worst(known, cells[name], error, cells["mu"], 1e-3)


@ROOM.claim("loss", "mean loss on the two-cycle, (mu^2 - 1)/4", proved("theory", "two_cycle_loss"))
def _two_cycle_loss(study: Study) -> Finding:
    cells = two_cycle(study, "loss_mean", "loss_mean_error")
    return _of_two_cycle("loss_mean", theory.two_cycle_loss(cells["mu"]), cells)


@ROOM.claim(
    "sharpness",
    "mean of a^2 + b^2 on the two-cycle, 1 + mu",
    derived("S = 2(e + mu) on the slice, and e has the mean (1 - mu)/2 on the two-cycle"),
)
def _two_cycle_sharpness(study: Study) -> Finding:
    cells = two_cycle(study, "sharpness", "sharpness_error")
    return _of_two_cycle("sharpness", 1 + cells["mu"], cells)


@ROOM.claim(
    "superstable",
    "mu of the superstable two-cycle, 3/sqrt 2 - 1: where the exponents have their least sum",
    proved("theory", "two_cycle_multipliers"),
)
def _superstable_2(study: Study) -> Finding:
    cells = two_cycle(study, "lyapunov")
    mu, total = cells["mu"], cells["lyapunov"].sum(axis=1)
    k = int(np.clip(np.argmin(total), 1, mu.size - 2))
    return forms.between(3 / math.sqrt(2) - 1, float(mu[k - 1]), float(mu[k + 1]), 0.02)
