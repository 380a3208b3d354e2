"""Pictures of the report: each figure of a study embedded, with its caption, by subject."""

import base64
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import xarray as xr
from PIL import Image

from lt2f.dynamics.steps import STEPS
from lt2f.views import style
from lt2f.views.captions import caption

WIDEST: Final = 1800
"""Pixels across a picture at most: two for each that the page gives it on a screen."""

SUBJECTS: Final[Mapping[str, str]] = {
    "phases": "Phase diagram",
    "orbits": "Orbits and exponents",
    "plane": "The plane of starts",
    "noise": "Mini-batch noise",
    "training": "Training",
}
# Of other drawings the noise tells, or that there is none.
_OF: Final = {
    "regime_map": "phases",
    "sharpness": "phases",
    "overshoot": "phases",
    "phases": "phases",
    "portrait": "plane",
    "which_minimum": "plane",
    "shares": "noise",
    "survival": "noise",
    "scaling": "noise",
    "minima_found": "noise",
    "transformer": "training",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure on the page; the files are relative to the folder of the study."""

    stem: str
    subject: str
    uri: str
    width: int
    height: int
    caption: str
    alternative: str
    files: tuple[str, ...]
    sweeps: tuple[str, ...]


def pictures(
    figures: Iterable[Mapping[str, Any]], datasets: Mapping[str, xr.Dataset], folder: Path
) -> list[Picture]:
    """Embed figures, as a stamp lists them, whose PNG files lie in the study's folder.

    Raises
    ------
    OSError
        If the file of a figure cannot be read.
    """
    return [_picture(figure, datasets, folder) for figure in figures]


def _picture(
    figure: Mapping[str, Any], datasets: Mapping[str, xr.Dataset], folder: Path
) -> Picture:
    stem, drawing = figure["stem"], figure["drawing"]
    shown = [datasets[name] for name in figure["sweeps"]]
    words = caption(drawing, shown)
    files = [f"figures/{stem}.{form}" for form in ("png", "pdf", "svg")]
    uri, width, height = embedded(folder / files[0])
    return Picture(
        stem=stem,
        subject=subject(drawing, shown[0]),
        uri=uri,
        width=width,
        height=height,
        caption=words,
        alternative=f"Figure {stem}: {words.partition('. ')[0].rstrip('.')}.",
        files=tuple(file for file in files if (folder / file).exists()),
        sweeps=tuple(figure["sweeps"]),
    )


def subject(drawing: str, dataset: xr.Dataset) -> str:
    """Return the key of `SUBJECTS` to which a drawing of a dataset belongs."""
    noisy = style.noise_of(dataset)["model"] not in ("none", *STEPS)
    return _OF.get(drawing, "noise" if noisy else "orbits")


def embedded(path: Path) -> tuple[str, int, int]:
    """Return a picture as a data URI, and its width and height in pixels.

    It becomes lossless WebP, half as large as PNG with the same pixels, unless it is wider than
    `WIDEST` and is made smaller.
    """
    with Image.open(path) as file:
        image = file.convert("RGB")
    if image.width > WIDEST:
        size = (WIDEST, round(image.height * WIDEST / image.width))
        image = image.resize(size, Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "WEBP", lossless=True)
    text = base64.b64encode(content.getvalue()).decode("ascii")
    return f"data:image/webp;base64,{text}", image.width, image.height
