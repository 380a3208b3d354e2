"""Which figures a study has: they follow from the kinds and dimensions of its sweeps."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from lt2f.dynamics.steps import STEPS, of_step

if TYPE_CHECKING:
    import xarray as xr

_ACCUMULATION: Final = 1.302283  # of the doublings; `lt2f.dynamics.thresholds` knows it exactly
_NEAR: Final = 0.0025  # within lie the doublings from period 16 on, and the mergings into 8 bands
# What has to be recorded for averages, and for a portrait to be whole.
_AVERAGED: Final = {"loss_mean", "weights_mean"}
_TRAINED: Final = {"step_size", "realization"}  # axes of trainings that a figure can show
_MAPPED: Final = {"sharpness": "sharpness", "overshoot": "loss_peak_ratio"}
_SAME: Final = 1e-12  # between coordinates, which are rounded decimals
_SURVIVED: Final = {"regime", "steps"}
_ENDED: Final = {"regime", "imbalance_final"}
_UNBALANCED: Final = 0.5  # |a^2 - b^2| of a start from which minima far from balance are found
_PORTRAYED: Final = {"imbalance_final", "loss_peak_ratio", "steps"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: the name of its files, the drawing, and the sweeps that it shows."""

    stem: str
    drawing: str
    sweeps: tuple[str, ...]


def figures(sweeps: Mapping[str, Any]) -> list[Figure]:
    """Choose the figures of a study from its sweeps, by name (`lt2f.pipeline.settings.Sweep`)."""
    frayed = {name: sweep for name, sweep in sweeps.items() if _tells_fraying(sweep)}
    minima = {name: sweep for name, sweep in sweeps.items() if _tells_minima(sweep)}
    rest = {name: sweep for name, sweep in sweeps.items() if name not in {**minima, **frayed}}
    forms = {name: (_kind(sweep), tuple(sweep.axes)) for name, sweep in rest.items()}
    runs = _phases(sweeps)
    zooms = [*_which_minimum(minima), *_fractal_boundary(frayed)]
    return [*_choose(forms), *_beside(rest, forms, sweeps), *runs, *zooms]


def figures_of(dataset: "xr.Dataset") -> list[str]:
    """Choose the drawings that fit one dataset of ours by itself, the best first; maybe none.

    It is judged by the settings among its attributes and by what it holds.

    Raises
    ------
    ValueError
        If the dataset does not say from which settings it was made.
    """
    sweep = _sweep_of(dataset)
    found = [figure.drawing for figure in figures({"it": sweep})]
    return list(dict.fromkeys([*found, *_also(sweep)]))


def figures_together(datasets: "Sequence[xr.Dataset]") -> dict[str, list[int]]:
    """Choose the drawings that show all of several datasets: each with the order of these in it.

    Raises
    ------
    ValueError
        If a dataset does not say from which settings it was made.
    """
    sweeps = {str(k): _sweep_of(dataset) for k, dataset in enumerate(datasets)}
    whole = [figure for figure in figures(sweeps) if {*figure.sweeps} == {*sweeps}]
    return {figure.drawing: [int(name) for name in figure.sweeps] for figure in whole}


def _sweep_of(dataset: "xr.Dataset") -> Any:
    """Read what the catalogue asks of a sweep from a dataset; defaults are not in its settings."""
    try:
        (raw,) = json.loads(dataset.attrs["lt2f_settings"])["sweeps"].values()
        axes = {
            name: SimpleNamespace(values=lambda name=name: dataset[name].values)
            for name in raw["axes"]
        }
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            "not a dataset of lt2f: its settings are not among its attributes"
        ) from None
    return SimpleNamespace(
        axes=axes,
        fixed=raw.get("fixed", {}),
        record=tuple(map(str, dataset.data_vars)),
        noise=SimpleNamespace(model=raw.get("noise", {}).get("model", "none")),
        count=raw.get("count"),
        kind=raw.get("kind", "map"),
    )


def _also(sweep: Any) -> Iterator[str]:
    """Yield drawings that fit a sweep, though they are not those that a study gets of it."""
    kind, axes = _kind(sweep), {*sweep.axes}
    if kind == "cascade":
        yield "orbit_diagram"
    if kind == "map" and len(axes) == 1 and {"lyapunov", "regime"} & {*sweep.record}:
        yield "exponents"
    if kind == "map" and len(axes) == 2:
        yield "regime_map"
    if kind == "map" and axes - {"mu"} == {"a", "b"}:
        yield "portrait"
        if "branch" in sweep.record:
            yield "which_minimum"


