"""Maps of sharpness and overshoot show the numbers of their cells, and what is exact of them."""

import numpy as np
import pytest

from lt2f.dynamics.codes import Regime
from lt2f.views import style, value_map


def expected(dataset, variable, scale):
    values, codes = (
        dataset[name].transpose("imbalance", "mu").values for name in (variable, "regime")
    )
    colours = scale.of(values)
    colours[codes == Regime.DIVERGENT] = style.palette()[Regime.DIVERGENT]
    return colours


@pytest.mark.parametrize(
    ("draw", "quantity"),
    [(value_map.sharpness, value_map._SHARPNESS), (value_map.overshoot, value_map._OVERSHOOT)],
)
def test_every_cell_is_a_block_of_its_colour(regimes, panel_pixels, draw, quantity):
    values = regimes[quantity.variable].values
    kept = values[np.isfinite(values) & (regimes["regime"].values != Regime.DIVERGENT)]
    colours = expected(regimes, quantity.variable, quantity.scale(kept))
    pixels = panel_pixels(draw(regimes, dpi=100), 0)
    down, across = (pixels.shape[k] // colours.shape[k] for k in (0, 1))
    assert (pixels == colours.repeat(down, axis=0).repeat(across, axis=1)).all()


def test_what_is_drawn_as_exact_holds_of_every_start(regimes):
    """The flattest minimum, the edge of stability, the two-cycle, and the bound of the loss."""
    some = regimes.transpose("mu", "imbalance", ...)
    mu, codes = np.broadcast_arrays(some["mu"].values[:, np.newaxis], some["regime"].values)
    sharpness, least, edge, cycle = some["sharpness"].values, *value_map._exact_sharpness(some)
    # At mu = 1 itself e falls only as n^(-1/2), and the mean over a run is off by 1e-3.
    settled = np.isin(codes, [Regime.MONOTONE, Regime.CATAPULT]) & (mu < 0.99)
    # Runs end within 1e-12 of a minimum in e, where rounding is all that is left.
    assert (sharpness >= least.value(mu) - 1e-9)[settled].all()
    assert (sharpness <= edge.value(mu) + 1e-9)[settled].all()
    doubled = (codes == Regime.PERIODIC) & (mu > cycle.low) & (mu < cycle.high)
    assert doubled.any()
    # Means over a refined cycle, of rounding alone.
    np.testing.assert_allclose(sharpness[doubled], cycle.value(mu)[doubled], atol=1e-8)
    (bound,) = value_map._exact_overshoot(some)
    bounded = codes != Regime.DIVERGENT
    assert (some["loss_peak_ratio"].values < bound.value(mu))[bounded].all()


def test_what_has_no_value_is_white_and_in_the_key(regimes, panel_pixels):
    holed = regimes.copy(deep=True)
    holed["sharpness"][{"mu": 3, "imbalance": 5}] = np.nan
    figure = value_map.sharpness(holed, dpi=100)
    pixels = panel_pixels(figure, 0)
    down, across = (pixels.shape[k] // holed.sizes[n] for k, n in enumerate(("imbalance", "mu")))
    assert (pixels[5 * down : 6 * down, 3 * across : 4 * across] == 255).all()
    words = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    assert "no value (1 cell)" in words


def test_scales_reach_the_bulk_and_say_so():
    many = np.append(np.ones(999), 1e6)
    assert value_map._overshoot_scale(many).high == 10
    assert value_map._overshoot_scale(np.append(many, np.full(100, 500.0))).high == 1000
    assert value_map._sharpness_scale(np.array([0.5])).high == 2.5  # the edge is on it
    assert value_map._sharpness_scale(np.full(9, 3.2)).high == 3.5
    assert value_map._sharpness_scale(np.array([])).high == 2.5
