"""Figures follow from the kinds and axes of sweeps."""

from typing import Any

import pytest
import xarray as xr

from lt2f.dynamics import thresholds
from lt2f.pipeline.settings import parse
from lt2f.views import catalogue, figures

FEW = {"start": 0.5, "step": 0.5, "num": 2}
START = {"imbalance": 0.1, "product": 0.1}
STEPS = {"transient": 100, "measure": 100}
TRIALS = {"mu": FEW, "noise": FEW, "realization": {"num": 2}}


def chosen(**sweep: Any) -> list[str]:
    """Drawings of a sweep that records too little for its averages."""
    plain = "count" in sweep or sweep.get("kind", "map") != "map"
    few = {} if plain else {"record": ["transverse_lyapunov"]}
    settings = parse({"study": "s", "sweeps": {"it": {"iterations": STEPS, **few, **sweep}}})
    listed = catalogue.figures(settings.sweeps)
    stems = {f"it-{figure.drawing}" for figure in listed} | {"it"}
    assert all(figure.stem in stems and figure.sweeps == ("it",) for figure in listed)
    assert all(figure.drawing in figures.DRAWINGS for figure in listed)
    return [figure.drawing for figure in listed]


@pytest.mark.parametrize("axes", [("a", "b"), ("mu", "a", "b"), ("b", "a", "mu")])
def test_the_plane_has_its_portrait(axes):
    fixed = {} if "mu" in axes else {"mu": 1.0}
    whole = ["imbalance_final", "loss_peak_ratio", "steps", "branch"]
    for record in (["regime", "imbalance_final"], whole):
        assert chosen(axes=dict.fromkeys(axes, FEW), fixed=fixed, record=record) == ["portrait"]


@pytest.mark.parametrize("axes", [("a", "b"), ("mu", "a", "b"), ("b", "perturbation", "a")])
def test_where_branches_are_recorded_they_are_shown(axes):
    fixed, axes = {} if "mu" in axes else {"mu": 1.0}, dict.fromkeys(axes, FEW)
    for record in (["branch"], ["branch", "imbalance_final"]):
        assert chosen(axes=axes, fixed=fixed, record=record) == ["which_minimum"]


def test_windows_at_one_mu_share_a_figure_with_its_displaced_starts():
    plane, by = {"a": FEW, "b": FEW}, {"perturbation": {"values": [0.0, 0.1]}}
    sweeps = {
        "moved": {"axes": {**plane, **by}, "fixed": {"mu": 0.9}},
        "wide": {"axes": plane, "fixed": {"mu": 0.9}},
        "other": {"axes": plane, "fixed": {"mu": 0.5}},
        "narrow": {"axes": plane, "fixed": {"mu": 0.9}},
    }
    few = {"iterations": STEPS, "record": ["branch"]}
    study = {"study": "s", "sweeps": {name: {**few, **sweep} for name, sweep in sweeps.items()}}
    shown = {figure.stem: figure.sweeps for figure in catalogue.figures(parse(study).sweeps)}
    assert shown == {"wide": ("wide", "narrow", "moved"), "other": ("other",)}


@pytest.mark.parametrize("others", [{}, {"realization": {"num": 2}}, {"imbalance": FEW}])
def test_trainings_over_step_size_stand_beside_the_map(others):
    sweep = {
        "kind": "transformer",
        "axes": {**others, "step_size": FEW},
        "fixed": {name: 0.1 for name in START if name not in others},
        "transformer": {"model": "scalar", "dimension": 2, "context": 3},
        "iterations": {**STEPS, "max_period": 16},
    }
    assert chosen(**sweep) == ([] if "imbalance" in others else ["transformer"])


@pytest.mark.parametrize("count", [{}, {"count": "realization"}])
@pytest.mark.parametrize("order", [1, -1])
def test_realizations_over_noise_have_their_shares(count, order):
    noise = {"model": "target"}
    axes = dict(list(TRIALS.items())[::order])
    assert chosen(axes=axes, fixed=START, noise=noise, **count) == ["shares"]


