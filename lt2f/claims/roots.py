"""Claims on the thresholds found as roots: two ways to one number, ratios and counts."""

import math
from typing import Final

from lt2f.claims import forms
from lt2f.claims.forms import Finding
from lt2f.claims.ledger import Room, derived
from lt2f.claims.study import Study
from lt2f.dynamics import cascade, superstable, thresholds

ROOM = Room("roots")

FEIGENBAUM: Final = 4.669201609102991
"""The universal ratio of period doublings, to double precision (sequence A006890 of the OEIS)."""

_OEIS = "the number: sequence A006890 of the OEIS; that it holds for this map is not proved here"


@ROOM.claim(
    "feigenbaum_superstable",
    "the intervals between the superstable cycles of the cascade shrink by Feigenbaum's ratio",
    _OEIS,
)
def _feigenbaum(study: Study) -> Finding:
    ratio = cascade.feigenbaum(cascade.superstable_cascade())
    return forms.value(FEIGENBAUM, float(ratio.value), float(ratio.error), 1e-6, "by extrapolation")


@ROOM.claim(
    "feigenbaum_bands",
    "the intervals between the mergings of chaotic bands shrink by Feigenbaum's ratio",
    _OEIS,
)
def _feigenbaum_bands(study: Study) -> Finding:
    ratio = cascade.feigenbaum(cascade.band_mergings(thresholds.MERGINGS))
    return forms.value(FEIGENBAUM, float(ratio.value), float(ratio.error), 1e-3, "by extrapolation")


@ROOM.claim(
    "two_sides_of_accumulation",
    "doublings from below and merging bands from above accumulate at one mu (that of the bands)",
    derived("lt2f/dynamics/cascade.py"),
)
def _two_sides(study: Study) -> Finding:
    bands = [row.mu for row in thresholds.band_mergings(thresholds.MERGINGS)]
    last, before = bands[-1], bands[-2]
    # the rest of a geometric series; its ratio is known to a few thousandths by then
    rest = (before - last) / (FEIGENBAUM - 1)
    known = thresholds.accumulation().mu
    return forms.value(known, last - rest, 0.01 * rest, 1e-7, "eight mergings, and their limit")


_BY_HAND: Final = (
    ("doubling_2", "sqrt 5 - 1, the second doubling", math.sqrt(5) - 1),
    ("antisymmetric_birth", "2 sqrt 2 - 1, birth of the cycle x, y, -x, -y", 2 * math.sqrt(2) - 1),
    (
        "antisymmetric_split",
        "sqrt(13 + 3 sqrt 41)/2 - 1, where its residual doubles",
        math.sqrt(13 + 3 * math.sqrt(41)) / 2 - 1,
    ),
    ("superstable_2_M", "3/sqrt 2 - 1, the superstable two-cycle", 3 / math.sqrt(2) - 1),
)
for _id, _text, _known in _BY_HAND:

    @ROOM.claim(
        _id,
        f"root finding gives the closed form {_text}",
        derived("lt2f/dynamics/closed_forms.py; tests/dynamics/test_thresholds.py"),
    )
    def _closed(study: Study, id_: str = _id, known: float = _known) -> Finding:
        rows = (*thresholds.doublings(2), *thresholds.windows(), *thresholds.superstables(2))
        row = next(row for row in rows if row.id == id_)
        return forms.value(known, row.mu, row.error + 4 * math.ulp(known), 1e-12)


@ROOM.claim(
    "superstable_counts",
    "numbers of superstable cycles of residual period n = 1 to 7 in 0 < mu < 2, the sum over odd "
    "divisors d of n of moebius(d) (3^(n/d) - 1)/(2 n) (different roots found)",
    derived("lt2f/dynamics/superstable.py: count"),
)
def _counts(study: Study) -> Finding:
    rows = thresholds.superstables()
    seen = [
        len({row.mu for row in rows if row.id.split("_")[1] == str(n)})
        for n in range(1, thresholds.LONGEST + 1)
    ]
    known = [superstable.count(n) for n in range(1, thresholds.LONGEST + 1)]
    return forms.words(" ".join(map(str, known)), " ".join(map(str, seen)))
