"""Claims on the minimum that a run reaches: how sharp it is, on which branch, and how surely."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lt2f.claims import forms, runs
from lt2f.claims.forms import SIGMAS, Finding, Floats
from lt2f.claims.ledger import Room, derived, observed, proved
from lt2f.claims.study import MissingError, Need, Study, Sweep
from lt2f.dynamics import repeller, sensitivity
from lt2f.dynamics.codes import Branch, Regime

ROOM = Room("minimum")

_TILT = 0.04  # by how much slopes at eps > 5e-7 may exceed their limit (lt2f/dynamics/repeller)
_ROUNDING = 1e-9  # |e| < 1e-12 where a run has converged, which 1/(1 - mu^2) makes larger
_ARGUED = observed(
    "for it speaks an argument that is no proof: lt2f/dynamics/repeller.py: uncertainty_exponent"
)
_CALM = derived(
    "there |e| and |a^2 - b^2| never grow, so that a^2 + b^2 <= 2 + mu e + e^2 and e < 1 remain; "
    "tests/claims/test_rooms.py"
)


# How sharp


@ROOM.claim(
    "imbalance",
    "starts next to the ellipse, too, end with |a^2 - b^2| <= 2 sqrt(1 - mu^2) (largest of the "
    "imbalance over this bound, in plots of starts at one mu < 1)",
    derived("S = hypot(imbalance, 2 mu) <= 2; lt2f/dynamics/theory.py: imbalance_bound"),
)
def _imbalance(study: Study) -> Finding:
    need = Need(across=frozenset({"a", "b"}), record=("imbalance_final", "branch"))
    largest, count, slow = 0.0, 0, 0
    for sweep in study.all(need):
        if "mu" in sweep.axes:  # all others are those of the room on convergence
            continue
        for cells in sweep.parts("imbalance_final", "branch"):
            mu, last = cells["mu"], np.abs(cells["imbalance_final"])
            kept = (mu < 1) & np.isfinite(last) & (np.abs(cells["u"] * cells["v"]) > 1e-12)
            there = kept & (cells["branch"] != Branch.NONE)
            ratio = last[there] / (2 * np.sqrt(1 - mu[there] ** 2))
            largest, count = max(largest, float(ratio.max(initial=0.0))), count + ratio.size
            slow += int((kept & ~there).sum())
    if not count:
        raise MissingError(f"{need.text()}, at a fixed mu < 1")
    note = f"{count:,} cells that have reached a minimum; {slow:,} still converge, and are left out"
    return forms.at_most(1.0, largest, _ROUNDING, note)


# On which branch


def _mirrored(sweep: Sweep) -> bool:
    """Tell whether the grid of starts has with every (a, b) also (-a, -b)."""
    axes = [sweep.dataset[name].values for name in ("a", "b")]
    return "perturbation" not in sweep.axes and all(
        bool(np.abs(x + x[::-1]).max() < 1e-12) for x in axes
    )


@ROOM.claim(
    "mirror",
    "starts (a, b) and (-a, -b) reach opposite branches of ab = mu, each half of all that converge "
    "(pairs that do not)",
    derived("the map commutes with (a, b) -> (-a, -b)"),
)
def _mirror(study: Study) -> Finding:
    need = Need(across=frozenset({"a", "b"}), record=("branch",))
    found = [sweep for sweep in study.all(need) if _mirrored(sweep)]  # displaced ones are not
    if not found:
        raise MissingError(f"{need.text()}, whose grid of starts is its own mirror image")
    wrong = count = 0
    for sweep in found:
        branch = sweep.dataset["branch"]
        opposite = branch.isel(a=slice(None, None, -1), b=slice(None, None, -1)).values
        both = (branch.values != Branch.NONE) & (opposite != Branch.NONE)
        wrong += int((both & (branch.values == opposite)).sum()) // 2
        count += int(both.sum()) // 2
    return forms.none(wrong, count, "pairs of starts, mirrored to rounding", 100)


def calm(a: Floats, b: Floats, mu: Floats) -> NDArray[np.bool_]:
    """Tell which states the loss can never rise from, nor a + b change its sign.

    (a^2 - b^2)^2 + 4(mu + |e|)^2 <= c^2 with c the least 2 + mu f + f^2 over |f| <= |e|. The left
    side bounds (a^2 + b^2)^2 over all states with no larger |e| and imbalance, and
    e' = e(1 + mu e + e^2 - a^2 - b^2), so that a step makes neither larger.
    """
    e = np.abs(a * b - mu)
    f = np.minimum(e, mu / 2)
    bound = 2 - f * (mu - f)
    return np.hypot((a - b) * (a + b), 2 * (mu + e)) <= bound


@ROOM.claim(
    "calm_branch",
    "where (a^2 - b^2)^2 + 4(mu + |e|)^2 <= c^2, c the least 2 + mu f + f^2 over |f| <= |e|, a run "
    "reaches the branch of the sign of a + b and its loss never rises (starts of which that is "
    "not so)",
    _CALM,
)
def _calm_branch(study: Study) -> Finding:
    wrong = count = 0
    for sweep in study.all(Need(record=("regime", "branch"))):
        for cells in sweep.parts("regime", "branch"):
            a, b, branch = cells["u"] + cells["v"], cells["u"] - cells["v"], cells["branch"]
            chosen = calm(a, b, cells["mu"]) & (cells["u"] != 0) & (branch != Branch.NONE)
            sign = np.where(cells["u"] > 0, Branch.POSITIVE, Branch.NEGATIVE)
            kept = (branch == sign) & (cells["regime"] == Regime.MONOTONE)
            wrong, count = wrong + int((chosen & ~kept).sum()), count + int(chosen.sum())
    return forms.none(wrong, count, least=100)


# How surely


class _Fit(NamedTuple):
    """An exponent with its standard error, and of what it is."""

    value: float
    error: float
    text: str


def _exponents(study: Study) -> list[tuple[float, _Fit]]:
    """Fit, at each 0 < mu < 1 of every sweep of displaced starts, how often the branch changes."""
    need = Need(across=frozenset({"a", "b", "perturbation"}), record=("branch",))
    found = []
    for sweep in study.all(need):
        some = sweep.dataset["branch"]
        some = some if "mu" in some.dims else some.expand_dims("mu")
        for mu, cell in some.groupby("mu"):
            labels = cell.squeeze("mu").transpose(..., "perturbation")
            by = cell["perturbation"].values
            shares = sensitivity.uncertain_fractions(labels.values, by, absent=Branch.NONE)
            try:
                fitted = sensitivity.uncertainty_exponent(shares)
            except ValueError:  # too few displacements change anything
                continue
            if 0 < mu < 1:
                text = (
                    f"{int(fitted.fitted.sum())} displacements of "
                    f"{shares.starts[fitted.fitted].min():,} starts or more with a branch before "
                    "and after"
                )
                found.append((float(mu), _Fit(fitted.value, fitted.error, text)))
    if not found:
        raise MissingError(f"{need.text()}, with enough that changes at 0 < mu < 1")
    return found


@ROOM.claim(
    "uncertain",
    "of the starts that reach a minimum both undisplaced and displaced by eps, the share that a "
    "displacement takes to the other branch goes like eps^alpha, alpha < 1: the boundary of the "
    "branches is no smooth curve",
    _ARGUED,
)
def _uncertain(study: Study) -> Finding:
    mu, found = max(_exponents(study), key=lambda pair: pair[1].value + SIGMAS * pair[1].error)
    note = f"{found.text}, at mu = {mu:g}; {SIGMAS:g} standard errors"
    return forms.below(1.0, found.value, SIGMAS * found.error, note)


@ROOM.claim(
    "uncertainty_exponent",
    "of the starts that reach a minimum both undisplaced and displaced by eps, the share that a "
    "displacement takes to the other branch goes like eps^alpha, alpha the escape rate of the "
    "ellipse over log 3 (alpha)",
    _ARGUED,
)
def _uncertainty_exponent(study: Study) -> Finding:
    found = _exponents(study)
    mus = np.array([mu for mu, _ in found])
    known = [repeller.uncertainty_exponent(mu).value for mu in mus.tolist()]
    values, errors = np.array([(fit.value, fit.error) for _, fit in found]).T
    worst = int(np.argmax(np.abs(values - known) / errors))
    note = (
        f"{found[worst][1].text}; the uncertainty is {SIGMAS:g} standard errors of "
        f"{errors[worst]:.2g} (more for several mu), and {_TILT:g} since the exponent is a limit, "
        "of which slopes at such eps are some 0.02 too steep; without this allowance it would be "
        f"{abs(values[worst] - known[worst]) / errors[worst]:.2g} standard errors off. The theory "
        "is an argument, not a proof"
    )
    uncertainty = forms.quantile(mus.size) * errors + _TILT
    resolution = 1 / max(known) - 1  # it has to be told from 1, that of a smooth boundary
    return forms.worst(known, values, uncertainty, mus, resolution, note=note)


def _reciprocal_means(mu: float, steps: int, lanes: int = 1 << 18) -> Floats:
    """Mean of the product of 1/(1 + mu e + e^2) over steps 0 ... n - 1 on the ellipse, in parts.

    The result has shape (steps, 64), for n = 1 ... steps and 64 parts of the runs.
    """
    m = np.full(lanes, mu)
    product, means = np.ones(lanes), []
    for a, b in runs.descend(*runs.ellipse_starts(m), m, steps - 1):
        e = a * b - mu
        product = product / (1 + mu * e + e * e)
        means.append(product.reshape(64, -1).mean(axis=1))
    return np.array(means)


@ROOM.claim(
    "escape_rate",
    "starts near the ellipse leave it at the rate kappa, exp(-kappa) the leading eigenvalue of the "
    "operator that weights three preimages with 1/(1 + mu e + e^2) (mu = 1/2)",
    proved("repeller", "escape_rate"),
)
def _escape_rate(study: Study) -> Finding:
    first, last = 5, 11
    means = _reciprocal_means(0.5, last)[[first - 1, last - 1]]
    known = repeller.escape_rate(0.5).value
    value = float(np.log(means[0].mean() / means[1].mean()) / (last - first))
    others = (means.sum(axis=1, keepdims=True) - means) / 63
    each = np.log(others[0] / others[1]) / (last - first)
    error = SIGMAS * float(np.sqrt(63 * each.var()))
    # the second eigenvalue of the operator is 0.27 of the first: 0.27^5/6 is 0.0002
    note = f"runs on the ellipse, from {first} to {last} steps"
    return forms.value(known, value, error + 0.001, 0.05, note)