@pytest.mark.parametrize("count", [{}, {"count": "realization"}])
def test_realizations_over_batch_sizes_have_their_shares(count):
    noise = {"model": "prompts", "dimension": 2, "context": 2, "pool_size": 8}
    axes = {"batch_size": {"values": [1, 8]}, "mu": FEW, "realization": {"num": 2}}
    assert chosen(axes=axes, fixed=START, noise=noise, **count) == ["shares"]
    del axes["realization"]
    assert chosen(axes=axes, fixed=START, noise=noise) == ["regime_map"]


@pytest.mark.parametrize("noise", ["noise", "batch_size"])
def test_where_steps_are_recorded_survival_is_shown(noise):
    model = {"model": "prompts", "dimension": 2, "context": 2, "pool_size": 8}
    model = model if noise == "batch_size" else {"model": "target"}
    axes = {"mu": FEW, noise: {"values": [1, 2]}, "realization": {"num": 2}}
    sweep = {"axes": axes, "fixed": START, "noise": model}
    more = ["shares", "survival", "scaling"][: 3 if noise == "batch_size" else 2]
    assert chosen(**sweep, record=["steps", "regime"]) == more
    assert chosen(**sweep, record=["regime"]) == ["shares"]
    del axes["realization"]
    axes["imbalance"] = FEW
    sweep["fixed"] = {"product": 0.1}
    assert "survival" not in chosen(**sweep, record=["steps", "regime"])


def test_other_maps_keep_theirs():
    assert chosen(axes={"mu": FEW, "imbalance": FEW}, fixed={"product": 0.1}) == ["regime_map"]
    assert chosen(axes={"mu": FEW, "a": FEW}, fixed={"b": 0.1}) == ["regime_map"]
    assert chosen(axes={"mu": FEW}, fixed=START) == ["exponents", "transverse"]


def test_counts_alone_are_no_regime_map():
    axes = {"mu": FEW, "realization": {"num": 2}}
    noise = {"model": "multiplicative"}
    fixed = {**START, "noise": 0.1}
    assert chosen(axes=axes, fixed=fixed, noise=noise, count="realization") == []
    assert chosen(axes=axes, fixed=fixed, noise=noise) == ["regime_map"]


def test_the_transverse_exponent_is_shown_where_it_was_recorded_and_theory_holds():
    axes, fixed = {"mu": FEW}, {**START, "noise": 0.1}
    assert chosen(axes=axes, fixed=START, record=["lyapunov"]) == ["exponents"]
    noise = {"model": "multiplicative"}
    assert chosen(axes=axes, fixed=fixed, noise=noise) == ["exponents"]


def test_averages_are_shown_where_they_were_recorded():
    axes, record = {"mu": FEW}, ["loss_mean", "weights_mean"]
    assert chosen(axes=axes, fixed=START, record=record) == ["exponents", "averages"]
    assert chosen(axes=axes, fixed=START, record=record[1:]) == ["exponents"]


def test_numbers_of_a_map_of_starts_are_drawn_where_they_were_recorded():
    axes = {"mu": FEW, "imbalance": FEW}
    maps = ["regime_map", "sharpness", "overshoot"]
    for record, kept in ((["sharpness", "loss_peak_ratio"], 3), (["sharpness"], 2), (["steps"], 1)):
        assert chosen(axes=axes, fixed={"product": 0.1}, record=record) == maps[:kept]
    noise = {"model": "target"}
    other = {"mu": FEW, "noise": FEW}
    assert chosen(axes=other, fixed=START, noise=noise, record=["sharpness"]) == maps[:1]


@pytest.mark.parametrize("drawing", ["averages", "transverse"])
def test_no_figure_takes_the_name_of_a_sweep(drawing):
    line = {"axes": {"mu": FEW}, "fixed": START, "iterations": STEPS}
    sweeps = {"it": line, f"it-{drawing}": line, f"it--{drawing}": line}
    stems = [
        figure.stem for figure in catalogue.figures(parse({"study": "s", "sweeps": sweeps}).sweeps)
    ]
    assert len(stems) == len(set(stems)) == 9


