"""Curves and points that are drawn as exact are."""

import numpy as np
import pytest

from lt2f.explore import exact


def columns(mu, kappa):
    return dict(zip(exact.COLUMNS, exact.curves(mu, kappa), strict=True))


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
