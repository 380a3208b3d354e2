"""Claims on mini-batches that move each factor by itself: the imbalance that they drive."""

import math

import numpy as np
from numpy.typing import NDArray

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, derived, proved
from lt2f.claims.noise import draws
from lt2f.claims.study import Cells, MissingError, Need, Study
from lt2f.dynamics import factor_noise

ROOM = Room("apart")

_FORGETS = 200  # samples, after which the variance at the first one is down to a part in 1e6
_SECTIONS = 20  # of the samples in time, over which errors are estimated


def _orbits(study: Study, low: float, high: float) -> Cells:
    """Return the settled orbits of the study under weak noise of each factor, low < mu < high."""
    record = "residual", "imbalance"
    need = Need(
        kind="orbit", noise="factors", across=frozenset({"mu"}), record=record, mu=(low, high)
    )
    cells = study.largest(need).cells(*record)
    kept = (cells["mu"] > low) & (cells["mu"] < high) & (cells["noise"] <= 0.01)
    kept &= np.isfinite(cells["imbalance"]).all(axis=1) & (cells["noise"] > 0)
    if not kept.any() or cells["imbalance"].shape[1] < 4 * _FORGETS:
        raise MissingError(f"{need.text()}, noise of 0.01 or less, {4 * _FORGETS} samples or more")
    return cells.where(kept)


def ratio(measured: Floats, known: Floats) -> tuple[float, float]:
    """Return the ratio of two sums over cells and time, arrays of shape (cells, samples).

    All cells have the same draws, so that it is sections of time whose scatter makes the error,
    widened by Student's law for so few of them.
    """
    from scipy.special import stdtrit

    parts = [np.array_split(x.sum(axis=0), _SECTIONS) for x in (measured, known)]
    sums = np.array([[section.sum() for section in part] for part in parts])
    whole = sums[0].sum() / sums[1].sum()
    rest = sums[0] - whole * sums[1]
    error = float(np.sqrt((rest**2).sum() * _SECTIONS / (_SECTIONS - 1)) / sums[1].sum())
    rare = 0.5 * math.erfc(SIGMAS / math.sqrt(2))
    return float(whole), -float(stdtrit(_SECTIONS - 1, rare)) * error


@ROOM.claim(
    "study_on_two_cycle",
    "noise of each factor, of standard deviation s in its step, gives the imbalance before a "
    "residual of the two-cycle the variance 2 s^2 (3 - mu + (mu - 1) f^2)/(2 - mu), f the other "
    "residual (mean of square over variance in the study)",
    proved("factor_noise", "two_cycle_imbalance_variance"),
)
def _study_on_two_cycle(study: Study) -> Finding:
    cells = _orbits(study, 1.1, 1.22)  # nearer to 1 memory is long, nearer to 1.236 s is not small
    mu, s = cells["mu"], cells["noise"]
    low, high = (x[:, np.newaxis] for x in factor_noise.two_cycle_imbalance_variance(mu, s))
    square = cells["imbalance"] ** 2 / np.where(cells["residual"] < 0, low, high)
    measured, error = ratio(square, np.ones_like(square))
    # what is left out is of order s^2/(mu - 1), and s by chance
    return forms.value(1.0, measured, error + float(s.max()), 0.5, _note(square))


def _note(square: Floats) -> str:
    return f"{square.shape[0]} step sizes with the same draws, {square.shape[1]:,} samples of each"


@ROOM.claim(
    "chaos",
    "in chaos the imbalance has the variance that its recursion V' = (1 - e^2)^2 V + 8 (s e ab "
    "(1 - e))^2 makes along the residuals e, s the standard deviation of the noise in each "
    "factor's step (mean of square over mean of V in the study)",
    proved("factor_noise", "imbalance_variance"),
)
def _chaos(study: Study) -> Finding:
    cells = _orbits(study, 1.31, 1.95)
    variance = factor_noise.imbalance_variance(cells["residual"], cells["mu"], cells["noise"])
    variance, square = variance[:, _FORGETS:-1], cells["imbalance"][:, _FORGETS:] ** 2
    scale = variance.mean(axis=1, keepdims=True)
    measured, error = ratio(square / scale, variance / scale)
    return forms.value(1.0, measured, error + float(cells["noise"].max()), 0.25, _note(square))


# Runs of the ledger's own


def noisy(
    x: float | Floats, mu: float, s: float, noise: NDArray[np.float64]
) -> tuple[Floats, Floats]:
    """Run balanced starts x with noise of each factor, of shape (2, steps, lanes).

    Residual and imbalance before each step have shape (steps, lanes); the last imbalance is that
    after the last step, so that there is one more of them.
    """
    _, steps, lanes = noise.shape
    a = b = np.broadcast_to(x, lanes)
    residual, imbalance = np.empty((steps, lanes)), np.zeros((steps + 1, lanes))
    for t in range(steps):
        e = a * b - mu
        a, b = a - (1 + s * noise[0, t]) * e * b, b - (1 + s * noise[1, t]) * e * a
        residual[t], imbalance[t + 1] = e, (a - b) * (a + b)
    return residual, imbalance


