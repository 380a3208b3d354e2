import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lt2f.training.batches import LAWS, pair, sequence, words

SEEDS = st.integers(0, 2**64 - 1)
STEPS = 20_000


def test_words_are_the_published_stream():
    """Known answer of Philox4x64-10 by its authors: counter 0, key 0. numpy counts first."""
    generator = np.random.Philox(key=[0, 0], counter=[2**64 - 1] * 4)
    first = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    assert generator.random_raw(4).tolist() == first
    # `words` goes on from counter 1.
    assert (generator.random_raw(8) == words(0, 0, 8)).all()


@given(SEEDS, st.integers(0, 2**53), st.integers(0, 300), st.integers(0, 300))
def test_a_longer_sequence_begins_with_the_shorter(seed, realization, short, more):
    long = words(seed, realization, short + more)
    assert (long[:short] == words(seed, realization, short)).all()


@given(SEEDS, st.integers(0, 1000))
def test_realizations_and_seeds_differ(seed, realization):
    here = words(seed, realization, 4)
    assert (here != words(seed, realization + 1, 4)).any()
    assert (here != words(seed ^ 1, realization, 4)).any()


DISTRIBUTIONS = {
    "uniform": stats.uniform(-np.sqrt(3.0), 2.0 * np.sqrt(3.0)),
    "normal": stats.norm(),
}


@pytest.mark.parametrize("law", DISTRIBUTIONS)
@pytest.mark.parametrize("realization", range(3))
def test_laws_have_their_distribution(law, realization):
    x = sequence(7, realization, STEPS, law)
    # Six tests with fixed seeds: a right law fails one of them in 1e-3 by chance.
    assert stats.kstest(x, DISTRIBUTIONS[law].cdf).pvalue > 1e-3 / 6


@pytest.mark.parametrize("law", LAWS)
def test_mean_is_zero_and_variance_one(law):
    x = np.concatenate([sequence(11, k, STEPS, law) for k in range(8)])
    # Five standard errors of the mean and of the mean square.
    assert abs(x.mean()) < 5.0 / np.sqrt(x.size)
    assert abs((x**2).mean() - 1.0) < 5.0 * max((x**2).std(), 1e-12) / np.sqrt(x.size)


def test_two_points_are_exact():
    assert set(sequence(1, 2, 1000, "two_point")) == {-1.0, 1.0}


@pytest.mark.parametrize("law", LAWS)
def test_steps_are_not_correlated(law):
    x = sequence(5, 0, STEPS, law)
    for lag in (1, 2, 3, 4, 5):  # four words come out of one block of the generator
        assert abs((x[lag:] * x[:-lag]).mean()) < 5.0 / np.sqrt(STEPS)


@pytest.mark.parametrize("law", LAWS)
def test_a_pair_begins_with_the_sequence_and_its_parts_are_independent(law):
    x, y = pair(5, 2, STEPS, law)
    np.testing.assert_array_equal(x, sequence(5, 2, STEPS, law))
    for lag in range(-4, 5):
        a, b = x[max(lag, 0) : STEPS + min(lag, 0)], y[max(-lag, 0) : STEPS + min(-lag, 0)]
        assert abs((a * b).mean()) < 5.0 / np.sqrt(STEPS)


def test_no_realization_has_the_second_stream_of_another():
    # the key's second word: realizations go up to 2^53, the number of the stream lies above 2^56
    key = np.array([5, 2 + 2**56], dtype=np.uint64)
    assert (words(5, 2, 8, stream=1) == np.random.Philox(key=key).random_raw(8)).all()


def test_an_unknown_law_is_refused():
    with pytest.raises(KeyError):
        sequence(0, 0, 1, "cauchy")
    with pytest.raises(KeyError):
        pair(0, 0, 1, "cauchy")


@pytest.mark.parametrize("law", LAWS)
def test_the_outermost_words_give_finite_draws_of_opposite_sign(law):
    least, most = LAWS[law](np.array([0, 2**64 - 1], dtype=np.uint64))
    assert -np.inf < least == -most < 0
