"""Runs under weight decay: steps against mpmath, labels against loops as the map is written."""

import mpmath
import numpy as np
import pytest

from lt2f.dynamics import cycles, decay, decayed, labels, orbits
from lt2f.dynamics import kernels as k
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.dynamics.lanes import SILENCE, factors, prepare, weight_decay
from lt2f.dynamics.model import DECAY, QUIET
from lt2f.dynamics.rates import MEASURE
from lt2f.dynamics.survey import Schedule

CELLS = 400
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


@pytest.fixture(scope="module")
def outcome():
    u, v, mu, kappa = plane()
    return labels.explore(u, v, mu, RUN, weight_decay(kappa))


def test_steps_are_those_of_the_definition():
    u, v, mu, kappa = plane(cells=64)
    state = prepare(u, v, mu, weight_decay(kappa))
    k.ITERATE[DECAY](state, 8, 0, SILENCE.sequence)
    for j in range(64):
        with mpmath.workdps(60):
            a, b = mpmath.mpf(u[j]) + mpmath.mpf(v[j]), mpmath.mpf(u[j]) - mpmath.mpf(v[j])
            size = mpmath.mpf(1)
            for _ in range(8):
                e = a * b - mpmath.mpf(mu[j])
                q = 1 - mpmath.mpf(kappa[j])
                size = size * (1 + q + abs(e) + a * a + b * b) + 1  # how far rounding is stretched
                a, b = q * a - e * b, q * b - e * a
            if abs(a) + abs(b) > 1e6:
                continue
            assert abs(mpmath.mpf(state[k.U, j]) - (a + b) / 2) <= 16 * 2.0**-53 * size
            assert abs(mpmath.mpf(state[k.V, j]) - (a - b) / 2) <= 16 * 2.0**-53 * size


@pytest.mark.parametrize("table", [k.ITERATE, k.SETTLE], ids=["iterate", "settle"])
def test_no_decay_has_the_bits_of_the_map_itself(table):
    u, v, mu, _ = plane(5)
    states = [prepare(u, v, mu), prepare(u, v, mu, weight_decay(np.zeros(CELLS)))]
    for law, state in zip((QUIET, DECAY), states, strict=True):
        table[law](state, 100, 0, SILENCE.sequence)
    for row in (k.U, k.V, k.U_LIFT, k.V_LIFT):
        np.testing.assert_array_equal(states[0][row], states[1][row])


def test_exponents_are_those_of_the_jacobians():
    """Of 200 steps each: the product of Jacobians as the definition has them, in 60 digits."""
    u, v, mu, kappa = plane(7, cells=64)
    steps = 200
    state = prepare(u, v, mu, weight_decay(kappa))
    kept = np.empty((32, state.shape[1]))
    MEASURE[DECAY](state, np.array([0, steps]), SILENCE.sequence, kept)
    compared = 0
    for j in range(64):
        with mpmath.workdps(60):
            a, b = mpmath.mpf(u[j]) + mpmath.mpf(v[j]), mpmath.mpf(u[j]) - mpmath.mpf(v[j])
            q, m = 1 - mpmath.mpf(kappa[j]), mpmath.mpf(mu[j])
            tangent = mpmath.matrix([1.75, 0.25])  # (X, Y) = (1, 3/4) in a and b
            area, calm = mpmath.mpf(0), True
            for _ in range(steps):
                e = a * b - m
                jacobian = mpmath.matrix([[q - b * b, m - 2 * a * b], [m - 2 * a * b, q - a * a]])
                tangent, area = jacobian * tangent, area + mpmath.log(abs(mpmath.det(jacobian)))
                a, b = q * a - e * b, q * b - e * a
                calm = calm and abs(a) + abs(b) < 4
                if not calm:
                    break
            norm = mpmath.norm(tangent) / mpmath.sqrt(2) / mpmath.sqrt(1 + 0.75**2)
            first = float(mpmath.log(norm)) / steps if calm else np.nan
        # What is not chaotic keeps the digits of its start; where a Jacobian is next to singular
        # its logarithm loses some.
        if calm and first < -0.01:
            assert kept[0, j] == pytest.approx(first, abs=1e-9)
            assert kept[0, j] + kept[1, j] == pytest.approx(float(area) / steps, abs=1e-7)
            compared += 1
    assert compared > 10


