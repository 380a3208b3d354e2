"""Curves and points that are drawn as exact are."""

import numpy as np
import pytest

from lt2f.dynamics.steps import MAP, STEPS, Step
from lt2f.explore import exact

HUBER = STEPS["huber"]


def columns(mu, kappa):
    step = STEPS["decay"] if kappa else MAP
    return dict(zip(exact.COLUMNS, exact.curves(mu, step, kappa), strict=True))


def step(a, b, mu, kappa):
    e = a * b - mu
    return (1 - kappa) * a - e * b, (1 - kappa) * b - e * a


def known(*values):
    some = np.isfinite(values[0])
    return [x[some] for x in values]


@pytest.mark.parametrize("kappa", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("mu", [0.05, 0.5, 0.9, 1.3, 1.9])
def test_the_cobweb_has_the_map_of_the_balanced_line(mu, kappa):
    found = columns(mu, kappa)
    assert len({x.size for x in found.values()}) == 1  # they travel together
    x, after = found["x"], found["next"]
    # Terms up to 10, each rounded.
    assert np.allclose(after, step(x, x, mu, kappa)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("mu", "kappa"), [(0.5, 0.1), (1.1, 0.2), (1.3, 0.2), (0.1, 0.4)])
def test_with_decay_points_at_rest_are_at_rest_and_stable_where_it_says(mu, kappa):
    found = columns(mu, kappa)
    for names, stable in ((("ra", "rb"), False), (("qa", "qb"), True)):
        a, b = known(*(found[name] for name in names))
        # Weights are of order one.
        assert np.allclose(step(a, b, mu, kappa), (a, b), rtol=0, atol=1e-15)
        for x, y in zip(a, b, strict=True):
            off = mu - 2 * x * y
            jacobian = [[1 - kappa - y * y, off], [off, 1 - kappa - x * x]]
            assert (np.abs(np.linalg.eigvalsh(jacobian)).max() < 1) == stable
    assert np.isfinite(found["qa"]).any() == (mu - kappa < 1)
    assert not np.isfinite(found["ma"]).any()  # there are no lines of minima


@pytest.mark.parametrize(("mu", "kappa"), [(0.5, 0.1), (1.1, 0.2), (1.7, 0.2), (0.1, 0.4)])
def test_with_decay_what_is_drawn_stays_bounded_and_what_is_beyond_does_not(mu, kappa):
    a, b = known(*(columns(mu, kappa)[name] for name in ("ea", "eb")))
    assert (np.abs(a) == np.abs(b)).all()
    lines = [np.flatnonzero((a == sign * b) & (a != 0)) for sign in (1, -1)]
    assert min(line.size for line in lines) > 100
    ends = np.array([(a[line[-1]], b[line[-1]]) for line in lines]).T
    for part, gone in ((0.999, False), (1.001, True)):
        x, y = part * ends
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(300):
                x, y = step(x, y, mu, kappa)
        assert ((~(np.abs(x) < 10)) == gone).all()


def soften(a, b, mu, s):
    e = a * b - mu
    r = e / np.sqrt(1 + (s * e) ** 2)
    return a - r * b, b - r * a


@pytest.mark.parametrize("s", [0.2, 1.5])
@pytest.mark.parametrize("mu", [0.5, 0.9, 1.3, 3.0])
def test_of_another_loss_the_cobweb_and_the_minima_are_its_own(mu, s):
    found = dict(zip(exact.COLUMNS, exact.curves(mu, HUBER, s), strict=True))
    assert len({x.size for x in found.values()}) == 1
    x, after = found["x"], found["next"]
    # Terms up to 10, each rounded.
    assert np.allclose(after, soften(x, x, mu, s)[0], rtol=0, atol=1e-14)
    for names, stable in ((("ma", "mb"), None), (("sa", "sb"), True)):
        a, b = known(*(found[name] for name in names))
        assert (a.size > 100) == (stable is None or mu < 1)
        assert np.allclose(soften(a, b, mu, s), (a, b), rtol=0, atol=1e-13)
        assert stable is None or (a * a + b * b <= 2 + 1e-12).all()
    wide = dict(zip(exact.COLUMNS, exact.curves(mu, HUBER, s, 2.0), strict=True))
    assert wide["x"][-1] == 2 * x[-1]
    assert np.nanmax(wide["ma"]) > 2 * exact.PLANE
    assert np.allclose(wide["next"], soften(wide["x"], wide["x"], mu, s)[0], rtol=0, atol=1e-14)
    for none in ("ea", "ra", "qa"):  # no ellipse, and no points at rest by themselves
        assert np.isnan(found[none]).all()


class Shrinking(Step):
    """A law that the page has never heard of: weights shrink twice as much as the strength."""

    name = "shrinking"
    fits = False

    @staticmethod
    def kept(s):
        """Return 1 - 2 s."""
        return 1.0 - 2.0 * s


def test_of_a_law_that_moves_the_minima_the_cobweb_alone_is_drawn():
    found = dict(zip(exact.COLUMNS, exact.curves(0.9, Shrinking(), 0.1), strict=True))
    x = found.pop("x")
    assert np.allclose(found.pop("next"), 0.8 * x - (x * x - 0.9) * x, rtol=0, atol=1e-14)
    assert all(np.isnan(values).all() for values in found.values())
