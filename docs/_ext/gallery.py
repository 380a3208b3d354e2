"""The gallery: each drawing once, of a small sweep that the page shows and the build computes.

The directive ``gallery`` takes the names of drawings, and as its body the sweeps that they show, as
in a settings file. A drawing that lt2f would not choose for these sweeps fails the build, so the
page cannot say what is not so.
"""

import logging
import os
from pathlib import Path

import xarray as xr
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import lt2f
from lt2f.views import captions, catalogue, figures, sheet

DPI = 120  # as sharp as a column of the page can show


class GalleryError(Exception):
    """A page shows a drawing of datasets that it does not fit."""


class Gallery(SphinxDirective):
    """Draw sweeps, and show each figure above its caption."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Make the settings, the figures and their captions."""
        text = "\n".join(self.content)
        shown: list[nodes.Node] = [nodes.literal_block(text, text, language="yaml")]
        datasets = _computed(yaml.safe_load(text))
        for drawing in self.arguments[0].split():
            shown += self._figure(drawing, datasets)
        return shown

    def _figure(self, drawing: str, datasets: list[xr.Dataset]) -> list[nodes.Node]:
        order = _order(drawing, datasets)
        if order is None:
            raise GalleryError(f"{drawing}: not a figure of these datasets")
        chosen = [datasets[k] for k in order]
        words = captions.caption(drawing, chosen)
        page = self.env.docname.replace("/", "-")  # several may show the same drawing
        stem = self.env.fresh / "gallery" / f"{page}-{drawing}"
        stem.parent.mkdir(exist_ok=True)
        sheet.save(figures.DRAWINGS[drawing](*chosen, dpi=DPI), stem, ["png"], words)
        here = Path(self.env.doc2path(self.env.docname)).parent
        uri = os.path.relpath(stem.with_suffix(".png"), here)
        image = nodes.image(uri=uri, alt=words.partition(". ")[0])
        name = nodes.strong("", "", nodes.literal(drawing, drawing))
        return [image, nodes.paragraph("", "", name, nodes.Text(f" — {words}"))]


def _computed(sweeps: dict) -> list[xr.Dataset]:
    settings = {"study": "gallery", "sweeps": sweeps}
    return [lt2f.sweep(settings, name) for name in sweeps]


def _order(drawing: str, datasets: list[xr.Dataset]) -> list[int] | None:
    """Choose the order in which a drawing takes datasets, None if it does not fit them."""
    if len(datasets) == 1:
        return [0] if drawing in catalogue.figures_of(datasets[0]) else None
    return catalogue.figures_together(datasets).get(drawing)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("gallery", Gallery)
    logging.getLogger("lt2f").setLevel("WARNING")  # a build says no more than it has to
    return {"parallel_read_safe": False, "parallel_write_safe": True}
