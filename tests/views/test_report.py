"""report.html: all that a study has is on it, what disagrees first, and nothing of the machine."""

import base64
import csv
import io
import itertools
import math
import re
import socket
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from lt2f.claims import settled, settling
from lt2f.claims.book import ROOMS
from lt2f.claims.forms import Status
from lt2f.claims.ledger import Row
from lt2f.dynamics.codes import Regime
from lt2f.pipeline import settings
from lt2f.pipeline.dataset import open_dataset
from lt2f.training.transformer import Model
from lt2f.views import catalogue, claims, figures, pictures, report, rooms, tables, trainings
from lt2f.views.captions import caption

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Page(HTMLParser):
    """The tree of a page, as far as tests ask: every tag must be closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, *names):
        return [attrs for tag, attrs in self.tags if tag in names]


def text_of(html: str) -> str:
    """The words of a page, as a reader sees them."""
    words: list[str] = []
    parser = HTMLParser()
    parser.handle_data = words.append  # type: ignore[method-assign]
    parser.feed(re.sub(r"<style>.*?</style>", "", html, flags=re.S))
    return " ".join(" ".join(words).split())


def section(html: str, name: str) -> str:
    (found,) = re.findall(rf'<section id="{name}".*?</section>', html, re.S)
    return str(found)


def written(study, folder: Path, path: Path) -> str:
    datasets = {name: open_dataset(folder / f"{name}.nc") for name in study.sweeps}
    figures = [asdict(figure) for figure in catalogue.figures(study.sweeps)]
    report.write(datasets, figures, folder, path)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def html(reported, tmp_path_factory):
    return written(*reported, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture
def copied(reported, tmp_path):
    """A copy of the study's folder without its pictures' pixels, to be changed."""
    study, folder = reported
    for file in folder.rglob("*.*"):
        target = tmp_path / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file)
    return study, tmp_path


def changed(copied, name: str, content: str | None) -> str:
    """The page after one file of the study was rewritten, or taken away."""
    study, folder = copied
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    return written(study, folder, folder / "report.html")


def ledger(folder: Path, *rows: Row) -> None:
    (folder / "claims.csv").unlink(missing_ok=True)
    claims.write(rows, folder / "claims.csv")


AGREES = Row("plane_x", "what agrees", "derived: here", "1", "1", "0.1", Status.AGREES, "")


def test_the_page_is_well_formed_and_its_outline_has_no_gap(html):
    assert html.startswith("<!DOCTYPE html>\n<html lang=")
    page = Page(html)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    inner = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    assert {"phases", "training", "noise", "claims", "thresholds", "data", "how"} < inner
    assert inner <= set(ids)


def test_every_head_of_a_table_says_what_it_heads(html):
    page = Page(html)
    assert {head.get("scope") for head in page.all("th")} == {"col", "row"}
    for region in (attrs for _, attrs in page.tags if attrs.get("role") == "region"):
        assert region["aria-label"]
        assert region["tabindex"] == "0"  # what scrolls can be scrolled from the keyboard


def test_it_needs_no_other_file(html):
    page = Page(html)
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert page.all("script", "link", "iframe", "object", "video") == []
    assert "url(" not in html
    assert "@import" not in html
    outside = {a["href"] for a in page.all("a") if "//" in a["href"]}
    assert outside == {"https://arxiv.org/abs/2605.21292"}


def test_links_lead_to_files_that_are_there(html, reported):
    _, folder = reported
    links = {a["href"] for a in Page(html).all("a")}
    files = {link for link in links if not link.startswith(("#", "https:"))}
    assert {f"{name}.nc" for name in reported[0].sweeps} < files
    assert {"thresholds.csv", "claims.csv", "settling.csv"} < files
    assert [file for file in files if not (folder / file).is_file()] == []


def test_every_figure_has_its_picture_and_its_caption(html, reported):
    study, folder = reported
    figures = catalogue.figures(study.sweeps)
    assert len(figures) >= 5
    shown = dict(re.findall(r'<figure id="figure-([^"]*)">(.*?)</figure>', html, re.S))
    assert shown.keys() == {figure.stem for figure in figures}
    for figure in figures:
        datasets = [open_dataset(folder / f"{name}.nc") for name in figure.sweeps]
        words = caption(figure.drawing, datasets)
        assert words in text_of(shown[figure.stem])
        (image,) = Page(shown[figure.stem]).all("img")
        assert words.startswith(image["alt"].partition(": ")[2].rstrip("."))
        content = base64.b64decode(image["src"].partition(",")[2])
        with Image.open(io.BytesIO(content)) as embedded:
            assert embedded.size == (int(image["width"]), int(image["height"]))
            own = np.asarray(embedded.convert("RGB"))
        with Image.open(folder / f"figures/{figure.stem}.png") as file:
            np.testing.assert_array_equal(own, np.asarray(file.convert("RGB")))  # lossless


def test_a_wide_picture_is_made_smaller(tmp_path):
    Image.new("RGB", (4 * pictures.WIDEST, 400), "#2d8a70").save(tmp_path / "wide.png")
    _, *size = pictures.embedded(tmp_path / "wide.png")
    assert size == [pictures.WIDEST, 100]


def test_what_disagrees_comes_first(copied):
    study, folder = copied
    loud = replace(AGREES, id="balanced_y", claim="what is <off>", status=Status.DISAGREES)
    open_ = replace(AGREES, id="noise_z", claim="what is open", status=Status.UNDECIDED)
    absent = replace(AGREES, id="apart_z", claim="what lacks", status=Status.NOT_COMPUTABLE)
    ledger(folder, AGREES, absent, open_, loud)
    page = section(written(study, folder, folder / "report.html"), "claims")
    places = [page.index(f'id="claim-{row.id}"') for row in (loud, open_, absent, AGREES)]
    assert places == sorted(places)
    assert "what is &lt;off&gt;" in page
    # What agrees is folded, and all else is not.
    folds = [page.index(word) for word in ("<details>", "</details>")]
    assert places[2] < folds[0] < places[3] < folds[1]
    assert "1 disagree" in text_of(page)


def test_every_claim_is_there_with_its_numbers(html, reported):
    rows = claims.read(reported[1] / "claims.csv")
    page = section(html, "claims")
    assert len(re.findall(r'<tr role="row" id=', page)) == len(rows)
    for row in rows:
        (cells,) = re.findall(rf'id="claim-{row.id}">(.*?)</tr>', page, re.S)
        for word in (row.claim, row.source, row.theory, row.measured, row.uncertainty):
            assert report.symbols(word) in text_of(cells)


def test_plain_words_become_signs():
    assert report.symbols("a^2 - b^2 <= -0.5 at mu = 1e-8") == "a² − b² ≤ −0.5 at μ = 1e-8"
    assert report.symbols("mu_end, mean (mu)") == "mu_end, mean (μ)"
    assert report.symbols("two-cycle, tests/dynamics/test_theory.py") == (
        "two-cycle, tests/dynamics/test_theory.py"
    )


def test_figures_are_parted_by_what_they_draw():
    assert set(pictures._OF) <= set(figures.DRAWINGS)
    assert set(pictures._OF.values()) <= set(pictures.SUBJECTS)


def test_another_loss_is_no_noise(make_map):
    at, fixed = {"mu": {"values": [0.4, 0.5]}}, {"imbalance": 0.0, "product": 0.1}
    assert pictures.subject("exponents", make_map(at, fixed | {"huber": 0.3})) == "orbits"
    noisy = make_map(at, fixed | {"noise": 0.2}, noise={"model": "multiplicative"})
    assert pictures.subject("exponents", noisy) == "noise"


def test_claims_are_parted_by_their_rooms():
    rows = [replace(AGREES, id=id_) for id_ in ("batch_thresholds_a", "two_cycle_b", "new_c_d")]
    parts = rooms.by_subject(rows)
    assert list(parts) == ["Thresholds under mini-batches", "The two-cycle", "New"]
    assert {rooms.subject(f"{room.name}_x") for room in ROOMS} <= set(rooms._SUBJECTS.values())


def test_thresholds_are_those_of_the_table(html, reported):
    with (reported[1] / "thresholds.csv").open(newline="", encoding="utf-8") as file:
        every = {row["mu"]: row["error"] for row in csv.DictReader(file)}
    page = section(html, "thresholds")
    shown = re.findall(r'<tr><td class="n">([^<]*)</td><td class="n">([^<]*)</td>', page)
    assert 15 <= len(shown) <= 25
    assert all(every[mu] == error for mu, error in shown)
    assert f"All {len(every)}:" in text_of(page)
    assert {"1", "2"} < {mu for mu, _ in shown}


def test_trainings_stand_beside_the_forecast(html):
    page = section(html, "training")
    rows = [re.sub(r"<[^>]*>", "|", row) for row in re.findall(r"<tr><th.*?</tr>", page, re.S)]
    cells = [[cell.strip() for cell in row.split("|") if cell.strip()] for row in rows]
    told = {row[1]: row[3:] for row in cells if row[1] in ("below", "above")}
    both = "1 periodic 4; 1 chaotic"
    assert told == {
        "below": ["periodic 2", "−0.1000", "periodic 2", "−0.1000", "2 of 2"],
        "above": ["periodic 4", "−0.2000", both, "−0.2000 to 0.3000", "1 of 2"],
    }


def test_sides_are_gathered_over_models_and_prompts():
    cycle, escaped = (Regime.PERIODIC, 2, -0.1, 0.0), (Regime.DIVERGENT, 0, math.nan, math.nan)
    below, above = settling.places()["chebyshev"]
    rows = [
        settling.Settled("chebyshev", mu, model, 0, did, did, (False, False))
        for model in (Model.SCALAR, Model.MATRIX)
        for mu, did in ((below, cycle), (above, escaped))
    ]
    found = trainings.sides(settled.records(rows))
    assert [(row.side, row.did, row.exponents, row.agree, row.of) for row in found] == [
        ("below", "periodic 2", "−0.1000", 2, 2),
        ("above", "divergent", "–", 2, 2),
    ]


def test_what_is_written_of_trainings_is_read_back(tmp_path):
    row = settling.Settled(
        "chebyshev", 2.01, Model.SCALAR, 1, *[(Regime.CHAOTIC, 0, 0.5, 0.01)] * 2, (True, False)
    )
    tables.write_settling(settled.records([row]), tmp_path / "settling.csv")
    (read,) = tables.read(tmp_path / "settling.csv")
    assert tuple(read) == tables.SETTLING
    assert (read["regime"], read["lyapunov"], read["map_lyapunov_error"]) == (
        "chaotic", "0.5", "0.01",
    )  # fmt: skip
    assert (read["changes_sign"], read["map_changes_sign"], read["agrees"]) == ("yes", "no", "no")


def test_errors_on_new_prompts_are_medians_of_their_regime(reported):
    dataset = open_dataset(reported[1] / "training.nc")
    rows = list(trainings.on_new_prompts(dataset))
    assert sum(row["count"] for row in rows) == dataset["regime"].size
    for row in rows:
        code = next(c for c in Regime if c.name.lower() == row["regime"].replace(" ", "_"))
        own = dataset["fresh_error"].values[dataset["regime"].values == code]
        if np.isfinite(own).all():
            assert float(row["errors"][0]) == pytest.approx(np.median(own), rel=6e-3)


def test_half_of_the_runs_escape_within_a_step_of_the_grid(reported):
    dataset = open_dataset(reported[1] / "noisy.nc")
    level, rows = trainings.halves(dataset)
    assert level == "standard deviation of the noise"
    assert [row.level for row in rows] == [f"{x:g}" for x in dataset["noise"].values]
    # Without noise there is one run: at mu = 1.5 it stays, at 2.5 almost every start escapes.
    low, high = map(float, rows[0].interval.split(" to "))
    assert low < 2.0 < high or low == 2.0 or high == 2.0


def test_settings_make_the_same_study(html, reported):
    study, _ = reported
    (text,) = re.findall(r'aria-label="Settings">(.*?)</pre>', html, re.S)
    again = settings.parse(yaml.safe_load(text))
    assert again.study == study.study
    assert again.seed == study.seed
    for name, sweep in study.sweeps.items():
        assert again.sweeps[name].model_dump(exclude={"tile"}) == sweep.model_dump(exclude={"tile"})


def test_sizes_and_times_are_told(html, reported):
    study, folder = reported
    page = text_of(section(html, "data"))
    for name, sweep in study.sweeps.items():
        cells = math.prod(values.size for values in sweep.coordinates().values())
        assert f"{name}.nc" in page
        assert f" {cells:,} " in page
        assert open_dataset(folder / f"{name}.nc").attrs["content_sha256"] in page
    assert " 12.3 456 " in page  # of the benchmark


def test_times_that_are_not_there_are_no_error(copied):
    page = changed(copied, "benchmarks/line.tsv", "s\th:m:s\nnever\n")
    assert "seconds" not in text_of(section(page, "data"))
    assert "seconds" not in text_of(changed(copied, "benchmarks/line.tsv", None))


def test_nothing_of_the_machine_is_on_it(html, reported):
    assert str(reported[1]) not in html
    words = text_of(html)
    assert not re.search(r"(?<![\w.<])/(home|root|tmp|work|usr|var|opt|srv|mnt)\b", words)
    assert socket.gethostname() not in words
    assert not re.search(r"\b20\d\d-\d\d-\d\dT", words)


def test_the_same_files_give_the_same_bytes(reported, tmp_path, html):
    assert written(*reported, tmp_path / "again.html") == html


@pytest.mark.parametrize("name", ["claims", "thresholds", "settling"])
def test_a_table_that_is_not_there_is_left_out(copied, name):
    page = changed(copied, f"{name}.csv", None)
    Page(page)
    assert f'href="{name}.csv"' not in page
    assert f'<section id="{name}"' not in page


def test_a_picture_that_is_not_there_is_an_error(copied):
    study, _ = copied
    name = f"figures/{catalogue.figures(study.sweeps)[0].stem}.png"
    with pytest.raises(FileNotFoundError, match=re.escape(name)):
        changed(copied, name, None)


def test_a_study_without_figures_has_a_page(copied):
    _, folder = copied
    report.write({"line": open_dataset(folder / "line.nc")}, [], folder, folder / "bare.html")
    text = (folder / "bare.html").read_text(encoding="utf-8")
    assert Page(text).all("img") == []
    assert "phases" not in {a["href"][1:] for a in Page(text).all("a")}
