"""Averages: lines through the data, closed forms under them, and a strip of the regimes."""

import numpy as np
import pytest

from lt2f.dynamics import theory
from lt2f.views import style
from lt2f.views.averages import losses
from lt2f.views.figures import averages

DOUBLING, MERGING = np.sqrt(5) - 1, 1.5 * np.sqrt(3) - 1


def curves(axes):
    """Lines of a panel by their labels, thresholds left out."""
    lines = [line for line in axes.lines if np.ptp(line.get_xdata()) > 0]
    return {line.get_label().partition(" ")[0]: line.get_xydata().T for line in lines}


def exact(axes):
    """Closed forms of a panel."""
    return [line.get_xydata().T for line in axes.lines if line.get_linewidth() > 3]


def test_lines_pass_through_closed_forms(line):
    losses_panel, weights_panel, _ = averages(line).axes
    for axes, label, formula in (
        (losses_panel, "mean", theory.two_cycle_loss),
        (losses_panel, "loss", theory.two_cycle_averaged_loss),
        (weights_panel, r"$\langle", theory.two_cycle_weight),
    ):
        x, y = curves(axes)[label]
        on_cycle = (x > 1.02) & (x < DOUBLING)
        assert on_cycle.sum() > 10
        np.testing.assert_allclose(np.abs(y[on_cycle]), formula(x[on_cycle]), atol=1e-9)


def test_closed_forms_lie_under_the_lines_from_end_to_end(line):
    losses_panel, weights_panel, _ = averages(line).axes
    ends = [(x[0], x[-1]) for x, _ in (*exact(losses_panel), *exact(weights_panel))]
    cycle, merged = pytest.approx((1.0, DOUBLING)), pytest.approx((MERGING, 2.0))
    assert ends == [cycle, cycle, merged, cycle, cycle, merged]  # of both signs
    for axes in (losses_panel, weights_panel):
        over = [part.get_zorder() for part in axes.lines if "langle" in part.get_label()]
        under = [part.get_zorder() for part in axes.lines if part.get_linewidth() > 3]
        assert max(under) < min(over)
    (diamond,) = [part for part in losses_panel.lines if part.get_marker() == "D"]
    assert diamond.get_xydata().tolist() == [[2.0, 1.0]]


def test_weights_of_merged_attractors_are_zero_within_their_bands(line):
    weights = line["weights_mean"].sel(mu=slice(1.65, 1.97))
    error = line["weights_mean_error"].sel(mu=slice(1.65, 1.97))
    # 30 degrees of freedom; and windows of mirrored pairs, which are narrow
    assert (np.abs(weights) < 4 * error + 1e-9).mean() > 0.9


def test_the_error_of_the_loss_at_mean_weights():
    # from many draws of a = b, which vary together, about a loss with and without a slope
    rng = np.random.default_rng(3)
    for mean, mu in ((1.0, 1.4), (1.0, 1.0), (0.0, 1.8)):
        x = rng.normal(mean, 1e-2, 200000)
        spread = theory.loss_at(mu, x, x).std()
        row = np.full((1, 2), mean)
        dataset = {
            "weights_mean": _Values(row),
            "weights_mean_error": _Values(np.full((1, 2), 1e-2)),
            "loss_mean": _Values(np.zeros(1)),
            "loss_mean_error": _Values(np.zeros(1)),
        }
        _, error = losses(dataset, np.array([mu]))["averaged"]
        # to second order in the errors, which is all there is in the last two
        assert error[0] >= (0.99 if mean and mu != mean else 0.5) * spread
        assert error[0] <= 1.5 * spread + 2e-4


class _Values:
    def __init__(self, values):
        self.values = values


def test_the_strip_shows_every_regime_in_its_colour(line, panel_pixels):
    pixels = panel_pixels(averages(line), 2)
    width = pixels.shape[1] // line.sizes["mu"]
    expected = style.palette()[line["regime"].values].repeat(width, axis=0)
    assert (pixels == expected).all()


def test_what_was_not_recorded_cannot_be_drawn(line):
    with pytest.raises(KeyError, match="weights_mean"):
        averages(line.drop_vars("weights_mean"))


def test_any_axis_will_do(make_map):
    imbalance = {"imbalance": {"start": 0.0, "step": 0.25, "num": 20}}
    figure = averages(make_map(imbalance, {"mu": 1.1, "product": 0.11}))
    assert figure.axes[-1].get_xlabel() == "imbalance of the start $a_0^2-b_0^2$"
    assert not exact(figure.axes[0])


@pytest.mark.parametrize("values", [[1.5], [2.5], [0.5, 1.1, 1.9, 2.5]])
def test_few_or_divergent_cells_are_no_exception(make_map, values):
    dataset = make_map({"mu": {"values": values}}, {"imbalance": 0.2, "product": 0.11})
    assert len(averages(dataset).axes) == 3
