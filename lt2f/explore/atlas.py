"""The maps of a study: their cells, and the task that computes one of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics.lanes import Floats
from lt2f.dynamics.steps import STEPS
from lt2f.explore.view import MODELS, RIVALS, View, Window
from lt2f.pipeline import settings
from lt2f.pipeline.dataset import open_dataset
from lt2f.pipeline.kinds import MapSweep
from lt2f.pipeline.plan import Plan, plan
from lt2f.pipeline.solve import Task

if TYPE_CHECKING:
    import xarray as xr

RECORD: Final = (
    "regime", "decided_by", "period", "residual_period", "lyapunov", "transverse_lyapunov",
    "sharpness", "loss_mean", "imbalance_final", "loss_peak_ratio", "steps", "branch",
)  # fmt: skip
"""What is computed of a cell that somebody looks at."""

FIRST: Final = {"exponent": 0}
"""The place of the larger exponent."""
_STARTS: Final = ("imbalance", "product"), ("a", "b")
_UNSEEN: Final = {"batch_size", "perturbation"}  # coordinates that the page has no handle for
_EVEN: Final = 1e-6  # relative; axes are rounded decimals
_BEGIN: Final = 0.68, 0.35  # of the axes, where the first cell is: chaos, in most maps


Cells = Mapping[str, NDArray[Any]]
"""Variables of many cells, each of shape (y, x)."""


class ExploreError(ValueError):
    """There is nothing to explore."""


@dataclass(frozen=True)
class Map:
    """A map over two coordinates, `x` across, with what a sweep computes in each of its cells."""

    name: str
    x: str
    y: str
    dataset: "xr.Dataset"
    plan: Plan

    @cached_property
    def axes(self) -> dict[str, Floats]:
        """Values along every axis of the dataset."""
        return {str(n): self.dataset[n].values.astype(float) for n in self.dataset["regime"].dims}

    @cached_property
    def rivals(self) -> tuple[str, ...]:
        """Which of noise and the laws of the step to offer: few people ask for other losses."""
        offered = {"noise", "decay", *map(str, self.dataset.coords)}
        return tuple(name for name in RIVALS if name in offered)

    @cached_property
    def start(self) -> tuple[str, str]:
        """The two coordinates of the start."""
        return next(pair for pair in _STARTS if pair[0] in self.dataset.coords)

    @cached_property
    def edges(self) -> Window:
        """Where the first cells begin and the last ones end."""
        ends = []
        for name in (self.x, self.y):
            first, last = float(self.axes[name][0]), float(self.axes[name][-1])
            half = (last - first) / (self.axes[name].size - 1) / 2
            ends += [first - half, last + half]
        return ends[0], ends[1], ends[2], ends[3]

    @cached_property
    def whole(self) -> Window:
        """The window that shows all cells, but no negative step size, noise or strength."""
        return self.home().window

    @cached_property
    def even(self) -> bool:
        """Whether cells are equally wide and equally high, so that a picture can show them."""
        steps = (np.diff(self.axes[name]) for name in (self.x, self.y))
        return all(np.ptp(step) <= _EVEN * step.mean() for step in steps)

    @property
    def lengths(self) -> tuple[int, int]:
        """Steps that a run discards, and those that it measures."""
        lengths = self.plan.task.iterations
        return lengths["transient"], lengths["measure"]

    def home(self) -> View:
        """Return the view to begin with: the whole map, and one of its cells."""
        point = {"mu": 1.0, **dict.fromkeys(self.start, 0.0)}
        point |= {"noise": 0.0, "realization": 0.0, **dict.fromkeys(STEPS, 0.0)}
        point |= {n: float(x[0]) for n, x in self.axes.items() if n in point}
        point |= {n: float(x) for n, x in self.dataset.coords.items() if n in point and not x.ndim}
        for name, part in zip((self.x, self.y), _BEGIN, strict=True):
            point[name] = float(self.axes[name][int(part * (self.axes[name].size - 1))])
        noisy = self.plan.task.noise in MODELS
        model = self.plan.task.noise if noisy else MODELS[0]
        axes = self.x, self.y
        view = View(self.name, point, self.edges, model, self.plan.task.law, axes=axes)
        return view.seen(self.edges)

    def task(self, view: View) -> Task:
        """Return what to compute for a view: as in the sweep, under the view's law of the step.

        A cell with none is the same under every one, to the bit.
        """
        noise: Any = {"noise": view.step, "law": view.law, "seed": self.plan.seed}
        return replace(self.plan.task, record=RECORD, **noise)

    def applies(self, view: View) -> bool:
        """Tell whether the dataset has the view's coordinates but for those of its two axes."""
        task = self.plan.task
        has = "noise" if task.noise in MODELS else task.noise
        same = all(view.point[name] == 0.0 for name in RIVALS if name != has)
        if has == "noise":
            same &= (view.model, view.law) == (task.noise, task.law)
        return same and self._others(view) is not None

    def _others(self, view: View) -> dict[str, int] | None:
        """Return the places along the axes that are not drawn; None if there are none."""
        places = {}
        for name, coordinate in self.dataset.coords.items():
            if name in (self.x, self.y) or name not in view.point:
                continue
            same = np.flatnonzero(np.atleast_1d(coordinate.values) == view.point[str(name)])
            if not same.size:
                return None
            if coordinate.ndim:
                places[str(name)] = int(same[0])
        return places

    @cached_property
    def _arrays(self) -> dict[str, tuple[tuple[str, ...], NDArray[Any]]]:
        """Dimensions and values of every variable, in memory: a file takes ten times as long."""
        variables = self.dataset.data_vars.items()
        return {str(name): (tuple(map(str, x.dims)), x.values) for name, x in variables}

    def has(self, view: View) -> bool:
        """Tell whether the dataset holds what a view shows, in cells that a picture can show."""
        return self.even and view.colour in self.dataset and self.applies(view)

    def cells(self, view: View) -> Cells:
        """Return what the dataset holds of the view's colours, each of shape (y, x).

        Of the two Lyapunov exponents it is the larger.
        """
        places, found = self._others(view) or {}, {}
        for name in {"regime", view.colour}:
            there = self.dataset[name].isel({**places, **FIRST} if name == "lyapunov" else places)
            found[name] = there.transpose(self.y, self.x).values
        return found

    def recorded(self, view: View) -> dict[str, Any] | None:
        """Return what the dataset holds of the view's point; None if that is none of its cells."""
        if not self.applies(view):
            return None
        places = dict(self._others(view) or {})
        for name in (self.x, self.y):
            same = np.flatnonzero(self.axes[name] == view.point[name])
            if not same.size:
                return None
            places[name] = int(same[0])
        variables = self._arrays.items()
        return {n: x[tuple(places.get(d, slice(None)) for d in dims)] for n, (dims, x) in variables}


