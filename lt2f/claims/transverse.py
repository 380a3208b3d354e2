"""Claims on what happens to an imbalance near the balanced line."""

import math

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import ABSTRACT, Room, derived, observed, proved
from lt2f.claims.lines import line
from lt2f.claims.plane import starts
from lt2f.claims.study import MissingError, Study
from lt2f.claims.two_cycle import two_cycle
from lt2f.dynamics import theory, transverse
from lt2f.dynamics.closed_forms import CLOSED_FORMS
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
    observed(
        "it follows if the density of e at -1 tends to that of mu = 2: "
        "lt2f/dynamics/transverse.py: near_full_chaos"
    ),
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


@ROOM.claim(
    "antisymmetric",
    "transverse exponent of the cycle x, y, -x, -y: log|3 - 2w|/2 with w the smaller root of "
    "w^2 - (1 + mu) w + 2 = 0",
    proved("transverse", "antisymmetric_transverse_exponent"),
)
def _antisymmetric(study: Study) -> Finding:
    first, last = (known.mu for known in CLOSED_FORMS if known.id.startswith("antisymmetric"))
    cells = line(study, first, last, *_NAMES, "period", "residual_period", margin=0.002)
    cells = cells.where((cells["period"] == 4) & (cells["residual_period"] == 2))
    if not cells["mu"].size:
        raise MissingError("needs a sweep along mu alone with steps of 0.001 or less up to 2")
    known = transverse.antisymmetric_transverse_exponent(cells["mu"])
    error = SIGMAS * cells[_NAMES[1]] + 1e-12
    return forms.worst(known, cells[_NAMES[0]], error, cells["mu"], 1e-3)


def _merged_rates(lanes: int = 4096, steps: int = 600, settle: int = 100) -> tuple[Floats, Floats]:
    """Rates of runs at the merging of the attractors, along the line and across it, per run."""
    mu = 1.5 * math.sqrt(3) - 1
    along, across = np.zeros(lanes), np.zeros(lanes)
    starts_ = 0.2 + runs.generator().random(lanes)
    for step, x in enumerate(runs.balanced(starts_, np.full(lanes, mu), settle + steps - 1)):
        if step >= settle:
            along += np.log(np.abs(1 + mu - 3 * x * x))
            across += np.log(np.abs(1 + x * x - mu))
    return along / steps, across / steps


for _rank, _way, _what in ((0, "along", "along the line"), (1, "across", "across it")):

    @ROOM.claim(
        f"merging_{_way}",
        f"where the attractors in x > 0 and x < 0 merge, exponent {_what}: the average over the "
        "invariant density, the leading eigenvector of a transfer operator",
        proved("transverse", "merging_exponents"),
    )
    def _merging(study: Study, rank: int = _rank) -> Finding:
        rates = _merged_rates()[rank]
        error = SIGMAS * float(rates.std()) / math.sqrt(rates.size)
        known = transverse.merging_exponents()[rank]
        return forms.value(known, float(rates.mean()), error, 0.01, "4,096 runs of 600 steps")


@ROOM.claim(
    "no_attractor_off_balance",
    "for 1.02 < mu < 1.98 every run of the study from inside the ellipse ends in balance (largest "
    "|a^2 - b^2| at the end over that of the start)",
    derived(
        "|v|^mu/|h| never grows, v = a - b and h = a^2 + b^2 - mu ab - (4 - mu^2), so v -> 0 or "
        "e -> 0, and no minimum is stable for mu > 1"
    ),
)
def _no_attractor_off_balance(study: Study) -> Finding:
    largest, count = 0.0, 0
    for cells in starts(study, "imbalance_final", transient=2000):
        first, last = np.abs(4 * cells["u"] * cells["v"]), np.abs(cells["imbalance_final"])
        kept = (cells["mu"] > 1.02) & (cells["mu"] < 1.98) & (cells.h < 0)
        kept &= np.isfinite(last) & (first > 1e-3)
        largest = max(largest, float((last[kept] / first[kept]).max(initial=0.0)))
        count += int(kept.sum())
    if not count:
        raise MissingError("needs unbalanced starts with 1.02 < mu < 1.98")
    # Starts outside that land on an unstable minimum, exactly, stay there; they have no measure.
    # It falls like exp(-0.02 n) or faster, for 2,000 steps or more
    note = f"{count:,} cells; 1e-6 is allowed for what is left of it after a finite run"
    return forms.at_most(0.0, largest, 1e-6, note)