def said(sweeps: Mapping[str, Any]) -> str:
    """Say in a line which figures the sweeps of a study get, and which sweeps have none."""
    listed = figures(sweeps)
    shown = {name for figure in listed for name in figure.sweeps}
    parts = [
        figure.stem if len(figure.sweeps) == 1 else f"{figure.stem} (of {', '.join(figure.sweeps)})"
        for figure in listed
    ]
    left = [name for name in sweeps if name not in shown]
    words = f"figures: {', '.join(parts) or 'none'}"
    return f"{words}; no figure shows {', '.join(left)}" if left else words


def _tells_minima(sweep: Any) -> bool:
    """Tell a map over a and b that is about the minima: displaced, or with little else recorded."""
    axes = set(sweep.axes)
    ends = {"a", "b"} <= axes <= {"mu", "a", "b", "perturbation"} and _kind(sweep) == "map"
    if not ends or "branch" not in sweep.record or _law(sweep) in STEPS:
        return False
    return "perturbation" in axes or not {*sweep.record} >= _PORTRAYED


def _which_minimum(sweeps: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield a figure for all windows at one mu and the displaced starts there, these last."""
    together: dict[object, list[str]] = {}
    for name, sweep in sweeps.items():
        together.setdefault(sweep.fixed.get("mu", name), []).append(name)
    for names in together.values():
        names.sort(key=lambda name: "perturbation" in sweeps[name].axes)
        yield Figure(names[0], "which_minimum", tuple(names))


def _law(sweep: Any) -> str:
    """Return the law of a sweep's step: that of a coordinate, or the model of its noise."""
    return of_step({*sweep.axes, *sweep.fixed}, str(sweep.noise.model))


def _tells_fraying(sweep: Any) -> bool:
    """Tell a map over a and b whose weights decay: the boundary of bounded starts is fractal."""
    return {*sweep.axes} == {"a", "b"} and _kind(sweep) == "map" and _law(sweep) == "decay"


def _fractal_boundary(sweeps: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield a figure for all windows at one mu and one decay, the widest first."""
    together: dict[object, list[str]] = {}
    for name, sweep in sweeps.items():
        together.setdefault((sweep.fixed["mu"], sweep.fixed["decay"]), []).append(name)
    for names in together.values():
        names.sort(key=lambda name: -_width(sweeps[name]))
        yield Figure(names[0], "fractal_boundary", tuple(names))


def _width(sweep: Any) -> float:
    values = sweep.axes["a"].values()
    return float(values[-1] - values[0])


def _phases(sweeps: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield a figure of all trajectories, below a map over mu that holds their start if any."""
    for name, sweep in sweeps.items():
        if _kind(sweep) == "trajectory":
            maps = [other for other in sweeps if _holds(sweeps[other], sweep)]
            maps.sort(key=lambda other: len(sweeps[other].axes))
            yield Figure(name, "phases", (name, *maps[:1]))


def _holds(line: Any, paths: Any) -> bool:
    """Tell whether a map over mu has the start of paths over mu, all of them without noise."""
    quiet = _law(line) == _law(paths) == "none"
    over_mu = (*paths.axes,) == ("mu",) and "mu" in line.axes and _kind(line) == "map"
    given = {*line.axes, *line.fixed} - {"mu"}
    if not (quiet and over_mu and given == {*paths.fixed}):
        return False
    return all(
        bool((abs(line.axes[name].values() - value) < _SAME).any())
        if name in line.axes
        else line.fixed[name] == value
        for name, value in paths.fixed.items()
    )


def _kind(sweep: Any) -> str:
    """Return the kind of a sweep, "count" for a map that keeps counts alone."""
    if getattr(sweep, "count", None):
        return "count"
    return "cascade" if _crowds(sweep) else str(sweep.kind)


def _pools(axes: tuple[str, ...]) -> bool:
    """Tell whether axes are mu, and realizations at most: these can be shown as one."""
    return "mu" in axes and {*axes} <= {"mu", "realization"}


def _crowds(sweep: Any) -> bool:
    """Tell whether most values of an orbit sweep lie next to the end of the cascade, around it."""
    if sweep.kind != "orbit" or tuple(sweep.axes) != ("mu",):
        return False
    gap = sweep.axes["mu"].values() - _ACCUMULATION
    near = abs(gap) < _NEAR
    return bool(2 * near.sum() > gap.size and gap.min() < 0 < gap.max())


def _beside(
    sweeps: Mapping[str, Any],
    forms: Mapping[str, tuple[str, tuple[str, ...]]],
    taken: Collection[str],
) -> Iterator[Figure]:
    """Choose what else maps over mu have to show: averages, transverse exponents, survival."""
    ellipses = [name for name, (kind, axes) in forms.items() if kind == "ellipse" and "mu" in axes]
    shown: set[str] = set()
    for name in [name for name, form in forms.items() if form == ("map", ("mu",))]:
        recorded = {*sweeps[name].record}
        if recorded >= _AVERAGED:
            yield Figure(_stem(name, "averages", taken), "averages", (name,))
        if _law(sweeps[name]) == "none" and "transverse_lyapunov" in recorded:
            yield Figure(_stem(name, "transverse", taken), "transverse", (name, *ellipses[:1]))
            shown |= {*ellipses[:1]}
    yield from (Figure(name, "ellipse", (name,)) for name in ellipses if name not in shown)
    for name, (kind, axes) in forms.items():
        starts = set(axes) - {"mu"} <= {"imbalance", "product", "a", "b"}
        if kind == "map" and len(axes) == 2 and "mu" in axes and starts:
            for drawing, variable in _MAPPED.items():
                if variable in sweeps[name].record:
                    yield Figure(_stem(name, drawing, taken), drawing, (name,))
        noisy = set(axes) - {"mu", "realization"} in ({"noise"}, {"batch_size"})
        if kind == "map" and len(axes) == 3 and noisy and {*sweeps[name].record} >= _SURVIVED:
            yield Figure(_stem(name, "survival", taken), "survival", (name,))
            if "batch_size" in axes:
                yield Figure(_stem(name, "scaling", taken), "scaling", (name,))
        if kind == "map" and noisy and _finds_minima(sweeps[name]):
            yield Figure(_stem(name, "minima_found", taken), "minima_found", (name,))


def _finds_minima(sweep: Any) -> bool:
    """Tell a map over mu, noise and realization from one unbalanced start that records its ends."""
    if len(sweep.axes) != 3 or not {*sweep.record} >= _ENDED:
        return False
    given = sweep.fixed
    start = given["imbalance"] if "imbalance" in given else given["a"] ** 2 - given["b"] ** 2
    return bool(abs(start) >= _UNBALANCED)


def _stem(name: str, words: str, taken: Collection[str]) -> str:
    """Name another figure of a sweep, unlike any sweep."""
    dashes = "-"
    while name + dashes + words in taken:
        dashes += "-"
    return name + dashes + words


def _choose(forms: Mapping[str, tuple[str, tuple[str, ...]]]) -> Iterator[Figure]:
    lines = [name for name, form in forms.items() if form == ("map", ("mu",))]
    diagrams = [name for name, (kind, axes) in forms.items() if kind == "orbit" and _pools(axes)]
    for name, (kind, axes) in forms.items():
        if kind == "map" and len(axes) == 2 and "mu" in axes:
            yield Figure(name, "regime_map", (name,))
        if kind == "map" and set(axes) - {"mu"} == {"a", "b"}:
            yield Figure(name, "portrait", (name,))
        noisy = set(axes) - {"mu", "realization"}
        if kind in ("map", "count") and len(axes) == 3 and noisy in ({"noise"}, {"batch_size"}):
            yield Figure(name, "shares", (name,))
        if kind == "transformer" and "step_size" in axes and {*axes} <= _TRAINED:
            yield Figure(name, "transformer", (name,))
        if kind == "cascade":
            yield Figure(name, "cascade", (name,))
    for name in diagrams:
        yield Figure(name, "orbit_diagram", (name, *lines[:1]))
    for name in lines[1:] if diagrams else lines:
        yield Figure(name, "exponents", (name,))
