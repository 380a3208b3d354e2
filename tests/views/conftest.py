"""Small datasets from real sweeps, and eyes for figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from studies import computed, orbits, over

import lt2f
from lt2f.claims import settled, settling
from lt2f.claims.forms import Status
from lt2f.claims.ledger import Row
from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.pipeline import settings
from lt2f.pipeline.dataset import open_dataset
from lt2f.training.transformer import Model
from lt2f.views import catalogue, claims, figures, tables


def swept(**sweep: Any) -> xr.Dataset:
    return lt2f.sweep({"study": "views", "sweeps": {"it": sweep}}, "it")


def swept_map(axes: dict[str, Any], fixed: dict[str, float], **more: Any) -> xr.Dataset:
    iterations = {"transient": 2000, "measure": 1024}
    return swept(axes=axes, fixed=fixed, iterations=iterations, **more)


@pytest.fixture(scope="session")
def make_map() -> Callable[..., xr.Dataset]:
    """Run a map sweep: axes, what is fixed, and other settings."""
    return swept_map


@pytest.fixture(scope="session")
def regimes() -> xr.Dataset:
    """Steps of mu and imbalance that no start with product 0.11 shares: e is never zero."""
    mu = {"start": 0.05, "step": 0.05, "num": 43}
    return swept_map(
        {"mu": mu, "imbalance": {"start": 0, "step": 0.1, "num": 42}}, {"product": 0.11}
    )


@pytest.fixture(scope="session")
def line() -> xr.Dataset:
    mu = {"start": 0.01, "step": 0.01, "num": 210}
    return swept_map({"mu": mu}, {"imbalance": 0.001, "product": 0.11})


@pytest.fixture(scope="session")
def orbit() -> xr.Dataset:
    """From convergence to beyond mu = 2, where nothing is left."""
    return swept(
        kind="orbit",
        axes={"mu": {"start": 0.8, "step": 0.01, "num": 131}},
        fixed={"imbalance": 0.001, "product": 0.11},
        iterations={"transient": 2000, "samples": 64},
    )


@pytest.fixture(scope="session")
def paths() -> xr.Dataset:
    """One start in each of its phases, which the map `regimes` holds as well."""
    return swept(
        kind="trajectory",
        axes={"mu": {"values": [0.2, 0.8, 1.15, 1.45, 1.6]}},
        fixed={"imbalance": 1.9, "product": 0.11},
        iterations={"steps": 50},
    )


@pytest.fixture(scope="session")
def ellipse() -> xr.Dataset:
    """Exponents that theory says, off by as many standard errors as the realization: 0 or 1."""
    mu = np.linspace(0.1, 1.9, 10)
    along, across = theory.ellipse_exponents(mu)
    error = np.full((10, 2, 2), 0.02)
    values = np.stack([along, across], axis=-1)[:, np.newaxis] + 0.02 * np.arange(2)[:, np.newaxis]
    dims = ("mu", "realization", "exponent")
    return xr.Dataset(
        {"lyapunov": (dims, values), "lyapunov_error": (dims, error)},
        coords={"mu": mu, "realization": [0, 1], "exponent": [1, 2]},
        attrs={"lt2f_settings": '{"sweeps": {"it": {"kind": "ellipse"}}}'},
    )


@pytest.fixture(scope="session")
def crowded() -> xr.Dataset:
    """Orbits next to the end of the cascade, even in the logarithm of the distance."""
    mu = {"around": 1.302283462700712, "farthest": 0.35, "nearest": 1e-5, "num": 160}
    return swept(
        kind="orbit",
        axes={"mu": mu},
        fixed={"imbalance": 0.001, "product": 0.11},
        iterations={"transient": 20000, "samples": 64},
    )


@pytest.fixture(scope="session")
def plane_axes() -> dict[str, Any]:
    """No start on a = -b, on a minimum or on the ellipse; mu last, for the order is the user's."""
    return {
        "a": {"start": -2.45, "step": 0.1, "num": 50},
        "b": {"start": -2.43, "step": 0.1, "num": 49},
        "mu": {"values": [0.5, 0.9, 1.3]},
    }


@pytest.fixture(scope="session")
def plane(plane_axes: dict[str, Any]) -> xr.Dataset:
    record = ["regime", "imbalance_final", "steps", "loss_peak_ratio"]
    return swept_map(plane_axes, {}, record=record)