@pytest.mark.parametrize(
    ("mu", "drawing"),
    [
        ({"around": 1.3022834627, "farthest": 0.3, "nearest": 1e-6, "num": 40}, "cascade"),
        ({"around": 1.3022834627, "farthest": 0.3, "nearest": 0.01, "num": 40}, "orbit_diagram"),
        ({"start": 1.30, "step": 0.0001, "num": 40}, "cascade"),
        ({"start": 1.3023, "step": 0.00001, "num": 40}, "orbit_diagram"),  # on one side only
        ({"start": 0.8, "step": 0.0003, "num": 4001}, "orbit_diagram"),
    ],
)
def test_orbits_next_to_the_end_of_the_cascade_show_it(mu, drawing):
    steps = {"transient": 100, "samples": 10}
    assert chosen(kind="orbit", axes={"mu": mu}, fixed=START, iterations=steps) == [drawing]


def test_the_catalogue_knows_where_the_cascade_ends():
    end = catalogue._ACCUMULATION
    assert end == pytest.approx(thresholds.accumulation().mu, abs=1e-6)
    inside = [row for row in thresholds.full_table() if abs(row.mu - end) < catalogue._NEAR]
    names = {row.id for row in inside}
    assert {"doubling_5", "bands_merge_16_to_8"} <= names
    assert not {"doubling_4", "bands_merge_8_to_4"} & names


def test_orbits_of_several_realizations_share_a_diagram():
    steps = {"transient": 100, "samples": 10}
    orbit = {
        "kind": "orbit",
        "fixed": {**START, "noise": 0.1},
        "noise": {"model": "factors"},
        "iterations": steps,
    }
    few = {"num": 2}
    assert chosen(axes={"realization": few, "mu": FEW}, **orbit) == ["orbit_diagram"]
    fixed = {**START, "mu": 1.0, "noise": 0.1}
    assert chosen(axes={"realization": few}, **{**orbit, "fixed": fixed}) == []


def test_runs_stand_below_a_map_that_holds_their_start():
    paths = {"kind": "trajectory", "axes": {"mu": FEW}, "iterations": {"steps": 9}}
    few = {"iterations": STEPS, "record": ["steps"]}
    wide = {**few, "axes": {"mu": FEW, "imbalance": {"start": 0.1, "step": 0.1, "num": 4}}}
    wide["fixed"] = {"product": 0.1}

    def shown(imbalance: float, **sweeps: Any) -> tuple[str, ...]:
        runs = {**paths, "fixed": {"imbalance": imbalance, "product": 0.1}}
        settings = parse({"study": "s", "sweeps": {"runs": runs, **sweeps}})
        (found,) = [f for f in catalogue.figures(settings.sweeps) if f.drawing == "phases"]
        return found.sweeps

    assert shown(0.3) == ("runs",)
    assert shown(0.3, wide=wide) == ("runs", "wide")  # 0.1 + 2 x 0.1 is not 0.3 to the last bit
    assert shown(0.35, wide=wide) == ("runs",)
    line = {**few, "axes": {"mu": FEW}, "fixed": {"imbalance": 0.3, "product": 0.1}}
    assert shown(0.3, wide=wide, line=line) == ("runs", "line")
    other = {**line, "fixed": {"imbalance": 0.3, "product": 0.2}}
    factors = {**line, "fixed": {"a": 0.3, "b": 0.1}}
    assert shown(0.3, other=other, factors=factors) == ("runs",)


def test_an_ellipse_has_a_figure_of_its_own_where_no_map_shows_it():
    ellipse = {"kind": "ellipse", "axes": {"mu": FEW}, "iterations": {"measure": 100}}
    line = {"axes": {"mu": FEW}, "fixed": START, "iterations": STEPS}

    def shown(**sweeps: Any) -> dict[str, tuple[str, ...]]:
        listed = catalogue.figures(parse({"study": "s", "sweeps": sweeps}).sweeps)
        return {f.stem: f.sweeps for f in listed if f.drawing in ("ellipse", "transverse")}

    assert shown(round=ellipse) == {"round": ("round",)}
    assert shown(line=line, round=ellipse) == {"line-transverse": ("line", "round")}
    both = {"line-transverse": ("line", "round"), "other": ("other",)}
    assert shown(line=line, round=ellipse, other=ellipse) == both


