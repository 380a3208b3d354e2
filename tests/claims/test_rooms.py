"""The estimators of single rooms, on data whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.claims import apart, averages, convergence, lines, minimum, noise, plane, runs
from lt2f.claims.forms import Status
from lt2f.claims.study import MissingError, Study
from lt2f.dynamics import theory


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.5])
def test_a_power_law_between_two_ends_gives_its_exponent(exponent):
    """Quantiles of P(> n) ~ n^-k on 10 < n < 1000, at the midpoints of 10,000 equal parts."""
    p = (np.arange(10_000) + 0.5) / 10_000
    top = 100.0**-exponent
    steps = 10 * (1 - p * (1 - top)) ** (-1 / exponent)
    found, error = convergence._tail(steps, 10, 1000)
    assert found == pytest.approx(exponent, rel=1e-3)  # midpoints leave out some of the last part
    # Without an upper end it is k/sqrt(N); cutting the tail away can only lose information.
    assert exponent / 100 <= error < 0.05


def test_a_line_through_rates_gives_its_zero():
    mus = np.linspace(0.9, 1.1, 5)
    zero, error = noise.crossing(mus, 3 * (mus - 1.01), np.full(5, 0.03))
    assert zero == pytest.approx(1.01, rel=1e-12)
    assert error == pytest.approx(0.03 / np.sqrt(5) / 3, rel=1e-9)  # of the mean, over the slope


def test_the_area_of_bounded_starts_has_the_error_it_says():
    area, error = plane._area(1.2)
    assert 0 < error < 0.01
    assert abs(area - theory.ellipse_area(1.2)) < 4 * error


MU = np.linspace(1.0, 2.0, 11)


def test_a_passage_lies_between_two_cells():
    after = MU > 1.45
    assert lines.passage(1.42, MU, ~after, after, 0.1).status == Status.AGREES
    assert lines.passage(1.55, MU, ~after, after, 0.1).status == Status.DISAGREES
    assert lines.passage(1.42, MU, ~after, after, 0.01).status == Status.UNDECIDED


def test_a_passage_that_was_not_seen_disagrees_where_it_had_to_be():
    never, ever = np.zeros(11, dtype=bool), np.ones(11, dtype=bool)
    assert lines.passage(1.42, MU, ever, never, 0.1).status == Status.DISAGREES
    assert lines.passage(1.42, MU, never, ever, 0.5).status == Status.DISAGREES
    with pytest.raises(MissingError, match=r"steps of 0\.005 or less beyond mu = 1\.42"):
        lines.passage(1.42, MU, ever, never, 0.01)
    with pytest.raises(MissingError, match=r"beyond mu = 1\.42, and max_period 8 or more$"):
        lines.passage(1.42, MU, ever, never, 0.01, "max_period 8 or more")


def test_the_period_of_samples_is_the_least_power_of_two():
    step = np.arange(100)
    samples = [np.zeros(100), step % 4 == 3, np.sin(step), step % 3, 1e-6 * (step % 2)]
    samples.append(1e-4 * (step % 2))
    assert lines.sampled_period(np.array(samples, dtype=float)).tolist() == [1, 4, 0, 0, 0, 2]


def test_inner_starts_fill_the_ellipse_evenly():
    mu = np.full(20_000, 1.3)
    a, b = runs.inner_starts(mu)
    h = runs.ellipse_side(a, b, mu)
    assert (h < 0).all()
    # Even over the area: h/(mu^2 - 4) is uniform on (0, 1), with mean 1/2 and error 0.29/sqrt(N).
    assert np.mean(h / (mu**2 - 4)) == pytest.approx(0.5, abs=4 * 0.29 / np.sqrt(mu.size))


def test_runs_that_leave_are_told_from_runs_that_stay():
    stays = runs.bounded(np.array([0.5, 9.0]), np.array([0.5, 0.2]), np.full(2, 0.9), 200)
    assert stays.tolist() == [True, False]


@given(
    mu=st.floats(0.01, 1.0),
    turn=st.floats(0.0, 6.3),
    part=st.floats(0.0, 1.0),
    negative=st.booleans(),
)
def test_a_calm_state_stays_calm(mu, turn, part, negative):
    """Proof of the set: |e| and the imbalance never grow in it, and it asks for small ones."""
    # states e = x, a^2 - b^2 = y in all directions, |e| below 1 and S below 2
    x, y = part * np.cos(turn), 2 * part * np.sin(turn)
    s = np.hypot(y, 2 * (mu + x))
    a = np.sqrt(max(s + y, 0.0) / 2)
    b = np.sign(mu + x) * np.sqrt(max(s - y, 0.0) / 2)
    a, b = (-a, -b) if negative else (a, b)
    if not minimum.calm(a, b, mu):
        return
    e = a * b - mu
    assert abs(e) < 1
    c, d = a - e * b, b - e * a
    assert abs(c * d - mu) <= abs(e) + 1e-15
    assert abs(c * c - d * d) <= abs(a * a - b * b) + 1e-14
    assert (c + d) * (a + b) >= 0


def test_every_stable_minimum_is_calm_and_no_other():
    a = np.linspace(0.2, 3.0, 500)
    sharpness = a * a + (0.7 / a) ** 2
    clear = np.abs(sharpness - 2) > 1e-9
    assert (minimum.calm(a, 0.7 / a, 0.7) == (sharpness < 2))[clear].all()


@pytest.mark.parametrize("mu", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("turn", [0.3, 1.0, 1.6, 2.2, 2.9])
def test_next_to_the_edge_of_stability_a_run_turns_round_it(mu, turn):
    """It keeps (2 - S)^2 + 2(1 - mu^2) e^2, S of the minimum with its imbalance, and ends at e = 0.

    So P(2 - S < x) of where runs end goes like x^2, an area in (S, e).
    """
    off = []
    for x in (0.02, 0.005):
        sharpness, e = 2 - x * np.cos(turn), x * np.sin(turn) / np.sqrt(2 * (1 - mu * mu))
        imbalance = np.sqrt(sharpness**2 - 4 * mu * mu)
        a = np.sqrt((np.hypot(imbalance, 2 * (mu + e)) + imbalance) / 2)
        a, b = np.array([a]), np.array([(mu + e) / a])
        *_, (a, b) = runs.descend(a, b, np.array([mu]), int(60 / x))
        assert abs(a[0] * b[0] - mu) < 1e-12  # exp(-60) but for the way round
        off.append(abs((2 - np.hypot(a[0] ** 2 - b[0] ** 2, 2 * mu)) / x - 1))
    # the next order is x, and rounding in steps at most 1e-12
    assert off[1] < 0.35 * off[0] + 1e-6
    assert off[1] < 0.05


@pytest.mark.parametrize("mu", [0.3, 1.7])
def test_cycles_of_the_ellipse_are_told_apart(mu):
    # angles psi = theta/2 pi - 1/8 of the 28 points of period 1 or 3 are multiples of 1/28
    psi = (runs.periodic_points(mu, 3) / (2 * np.pi) - 1 / 8) * 28
    np.testing.assert_allclose(np.sort(np.round(psi) % 28), np.arange(28))
    np.testing.assert_allclose(psi, np.round(psi), atol=1e-8)
    assert runs.ellipse_cycles(mu, 3) == (28 - 4) // 3


def test_a_ratio_of_sums_has_the_error_it_says():
    """Draws that all rows have in common: rows add nothing, and the error must not think so."""
    rng = np.random.default_rng(3)
    found = [apart.ratio(np.repeat(x[np.newaxis], 50, axis=0), np.ones((50, 400)))
             for x in rng.normal(size=(300, 400)) ** 2]  # fmt: skip
    means, widths = np.array(found).T
    assert abs(means.mean() - 1) < 4 * means.std() / np.sqrt(300)
    # five standard deviations of sqrt(2/400) each; estimated from 20 sections, to 16 %
    assert np.median(widths) == pytest.approx(5.1 * np.sqrt(2 / 400), rel=0.1)
    assert (np.abs(means - 1) < widths).all()


@pytest.mark.parametrize("others", [set(), {9, 10}, {*range(3, 21)}, {*range(8, 21)} - {14}])
def test_cycles_on_which_averaging_hurts_have_to_be_those_from_8_on(monkeypatch, others):
    (claim,) = (claim for claim in averages.ROOM.claims if claim.id == "averages_lingers")
    assert claim.check(Study({})).status == Status.AGREES
    monkeypatch.setattr(averages, "_averaging_hurts", lambda n: n in others)
    assert claim.check(Study({})).status == Status.DISAGREES
