"""Claims on what happens to an imbalance near the balanced line and near the ellipse."""

import math

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.balanced import line
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import ABSTRACT, Room, derived, observed, proved
from lt2f.claims.plane import starts
from lt2f.claims.study import MissingError, Study
from lt2f.claims.two_cycle import two_cycle
from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime

ROOM = Room("transverse")

_NAMES = "transverse_lyapunov", "transverse_lyapunov_error"
_MEAN_LOG = "1 + mu e + e^2 >= |1 + e|^mu; lt2f/dynamics/theory.py: fate"


@ROOM.claim(
    "attracting",
    "balanced attractors attract across the slice for 1 < mu < 2 (transverse exponent of the cell "
    "where its sign is least certain)",
    f"{ABSTRACT} (can be transversely attracting); for every mu: {derived(_MEAN_LOG)}",
)
def _attracting(study: Study) -> Finding:
    cells = line(study, 1.0, 2.0, *_NAMES, margin=0.01)
    cells = cells.where((cells["mu"] < 2) & (cells["regime"] != Regime.DIVERGENT))
    rate, error = cells[_NAMES[0]], cells[_NAMES[1]]
    reach = forms.quantile(rate.size) * error
    k = int(np.argmax((rate + reach) / np.maximum(reach, 1e-300)))
    note = f"{rate.size:,} cells, this one at mu = {cells['mu'][k]:.6g}"
    return forms.below(0.0, float(rate[k]), float(reach[k]), note)


@ROOM.claim(
    "two_cycle",
    "transverse exponent of the two-cycle, log(3 - 2 mu)/2",
    proved("theory", "two_cycle_transverse_exponent"),
)
def _two_cycle(study: Study) -> Finding:
    cells = two_cycle(study, *_NAMES)
    known = theory.two_cycle_transverse_exponent(cells["mu"])
    error = SIGMAS * cells[_NAMES[1]] + 1e-12
    return forms.worst(known, cells[_NAMES[0]], error, cells["mu"], 1e-3)


@ROOM.claim(
    "slow_at_1",
    "the transverse exponent over -(mu - 1) tends to 1 as mu falls to 1 (at the least mu above it)",
    derived("log(3 - 2 mu)/2 = -(d + d^2 + 4 d^3/3 + ...), d = mu - 1"),
)
def _slow_at_1(study: Study) -> Finding:
    cells = two_cycle(study, *_NAMES)
    k = int(np.argmin(cells["mu"]))
    d = float(cells["mu"][k]) - 1
    measured = -float(cells[_NAMES[0]][k]) / d
    # what is left out is d + 4 d^2/3 + ... <= d/(1 - 2 d)
    bound = d / (1 - 2 * d) + SIGMAS * float(cells[_NAMES[1]][k]) / d
    return forms.value(1.0, measured, bound, 0.02, f"mu - 1 = {d:.6g}")


@ROOM.claim(
    "slow_at_2",
    "the transverse exponent over -sqrt((2 - mu)/3) tends to 1 as mu rises to 2 "
    "(median over 1.995 < mu < 2)",
    observed("the ellipse repels at the rate sqrt(4(2 - mu)/3) there"),
)
def _slow_at_2(study: Study) -> Finding:
    cells = line(study, 1.995, 1.9995, *_NAMES)
    cells = cells.where(cells["regime"] == Regime.CHAOTIC)
    if cells["mu"].size < 20:
        raise MissingError("needs a sweep along mu alone with steps of 0.0001 or less up to 2")
    root = np.sqrt(2 - cells["mu"])
    ratio = -cells[_NAMES[0]] / (root / math.sqrt(3))
    # The nearness of windows scatters the ratio, far more to one side: a median and its spread.
    middle = float(np.median(ratio))
    spread = 1.86 * float(np.median(np.abs(ratio - middle))) / math.sqrt(ratio.size)
    error = SIGMAS * spread + float(root.max())  # the distance to the limit is of this order
    return forms.value(1.0, middle, error, 0.15, f"median of {ratio.size} chaotic cells")


# On the ellipse


