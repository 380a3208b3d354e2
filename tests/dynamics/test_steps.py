"""Laws of the step: each in the list keeps its word, and labels are what plain loops see."""

import mpmath
import numpy as np
import pytest

from lt2f.dynamics import cycles, labels, orbits
from lt2f.dynamics import kernels as k
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.dynamics.lanes import INDEX, SILENCE, prepare, steady
from lt2f.dynamics.model import QUIET
from lt2f.dynamics.rates import MEASURE
from lt2f.dynamics.steps import MAP, STEPS, of_step
from lt2f.dynamics.survey import Schedule

CELLS = 400
RUN = Schedule(3000, 3000)
RESTS = Regime.MONOTONE, Regime.CATAPULT

# Numbers of many digits on which laws compute as on others: np.tanh of an object is its x.tanh().
FINE = type(mpmath.mp)()
ALIKE = "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "sinh", "cosh", "tanh"
OTHERS = {"arctan": FINE.atan, "arcsinh": FINE.asinh}
for function, fine in ({name: getattr(FINE, name) for name in ALIKE} | OTHERS).items():
    setattr(FINE.mpf, function, lambda x, fine=fine: fine(x))

every = pytest.mark.parametrize("name", STEPS)
fitting = pytest.mark.parametrize("name", [name for name, law in STEPS.items() if law.fits])


def plane(name, seed=3, cells=CELLS):
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(-1.1, 1.1, (2, cells))
    mu, s = rng.uniform(0.02, 2.3, cells), rng.uniform(0.01, min(STEPS[name].below, 1.2), cells)
    return u, v, mu, s


def descend(name, u, v, mu, s, steps):
    """Yield (a, b) from the start on, step by step, as descent is written."""
    law, (a, b) = STEPS[name], (u + v, u - v)
    yield a, b
    with np.errstate(all="ignore"):
        for _ in range(steps):
            r, q = law.derivatives(a * b - mu, s)[0], law.kept(s)
            a, b = q * a - r * b, q * b - r * a
            yield a, b


@pytest.fixture(scope="module")
def outcomes():
    return {
        name: labels.explore(*plane(name)[:3], RUN, steady(name, plane(name)[3])) for name in STEPS
    }


# What a law says of itself


@every
def test_derivatives_are_those_of_the_loss(name):
    """By differences of the loss and of the derivative before: right to the square of the step."""
    law, h = STEPS[name], 1e-4
    e, s = np.meshgrid(np.linspace(-3, 3, 41), np.linspace(0.01, min(law.below, 2), 9)[:-1])
    before = [
        lambda x: law.loss(x, 0.0, s),
        *(lambda x, i=i: law.derivatives(x, s)[i] for i in (0, 1)),
    ]
    for function, found in zip(before, law.derivatives(e, s), strict=True):
        slope = (function(e + h) - function(e - h)) / (2 * h)
        # the next two derivatives of these are of order one to some tens
        np.testing.assert_allclose(slope, found + 0 * e, atol=1e-6)


@every
def test_a_step_goes_down_the_loss_with_its_weights(name):
    """It takes a to a less the derivative of the loss by a, found by differences."""
    law, (u, v, mu, s) = STEPS[name], plane(name, cells=50)
    h = 1e-5

    def loss(a, b):
        return law.loss(a * b - mu, a * a + b * b, s)

    a, b = u + v, u - v
    _, (after_a, after_b) = descend(name, u, v, mu, s, 1)
    slope = (loss(a + h, b) - loss(a - h, b)) / (2 * h)
    np.testing.assert_allclose(after_a, a - slope, atol=1e-6)
    slope = (loss(a, b + h) - loss(a, b - h)) / (2 * h)
    np.testing.assert_allclose(after_b, b - slope, atol=1e-6)


@every
def test_strength_zero_is_the_map_itself(name):
    law, e = STEPS[name], np.linspace(-3, 3, 61)
    for ours, of_map in zip(law.derivatives(e, 0.0), MAP.derivatives(e, 0.0), strict=True):
        np.testing.assert_array_equal(ours + 0.0 * e, of_map + 0.0 * e)
    assert law.kept(0.0) == 1.0
    np.testing.assert_array_equal(law.loss(e, 1.0, 0.0), MAP.loss(e, 1.0, 0.0))


