"""Claims on weight decay: what is left of the minima, what moves by kappa, and the boundary.

Without decay the boundary of the bounded starts is a smooth ellipse. That it frays, and into which
dimension, is measured from labels that no theorem decides, by the same count of boxes that finds
the dimensions of boundaries made by construction.
"""

from collections.abc import Iterator

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, derived, observed, proved
from lt2f.claims.study import MissingError, Need, Study
from lt2f.dynamics import box_counting, controls, decay, labels, sensitivity
from lt2f.dynamics.box_counting import Dimension
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.lanes import SILENCE, steady
from lt2f.dynamics.survey import Schedule

ROOM = Room("decay")

_CONVERGED = (Regime.MONOTONE, Regime.CATAPULT)
_CELLS = 1024  # along a side of a control
_MU, _KAPPA = 1.5, 0.02  # where the limit of small kappa is looked at, on scales far below kappa
_ARGUED = observed("for it speaks an argument that is no proof: lt2f/dynamics/decay.py")


def descend(
    a: Floats, b: Floats, mu: Floats, kappa: Floats, steps: int
) -> Iterator[tuple[Floats, Floats]]:
    """Yield (a, b) at steps 0 ... `steps` of descent with weight decay, as it is written."""
    yield a, b
    for _ in range(steps):
        e = a * b - mu
        a, b = (1 - kappa) * a - e * b, (1 - kappa) * b - e * a
        yield a, b


