"""The settling experiment: transformers trained just below and just above each threshold on mu.

What each did is set beside what the map says of the same start and step size. Starts are near
balance, a^2 - b^2 = 0.01. Next to 2 sqrt 2 - 2, which is of balanced starts, they are balanced,
with the residual 1 - mu/2 from which the loss rises most.
"""

import functools
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from lt2f import reduction, trained
from lt2f.claims import forms, runs, settled
from lt2f.claims.forms import Finding, Floats
from lt2f.claims.ledger import Room, derived
from lt2f.claims.settled import NEARLY, PLACES, Settled, places
from lt2f.claims.study import MissingError, Study
from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.training.prompts import Prompt, gaussian_prompt
from lt2f.training.transformer import Model

ROOM = Room("settling")

SEED, DIMENSION, CONTEXT, LABEL_NOISE = 20260520, 8, 32, 0.2
LENGTHS = trained.Lengths(transient=4000, measure=1000, max_period=64)


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
    """Train next to every threshold, and set what comes of it beside what the map says.

    Numbers are those of settling.csv, so that its readers see what its writer saw.
    """
    found = (
        row
        for model in models
        for k in prompts
        for row in _settle(
            model, k, gaussian_prompt(SEED, k, DIMENSION, CONTEXT, LABEL_NOISE), lengths
        )
    )
    return settled.read(settled.records(found))


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


# The rows of the ledger


def trainings(study: Study) -> list[Settled]:
    """Return what the ledger holds against the map: six trainings on each side of a threshold.

    They are those of the study's settling.csv, where the study has one.
    """
    table = study.tables.get("settling")
    return _trained() if table is None else settled.read(table)


@functools.cache
def _trained() -> list[Settled]:
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
        here = [row for row in trainings(study) if row.threshold == id_]
        if not here:
            raise MissingError(f"needs trainings next to {id_} in settling.csv")
        return finding(here)


for _id, (_what, _) in PLACES.items():
    _claim(_id, _what)
