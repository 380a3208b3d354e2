import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lt2f.training.batches import words
from lt2f.training.prompts import Prompt, gaussian_prompt, pool, read_prompt, write_prompt

unhurried = settings(deadline=None)  # a busy machine is no error
SEEDS = st.integers(0, 2**64 - 1)
SIZES = st.integers(1, 12)


def same(one, other):
    parts = ("context", "labels", "query", "target")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in parts)


@unhurried
@given(SEEDS, st.integers(0, 2**64 - 1), SIZES, SIZES, SIZES)
def test_a_longer_context_begins_with_the_shorter(seed, index, dimension, short, more):
    long = gaussian_prompt(seed, index, dimension, short + more, 0.5)
    here = gaussian_prompt(seed, index, dimension, short, 0.5)
    assert (long.context[:short] == here.context).all()
    assert (long.query == here.query).all()
    assert long.target == here.target
    # Labels are products of rows: how many rows go into one call may change their rounding.
    assert np.allclose(long.labels[:short], here.labels, rtol=0, atol=1e-14 * dimension)


@unhurried
@given(SEEDS, SIZES, SIZES)
def test_a_larger_pool_begins_with_the_smaller(seed, small, more):
    large = pool(seed, small + more, 3, 4)
    assert all(same(one, other) for one, other in zip(large, pool(seed, small, 3, 4), strict=False))
    assert all(same(large[k], gaussian_prompt(seed, k, 3, 4)) for k in range(len(large)))
    assert len({prompt.target for prompt in large}) == len(large)


def test_prompts_do_not_share_the_words_of_mini_batches():
    from scipy.special import ndtr

    prompt = gaussian_prompt(5, 7, 4, 50)
    drawn = set((ndtr(prompt.context.ravel()) * 2**20).astype(int).tolist())
    noise = set((words(5, 7, 4096) >> np.uint64(44)).astype(int).tolist())
    # By chance some 200 * 4096 / 2^20 = 0.8 of them fall together; shared words would all.
    assert len(drawn & noise) < 10


@unhurried
@given(SEEDS, SIZES, SIZES)
def test_labels_without_noise_belong_to_one_task(seed, dimension, more):
    prompt = gaussian_prompt(seed, 0, dimension, dimension + more)
    task, _, rank, sizes = np.linalg.lstsq(prompt.context, prompt.labels)
    if rank == dimension and sizes[0] < 1e3 * sizes[-1]:
        assert prompt.query @ task == pytest.approx(prompt.target, rel=1e-9, abs=1e-9)


def test_the_laws_are_the_ones_that_are_told():
    """Fixed seeds: a right law fails one of these tests in 1e-3 by chance."""
    dimension, noise = 3, 0.7
    many = pool(11, 3000, dimension, 2, noise)
    clean = pool(11, 3000, dimension, 2)
    samples = {
        "context": np.concatenate([prompt.context.ravel() for prompt in many]),
        "query": np.concatenate([prompt.query for prompt in many]),
        "noise": np.concatenate(
            [one.labels - other.labels for one, other in zip(many, clean, strict=True)]
        )
        / noise,
        # w.x with x fixed is normal with variance |x|^2/d.
        "target": np.array([p.target * np.sqrt(dimension) / np.linalg.norm(p.query) for p in many]),
    }
    for name, sample in samples.items():
        assert stats.kstest(sample, stats.norm().cdf).pvalue > 1e-3 / len(samples), name


def test_tokens_are_the_columns_of_the_literature():
    prompt = Prompt([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [7.0, 8.0, 9.0], [10.0, 11.0], 12.0)
    assert prompt.tokens.tolist() == [[1, 3, 5, 10], [2, 4, 6, 11], [7, 8, 9, 0]]


def test_a_prompt_does_not_change():
    context = np.ones((2, 1))
    prompt = Prompt(context, np.ones(2), np.ones(1), 1.0)
    context[0] = 5.0
    assert prompt.context[0] == 1.0
    with pytest.raises(FrozenInstanceError):
        prompt.target = 2.0
    for part in (prompt.context, prompt.labels, prompt.query, prompt.tokens):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 0.0


@pytest.mark.parametrize("name", ["prompt.json", "prompt.npz"])
@unhurried
@given(seed=SEEDS, dimension=SIZES, context=SIZES)
def test_files_keep_every_bit(tmp_path_factory, name, seed, dimension, context):
    path = tmp_path_factory.mktemp("prompts") / name
    prompt = gaussian_prompt(seed, 1, dimension, context, 0.1)
    write_prompt(prompt, path)
    assert same(read_prompt(path), prompt)


GOOD = {"context": [[1.0, 2.0]], "labels": [3.0], "query": [4.0, 5.0], "target": 6.0}
BAD = {
    "context must have shape": {"context": [1.0, 2.0]},
    "context must have": {"context": []},
    "labels must have shape": {"labels": [3.0, 4.0]},
    "query must have shape": {"query": [4.0]},
    "finite": {"target": float("nan")},
    "float": {"target": [1.0, 2.0]},
    "must be arrays of numbers": {"context": [[1.0, 2.0], [3.0]]},
    "labels and query must be arrays": {"labels": ["three"]},
    "must hold context, labels, query, target": {"answer": 42},
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_prompt_is_refused_in_one_line(tmp_path, message):
    path = tmp_path / "prompt.json"
    path.write_text(json.dumps(GOOD))
    assert read_prompt(path).target == 6.0
    path.write_text(json.dumps(GOOD | BAD[message]))
    with pytest.raises(ValueError, match=message) as caught:
        read_prompt(path)
    assert str(caught.value).startswith(f"{path}: no prompt: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"\xff\xfe", b"{", b"3", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["prompt.json", "prompt.npz"])
def test_other_files_are_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no prompt"):
        read_prompt(path)


def test_nothing_pickled_is_loaded(tmp_path):
    path = tmp_path / "prompt.npz"
    np.savez(path, **{name: np.array(part, dtype=object) for name, part in GOOD.items()})
    with pytest.raises(ValueError, match="no prompt"):
        read_prompt(path)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_prompt(tmp_path / "prompt.json")
