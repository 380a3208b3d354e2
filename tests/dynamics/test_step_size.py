"""The largest step sizes, against descent on the loss itself, without the map and its units."""

import numpy as np

from lt2f.dynamics import theory

NARROW = 1e-6  # how near to the edge on either side


def descend(x, z, target, step_size, steps):
    """Gradient descent on (xz - target)^2/2 from many starts; where each ends."""
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            slope = x * z - target
            x, z = x - step_size * slope * z, z - step_size * slope * x
    return x, z


def random_problems(count, seed):
    """Starts and targets of both signs, of various sizes."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, count)) * np.exp(rng.uniform(-2, 2, count))
    return x, z, rng.normal(size=count) * np.exp(rng.uniform(-3, 3, count))


def is_bounded(x, z):
    return np.isfinite(x) & np.isfinite(z)


def test_descent_is_bounded_up_to_the_edge_and_not_beyond():
    x, z, target = random_problems(4000, 1)
    edge = theory.edge_step_size(x, z, target)
    # h starts near -+4e-6 (4 - mu^2)/4 and grows by the exponent across, some sqrt(4(2 - mu)/3)
    # towards mu = 2, as for small balanced starts: 4000 steps do for 2 - mu > 1e-4. Nearer to 2 the
    # edge in h is as narrow as its rounding.
    clear = 2 - edge * np.abs(target) > 1e-4
    assert clear.mean() > 0.9
    for factor, bounded in ((1 - NARROW, True), (1 + NARROW, False)):
        found = is_bounded(*descend(x, z, target, factor * edge, 4000))
        assert (found == bounded)[clear].all()
    assert (target < 0).mean() > 0.4


def test_descent_converges_up_to_the_other_edge_and_not_beyond():
    # Nearer to mu = 1 than a per cent convergence and divergence from the minimum take too long;
    # |e| beyond is some sqrt(mu - 1) on the two-cycle.
    x, z, target = random_problems(2000, 2)
    ratio = theory.edge_step_size(x, z, target) * np.abs(target)
    x, z, target, ratio = np.array([x, z, target, ratio])[:, np.abs(ratio - 1) > 0.1]
    limit, flat = theory.convergent_step_size(x, z, target), ratio > 1  # there 1/|target| decides
    assert 0.3 < flat.mean() < 0.7

    def residual(factor):
        step_size = factor * limit
        u, v = descend(x, z, target, step_size, 10000)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.abs(step_size * (u * v - target)), is_bounded(u, v)

    e, _ = residual(np.where(flat, 0.99, 1 - NARROW))
    # near S = 2 the number of steps has a tail like n^-2, so that hardly one takes as many
    assert (e < 1e-6).mean() > 0.999
    e, bounded = residual(np.where(flat, 1.01, 1 + NARROW))
    assert not bounded[~flat].any()
    assert bounded[flat].all()
    assert (e > 0.01)[flat].all()
