"""Captions: what a figure draws, with which parameters, and what there is to see, in plain text.

All of it comes from the datasets that are drawn: coordinates, settings and what was found.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import xarray as xr

from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import Regime
from lt2f.views import noise_captions
from lt2f.views.words import PLAIN, covers, fates, number, parameters, quiet, span

_ONSET: Final = 1.0  # of the two-cycle: the edge of stability of the flattest minimum
_BOTH_SIGNS: Final = 2.0 * math.sqrt(2.0) - 1.0


def caption(drawing: str, datasets: Sequence[xr.Dataset]) -> str:
    """Describe a drawing of datasets in one to three sentences of plain text, without markup.

    The first says what is drawn and over what, the second what is fixed, how long is iterated and
    with which noise, the third what there is to see. `drawing` and `datasets` are those of
    `lt2f.views.figures.DRAWINGS`.

    Raises
    ------
    KeyError
        If there is no such drawing.
    """
    what, seen = CAPTIONS[drawing](*datasets)
    words = "; ".join(parameters(datasets[0]))
    return " ".join(filter(None, (what, f"Parameters: {words}." if words else "", seen)))


def _named(see: str, dataset: xr.Dataset) -> str:
    """Explain as well, where a figure names it, the one threshold whose name says too little."""
    if not see or not quiet(dataset) or not covers(dataset, _BOTH_SIGNS):
        return see
    said = "the cycle of both signs is a = b = x, y, −x, −y, and splits into two mirrored ones"
    return f"{see[:-1]}; {said}."


# Drawings: what is drawn, and what there is to see


def _regime_map(dataset: xr.Dataset) -> tuple[str, str]:
    over = " and ".join(span(dataset, str(name)) for name in dataset["regime"].dims)
    see = fates(dataset)
    if quiet(dataset):
        see = see[:-1] + "; the curves over them are exact: beyond a₀² + b₀² = 4 + μ(a₀b₀ − μ) all "
        see += "starts diverge" + ", and from μ = 1 on almost none converge" * covers(dataset, 1)
        see += "."
    return f"What becomes of every start over {over}.", _named(see, dataset)


def _value_map(dataset: xr.Dataset, variable: str, what: str) -> tuple[Any, str]:
    """Return the values of bounded cells, and what they are drawn over."""
    over = " and ".join(span(dataset, str(name)) for name in dataset[variable].dims)
    kept = dataset[variable].values[dataset["regime"].values != Regime.DIVERGENT]
    return kept[np.isfinite(kept)], f"{what} over {over}, and below its spread over bounded starts."


def _sharpness(dataset: xr.Dataset) -> tuple[str, str]:
    words = "Mean of a² + b² in the long run, at a minimum step size times sharpness,"
    _, what = _value_map(dataset, "sharpness", words)
    settled = np.isin(dataset["regime"].values, (Regime.MONOTONE, Regime.CATAPULT))
    most = float(np.nanmax(dataset["sharpness"].values, initial=0.0, where=settled))
    see = f"Runs that converge end at no more than {most:.4g}: the edge of stability is 2, and "
    see += "no minimum is flatter than 2μ."
    return what, _named(see, dataset) if settled.any() and quiet(dataset) else ""


def _overshoot(dataset: xr.Dataset) -> tuple[str, str]:
    values, what = _value_map(dataset, "loss_peak_ratio", "Largest loss over the first one")
    above = float((values > 1).mean()) if values.size else 0.0
    most = f", at most by a factor of {values.max():.3g}" if above else ""
    see = (
        f"The loss rises above the first one from {100 * above:.2g} % of the bounded starts{most}."
    )
    return what, _named(see, dataset)


def _orbit_diagram(orbit: xr.Dataset, line: xr.Dataset | None = None) -> tuple[str, str]:
    recorded = {"imbalance", "imbalance_path"} & {*map(str, orbit.data_vars)}
    below = ["quantiles of the imbalance |a² − b²|"] * bool(recorded)
    below += ["the Lyapunov exponents and the regimes without noise"] * (line is not None)
    what = f"Residual e = ab − μ in the long run over {span(orbit, 'mu')}, darker where it is more "
    what += "often" + f"; below, {' and '.join(below)}" * bool(below) + "."
    if not quiet(orbit) or not covers(orbit, _ONSET):
        return what, ""
    end = thresholds.accumulation().mu
    chaos = f" until μ = {end:.4f}, from where on there are bands of chaos" * covers(orbit, end)
    see = f"At μ = 1 convergence gives way to a cycle of two, which doubles again{chaos}."
    return what, _named(see, orbit)


def _phases(paths: xr.Dataset, line: xr.Dataset | None = None) -> tuple[str, str]:
    from lt2f.views import phases

    names = [str(name) for name in paths["loss"].dims if name != "step"]
    at = " and ".join(span(paths, name) for name in names)
    above = ", below the regimes of that start over μ" * (line is not None)
    what = f"Loss and a² + b² at every step of runs at {at}{above}."
    if names != ["mu"] or not quiet(paths):
        return what, ""
    found = phases.named(paths, line)
    see = f"The same start is {', '.join(found)} as the step size grows; a" if found else "A"
    return what, see + " minimum is stable where a² + b², step size times sharpness, is below 2."


def _exponents(dataset: xr.Dataset) -> tuple[str, str]:
    name = next(str(name) for name in dataset.sizes if name in PLAIN)
    if "lyapunov" not in dataset:
        return f"Regime of training over {span(dataset, name)}.", fates(dataset)
    what = f"Lyapunov exponents in nats per step over {span(dataset, name)}, with bands of two "
    what += "standard errors, above a strip of the regimes."
    zeros = "; where it touches zero something bifurcates" * quiet(dataset)
    see = f"Training is chaotic where the largest is positive{zeros}."
    return what, _named(see, dataset) if name == "mu" else see


def _averages(dataset: xr.Dataset) -> tuple[str, str]:
    name = next(str(name) for name in dataset.sizes if name in PLAIN)
    what = f"Mean loss, loss at the mean weights, and mean weights over {span(dataset, name)}, "
    what += "with bands of two standard errors."
    if name != "mu" or not quiet(dataset):
        return what, ""
    see = "On the cycle of two the loss at the mean weights is 9(μ − 1)/(8(μ + 1)) of the mean "
    see += "loss; where an attractor is its own mirror image the mean weights vanish."
    return what, see


def _portrait(dataset: xr.Dataset) -> tuple[str, str]:
    at = span(dataset, "mu") if "mu" in dataset.dims else f"μ = {number(dataset['mu'].item())}"
    what = f"What becomes of every start (a₀, b₀) at {at}"
    if {"imbalance_final", "loss_peak_ratio", "steps"} <= {*map(str, dataset.data_vars)}:
        what += (
            "; below, the final imbalance up to μ = 1, the largest loss beyond, and in grey the "
        )
        what += "steps until escape"
    mu = dataset["mu"].values
    if not quiet(dataset) or mu.min() <= 0 or mu.max() >= 2:  # the theorem is for those between
        return what + ".", fates(dataset)
    see = "Bounded are exactly the starts inside the ellipse a² + b² − μab = 4 − μ²; up to μ = 1 "
    return what + ".", see + "almost all of these reach a minimum, and beyond almost none does."


def _transverse(attractors: xr.Dataset, ellipse: xr.Dataset | None = None) -> tuple[str, str]:
    what = f"Rate at which a small imbalance grows or dies over {span(attractors, 'mu')}, on the "
    what += "balanced attractors and on the ellipse a² + b² − μab = 4 − μ²"
    see = (
        "It dies on the attractors of 1 < μ < 2, where the rate is negative, and grows next to the "
    )
    see += "ellipse, by arcosh((1 + √(25 − 4μ²))/4) nats per step."
    return what + ", measured and exact.", see


def _ellipse(dataset: xr.Dataset) -> tuple[str, str]:
    what = "Lyapunov exponents of the chaos on the ellipse a² + b² − μab = 4 − μ² over "
    see = "Measured means lie on the formulas, log 3 along the ellipse and "
    see += "arcosh((1 + √(25 − 4μ²))/4) across it; below, their distance in standard errors."
    return what + span(dataset, "mu") + ".", see


def _cascade(orbit: xr.Dataset) -> tuple[str, str]:
    end = thresholds.accumulation().mu
    what = f"Residual e = ab − μ on the logarithm of the distance of μ from {end:.6f}, where the "
    what += "doublings end: they come from the left, the mergings of chaotic bands from the right."
    see = "All are equally wide on this axis, for each interval is δ = 4.6692 times as long as the "
    return what, see + "next; the lowest panel shows how ratios of located thresholds tend to δ."


def _which_minimum(*datasets: xr.Dataset) -> tuple[str, str]:
    displaced = any("perturbation" in data.dims for data in datasets)
    what = "Which of the two branches of minima ab = μ a start (a₀, b₀) reaches"
    what += ", and the share of starts that reach the other one if displaced by ε" * displaced
    see = "Next to the ellipse inside which starts are bounded the branches mix ever more finely"
    see += "; the share falls as a power of ε, so that knowing the start better helps little"
    return what + ".", (see if displaced else see.split(";")[0]) + "."


def _fractal_boundary(*datasets: xr.Dataset) -> tuple[str, str]:
    from lt2f.views import fractal_boundary

    zooms = " and in zooms towards the boundary of those that diverge" * (len(datasets) > 1)
    what = f"What becomes of starts (a₀, b₀) under weight decay{zooms}; below, the boxes that hold "
    what += "both fates, and the dimension of the boundary beside boundaries that are known."
    found = [each.found for data in datasets for each in fractal_boundary.counted(data)]
    see = "Without decay the boundary is the ellipse, a smooth curve of dimension 1"
    each = [f"{x.value:.2f} ± {x.error:.2f} (drift {x.drift:.2f})" for x in found]
    return what, see + f"; with it, boxes say {' and '.join(each)}" * bool(each) + "."


def _transformer(dataset: xr.Dataset) -> tuple[str, str]:
    what = f"The linear transformer itself, trained with step sizes {span(dataset, 'step_size')}, "
    what += "beside what the map of the plane forecasts."
    own, known = (dataset[name].values for name in ("regime", "map_regime"))
    decided = (own != Regime.UNDECIDED) & (known != Regime.UNDECIDED)
    same = int((own == known)[decided].sum())
    return what, f"The map forecasts the regime of {same:,} of {int(decided.sum()):,} trainings."


CAPTIONS: Final[Mapping[str, Callable[..., tuple[str, str]]]] = {
    "regime_map": _regime_map,
    "sharpness": _sharpness,
    "overshoot": _overshoot,
    "phases": _phases,
    "orbit_diagram": _orbit_diagram,
    "exponents": _exponents,
    "averages": _averages,
    "portrait": _portrait,
    "shares": noise_captions.shares,
    "survival": noise_captions.survival,
    "minima_found": noise_captions.minima_found,
    "scaling": noise_captions.scaling,
    "transverse": _transverse,
    "ellipse": _ellipse,
    "cascade": _cascade,
    "which_minimum": _which_minimum,
    "fractal_boundary": _fractal_boundary,
    "transformer": _transformer,
}
"""For every drawing, functions of its datasets that say what it draws and what there is to see."""
