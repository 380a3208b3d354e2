"""How a claim finds its data: by what a sweep holds, whatever its name is."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics import theory
from lt2f.dynamics.steps import of_step

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[Any]
Tables: TypeAlias = Mapping[str, Sequence[Mapping[str, str]]]
CELLS = 1 << 21
"""Cells in memory at once: a claim over a sweep of any size reads it part by part."""


NEAR = 0.01
"""Largest |a^2 - b^2| of a start near balance."""


class MissingError(LookupError):
    """A study lacks the sweep that a claim needs; the text says which."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a sweep must be for a claim: `axes` are all that it has, `across` some of them.

    `mu` is a range that its steps must cover, from at most the first to at least the second; `near`
    asks for one start near balance, and `transient` for so many steps before anything is measured.
    """

    kind: str = "map"
    noise: str = "none"
    law: str | None = None
    axes: frozenset[str] | None = None
    across: frozenset[str] = frozenset()
    record: tuple[str, ...] = ()
    mu: tuple[float, float] | None = None
    near: bool = False
    transient: int = 0

    def text(self) -> str:
        """Say which sweep it is, in words of the settings."""
        noise = f"noise {self.noise}" + f" of law {self.law}" * (self.law is not None)
        parts = [f"kind {self.kind}", noise]
        if self.axes is not None:
            parts.append(f"axes {_listed(self.axes)} alone")
        if self.across:
            parts.append(f"axes {_listed(self.across)} at least")
        if self.near:
            parts.append(f"one start with |imbalance| <= {NEAR:g} and product in (0, 1]")
        if self.transient:
            parts.append(f"transient {self.transient} or more")
        if self.mu is not None:
            parts.append(f"mu from {self.mu[0]:g} to {self.mu[1]:g}")
        if self.record:
            parts.append(f"record {_listed(self.record)}")
        return "needs a sweep of " + ", ".join(parts)


def _listed(names: frozenset[str] | tuple[str, ...]) -> str:
    return " and ".join(sorted(names) if isinstance(names, frozenset) else names)


class Cells:
    """Cells of a sweep as flat arrays: coordinates, starts u and v, and variables by name.

    On the ellipse there are no starts.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> Array:
        """Return a coordinate or variable, one row per cell."""
        return self._arrays[name]

    def where(self, chosen: Array) -> "Cells":
        """Keep some of the cells."""
        return Cells({name: values[chosen] for name, values in self._arrays.items()})

    @property
    def h(self) -> NDArray[np.float64]:
        """Side of the ellipse on which each start lies, negative inside (`theory.ellipse`)."""
        return theory.ellipse(self["mu"], self["u"], self["v"])


class Sweep:
    """A dataset of the study, with the settings that it carries."""

    def __init__(self, name: str, dataset: "xr.Dataset") -> None:
        (raw,) = json.loads(dataset.attrs["lt2f_settings"])["sweeps"].values()
        noise = raw.get("noise", {})
        self.name, self.dataset = name, dataset
        self.kind = "count" if raw.get("count") else str(raw.get("kind", "map"))
        self.model = str(
            raw.get("transformer", {}).get("model", "")
        )  # of a transformer that is trained
        # Other steps stand beside noise: claims on the map itself are of sweeps with neither.
        plain = of_step(dataset.coords, "none")
        self.noise = str(noise.get("model", plain))
        self.noise_settings: dict[str, Any] = noise
        self.law = str(noise.get("law", "two_point"))
        self.iterations: dict[str, int] = raw.get("iterations", {})
        self.transient = float(self.iterations.get("transient", math.inf))  # default: long
        self.axes = tuple(name for name in raw["axes"] if name in dataset.sizes)

    def has(self, need: Need) -> bool:
        """Tell whether a claim can use it."""
        if self.kind != need.kind:  # not every kind has mu
            return False
        mu = np.atleast_1d(self.dataset["mu"].values)
        return (
            self.noise == need.noise
            and need.law in (None, self.law)
            and need.axes in (None, frozenset(self.axes))
            and need.across <= set(self.axes)
            and all(name in self.dataset for name in need.record)
            and (need.mu is None or (mu[0] <= need.mu[0] and mu[-1] >= need.mu[1]))
            and need.transient <= self.transient
            and (not need.near or self._is_near_balance())
        )

    def _is_near_balance(self) -> bool:
        if {"imbalance", "product", "a", "b"} & set(self.axes):
            return False
        start = _flat(self.dataset.isel({name: slice(0, 1) for name in self.axes}), self.axes, ())
        (u,), (v,) = start["u"], start["v"]
        return bool(abs(4 * u * v) <= NEAR and 0 < (u - v) * (u + v) <= 1)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod([self.dataset.sizes[name] for name in self.axes]))

    def parts(self, *names: str) -> Iterator[Cells]:
        """Yield the cells with some variables, part by part along the longest axis."""
        along = max(self.axes, key=lambda name: self.dataset.sizes[name])
        count = self.dataset.sizes[along]
        rows = max(1, CELLS * count // self.size)
        for begin in range(0, count, rows):
            yield _flat(self.dataset.isel({along: slice(begin, begin + rows)}), self.axes, names)

    def cells(self, *names: str) -> Cells:
        """Return all cells with some variables: for sweeps along a line."""
        return _flat(self.dataset, self.axes, names)


def _flat(piece: "xr.Dataset", axes: tuple[str, ...], names: tuple[str, ...]) -> Cells:
    grid = np.meshgrid(*(piece[name].values for name in axes), indexing="ij")
    arrays: dict[str, Array] = {name: x.ravel() for name, x in zip(axes, grid, strict=True)}
    count = grid[0].size
    for name, x in piece.coords.items():
        if x.ndim == 0:
            arrays[str(name).removesuffix("_start")] = np.full(count, x.item())
    if "imbalance" in arrays:
        arrays["u"], arrays["v"] = theory.start_state(arrays["imbalance"], arrays["product"])
    elif "a" in arrays:
        a, b = arrays["a"], arrays["b"] + arrays.get("perturbation", 0.0)
        arrays["u"], arrays["v"] = (a + b) / 2, (a - b) / 2
    for name in names:
        values = piece[name].values
        arrays[name] = values.reshape(count, *values.shape[len(axes) :])
    return Cells(arrays)


class Study:
    """The sweeps of a study, and tables that it has made already, by name, as lines of text."""

    def __init__(self, datasets: "Mapping[str, xr.Dataset]", tables: Tables | None = None) -> None:
        self.sweeps = [Sweep(name, dataset) for name, dataset in datasets.items()]
        self.tables: Tables = tables or {}

    def all(self, need: Need) -> list[Sweep]:
        """Find every sweep that fits, largest first.

        Raises
        ------
        MissingError
            If there is none; it says which one it takes.
        """
        found = [sweep for sweep in self.sweeps if sweep.has(need)]
        if not found:
            raise MissingError(need.text())
        return sorted(found, key=lambda sweep: -sweep.size)

    def any(self, need: Need) -> bool:
        """Tell whether some sweep fits."""
        return any(sweep.has(need) for sweep in self.sweeps)

    def largest(self, need: Need) -> Sweep:
        """Find the sweep that fits and has most cells; raises MissingError as `all` does."""
        return self.all(need)[0]
