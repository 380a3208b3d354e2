"""Windows: each event against many digits, and as orbits see it."""

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from lt2f.dynamics import superstable
from lt2f.dynamics.windows import window

WINDOWS = {word: window(word) for word in ("R", *superstable.words(3))}
FIRST = WINDOWS["ML"]


def exactly(number):
    return mp.mpf(str(number))


def near(x):
    return x, x + mp.mpf(10) ** -20


def residual(e, mu):
    return e * (e * e + (mu - 2) * e + 1 - 2 * mu)


@pytest.mark.parametrize("word", [w for n in range(2, 6) for w in superstable.words(n)])
def test_events_of_a_window_come_in_order(word):
    if word in ("M", "MLM", "RMR"):  # born where the cycle of half the period doubles
        with pytest.raises(ValueError, match="no cycle"):
            window(word)
        return
    found = window(word)
    mus = [root.mu for root in found[1:]]
    assert mus == sorted(mus)
    assert all(root.error < 1e-34 for root in found[1:])


@pytest.mark.parametrize("word", WINDOWS)
@pytest.mark.parametrize(("event", "multiplier"), [("opens", 1), ("doubles", -1)])
def test_cycles_in_many_digits(word, event, multiplier):
    period, found = len(word) + 1, getattr(WINDOWS[word], event)

    def closing(e, mu):
        image, slope = e, mp.mpf(1)
        for _ in range(period):
            slope *= (image - 1) * (3 * image - 1 + 2 * mu)
            image = residual(image, mu)
        return image - e, slope - multiplier

    with mp.workdps(60):
        mu, free = exactly(found.mu), (1 - 2 * exactly(found.mu)) / 3
        # The cycle's point next to the free critical point, where the return map is a parabola.
        guesses = np.linspace(float(free) - 0.03, float(free) + 0.03, 601)
        least = min(guesses, key=lambda e: sum(abs(left) for left in closing(e, float(mu))))
        point = mp.findroot(closing, (mp.mpf(float(least)), mu), tol=1e-80)
        assert abs(point[1] - mu) <= exactly(found.error) < mp.mpf(10) ** -36


@pytest.mark.parametrize("word", WINDOWS)
@pytest.mark.parametrize(("event", "returns"), [("merges", (4, 3)), ("closes", (3, 2))])
def test_landings_in_many_digits(word, event, returns):
    found = getattr(WINDOWS[word], event)
    later, earlier = (n * (len(word) + 1) for n in returns)

    def landing(mu):
        e = [(1 - 2 * mu) / 3]
        for _ in range(later):
            e.append(residual(e[-1], mu))
        return e[later] - e[earlier]

    with mp.workdps(60):
        mu = exactly(found.mu)
        assert abs(mp.findroot(landing, near(mu)) - mu) <= exactly(found.error)
        assert found.error < 1e-36


def test_the_window_of_residual_period_two_has_closed_forms():
    found = WINDOWS["R"]
    with mp.workdps(60):
        truths = 2 * mp.sqrt(2) - 1, mp.sqrt((13 + 3 * mp.sqrt(41)) / 4) - 1
        for root, truth in zip((found.opens, found.doubles), truths, strict=True):
            assert abs(exactly(root.mu) - truth) <= exactly(root.error) < mp.mpf(10) ** -36


def settled(mu, steps=60_000):
    x, orbit = math.sqrt((1 + mu) / 3), np.empty(steps)
    for _ in range(100_000):
        x *= 1 + mu - x * x
    for step in range(steps):
        x *= 1 + mu - x * x
        orbit[step] = x
    return orbit


def period_of(orbit, longest=24):
    returns = np.abs(orbit[1 : longest + 1] - orbit[0]) < 1e-9
    return int(np.argmax(returns)) + 1 if returns.any() else None


@pytest.mark.parametrize("word", WINDOWS)
def test_periods_within(word):
    found, n = WINDOWS[word], len(word) + 1
    turned = superstable.flips(word) < 0
    opens, doubles = float(found.opens.mu), float(found.doubles.mu)
    step = (doubles - opens) / 20
    for mu in (opens + step, doubles - step):
        orbit = settled(mu)
        assert period_of(orbit**2) == n
        assert period_of(orbit) == (2 * n if turned else n)
    beyond = settled(doubles + step)
    # A pitchfork in (a, b) where x comes back turned, else a doubling.
    assert period_of(beyond**2) == period_of(beyond) == 2 * n
    assert period_of(settled(opens - step) ** 2) is None


def crosses(mine, other):
    """Tell whether two sets of points, seen as intervals, overlap."""
    return max(mine.min(), other.min()) < min(mine.max(), other.max())


@pytest.mark.parametrize("word", WINDOWS)
def test_bands_or_mirrored_attractors_merge(word):
    found, n = WINDOWS[word], len(word) + 1
    sign = superstable.flips(word)
    step = float(found.closes.mu - found.opens.mu) / 100
    for mu, apart in (
        (float(found.merges.mu) - step, True),
        (float(found.merges.mu) + step, False),
    ):
        orbit = settled(mu)
        # The band of every 2n-th point, and the other that n steps and the sign make of it.
        assert crosses(orbit[:: 2 * n], sign * orbit[n :: 2 * n]) != apart


