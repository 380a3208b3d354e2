"""Colours are told apart by every eye and in grey print."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from lt2f.dynamics.codes import Regime
from lt2f.views import shades, shares, style, value_map

# Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009) 1291, table 1, severity 1.0: on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def lab(sight: str) -> NDArray[np.float64]:
    """CIE Lab of every regime's colour, as it is seen: (regime, 3)."""
    return seen(style.palette() / 255, sight)


def seen(share: NDArray[np.float64], sight: str) -> NDArray[np.float64]:
    """CIE Lab of colours (n, RGB), as they are seen."""
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    left = (linear @ SIGHT[sight].T).clip(0, 1)
    t = left @ TO_XYZ.T / [0.95047, 1.0, 1.08883]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = f.T
    return np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_every_regime_has_a_colour_and_words():
    assert set(style.COLOURS) == set(style.WORDS) == set(Regime)
    assert style.palette().shape == (len(Regime), 3)


def test_grey_stays_grey():
    # As published; a transposed or mistyped matrix would tint it.
    for matrix in SIGHT.values():
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(TO_XYZ.sum(axis=1), [0.95047, 1.0, 1.08883], atol=1e-5)


@pytest.mark.parametrize("sight", SIGHT)
def test_regimes_are_told_apart(sight):
    # A just noticeable difference is some 2.3; 15 is plain side by side and in a key.
    colours = lab(sight)
    distances = {
        (a.name, b.name): np.linalg.norm(colours[a] - colours[b])
        for a, b in combinations(Regime, 2)
    }
    assert min(distances.values()) >= 15, min(distances, key=lambda pair: distances[pair])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize(
    "colours",
    [style.EDGES, [outcome.colour for outcome in shares.OUTCOMES]],
    ids=["boundaries", "outcomes"],
)
def test_lines_are_told_apart(colours, sight):
    # As above; all of these may be solid, and cross.
    points = seen(np.array([to_rgb(colour) for colour in colours]), sight)
    apart = {
        (a, b): np.linalg.norm(points[i] - points[j])
        for (i, a), (j, b) in combinations(enumerate(colours), 2)
    }
    assert min(apart.values()) >= 15, min(apart, key=lambda pair: apart[pair])


@pytest.mark.parametrize("sight", [*SIGHT])
@pytest.mark.parametrize(
    "colours",
    [shades.LOSS, shades.SHARE, shades.ESCAPE, value_map.SHARPNESS, value_map.OVERSHOOT],
    ids=["loss", "share", "escape", "sharpness", "overshoot"],
)
def test_sequential_colours_go_one_way_in_lightness(colours, sight):
    steps = np.diff(seen(colours(np.linspace(0.01, 1, 33))[:, :3], sight)[:, 0])
    # For any eye and in grey print what is more is darker, or lighter, all along the bar.
    assert (steps > 0).all() or (steps < 0).all()


def test_regimes_differ_in_grey_print():
    lightness = np.sort(lab("full")[:, 0])
    assert np.diff(lightness).min() >= 8


def test_only_undecided_is_vivid():
    chroma = np.hypot(*lab("full")[:, 1:].T)
    assert chroma.argmax() == Regime.UNDECIDED
    assert lab("full")[:, 0].argmax() == Regime.UNDECIDED


def test_conditions_say_all_that_is_fixed(regimes, line):
    assert style.conditions(regimes) == ["$a_0b_0$ = 0.11"]
    assert style.conditions(line) == ["$a_0^2-b_0^2$ = 0.001", "$a_0b_0$ = 0.11"]