def _cells(count: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return random starts a and b, mu in (0, 2) and kappa in (0.05, 0.95)."""
    a, b, mu, kappa = runs.generator().random((4, count))
    return 2 * a - 1, 2 * b - 1, 2 * mu, 0.05 + 0.9 * kappa


@ROOM.claim(
    "minimum",
    "with decay 0 < kappa < 1 a run that comes to rest does so at the origin, or at "
    "ab = mu - kappa with a^2 = b^2, where no minimum is flatter (largest distance of ab and "
    "a^2 - b^2)",
    derived("fixed points have e = -kappa or a = b = 0; tests/dynamics/test_decay.py"),
)
def _minimum(study: Study) -> Finding:
    a, b, mu, kappa = _cells(20_000)
    with np.errstate(all="ignore"):
        *_, (c, d), (a, b) = descend(a, b, mu, kappa, 3000)
        rests = np.hypot(a - c, b - d) < 1e-13
    known = np.where(mu > kappa, mu - kappa, 0.0)
    off = np.maximum(np.abs(a * b - known), np.abs(a * a - b * b))[rests]
    # A last step of 1e-13 is at least 1e-3 of what is left, but for the few nearest to a threshold.
    slow = np.abs(mu - kappa)[rests] < 1e-3
    note = f"{off.size:,} random starts at rest after 3,000 steps, {int(slow.sum())} left out"
    return forms.at_most(0.0, float(off[~slow].max()), 1e-9, note)


@ROOM.claim(
    "thresholds",
    "with decay bounded runs collapse to the origin for mu < kappa, converge to a minimum for "
    "kappa < mu < 1 + kappa, and do neither beyond (cells that do not)",
    proved("decay", "origin_multipliers", "minimum_multipliers"),
)
def _thresholds(study: Study) -> Finding:
    wrong = count = 0
    need = Need(noise="decay", across=frozenset({"mu", "decay"}), record=("regime",))
    for sweep in study.all(need):
        for cells in sweep.parts("regime"):
            mu, kappa, regime = cells["mu"], cells["decay"], cells["regime"]
            nu, known = mu - kappa, np.zeros(mu.size, dtype=np.int64)
            known[nu > 0], known[nu > 1] = 1, 2
            seen = np.full(mu.size, 2)
            seen[np.isin(regime, _CONVERGED)], seen[regime == Regime.COLLAPSED] = 1, 0
            kept = (kappa > 0) & ~np.isin(regime, (Regime.DIVERGENT, Regime.UNDECIDED))
            kept &= (mu + kappa < 2) | (nu > 0)  # else the origin repels across
            wrong += int((kept & (known != seen)).sum())
            count += int(kept.sum())
    return forms.none(wrong, count, least=100)


@ROOM.claim(
    "shift",
    "on the balanced line decay is a shift of mu by kappa: what a balanced start does with decay "
    "at mu is what it does without at mu - kappa (regimes and periods that differ)",
    derived("x' = (1 + mu - kappa) x - x^3; tests/dynamics/test_decay.py"),
)
def _shift(study: Study) -> Finding:
    chance = runs.generator()
    nu, kappa = 0.05 + 1.9 * chance.random(600), 0.01 + 0.4 * chance.random(600)
    x, run = 0.3 + 0.5 * chance.random(600), Schedule(8000, 4096)
    ours = labels.explore(x, np.zeros(600), nu + kappa, run, steady("decay", kappa))
    plain = labels.explore(x, np.zeros(600), nu, Schedule(8000, 4096, shortcuts=False))
    pairs = [(found["regime"].astype(int), found["period"]) for found in (ours, plain)]
    # Catapults are of two losses, so the two ways to converge are one.
    kinds = [np.where(regime == Regime.CATAPULT, Regime.MONOTONE, regime) for regime, _ in pairs]
    kept = (kinds[0] != Regime.UNDECIDED) & (kinds[1] != Regime.UNDECIDED)
    wrong = kept & ((kinds[0] != kinds[1]) | (pairs[0][1] != pairs[1][1]))
    return forms.none(int(wrong.sum()), int(kept.sum()), "random mu, kappa and starts", 500)


@ROOM.claim(
    "balancing",
    "weak decay balances a minimum slowly: the imbalance dies like exp(-2 kappa t) (measured rate "
    "over 2 kappa, at kappa = 1e-4)",
    derived("a^2 - b^2 is multiplied by (1 - kappa)^2 - e^2, and e is of order kappa"),
)
def _balancing(study: Study) -> Finding:
    kappa, steps = 1e-4, 10_000
    a, b = np.array([1.0]), np.array([0.55])
    *_, (c, d) = descend(a, b, a * b, np.array([kappa]), steps)
    rate = -np.log((c * c - d * d) / (a * a - b * b))[0] / (2 * kappa * steps)
    # log of (1 - kappa)^2 - e^2 is -2 kappa up to kappa^2 + e^2, and |e| < 2 kappa
    return forms.value(1.0, float(rate), 5 * kappa, 0.01)


@ROOM.claim(
    "none",
    "without decay, kappa = 0, every number is that of the map itself, to the last bit (cells of "
    "which that is not so)",
    derived("1 - kappa is exactly 1; tests/dynamics/test_steps.py"),
)
def _none(study: Study) -> Finding:
    a, b, mu, _ = _cells(4096)
    run = Schedule(500, 512, shortcuts=False)
    ours, plain = (
        labels.explore((a + b) / 2, (a - b) / 2, mu, run, law)
        for law in (steady("decay", np.zeros(4096)), SILENCE)
    )
    gone = plain["regime"] == Regime.DIVERGENT
    periods = [found["period"].astype(np.int64) for found in (ours, plain)]
    rests = (periods[0] > 0) | (
        periods[1] > 0
    )  # what rests or repeats is described otherwise, and more exactly
    kept = ~gone & ~rests
    differs = (ours["lyapunov"] != plain["lyapunov"]).any(axis=1)
    differs |= ours["sharpness"] != plain["sharpness"]
    wrong = (ours["regime"] == Regime.DIVERGENT) != gone
    wrong |= kept & differs
    return forms.none(int(wrong.sum()), 4096, "exponents and sharpness of those that go on", 100)


# The boundary


def windows(study: Study) -> Iterator[tuple[float, float, Dimension]]:
    """Yield mu, kappa and the dimension of each square window of starts under decay.

    Raises
    ------
    MissingError
        If a study has none that is large enough.
    """
    need = Need(noise="decay", axes=frozenset({"a", "b"}), record=("regime",))
    found = 0
    for sweep in study.all(need):
        data = sweep.dataset
        a, b = (data[name].values for name in ("a", "b"))
        if a.size != b.size or abs(np.ptp(a) / np.ptp(b) - 1) > 1e-6 or float(data["decay"]) <= 0:
            continue
        try:
            fates = data["regime"].values == Regime.DIVERGENT
            yield float(data["mu"]), float(data["decay"]), box_counting.box_dimension(fates)
        except ValueError:  # too small, or of one fate
            continue
        found += 1
    if not found:
        raise MissingError(f"{need.text()}, over a square window of 512 cells a side or more")


@ROOM.claim(
    "fractal",
    "with decay the boundary between starts that diverge and all others is no smooth curve: its "
    "box-counting dimension D is above 1 (2 - D)",
    _ARGUED,
)
def _fractal(study: Study) -> Finding:
    each = list(windows(study))
    mu, kappa, found = max(each, key=lambda w: w[2].value - w[2].uncertainty(SIGMAS))
    note = f"D = {found.value:.3f} with standard error {found.error:.3f} and drift "
    note += f"{found.drift:.3f}, mu = {mu:g}, kappa = {kappa:g}; of {len(each)} windows that is "
    note += "known best to lie above 1"
    return forms.below(1.0, 2 - found.value, found.uncertainty(SIGMAS), note)


@ROOM.claim(
    "controls",
    "the same count of boxes finds the dimension of boundaries that are known: a line, a circle, "
    "von Koch's snowflake, a Julia set, a graph of cosines",
    derived("made by construction: lt2f/dynamics/controls.py, with the sources of the dimensions"),
)
def _controls(study: Study) -> Finding:
    found = [box_counting.box_dimension(each.labels(_CELLS)) for each in controls.CONTROLS]
    return forms.worst(
        np.array([each.dimension for each in controls.CONTROLS]),
        np.array([each.value for each in found]),
        np.array([each.uncertainty(SIGMAS) for each in found]),
        np.arange(1, len(found) + 1),
        0.25,
        "control",
    )


@ROOM.claim(
    "smooth_without",
    "without decay the same boundary has box-counting dimension 1 (the ellipse)",
    proved("theory", "ellipse"),
)
def _smooth_without(study: Study) -> Finding:
    side = _CELLS // 2
    ticks = -2.6 + 5.2 * (np.arange(side) + 0.5) / side
    a, b = (x.ravel() for x in np.meshgrid(ticks, ticks + 1e-3))
    mu = np.full(a.size, 1.1)
    run = Schedule(200, 32, shortcuts=False, weights=False)
    gone = labels.explore((a + b) / 2, (a - b) / 2, mu, run)["regime"] == Regime.DIVERGENT
    found = box_counting.box_dimension(gone.reshape(side, side))
    note = "brute force, mu = 1.1, 262,144 starts"
    return forms.value(1.0, found.value, found.uncertainty(SIGMAS), 0.4, note)


@ROOM.claim(
    "limit",
    "for kappa -> 0 the dimension of the boundary tends to 2 - gamma/log 3, gamma the escape rate "
    "of the ellipse, and not to the 1 that it is without decay (2 less the uncertainty exponent, "
    f"mu = {_MU:g}, kappa = {_KAPPA:g})",
    _ARGUED,
)
def _limit(study: Study) -> Finding:
    """Displace starts next to the ellipse by far less than kappa, and see whose fate changes."""
    sides, chance = (384, 768), runs.generator()
    turn = 2 * np.pi * (np.arange(sides[1]) + chance.random(sides)) / sides[1]
    scale = 1 + _KAPPA * (2 * chance.random(sides) - 1)
    u, v = (scale * z for z in _ellipse(turn))
    eps = _KAPPA * np.array([0.0, 3e-5, 1e-4, 3e-4, 1e-3])
    fates = np.stack([_diverges(u + x / 2, v - x / 2) for x in eps], axis=-1)
    shares = sensitivity.uncertain_fractions(fates, eps)
    found = sensitivity.uncertainty_exponent(shares, within=(eps[1], eps[-1]))
    limit = decay.boundary_dimension(_MU)
    halves = [
        sensitivity.uncertainty_exponent(shares, within=ends).value
        for ends in ((eps[1], eps[3]), (eps[2], eps[4]))
    ]
    drift = max(abs(x - found.value) for x in halves)
    note = f"displacements of {eps[1]:.1g} to {eps[-1]:.1g}; between its halves the exponent "
    note += f"drifts by {drift:.2g}"
    measured = 2 - found.value
    return forms.value(limit.value, measured, SIGMAS * found.error + drift, 0.25, note)


def _ellipse(turn: Floats) -> tuple[Floats, Floats]:
    return np.sqrt(2 + _MU) * np.cos(turn), np.sqrt(2 - _MU) * np.sin(turn)


def _diverges(u: Floats, v: Floats) -> Floats:
    run = Schedule(200, 32, weights=False)
    law = steady("decay", np.full(u.size, _KAPPA))
    found = labels.explore(u.ravel(), v.ravel(), np.full(u.size, _MU), run, law)
    return np.asarray(found["regime"] == Regime.DIVERGENT).reshape(u.shape)
