from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lt2f.training.prompts import Prompt, gaussian_prompt
from lt2f.training.transformer import (
    Model,
    Parameters,
    attention,
    predict,
    readers,
    train,
)

unhurried = settings(deadline=None)  # a busy machine is no error
SIZES = st.integers(1, 6)
MODELS = pytest.mark.parametrize("model", Model)


def start(model, prompt, seed, *leading):
    """Draw parameters from the normal law."""
    generator = np.random.default_rng(seed)
    shapes = [leading + reader.shape for reader in readers(model, prompt)]
    return Parameters(*(generator.normal(size=shape) for shape in shapes))


def embed(model, prompt, parameters):
    """Matrices P and Q of the layer, as the models are defined."""
    d = prompt.query.size
    if model == Model.FULL:
        return parameters
    projection = np.zeros((d + 1, d + 1), dtype=np.result_type(parameters.value, 1.0))
    projection[d, d] = parameters.value
    key_query = np.zeros((d + 1, d + 1), dtype=np.result_type(parameters.key_query, 1.0))
    key_query[:d, :d] = parameters.key_query * (np.eye(d) if model == Model.SCALAR else 1.0)
    return Parameters(projection, key_query)


def definition(prompt, projection, key_query):
    """The layer's lower right entry, by its sums over tokens."""
    tokens = [*zip(*prompt.tokens.tolist(), strict=True)]
    query, size = tokens[-1], len(tokens[-1])
    total = 0
    for token in tokens[:-1]:
        value = sum(projection[size - 1, j] * token[j] for j in range(size))
        score = sum(query[i] * key_query[i, j] * token[j] for i in range(size) for j in range(size))
        total = total + value * score
    return total / (len(tokens) - 1)


def terms(prompt, model, parameters):
    """Largest sum of absolute values that a prediction or a derivative rounds."""
    bare = Prompt(abs(prompt.context), abs(prompt.labels), abs(prompt.query), 0.0)
    size, slopes = predict(model, bare, Parameters(*map(abs, parameters)))
    return max(size, *(np.max(slope) for slope in slopes))


def rounding(prompt):
    """Each term goes through at most N + 3d + 8 roundings."""
    return (prompt.labels.size + 3 * prompt.query.size + 8) * 2.0**-53


@MODELS
@unhurried
@given(seed=st.integers(0, 999), d=SIZES, n=SIZES)
def test_the_prediction_is_the_layers_last_entry(model, seed, d, n):
    prompt = gaussian_prompt(seed, 0, d, n, 0.3)
    parameters = start(model, prompt, seed)
    projection, key_query = embed(model, prompt, parameters)
    prediction, _ = predict(model, prompt, parameters)
    close = 2.0 * rounding(prompt) * terms(prompt, model, parameters)
    assert abs(prediction - attention(prompt.tokens, projection, key_query)[-1, -1]) <= close
    assert abs(prediction - definition(prompt, projection, key_query)) <= close


@unhurried
@given(seed=st.integers(0, 999), d=SIZES, n=SIZES)
def test_small_models_predict_by_the_mean_of_labels_times_inputs(seed, d, n):
    prompt = gaussian_prompt(seed, 0, d, n)
    h = sum(y * x for x, y in zip(prompt.context, prompt.labels, strict=True)) / n
    for model in (Model.SCALAR, Model.MATRIX):
        u, w = parameters = start(model, prompt, seed)
        expected = u * prompt.query @ (w * np.eye(d) if model == Model.SCALAR else w) @ h
        close = 2.0 * rounding(prompt) * terms(prompt, model, parameters)
        assert abs(predict(model, prompt, parameters)[0] - expected) <= close


@MODELS
@unhurried
@given(seed=st.integers(0, 999), d=SIZES, n=SIZES)
def test_derivatives_are_those_of_a_complex_step(model, seed, d, n):
    """Im f(x + ih)/h is f' up to h^2: with h = 1e-100 to rounding, through the whole layer."""
    prompt = gaussian_prompt(seed, 0, d, n)
    parameters = start(model, prompt, seed)
    _, slopes = predict(model, prompt, parameters)
    close = 2.0 * rounding(prompt) * terms(prompt, model, parameters)
    for which, slope in enumerate(slopes):
        assert slope.shape == parameters[which].shape
        for index in np.ndindex(slope.shape):
            moved = [part.astype(complex) for part in map(np.asarray, parameters)]
            moved[which][index] += 1e-100j
            tokens = attention(prompt.tokens, *embed(model, prompt, Parameters(*moved)))
            assert abs(tokens[-1, -1].imag / 1e-100 - slope[index]) <= close


