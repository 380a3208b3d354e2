"""The transformer on tokens against the map, which knows nothing of it."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lt2f.dynamics import theory
from lt2f.dynamics.lanes import SILENCE
from lt2f.dynamics.orbits import residuals
from lt2f.dynamics.survey import Schedule, run
from lt2f.reduction import (
    NotTwoFactorError,
    block,
    coupling,
    realize,
    reduce,
)
from lt2f.training.prompts import Prompt, gaussian_prompt
from lt2f.training.transformer import Model, Parameters, predict, readers, train

unhurried = settings(deadline=None)  # a busy machine is no error
EPS = 2.0**-53
SMALL = pytest.mark.parametrize("model", [Model.SCALAR, Model.MATRIX])
EVERY = pytest.mark.parametrize("model", Model)


def map_residuals(start, steps):
    """e of the map at steps 0 ... steps, shape (steps + 1, N)."""
    a, b, mu = (np.ravel(part).astype(float) for part in start)
    return residuals((a + b) / 2, (a - b) / 2, mu, SILENCE, 0, steps + 1).T


def model_residuals(model, prompt, seen, eta, c):
    """s eta c (prediction - y) along a run."""
    sign = np.where(c * prompt.target < 0, -1.0, 1.0)
    return sign * eta * c * (seen.predictions - prompt.target)


def drawn(model, prompt, seed, *leading, scale=1.0):
    generator = np.random.default_rng(seed)
    shapes = [leading + reader.shape for reader in readers(model, prompt)]
    return Parameters(*(scale * generator.normal(size=shape) for shape in shapes))


def magnitudes(model, prompt, parameters):
    """Sums of absolute values in the prediction, and in its derivatives (norm)."""
    bare = Prompt(abs(prompt.context), abs(prompt.labels), abs(prompt.query), 0.0)
    prediction, slopes = predict(model, bare, Parameters(*map(abs, parameters)))
    return prediction, np.sqrt(norm2(slopes, prediction.ndim))


def norm2(parts, leading):
    return sum(np.sum(part**2, axis=tuple(range(leading, part.ndim))) for part in parts)


def rounding_bound(model, prompt, seen, eta, c):
    """Bound on |e of the model - e of the map| at each step, to first order in rounding.

    A sum of n products is right to (n + 1) eps times the sum of the absolute values. An error of
    the state (a, b) is multiplied by the norm of the Jacobian, which is symmetric, at every step;
    what a step adds comes from the prediction, from its derivatives and from the subtraction. The
    coupling that the reduction uses is rounded too: that shifts mu and the units of a and b.
    """
    gamma = (prompt.labels.size + 3 * prompt.query.size + 16) * EPS
    h_terms = np.linalg.norm(abs(prompt.labels) @ abs(prompt.context)) / prompt.labels.size
    c_error = 2 * gamma * h_terms * np.linalg.norm(prompt.query) / abs(c)
    a, b, mu = reduce(model, prompt, seen.parameters, eta)
    e, size, ab = a * b - mu, np.hypot(a, b), abs(a * b)
    loose = np.sqrt(eta) * abs(c) * np.sqrt(norm2(seen.parameters, 1))  # |(a, b)| and the rest of W
    prediction, slope = magnitudes(model, prompt, seen.parameters)
    in_e = eta * abs(c) * gamma * prediction + 2 * c_error * (ab + mu)
    added = (
        in_e * size + abs(e) * np.sqrt(eta) * gamma * slope + (2 * EPS + c_error * abs(e)) * loose
    )
    trace, det = 2 - a**2 - b**2, 1 - a**2 - b**2 - 3 * e**2 - 2 * mu * e
    growth = abs(trace) / 2 + np.sqrt(np.maximum(trace**2 / 4 - det, 0))
    state, bound = (c_error + gamma) * loose[0], []
    for t in range(len(e)):
        bound.append(size[t] * state + in_e[t])
        state = growth[t] * state + added[t]
    return np.array(bound)


def test_bilinear_descent_is_the_map_by_computer_algebra():
    """For all signs: a step on (c f g - y)^2/2 in units a, b."""
    f, g, eta, size, height = sp.symbols("f g eta c y", positive=True)
    for sc in (1, -1):
        for sy in (1, -1):
            c, y, s = sc * size, sy * height, sc * sy
            loss = (c * f * g - y) ** 2 / 2
            a, b = sp.sqrt(eta) * size * f, s * sp.sqrt(eta) * size * g
            e = a * b - eta * size * height
            step = {f: f - eta * sp.diff(loss, f), g: g - eta * sp.diff(loss, g)}
            assert sp.expand(a.subs(step, simultaneous=True) - (a - e * b)) == 0
            assert sp.expand(b.subs(step, simultaneous=True) - (b - e * a)) == 0
            assert sp.expand(e - s * eta * c * (c * f * g - y)) == 0


def test_one_eigenspace_is_the_map_and_two_are_not_by_computer_algebra():
    """|P|^2 and |M|^2, P = p + qhat and M = p - qhat, in two eigenspaces of the full model."""
    eta, r, c1, c2, p1, m1, p2, m2, y = sp.symbols("eta r c1 c2 p1 m1 p2 m2 y", positive=True)

    def prediction(p1, m1, p2, m2):
        return (c1 * (p1**2 - m1**2) + c2 * (p2**2 - m2**2)) / 4

    r = prediction(p1, m1, p2, m2) - y
    # From the gradient: p' = p - eta r c qhat, qhat' = qhat - eta r c p in each eigenspace.
    for c, plus, minus in ((c1, p1, m1), (c2, p2, m2)):
        p, q = (plus + minus) / 2, (plus - minus) / 2
        p, q = p - eta * r * c * q, q - eta * r * c * p
        assert sp.expand(p + q - plus * (1 - eta * r * c)) == 0
        assert sp.expand(p - q - minus * (1 + eta * r * c)) == 0
    # The map has e' = e^3 + mu e^2 + e(1 - S).
    stepped = prediction(
        p1 * (1 - eta * r * c1),
        m1 * (1 + eta * r * c1),
        p2 * (1 - eta * r * c2),
        m2 * (1 + eta * r * c2),
    )
    k1 = eta * c1
    e, mu = k1 * r, k1 * y
    s = eta * (c1**2 * (p1**2 + m1**2) + c2**2 * (p2**2 + m2**2)) / 2
    left = sp.expand(k1 * (stepped - y) - (e**3 + mu * e**2 + e * (1 - s)))
    assert left != 0
    assert sp.expand(left.subs(c2, c1)) == 0
    assert sp.expand(left.subs({p2: 0, m2: 0})) == 0


PROMPTS = {
    "seed": st.integers(0, 999),
    "d": st.sampled_from([1, 2, 3, 5, 16, 64]),
    "n": st.sampled_from([1, 2, 7, 40, 256]),
}


@SMALL
@unhurried
@given(
    **PROMPTS, mu=st.floats(0.05, 0.98), place=st.tuples(st.floats(0.05, 0.9), st.floats(-3.1, 3.1))
)
def test_small_models_follow_the_map_to_rounding(model, seed, d, n, mu, place):
    """Over 400 steps, for starts inside the ellipse and mu < 1, both signs of c y_q."""
    prompt = gaussian_prompt(seed, 0, d, n, 0.5)
    u = np.sqrt(2 + mu) * place[0] * np.cos(place[1])
    v = np.sqrt(2 - mu) * place[0] * np.sin(place[1])
    parameters, eta = realize(model, prompt, u + v, u - v, mu)
    if model == Model.MATRIX:
        # A part of W that the prompt does not see.
        away = drawn(model, prompt, seed).key_query
        query, h = prompt.query, prompt.labels @ prompt.context
        away -= np.outer(query, h) * (query @ away @ h) / (query @ query) / (h @ h)
        size = np.linalg.norm(parameters.key_query) / max(np.linalg.norm(away), 1e-9)
        parameters = parameters._replace(key_query=parameters.key_query + min(size, 1.0) * away)
    c = coupling(model, prompt)
    seen = train(model, prompt, parameters, eta, 400)
    here = model_residuals(model, prompt, seen, eta, c)
    there = map_residuals(reduce(model, prompt, parameters, eta), 400)[:, 0]
    bound = rounding_bound(model, prompt, seen, eta, c)
    assert (abs(here - there) <= bound).all()


@unhurried
@given(seed=st.integers(0, 999), cosine=st.floats(1e-9, 1e-3), sign=st.sampled_from([-1, 1]))
def test_a_nearly_orthogonal_query_only_costs_its_condition(seed, cosine, sign):
    """c = x_q^T h is what is left of terms 1/cosine times as large; the bound knows."""
    prompt = gaussian_prompt(seed, 0, 6, 12, 0.5)
    h = prompt.labels @ prompt.context
    away = prompt.query - h * (h @ prompt.query) / (h @ h)
    query = away + sign * cosine * h * np.linalg.norm(away) / np.linalg.norm(h)
    prompt = Prompt(prompt.context, prompt.labels, query, prompt.target)
    parameters, eta = realize(Model.SCALAR, prompt, 1.1, 0.4, 0.7)
    c = coupling(Model.SCALAR, prompt)
    assert c * sign > 0
    seen = train(Model.SCALAR, prompt, parameters, eta, 200)
    here = model_residuals(Model.SCALAR, prompt, seen, eta, c)
    there = map_residuals(reduce(Model.SCALAR, prompt, parameters, eta), 200)[:, 0]
    assert (abs(here - there) <= rounding_bound(Model.SCALAR, prompt, seen, eta, c)).all()


@EVERY
def test_no_target_is_mu_zero(model):
    """Then S decides: a run from inside the ellipse S = 4 goes to ab = 0."""
    prompt = gaussian_prompt(8, 0, 3, 9, 0.5)
    prompt = Prompt(prompt.context, prompt.labels, prompt.query, 0.0)
    parameters, eta = realize(model, prompt, 1.2, 0.9, 0.0)
    start = reduce(model, prompt, parameters, eta)
    assert [*start] == pytest.approx([1.2, 0.9, 0.0], abs=1e-13)
    seen = train(model, prompt, parameters, eta, 300)
    c = block(prompt, parameters).coupling if model == Model.FULL else coupling(model, prompt)
    there = map_residuals(start, 300)[:, 0]
    assert model_residuals(model, prompt, seen, eta, c) == pytest.approx(there, abs=1e-12)


PLACES = st.tuples(st.floats(-2, 2), st.floats(-2, 2))


@EVERY
@unhurried
@given(**PROMPTS, mu=st.floats(0.01, 3), place=PLACES)
def test_what_was_realized_reduces_to_itself(model, seed, d, n, mu, place):
    prompt = gaussian_prompt(seed, 0, d, n, 0.5)
    assume(np.hypot(*place) > 1e-3)
    parameters, eta = realize(model, prompt, *place, mu)
    a, b, back = reduce(model, prompt, parameters, eta)
    close = 1e-14 * (d + n + 10)  # sums of that many terms of one size, or of squares
    assert back == pytest.approx(mu, rel=close)
    expected = place
    if model == Model.FULL:  # signs and order are lost: |a + b| and |a - b| are kept
        larger, smaller = sorted(map(abs, place))[::-1]
        expected = larger, np.copysign(smaller, place[0] * place[1])
    assert (a, b) == pytest.approx(expected, abs=4 * close)
    # Raw: the same prediction and tangent kernel, from the parameters themselves.
    seen = train(model, prompt, parameters, eta, 0)
    assert eta * seen.tangent_kernel[0] == pytest.approx(a * a + b * b, rel=10 * close)


def test_both_signs_of_the_target_and_of_the_coupling_occur():
    prompts = [gaussian_prompt(k, 0, 3, 9, 0.5) for k in range(40)]
    signs = {(coupling(Model.SCALAR, p) > 0, p.target > 0) for p in prompts}
    assert len(signs) == 4


@SMALL
def test_many_starts_and_step_sizes_reduce_together(model):
    prompt = gaussian_prompt(1, 0, 3, 9)
    parameters, etas = drawn(model, prompt, 4, 5, 1), np.array([0.1, 0.2])
    together = reduce(model, prompt, parameters, etas)
    assert together.a.shape == together.b.shape == together.mu.shape == (5, 2)
    for i, j in np.ndindex(5, 2):
        alone = reduce(model, prompt, Parameters(*(p[i, 0] for p in parameters)), etas[j])
        assert [part[i, j] for part in together] == pytest.approx([*map(float, alone)], abs=1e-14)


@unhurried
@given(seed=st.integers(0, 999), d=st.integers(2, 9), n=st.integers(1, 30))
def test_a_matrix_moves_only_along_the_query_and_the_mean_of_labels_times_inputs(seed, d, n):
    prompt = gaussian_prompt(seed, 0, d, n)
    query = prompt.query * (np.arange(d) > 0)  # a row of W that no product reaches
    prompt = Prompt(prompt.context, prompt.labels, query, prompt.target)
    begin, steps = drawn(Model.MATRIX, prompt, seed), 200
    kernel = train(Model.MATRIX, prompt, begin, 0.0, 0).tangent_kernel[0]
    seen = train(Model.MATRIX, prompt, begin, 1.0 / kernel, steps)
    assume(np.isfinite(seen.predictions).all())
    moved = seen.parameters.key_query - begin.key_query
    assert (moved[:, 0] == 0).all()  # bit for bit
    h = prompt.labels @ prompt.context
    query, h = query / np.linalg.norm(query), h / np.linalg.norm(h)
    rest = moved - np.multiply.outer(query @ moved @ h, np.outer(query, h))
    # Each step rounds W once, and a step's direction is as right as the sum over the context.
    gamma = (n + 3 * d + 16) * EPS
    _, slope = magnitudes(Model.MATRIX, prompt, seen.parameters)
    drift = gamma * slope * abs(seen.predictions - prompt.target) / kernel
    sizes = np.sqrt(norm2(seen.parameters[1:], 1))
    allowed = np.cumsum(drift + 2 * EPS * sizes) + gamma * np.linalg.norm(moved, axis=(1, 2))
    assert (np.linalg.norm(rest, axis=(1, 2)) <= allowed).all()


def grown(model, prompt, x, mu, steps):
    """|e of the model - e of the map| from balanced starts a = b = x, shape (steps + 1, N)."""
    parameters, eta = realize(model, prompt, x, x, mu)
    found = reduce(model, prompt, parameters, eta)
    c = block(prompt, parameters).coupling if model == Model.FULL else coupling(model, prompt)
    seen = train(model, prompt, parameters, eta, steps, every=steps)
    return abs(model_residuals(model, prompt, seen, eta, c) - map_residuals(found, steps))


def slope_and_error(errors, first):
    """Mean rate at which log errors grow, while they are small, and its standard error."""
    logs = np.log(np.maximum(errors, 1e-18))
    last = int(np.argmax(logs.mean(axis=1) > np.log(1e-5)))
    slopes = np.polyfit(np.arange(first, last), logs[first:last], 1)[0]
    return slopes.mean(), slopes.std(ddof=1) / np.sqrt(slopes.size)


@EVERY
@pytest.mark.parametrize("seed", range(3))
def test_under_full_chaos_rounding_grows_by_a_factor_of_three(model, seed):
    """At mu = 2, x = 2 cos t with t uniform: the exponent is log 3 exactly."""
    prompt = gaussian_prompt(seed, 5, 4, 20, 0.3)
    x = 2 * np.cos(np.pi * (np.arange(800) + 0.5 + 0.1 * np.sin(np.arange(800))) / 800)
    slope, error = slope_and_error(grown(model, prompt, x, 2.0, 40), 6)
    assert error < 0.005
    assert abs(slope - theory.CHEBYSHEV_EXPONENT) < 4 * error


@SMALL
@pytest.mark.parametrize("mu", [1.4, 1.75, 1.9])
def test_in_chaos_rounding_grows_at_the_exponent(model, mu):
    """The exponent is measured on the map, the growth on the transformer."""
    lanes = np.full(64, mu)
    x = np.sqrt(2 + mu) * np.linspace(0.1, 0.9, 800)
    measured = run(x[::12][:64].copy(), np.zeros(64), lanes, Schedule(2000, 10000)).rates[0]
    for _ in range(400):  # onto the attractor
        x = (1 + mu) * x - x**3
    prompt = gaussian_prompt(3, 5, 4, 20, 0.3)
    slope, error = slope_and_error(grown(model, prompt, x, mu, int(40 / measured.mean()) + 10), 8)
    assert error < 0.01
    spread = np.hypot(error, measured.std(ddof=1) / 8)
    assert abs(slope - measured.mean()) < 4 * spread


# The full model


def prompt_with(eigenvalues, n, seed, target=0.8):
    """Prompt in dimension len(eigenvalues) - 1 whose G has these eigenvalues, and eigenvectors."""
    generator = np.random.default_rng(seed)
    size = len(eigenvalues)
    vectors = np.linalg.qr(generator.normal(size=(size, size)))[0]
    others = np.linalg.qr(generator.normal(size=(n, size)))[0]
    context = vectors * np.sqrt(n * np.array(eigenvalues)) @ others.T
    query = generator.normal(size=size - 1)
    return Prompt(context[:-1].T, context[-1], query, target), vectors


def full(prompt, p, q):
    """Parameters with given p and qhat, shape (..., d + 1), and other numbers elsewhere."""
    size = prompt.query.size + 1
    generator = np.random.default_rng(0)
    value, key_query = generator.normal(size=(2, *np.shape(p)[:-1], size, size))
    value[..., -1, :] = p
    unit = prompt.tokens[:, -1] / np.linalg.norm(prompt.query)
    key_query -= unit[:, np.newaxis] * (unit @ key_query)[..., np.newaxis, :]
    return Parameters(value, key_query + unit[:, np.newaxis] * q[..., np.newaxis, :])


EIGENVALUES = [2.0, 2.0, 2.0, 0.7, 0.7, 0.0]


@pytest.mark.parametrize("space", [slice(0, 3), slice(3, 5)])
@pytest.mark.parametrize("target", [0.8, -0.8])
def test_gaussian_starts_in_one_eigenspace_follow_the_map(space, target):
    """Whatever lies in the kernel of G; and |a +- b| = sqrt(eta) c |p +- qhat|."""
    prompt, vectors = prompt_with(EIGENVALUES, 9, 3, target)
    generator = np.random.default_rng(5)
    parts = np.zeros((2, 40, 6))
    parts[:, :, space] = 0.3 * generator.normal(size=parts[:, :, space].shape)
    kernel = generator.normal(size=(2, 40, 1)) * vectors[:, 5]
    parameters = full(prompt, *(parts @ vectors.T + kernel))
    c = EIGENVALUES[space.start] * np.linalg.norm(prompt.query)
    eta = 0.6 / (c * 0.8)
    assert block(prompt, parameters).is_exact.all()
    a, b, mu = start = reduce(Model.FULL, prompt, parameters, eta)
    assert mu == pytest.approx(np.full(40, 0.6), rel=1e-13)
    p, q = parts[0], np.sign(target) * parts[1]
    k = np.sqrt(eta) * c
    assert abs(a + b) == pytest.approx(k * np.linalg.norm(p + q, axis=-1), abs=1e-13)
    assert abs(a - b) == pytest.approx(k * np.linalg.norm(p - q, axis=-1), abs=1e-13)
    inside = theory.ellipse(mu, (a + b) / 2, (a - b) / 2) < 0
    assert inside.sum() > 20
    seen = train(Model.FULL, prompt, parameters, eta, 300, every=300)
    here, there = model_residuals(Model.FULL, prompt, seen, eta, c), map_residuals(start, 300)
    assert abs(here - there)[:, inside].max() < 1e-11


@unhurried
@given(seed=st.integers(0, 999), d=st.integers(1, 9))
def test_one_example_is_exact_from_every_start(seed, d):
    prompt = gaussian_prompt(seed, 0, d, 1, 0.5)
    assert block(prompt, drawn(Model.FULL, prompt, seed, 5)).is_exact.all()


@unhurried
@given(seed=st.integers(0, 999), n=st.integers(1, 30))
def test_one_dimension_without_noise_is_exact_from_every_start(seed, n):
    """All tokens are multiples of (1, w): G has rank one."""
    prompt = gaussian_prompt(seed, 0, 1, n)
    assert block(prompt, drawn(Model.FULL, prompt, seed, 5)).is_exact.all()


@unhurried
@given(seed=st.integers(0, 999), d=st.integers(1, 9), n=st.integers(2, 30))
def test_the_nearest_block_has_the_prediction_and_the_kernel(seed, d, n):
    prompt = gaussian_prompt(seed, 0, d, n, 0.5)
    parameters = drawn(Model.FULL, prompt, seed, 4)
    found = block(prompt, parameters)
    assert not found.is_exact.any()
    with pytest.raises(NotTwoFactorError, match="leaves the two-factor map"):
        reduce(Model.FULL, prompt, parameters, 0.1)
    a, b, mu = reduce(Model.FULL, prompt, parameters, 0.1, nearest=True)
    seen = train(Model.FULL, prompt, parameters, 0.1, 0)
    sign = np.sign(prompt.target)
    kernel = 0.1 * seen.tangent_kernel[0]
    predicted = sign * 0.1 * found.coupling * seen.predictions[0]
    assert a * b == pytest.approx(predicted, rel=1e-11, abs=1e-13 * kernel.max())
    assert a * a + b * b == pytest.approx(kernel, rel=1e-12)
    assert mu == pytest.approx(0.1 * found.coupling * abs(prompt.target), rel=1e-14)


def test_the_departure_of_two_eigenspaces_is_their_spread():
    """Weights w = c(|p|^2 + |qhat|^2)/2: mean and standard deviation of two values."""
    prompt, vectors = prompt_with([2.0, 0.5], 7, 1)
    p, q = np.array([0.3, -0.8]), np.array([0.4, 0.6])
    c = np.array([2.0, 0.5]) * np.linalg.norm(prompt.query)
    w = c * (p**2 + q**2)
    share = w / w.sum()
    found = block(prompt, full(prompt, vectors @ p, vectors @ q))
    assert found.coupling == pytest.approx(share @ c, rel=1e-13)
    expected = np.sqrt(share[0] * share[1]) * (c[0] - c[1]) / (share @ c)
    assert found.departure == pytest.approx(expected, rel=1e-13)


def test_a_small_departure_is_told_from_rounding():
    """An admixture of 1e-9 departs by 1e-9 sqrt(ratio) (1 - ratio), its share being its square."""
    prompt, vectors = prompt_with([2.0, 0.5], 7, 1)
    p = vectors @ [1.0, 1e-9]
    found, alone = (block(prompt, full(prompt, x, x)) for x in (p, vectors[:, 0]))
    # The departure's own rounding is some 1e-15, 1e-6 of it.
    assert found.departure == pytest.approx(1e-9 * np.sqrt(0.25) * 0.75, rel=1e-5)
    assert not found.is_exact
    assert alone.is_exact


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.8])
def test_in_the_full_model_a_smaller_eigenvalue_grows_out_of_the_two_cycle(ratio):
    """A full model near one eigenspace leaves the two-cycle for any flatter eigenspace.

    Where the map has its two-cycle, e + e' = 1 - mu and e e' = 1 - mu, a part of p + qhat in
    an eigenspace with `ratio` times the eigenvalue is multiplied by (1 - ratio e)(1 - ratio e')
    = 1 + (mu - 1) ratio (1 - ratio) > 1 every two steps.
    """
    mu = 1.15
    prompt, vectors = prompt_with([1.0, ratio], 5, 2)
    low, high = theory.two_cycle(mu)
    c = np.linalg.norm(prompt.query)
    eta = mu / (c * prompt.target)
    x = np.sqrt(mu + high)
    other = 1e-7
    p = (x * vectors[:, 0] + other * vectors[:, 1]) / (np.sqrt(eta) * c)
    seen = train(Model.FULL, prompt, full(prompt, p, p), eta, 40)
    part = seen.parameters.value[:, -1] @ vectors[:, 1]
    expected = 1 + (mu - 1) * ratio * (1 - ratio)
    assert expected == pytest.approx(float((1 - ratio * low) * (1 - ratio * high)), rel=1e-12)
    # The admixture is small in second order: the cycle moves by some 1e-14.
    assert part[2::2] / part[:-2:2] == pytest.approx(expected, abs=1e-7)


def test_what_moves_nothing_is_refused():
    prompt, vectors = prompt_with(EIGENVALUES, 9, 3)
    with pytest.raises(ValueError, match="kernel of G"):
        reduce(Model.FULL, prompt, full(prompt, vectors[:, 5], vectors[:, 5]), 0.1)
    nothing = Prompt(prompt.context, prompt.labels, np.zeros(5), 1.0)
    for model in Model:
        with pytest.raises(ValueError, match="no parameter moves"):
            reduce(model, nothing, drawn(model, nothing, 1), 0.1)
        with pytest.raises(ValueError, match="no step size"):
            realize(model, nothing, 1.0, 1.0, 0.5)
        with pytest.raises(ValueError, match="no step size"):
            realize(model, prompt, 1.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="depends on its start"):
        coupling(Model.FULL, prompt)


@unhurried
@given(seed=st.integers(0, 99))
def test_the_flattest_minima_of_the_full_model_lie_in_the_smallest_eigenspace(seed):
    """Sharpness 2 c |y| with the least coupling c, and no minimum has less."""
    prompt = gaussian_prompt(seed, 0, 3, 12, 0.3)
    context, size = prompt.tokens[:, :-1], np.linalg.norm(prompt.query)
    eigenvalues, vectors = np.linalg.eigh(context @ context.T / 12)
    least = eigenvalues[0] * size
    flattest = 2.0 * least * abs(prompt.target)
    # p = f z and qhat = +-f z in that eigenspace: the prediction is +-c f^2.
    f = np.sqrt(abs(prompt.target) / least)
    value, key_query = np.zeros((2, 4, 4))
    value[-1] = f * vectors[:, 0]
    key_query[:-1] = np.outer(prompt.query / size, np.sign(prompt.target) * value[-1])
    at_rest = train(Model.FULL, prompt, Parameters(value, key_query), 0.0, 0)
    assert at_rest.predictions[0] == pytest.approx(prompt.target, rel=1e-9)
    assert at_rest.tangent_kernel[0] == pytest.approx(flattest, rel=1e-9)
    # Other minima: any weights, their value scaled to the right prediction.
    value, key_query = drawn(Model.FULL, prompt, seed, 20)
    prediction = predict(Model.FULL, prompt, Parameters(value, key_query))[0]
    value = value * (prompt.target / prediction)[:, np.newaxis, np.newaxis]
    sharpness = train(Model.FULL, prompt, Parameters(value, key_query), 0.0, 0).tangent_kernel[0]
    assert (sharpness >= flattest * (1 - 1e-9)).all()


def test_the_full_model_rests_in_a_flatter_eigenspace_where_the_map_has_no_minimum():
    """At mu = 1.3 in the largest eigenspace, with half of its eigenvalue at mu = 0.65."""
    prompt, vectors = prompt_with([1.0, 0.5, 0.25], 6, seed=2)
    size, target = np.linalg.norm(prompt.query), prompt.target
    eta, f = 1.3 / (size * abs(target)), np.sqrt(2.0 * abs(target) / size)
    value, key_query = np.zeros((2, 3, 3))
    for k, part in ((1, 1.05), (0, 0.02)):  # next to that minimum, with some of the largest
        value[-1] += part * f * vectors[:, k]
    key_query[:-1] = np.outer(prompt.query / size, np.sign(target) * value[-1])
    run = train(Model.FULL, prompt, Parameters(value, key_query), eta, 4000)
    assert run.losses[-1] < 1e-20
    assert eta * run.tangent_kernel[-1] < 2.0
