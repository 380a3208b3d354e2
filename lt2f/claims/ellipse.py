"""Claims on the Chebyshev ellipse: chaos along it, growth across it, and its periodic points.

Rounding carries plain iteration off the ellipse, so that long averages are those of a sweep that
follows angles. Where a study has none, runs of few steps stand in. One realization has one angle
at every mu: deviations at different mu are not independent, and averages are over realizations.
"""

import math
from typing import NamedTuple

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import ABSTRACT, Room, derived, observed, proved
from lt2f.claims.study import MissingError, Need, Study
from lt2f.dynamics import ellipse_cycles, theory

ROOM = Room("ellipse")

_SHORT = 16  # steps after which rounding is still below 1e-8 of the ellipse's size
_LANES = 1 << 14
_MUS = 0.5, 1.0, 1.5, 1.9
_STEP = 80 * 2.0**-52  # of rounding in one step; tests/dynamics/test_ellipse.py counts it
_MULTIPLIER = derived("h' = h(1 + mu e + e^2), Jensen's formula; lt2f/dynamics/theory.py")


class Means(NamedTuple):
    """Averages at each mu, with standard errors, and what they are averages of."""

    mu: Floats
    mean: Floats
    error: Floats
    note: str


def short_runs(mu: float) -> dict[str, Floats]:
    """Run random points of the ellipse: rates along and across it, losses and S, one per run."""
    m = np.full(_LANES, mu)
    a, b = runs.ellipse_starts(m)
    x, y = mu * a - 2 * b, 2 * a - mu * b  # along it: at right angles to the gradient of h
    length = np.log(np.hypot(x, y))
    sums = {name: np.zeros(_LANES) for name in ("across", "loss_mean", "sharpness")}
    for a, b in runs.descend(a, b, m, _SHORT - 1):  # noqa: B020
        e = a * b - m
        terms = np.log(1 + mu * e + e * e), e * e / 2, a * a + b * b
        for name, term in zip(sums, terms, strict=True):
            sums[name] += term / _SHORT
        k = 2 * a * b - m
        x, y = (1 - b * b) * x - k * y, (1 - a * a) * y - k * x
    return {"along": (np.log(np.hypot(x, y)) - length) / _SHORT, **sums}


def _pooled(study: Study, name: str, rank: int | None = None) -> Means:
    """Average a variable of the study's sweep over realizations, at each mu."""
    need = Need(kind="ellipse", across=frozenset({"mu"}), record=(name, f"{name}_error"))
    cells = study.largest(need).cells(name, f"{name}_error")
    values, errors = cells[name], cells[f"{name}_error"]
    if rank is not None:
        values, errors = values[:, rank], errors[:, rank]
    mu, index, count = np.unique(cells["mu"], return_inverse=True, return_counts=True)
    mean = np.bincount(index, values) / count
    error = np.sqrt(np.bincount(index, errors**2)) / count
    return Means(mu, mean, error, f"{count.max()} realizations at each mu")


def _means(study: Study, name: str, rank: int | None, short: str) -> Means:
    """Take the averages of the study, or of short runs where it has none."""
    try:
        return _pooled(study, name, rank)
    except MissingError:
        found = np.array([short_runs(mu)[short] for mu in _MUS])
        error = found.std(axis=1) / math.sqrt(_LANES)
        note = f"{_LANES:,} runs of {_SHORT} steps at each mu"
        return Means(np.array(_MUS), found.mean(axis=1), error, note)


def _held(theory_: Floats | float, means: Means, resolution: float) -> Finding:
    """Hold averages against theory; the quantile bounds the worst, dependent or not."""
    error = forms.quantile(means.mu.size) * means.error + 1e-12
    return forms.worst(theory_, means.mean, error, means.mu, resolution, note=means.note)


# Exponents and averages


@ROOM.claim(
    "along",
    "the ellipse carries chaotic motion off balance at every 0 < mu < 2: exponent along it, log 3, "
    "but for less than log((2 + mu)/(2 - mu))/2 over the number of steps",
    f"{ABSTRACT} (chaotic motion); the value: {proved('theory', 'ellipse_exponents')}",
)
def _along(study: Study) -> Finding:
    need = Need(kind="ellipse", across=frozenset({"mu"}), record=("lyapunov",))
    if not study.any(need):
        means = _means(study, "lyapunov", 0, "along")
        return _held(theory.CHEBYSHEV_EXPONENT, means, 0.01)
    sweep = study.largest(need)
    cells = sweep.cells("lyapunov")
    mu, steps = cells["mu"], sweep.iterations["measure"]
    # |(da/dt, db/dt)| at the ends, all that a stretching by 3 each step leaves over
    bound = np.log((2 + mu) / (2 - mu)) / 2 / steps + 1e-12
    return forms.worst(theory.CHEBYSHEV_EXPONENT, cells["lyapunov"][:, 0], bound, mu, 1e-3)


@ROOM.claim(
    "across",
    "the ellipse repels at every 0 < mu < 2: exponent across it, arcosh((1 + sqrt(25 - 4 mu^2))/4)",
    f"{ABSTRACT} (transversely repelling); the value: {proved('theory', 'ellipse_exponents')}",
)
def _across(study: Study) -> Finding:
    means = _means(study, "lyapunov", 1, "across")
    return _held(theory.ellipse_exponents(means.mu)[1], means, 0.02)