def test_a_line_says_which_sweeps_have_which_figures():
    line = {"axes": {"mu": FEW}, "fixed": START, "iterations": STEPS, "record": ["lyapunov"]}
    orbit = {**line, "kind": "orbit", "iterations": {"transient": 100, "samples": 10}}
    del orbit["record"]
    path = {**orbit, "axes": {"imbalance": FEW}, "fixed": {"mu": 1.0, "product": 0.1}}

    def said(**sweeps: Any) -> str:
        return catalogue.said(parse({"study": "s", "sweeps": sweeps}).sweeps)

    assert said(line=line, more=line) == "figures: line, more"
    expected = "figures: orbit (of orbit, line); no figure shows path"
    assert said(line=line, orbit=orbit, path=path) == expected
    assert said(path=path) == "figures: none; no figure shows path"


@pytest.mark.parametrize("name", ["noise", "batch_size"])
def test_ends_of_runs_from_an_unbalanced_start_are_shown(name):
    model = {"model": "prompts", "dimension": 2, "context": 2, "pool_size": 8}
    model = model if name == "batch_size" else {"model": "multiplicative"}
    axes = {"mu": FEW, name: {"values": [1, 2]}, "realization": {"num": 2}}
    sweep = {"axes": axes, "noise": model, "record": ["imbalance_final"]}
    assert chosen(**sweep, fixed={"imbalance": 1.4, "product": 0.3}) == ["shares", "minima_found"]
    assert chosen(**sweep, fixed={"a": 1.5, "b": 0.3}) == ["shares", "minima_found"]
    assert chosen(**sweep, fixed=START) == ["shares"]
    sweep["record"] = ["regime"]
    assert chosen(**sweep, fixed={"imbalance": 1.4, "product": 0.3}) == ["shares"]


def test_a_dataset_tells_which_drawings_fit_it(
    regimes, line, orbit, crowded, plane, window, displaced, trials, escaping, trained, paths
):
    def best(dataset: xr.Dataset) -> list[str]:
        found = catalogue.figures_of(dataset)
        assert set(found) <= set(figures.DRAWINGS)
        for drawing in found:  # and each can be drawn of it alone
            assert figures.DRAWINGS[drawing](dataset, dpi=60).axes
        return found

    assert best(regimes) == ["regime_map", "sharpness", "overshoot"]
    assert best(line) == ["exponents", "averages", "transverse"]
    assert best(orbit) == ["orbit_diagram"]
    assert best(crowded) == ["cascade", "orbit_diagram"]
    assert best(paths) == ["phases"]
    assert best(plane) == ["portrait"]
    assert best(window) == ["which_minimum", "regime_map", "portrait"]
    assert best(displaced) == ["which_minimum"]
    assert best(trials)[0] == "shares"
    assert best(escaping)[:2] == ["shares", "survival"]
    assert best(trained) == ["transformer"]


def test_a_map_along_any_axis_has_its_exponents(make_map):
    axes = {"imbalance": {"start": 0.05, "step": 0.5, "num": 5}}
    data = make_map(axes, {"mu": 0.9, "product": 0.11})
    assert catalogue.figures_of(data) == ["exponents"]
    assert figures.exponents(data).axes


def test_a_map_over_any_two_axes_has_its_regimes(make_map):
    few = {"start": 0.05, "step": 0.25, "num": 5}
    data = make_map({"imbalance": few, "product": few}, {"mu": 0.9})
    assert catalogue.figures_of(data) == ["regime_map"]
    panel = figures.regime_map(data).axes[0]
    assert panel.get_xlabel().startswith("imbalance")
    assert panel.get_ylabel().startswith("product")


def test_what_is_no_dataset_of_ours_is_refused(line):
    for attributes in ({}, {"lt2f_settings": "no JSON"}, {"lt2f_settings": "{}"}):
        with pytest.raises(ValueError, match="not a dataset of lt2f"):
            catalogue.figures_of(line.drop_attrs().assign_attrs(attributes))
