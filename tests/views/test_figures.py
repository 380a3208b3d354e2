"""Files of figures: whole, repeatable, and with nothing cut off."""

import html
import re
import zlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from PIL import Image

from lt2f.views import captions, figures


def draw(inputs, drawing: str, stem: Path, *formats: str, dpi: int = 100) -> dict[str, bytes]:
    stamp = {"drawing": drawing, "style": {"format": list(formats), "dpi": dpi}, "code": "0"}
    figures.draw(stamp, inputs[drawing], stem)
    return {path.name: path.read_bytes() for path in stem.parent.iterdir()}


@pytest.mark.parametrize("drawing", figures.DRAWINGS)
def test_the_same_data_make_the_same_files(inputs, tmp_path, drawing):
    first = draw(inputs, drawing, tmp_path / "one" / "a.b", "png", "pdf", "svg")
    again = draw(inputs, drawing, tmp_path / "two" / "a.b", "png", "pdf", "svg")
    assert set(first) == {"a.b.png", "a.b.pdf", "a.b.svg"}  # and no draft
    assert first == again
    assert b"CreationDate" not in first["a.b.pdf"]
    assert b"<dc:date>" not in first["a.b.svg"]


@pytest.mark.parametrize("drawing", figures.DRAWINGS)
def test_files_carry_their_caption(inputs, tmp_path, drawing):
    files = draw(inputs, drawing, tmp_path / "it", "png", "pdf", "svg")
    caption = captions.caption(drawing, inputs[drawing])
    with Image.open(tmp_path / "it.png") as image:
        assert image.text["Description"] == caption
    # A PDF string of text is UTF-16 with its mark; parentheses and backslashes are escaped.
    (subject,) = re.findall(rb"/Subject \((.*?)(?<!\\)\)", files["it.pdf"], re.DOTALL)
    plain = re.sub(rb"\\(.)", rb"\1", subject.replace(rb"\r", b"\r"), flags=re.DOTALL)
    assert plain.decode("utf-16") == caption
    words = re.search(
        r"<dc:description>(.*?)</dc:description>", files["it.svg"].decode(), re.DOTALL
    )
    assert words
    assert html.unescape(words[1]) == caption


@pytest.mark.parametrize("drawing", figures.DRAWINGS)
def test_fonts_are_embedded_as_text(inputs, tmp_path, drawing):
    pdf = draw(inputs, drawing, tmp_path / "it", "pdf")["it.pdf"]
    assert b"/FontFile2" in pdf  # TrueType
    assert b"/Type3" not in pdf
    assert b"STIXGeneral" in pdf


def test_rasters_reach_the_pdf_cell_by_cell(inputs, tmp_path):
    pdf = draw(inputs, "regime_map", tmp_path / "it", "pdf", dpi=200)["it.pdf"]
    (image,) = re.findall(rb"/Subtype /Image[^>]*?/Width (\d+) /Height (\d+)", pdf)
    width, height = map(int, image)
    assert width % inputs["regime_map"][0].sizes["mu"] == 0
    assert height % inputs["regime_map"][0].sizes["imbalance"] == 0


def test_pixels_per_inch_are_those_asked_for(inputs, tmp_path):
    draw(inputs, "regime_map", tmp_path / "it", "png", dpi=100)
    # 43 cells of 13 pixels, 5.59 inches, between margins of 0.62 and 0.14 inches.
    assert imread(tmp_path / "it.png").shape[1] == 62 + 43 * 13 + 14


def test_a_failed_figure_leaves_what_was_there(inputs, tmp_path, monkeypatch):
    before = draw(inputs, "exponents", tmp_path / "it", "png")

    def full(_figure: Figure, path: Path, **_: object) -> None:
        path.write_bytes(b"half a picture")
        raise OSError("no space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="no space"):
        draw(inputs, "exponents", tmp_path / "it", "png")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_new_figure_replaces_the_old_one_and_does_not_write_into_it(inputs, tmp_path):
    old = draw(inputs, "exponents", tmp_path / "it", "png", dpi=100)["it.png"]
    (tmp_path / "published.png").hardlink_to(tmp_path / "it.png")
    files = draw(inputs, "exponents", tmp_path / "it", "png", dpi=150)
    assert files["published.png"] == old != files["it.png"]


@pytest.mark.parametrize("drawing", figures.DRAWINGS)
def test_all_words_are_on_the_sheet_and_apart(inputs, drawing, monkeypatch):
    figure = figures.DRAWINGS[drawing](*inputs[drawing])
    renderer = FigureCanvasAgg(figure).get_renderer()
    drawn: list[Text] = []
    plain = Text.draw
    monkeypatch.setattr(Text, "draw", lambda self, r: (drawn.append(self), plain(self, r))[1])
    figure.draw(renderer)
    texts = [text for text in drawn if text.get_visible() and text.get_text().strip()]
    boxes = [(t.get_text(), t.get_rotation(), t.get_window_extent(renderer)) for t in texts]
    width, height = figure.bbox.size
    for words, _, box in boxes:
        assert box.x0 >= 0, words
        assert box.y0 >= 0, words
        assert box.x1 <= width, words
        assert box.y1 <= height, words
    # A slanted text is smaller than its box; those have a test of their own.
    level = [(words, box) for words, turn, box in boxes if turn in (0, 90)]
    assert len(level) > 10
    for (a, box), (b, other) in combinations(level, 2):
        assert not box.overlaps(other), f"{a} and {b}"


def test_png_has_no_time(inputs, tmp_path):
    png = draw(inputs, "exponents", tmp_path / "it", "png")["it.png"]
    chunks, place = [], 8
    while place < len(png):
        size = int.from_bytes(png[place : place + 4])
        kind, body = png[place + 4 : place + 8], png[place + 4 : place + 8 + size]
        assert zlib.crc32(body) == int.from_bytes(png[place + 8 + size : place + 12 + size])
        chunks.append(kind)
        place += 12 + size
    assert b"tIME" not in chunks
    assert np.isin([b"IHDR", b"IDAT", b"IEND"], chunks).all()
