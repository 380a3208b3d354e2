"""Advice on the full model, which may leave the map: held against its own training."""

import json
import math

import numpy as np
import pytest

from lt2f.advice.answer import AdviceError, advise
from lt2f.dynamics.codes import Regime
from lt2f.reduction import realize
from lt2f.training.prompts import gaussian_prompt
from lt2f.training.transformer import Model, train


@pytest.fixture(scope="module")
def prompt():
    return gaussian_prompt(seed=3, index=1, dimension=3, context=8)


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(6)
    return 0.5 * rng.normal(size=(4, 4)), 0.5 * rng.normal(size=(4, 4))


@pytest.mark.parametrize(("a", "b", "mu"), [(0.9, 0.3, 0.5), (1.5, 0.4, 0.8), (3.0, 2.0, 0.9)])
def test_from_one_eigenspace_training_is_the_map(prompt, a, b, mu):
    parameters, eta = realize(Model.FULL, prompt, a, b, mu)
    found = advise(eta, prompt=prompt, reduction="full", parameters=parameters)
    assert found.trained.departure == 0.0
    assert found.trained.regime == found.trained.map_regime == found.outcome.regime
    if found.trained.regime != Regime.DIVERGENT:
        # e is of order 1 and rounded some 64 times; near a minimum nothing grows.
        assert found.trained.apart < 1e-12
        assert found.trained.sharpness == pytest.approx(found.outcome.sharpness, rel=1e-9)
        assert found.trained.steps == found.outcome.steps
    assert "is exact here" in str(found)


def test_from_elsewhere_its_own_training_is_told(prompt, weights):
    found = advise(0.1, prompt=prompt, reduction="full", parameters=weights)
    told = found.trained
    assert told.departure > 0.01
    rates = np.array([0.1, told.converges, told.fails])
    run = train(Model.FULL, prompt, weights, rates, told.tried_steps)
    residuals = np.abs(run.predictions[-1] - prompt.target)
    assert told.regime in (Regime.MONOTONE, Regime.CATAPULT)
    assert (residuals[:2] < 1e-10).all()
    assert not residuals[2] < 1e-10
    assert told.sharpness == pytest.approx(run.tangent_kernel[-1, 0], rel=1e-9)
    losses = run.losses[:, 0]
    assert told.loss_peak_ratio == pytest.approx(losses.max() / losses[0], rel=1e-9)
    page = " ".join(str(found).split())
    assert "of the nearest two-factor block" in page
    assert "Recommended" not in page  # what is proved of the map is not of this training


def test_random_weights_of_twice_the_deviation_are_twice_as_large(prompt):
    one, other = (
        advise(0.1, prompt=prompt, reduction="full", initial_scale=scale).question.layer
        for scale in (0.25, 0.5)
    )
    assert other.mu == pytest.approx(one.mu, rel=1e-13)
    assert (other.a, other.b) == pytest.approx((2 * one.a, 2 * one.b), rel=1e-13)
    assert other.departure == pytest.approx(one.departure, rel=1e-12)


def test_random_weights_are_normal(prompt):
    value, key_query = advise(
        0.1, prompt=prompt, reduction="full", initial_scale=0.5, seed=4
    ).question.layer.parameters
    numbers = np.concatenate([value.ravel(), key_query.ravel()])
    assert numbers.size == 32
    # A sum of 32 squares over the variance has mean 32 and variance 64: four deviations.
    assert abs((numbers**2).sum() / 0.25 - 32) < 32


def test_random_weights_of_the_scalar_model_are_its_start(prompt):
    found = advise(0.1, prompt=prompt, initial_scale=0.7, seed=2)
    u, w = (float(part) for part in found.question.layer.parameters)
    plain = advise(0.1, prompt=prompt, start=(u, w))
    assert found.trained is None
    assert found.outcome.regime == plain.outcome.regime
    assert found.limits.bounded == pytest.approx(plain.limits.bounded, rel=1e-13)


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_weights_in_a_file_are_the_weights(prompt, weights, ending, tmp_path):
    path, parts = tmp_path / f"w.{ending}", dict(zip(("value", "key_query"), weights, strict=True))
    if ending == "npz":
        np.savez(path, **parts)
    else:
        path.write_text(json.dumps({name: part.tolist() for name, part in parts.items()}))
    asked = {"prompt": prompt, "reduction": "full"}
    from_file = advise(0.1, parameters=path, **asked)
    given = advise(0.1, parameters=weights, **asked)
    assert from_file.trained == given.trained


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no weights"),
        ("{}", "must hold value and key_query"),
        ('{"value": 1, "key_query": "x"}', "no weights"),
        ('{"value": 1, "key_query": NaN}', "should be finite numbers"),
        ('{"value": 1, "key_query": [[1, 2]]}', "parameters: "),
    ],
)
def test_a_bad_file_of_weights_is_one_line(prompt, text, words, tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(text)
    with pytest.raises(AdviceError) as caught:
        advise(0.1, prompt=prompt, parameters=path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_too_large_to_train_is_refused():
    wide = gaussian_prompt(0, 0, 200, 2)
    with pytest.raises(AdviceError, match="too many weights"):
        advise(0.001, prompt=wide, reduction="full", initial_scale=0.1)


def test_a_rate_far_beyond_all_diverges(prompt):
    found = advise(1e3, prompt=prompt, reduction="full", initial_scale=0.5)
    assert found.trained.regime == Regime.DIVERGENT
    assert math.isnan(found.trained.sharpness)
    json.dumps(found.as_dict(), allow_nan=False)
