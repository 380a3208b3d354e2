"""Claims on averages along orbits: of the loss, of the weights, and the loss at mean weights.

Averaging iterates helps where the loss at the mean weights is below the mean loss.
"""

import math

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, derived, observed, proved
from lt2f.claims.lines import line
from lt2f.claims.study import Cells, MissingError, Study
from lt2f.claims.two_cycle import two_cycle
from lt2f.dynamics import superstable, theory
from lt2f.dynamics.codes import Regime

ROOM = Room("averages")

_MERGING = 1.5 * math.sqrt(3) - 1
_HELPS = 1.597  # just below the first cycle of `lingers`, at 1.5970694
_MOVING = (Regime.PERIODIC, Regime.CHAOTIC)
_TELESCOPES = derived(
    "b' = b - e a and S' = S + e^2 S - 4e(e + mu), S = a^2 + b^2, of which a sum over steps leaves "
    "the two ends; tests/dynamics/test_identities.py"
)


def losses(cells: Cells) -> tuple[Floats, Floats]:
    """Return the loss at the mean weights, and its standard error if a and b err together."""
    mu, (a, b), (da, db) = cells["mu"], cells["weights_mean"].T, cells["weights_mean_error"].T
    product = np.abs(a) * db + np.abs(b) * da + da * db
    return theory.loss_at(mu, a, b), np.abs(a * b - mu) * product + product**2 / 2


# On cycles


@ROOM.claim(
    "two_cycle_weight",
    "mean of either weight over the two-cycle, sqrt(3 + mu)/2 but for its sign",
    proved("theory", "two_cycle_weight"),
)
def _two_cycle_weight(study: Study) -> Finding:
    cells = two_cycle(study, "weights_mean", "weights_mean_error")
    error = SIGMAS * cells["weights_mean_error"] + 1e-12
    mu = cells["mu"][:, np.newaxis]
    known = theory.two_cycle_weight(mu)
    return forms.worst(known, np.abs(cells["weights_mean"]), error, mu, 1e-3)


@ROOM.claim(
    "two_cycle_averaged_loss",
    "loss at the mean weights of the two-cycle, 9 (mu - 1)^2/32",
    proved("theory", "two_cycle_averaged_loss"),
)
def _two_cycle_averaged_loss(study: Study) -> Finding:
    cells = two_cycle(study, "weights_mean", "weights_mean_error")
    loss, error = losses(cells)
    known = theory.two_cycle_averaged_loss(cells["mu"])
    return forms.worst(known, loss, SIGMAS * error + 1e-12, cells["mu"], 1e-3)


@ROOM.claim(
    "mirror_cycles",
    "loss at the mean weights of cycles that visit (a, b) and (-a, -b) alike, mu^2/2: that of the "
    "saddle a = b = 0",
    derived("their mean weights are 0"),
)
def _mirror_cycles(study: Study) -> Finding:
    names = "period", "residual_period", "weights_mean", "weights_mean_error"
    cells = line(study, _MERGING, 2.0, *names, margin=0.01)
    turned = cells["period"] == 2 * cells["residual_period"]
    cells = cells.where(turned & (cells["regime"] == Regime.PERIODIC))
    if not cells["mu"].size:
        raise MissingError("needs a sweep along mu alone with steps of 0.001 or less up to 2")
    loss, error = losses(cells)
    return forms.worst(cells["mu"] ** 2 / 2, loss, SIGMAS * error + 1e-12, cells["mu"], 1e-3)


# In full chaos


def _full_chaos(lanes: int = 4096, steps: int = 600, settle: int = 20) -> dict[str, Floats]:
    """Run the balanced line at mu = 2 from random starts of one sign: averages of each run."""
    x = 0.1 + 1.8 * runs.generator().random(lanes)
    sums = {name: np.zeros(lanes) for name in ("weight", "loss", "sharpness")}
    for step, y in enumerate(runs.balanced(x, np.full(lanes, 2.0), settle + steps - 1)):
        kept = np.where(np.abs(y) <= 2, y, np.nan)  # rounding throws a few over the end
        if step >= settle:
            for name, term in zip(sums, (kept, (kept**2 - 2) ** 2 / 2, 2 * kept**2), strict=True):
                sums[name] += term / steps
    inside = np.isfinite(sums["weight"])
    return {name: values[inside] for name, values in sums.items()}


for _name, _text, _known in (
    ("loss", "mean loss on the slice at mu = 2, 1", theory.CHEBYSHEV_LOSS),
    ("sharpness", "mean of a^2 + b^2 on the slice at mu = 2, 4", theory.CHEBYSHEV_SHARPNESS),
    ("weight", "mean weight on the slice at mu = 2, 0, whose loss is 2: twice the mean loss", 0.0),
):

    @ROOM.claim(
        f"full_chaos_{_name}",
        _text,
        proved("theory", "CHEBYSHEV_LOSS", "CHEBYSHEV_SHARPNESS"),
    )
    def _of_full_chaos(study: Study, name: str = _name, known: float = _known) -> Finding:
        values = _full_chaos()[name]
        error = SIGMAS * float(values.std()) / math.sqrt(values.size)
        note = f"{values.size:,} runs of 600 steps"
        return forms.value(known, float(values.mean()), error, 0.01, note)


