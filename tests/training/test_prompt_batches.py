from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lt2f.training import prompt_batches as room
from lt2f.training.prompt_batches import Batches, multipliers
from lt2f.training.prompts import Prompt, pool
from lt2f.training.transformer import Model, Parameters, predict

unhurried = settings(deadline=None)  # a busy machine is no error
SEEDS = st.integers(0, 2**64 - 1)


def batches(size, n=6, replacement=True, seed=3):
    return Batches(multipliers(pool(seed, n, 3, 5, 0.5)), size, replacement)


def every_batch(n, size, replacement):
    """All batches that are equally likely: sequences with replacement, or sets."""
    return list(product(range(n), repeat=size) if replacement else combinations(range(n), size))


CASES = [
    pytest.param(n, size, replacement, id=f"{size} of {n}, {'again' if replacement else 'once'}")
    for replacement in (True, False)
    for n in (4, 5, 6)
    for size in (1, 2, 3, 4)
]


def test_multipliers_are_those_of_the_definition():
    prompts = pool(3, 7, 4, 5, 0.2)
    h = [np.mean(p.labels[:, None] * p.context, axis=0) for p in prompts]
    c, y = (
        np.array([p.query @ x for p, x in zip(prompts, h, strict=True)]),
        [p.target for p in prompts],
    )
    found = multipliers(prompts)
    np.testing.assert_allclose(found[0], c**2 / np.mean(c**2), rtol=1e-12)
    np.testing.assert_allclose(found[1], c * y / np.mean(c * y), rtol=1e-12)
    np.testing.assert_allclose(found.mean(axis=1), 1, rtol=1e-14)


def test_steps_are_those_of_the_scalar_transformer():
    """Descent on the mean loss of the batches that were drawn, in token arrays."""
    n, size, steps, seed = 6, 2, 12, 5
    prompts = pool(seed, n, 3, 5, 0.5)
    draws = Batches(multipliers(prompts), size, replacement=True)
    c = np.array([p.query @ (p.labels @ p.context) / 5 for p in prompts])
    mean_cy = np.mean(c * [p.target for p in prompts])
    mu, scale = 0.05, np.sqrt(np.mean(c**2))
    eta = mu / abs(mean_cy)
    start = 0.4, -0.7 * np.sign(mean_cy)  # a b < 0
    now = Parameters(*(np.array(x / np.sqrt(eta) / scale) for x in start))
    a, b = start[0] * np.sign(mean_cy), start[1]
    sequence, chosen = draws.sequence(seed, 4, steps), draws.prompts(seed, 4, steps)
    for (h, g), batch in zip(sequence.T, chosen, strict=True):
        found = [predict(Model.SCALAR, prompts[k], now) for k in batch]
        gaps = [x - prompts[k].target for (x, _), k in zip(found, batch, strict=True)]
        slopes = [
            np.mean([e * s[i] for e, (_, s) in zip(gaps, found, strict=True)]) for i in (0, 1)
        ]
        now = Parameters(*(np.asarray(x - eta * s) for x, s in zip(now, slopes, strict=True)))
        r = h * a * b - mu * g
        a, b = a - r * b, b - r * a
        unit = np.sqrt(eta) * scale
        # A dozen steps of order one, each rounded a few dozen times.
        assert abs(now.value * unit * np.sign(mean_cy) - a) < 1e-12
        assert abs(now.key_query * unit - b) < 1e-12
    assert abs(a * b - start[0] * start[1]) > 0.1  # it did move


@pytest.mark.parametrize(("n", "size", "replacement"), CASES)
def test_moments_and_law_are_those_of_all_batches(n, size, replacement):
    draws = batches(size, n, replacement)
    each = [
        draws.multipliers[:, list(chosen)].mean(axis=1)
        for chosen in every_batch(n, size, replacement)
    ]
    expected = np.cov(np.array(each).T, bias=True)
    np.testing.assert_allclose(draws.covariance(), expected, rtol=1e-12, atol=1e-14)
    values, weights, exact = draws.law(3)
    assert exact
    assert weights.sum() == pytest.approx(1, rel=1e-14)
    # A function that no two moments fix.
    mean = np.mean([np.cos(5 * h) * g**3 for h, g in each])
    assert weights @ (np.cos(5 * values[0]) * values[1] ** 3) == pytest.approx(mean, rel=1e-11)
    assert weights.size == comb(n + size - 1 if replacement else n, size) or draws.is_silent


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("size", [1, 3, 16, 60])
def test_draws_have_the_moments_of_the_law(size, replacement):
    draws, steps = batches(size, 64, replacement), 200_000
    x = draws.sequence(7, 2, steps) - 1
    expected = draws.covariance()
    for i, j in ((0, 0), (0, 1), (1, 1)):
        products = x[i] * x[j]
        # Five standard errors, of draws that are independent.
        assert abs(products.mean() - expected[i, j]) < 5 * products.std() / np.sqrt(steps)
    assert (abs(x.mean(axis=1)) < 5 * np.sqrt(np.diag(expected) / steps)).all()
    lagged = (x[:, 1:] * x[:, :-1]).mean(axis=1)
    assert (abs(lagged) < 5 * np.diag(expected) / np.sqrt(steps)).all()