@pytest.fixture(scope="session")
def window() -> xr.Dataset:
    """The inside of the ellipse and what lies about it, where every start has a branch."""
    axes = {
        "a": {"start": -2.45, "step": 0.07, "num": 70},
        "b": {"start": -2.43, "step": 0.07, "num": 70},
    }
    return swept_map(axes, {"mu": 0.7}, record=["imbalance_final", "branch"])


@pytest.fixture(scope="session")
def displaced() -> xr.Dataset:
    axes = {
        "perturbation": {"values": [0.0, 0.001, 0.003, 0.01, 0.03]},
        "a": {"start": -1.97, "step": 0.03, "num": 132},
        "b": {"start": -1.98, "step": 0.03, "num": 132},
    }
    return swept_map(axes, {"mu": 0.7}, record=["branch"])


@pytest.fixture(scope="session")
def trial_axes() -> dict[str, Any]:
    return {
        "noise": {"start": 0, "step": 0.06, "num": 11},
        "realization": {"num": 7},
        "mu": {"start": 0.93, "step": 0.04, "num": 21},
    }


@pytest.fixture(scope="session")
def trials(trial_axes: dict[str, Any]) -> xr.Dataset:
    start, noise = {"imbalance": 0.001, "product": 0.11}, {"model": "multiplicative"}
    return swept_map(trial_axes, start, noise=noise, record=["regime"])


@pytest.fixture(scope="session")
def trained() -> xr.Dataset:
    """Two prompts whose step sizes reach mu = 2 at different places."""
    return swept(
        kind="transformer",
        axes={
            "realization": {"num": 2},
            "step_size": {"start": 0.05, "step": 0.05, "num": 120},
        },
        fixed={"imbalance": 0.1, "product": 0.1},
        transformer={"model": "scalar", "dimension": 4, "context": 16, "label_noise": 0.2},
        iterations={"transient": 600, "measure": 400, "samples": 64},
    )


@pytest.fixture(scope="session")
def escaping() -> xr.Dataset:
    """Batches of prompts, from sizes at which all runs escape to the whole pool, where none do."""
    noise = {"model": "prompts", "dimension": 8, "context": 32, "pool_size": 16}
    axes = {
        "realization": {"num": 24},
        "mu": {"start": 0.4, "step": 0.05, "num": 29},
        "batch_size": {"values": [1, 4, 8, 16]},
    }
    start = {"imbalance": 0.001, "product": 0.11}
    more = {"noise": {**noise, "replacement": False}, "record": ["steps", "regime"]}
    return swept_map(axes, start, **more)


@pytest.fixture(scope="session")
def agreeing() -> xr.Dataset:
    """Runs from a sharp start on batches that agree on the minimum, which they find."""
    axes = {
        "realization": {"num": 24},
        "mu": {"values": [0.2, 0.35, 0.5, 0.6]},
        "noise": {"values": [0.0, 0.3, 0.6]},
    }
    start, noise = {"imbalance": 2.4, "product": 0.1}, {"model": "multiplicative"}
    return swept_map(axes, start, noise=noise, record=["regime", "imbalance_final"])


