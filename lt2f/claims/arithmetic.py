"""Claims on the arithmetic: a sample of a study's cells, computed again in 50 digits.

Doubles carry a chaotic orbit for some 36 nats, then it is another one. What must not depend on
that are labels, and averages within their errors.
"""

from functools import lru_cache
from typing import Final

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import Finding
from lt2f.claims.ledger import Room, derived
from lt2f.claims.study import Need, Study, Sweep
from lt2f.dynamics.arithmetic import AVERAGES, LABELS, Comparison, examine
from lt2f.dynamics.codes import Regime

ROOM = Room("arithmetic")

_CELLS: Final = 40
_LONGEST: Final = 20_000  # steps, of a second look at a cell
_PERIODS: Final = 64  # the default of max_period
_RECORD = (*LABELS, *AVERAGES, *(f"{name}_error" for name in AVERAGES))
_AGAIN = derived("lt2f/dynamics/arithmetic.py: examine; tests/dynamics/test_arithmetic.py")


def _compared(study: Study) -> Comparison:
    """Compute a sample of the largest sweep that recorded labels and averages once more."""
    need = Need(across=frozenset({"mu"}), record=_RECORD)
    plain = [sweep for sweep in study.all(need) if "perturbation" not in sweep.axes]
    return _examined(plain[0])


@lru_cache(maxsize=1)
def _examined(sweep: Sweep) -> Comparison:
    """Compare once for all claims of the room."""
    dataset, names = sweep.dataset.transpose(*sweep.axes, ...), sweep.axes
    grid = np.meshgrid(*(dataset[name].values for name in names), indexing="ij", sparse=True)
    coordinates = dict(zip(names, grid, strict=True))
    for name, x in dataset.coords.items():
        if x.ndim == 0:
            coordinates[str(name).removesuffix("_start")] = x.values
    starts = ("imbalance", "product") if "imbalance" in coordinates else ("a", "b")
    transient, measure = (
        min(sweep.iterations[name], _LONGEST) for name in ("transient", "measure")
    )
    _, found = examine(
        {name: dataset[name].values for name in _RECORD},
        {name: coordinates[name] for name in ("mu", *starts)},
        (transient, measure, sweep.iterations.get("max_period", _PERIODS)),
        _CELLS,
        runs.SEED,
    )
    return found


@ROOM.claim(
    "labels",
    "labels and periods do not depend on the arithmetic: in 50 digits a cell has those of doubles "
    "(cells of a sample that have not)",
    _AGAIN,
)
def _labels(study: Study) -> Finding:
    found = _compared(study)
    decided, cells = int(found.decided.sum()), found.decided.size
    note = (
        f"of {cells} drawn from every regime, half of them next to another label; the others are "
        "undecided in doubles or in 50 digits"
    )
    return forms.none(int(found.differ.sum()), decided, note, cells // 2)


@ROOM.claim(
    "chaos",
    "averages in chaos do not depend on the arithmetic: those of doubles and of 50 digits differ "
    "by chance (largest difference in standard errors)",
    _AGAIN,
)
def _chaos(study: Study) -> Finding:
    found = _compared(study)
    worst, count = found.worst(found.z, Regime.CHAOTIC)
    if not count:
        return forms.none(0, 0, "no chaotic cell was drawn")
    note = f"{count} exponents, sharpnesses and losses; by chance one in 1,000 samples is beyond"
    return forms.at_most(round(Comparison.limit(count), 2), round(worst, 2), 0.0, note)


@ROOM.claim(
    "cycles",
    "averages over cycles are those of 50 digits to rounding (largest difference)",
    _AGAIN,
)
def _cycles(study: Study) -> Finding:
    found = _compared(study)
    largest, count = found.worst(found.differences, Regime.PERIODIC)
    if not count:
        return forms.none(0, 0, "no cycle was drawn")
    # next to a doubling, at a multiplier of 0.999, rounding takes three to five digits of sixteen
    return forms.value(0.0, largest, 1e-10, 1e-6, f"{count} exponents, sharpnesses and losses")
