"""The figure of the boundary under decay, from real sweeps."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import lt2f
from lt2f.dynamics import box_counting
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.controls import CONTROLS
from lt2f.pipeline.settings import parse
from lt2f.views import boundaries, captions, catalogue, fractal_boundary, regime_map, style

RUN = {"transient": 300, "measure": 32}


def window(start, step, num, **more):
    axes = {
        "a": {"start": start[0], "step": step, "num": num},
        "b": {"start": start[1], "step": step, "num": num},
    }
    fixed = {"mu": 1.1, "decay": 0.2}
    return {"axes": axes, "fixed": fixed, "iterations": RUN, "record": ["regime"], **more}


SWEEPS = {
    "closer": window((1.78, 1.32), 0.0006, 512),
    "whole": window((-2.56, -2.555), 0.01, 512),
    "small": window((1.8, 1.4), 0.001, 60),
    "other": window((-2.56, -2.555), 0.01, 60, fixed={"mu": 1.1, "decay": 0.1}),
    "plain": window((-2.56, -2.555), 0.01, 60, fixed={"mu": 1.1}),
    "plane": {
        "axes": {
            "mu": {"start": 0.053, "step": 0.1, "num": 24},
            "decay": {"start": 0.0, "step": 0.05, "num": 12},
        },
        "fixed": {"imbalance": 0.2, "product": 0.1},
        "iterations": {"transient": 2000, "measure": 1000},
    },
}


@pytest.fixture(scope="module")
def study():
    return {name: lt2f.sweep({"study": "v", "sweeps": SWEEPS}, name) for name in SWEEPS}


@pytest.fixture(scope="module")
def figure(study):
    return fractal_boundary.fractal_boundary(*(study[n] for n in ("whole", "closer")), dpi=100)


def test_the_catalogue_gathers_the_windows_of_one_decay():
    listed = catalogue.figures(parse({"study": "v", "sweeps": SWEEPS}).sweeps)
    found = {figure.stem: figure for figure in listed}
    assert found["whole"].drawing == "fractal_boundary"
    assert found["whole"].sweeps == ("whole", "closer", "small")  # the widest first
    assert found["other"].sweeps == ("other",)
    assert found["plain"].drawing == "portrait"
    assert found["plane"].drawing == "regime_map"


def test_a_dataset_by_itself_finds_its_drawing(study):
    assert catalogue.figures_of(study["closer"])[0] == "fractal_boundary"


def test_windows_show_their_regimes(study, figure):
    image = np.asarray(figure.axes[0].images[0].get_array())
    codes = study["whole"]["regime"].transpose("b", "a").values
    step = image.shape[0] // 512
    colours = [np.round(255 * np.array(to_rgb(style.COLOURS[Regime(c)]))) for c in codes.ravel()]
    np.testing.assert_array_equal(image[::step, ::step].reshape(-1, 3), colours)


def test_lines_are_fitted_to_counts_made_of_the_labels(study, figure):
    """Boxes counted here by themselves: 8 x 8 boxes, each looked at in 9 x 9 places."""
    gone = study["whole"]["regime"].values == Regime.DIVERGENT
    padded = np.pad(gone, ((0, 1), (0, 1)), mode="edge")
    mixed = 0
    for i in range(8):
        for j in range(8):
            box = padded[64 * i : 64 * i + 65 : 8, 64 * j : 64 * j + 65 : 8]
            mixed += box.any() and not box.all()
    panel = figure.axes[2]
    points = panel.containers[0].lines[0].get_xydata()
    assert points[0] == pytest.approx([0.64, mixed])
    found = box_counting.box_dimension(gone)
    words = [text.get_text() for text in panel.get_legend().get_texts()]
    assert f"{found.value:.2f}" in words[0]
    assert len(words) == 2


def test_controls_stand_beside_their_known_dimensions(figure):
    panel = figure.axes[3]
    names = [text.get_text() for text in panel.texts]
    assert names == ["window 1", "window 2", *(control.name for control in CONTROLS)]
    known = [
        line.get_xdata()[0]
        for line in panel.lines
        if np.ptp(line.get_ydata()) == pytest.approx(0.64) and np.isfinite(line.get_xdata()[0])
    ]
    np.testing.assert_allclose(known, [control.dimension for control in CONTROLS])


def test_windows_without_boxes_are_drawn_all_the_same(study):
    alone = fractal_boundary.fractal_boundary(study["small"], dpi=60)
    assert len(alone.axes) == 3
    assert alone.axes[1].get_legend() is None
    (words,) = alone.axes[1].texts
    assert "no square window of 512 cells" in words.get_text()
    assert alone.axes[2].texts[0].get_text() == CONTROLS[0].name


def test_a_caption_says_the_dimensions(study):
    words = captions.caption("fractal_boundary", [study["whole"], study["closer"]])
    gone = study["closer"]["regime"].values == Regime.DIVERGENT
    assert f"{box_counting.box_dimension(gone).value:.2f} ±" in words
    assert "κ = 0.2" in words
    assert "noise" not in words


def test_a_map_over_decay_has_shifted_thresholds_and_no_ellipse(study):
    data = study["plane"]
    curves = list(boundaries.curves(data))
    point = {"mu": np.array(1.3), "decay": np.array(0.3)}
    assert any(abs(curve.beyond(point)) < 1e-15 for curve in curves)  # mu = 1 + kappa
    assert boundaries.lines(data) == []
    assert not any("bounded iff" in curve.words for curve in curves)
    drawn = regime_map.regime_map(data, dpi=80)
    assert "decay" in drawn.axes[0].get_ylabel()
    assert "noise" not in drawn.axes[0].texts[0].get_text()