def rendered(figure: Figure) -> NDArray[np.uint8]:
    """Pixels of a figure, (rows, columns, RGB), from the top."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


@pytest.fixture(scope="session")
def panel_pixels() -> Callable[[Figure, int], NDArray[np.uint8]]:
    """Render what lies inside a panel, from the bottom, with nothing over its image."""

    def look(figure: Figure, panel: int) -> NDArray[np.uint8]:
        axes = figure.axes[panel]
        hidden: list[Artist] = [axis for axis in figure.axes if axis is not axes]
        hidden += [child for child in axes.get_children() if not isinstance(child, AxesImage)]
        shown = [artist for artist in hidden if artist.get_visible()]
        for artist in shown:
            artist.set_visible(False)
        pixels = rendered(figure)[::-1]
        for artist in shown:
            artist.set_visible(True)
        box = np.asarray(axes.get_window_extent())
        (left, low), (right, high) = box.round().astype(int)
        # Edges at whole pixels, or cells could not be whole pixels.
        np.testing.assert_allclose(box, [[left, low], [right, high]], atol=1e-3)
        return pixels[low:high, left:right]

    return look


@pytest.fixture(scope="session")
def frayed() -> list[xr.Dataset]:
    """The plane of starts whose weights decay, and a window on its boundary, to be counted."""
    return [
        swept_map(
            {
                "a": {"start": a, "step": step, "num": 512},
                "b": {"start": b, "step": step, "num": 512},
            },
            {"mu": 1.1, "decay": 0.2},
            record=["regime"],
        )
        for a, b, step in ((-2.56, -2.555, 0.01), (1.78, 1.32, 0.0006))
    ]


@pytest.fixture(scope="session")
def inputs(
    regimes, orbit, line, plane, trials, ellipse, crowded, window, displaced, trained, escaping,
    agreeing, paths, frayed,
) -> dict[str, list[xr.Dataset]]:  # fmt: skip
    """Give datasets for every drawing."""
    found = {
        "regime_map": [regimes], "sharpness": [regimes], "overshoot": [regimes],
        "phases": [paths, regimes], "orbit_diagram": [orbit, line], "exponents": [line],
        "averages": [line], "portrait": [plane], "shares": [trials], "survival": [escaping],
        "scaling": [escaping], "minima_found": [agreeing], "transverse": [line, ellipse],
        "ellipse": [ellipse], "cascade": [crowded], "which_minimum": [window, displaced],
        "transformer": [trained], "fractal_boundary": frayed,
    }  # fmt: skip
    assert set(found) == set(figures.DRAWINGS)
    return found


NEAR = {"imbalance": 0.001, "product": 0.11}
STUDY: dict[str, Any] = {
    "study": "told",
    "seed": 7,
    "figures": {"style": {"dpi": 60}},
    "sweeps": {
        "plane": over(
            {"product": 0.11}, 500, 512,
            mu={"start": 0.05, "step": 0.05, "num": 43},
            imbalance={"start": 0, "step": 0.2, "num": 21},
        ),
        "line": over(NEAR, 500, 512, mu={"start": 0.02, "step": 0.02, "num": 104}),
        "orbit": orbits(NEAR, 500, 32, mu={"start": 0.8, "step": 0.02, "num": 65}),
        "noisy": {
            **over(
                NEAR, 300, 320,
                mu={"start": 1.5, "step": 0.1, "num": 11},
                noise={"values": [0.0, 0.1, 0.2]},
                realization={"num": 8},
            ),
            "noise": {"model": "multiplicative"},
            "record": ["regime", "steps"],
        },
        "training": {
            "kind": "transformer",
            "axes": {"step_size": {"start": 0.2, "step": 0.2, "num": 27}},
            "fixed": {"imbalance": 0.1, "product": 0.1},
            "transformer": {"model": "scalar", "dimension": 4, "context": 16, "label_noise": 0.2},
            "iterations": {"transient": 300, "measure": 200, "samples": 32},
        },
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[settings.Settings, Path]:
    """A study and the folder of its results, with what a report needs; claims are made up."""
    folder = tmp_path_factory.mktemp("reported") / "told"
    study = computed(STUDY, folder)
    look = study.figures.style.model_dump()
    for figure in catalogue.figures(study.sweeps):
        shown = [open_dataset(folder / f"{name}.nc") for name in figure.sweeps]
        stamp = {"drawing": figure.drawing, "style": look}
        figures.draw(stamp, shown, folder / "figures" / figure.stem)
    tables.write_thresholds(folder / "thresholds.csv")
    tables.write_settling(settled.records(_trainings()), folder / "settling.csv")
    claims.write(_claims(), folder / "claims.csv")
    (folder / "benchmarks").mkdir()
    benchmark = "s\th:m:s\tmax_rss\n12.345\t0:00:12\t456.1\n"
    (folder / "benchmarks" / "line.tsv").write_text(benchmark)
    return study, folder


def _claims() -> list[Row]:
    """Claims of every status, with words that HTML has to escape."""
    source = "derived: one step, expanded; tests/dynamics/test_identities.py"
    return [
        Row(
            f"{room}_{k}",
            f"of {room}, |e| < 2 - mu^{k} & <= 4",
            source,
            "1",
            "-2",
            "0.1",
            status,
            "",
        )
        for status in Status
        for k, room in enumerate(
            ("balanced", "two_cycle", "noise"), 2 + 3 * list(Status).index(status)
        )
    ]


def _trainings() -> list[settling.Settled]:
    """Two trainings on either side of a threshold, one of which does what the map does not."""
    two, four = (Regime.PERIODIC, 2, -0.1, 0.0), (Regime.PERIODIC, 4, -0.2, 0.0)
    chaos = (Regime.CHAOTIC, 0, 0.3, 0.001)
    sides = settling.places()["doubling_2"]
    did = {Model.SCALAR: (two, four), Model.MATRIX: (two, chaos)}
    return [
        settling.Settled("doubling_2", mu, model, 0, own, told, (False, False))
        for model, both in did.items()
        for mu, own, told in zip(sides, both, (two, four), strict=True)
    ]
