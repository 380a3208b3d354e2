"""Errors on new prompts against the transformer itself and against Gaussian moments."""

import numpy as np
import pytest

from lt2f.training.evaluate import (
    Fresh,
    evaluate,
    expected_error,
    fresh_prompts,
    mean_and_error,
    predictions,
    squared_errors,
)
from lt2f.training.prompts import gaussian_prompt, gaussian_task
from lt2f.training.transformer import Model, Parameters, predict, readers

EVERY = pytest.mark.parametrize("model", Model)
SMALL = pytest.mark.parametrize("model", [Model.SCALAR, Model.MATRIX])


def drawn(model, seed, *leading, d=3):
    generator = np.random.default_rng(seed)
    shapes = [reader.shape for reader in readers(model, gaussian_prompt(0, 0, d, 5))]
    return Parameters(*(generator.normal(size=leading + shape) for shape in shapes))


@EVERY
@pytest.mark.parametrize("leading", [(), (4,), (2, 3)])
def test_many_prompts_at_once_are_read_as_one_by_one(model, leading):
    prompts = [gaussian_prompt(7, k, 3, 5, 0.4) for k in range(6)]
    columns = [prompt.tokens[:, :-1] for prompt in prompts]
    fresh = Fresh(
        np.stack([tokens @ tokens.T / 5 for tokens in columns]),
        np.stack([prompt.query for prompt in prompts]),
        np.array([prompt.target for prompt in prompts]),
    )
    parameters = drawn(model, 1, *leading)
    one_by_one = [predict(model, prompt, parameters)[0] for prompt in prompts]
    # sums of some 60 products of order 1
    assert predictions(model, fresh, parameters) == pytest.approx(
        np.stack(one_by_one, axis=-1), rel=1e-12, abs=1e-13
    )


@SMALL
@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("same", [False, True])
def test_expected_errors_are_those_of_many_prompts(model, noise, same):
    task = gaussian_task(5, 2, 3) if same else None
    fresh = fresh_prompts(5, 2, 60_000, 3, 5, noise, task)
    for seed in range(3):
        parameters = drawn(model, seed)
        squares = squared_errors(model, fresh, parameters)
        error = squares.std() / np.sqrt(squares.size)
        known = expected_error(model, parameters, 3, 5, noise, task)
        # 24 trials, each on a fixed seed; 4 standard errors are rarer than 1 in 10,000
        assert abs(squares.mean() - known) < 4 * error
        # and the test can tell a difference of a few percent
        assert error < 0.03 * squares.mean()


@SMALL
@pytest.mark.parametrize("same", [False, True])
def test_means_of_few_prompts_scatter_as_they_say(model, same):
    """Over 400 draws of 256 prompts: right on the average, with the standard error claimed."""
    task = gaussian_task(5, 2, 3) if same else None
    parameters = Parameters(*(0.4 * part for part in drawn(model, 8)))
    known = expected_error(model, parameters, 3, 5, 0.2, task)
    found, plain = [], []
    for k in range(400):
        fresh = fresh_prompts(1, k, 256, 3, 5, 0.2, task)
        squares = squared_errors(model, fresh, parameters)
        found.append(mean_and_error(fresh, squares))
        plain.append(squares.mean())
    means, errors = np.transpose(found)
    # The slope is fitted to the same prompts: a bias of order 1/256 of the spread of one prompt.
    assert abs(means.mean() - known) < 4 * means.std() / 20 + errors.mean() / 16
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(means.std(), rel=0.25)  # heavy tails
    assert means.std() < np.std(plain)


def test_predicting_zero_is_known_without_a_prompt():
    fresh = fresh_prompts(1, 1, 20, 3, 5)
    mean, error = mean_and_error(fresh, fresh.targets**2)
    assert mean == pytest.approx(1.0, abs=1e-14)
    assert error < 1e-14


def test_predicting_zero_costs_the_variance_of_the_target():
    zero = Parameters(np.zeros(()), np.zeros((3, 3)))
    assert expected_error(Model.MATRIX, zero, 3, 5) == 1.0
    task = gaussian_task(5, 2, 3)
    assert expected_error(Model.MATRIX, zero, 3, 5, task=task) == pytest.approx(task @ task)