@ROOM.claim(
    "two_cycle",
    "noise of each factor, of standard deviation s in its step, gives the imbalance before a "
    "residual of the two-cycle the standard deviation s sqrt(2 (3 - mu + (mu - 1) f^2)/(2 - mu)), "
    "f the other residual (over s, for both residuals at mu = 1.1, uniform draws)",
    proved("factor_noise", "two_cycle_imbalance_variance"),
)
def _two_cycle(study: Study) -> Finding:
    s, lanes = 0.001, 1 << 13
    noise = draws("uniform", (2 * 200, lanes)).reshape(2, 200, lanes)  # (1 - 2 d)^200 = 4e-20
    residual, imbalance = noisy(0.9, 1.1, s, noise)
    low, high = (float(np.sqrt(v)) for v in factor_noise.two_cycle_imbalance_variance(1.1, 1.0))
    known = np.where(residual[-2:].mean(axis=1) < 0, low, high)
    measured = imbalance[-3:-1].std(axis=1) / s
    error = forms.quantile(2) * measured / math.sqrt(2 * lanes) + 10 * s
    note = f"{lanes:,} runs, s = {s}"
    return forms.worst(known, measured, error, residual[-2:].mean(axis=1), 0.1, "e", note)


@ROOM.claim(
    "minimum",
    "where a run converges, noise of each factor leaves an imbalance of the variance that V' = "
    "(1 - e^2)^2 V + 8 (s e ab (1 - e))^2 makes along the residuals e of the noise-free run, s the "
    "standard deviation of the noise in each factor's step (standard deviation over s, mu = 0.7, "
    "uniform draws)",
    proved("factor_noise", "imbalance_variance"),
)
def _minimum(study: Study) -> Finding:
    mu, s, lanes, steps = 0.7, 0.002, 1 << 13, 100  # |1 - S|^100 = 1e-40
    path = runs.balanced(np.array([0.3]), np.array([mu]), steps - 1)
    residual = np.concatenate([x * x - mu for x in path])
    known = math.sqrt(factor_noise.imbalance_variance(residual, mu, 1.0)[-1])
    _, imbalance = noisy(0.3, mu, s, draws("uniform", (2 * steps, lanes)).reshape(2, steps, lanes))
    measured = float(imbalance[-1].std()) / s
    error = SIGMAS * measured / math.sqrt(2 * lanes)
    return forms.value(known, measured, error + s * known, 0.1 * known, f"{lanes:,} runs, s = {s}")


@ROOM.claim(
    "heavier_than_normal",
    "in chaos the imbalance has a mixture of normal laws: share beyond 4 standard deviations, some "
    "20 times that of one normal law (mu = 1.9, normal draws)",
    derived(
        "given the residuals it is a sum of independent normal terms; "
        "lt2f/dynamics/factor_noise.py; tests/dynamics/test_factor_noise.py"
    ),
)
def _heavier(study: Study) -> Finding:
    from scipy.special import erfc

    mu, s, lanes, steps = 1.9, 1e-4, 1 << 12, 400
    noise = runs.generator().normal(size=(2, steps, lanes))
    residual, imbalance = noisy(0.3 + runs.generator().random(lanes), mu, s, noise)
    variance = factor_noise.imbalance_variance(residual.T, mu, s).T[_FORGETS:]
    far = 4 * math.sqrt(variance.mean())
    known = erfc(far / np.sqrt(2 * np.maximum(variance, 1e-300))).mean(axis=0)  # of each run
    seen = (np.abs(imbalance[_FORGETS:]) > far).mean(axis=0)
    error = SIGMAS * float((seen - known).std()) / math.sqrt(lanes)
    share, one = float(known.mean()), math.erfc(4 / math.sqrt(2))
    note = f"{seen.size * variance.shape[0]:,} states; one normal law has {one:.2g}"
    return forms.value(share, float(seen.mean()), error + 0.01 * share, 0.5 * share, note)


@ROOM.claim(
    "bounded_growth",
    "on the noise-free attractor no imbalance ever grows by more than ((2 + mu)/(2 + mu - "
    "4(1 + mu)^3/27))^(1/mu) in |a - b|, 1 < mu < 2 (logarithm of the largest growth over this)",
    proved("factor_noise", "transverse_growth_bound"),
)
def _bounded_growth(study: Study) -> Finding:
    mu = np.linspace(1.02, 1.99, 2000)
    x = 0.3 + 0.4 * runs.generator().random(mu.size)
    walk, least = np.zeros(mu.size), np.zeros(mu.size)
    rise = np.full(mu.size, -np.inf)
    for step, y in enumerate(runs.balanced(x, mu, 1500)):
        if step >= 2:  # from the second point on the orbit is within the images of the critical one
            walk = walk + np.log(np.abs(1 + y * y - mu))
            rise, least = np.maximum(rise, walk - least), np.minimum(least, walk)
    over = rise - np.log(factor_noise.transverse_growth_bound(mu))
    k = int(np.argmax(over))
    note = f"2,000 runs of 1,500 steps, this one at mu = {mu[k]:.6g}"
    return forms.at_most(0.0, float(over[k]), 1e-9, note)
