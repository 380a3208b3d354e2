import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lt2f.dynamics import averages
from lt2f.dynamics.averages import BLOCKS, block_edges

ULP = 2.0**-52
FREEDOM = BLOCKS - 1
whole_blocks = st.lists(st.integers(1, 50), min_size=BLOCKS, max_size=BLOCKS).map(np.array)


@given(st.integers(0, 10**9))
def test_blocks_part_a_run_evenly(steps):
    edges = block_edges(steps)
    assert edges.size == BLOCKS + 1
    assert (edges[0], edges[-1]) == (0, steps)
    assert set(np.diff(edges)) <= {steps // BLOCKS, steps // BLOCKS + 1}


def mean_and_error(rates, lengths, ends=None):
    """The same from the means of all blocks, shape (BLOCKS, ...), and the increments of one g."""
    g = np.zeros(rates.shape) if ends is None else ends
    weights = np.reshape(lengths / np.sum(lengths), (-1, *[1] * rates.ndim))
    blocks = np.stack([rates, g], axis=1)
    d = blocks - blocks[0]
    kept = blocks[0], *((weights * x).sum(axis=0) for x in (d, d * d, d * d[:, 1:]))
    with np.errstate(invalid="ignore", divide="ignore"):  # increments that are all zero
        mean, error = averages.mean_and_error(np.array(kept), len(lengths))
    return mean[0], error[0]


@given(whole_blocks, st.integers(0, 2**32))
def test_mean_is_that_of_all_steps(lengths, seed):
    series = np.random.default_rng(seed).uniform(1.0, 2.0, lengths.sum())
    rates = np.array([block.mean() for block in np.split(series, lengths.cumsum()[:-1])])
    mean, _ = mean_and_error(rates[:, np.newaxis], lengths)
    assert mean == pytest.approx(series.mean(), rel=100 * ULP)


@given(whole_blocks, st.floats(-1e6, 1e6))
def test_what_is_constant_has_no_error(lengths, value):
    mean, error = mean_and_error(np.full((BLOCKS, 3), value), lengths)
    assert mean == pytest.approx(value, rel=BLOCKS * ULP)
    assert (error <= BLOCKS * ULP * abs(value)).all()


def test_equal_blocks_have_the_error_of_a_sample_mean():
    rates = np.random.default_rng(1).normal(size=(BLOCKS, 5, 7))
    mean, error = mean_and_error(rates, np.full(BLOCKS, 10))
    np.testing.assert_allclose(mean, rates.mean(axis=0), atol=4 * ULP)
    np.testing.assert_allclose(error, stats.sem(rates, axis=0), rtol=40 * ULP)


def test_alternating_blocks():
    # +1 and -1 in turn: mean 0, sample variance 32/31
    rates = np.resize([1.0, -1.0], BLOCKS)[:, np.newaxis]
    mean, error = mean_and_error(rates, np.full(BLOCKS, 3))
    assert mean == 0.0
    assert error == pytest.approx(1 / np.sqrt(FREEDOM), rel=4 * ULP)


@pytest.mark.parametrize(
    "lengths", [np.full(BLOCKS, 4), np.diff(block_edges(100)), np.resize([1, 9, 40], BLOCKS)]
)
def test_independent_steps_have_the_error_of_their_number(lengths):
    # the mean of n steps of variance one has variance 1/n in each block and in all, and the squared
    # error estimates the latter without bias, whatever the lengths
    cells, steps = 20000, lengths.sum()
    rates = np.random.default_rng(2).normal(size=(BLOCKS, cells)) / np.sqrt(lengths)[:, np.newaxis]
    mean, error = mean_and_error(rates, lengths)
    assert mean.mean() == pytest.approx(0.0, abs=5 / np.sqrt(steps * cells))
    square = steps * error**2
    assert square.mean() == pytest.approx(1.0, abs=5 * square.std() / np.sqrt(cells))
    if len(set(lengths)) == 1:
        # chi-square: five standard deviations of its variance for the normal, 2/31 a cell
        assert square.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / FREEDOM / cells))
        inside = (np.abs(mean) < stats.t(FREEDOM).ppf(0.975) * error).mean()
        assert inside == pytest.approx(0.95, abs=5 * np.sqrt(0.05 * 0.95 / cells))


def test_correlated_steps_once_blocks_are_long():
    # moving average of neighbours: variance of a sum of n is 4n - 2, not the 2n of its parts
    steps, cells = 32 * 50, 2000
    noise = np.random.default_rng(3).normal(size=(steps + 1, cells))
    blocks = (noise[1:] + noise[:-1]).reshape(BLOCKS, -1, cells).mean(axis=1)
    _, error = mean_and_error(blocks, np.full(BLOCKS, 50))
    # blocks of 50 miss 2/200 of the variance; the spread of the mean square is 2/31 a cell
    assert (error**2).mean() * steps == pytest.approx(4.0, rel=0.01 + 5 * np.sqrt(2 / 31 / cells))


@pytest.mark.parametrize("share", [0.0, 1.0, 30.0])
def test_what_telescopes_has_the_error_of_its_ends(share):
    # increments of independent values z of variance 1/2, with or without independent blocks of
    # variance 1/2: the mean over B blocks has the variance share^2/B^2 + 1/(2B)
    cells = 20000
    rng = np.random.default_rng(4)
    g = np.diff(rng.normal(size=(BLOCKS + 1, cells)) / np.sqrt(2), axis=0)
    rates = share * g + rng.normal(size=(BLOCKS, cells)) / np.sqrt(2)
    mean, error = mean_and_error(rates, np.full(BLOCKS, 10), ends=g)
    expected = (share / BLOCKS) ** 2 + 1 / (2 * BLOCKS)
    assert mean.var() == pytest.approx(expected, rel=5 * np.sqrt(2 / cells))
    # one slope too many is fitted to 31 differences, and takes its part of the spread
    assert (error**2).mean() == pytest.approx(expected, rel=0.05)
    inside = (np.abs(mean) < stats.t(FREEDOM - 1).ppf(0.975) * error).mean()
    assert inside == pytest.approx(0.95, abs=0.02)


def test_each_row_and_cell_is_its_own():
    rates = np.random.default_rng(5).normal(size=(BLOCKS, 5, 7))
    rates[3, 2, 4] = np.nan
    lengths = np.diff(block_edges(1000))
    mean, error = mean_and_error(rates, lengths)
    assert np.argwhere(np.isnan(mean)).tolist() == np.argwhere(np.isnan(error)).tolist() == [[2, 4]]
    one, one_error = mean_and_error(rates[:, 1, 5:6], lengths)
    assert (mean[1, 5], error[1, 5]) == pytest.approx((one[0], one_error[0]), rel=20 * ULP)