@pytest.mark.parametrize(("n", "size", "replacement"), [(4, 2, True), (5, 3, False), (6, 5, False)])
def test_every_batch_is_equally_likely(n, size, replacement):
    chosen = batches(size, n, replacement).prompts(11, 1, 60_000)
    if not replacement:
        chosen = np.sort(chosen, axis=1)
    possible = every_batch(n, size, replacement)
    code = n ** np.arange(size)
    places = {int(np.array(b) @ code): k for k, b in enumerate(possible)}
    counts = np.bincount([places[int(x)] for x in chosen @ code], minlength=len(possible))
    # Fixed seeds: a right law fails one of three in 1e-3 by chance.
    assert stats.chisquare(counts).pvalue > 1e-3 / 3


@unhurried
@given(SEEDS, st.integers(0, 2**53), st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_a_larger_batch_contains_the_smaller(seed, realization, small, large, replacement):
    small, large = sorted((small, large))
    one, two = (
        batches(size, 6, replacement).prompts(seed, realization, 20) for size in (small, large)
    )
    assert (two[:, :small] == one).all()
    if not replacement:
        assert all(len(set(row)) == large for row in two.tolist())


@unhurried
@given(SEEDS, st.integers(1, 5), st.booleans(), st.integers(0, 40), st.integers(0, 40))
def test_a_longer_sequence_begins_with_the_shorter(seed, size, replacement, short, more):
    draws = batches(size, 6, replacement)
    long = draws.sequence(seed, 3, short + more)
    assert (long[:, :short] == draws.sequence(seed, 3, short)).all()


@pytest.mark.parametrize("replacement", [True, False])
def test_how_many_steps_fit_into_memory_does_not_matter(monkeypatch, replacement):
    draws = batches(4, 6, replacement)
    whole = draws.sequence(3, 1, 100)
    monkeypatch.setattr(room, "ROOM", 6 * 7)
    assert (draws.sequence(3, 1, 100) == whole).all()


def test_a_sequence_is_the_mean_over_its_prompts():
    draws = batches(3, 6, replacement=False)
    chosen = draws.prompts(3, 1, 50)
    expected = draws.multipliers[:, chosen].mean(axis=-1)
    np.testing.assert_allclose(draws.sequence(3, 1, 50), expected, rtol=1e-14)


def test_the_whole_pool_is_no_noise():
    for draws in (batches(6, 6, replacement=False), batches(1, 1), batches(5, 1)):
        assert draws.is_silent
        assert (draws.sequence(3, 0, 10) == 1).all()
        assert (draws.covariance() == 0).all()
        assert draws.law(3)[2]
    assert not batches(6, 6, replacement=True).is_silent


def test_a_law_of_many_batches_is_a_sample():
    draws = batches(16, 64, replacement=False)
    values, weights, exact = draws.law(3)
    assert not exact
    assert values.shape == (2, weights.size)
    x = values[0] - 1
    error = (x**2).std() / np.sqrt(x.size)
    assert abs((x**2).mean() - draws.covariance()[0, 0]) < 5 * error
    fewer, weights, exact = draws.law(3, draws=100)
    assert not exact
    assert (fewer == values[:, :100]).all()
    assert weights.sum() == pytest.approx(1.0, rel=1e-13)


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**32 - 1))
def test_indices_are_words_over_their_range(word, n):
    found = room._below(np.array([word], dtype=np.uint64), n)[0]
    assert found == Fraction(word * n, 2**64).__floor__()


def test_words_are_shared_with_no_other_noise():
    from lt2f.training.batches import words

    mine = {int(w) for k in range(4) for w in room._stream(5, 0, k).random_raw(4000)}
    assert len(mine) == 16000
    assert mine.isdisjoint(words(5, 0, 16000).tolist())


def prompt_of(target):
    """c = 1."""
    return Prompt([[1.0]], [1.0], [1.0], target)


def test_bad_pools_and_batches_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"mean of c y .* zero but for rounding$"):
        multipliers([prompt_of(1.0), prompt_of(-1.0)])
    with pytest.raises(ValueError, match="zero but for rounding"):
        multipliers([prompt_of(0.0)])
    with pytest.raises(ValueError, match="at least one prompt, not 0"):
        batches(0)
    with pytest.raises(ValueError, match="7 prompts cannot be drawn from 6"):
        batches(7, 6, replacement=False)
    assert batches(7, 6).size == 7