# Of every bounded run


def _bounded_means(steps: int = 4000, lanes: int = 500) -> Floats:
    """Means of e a, e b and e^2 S - 4e(e + mu) over runs of all regimes, 0.02 < mu < 1.98."""
    mu = np.linspace(0.02, 1.98, lanes)
    sums = np.zeros((3, lanes))
    for a, b in runs.descend(*runs.inner_starts(mu, 0.98), mu, steps - 1):
        e = a * b - mu
        sums += e * a, e * b, e * e * (a * a + b * b) - 4 * e * (e + mu)
    return sums / steps


@ROOM.claim(
    "gradient",
    "the gradient averages to 0 along every bounded run: the means of e a and of e b (largest)",
    _TELESCOPES,
)
def _gradient(study: Study) -> Finding:
    means = _bounded_means()[:2]
    # |a| and |b| are below sqrt 8 inside the ellipse: S < 4 + mu e < 8
    return _ends(means, 2 * math.sqrt(8))


@ROOM.claim(
    "sharpness_balance",
    "along every bounded run e^2 S - 4e(e + mu) averages to 0, S = a^2 + b^2 (largest)",
    _TELESCOPES,
)
def _sharpness_balance(study: Study) -> Finding:
    return _ends(_bounded_means()[2:], 8.0)


def _ends(means: Floats, between: float, steps: int = 4000) -> Finding:
    largest = float(np.abs(means).max())
    note = f"{means.shape[1]} runs of {steps:,} steps at 0.02 < mu < 1.98; what is left are ends"
    return forms.value(0.0, largest, between / steps, 0.01, note)


# Where averaging the iterates helps


def _exceptions(study: Study, low: float, high: float, sign: float) -> Finding:
    names = "loss_mean", "loss_mean_error", "weights_mean", "weights_mean_error"
    cells = line(study, low, high, *names, margin=0.01)
    cells = cells.where(np.isin(cells["regime"], _MOVING))
    loss, error = losses(cells)
    reach = forms.quantile(loss.size) * np.hypot(error, cells["loss_mean_error"])
    wrong = sign * (loss - cells["loss_mean"]) > -reach
    note = f"{low:.6g} < mu < {high:.6g}; an exception is what errors allow to be one"
    return forms.none(int(wrong.sum()), wrong.size, note, 50)


@ROOM.claim(
    "helps",
    f"averaging iterates helps up to mu = {_HELPS}: the loss at the mean weights is below the mean "
    "loss (cells of which that is not so)",
    observed("so it is on all superstable cycles up to period 11 below this mu"),
)
def _helps(study: Study) -> Finding:
    return _exceptions(study, 1.0, _HELPS, 1.0)


@ROOM.claim(
    "lingers",
    "that fails before the attractor visits both sides: at the superstable cycles that climb from "
    "next to the origin in n - 2 steps, of which mu grows to 3 sqrt(3)/2 - 1 with n, the loss at "
    "the mean weights is above the mean loss (the n from which on that is so)",
    derived(
        "it is mu^2/2 less a term in 1/n^2, the mean loss mu^2/2 less one in 1/n: "
        "docs/theory/noise.md; tests/dynamics/test_mean_weights.py"
    ),
)
def _lingers(study: Study) -> Finding:
    longest = 20
    hurts = [n for n in range(3, longest + 1) if _averaging_hurts(n)]
    first = longest + 1 - len(hurts)  # if they are the last ones
    told = str(first) if hurts == [*range(first, longest + 1)] else f"no such n: {hurts}"
    return forms.words("8", told, f"periods 3 to {longest}")


def _averaging_hurts(n: int) -> bool:
    """Tell whether averaging hurts on the superstable cycle that climbs for n - 2 steps."""
    mu = float(superstable.superstable("M" + "L" * (n - 2)).mu)
    x = np.array(list(runs.balanced(np.array([math.sqrt((1 + mu) / 3)]), np.array([mu]), n - 1)))
    return bool(theory.loss_at(mu, x.mean(), x.mean()) > theory.loss_at(mu, x, x).mean())


@ROOM.claim(
    "hurts",
    "averaging iterates hurts beyond mu = 3 sqrt(3)/2 - 1, where the attractor visits both sides: "
    "the loss at the mean weights is above the mean loss (cells of which that is not so)",
    derived("with mean weights 0, <e^2> - mu^2 = <(e - mu) x^2> < 0, e <= 4(1 + mu)^3/27 - mu < mu")
    + "; "
    + observed("in windows with mirrored attractors too"),
)
def _hurts(study: Study) -> Finding:
    return _exceptions(study, _MERGING, 2.0, -1.0)
