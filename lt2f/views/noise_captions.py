"""Captions of drawings over noise or batch sizes: what each draws, and what there is to see."""

import numpy as np
import xarray as xr

from lt2f.views import style
from lt2f.views.words import PLAIN, fates, number, span


def shares(dataset: xr.Dataset) -> tuple[str, str]:
    """Describe shares of outcomes over step size and noise."""
    level = "batch_size" if "batch_size" in dataset.sizes else "noise"
    what = f"Shares of outcomes over {span(dataset, 'mu')} and {span(dataset, level)}, and below "
    what += "cuts with Wilson intervals of 95 %."
    counted = "regime" not in dataset
    return what, "Curves are exact of independent draws." if counted else fates(dataset, "runs")


def survival(dataset: xr.Dataset) -> tuple[str, str]:
    """Describe how long noisy runs last."""
    from lt2f.views import survival as room

    found = room.read(dataset)
    name, (mu, *_) = PLAIN[found.level.name], room.half(found)
    what = f"Mean escape times over {span(dataset, 'mu')} at levels of {name}, the share of runs "
    what += "that have not escaped, and the step size at which half do, with intervals of 95 %."
    if (found.known & found.settles)[room.shown(found)].any():
        what += " Open circles stand where some runs converge and are at risk no more: they are the"
        what += " steps at risk per escape, no mean time."
    known = np.flatnonzero(np.isfinite(mu))
    if known.size < 2:
        return what, ""
    first, last = (
        f"μ = {mu[k]:.3g} at {name} = {number(found.level.values[k])}" for k in known[[0, -1]]
    )
    return what, f"Half of the runs escape by {first} and by {last}."


def minima_found(dataset: xr.Dataset) -> tuple[str, str]:
    """Describe which minima noisy runs find."""
    from lt2f.views import minima_found as room

    found = room.read(dataset)
    name = PLAIN[found.level.name]
    what = f"Sharpness of the minima that runs find over {span(dataset, found.level.name)}, "
    what += "medians with intervals of 95 %, its distribution at one μ, and the imbalance left, "
    what += "beside the flattest minimum, S = 2μ, and the edges of stability."
    middle = len(found.mu) // 2
    with np.errstate(all="ignore"):
        median = np.nanmedian(found.sharpness[middle], axis=-1)
    known = np.flatnonzero(np.isfinite(median))
    if known.size < 2:
        return what, ""
    ends = (f"{median[k]:.3g} at {name} = {number(found.level.values[k])}" for k in known[[0, -1]])
    return what, f"At μ = {number(found.mu[middle])} the median goes from {' to '.join(ends)}."


def scaling(dataset: xr.Dataset) -> tuple[str, str]:
    """Describe the largest step size that a batch size bears."""
    what = "Largest μ at which half, and 95 %, of the runs are still there at the end, over "
    what += (
        f"{span(dataset, 'batch_size')}, on logarithmic axes and with intervals of 95 %, beside "
    )
    what += "the edges of stability in mean square and almost surely."
    noise, single = style.noise_of(dataset), float(dataset.attrs["prompt_covariance"][0])
    if noise.get("replacement", True) or noise["pool_size"] < 2:
        return what, f"The edge in mean square, 1/(1 + {single:.3g}/B), is 1/2 at B = {single:.3g}."
    n = noise["pool_size"]
    size = single * n / (n - 1 + single)
    see = f"The edge in mean square grows as B while batches are small, is 1/2 at B = {size:.3g}, "
    return what, see + "and reaches that of the whole pool, μ = 1."
