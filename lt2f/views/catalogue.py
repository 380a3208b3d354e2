"""Which figures a study has: they follow from the kinds and dimensions of its sweeps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: the name of its files, the drawing, and the sweeps that it shows."""

    stem: str
    drawing: str
    sweeps: tuple[str, ...]


def figures(sweeps: Mapping[str, Any]) -> list[Figure]:
    """Choose the figures of a study from its sweeps, by name (`lt2f.pipeline.settings.Sweep`)."""
    return list(
        _choose({name: (_kind(sweep), tuple(sweep.axes)) for name, sweep in sweeps.items()})
    )


def _kind(sweep: Any) -> str:
    """Return the kind of a sweep, "count" for a map that keeps counts alone."""
    return "count" if getattr(sweep, "count", None) else str(sweep.kind)


def _choose(forms: Mapping[str, tuple[str, tuple[str, ...]]]) -> Iterator[Figure]:
    lines = [name for name, form in forms.items() if form == ("map", ("mu",))]
    diagrams = [name for name, form in forms.items() if form == ("orbit", ("mu",))]
    for name, (kind, axes) in forms.items():
        if kind == "map" and len(axes) == 2 and "mu" in axes:
            yield Figure(name, "regime_map", (name,))
        if kind == "map" and set(axes) - {"mu"} == {"a", "b"}:
            yield Figure(name, "portrait", (name,))
        if kind in ("map", "count") and set(axes) == {"mu", "noise", "realization"}:
            yield Figure(name, "shares", (name,))
    for name in diagrams:
        yield Figure(name, "orbit_diagram", (name, *lines[:1]))
    for name in lines[1:] if diagrams else lines:
        yield Figure(name, "exponents", (name,))