def test_every_label_is_what_a_plain_loop_sees(outcome):
    u, v, mu, kappa = plane()
    *_, (a, b) = descend(u, v, mu, kappa, 6000)
    tail = np.array([z for z, _ in descend((a + b) / 2, (a - b) / 2, mu, kappa, 128)])
    regime = outcome["regime"]
    gone = ~(np.abs(a) < 1e3)
    np.testing.assert_array_equal(regime == Regime.DIVERGENT, gone)
    origin = np.abs(a) + np.abs(b) < 1e-9
    np.testing.assert_array_equal(regime == Regime.COLLAPSED, origin)
    rests = np.isin(regime, [Regime.MONOTONE, Regime.CATAPULT])
    np.testing.assert_allclose(
        tail[:, rests], np.broadcast_to(a[rests], (128, rests.sum())), atol=1e-9
    )
    np.testing.assert_allclose((a * b)[rests], (mu - kappa)[rests], atol=1e-9)
    periodic = np.flatnonzero(regime == Regime.PERIODIC)
    for j in periodic:
        period = outcome["period"][j]
        np.testing.assert_allclose(tail[period:, j], tail[:-period, j], atol=1e-6)
        assert np.abs(tail[1 : period - 1, j] - tail[0, j]).min(initial=1.0) > 1e-6 or period == 2
    counts = np.bincount(regime, minlength=8)
    assert (counts[[Regime.MONOTONE, Regime.CATAPULT, Regime.PERIODIC, Regime.CHAOTIC]] > 5).all()
    assert counts[Regime.UNDECIDED] <= 4  # next to a bifurcation


def test_the_loss_with_weights_rises_exactly_in_catapults(outcome):
    u, v, mu, kappa = plane()
    rests = np.isin(outcome["regime"], [Regime.MONOTONE, Regime.CATAPULT])
    last, rose = np.full(CELLS, np.inf), np.zeros(CELLS, dtype=bool)
    for a, b in [(u + v, u - v), *descend(u, v, mu, kappa, 3000)]:
        with np.errstate(all="ignore"):
            loss = (a * b - mu) ** 2 + kappa * (a * a + b * b)
            rose |= loss > last * (1 + 1e-9)  # a rise as small as rounding is none
        last = loss
    np.testing.assert_array_equal(outcome["regime"][rests] == Regime.CATAPULT, rose[rests])


def test_no_label_is_owed_to_a_theorem_of_the_map_without_decay(outcome):
    assert set(np.unique(outcome["decided_by"])) <= {
        DecidedBy.NONE, DecidedBy.CYCLE, DecidedBy.MEASUREMENT
    }  # fmt: skip


def test_shortcuts_change_no_label():
    u, v, mu, kappa = plane(11)
    quick, slow = (
        labels.explore(u, v, mu, Schedule(3000, 3000, shortcuts=s), weight_decay(kappa))
        for s in (True, False)
    )
    for name in ("regime", "period", "decided_by", "branch"):
        np.testing.assert_array_equal(quick[name], slow[name])


def test_at_rest_everything_is_the_closed_form():
    rng = np.random.default_rng(13)
    kappa = rng.uniform(0.02, 0.9, 200)
    mu = kappa + rng.uniform(0.05, 0.95, 200)
    x = np.sqrt(mu - kappa) * rng.uniform(0.7, 1.2, 200)
    found = labels.explore(x, 0.1 * x, mu, RUN, weight_decay(kappa))
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
    found = labels.explore(np.full(100, 0.9), np.full(100, 1e-3), mu, RUN, weight_decay(kappa))
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
    report = np.zeros((cycles.ROWS, 1))
    report[cycles.PERIOD] = 2
    assert decay.two_cycle_multipliers(nu + kappa, kappa)[1] > 1
    decayed.hold(np.sqrt([f + nu]), np.array([nu]), np.array([kappa]), report)
    assert report[cycles.PERIOD, 0] == cycles.UNSTABLE


def test_orbits_and_trajectories_decay():
    u, v = np.array([0.6, 0.3]), np.array([0.2, 0.1])
    mu, law = np.array([0.9, 0.2]), weight_decay(np.array([0.3, 0.5]))
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
    state = prepare(np.array([0.3]), np.array([0.2]), mu, weight_decay(kappa))
    k.ITERATE[DECAY](state, 20000, 0, SILENCE.sequence)
    assert (np.abs(state[[k.U, k.V], 0]) > 1e-200).all()
    assert (np.array(factors(state))[:, 0] == 0.0).all()
    grown = (state[[k.U_LIFT, k.V_LIFT], 0] - np.log2(np.abs(state[[k.U, k.V], 0]))) / 20000
    # all but the first steps, of order one in 20000
    np.testing.assert_allclose(
        -grown, np.log2(decay.origin_multipliers(mu, kappa))[:, 0], rtol=1e-3
    )