@every
def test_the_loss_keeps_its_digits_next_to_the_minimum(name):
    """Else it rises by rounding, and what converges slowly is called a catapult.

    Against the integral of l'. A formula may cost some hundred roundings, cancellation costs all.
    """
    law = STEPS[name]
    for e in (-1e-2, 1e-3, -1e-5, 1e-7, 1e-10):
        for s in (1e-3, 0.1, 0.9):
            with FINE.workdps(30):
                strength = FINE.mpf(s)
                true = FINE.quad(lambda x, s=strength: law.derivatives(x, s)[0], [0, e])
            assert float(true) == pytest.approx(law.loss(e, 0.0, s), rel=1e-12, abs=0.0)


@fitting
def test_minima_that_fit_are_those_of_the_map(name):
    law, s = STEPS[name], np.linspace(0.0, min(STEPS[name].below, 5.0), 21)[:-1]
    slope, curvature, _ = law.derivatives(np.zeros_like(s), s)
    np.testing.assert_array_equal(slope, 0.0)
    np.testing.assert_array_equal(curvature + 0.0 * s, 1.0)
    np.testing.assert_array_equal(law.kept(s) + 0.0 * s, 1.0)


@every
def test_a_law_is_named_by_its_coordinate(name):
    assert of_step({"mu", name}, "none") == STEPS[name].name == name
    assert of_step({"mu"}, "target") == "target"


# Kernels


@every
@pytest.mark.parametrize("table", [k.ITERATE, k.SETTLE], ids=["iterate", "settle"])
def test_no_strength_has_the_bits_of_the_map_itself(name, table):
    u, v, mu, _ = plane(name, 5)
    states = [prepare(u, v, mu), prepare(u, v, mu, steady(name, np.zeros(CELLS)))]
    for law, state in zip((QUIET, INDEX[name]), states, strict=True):
        table[law](state, 100, 0, SILENCE.sequence)
    for row in (k.U, k.V, k.U_LIFT, k.V_LIFT):
        np.testing.assert_array_equal(states[0][row], states[1][row])


@every
def test_steps_are_those_of_the_definition(name):
    """In 60 digits."""
    u, v, mu, s = plane(name, cells=128)
    state, law = prepare(u, v, mu, steady(name, s)), STEPS[name]
    k.ITERATE[INDEX[name]](state, 8, 0, SILENCE.sequence)
    compared = 0
    for j in range(128):
        with FINE.workdps(60):
            a, b, m, strength = map(FINE.mpf, (u[j] + v[j], u[j] - v[j], mu[j], s[j]))
            off = FINE.mpf(0)  # in roundings
            for _ in range(8):
                (r, h, _), q = law.derivatives(a * b - m, strength), law.kept(strength)
                # a Jacobian stretches what was off before, and a step rounds some twenty times
                size = 1 + abs(q) + abs(r) + abs(h) * (a * a + b * b)
                off = size * off + 20 * size * (1 + abs(a) + abs(b))
                a, b = q * a - r * b, q * b - r * a
                if abs(a) + abs(b) > 1e3:
                    break  # farther out a loss may leave all numbers
            else:
                assert abs(FINE.mpf(state[k.U, j]) - (a + b) / 2) <= off * 2.0**-53
                assert abs(FINE.mpf(state[k.V, j]) - (a - b) / 2) <= off * 2.0**-53
                compared += off < 2.0**40
    assert compared > 20


@every
def test_exponents_are_those_of_the_jacobians(name):
    """Of 200 steps each: what the product of Jacobians makes of a vector and of areas."""
    u, v, mu, s = plane(name, 7, cells=128)
    steps, law = 200, STEPS[name]
    state = prepare(u, v, mu, steady(name, s))
    kept = np.empty((32, state.shape[1]))
    MEASURE[INDEX[name]](state, np.array([0, steps]), SILENCE.sequence, kept)
    compared = 0
    for j in range(128):
        first, area = _exponents(law, u[j] + v[j], u[j] - v[j], mu[j], s[j], steps)
        # What is not chaotic keeps the digits of its start; where a Jacobian is next to singular
        # its logarithm loses some.
        if first < -0.01:
            assert kept[0, j] == pytest.approx(first, abs=1e-9)
            assert kept[0, j] + kept[1, j] == pytest.approx(area, abs=1e-7)
            compared += 1
    assert compared > 10