def _ellipse_rates(mu: float, steps: int = 16, lanes: int = 1 << 14) -> tuple[Floats, Floats]:
    """Follow runs that start on the ellipse, for so few steps that rounding cannot leave it.

    The rates along it, by a tangent vector, and across it, by the factor of h, per run.
    """
    m = np.full(lanes, mu)
    a, b = runs.ellipse_starts(m)
    x, y = mu * a - 2 * b, 2 * a - mu * b  # along it: at right angles to the gradient of h
    length = np.log(np.hypot(x, y))
    across = np.zeros(lanes)
    for step, (a, b) in enumerate(runs.descend(a, b, m, steps)):  # noqa: B020
        if step == steps:
            break
        e = a * b - m
        across += np.log(1 + mu * e + e * e)
        k = 2 * a * b - m
        x, y = (1 - b * b) * x - k * y, (1 - a * a) * y - k * x
    return (np.log(np.hypot(x, y)) - length) / steps, across / steps


def _mean(rates: Floats) -> tuple[float, float]:
    return float(rates.mean()), SIGMAS * float(rates.std()) / math.sqrt(rates.size)


@ROOM.claim(
    "ellipse_chaos",
    "the ellipse carries chaotic motion off balance: exponent along it, log 3 (mu = 3/2)",
    f"{ABSTRACT}; the value: {proved('theory', 'ellipse_exponents')}",
)
def _ellipse_chaos(study: Study) -> Finding:
    along, _ = _ellipse_rates(1.5)
    return forms.value(math.log(3), *_mean(along), 0.01, f"{along.size:,} runs of 16 steps")


for _mu in (0.5, 1.0, 1.5, 1.9):

    @ROOM.claim(
        f"ellipse_repels_{_mu:g}".replace(".", "_"),
        f"the ellipse repels: exponent across it, arcosh((1 + sqrt(25 - 4 mu^2))/4), at mu = "
        f"{_mu:g}",
        f"{ABSTRACT} (transversely repelling); the value: {proved('theory', 'ellipse_exponents')}",
    )
    def _ellipse_repels(study: Study, mu: float = _mu) -> Finding:
        _, across = _ellipse_rates(mu)
        known = float(theory.ellipse_exponents(mu)[1])
        return forms.value(known, *_mean(across), 0.02, f"{across.size:,} runs of 16 steps")


@ROOM.claim(
    "ellipse_loss",
    "mean of e^2 on the ellipse: e has the arcsine law on [-2, 2], whose variance is 2 (mu = 1)",
    derived("e = 2 cos 2 theta with theta even; lt2f/dynamics/theory.py: ellipse_residual"),
)
def _ellipse_loss(study: Study) -> Finding:
    mu = np.ones(1 << 14)
    paths = runs.descend(*runs.ellipse_starts(mu), mu, 15)
    squares = np.mean([(a * b - mu) ** 2 for a, b in paths], axis=0)
    return forms.value(2.0, *_mean(squares), 0.03, "16,384 runs of 16 steps")


@ROOM.claim(
    "no_attractor_off_balance",
    "for 1.02 < mu < 1.98 every bounded run of the study ends in balance (largest |a^2 - b^2| at "
    "the end over that of the start)",
    derived("|v|^mu/|h| never grows, so v -> 0 or e -> 0, and no minimum is stable for mu > 1"),
)
def _no_attractor_off_balance(study: Study) -> Finding:
    largest, count = 0.0, 0
    for cells in starts(study, "imbalance_final", transient=2000):
        first, last = np.abs(4 * cells["u"] * cells["v"]), np.abs(cells["imbalance_final"])
        kept = (cells["mu"] > 1.02) & (cells["mu"] < 1.98) & np.isfinite(last) & (first > 1e-3)
        largest = max(largest, float((last[kept] / first[kept]).max(initial=0.0)))
        count += int(kept.sum())
    if not count:
        raise MissingError("needs unbalanced starts with 1.02 < mu < 1.98")
    # it falls like exp(-0.02 n) or faster, for 2,000 steps or more
    return forms.at_most(0.0, largest, 1e-6, f"{count:,} bounded cells")
