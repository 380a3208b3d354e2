"""Tangent vectors against complex steps through the model's own gradient, and determinants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt2f.training.prompts import gaussian_prompt
from lt2f.training.stability import watch
from lt2f.training.transformer import Model, Parameters, outputs, readers, train

unhurried = settings(deadline=None, max_examples=30)
EVERY = pytest.mark.parametrize("model", Model)


def drawn(model, prompt, seed, scale):
    generator = np.random.default_rng(seed)
    shapes = [reader.shape for reader in readers(model, prompt)]
    return Parameters(*(scale * generator.normal(size=shape) for shape in shapes))


def gentle(model, prompt, parameters):
    """A step size at which the first step neither explodes nor hardly moves."""
    kernel = train(model, prompt, parameters, 0.0, 0).tangent_kernel[0]
    return 0.7 / max(kernel, abs(prompt.target), 0.1)


def complex_step(model, prompt, parameters, vector, eta, steps):
    """Derivative of `steps` steps along a vector, to rounding: Im f(x + i h v)/h."""
    by = readers(model, prompt)
    now = [part + 1e-30j * v for part, v in zip(parameters, vector, strict=True)]
    for _ in range(steps):
        prediction, slopes = outputs(by, Parameters(*now))
        amount = eta * (prediction - prompt.target)
        now = [part - amount * slope for part, slope in zip(now, slopes, strict=True)]
    return [part.imag / 1e-30 for part in now]


def length(vector):
    return np.sqrt(sum(np.sum(part**2) for part in vector))


@EVERY
@unhurried
@given(st.integers(0, 999), st.sampled_from([1, 3, 8]), st.sampled_from([1, 5, 32]))
def test_the_first_vector_grows_as_a_complex_step_says(model, seed, d, n):
    prompt = gaussian_prompt(seed, 0, d, n, 0.3)
    parameters, steps = drawn(model, prompt, seed, 0.5), 6
    eta = gentle(model, prompt, parameters)
    value = outputs(readers(model, prompt), parameters)[1].value
    vector = Parameters(value / np.linalg.norm(value), np.zeros_like(parameters.key_query))
    known = np.log(length(complex_step(model, prompt, parameters, vector, eta, steps)))
    seen = watch(model, prompt, parameters, eta, steps).growth[:, 0].sum()
    # a vector that turns and shrinks loses digits to cancellation
    assert seen == pytest.approx(known, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("model", [Model.SCALAR, Model.MATRIX])
@unhurried
@given(st.integers(0, 999), st.sampled_from([2, 8]))
def test_areas_grow_by_the_determinant(model, seed, d):
    """det = 1 - S - 3 e^2 - 2 mu e, S = a^2 + b^2, where W lies along the moving direction."""
    prompt = gaussian_prompt(seed, 0, d, 16)
    by = readers(model, prompt)
    moving = outputs(by, Parameters(np.ones(()), np.zeros(by[1].shape)))[1].key_query
    parameters = Parameters(np.array(0.6), 0.4 * moving)
    eta, steps = gentle(model, prompt, parameters), 8
    watched = watch(model, prompt, parameters, eta, steps)
    c = np.sqrt(float(np.sum(moving**2)))  # the derivative of c u w by u and w
    e = eta * c * (watched.run.predictions - prompt.target)[:-1]
    mu = eta * c * prompt.target
    det = 1 - eta * watched.run.tangent_kernel[:-1] - 3 * e**2 - 2 * mu * e
    off = np.abs(watched.growth.sum(axis=1) - np.log(np.abs(det)))
    assert (off * np.minimum(np.abs(det), 1.0) < 1e-11).all()  # log loses digits near det = 0


@EVERY
def test_watching_does_not_change_the_run(model):
    prompt = gaussian_prompt(3, 1, 4, 9, 0.1)
    parameters = drawn(model, prompt, 5, 0.3)
    eta = np.array([0.01, 0.05, 30.0])  # the last one escapes
    plain = train(model, prompt, parameters, eta, 60)
    watched = watch(model, prompt, parameters, eta, 60, keep=7)
    assert np.array_equal(plain.predictions, watched.run.predictions, equal_nan=True)
    assert np.array_equal(plain.tangent_kernel, watched.run.tangent_kernel, equal_nan=True)
    assert watched.growth.shape == (60, 2, 3)
    for all_of_them, last in zip(plain.parameters, watched.run.parameters, strict=True):
        assert np.array_equal(all_of_them[-8:], last, equal_nan=True)


@pytest.mark.parametrize("model", [Model.SCALAR, Model.MATRIX])
def test_what_does_not_move_has_no_exponent(model):
    """At a minimum of a strongly contracting run both exponents are 0 and log|1 - S|."""
    prompt = gaussian_prompt(3, 1, 4, 9, 0.1)
    start = Parameters(*(0.1 * part for part in drawn(model, prompt, 2, 1.0)))
    kernel = train(model, prompt, start, 0.02, 4000).tangent_kernel[-1]
    eta = 0.02 * 0.8 / (0.02 * kernel)
    run = watch(model, prompt, start, eta, 3000)
    sharpness = eta * run.run.tangent_kernel[-1]
    assert np.abs(run.run.predictions[-1] - prompt.target) < 1e-12
    assert run.growth[-500:].mean(axis=0) == pytest.approx(
        [0.0, np.log(abs(1 - sharpness))], abs=1e-9
    )


def test_more_cannot_be_kept_than_is_run():
    prompt = gaussian_prompt(0, 0, 2, 3)
    with pytest.raises(ValueError, match="of 3 steps the last 4 cannot be kept"):
        watch(Model.SCALAR, prompt, drawn(Model.SCALAR, prompt, 0, 1.0), 0.1, 3, keep=4)
