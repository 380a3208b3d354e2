"""What a dataset says of itself in plain text: its coordinates, parameters, noise and outcomes."""

import re
from html.entities import html5
from typing import Final

import numpy as np
import xarray as xr

from lt2f.dynamics.codes import Regime
from lt2f.dynamics.steps import STEPS
from lt2f.views import style

PLAIN: Final = {
    "mu": "μ",
    "step_size": "η",
    "imbalance": "a₀² − b₀²",
    "imbalance_start": "a₀² − b₀²",
    "product": "a₀b₀",
    "a": "a₀",
    "b": "b₀",
    "perturbation": "ε",
    "noise": "σ",
    "batch_size": "B",
    "realization": "k",
} | {name: law.plain for name, law in STEPS.items()}
"""Symbols of coordinates where there is no mathematical type."""

_NAMED: Final = PLAIN | {name: f"{law.words} {law.plain}" for name, law in STEPS.items()}
_STEPS: Final = {
    "transient": "discarded",
    "measure": "measured",
    "samples": "kept",
    "steps": "in all",
}
_FATES: Final = {
    "converge": (Regime.MONOTONE, Regime.CATAPULT),
    "are periodic": (Regime.PERIODIC,),
    "are chaotic": (Regime.CHAOTIC,),
    "stay bounded": (Regime.BOUNDED_NOISE,),
    "collapse": (Regime.COLLAPSED,),
    "diverge": (Regime.DIVERGENT,),
    "are undecided": (Regime.UNDECIDED,),
}


def parameters(dataset: xr.Dataset) -> list[str]:
    """Say what is fixed in a dataset, its steps and its noise."""
    fixed = [
        f"{_NAMED.get(str(name), str(name))} = {number(values.item())}"
        for name, values in dataset.coords.items()
        if values.ndim == 0 and name != "realization"
    ]
    lengths = style.sweep_of(dataset).get("iterations", {})
    steps = [f"{lengths[key]:,} {words}" for key, words in _STEPS.items() if key in lengths]
    if steps:
        steps[0] = steps[0].replace(" ", " steps ", 1)
    parts = [", ".join(fixed), ", ".join(steps), _noise(dataset)]
    if not style.sweep_of(dataset).get("shortcuts", True):
        parts.append("by brute force")
    return [part for part in parts if part]


def number(value: float) -> str:
    """Write a number in six digits at most, with a true minus."""
    return f"{value:g}".replace("-", "−")


def untexed(words: str) -> str:
    """Write the TeX between dollar signs, of letters, numbers and roots, in plain characters."""
    return re.sub(r"\$(.*?)\$", lambda found: _untexed(found[1]), words)


def _untexed(formula: str) -> str:
    root = re.sub(r"\\sqrt\s*(?:\{(\w+)\}|(\w))", r"√\1\2", formula)
    letters = re.sub(r"\\([A-Za-z]+)\s*", lambda found: html5.get(f"{found[1]};", found[1]), root)
    spaced = re.sub(r"(?<=[^\s(])\s*([-+=<>])\s*", r" \1 ", letters)
    return spaced.replace("-", "−").replace("{", "").replace("}", "")


def span(dataset: xr.Dataset, name: str) -> str:
    """Say over which values a coordinate runs."""
    values = dataset[name].values
    ends = f"from {number(values[0])} to {number(values[-1])}"
    listed = ", ".join(map(number, values))
    what = {"noise": "noise σ", "batch_size": "batch size B"}.get(name, _NAMED.get(name, name))
    return f"{what} = {listed}" if values.size < 5 else f"{what} {ends}"


def covers(dataset: xr.Dataset, mu: float) -> bool:
    """Tell whether a value lies strictly between the ends of mu."""
    values = np.atleast_1d(dataset["mu"].values)
    return bool(values.min() < mu < values.max())


def _noise(dataset: xr.Dataset) -> str:
    """Say which noise the steps have, and how many realizations; nothing if there is none."""
    noise, count = style.noise_of(dataset), dataset.sizes.get("realization", 0)
    silent = dict.fromkeys(("none", *STEPS), "")
    words = {**silent, "factors": "noise of each factor"}.get(
        noise["model"], f"{noise['model']} noise"
    )
    if noise["model"] == "prompts":
        again = "with" if noise.get("replacement", True) else "without"
        words = f"mini-batches from {noise['pool_size']} prompts, drawn {again} replacement"
    elif words:
        words += f" of law {noise['law'].replace('_', '-')}"
    which = f"{count:,} realizations" * (count > 1)
    if "realization" in dataset.coords and not count and dataset["realization"] > 0:
        which = f"realization {dataset['realization'].item()}"  # the first is any one
    return ", ".join(filter(None, (words, which)))


def quiet(dataset: xr.Dataset) -> bool:
    """Tell whether the steps of a dataset have neither noise nor another law."""
    return str(style.noise_of(dataset)["model"]) == "none"


def fates(dataset: xr.Dataset, of: str = "cells") -> str:
    """Say which share of cells ends how, the most frequent first."""
    codes = dataset["regime"].values
    found = {words: np.isin(codes, list(some)).mean() for words, some in _FATES.items()}
    listed = sorted((words for words in found if found[words] > 0), key=lambda w: -found[w])
    parts = [f"{100 * found[words]:.2g} % {words}" for words in listed]
    return f"Of the {of} {', '.join(parts)}."