def _exponents(law, a, b, mu, s, steps):
    """Rates at which a vector and areas grow, in 60 digits; NaN if weights leave a radius of 4."""
    with FINE.workdps(60):
        a, b, mu, s = map(FINE.mpf, (a, b, mu, s))
        vector, area = FINE.matrix([1.75, 0.25]), FINE.mpf(0)  # (1, 3/4) in U and V
        for _ in range(steps):
            (r, h, _), q = law.derivatives(a * b - mu, s), law.kept(s)
            across = -r - h * a * b
            jacobian = FINE.matrix([[q - h * b * b, across], [across, q - h * a * a]])
            vector, area = jacobian * vector, area + FINE.log(abs(FINE.det(jacobian)))
            a, b = q * a - r * b, q * b - r * a
            if abs(a) + abs(b) > 4:
                return np.nan, np.nan
        first = FINE.log(FINE.norm(vector) / FINE.sqrt(2) / FINE.sqrt(1 + 0.75**2))
        return float(first) / steps, float(area) / steps


# What a run becomes


@every
def test_every_label_is_what_a_plain_loop_sees(name, outcomes):
    u, v, mu, s = plane(name)
    law, outcome = STEPS[name], outcomes[name]
    *_, (a, b) = descend(name, u, v, mu, s, 6000)
    tail = np.array([z for z, _ in descend(name, (a + b) / 2, (a - b) / 2, mu, s, 127)])
    regime = outcome["regime"]
    np.testing.assert_array_equal(regime == Regime.DIVERGENT, ~(np.abs(a) < 1e3))
    np.testing.assert_array_equal(regime == Regime.COLLAPSED, a * a + b * b < 1e-20)
    rests = np.isin(regime, RESTS)
    still = np.broadcast_to(a[rests], (128, rests.sum()))
    np.testing.assert_allclose(tail[:, rests], still, atol=1e-9)
    product = mu + law.rest_residual(s)
    np.testing.assert_allclose((a * b)[rests], product[rests], atol=1e-9)
    for j in np.flatnonzero(regime == Regime.PERIODIC):
        period = outcome["period"][j]
        np.testing.assert_allclose(tail[period:, j], tail[:-period, j], atol=1e-6)
        assert np.abs(tail[1 : period - 1, j] - tail[0, j]).min(initial=1.0) > 1e-6 or period == 2
    counts = np.bincount(regime, minlength=8)
    assert (counts[[*RESTS, Regime.PERIODIC, Regime.CHAOTIC]] > 5).all()
    assert counts[Regime.UNDECIDED] <= 8  # next to a bifurcation


@every
def test_the_loss_rises_exactly_in_catapults(name, outcomes):
    u, v, mu, s = plane(name)
    law, rests = STEPS[name], np.isin(outcomes[name]["regime"], RESTS)
    last, rose = np.full(CELLS, np.inf), np.zeros(CELLS, dtype=bool)
    for a, b in descend(name, u, v, mu, s, 3000):
        with np.errstate(all="ignore"):
            loss = law.loss(a * b - mu, a * a + b * b, s)
            # a rise as small as rounding is none, nor is one below the converged loss
            rose |= (loss > last * (1 + 1e-9)) & (last > 0.5e-24)
        last = loss
    np.testing.assert_array_equal(outcomes[name]["regime"][rests] == Regime.CATAPULT, rose[rests])


@every
def test_no_label_is_owed_to_a_theorem_of_the_map(name, outcomes):
    evidence = set(np.unique(outcomes[name]["decided_by"]))
    assert evidence <= {DecidedBy.NONE, DecidedBy.CYCLE, DecidedBy.MEASUREMENT}


@every
def test_shortcuts_change_no_label(name):
    u, v, mu, s = plane(name, 11)
    quick, slow = (
        labels.explore(u, v, mu, Schedule(3000, 3000, shortcuts=short), steady(name, s))
        for short in (True, False)
    )
    for variable in ("regime", "period", "decided_by", "branch"):
        np.testing.assert_array_equal(quick[variable], slow[variable])


@every
def test_cycles_have_the_multipliers_of_a_finer_computation(name, outcomes):
    """Newton's method in 50 digits on the balanced line; exponents agree within their errors."""
    _, _, mu, s = plane(name)
    outcome, law = outcomes[name], STEPS[name]
    compared = 0
    for j in np.flatnonzero((outcome["regime"] == Regime.PERIODIC) & (outcome["period"] < 9))[:12]:
        period = int(outcome["period"][j])
        *_, (a, b) = descend(name, *(x[j : j + 1] for x in plane(name)), 6000)
        start = float((a + b)[0] / 2)
        along, across, loss = _refined(law, start, mu[j], s[j], period)
        errors = outcome["lyapunov_error"][j]
        assert sorted(outcome["lyapunov"][j]) == pytest.approx(
            sorted([along, across]), abs=errors.max()
        )
        assert abs(outcome["transverse_lyapunov"][j] - across) <= errors.max()
        assert abs(outcome["loss_mean"][j] - loss) <= outcome["loss_mean_error"][j]
        assert errors.max() < 1e-9
        compared += 1
    assert compared > 5