@pytest.mark.parametrize("word", WINDOWS)
def test_the_crisis_ends_it(word):
    found, n = WINDOWS[word], len(word) + 1
    step = float(found.closes.mu - found.opens.mu) / 100
    inside, outside = (
        np.ptp(np.abs(settled(float(found.closes.mu) + aside)[::n])) for aside in (-step, step)
    )
    assert outside > 3 * inside


def test_the_window_about_1_7():
    found = WINDOWS["RL"]
    assert found.opens.mu < 1.7 < found.doubles.mu
    orbit = settled(1.7)
    assert (period_of(orbit**2), period_of(orbit)) == (3, 6)


# The first cycle of residual period 3


def three_cycles(mu):
    """Count the cycles of residual period 3 at a rational mu, exactly."""
    s, k = sp.symbols("s"), 1 + mu
    image = sp.Poly(s, s)
    for _ in range(3):
        image = image * (k - image) ** 2
    fixed = sp.Poly(s * (k - s) ** 2 - s, s)
    points, rest = sp.div(image - sp.Poly(s, s), fixed)
    assert rest == 0
    return points.count_roots(0, k + 1) // 3


def test_three_cycles_are_born_in_pairs_at_each_window():
    # Sturm's sequences at short fractions next to each opening: 2, 4, 6, 8 cycles, none before.
    for index, word in enumerate(("ML", "RL", "RM", "RR")):
        opens = sp.Rational(round(1e5 * float(WINDOWS[word].opens.mu)), 10**5)
        assert three_cycles(opens - sp.Rational(1, 10**5)) == 2 * index
        assert three_cycles(opens + sp.Rational(1, 10**5)) == 2 * index + 2


# Intervals, as pairs of arrays. Every term is below 100, so that 1e-13 covers its rounding.
SLACK = 1e-13


def times(a, b):
    products = [x * y for x in a for y in b]
    return np.minimum.reduce(products) - SLACK, np.maximum.reduce(products) + SLACK


def image(sigma, r):
    """Enclose r sigma (1 - sigma)^2 for sigma >= 0, which turns at 1/3 and 1."""
    ends = [x * (1 - x) ** 2 for x in sigma]
    low, high = np.minimum(*ends), np.maximum(*ends)
    low = np.where((sigma[0] <= 1) & (sigma[1] >= 1), 0.0, low)
    high = np.where((sigma[0] <= 1 / 3) & (sigma[1] >= 1 / 3), np.maximum(high, 4 / 27), high)
    found = times(r, (low - SLACK, high + SLACK))
    return np.maximum(found[0], 0.0), found[1]


def difference(x, y, r):
    """Enclose the divided difference of the map, r ((1 - x - y)^2 - x y)."""
    rest = 1 - x[1] - y[1], 1 - x[0] - y[0]
    squares = [end * end for end in rest]
    low = np.where((rest[0] <= 0) & (rest[1] >= 0), 0.0, np.minimum(*squares))
    return times(r, (low - x[1] * y[1] - SLACK, np.maximum(*squares) - x[0] * y[0] + SLACK))


def test_intervals_prove_that_no_three_cycle_comes_before():
    """Cut boxes of (sigma, r) until the polynomial of the three-cycles is positive on each.

    With r = k^2 and s = k sigma the map is g(sigma) = r sigma (1 - sigma)^2, and
    (g^3(s) - s)/(g(s) - s) = 1 + D_01 + D_12 D_01 with its divided differences along the orbit.
    Cycles other than the fixed ends stay below the critical value, 4r/27 <= 4/3.
    """
    most = (1 + float(FIRST.opens.mu) - 1e-5) ** 2
    sigma, r = (np.array([0.0]), np.array([4 / 3 + SLACK])), (np.array([0.0]), np.array([most]))
    for _ in range(40):
        once = image(sigma, r)
        d_01, d_12 = difference(sigma, once, r), difference(once, image(once, r), r)
        product = times(d_01, (1 + d_12[0] - SLACK, 1 + d_12[1] + SLACK))
        open_ = ~(1 + product[0] > SLACK)
        if not open_.any():
            return
        sigma, r = quarters(*((x[0][open_], x[1][open_]) for x in (sigma, r)))
    raise AssertionError("boxes are left")


def quarters(x, y):
    """Cut each box into four."""
    left, right = (x[0], (x[0] + x[1]) / 2), ((x[0] + x[1]) / 2, x[1])
    below, above = (y[0], (y[0] + y[1]) / 2), ((y[0] + y[1]) / 2, y[1])
    boxes = [(a, b) for a in (left, right) for b in (below, above)]
    return tuple(
        tuple(np.concatenate([box[axis][end] for box in boxes]) for end in (0, 1))
        for axis in (0, 1)
    )
