"""Exponents of boundaries whose exponent is known, and how often their error bars hold it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.dynamics import jackknife, sensitivity
from lt2f.dynamics.sensitivity import uncertain_fractions, uncertainty_exponent


def gaps(x, ratio: float, depth: int = 18):
    """Number the gap of a Cantor set in which each x lies: what is outside is -1 or -2.

    Of an interval the outer parts of `ratio` each are kept, again and again. A gap has the number
    of its interval among those of all depths; what is in none by `depth` has that of its interval.
    """
    place, number = x.astype(float).copy(), np.ones(x.size, dtype=np.int64)
    found = np.where(x < 0, -1, np.where(x > 1, -2, 0))
    for _ in range(depth):
        left, right = place <= ratio, place >= 1 - ratio
        here = (found == 0) & ~left & ~right
        found[here] = 2 * number[here]
        number = 2 * number + right
        place = np.where(right, place - (1 - ratio), place) / ratio
    return np.where(found == 0, 2 * number + 1, found)


def cantor_fraction(eps: float, ratio: float) -> float:
    """Measure of the x in [0, 1] with a point of the set in (x, x + eps]: gap by gap, exactly.

    There are 2^j gaps of (1 - 2 ratio) ratio^j, and the set itself has measure 0.
    """
    sizes = (1 - 2 * ratio) * ratio ** np.arange(60)
    return float((2.0 ** np.arange(60) * np.minimum(eps, sizes)).sum())


def cantor(ratio: float, powers, count: int, seed: int):
    x = np.random.default_rng(seed).random(count)
    eps = np.array([0.0, *(ratio**k for k in powers)])
    labels = gaps((x[:, np.newaxis] + eps).ravel(), ratio).reshape(count, -1)
    return uncertain_fractions(labels, eps)


@pytest.mark.parametrize(("ratio", "powers"), [(1 / 3, range(5, 13)), (1 / 5, range(4, 9))])
def test_a_cantor_set_has_its_exponent(ratio, powers):
    fractions = cantor(ratio, powers, 200_000, seed=1)
    exact = np.array([cantor_fraction(eps, ratio) for eps in fractions.epsilon])
    assert (np.abs(fractions.fraction - exact) < 4 * fractions.error).all()
    found = uncertainty_exponent(fractions, within=(0, 1))
    assert found.error < 0.01
    # f = C eps^alpha - c eps: at ratio^4 the second is at most 2^-5 of the first, and at the end of
    # the fit nothing, which tilts a slope over four powers of 1/5 or more by less than 0.01
    alpha = 1 - np.log(2) / np.log(1 / ratio)
    assert abs(found.value - alpha) < 3 * found.error + 0.01


def test_a_smooth_boundary_has_exponent_one():
    n = 400
    a, b = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n), indexing="ij")
    eps = np.array([0.0, 0.005, 0.01, 0.02, 0.04])
    labels = (a[..., np.newaxis] * 0.618 + b[..., np.newaxis] + eps > 0.83).astype(np.uint8)
    fractions = uncertain_fractions(labels, eps)
    # a strip along the line, which crosses all of a: eps wide, at a resolution of 1/n
    np.testing.assert_allclose(fractions.fraction, eps[1:], atol=1.0 / n)
    found = uncertainty_exponent(fractions, within=(0, 1))
    assert abs(found.value - 1) < 3 * found.error + 0.02
    assert found.error < 0.1
    assert found.amplitude == pytest.approx(1, rel=0.1)


def test_where_all_is_mixed_precision_helps_not_at_all():
    labels = np.random.default_rng(2).integers(0, 2, (100, 100, 6))
    fractions = uncertain_fractions(labels, [0.0, *10.0 ** np.arange(-5, 0)])
    assert (np.abs(fractions.fraction - 0.5) < 4.5 * fractions.error).all()
    found = uncertainty_exponent(fractions, within=(1e-5, 0.1))
    assert abs(found.value) < 4 * found.error
    with pytest.raises(ValueError, match="a slope needs two points, 0 "):
        uncertainty_exponent(fractions)  # all are saturated


def test_error_bars_hold_the_truth_as_often_as_they_say():
    powers = range(6, 11)
    exact = np.array([cantor_fraction(3.0**-k, 1 / 3) for k in reversed(powers)])
    covered, fitted = [], []
    for seed in range(200):
        x = np.random.default_rng(seed).random(6400)
        eps = np.array([0.0, *(3.0**-k for k in powers)])
        labels = gaps((x[:, np.newaxis] + eps).ravel(), 1 / 3).reshape(x.size, -1)
        fractions = uncertain_fractions(labels, eps)
        covered.append(np.abs(fractions.fraction - exact) < 2.01 * fractions.error)
        found = uncertainty_exponent(fractions, within=(0, 1))
        # what the same weights make of the exact fractions
        x, y = np.log(fractions.epsilon), np.log(exact)
        weight = (fractions.error / fractions.fraction) ** -2
        x = x - weight @ x / weight.sum()
        fitted.append(abs(found.value - weight * x @ y / (weight * x @ x)) < 2.01 * found.error)
    # 48 degrees of freedom: 95 % lie within 2.01; of 200 trials 190 +- 3
    assert 178 <= np.sum(fitted) <= 199
    assert ((np.sum(covered, axis=0) >= 178) & (np.sum(covered, axis=0) <= 199)).all()


def test_starts_that_change_together_make_larger_errors():
    # Each of 400 draws stands for 16 neighbouring starts, so they are 400 and not 6400.
    rng, ratio = np.random.default_rng(5), []
    for _ in range(40):
        few = rng.random(400) < 0.2
        labels = np.stack([np.zeros(6400), few.repeat(16)], axis=1).astype(int)
        ratio.append(uncertain_fractions(labels, [0, 1]).error[0] / np.sqrt(0.16 / 400))
    # 32 groups of two blocks each: a standard deviation of 1/sqrt(64) in each trial
    assert np.mean(ratio) == pytest.approx(1, abs=0.08)


@given(
    sums=st.lists(st.integers(0, 50), min_size=8, max_size=8),
    size=st.integers(50, 90),
)
def test_for_a_mean_it_is_the_error_of_a_stratified_sample(sums, size):
    values = np.array(sums, dtype=float)[:, np.newaxis]
    groups = np.repeat([0, 1], 4)
    blocks = jackknife.Blocks(values, np.full((8, 1), float(size)), groups)
    mean, error = jackknife.jackknife(blocks, jackknife.share)
    spread = [4 * np.var(values[groups == g] / size, ddof=1) for g in (0, 1)]
    assert mean[0] == pytest.approx(np.sum(sums) / (8 * size))
    assert error[0] == pytest.approx(np.sqrt(sum(spread)) / 8, abs=1e-12)


@given(shape=st.lists(st.integers(1, 40), min_size=1, max_size=3).filter(lambda s: max(s) > 1))
def test_every_start_is_in_one_block_and_no_block_is_alone(shape):
    both = np.ones((*shape, 2), dtype=bool)
    blocks = sensitivity._blocks(both, both)
    assert blocks.sizes.min() >= 1
    np.testing.assert_array_equal(blocks.sizes.sum(axis=0), np.prod(shape))
    np.testing.assert_array_equal(blocks.sums, blocks.sizes)
    assert np.bincount(blocks.groups).min() >= 2


def test_perturbations_are_told_by_their_size():
    labels = np.array([[1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 1]])
    found = uncertain_fractions(labels, [-2.0, 0.0, 1.0, 3.0])
    assert found.epsilon.tolist() == [1, 2, 3]
    assert found.fraction.tolist() == [0, 0.5, 0.5]
    assert uncertainty_exponent(found, within=(2, 3)).fitted.tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("shape", "by", "line"),
    [
        ((8, 3), [0.0, 1.0], "do not end with 2 perturbations"),
        ((8, 2), [0.5, 1.0], "perturbations need 0"),
        ((8, 1), [0.0], "perturbations need 0"),
        ((1, 1, 2), [0.0, 1.0], "too small for blocks"),
    ],
)
def test_what_cannot_be_counted_is_refused(shape, by, line):
    with pytest.raises(ValueError, match=line):
        uncertain_fractions(np.zeros(shape, dtype=int), by)


# A label that is left out


def test_what_has_no_label_is_counted_neither_above_nor_below():
    labels = np.array([[1, 1, 2, 0], [1, 2, 2, 0], [0, 1, 2, 0], [2, 0, 1, 1]])
    found = uncertain_fractions(labels, [0.0, 1.0, 2.0, 3.0], absent=0)
    assert found.starts.tolist() == [2, 3, 1]  # of the first, of those with 1 or 2 both times
    assert found.fraction.tolist() == [0.5, 1.0, 1.0]
    everyone = uncertain_fractions(labels, [0.0, 1.0, 2.0, 3.0])
    assert everyone.starts.tolist() == [4, 4, 4]
    assert everyone.fraction.tolist() == [0.75, 1.0, 0.75]


def test_where_nobody_has_a_label_nothing_is_known():
    found = uncertain_fractions(np.zeros((40, 3), dtype=int), [0.0, 1.0, 2.0], absent=0)
    assert np.isnan(found.fraction).all()
    assert found.starts.tolist() == [0, 0]
    with pytest.raises(ValueError, match="a slope needs two points, 0 "):
        uncertainty_exponent(found, within=(0, 3))


def test_a_smooth_edge_does_not_tilt_the_exponent_of_what_it_encloses():
    """In strips that lie askew a Cantor set tells labels apart; between strips there is none.

    Twenty smooth edges, counted too, make the exponent steeper than the set's own.
    """
    powers, ratio = range(4, 10), 1 / 3
    rng = np.random.default_rng(8)
    x, y = rng.random((2, 300, 600))
    eps = np.array([0.0, *(ratio**k for k in powers)])
    moved = x[..., np.newaxis] + eps
    labels = 1 + gaps(moved.ravel(), ratio).reshape(moved.shape) % 5
    edge = (10 * (0.3 * y[..., np.newaxis] + moved)) % 1 < 0.6
    labels = np.where(edge, labels, 0)
    alpha = 1 - np.log(2) / np.log(3)
    without, within = (
        uncertainty_exponent(uncertain_fractions(labels, eps, absent), within=(0, 1))
        for absent in (0, None)
    )
    assert without.error < 0.02
    assert abs(without.value - alpha) < 3 * without.error + 0.03
    assert within.value > alpha + 3 * within.error + 0.03
