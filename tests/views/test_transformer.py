"""The trained model over the map's forecast."""

import numpy as np
import pytest

from lt2f.dynamics.codes import Regime
from lt2f.views import style
from lt2f.views.figures import transformer


def line(axes, label):
    (found,) = [each for each in axes.lines if each.get_label() == label]
    return found.get_xydata().T


def test_model_and_map_are_drawn_from_their_own_data(trained):
    first = trained.isel(realization=0)
    panels = transformer(trained).axes
    for label, name in (("model", "lyapunov"), ("map", "map_lyapunov")):
        x, y = line(panels[2], label)
        np.testing.assert_array_equal(x, first["step_size"])
        np.testing.assert_allclose(y, np.maximum(first[name][:, 0], -4))


def test_strips_are_those_of_model_and_map(trained, panel_pixels):
    """A model that is chaotic everywhere does not change what the map says."""
    other = trained.assign(regime=trained["regime"] * 0 + np.uint8(Regime.CHAOTIC))
    figure = transformer(other)
    model, forecast = (panel_pixels(figure, k)[3] for k in (5, 6))
    assert np.unique(model, axis=0).shape[0] == 1
    codes = np.unique(trained["map_regime"].isel(realization=0))
    assert np.unique(forecast, axis=0).shape[0] == codes.size >= 4


def test_residuals_of_a_model_that_is_not_the_map_are_seen(trained, panel_pixels):
    same, other = (
        transformer(each) for each in (trained, trained.assign(residual=trained["residual"] * 0.8))
    )
    plain = [panel_pixels(same, k) for k in (0, 1)]
    changed = [panel_pixels(other, k) for k in (0, 1)]
    assert (plain[1] == changed[1]).all()
    assert (plain[0] != changed[0]).any(axis=-1).mean() > 0.02


def test_thresholds_stand_at_their_step_sizes(trained):
    figure = transformer(trained)
    unit = (trained["effective_step_size"] / trained["step_size"]).isel(realization=0).mean().item()
    places = {each.get_xdata()[0] for each in figure.axes[2].lines if np.ptp(each.get_xdata()) == 0}
    for mu in (1.0, np.sqrt(5) - 1, 2.0):
        assert min(abs(mu / unit - place) for place in places) < 1e-12
    words = {text.get_text() for text in figure.axes[0].texts}
    assert "1  edge of stability" in words


def test_errors_on_new_prompts_have_their_bands(trained):
    panel = transformer(trained).axes[4]
    first = trained.isel(realization=0)
    x, y = line(panel, "mean weights")
    known = dict(zip(first["step_size"].values, first["fresh_error_averaged"].values, strict=True))
    assert y == pytest.approx([known[each] for each in x], nan_ok=True)
    assert len(panel.collections) == 3


def test_the_title_names_model_prompt_and_start(trained):
    titles = " ".join(text.get_text() for text in transformer(trained).axes[0].texts)
    for words in ("Trained scalar model and map", "$d$ = 4", "$N$ = 16", "prompt 0"):
        assert words in titles
    assert style.label("step_size") == r"step size $\eta$"