@ROOM.claim(
    "log_2",
    "exponent across the ellipse at mu = 3/2, log 2",
    f"{_MULTIPLIER}; arcosh(5/4) = log 2",
)
def _log_2(study: Study) -> Finding:
    means = _means(study, "lyapunov", 1, "across")
    here = np.flatnonzero(np.abs(means.mu - 1.5) < 1e-12)
    if not here.size:
        raise MissingError("needs a sweep of kind ellipse with mu = 1.5 among its steps")
    k = here[0]
    error = SIGMAS * float(means.error[k])
    return forms.value(math.log(2), float(means.mean[k]), error, 0.02, means.note)


@ROOM.claim(
    "loss",
    "mean loss e^2/2 on the ellipse, 1 at every mu: e has the arcsine law on [-2, 2]",
    derived("e = 2 cos 2 theta with theta even; lt2f/dynamics/theory.py: ellipse_residual"),
)
def _loss(study: Study) -> Finding:
    return _held(1.0, _means(study, "loss_mean", None, "loss_mean"), 0.02)


@ROOM.claim(
    "sharpness",
    "mean of a^2 + b^2 on the ellipse, 4 at every mu, twice the edge of stability",
    derived("a^2 + b^2 = 4 + mu e there, and e has mean 0; lt2f/dynamics/theory.py: ellipse"),
)
def _sharpness(study: Study) -> Finding:
    return _held(4.0, _means(study, "sharpness", None, "sharpness"), 0.02)


@ROOM.claim(
    "arcsine",
    "from an arc of 0.001 radians of the ellipse, 12 steps spread e over the arcsine law on "
    "[-2, 2] (largest difference of the distribution functions, mu = 1)",
    derived("e = 2 cos t, t' = 3t: the arc becomes 169 turns of t; tests/dynamics/test_theory.py"),
)
def _arcsine(study: Study) -> Finding:
    mu = np.ones(_LANES)
    starts = runs.ellipse_point(0.3 + 0.001 * runs.generator().random(_LANES), mu)
    *_, (a, b) = runs.descend(*starts, mu, 12)
    e = np.clip(np.sort(a * b - mu), -2, 2)
    place = np.arange(_LANES) / _LANES
    known = 1 - np.arccos(e / 2) / np.pi
    off = max(float((known - place).max()), float((place + 1 / _LANES - known).max()))
    # Kolmogorov's law at four standard errors, and one turn of 169 that is not complete
    bound = math.sqrt(-math.log(0.5 * math.erfc(SIGMAS / math.sqrt(2))) / 2 / _LANES) + 1 / 169
    return forms.value(0.0, off, bound, 0.05, f"{_LANES:,} runs")


# One step, and many


for _id, _name, _text in (
    ("invariant", "invariance_error", "the ellipse to itself (largest |h|/(4 - mu^2) after one)"),
    (
        "angle",
        "conjugacy_error",
        "the angle theta of (a, b) = (U + V, U - V), U = sqrt(2 + mu) cos theta, V = sqrt(2 - mu) "
        "sin theta, to pi - 3 theta (largest distance after one)",
    ),
):

    @ROOM.claim(
        _id,
        f"a step takes {_text}",
        derived("one step of the map, expanded; tests/dynamics/test_identities.py"),
    )
    def _one_step(study: Study, name: str = _name) -> Finding:
        need = Need(kind="ellipse", across=frozenset({"mu"}), record=(name,))
        sweep = study.largest(need)
        values = sweep.cells(name)[name]
        steps = values.size * sweep.iterations["measure"]
        note = f"{steps:,} steps, each from the ellipse; rounding alone"
        return forms.value(0.0, float(np.max(values)), _STEP, 1e-6, note)


@ROOM.claim(
    "left_by_rounding",
    "plain iteration in doubles leaves the ellipse by rounding: mean number of steps until |h| is "
    "(4 - mu^2)/4, times the exponent across, 35",
    observed("a rounding of 2^-52 grows to 1/4 at that rate: log 2^50 = 34.7"),
)
def _left(study: Study) -> Finding:
    mu = np.repeat([0.3, 1.0, 1.5, 1.8], 400)
    left = np.full(mu.size, np.nan)
    with np.errstate(all="ignore"):
        for step, (a, b) in enumerate(runs.descend(*runs.ellipse_starts(mu), mu, 400)):
            off = ~(np.abs(runs.ellipse_side(a, b, mu)) < (4 - mu * mu) / 4)
            left[off & np.isnan(left)] = step
    times = (left * theory.ellipse_exponents(mu)[1]).reshape(4, -1).mean(axis=1)
    # Rounding begins with a few units, at every step, and its growth varies from run to run.
    return forms.worst(35.0, times, 5.0, mu[::400], 0.2, note="400 runs at each of 4 mu")


# Periodic points


@ROOM.claim(
    "periodic_points",
    "numbers of points (a, b) of the ellipse whose period divides n = 1 to 6, |(-3)^n - 1| "
    "(found at mu = 1)",
    proved("ellipse_cycles", "count_points"),
)
def _periodic_points(study: Study) -> Finding:
    known = [ellipse_cycles.count_points(n) for n in range(1, 7)]
    seen = [runs.periodic_points(1.0, n).size for n in range(1, 7)]
    return forms.words(" ".join(map(str, known)), " ".join(map(str, seen)), "runs of n steps")


@ROOM.claim(
    "cycles",
    "numbers of cycles of (a, b) on the ellipse, of exact period n = 1 to 6, by Moebius inversion "
    "(found at mu = 1/2)",
    proved("ellipse_cycles", "count_cycles"),
)
def _cycles(study: Study) -> Finding:
    known = [ellipse_cycles.count_cycles(n) for n in range(1, 7)]
    seen = [runs.ellipse_cycles(0.5, n) for n in range(1, 7)]
    return forms.words(" ".join(map(str, known)), " ".join(map(str, seen)), "runs of n steps")
