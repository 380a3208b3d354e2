"""A sample of cells computed again: what is drawn, and that a difference would be seen."""

import numpy as np
import pytest

from lt2f.dynamics import theory
from lt2f.dynamics.arithmetic import CANDIDATES, Comparison, compare, examine, recompute, sample
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.labels import explore
from lt2f.dynamics.survey import Schedule

LENGTHS = 1500, 3200, 16
FLAGS = {1: 900, 2: 60, 3: 30, 4: 10}  # regimes and their cells


@pytest.fixture(scope="module")
def grid():
    """Variables and coordinates of a small map over mu and imbalance."""
    mu, imbalance = np.linspace(0.105, 2.105, 41), np.array([0.0, 0.001, 0.7, 1.9, 3.3])
    coordinates = {"mu": mu[:, np.newaxis], "imbalance": imbalance, "product": np.array(0.1)}
    cells = [np.broadcast_to(x, (41, 5)).ravel() for x in coordinates.values()]
    outcome = explore(*theory.start_state(cells[1], cells[2]), cells[0], Schedule(*LENGTHS))
    return {k: x.reshape(41, 5, *x.shape[1:]) for k, x in outcome.items()}, coordinates


# What is drawn


def test_regimes_take_turns():
    regime = np.repeat(list(FLAGS), list(FLAGS.values()))
    chosen = sample(regime, None, 40, 7)
    assert np.unique(chosen).size == 40
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(np.unique(regime[chosen], return_counts=True)[1], 10)


def test_borders_and_periods_take_turns_inside_a_regime():
    regime = np.repeat([1, 3], 500)
    period = np.concatenate([np.ones(500, int), np.repeat([2, 4, 8, 5], [400, 50, 30, 20])])
    chosen = sample(regime, period, 28, 1)
    counts = np.bincount(period[chosen], minlength=9)
    assert counts[1] == 14
    # of a line's cells one in regime 1 and seven in regime 3 are next to another label
    beside = np.flatnonzero((np.diff(period) != 0) | (np.diff(regime) != 0))
    beside = np.union1d(beside, beside + 1)
    assert np.isin(beside, chosen).sum() == 1 + 7
    assert min(counts[[2, 4, 8, 5]]) >= 2  # one on each side


def test_a_cell_is_beside_another_label_along_any_axis():
    regime = np.ones((9, 9), dtype=np.uint8)
    regime[4, 4] = 2
    chosen = sample(regime, None, 5, 3)
    assert 40 in chosen
    neighbours = np.intersect1d(chosen, [31, 39, 41, 49])
    assert neighbours.size == 2  # of four cells of regime 1 every other one


def test_a_sample_is_reproducible_and_depends_on_the_seed():
    regime = np.repeat(list(FLAGS), list(FLAGS.values())).reshape(100, 10)
    first, again, other = (sample(regime, None, 20, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_all_cells_are_taken_where_there_are_few_and_some_where_there_are_many():
    np.testing.assert_array_equal(sample(np.ones(5, int), None, 9, 0), np.arange(5))
    many = np.ones(3 * CANDIDATES, dtype=np.uint8)
    many[::2] = 4
    chosen = sample(many, None, 30, 0)
    assert (many[chosen] == 4).sum() == 15
    assert chosen.max() > 2 * CANDIDATES


# What is compared


def test_labels_and_averages_of_a_map_agree_in_extended_precision(grid):
    variables, coordinates = grid
    chosen, found = examine(variables, coordinates, LENGTHS, 40, 5)
    assert chosen.size == found.decided.size == 40
    assert not found.differ.any()
    assert found.decided.mean() > 0.7  # near-neutral cells are drawn as often as others
    worst, count = found.worst(found.z, Regime.CHAOTIC)
    assert count >= 25
    assert worst < Comparison.limit(count)
    # cycles whose multiplier is 0.999 lose three digits of sixteen in the exponent, five at most
    assert found.worst(found.differences, Regime.PERIODIC)[0] < 1e-10


def test_a_wrong_label_and_a_wrong_average_are_seen(grid):
    variables, coordinates = grid
    chosen = sample(variables["regime"], variables["period"], 30, 2)
    cells = {k: np.broadcast_to(x, (41, 5)).ravel()[chosen] for k, x in coordinates.items()}
    recorded = {k: x.reshape(205, *x.shape[2:])[chosen] for k, x in variables.items()}
    again = recompute(cells, LENGTHS)
    honest = compare(recorded, again)
    chaotic = np.flatnonzero(honest.extended["regime"] == Regime.CHAOTIC)
    recorded["loss_mean"][chaotic[0]] += 20 * honest.errors["loss_mean"][chaotic[0]]
    worst, count = compare(recorded, again).worst(compare(recorded, again).z, Regime.CHAOTIC)
    assert worst > 20 - Comparison.limit(count) > Comparison.limit(count)
    recorded["period"][chaotic[0]] = 3
    mended = compare(recorded, again)
    np.testing.assert_array_equal(np.flatnonzero(mended.differ), chaotic[:1])
    assert np.isnan(mended.z["loss_mean"][chaotic[0]])


def test_starts_are_the_same_in_either_coordinates():
    cells = {"mu": np.array([0.7, 1.2]), "imbalance": np.array([0.0, 0.5]), "product": np.ones(2)}
    u, v = theory.start_state(cells["imbalance"], cells["product"])
    other = {"mu": cells["mu"], "a": u + v, "b": u - v}
    for one, two in zip(recompute(cells, LENGTHS), recompute(other, LENGTHS), strict=True):
        assert (one.regime, one.period) == (two.regime, two.period)
        assert one.sharpness.value == pytest.approx(two.sharpness.value, rel=1e-13)


def test_what_was_not_recorded_is_not_compared():
    cells = recompute({"mu": np.array([1.9]), "a": np.array([1.0]), "b": np.array([0.9])}, LENGTHS)
    found = compare({"regime": np.array([4]), "sharpness": np.array([3.0])}, cells)
    assert found.decided.all()
    assert not found.differ.any()
    assert found.z == {}
    worst, count = found.worst(found.z, Regime.CHAOTIC)
    assert count == 0
    assert np.isnan(worst)


def test_more_numbers_may_be_further_off():
    # two-sided quantile of Student's t with 31 degrees of freedom at 1e-3: 3.633 by tables
    assert Comparison.limit(1) == pytest.approx(3.633, abs=1e-3)
    assert Comparison.limit(100) > Comparison.limit(10) > Comparison.limit(1)
