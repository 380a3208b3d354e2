"""Runs under weight decay: closed forms at rest, on cycles and at the origin.

What holds of every law of the step, `test_steps` checks.
"""

import numpy as np

from lt2f.dynamics import cycles, decay, labels, orbits
from lt2f.dynamics import kernels as k
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.lanes import INDEX, SILENCE, factors, prepare, steady
from lt2f.dynamics.survey import Schedule

CELLS = 400
DECAY = INDEX["decay"]
RUN = Schedule(3000, 3000)


def plane(seed=3, cells=CELLS, low=0.01, high=0.95):
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(-1.6, 1.6, (2, cells))
    return u, v, rng.uniform(0.0, 2.3, cells), rng.uniform(low, high, cells)


def descend(u, v, mu, kappa, steps):
    """Yield (a, b) step by step, as the map is written."""
    a, b = u + v, u - v
    with np.errstate(all="ignore"):
        for _ in range(steps):
            e = a * b - mu
            a, b = (1 - kappa) * a - e * b, (1 - kappa) * b - e * a
            yield a, b


def test_at_rest_everything_is_the_closed_form():
    rng = np.random.default_rng(13)
    kappa = rng.uniform(0.02, 0.9, 200)
    mu = kappa + rng.uniform(0.05, 0.95, 200)
    x = np.sqrt(mu - kappa) * rng.uniform(0.7, 1.2, 200)
    found = labels.explore(x, 0.1 * x, mu, RUN, steady("decay", kappa))
    known = np.sort(np.log(np.abs(decay.minimum_multipliers(mu, kappa))), axis=0)[::-1].T
    rests = np.isin(found["regime"], [Regime.MONOTONE, Regime.CATAPULT])
    assert rests.mean() > 0.9  # some start beyond what is bounded
    np.testing.assert_allclose(found["lyapunov"][rests], known[rests], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found["sharpness"][rests], (2 * (mu - kappa))[rests], rtol=1e-14)
    least, loss, error = (
        (kappa**2 / 2)[rests],
        found["loss_mean"][rests],
        found["loss_mean_error"][rests],
    )
    np.testing.assert_allclose(loss, least, rtol=1e-9)
    assert (np.abs(loss - least) <= error).all()
    assert (error <= 1e-9 * least).all()  # a last step of 1e-12, and roundings
    weights = np.sqrt(mu - kappa)[rests, np.newaxis] * np.ones(2)
    np.testing.assert_allclose(np.abs(found["weights_mean"][rests]), weights, rtol=1e-14)
    assert (found["steps"][rests] > 0).all()
    # a last step of 1e-12 is 2 kappa V, so that 4UV is up to 2e-12/kappa
    assert (np.abs(found["imbalance_final"][rests]) < 1e-10).all()


def test_cycles_of_two_have_their_multipliers():
    rng = np.random.default_rng(17)
    kappa = rng.uniform(0.02, 0.9, 100)
    mu = kappa + rng.uniform(1.02, 1.22, 100)
    found = labels.explore(np.full(100, 0.9), np.full(100, 1e-3), mu, RUN, steady("decay", kappa))
    assert (found["regime"] == Regime.PERIODIC).all()
    assert (found["period"] == 2).all()
    along, across = np.log(np.abs(decay.two_cycle_multipliers(mu, kappa))) / 2
    np.testing.assert_allclose(found["transverse_lyapunov"], across, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["lyapunov"].max(axis=1), np.maximum(along, across), atol=1e-9)
    # its residuals, less kappa: the mean of (f - kappa)^2 from the sum and the product of f
    nu = mu - kappa
    squares = (1 - nu) ** 2 - 2 * (1 - nu)
    loss = (squares - 2 * kappa * (1 - nu) + 2 * kappa**2) / 4
    np.testing.assert_allclose(found["loss_mean"], loss, rtol=1e-9)
    np.testing.assert_allclose(found["sharpness"], 1 - nu + 2 * nu, rtol=1e-9)


def test_a_cycle_that_repels_across_is_none():
    # x of period 2 at nu = 1.1, and a share of decay that no step has: across 1.44 + 2.2 (-0.1) > 1
    nu, kappa = 1.1, -0.1
    f = np.roots([1.0, nu - 1.0, 1.0 - nu])[0]
    assert decay.two_cycle_multipliers(nu + kappa, kappa)[1] > 1
    report, start = np.zeros((cycles.ROWS, 1)), (np.sqrt([f + nu]), np.zeros(1))
    cycles.find(DECAY, *start, np.array([nu + kappa]), np.array([kappa]), 2, report)
    assert report[cycles.PERIOD, 0] == cycles.UNSTABLE


def test_orbits_and_trajectories_decay():
    u, v = np.array([0.6, 0.3]), np.array([0.2, 0.1])
    mu, law = np.array([0.9, 0.2]), steady("decay", np.array([0.3, 0.5]))
    path = np.array(list(descend(u, v, mu, law.amplitude, 40)))
    samples = orbits.residuals(u, v, mu, law, 1, 30)
    np.testing.assert_allclose(samples, (path[:30, 0] * path[:30, 1] - mu).T, atol=1e-12)
    loss, norm, imbalance = orbits.trajectory(u, v, mu, law, 31)
    a, b = path[:30, 0].T, path[:30, 1].T
    np.testing.assert_allclose(loss[:, 1:], (a * b - mu[:, None]) ** 2 / 2, atol=1e-12)
    np.testing.assert_allclose(norm[:, 1:], a * a + b * b, atol=1e-12)
    np.testing.assert_allclose(imbalance[:, 1:], a * a - b * b, atol=1e-12)
    assert norm[1, -1] < 1e-5  # mu < kappa: to the origin


def test_factors_that_vanish_are_kept_in_range():
    """Collapse goes on for ever at the origin's two rates, though the weights would underflow."""
    mu, kappa = np.array([0.1]), np.array([0.4])
    state = prepare(np.array([0.3]), np.array([0.2]), mu, steady("decay", kappa))
    k.ITERATE[DECAY](state, 20000, 0, SILENCE.sequence)
    assert (np.abs(state[[k.U, k.V], 0]) > 1e-200).all()
    assert (np.array(factors(state))[:, 0] == 0.0).all()
    grown = (state[[k.U_LIFT, k.V_LIFT], 0] - np.log2(np.abs(state[[k.U, k.V], 0]))) / 20000
    # all but the first steps, of order one in 20000
    np.testing.assert_allclose(
        -grown, np.log2(decay.origin_multipliers(mu, kappa))[:, 0], rtol=1e-3
    )
