"""The settling experiment: transformers trained just below and just above each threshold on mu.

What each did is set beside what the map says of the same start and step size. Starts are near
balance, a^2 - b^2 = 0.01. Next to 2 sqrt 2 - 2, which is of balanced starts, they are balanced,
with the residual 1 - mu/2 from which the loss rises most.
"""

import functools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lt2f import reduction, trained
from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, derived
from lt2f.claims.study import Study
from lt2f.dynamics import theory, thresholds
from lt2f.dynamics.codes import Regime
from lt2f.training.prompts import Prompt, gaussian_prompt
from lt2f.training.transformer import Model

ROOM = Room("settling")

SEED, DIMENSION, CONTEXT, LABEL_NOISE = 20260520, 8, 32, 0.2
LENGTHS = trained.Lengths(transient=4000, measure=1000, max_period=64)
# What changes there, and how far to go aside: near enough to lie in the phases that meet there, and
# so far that what attracts does so within the run, for attraction vanishes at the thresholds.
PLACES = {
    "monotone_end": ("the first balanced starts catapult", 1e-3),
    "doubling_1": ("the edge of stability", 8e-3),
    "doubling_2": ("the second doubling", 3e-3),
    "doubling_3": ("the third doubling", 1e-3),
    "accumulation": ("the end of the doublings", 2e-3),
    "first_period_3": ("the first cycle of period 3", 1e-3),
    "attractor_merging": ("the merging of the two attractors", 1e-2),
    "antisymmetric_birth": ("the birth of the antisymmetric cycle", 1e-3),
    "chebyshev": ("the end of bounded training", 1e-2),
}
NEARLY = 0.02  # what exponents may differ by beyond four standard errors, which short runs misjudge


@dataclass(frozen=True, slots=True)
class Settled:
    """One training next to a threshold: what it did, and what the map says.

    Each of `ours` and `forecast` is the regime, the period of the residual, and the larger exponent
    along with its standard error, in nats per step. `sides` tells of both whether the value, or a,
    changes its sign in the last steps: where the two attractors have merged.
    """

    threshold: str
    mu: float
    model: Model
    prompt: int
    ours: tuple[Regime, int, float, float]
    forecast: tuple[Regime, int, float, float]
    sides: tuple[bool, bool]

    @property
    def agrees(self) -> bool:
        """Whether regime, period and side are the same, and the exponents within their errors."""
        (regime, period, rate, error), (regime_, period_, rate_, error_) = self.ours, self.forecast
        if (regime, period) != (regime_, period_) or self.sides[0] != self.sides[1]:
            return False
        room = NEARLY + SIGMAS * math.hypot(error, error_)
        return regime == Regime.DIVERGENT or abs(rate - rate_) <= room


def places() -> dict[str, tuple[float, float]]:
    """Return mu just below and just above each threshold."""
    known = {row.id: row.mu for row in thresholds.full_table()}
    known["monotone_end"] = 2.0 * math.sqrt(2.0) - 2.0
    return {id_: (known[id_] - aside, known[id_] + aside) for id_, (_, aside) in PLACES.items()}


def starts() -> tuple[list[str], Floats, Floats, Floats]:
    """Return names of thresholds, and starts a and b and effective step sizes mu next to them."""
    both = places()
    names = [name for name in both for _ in range(2)]
    mu = np.array([mu for pair in both.values() for mu in pair])
    a, b = theory.start(np.full(mu.size, 0.01), np.full(mu.size, 0.3))
    steepest = np.array([name == "monotone_end" for name in names])
    a[steepest] = b[steepest] = np.sqrt(1.0 + mu[steepest] / 2.0)  # e = ab - mu = 1 - mu/2
    return names, a, b, mu


def settle(
    models: Sequence[Model] = (Model.SCALAR, Model.MATRIX),
    prompts: Sequence[int] = (0, 1, 2),
    lengths: trained.Lengths = LENGTHS,
) -> list[Settled]:
    """Train next to every threshold, and hold what comes of it against the map."""
    return [
        row
        for model in models
        for k in prompts
        for row in _settle(
            model, k, gaussian_prompt(SEED, k, DIMENSION, CONTEXT, LABEL_NOISE), lengths
        )
    ]


