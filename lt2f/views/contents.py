"""What a dataset holds: its axes, how many cells, and what became of them."""

from typing import Final

import numpy as np
import xarray as xr

from lt2f.dynamics.codes import Regime

_EXTRA: Final = {"exponent", "weight", "sample", "step", "outcome"}  # dimensions within a cell


def axes(dataset: xr.Dataset) -> list[str]:
    """Name the axes of a sweep, as they come."""
    return [str(name) for name in dataset.sizes if name not in _EXTRA]


def cells(dataset: xr.Dataset) -> int:
    """Count the cells of a sweep."""
    return int(np.prod([dataset.sizes[name] for name in axes(dataset)]))


def spans(dataset: xr.Dataset) -> str:
    """Say from where to where each axis goes, and what is fixed."""
    swept = (
        f"{name} from {dataset[name].values[0]:.6g} to {dataset[name].values[-1]:.6g} "
        f"({dataset.sizes[name]} values)"
        for name in axes(dataset)
    )
    fixed = (f"{name} = {x.item():g}" for name, x in dataset.coords.items() if x.ndim == 0)
    return ", ".join([*swept, *fixed])


def outcomes(dataset: xr.Dataset) -> dict[Regime, int]:
    """Count the runs that end in each regime, those that occur; none if nothing is labelled."""
    if "regime" in dataset:
        counts = np.bincount(dataset["regime"].values.ravel(), minlength=len(Regime))
    elif "regime_count" in dataset:
        kept = dataset["regime_count"]
        counts = kept.sum([name for name in kept.dims if name != "outcome"]).values
    else:
        return {}
    return {regime: int(counts[regime]) for regime in Regime if counts[regime]}


def forecast(dataset: xr.Dataset) -> tuple[int, int]:
    """Count trained models with the regime and period that the map forecasts, of those decided."""
    pairs = [("regime", "map_regime"), ("residual_period", "map_residual_period")]
    own, known = (dataset[name].values for name in pairs[0])
    decided = (own != Regime.UNDECIDED) & (known != Regime.UNDECIDED)
    same = np.logical_and.reduce([dataset[x].values == dataset[y].values for x, y in pairs])
    return int((same & decided).sum()), int(decided.sum())
