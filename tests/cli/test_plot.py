"""`lt2f plot`: which figure it draws of what, where it writes, and what it refuses."""

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from click.testing import CliRunner

from lt2f.cli import main
from lt2f.cli.draw import fitting
from lt2f.pipeline.dataset import open_dataset
from lt2f.views.captions import caption


@pytest.fixture
def plot(results, tmp_path, monkeypatch):
    """Plot datasets of the small study, by name; what is printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_bytes((results.parent / "small.yaml").read_bytes())

    def run(names, *options):
        files = [str(results / f"{name}.nc") for name in names.split()]
        return CliRunner().invoke(main, ["plot", *files, *options])

    run.files = lambda: {path.name for path in tmp_path.iterdir()} - {"small.yaml"}
    return run


def test_a_dataset_is_drawn_and_said(plot, results):
    found = plot("plane", "--dpi", "60")
    assert found.exit_code == 0, found.output
    assert plot.files() == {"plane.png", "plane.pdf"}
    names, *words = found.stdout.splitlines()
    assert names == "plane.png, plane.pdf"
    assert " ".join(words) == caption("regime_map", [open_dataset(results / "plane.nc")])


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ("--format svg --format png", {"plane.svg", "plane.png"}),
        ("-o deep/name --format pdf", {"deep"}),
        ("-o name.svg", {"name.svg"}),
        ("-o two.dots.png", {"two.dots.png"}),
        ("--style small.yaml", {"plane.svg"}),
    ],
)
def test_the_name_and_the_formats_are_those_asked_for(plot, options, written):
    found = plot("plane", "--dpi", "60", *options.split())
    assert found.exit_code == 0, found.output
    assert plot.files() == written


def test_the_size_is_that_of_the_settings_or_of_the_option(plot):
    def width(*options):
        assert plot("plane", "-o", "it.png", *options).exit_code == 0
        return plt.imread("it.png").shape[1]

    # A sheet is wider than its panel, which has 5 to 5.8 inches, and not by 2.
    for dpi, options in [(60, ["--style", "small.yaml"]), (120, ["--dpi", "120"])]:
        assert 5 * dpi < width(*options) < 7.8 * dpi
    assert width("--style", "small.yaml", "--dpi", "120") == width("--dpi", "120")


def test_several_datasets_are_drawn_together_in_whatever_order(plot, results):
    pictures = []
    for names in ("orbit line", "line orbit"):
        found = plot(names, "--format", "png", "--dpi", "60")
        assert found.exit_code == 0, found.output
        assert found.stdout.startswith("orbit.png\n")
        assert "Lyapunov exponents" in found.stdout
        pictures.append(Path("orbit.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_another_drawing_has_its_name(plot, results):
    (best, *others) = fitting([open_dataset(results / "line.nc")])
    assert best == "exponents"
    assert others
    found = plot("line", "--drawing", others[0], "--format", "png", "--dpi", "60")
    assert found.exit_code == 0, found.output
    assert plot.files() == {f"line-{others[0]}.png"}


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        ("plane orbit", "", "no drawing shows them together"),
        ("odd", "--drawing portrait", "no portrait"),
        ("plane", "--drawing shares", "can be drawn as regime_map"),
        ("plane", "-o plane.nc", "plane.nc: ends with .nc, not with one of: png, pdf, svg"),
        ("plane", "-o it.png --format pdf", "ends with .png, not with one of: pdf"),
        ("plane", "--style plane.yaml", "plane.yaml"),
        ("plane", "--dpi 5", "50<=x<=1200"),
        ("", "small.yaml", "small.yaml: "),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_line(plot, names, options, words):
    found = plot(names, *options.split())
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert words in line
    assert plot.files() == set()