def _refined(law, x, mu, s, period):
    """Exponents along and across, and the mean of e^2/2, of the cycle next to x; shape ()."""
    with FINE.workdps(50):
        x, mu, s = FINE.mpf(x), FINE.mpf(mu), FINE.mpf(s)

        for _ in range(8):
            y, slope = x, FINE.mpf(1)
            for _ in range(period):
                (r, h, _), q = law.derivatives(y * y - mu, s), law.kept(s)
                y, slope = (q - r) * y, slope * (q - r - 2 * h * y * y)
            x -= (y - x) / (slope - 1)
        along = across = loss = FINE.mpf(0)
        for _ in range(period):
            e = x * x - mu
            (r, h, _), q = law.derivatives(e, s), law.kept(s)
            along += FINE.log(abs(q - r - 2 * h * x * x)) / period
            across += FINE.log(abs(q + r)) / period
            loss += e * e / 2 / period
            x = (q - r) * x
    return float(along), float(across), float(loss)


@fitting
def test_at_rest_everything_is_the_closed_form(name, outcomes):
    outcome = outcomes[name]
    rests = np.isin(outcome["regime"], RESTS)
    mu = plane(name)[2][rests]
    norm = np.hypot(outcome["imbalance_final"][rests], 2 * mu)
    np.testing.assert_allclose(outcome["sharpness"][rests], norm, rtol=1e-14)
    assert (norm < 2).all()
    known = np.sort(np.stack([np.zeros_like(mu), np.log(np.abs(1 - norm))]), axis=0)[::-1].T
    np.testing.assert_allclose(outcome["lyapunov"][rests], known, rtol=1e-12, atol=1e-14)


# The pseudo-Huber loss


def test_below_a_scale_of_two_no_balanced_start_escapes():
    rng = np.random.default_rng(19)
    x, mu, s = rng.uniform(-30, 30, 500), rng.uniform(0, 40, 500), rng.uniform(0.501, 3, 500)
    found = labels.explore(x, np.zeros(500), mu, Schedule(300, 300), steady("huber", s))
    assert (found["regime"] != Regime.DIVERGENT).all()
    # and above it some do: far out a step multiplies x by 1 - delta, here by -3
    far = labels.explore(
        *np.array([[1e2], [0.0], [1.0]]), Schedule(300, 300), steady("huber", np.array([0.25]))
    )
    assert (far["regime"] == Regime.DIVERGENT).all()


def test_below_a_scale_of_root_two_no_imbalance_grows():
    rng = np.random.default_rng(23)
    u, v = rng.uniform(-3, 3, (2, 500))
    mu, s = rng.uniform(0, 3, 500), rng.uniform(0.5**0.5, 3, 500)
    _, _, imbalance = orbits.trajectory(u, v, mu, steady("huber", s), 60)
    # each step rounds both factors
    assert (np.abs(imbalance[:, 1:]) <= np.abs(imbalance[:, :-1]) * (1 + 1e-15)).all()
    grown = orbits.trajectory(
        np.array([3.0]), np.array([1e-3]), np.ones(1), steady("huber", np.array([0.5])), 2
    )
    assert abs(grown[2][0, 1]) > abs(grown[2][0, 0])


def test_near_the_minimum_a_cycle_is_that_of_the_cubic():
    """Two steps of x' = (1 - l') x: the doubled cycle of mu just beyond 1 has l' of both signs."""
    mu, s = np.array([1.1]), np.array([0.7])
    report = np.zeros((cycles.ROWS, 1))
    *_, (x, _) = descend("huber", np.array([0.9]), np.zeros(1), mu, s, 4000)
    cycles.find(INDEX["huber"], x, np.zeros(1), mu, s, 4, report)
    assert report[cycles.PERIOD, 0] == 2
    (x, _), (y, _) = list(descend("huber", x, np.zeros(1), mu, s, 1))
    first, second = (STEPS["huber"].derivatives(z * z - mu, s)[0] for z in (x, y))
    assert ((1 - first) * (1 - second))[0] == pytest.approx(1.0, abs=1e-12)  # x returns
    across = np.log(np.abs((1 + first) * (1 + second)))[0] / 2
    assert report[cycles.TRANSVERSE, 0] == pytest.approx(across, abs=1e-12)
