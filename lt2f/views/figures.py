"""The door to the figures: each is a function of datasets, and `draw` makes files of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xarray as xr
from matplotlib.figure import Figure

from lt2f.views import captions, sheet
from lt2f.views.averages import averages
from lt2f.views.cascade import cascade
from lt2f.views.exponents import exponents
from lt2f.views.fractal_boundary import fractal_boundary
from lt2f.views.minima_found import minima_found
from lt2f.views.orbit_diagram import orbit_diagram
from lt2f.views.phases import phases
from lt2f.views.portrait import portrait
from lt2f.views.regime_map import regime_map
from lt2f.views.scaling import scaling
from lt2f.views.shares import shares
from lt2f.views.survival import survival
from lt2f.views.transformer import transformer
from lt2f.views.transverse import ellipse, transverse
from lt2f.views.value_map import overshoot, sharpness
from lt2f.views.which_minimum import which_minimum

__all__ = [
    "DRAWINGS",
    "averages",
    "cascade",
    "draw",
    "ellipse",
    "exponents",
    "fractal_boundary",
    "minima_found",
    "orbit_diagram",
    "overshoot",
    "phases",
    "portrait",
    "regime_map",
    "scaling",
    "shares",
    "sharpness",
    "survival",
    "transformer",
    "transverse",
    "which_minimum",
]

DRAWINGS: Final[Mapping[str, Callable[..., Figure]]] = {
    "regime_map": regime_map,
    "sharpness": sharpness,
    "overshoot": overshoot,
    "phases": phases,
    "orbit_diagram": orbit_diagram,
    "exponents": exponents,
    "averages": averages,
    "portrait": portrait,
    "shares": shares,
    "survival": survival,
    "minima_found": minima_found,
    "scaling": scaling,
    "transverse": transverse,
    "ellipse": ellipse,
    "cascade": cascade,
    "which_minimum": which_minimum,
    "fractal_boundary": fractal_boundary,
    "transformer": transformer,
}
"""Every drawing, by its name in a stamp: of one or more datasets, and the dots per inch."""


def draw(stamp: Mapping[str, Any], datasets: Sequence[xr.Dataset], stem: Path) -> None:
    """Draw the figure that a stamp names, and write stem.<format> in every format of its style.

    Files appear whole or not at all, and the same datasets give the same bytes. Each carries its
    caption: as Description of a PNG or SVG, as Subject of a PDF.
    """
    look = stamp["style"]
    figure = DRAWINGS[stamp["drawing"]](*datasets, dpi=look["dpi"])
    sheet.save(figure, stem, look["format"], captions.caption(stamp["drawing"], datasets))
