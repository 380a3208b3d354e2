"""The estimators of single rooms, on data whose answer is known."""

import numpy as np
import pytest

from lt2f.claims import balanced, convergence, noise, plane, runs
from lt2f.claims.forms import Status
from lt2f.claims.study import MissingError
from lt2f.dynamics import theory


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.5])
def test_a_power_law_between_two_ends_gives_its_exponent(exponent):
    """Quantiles of P(> n) ~ n^-k on 10 < n < 1000, at the midpoints of 10,000 equal parts."""
    p = (np.arange(10_000) + 0.5) / 10_000
    top = 100.0**-exponent
    steps = 10 * (1 - p * (1 - top)) ** (-1 / exponent)
    found, error = convergence._tail(steps, 10, 1000)
    assert found == pytest.approx(exponent, rel=1e-3)  # midpoints leave out some of the last part
    # Without an upper end it is k/sqrt(N); cutting the tail away can only lose information.
    assert exponent / 100 <= error < 0.05


def test_a_line_through_rates_gives_its_zero():
    mus = np.linspace(0.9, 1.1, 5)
    zero, error = noise.crossing(mus, 3 * (mus - 1.01), np.full(5, 0.03))
    assert zero == pytest.approx(1.01, rel=1e-12)
    assert error == pytest.approx(0.03 / np.sqrt(5) / 3, rel=1e-9)  # of the mean, over the slope


def test_the_area_of_bounded_starts_has_the_error_it_says():
    area, error = plane._area(1.2)
    assert 0 < error < 0.01
    assert abs(area - theory.ellipse_area(1.2)) < 4 * error


MU = np.linspace(1.0, 2.0, 11)


def test_a_passage_lies_between_two_cells():
    after = MU > 1.45
    assert balanced.passage(1.42, MU, ~after, after, 0.1).status == Status.AGREES
    assert balanced.passage(1.55, MU, ~after, after, 0.1).status == Status.DISAGREES
    assert balanced.passage(1.42, MU, ~after, after, 0.01).status == Status.UNDECIDED


def test_a_passage_that_was_not_seen_disagrees_where_it_had_to_be():
    never, ever = np.zeros(11, dtype=bool), np.ones(11, dtype=bool)
    assert balanced.passage(1.42, MU, ever, never, 0.1).status == Status.DISAGREES
    assert balanced.passage(1.42, MU, never, ever, 0.5).status == Status.DISAGREES
    with pytest.raises(MissingError, match=r"steps of 0\.005 or less beyond mu = 1\.42"):
        balanced.passage(1.42, MU, ever, never, 0.01)


def test_inner_starts_fill_the_ellipse_evenly():
    mu = np.full(20_000, 1.3)
    a, b = runs.inner_starts(mu)
    h = runs.ellipse_side(a, b, mu)
    assert (h < 0).all()
    # Even over the area: h/(mu^2 - 4) is uniform on (0, 1), with mean 1/2 and error 0.29/sqrt(N).
    assert np.mean(h / (mu**2 - 4)) == pytest.approx(0.5, abs=4 * 0.29 / np.sqrt(mu.size))


def test_runs_that_leave_are_told_from_runs_that_stay():
    stays = runs.bounded(np.array([0.5, 9.0]), np.array([0.5, 0.2]), np.full(2, 0.9), 200)
    assert stays.tolist() == [True, False]
