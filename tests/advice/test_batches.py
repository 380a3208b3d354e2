"""Advice on batches of prompts: held against descent on the prompts themselves."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lt2f.advice import batch_size, chances, noises
from lt2f.advice.answer import AdviceError, advise
from lt2f.advice.question import ask
from lt2f.dynamics.codes import Regime
from lt2f.training.prompts import Prompt, pool, read_prompts

GAUSSIAN = "dimension=4,context=16,pool_size=12,label_noise=0.3"
START = (0.7, 0.5)
FEW = 8


def one(c, y):
    """A prompt in one dimension whose factor is c."""
    return Prompt([[1.0]], [c], [1.0], y)


def pairs(prompts):
    """Factor c and target y of each prompt, summed term by term."""
    cs = [sum(p.query @ x * t for x, t in zip(p.context, p.labels, strict=True)) for p in prompts]
    return np.array(cs) / [p.labels.size for p in prompts], np.array([p.target for p in prompts])


def agreeing(s):
    """Two prompts with the same minimum, u w = 1, and c^2 = 1 -+ s."""
    return [one(c, c) for c in (math.sqrt(1 - s), math.sqrt(1 + s))]


def descent(eta, prompts, size, start, lanes, steps, seed=5):
    """Steps at which runs of descent on random batches leave; NaN for those that do not."""
    c, y = pairs(prompts)
    rng = np.random.default_rng(seed)
    u, w = (np.full(lanes, x) for x in start)
    left = np.full(lanes, np.nan)
    with np.errstate(all="ignore"):
        for step in range(steps):
            k = rng.integers(0, c.size, (size, lanes))
            rest = ((c[k] * u * w - y[k]) * c[k]).mean(axis=0)
            u, w = u - eta * rest * w, w - eta * rest * u
            # a^2 + b^2 > 1e6 in units of the map, where every batch leads further out.
            out = ~(eta * np.mean(c * c) * (u * u + w * w) < 1e6) & np.isnan(left)
            left[out] = step + 1
    return left


def share(found, name):
    return next(chance for chance in found.under_noise.chances if chance.outcome == name)


def test_the_whole_pool_is_the_model_of_its_moments():
    prompts = pool(3, 12, 4, 16, 0.3)
    c, y = pairs(prompts)
    factor = math.sqrt(np.mean(c * c))
    whole = advise(0.4, pool=prompts, batch_size=12, replacement=False, start=START)
    plain = advise(0.4, factor=factor, target=np.mean(c * y) / factor, start=START)
    assert whole.under_noise is None
    assert "no noise" in " ".join(str(whole).split())
    assert whole.mu == pytest.approx(plain.mu, rel=1e-13)
    assert whole.outcome.regime == plain.outcome.regime
    assert whole.limits.bounded == pytest.approx(plain.limits.bounded, rel=1e-12)
    assert whole.outcome.imbalance == pytest.approx(plain.outcome.imbalance, rel=1e-8)


@pytest.mark.parametrize("s", [0.2, 0.6])
@pytest.mark.parametrize("size", [1, 4])
def test_edges_of_two_prompts_that_agree_have_closed_forms(s, size):
    found = advise(0.3, pool=agreeing(s), batch_size=size, realizations=1).under_noise
    # h = 1 -+ s: Var h of a batch is s^2/size, and for single prompts E log|1 - h S| = 0 where
    # |(1 - S)^2 - s^2 S^2| = 1. Rates are those at which 2 mu is that sharpness, and E c y = 1.
    assert found.mean_square == pytest.approx(1 / (1 + s * s / size), rel=1e-12)
    if size == 1:
        assert found.almost_surely == pytest.approx(1 / (1 - s * s), rel=1e-10)
    assert found.batches.almost_surely_error == 0.0
    assert found.batches.wander < 1e-7  # the root of rounding
    assert found.escape == "impossible"


@pytest.mark.parametrize("power", [-3, 5])
def test_chances_are_invariant_where_the_map_is(power):
    # c and y times 2^p, eta over 4^p: a power of two changes no bit of a or b.
    scale, prompts = 2.0**power, pool(3, 12, 4, 16, 0.3)
    scaled = [replace(p, query=p.query * scale, target=p.target * scale) for p in prompts]
    asked = {"batch_size": 3, "start": START, "realizations": FEW, "seed": 9}
    one, other = (
        advise(0.9 / factor**2, pool=some, **asked).under_noise
        for factor, some in ((1.0, prompts), (scale, scaled))
    )
    assert other.chances == one.chances
    assert other.escape_time == one.escape_time
    assert other.batches.smallest == one.batches.smallest
    for name in ("mean_square", "almost_surely"):
        assert getattr(other, name) * scale**2 == pytest.approx(getattr(one, name), rel=1e-12)


def test_chances_and_escape_times_are_those_of_descent():
    prompts, eta, size = pool(0, 12, 4, 16, 0.3), 0.7, 4
    found = advise(eta, pool=GAUSSIAN, batch_size=size, start=START, realizations=400)
    seen, steps = share(found, "diverges"), found.under_noise.tried_steps
    left = descent(eta, prompts, size, START, 2000, steps)
    lost = np.isfinite(left).mean()
    assert 0.05 < lost < 0.95  # else this shows little
    # Four standard errors of the difference of two independent shares.
    error = math.sqrt(lost * (1 - lost) * (1 / 400 + 1 / 2000))
    assert abs(seen.share - lost) < 4 * error
    time = found.under_noise.escape_time
    late = left[~(left <= time.burn_in)]
    at_risk = np.where(np.isnan(late), steps, late) - time.burn_in
    mean = at_risk.sum() / np.isfinite(late).sum()
    # The interval is 1.96 standard errors wide to each side in log; another 2 for both samples.
    width = 2 * math.log(time.high / time.low)
    assert abs(math.log(mean / time.mean)) < width


def test_the_product_wanders_as_that_of_descent():
    # Targets that disagree by 2 %, so that the next order is 2 % of this one or so.
    prompts, eta, mu = [one(1.0, 0.98), one(1.0, 1.02)], 0.6, 0.6
    found = advise(eta, pool=prompts, batch_size=1, realizations=1).under_noise.batches
    rng, lanes = np.random.default_rng(2), 20_000
    u = w = np.full(lanes, 1.0)
    for _ in range(60):  # (1 - 2 mu)^60 is nothing
        rest = u * w - rng.choice([0.98, 1.02], lanes)
        u, w = u - eta * rest * w, w - eta * rest * u
    assert found.wander == pytest.approx(np.std(u * w) / (mu / eta), rel=0.05)


def test_the_full_batch_alone_keeps_what_single_prompts_lose():
    # mu = 1.2 is a stable two-cycle; h = 1.9 makes it 2.28, where balanced orbits diverge.
    asked = {"pool": agreeing(0.9), "replacement": False, "start": (0.8, 0.8), "realizations": 32}
    found = advise(1.2, batch_size=1, **asked).under_noise
    assert found.escape == "possible"
    assert found.batches.smallest == batch_size.Smallest(2, 1, 0.0, 1, (), 0, decided=True)
    # At mu = 2.4 the full batch diverges too.
    none = advise(2.4, batch_size=1, **asked).under_noise.batches.smallest
    assert (none.size, none.failed) == (None, 0)


@pytest.mark.parametrize(
    ("asked", "losing", "size", "below", "decided"),
    [
        (8, {1, 2, 3}, 4, 3, True),
        (8, set(), 1, None, True),
        (3, {1, 2, 3, 4, 5, 6, 7, 8, 9}, 10, 9, True),
        (5, {1, 2, 3, 8}, 4, 3, False),  # a larger batch loses runs again
        (5, {1, 2, 3, 16}, 4, 3, False),
        (5, set(range(2000)), None, None, True),
        (5, set(range(32)), 32, 31, True),
    ],
)
def test_the_search_finds_the_first_size_that_keeps(
    asked, losing, size, below, decided, monkeypatch
):
    monkeypatch.setattr(chances, "lost", lambda q, n, runs: 0 if n in losing else None)
    question = ask(0.1, pool=pool(0, 64, 2, 8), batch_size=asked)
    monkeypatch.setattr(chances, "followed", lambda q, noise: (Regime.MONOTONE, 1))
    found = batch_size.smallest(question, keeps=asked not in losing)
    assert (found.size, found.below, found.decided) == (size, below, decided)


@pytest.mark.parametrize("size", [1, 7, 200, 256, 1000, 1024, 3000, 4096])
def test_large_batches_have_fewer_runs(size):
    """A step of all runs draws no more than so many prompts, be it of the size asked for or not."""
    runs = noises.realizations(None, size)
    assert runs * size <= noises.MOST_DRAWN
    assert noises.realizations(300, size) == 300
    question = ask(0.1, pool=pool(0, 64, 2, 8), batch_size=size)
    assert question.realizations == runs
    for other in (1, 64, 2 * size):
        assert 0 < batch_size._runs(question, other) * other <= noises.MOST_DRAWN


def test_a_sharpness_replaces_that_of_the_pool():
    c, y = pairs(pool(0, 12, 4, 16, 0.3))
    own = advise(0.2, pool=GAUSSIAN, batch_size=2, realizations=FEW)
    same = advise(
        0.2, sharpness=2 * abs(np.mean(c * y)), pool=GAUSSIAN, batch_size=2, realizations=FEW
    )
    assert same.mu == pytest.approx(own.mu, rel=1e-13)
    assert same.under_noise.mean_square == pytest.approx(own.under_noise.mean_square, rel=1e-12)


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_a_pool_in_a_file_is_the_pool(ending, tmp_path):
    import json

    prompts, path = pool(3, 5, 2, 4), tmp_path / f"pool.{ending}"
    parts = [{n: getattr(p, n) for n in ("context", "labels", "query", "target")} for p in prompts]
    if ending == "npz":
        np.savez(path, **{name: np.array([part[name] for part in parts]) for name in parts[0]})
    else:
        path.write_text(
            json.dumps([{n: np.asarray(x).tolist() for n, x in part.items()} for part in parts])
        )
    for read, was in zip(read_prompts(path), prompts, strict=True):
        assert (read.context == was.context).all()
        assert (read.labels == was.labels).all()
        assert (read.query == was.query).all()
        assert read.target == was.target
    asked = {"batch_size": 2, "realizations": FEW}
    from_file, given = advise(0.1, pool=path, **asked), advise(0.1, pool=prompts, **asked)
    assert from_file.under_noise == given.under_noise
    assert "pool." in str(from_file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no prompts"),
        ("[]", "must hold a list of one prompt or more"),
        ("{}", "must hold a list"),
        ("[1]", "prompt 0: it must hold context"),
        ('[{"context": [[1]], "labels": [1], "query": [1], "target": NaN}]', "finite numbers"),
        ('[{"context": [[1]], "labels": [1, 2], "query": [1], "target": 1}]', "shape (1,), not"),
        ('[{"context": [[1]], "labels": [1], "query": [1], "target": 0}]', "zero but for rounding"),
        ('[{"context": [[1]], "labels": [1e300], "query": [1e9], "target": 1}]', "range of"),
    ],
)
def test_a_bad_pool_file_is_one_line(text, words, tmp_path):
    path = tmp_path / "pool.json"
    path.write_text(text)
    with pytest.raises(AdviceError) as caught:
        advise(0.1, pool=path, batch_size=1)
    assert str(caught.value).startswith("pool")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