def maps(path: Path) -> dict[str, Map]:
    """Open the maps in a folder of results or in one dataset, the largest first.

    Raises
    ------
    ExploreError
        If there is none that the page can show.
    DatasetError
        If a file is not a dataset of ours.
    """
    files = sorted(path.glob("*.nc")) if path.is_dir() else [path]
    found = [found for file in files if (found := _map(file)) is not None]
    if not found:
        rivals = ", ".join(RIVALS)
        reason = f"holds no map over two of mu, imbalance, product, a, b, {rivals}"
        raise ExploreError(f"{path}: {reason}, which lt2f explore could show")
    found.sort(key=lambda one: (one.x != "mu" or one.y == "noise", -one.dataset["regime"].size))
    return {one.name: one for one in found}


def _map(file: Path) -> Map | None:
    """Open a dataset; None if it is no map, or over coordinates that the page cannot move."""
    dataset = open_dataset(file)
    ours = settings.parse(json.loads(dataset.attrs["lt2f_settings"]))
    ((name, sweep),) = ours.sweeps.items()
    axes = axes_of(dataset) if isinstance(sweep, MapSweep) and not sweep.count else None
    if axes is None or sweep.noise.model not in ("none", *MODELS):
        return None
    return Map(name, *axes, dataset, plan(ours, name))


def axes_of(dataset: "xr.Dataset") -> tuple[str, str] | None:
    """Choose the axes to draw: a and b if both vary, else two that do, mu the first of them."""
    names = [str(name) for name in dataset["regime"].dims if dataset.sizes[name] > 1]
    if _UNSEEN & {*map(str, dataset.coords)}:
        return None
    if {"a", "b"} <= {*names}:
        return "a", "b"
    moved = sorted((name for name in names if name != "realization"), key=lambda n: n != "mu")
    return (moved[0], moved[1]) if len(moved) > 1 else None