class Dual:
    """A number and its derivative: forward-mode automatic differentiation in plain Python."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    @staticmethod
    def of(x):
        return x if isinstance(x, Dual) else Dual(x)

    def __add__(self, other):
        other = Dual.of(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = Dual.of(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __truediv__(self, number):
        return Dual(self.value / number, self.slope / number)

    __radd__, __rmul__ = __add__, __mul__


@MODELS
@pytest.mark.parametrize(("d", "n"), [(1, 1), (2, 5), (4, 3)])
def test_a_step_is_that_of_automatic_differentiation(model, d, n):
    """Of the loss by the definition's sums over tokens, which share no code with the model's."""
    prompt, eta = gaussian_prompt(7, d, d, n, 0.3), 0.125
    begin = start(model, prompt, 5)
    prediction, _ = predict(model, prompt, begin)
    final = train(model, prompt, begin, eta, 1).final
    residual = abs(prediction - prompt.target)
    close = 4.0 * rounding(prompt) * terms(prompt, model, begin) * (1.0 + residual)
    close *= 1.0 + terms(prompt, model, begin)  # of the residual, times a derivative
    for which, part in enumerate(begin):
        for index in np.ndindex(part.shape):
            dual = [np.vectorize(Dual, otypes=[object])(x) for x in embed(model, prompt, begin)]
            moved = [np.zeros_like(x, dtype=float) for x in begin]
            moved[which][index] = 1.0
            for numbers, slopes in zip(dual, embed(model, prompt, Parameters(*moved)), strict=True):
                for k in np.ndindex(numbers.shape):
                    numbers[k].slope = float(slopes[k])
            rest = definition(prompt, *dual) + -prompt.target
            loss = rest * rest / 2.0
            assert abs(final[which][index] - (part[index] - eta * loss.slope)) <= close


@MODELS
def test_derivatives_are_those_of_finite_differences(model):
    """The loss is a polynomial of degree 4 along a line: central differences err by h^2 f'''/6."""
    prompt = gaussian_prompt(3, 0, 4, 9, 0.2)
    parameters, way = start(model, prompt, 1), start(model, prompt, 2)

    def loss(t):
        moved = Parameters(*(p + t * w for p, w in zip(parameters, way, strict=True)))
        return (predict(model, prompt, moved)[0] - prompt.target) ** 2 / 2

    prediction, slopes = predict(model, prompt, parameters)
    residual = prediction - prompt.target
    slope = residual * sum(np.sum(s * w) for s, w in zip(slopes, way, strict=True))
    errors = [abs((loss(h) - loss(-h)) / (2 * h) - slope) for h in (0.08, 0.04, 0.02)]
    for wide, narrow in pairwise(errors):
        assert wide / narrow == pytest.approx(4.0, rel=1e-6)


@MODELS
def test_derivatives_are_those_of_computer_algebra(model):
    """One step in exact fractions, by symbolic derivatives of the definition's sums."""
    half, prompt = sp.Rational(1, 2), Prompt([[1.0, 2.0], [3.0, -1.0]], [2.0, 1.0], [1.0, 3.0], 5.0)
    own = [
        sp.symarray(name, reader.shape)
        for name, reader in zip("pq", readers(model, prompt), strict=True)
    ]
    if model == Model.FULL:
        matrices = own
    else:
        projection, key_query = np.zeros((2, 3, 3), dtype=object)
        projection[2, 2] = own[0][()]
        key_query[:2, :2] = own[1] if model == Model.MATRIX else own[1][()] * np.eye(2, dtype=int)
        matrices = projection, key_query
    loss = (definition(prompt, *matrices) - 5) ** 2 * half
    unknowns = [symbol for part in own for symbol in part.ravel()]
    at = {symbol: sp.Rational(k % 5 - 2, 4) for k, symbol in enumerate(unknowns)}
    exact = [float(at[s] - sp.nsimplify(sp.diff(loss, s).subs(at)) / 8) for s in unknowns]
    begin = Parameters(
        *(np.array([float(at[s]) for s in part.ravel()]).reshape(part.shape) for part in own)
    )
    final = train(model, prompt, begin, 0.125, 1).final
    assert np.concatenate([part.ravel() for part in final]) == pytest.approx(exact, abs=1e-14)


@MODELS
@unhurried
@given(seed=st.integers(0, 999), d=SIZES, n=SIZES)
def test_the_tangent_kernel_is_the_hessians_eigenvalue_at_a_minimum(model, seed, d, n):
    """At residual 0 the Hessian is the outer product of the prediction's gradient with itself."""
    prompt = gaussian_prompt(seed, 0, d, n)
    parameters = start(model, prompt, seed)
    prediction, slopes = predict(model, prompt, parameters)
    run = train(model, prompt, parameters, 1e-3, 0)
    gradient = np.concatenate([slope.ravel() for slope in slopes])
    assert run.predictions.tolist() == [prediction]
    assert run.tangent_kernel[0] == pytest.approx(gradient @ gradient, rel=1e-13)
    # (loss(t) + loss(-t))/t^2 -> the second derivative along the gradient, from residual 0.
    at_rest = Prompt(prompt.context, prompt.labels, prompt.query, float(prediction))
    t = 1e-3 / (1.0 + gradient @ gradient)
    sides = [
        train(
            model,
            at_rest,
            Parameters(*(p + s * t * g for p, g in zip(parameters, slopes, strict=True))),
            0.0,
            0,
        ).losses[0]
        for s in (1, -1)
    ]
    second = sum(sides) / t**2 / (gradient @ gradient)
    # Along this line the prediction is a parabola, gradient^2 t + k t^2.
    bend = predict(model, prompt, slopes)[0] * t
    assert second == pytest.approx(gradient @ gradient + bend**2 / (gradient @ gradient), rel=1e-6)


@MODELS
def test_many_starts_and_step_sizes_are_run_as_if_alone(model):
    prompt = gaussian_prompt(4, 1, 3, 8, 0.1)
    eta = np.array([0.01, 0.02])
    value, key_query = start(model, prompt, 6, 3, 1)
    together = train(model, prompt, Parameters(value, key_query), eta, 20, every=10)
    assert together.predictions.shape == (21, 3, 2)
    assert together.final.value.shape == (3, 2, *value.shape[2:])
    for i, j in np.ndindex(3, 2):
        alone = train(model, prompt, Parameters(value[i, 0], key_query[i, 0]), eta[j], 20)
        # Not to the bit: a product of arrays is summed in another order than one of vectors.
        assert together.predictions[:, i, j] == pytest.approx(alone.predictions, rel=1e-11)
        assert together.losses[:, i, j] == pytest.approx(alone.losses, rel=1e-9, abs=1e-24)
        for kept, each in zip(together.parameters, alone.parameters, strict=True):
            assert kept[:, i, j] == pytest.approx(each[::10], abs=1e-12)


@MODELS
def test_parameters_are_those_that_gave_the_predictions(model):
    prompt = gaussian_prompt(4, 2, 3, 8)
    run = train(model, prompt, start(model, prompt, 7), 0.02, 12, every=4)
    for k, step in enumerate(range(0, 13, 4)):
        kept = Parameters(*(part[k] for part in run.parameters))
        assert predict(model, prompt, kept)[0] == run.predictions[step]
    assert all((a == b[-1]).all() for a, b in zip(run.final, run.parameters, strict=True))


@MODELS
def test_a_run_that_leaves_the_range_of_doubles_ends_in_nan(model):
    prompt = gaussian_prompt(4, 3, 3, 8)
    run = train(model, prompt, start(model, prompt, 8), 1e3, 40)
    gone = np.isnan(run.predictions)
    assert gone[-1]
    assert (np.diff(gone.astype(int)) >= 0).all()
    assert np.isfinite(run.predictions[0])
    assert (np.isnan(run.losses) == gone).all()


@MODELS
def test_a_small_step_descends_to_the_target(model):
    prompt = gaussian_prompt(9, 0, 3, 8)
    parameters = start(model, prompt, 10)
    kernel = train(model, prompt, parameters, 0.0, 0).tangent_kernel[0]
    run = train(model, prompt, parameters, 0.05 / kernel, 4000)
    floor = (2.0 * rounding(prompt) * terms(prompt, model, parameters)) ** 2
    assert (np.diff(run.losses) <= floor).all()
    assert run.losses[-1] < 1e-12 * run.losses[0]


def test_only_what_the_prediction_reads_moves_in_the_full_model():
    prompt = gaussian_prompt(2, 0, 3, 8)
    begin = start(Model.FULL, prompt, 11)
    value, key_query = train(Model.FULL, prompt, begin, 0.01, 30).final
    assert (value[:-1] == begin.value[:-1]).all()
    moved = key_query - begin.key_query
    sizes = np.linalg.svd(moved, compute_uv=False)
    assert sizes[1] < 1e-13 * sizes[0]
    assert (moved[-1] == 0).all()  # the query's label is 0


def test_what_does_not_fit_is_refused():
    prompt = gaussian_prompt(2, 0, 3, 8)
    good = start(Model.MATRIX, prompt, 1)
    with pytest.raises(ValueError, match="no multiple of 3"):
        train(Model.MATRIX, prompt, good, 0.1, 10, every=3)
    with pytest.raises(ValueError, match="no multiple of 0"):
        train(Model.MATRIX, prompt, good, 0.1, 10, every=0)
    with pytest.raises(ValueError, match=r"shape \(3, 3\) cannot be \(3, 4\)"):
        train(Model.MATRIX, prompt, Parameters(good.value, np.ones((3, 4))), 0.1, 10)
    with pytest.raises(ValueError, match=r"cannot be \(\)"):
        train(Model.MATRIX, prompt, Parameters(good.value, np.ones(())), 0.1, 10)
