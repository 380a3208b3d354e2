"""One look for every figure: colours, type and symbols, and how to say what is fixed.

Fonts come with matplotlib, so that a figure looks the same on every machine.
"""

import json
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator

from lt2f.dynamics.codes import Regime
from lt2f.dynamics.steps import STEPS, of_step

COLOURS: Final[dict[Regime, str]] = {
    Regime.UNDECIDED: "#fff63a",
    Regime.MONOTONE: "#92b9e0",
    Regime.CATAPULT: "#e08b36",
    Regime.PERIODIC: "#2d8a70",
    Regime.CHAOTIC: "#37295f",
    Regime.BOUNDED_NOISE: "#98437f",
    Regime.DIVERGENT: "#d6d6d6",
    Regime.COLLAPSED: "#161616",
}
"""The colour of each regime, in every figure. All differ in lightness, so that they survive grey
print and any colour blindness; only what is undecided is vivid."""

WORDS: Final = {code: code.name.lower() for code in Regime} | {
    Regime.BOUNDED_NOISE: "bounded noise"
}
SYMBOLS: Final = {
    "mu": r"$\mu$",
    "step_size": r"$\eta$",
    "imbalance": r"$a_0^2-b_0^2$",
    "imbalance_start": r"$a_0^2-b_0^2$",
    "product": r"$a_0b_0$",
    "a": r"$a_0$",
    "b": r"$b_0$",
    "perturbation": r"$\varepsilon$",
    "noise": r"$\sigma$",
    "batch_size": "$B$",
    "realization": "$k$",
} | {name: law.symbol for name, law in STEPS.items()}
NAMES: Final = {
    "mu": "effective step size",
    "step_size": "step size",
    "imbalance": "imbalance of the start",
    "product": "product of the start",
    "a": "first factor of the start",
    "b": "second factor of the start",
    "perturbation": "displacement of the start",
    "noise": "standard deviation of the noise",
    "batch_size": "batch size",
    "realization": "realization of what is random",
} | {name: law.words for name, law in STEPS.items()}
DPI: Final = 200  # if nobody asks for another
INK: Final = "#222222"
EDGES: Final = INK, "#d9541e", "#2d8a70", "#0b62a8"
"""Colours of exact boundaries where several meet, in their order; dashes differ as well where a
figure has room for them."""
RC: Final[dict[Any, Any]] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.direction": "out",
    "lines.linewidth": 0.9,
    "hatch.linewidth": 0.5,
    "legend.facecolor": "white",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.75,  # lines behind go on, faintly
    "legend.fancybox": False,
    "legend.fontsize": 9,
    "pdf.fonttype": 42,  # TrueType: text stays text, as journals ask
    "svg.fonttype": "path",
    "svg.hashsalt": "lt2f",  # or names in the file would be random
}


def label(name: str) -> str:
    """Name a coordinate in words, and its symbol."""
    words = NAMES.get(name, name.replace("_", " "))
    return f"{words} {SYMBOLS[name]}" if name in SYMBOLS else words


def name_axis(axis: Axis, name: str) -> None:
    """Give an axis its name and few, round ticks."""
    axis.set_label_text(label(name))
    axis.set_major_locator(MaxNLocator(12, steps=[1, 2, 5, 10]))


def palette() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the colours as RGB bytes, indexed by regime."""
    colours = [to_rgb(COLOURS[code]) for code in Regime]
    return np.round(255 * np.array(colours)).astype(np.uint8)


def sweep_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the settings of the sweep that made a dataset."""
    sweep: dict[str, Any]
    (sweep,) = json.loads(dataset.attrs["lt2f_settings"])["sweeps"].values()
    return sweep


def noise_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the noise of a sweep as its settings say: {"model": "none"} if there is none.

    Another law of the step is told in the same place, for as noise it leaves nothing of the map's
    own theorems.
    """
    noise = sweep_of(dataset).get("noise", {"model": of_step(dataset.coords, "none")})
    return {"law": "two_point", **noise}


def conditions(dataset: xr.Dataset) -> list[str]:
    """Say what is held fixed in a dataset, its noise, and whether all of it was iterated."""
    noise = noise_of(dataset)
    parts = [
        f"{SYMBOLS.get(str(name), str(name))} = {values.item():g}"
        for name, values in dataset.coords.items()
        if values.ndim == 0 and name != "realization"
    ]
    if noise["model"] == "prompts":
        again = "with" if noise.get("replacement", True) else "without"
        parts.append(f"batches from {noise['pool_size']} prompts, {again} replacement")
    elif noise["model"] not in ("none", *STEPS):
        words = "noise of each factor" if noise["model"] == "factors" else f"{noise['model']} noise"
        parts.append(f"{words} ({noise['law'].replace('_', '-')})")
    if "realization" in dataset.coords and dataset["realization"].ndim == 0:
        number = int(dataset["realization"])
        parts += [f"realization {number}"] * (number > 0)  # the first is any one
    if not sweep_of(dataset).get("shortcuts", True):
        parts.append("by brute force")
    return parts