def _settle(model: Model, k: int, prompt: Prompt, lengths: trained.Lengths) -> Iterator[Settled]:
    names, a, b, mu = starts()
    unit = reduction.unit_mu(model, prompt, reduction.start(model, prompt, 1.0, 1.0, 1.0))
    eta = mu / unit
    start = reduction.start(model, prompt, a, b, eta)
    found, iterates = trained.compare(model, prompt, start, eta, lengths)
    crosses = np.ptp(np.sign(iterates.value), axis=0), _crosses(a, b, mu, len(iterates.value))
    for i, name in enumerate(names):
        ours, forecast = (
            (
                Regime(int(found[f"{whose}regime"][i])),
                int(found[f"{whose}residual_period"][i]),
                float(found[f"{whose}lyapunov"][i, 0]),
                float(found[f"{whose}lyapunov_error"][i, 0]),
            )
            for whose in ("", "map_")
        )
        sides = bool(crosses[0][i] > 0), bool(crosses[1][i] > 0)
        yield Settled(name, float(mu[i]), model, k, ours, forecast, sides)


def _crosses(a: Floats, b: Floats, mu: Floats, last: int) -> Floats:
    """How much the sign of a varies over the last steps of the map."""
    with np.errstate(all="ignore"):
        signs = [np.sign(x) for x, _ in runs.descend(a, b, mu, LENGTHS.total)]
    return np.asarray(np.ptp(np.stack(signs[-last:]), axis=0))


def records(rows: Iterable[Settled]) -> Iterator[dict[str, str]]:
    """Yield the rows as they are in settling.csv, each with its side of the threshold."""
    above = {name: mu for name, (_, mu) in places().items()}
    for row in rows:
        parts = {
            f"{whose}{key}": value
            for whose, found, crosses in zip(
                ("", "map_"), (row.ours, row.forecast), row.sides, strict=True
            )
            for key, value in _written(found, crosses).items()
        }
        yield {
            "threshold": row.threshold,
            "side": "above" if row.mu == above[row.threshold] else "below",
            "mu": f"{row.mu:.10g}",
            "model": row.model.value,
            "prompt": str(row.prompt),
            **parts,
            "agrees": "yes" if row.agrees else "no",
        }


def _written(found: tuple[Regime, int, float, float], crosses: bool) -> dict[str, str]:
    regime, period, rate, error = found
    return {
        "regime": regime.name.lower(),
        "residual_period": str(period),
        "lyapunov": f"{rate:.6g}",
        "lyapunov_error": f"{error:.2g}",
        "changes_sign": "yes" if crosses else "no",
    }


# The rows of the ledger


@functools.cache
def trainings() -> list[Settled]:
    """Return what the ledger holds against the map: six trainings on each side of a threshold."""
    return settle()


def finding(rows: Sequence[Settled]) -> Finding:
    """Say of the trainings next to one threshold what they did below it | above it."""
    sides = [[row for row in rows if row.mu == mu] for mu in sorted({row.mu for row in rows})]
    theory = " | ".join(_told((row.forecast, row.sides[1]) for row in side) for side in sides)
    ours = " | ".join(_told((row.ours, row.sides[0]) for row in side) for side in sides)
    differ = sum(not row.agrees for row in rows)
    measured = f"{ours}; {differ} not as the map" if differ else ours
    rates = " | ".join(f"{np.mean([row.ours[2] for row in side]):+.4f}" for side in sides)
    mu = " | ".join(f"{side[0].mu:.6g}" for side in sides)
    trained_ = f"{len(rows)} trainings at mu = {mu}, mean exponents {rates}"
    return forms.words(theory, measured, trained_.replace("+nan", "none"))


def _told(seen: Iterator[tuple[tuple[Regime, int, float, float], bool]]) -> str:
    """Write what trainings did, the most frequent first, with numbers where they differ."""
    counts = Counter(_phase(*what[:2], turns) for what, turns in seen)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{phase} ({count})" for phase, count in counts.most_common())


def _phase(regime: Regime, period: int, turns: bool) -> str:
    if regime == Regime.PERIODIC:
        return f"period {period}"
    if regime == Regime.CHAOTIC:
        return f"chaotic, {'both signs' if turns else 'one sign'}"
    return regime.name.lower()


def _claim(id_: str, what: str) -> None:
    """Register the claim on one threshold."""

    @ROOM.claim(
        id_,
        f"below | above {what} the trained transformer does what the map does: regime, residual "
        f"period, signs of the weights, and exponent within {NEARLY} beyond its error",
        derived(
            "lt2f/reduction.py; tests/test_reduction.py; thresholds: lt2f/dynamics/thresholds.py"
        ),
    )
    def _check(study: Study) -> Finding:
        return finding([row for row in trainings() if row.threshold == id_])


for _id, (_what, _) in PLACES.items():
    _claim(_id, _what)