def test_the_scalar_and_the_matrix_model_agree_where_they_are_one():
    u, v = np.array(0.7), np.array(0.9)
    for task in (None, gaussian_task(1, 1, 4)):
        one = expected_error(Model.SCALAR, Parameters(u, v), 4, 9, 0.3, task)
        other = expected_error(Model.MATRIX, Parameters(u, v * np.eye(4)), 4, 9, 0.3, task)
        assert one == pytest.approx(float(other), rel=1e-14)


@pytest.mark.parametrize(("d", "n", "noise"), [(2, 4, 0.0), (8, 32, 0.5), (5, 1, 1.0)])
def test_one_direction_cannot_bring_the_fresh_error_below_its_bound(d, n, noise):
    """Least error over all multiples of x h^T, for any x and h, is attained where x = h."""
    generator = np.random.default_rng(d)
    factor = 1 + (1 + d * (1 + noise**2)) / n
    bound = 1 - 1 / (d * factor)
    z = np.linspace(-2, 2, 4001)[:, np.newaxis, np.newaxis]
    least = []
    for parallel in (False, True):
        x, h = generator.normal(size=(2, d))
        x, h = x / np.linalg.norm(x), (x if parallel else h) / np.linalg.norm(x if parallel else h)
        errors = expected_error(
            Model.MATRIX, Parameters(np.ones(len(z)), z * np.outer(x, h)), d, n, noise
        )
        least.append(errors.min())
    assert least[0] >= bound - 1e-12
    assert least[1] == pytest.approx(bound, abs=1e-6)  # the grid is 0.001 fine
    assert bound > 1 - 1 / d
    scalar = expected_error(Model.SCALAR, Parameters(np.ones(4001), z[:, 0, 0]), d, n, noise)
    assert scalar.min() == pytest.approx(1 - 1 / factor, abs=1e-5 * d)


def test_new_prompts_are_not_those_of_training_and_begin_alike():
    prompt, fresh = gaussian_prompt(9, 4, 3, 5), fresh_prompts(9, 4, 50, 3, 5)
    assert not np.isin(fresh.queries, prompt.query).any()
    assert not np.isin(fresh.targets, prompt.target).any()
    assert np.array_equal(fresh.queries[:20], fresh_prompts(9, 4, 20, 3, 5).queries)
    assert not np.array_equal(fresh.queries, fresh_prompts(9, 5, 50, 3, 5).queries)


def test_a_task_given_is_the_task_of_every_prompt():
    task = gaussian_task(9, 4, 3)
    prompt, fresh = gaussian_prompt(9, 4, 3, 50), fresh_prompts(9, 4, 5, 3, 50, task=task)
    assert prompt.target == pytest.approx(prompt.query @ task, rel=1e-12)
    assert fresh.targets == pytest.approx(fresh.queries @ task, rel=1e-12)


@EVERY
def test_the_three_errors_differ_as_they_should_along_a_cycle(model):
    """Of two iterates: the last, the mean of both errors, and that of both means."""
    fresh = fresh_prompts(1, 1, 40, 3, 5)
    iterates = drawn(model, 3, 2)
    found = evaluate(model, fresh, iterates)

    def mean(squares):
        return mean_and_error(fresh, squares)[0]

    one, two = (Parameters(*(part[k] for part in iterates)) for k in range(2))
    middle = Parameters(*((x + y) / 2 for x, y in zip(one, two, strict=True)))
    first, second, both = (squared_errors(model, fresh, x) for x in (one, two, middle))
    assert found["last"][0] == pytest.approx(mean(second))
    assert found["mean"][0] == pytest.approx(mean((first + second) / 2))
    assert found["averaged"][0] == pytest.approx(mean(both))


def test_the_full_model_has_no_closed_form():
    with pytest.raises(ValueError, match="closed form"):
        expected_error(Model.FULL, drawn(Model.FULL, 0), 3, 5)
