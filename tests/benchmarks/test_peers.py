"""Every peer that is installed does the works: over a short orbit it agrees with our kernels."""

import numpy as np
import pytest

from lt2f import bench, works
from lt2f.dynamics import kernels
from lt2f.dynamics.lanes import SILENCE, prepare
from lt2f.dynamics.orbits import residuals
from lt2f.dynamics.survey import Schedule

contenders = bench.load(bench.BESIDE / "contenders.py")


@pytest.fixture(
    scope="module", params=sorted((bench.BESIDE / "peers").glob("*.py")), ids=lambda file: file.stem
)
def peer(request):
    try:
        return bench.load(request.param)
    except ImportError as error:
        pytest.skip(f"not installed: {error}")


@pytest.fixture
def cells():
    """Give U, V and mu of cells inside the ellipse, where an orbit is at most chaotic."""
    return works.starts(works.Work("", works.WORKS["W1"].run, (7, 9), 1, 0, (4, 0)))


def in_ab(u, v, mu):
    return u + v, u - v, mu


def test_a_peer_says_who_it_is_and_does_something(peer):
    assert isinstance(peer.NAME, str)
    assert 0.0 < peer.SHARE <= 1.0
    assert any(hasattr(peer, name) for name in contenders.FUNCTIONS.values())


# Rounding, 1e-16 a step, grows by less than 8^2 a step on the ellipse's inside (|Jacobian| <= 1 +
# |e| + S < 8) and by far less on the average: after 12 steps 1e-9 is generous, and any error in a
# formula is of order one.
CLOSE = 1e-9


def test_a_peer_iterates_the_map(peer, cells):
    state = prepare(*cells)
    kernels.ITERATE[0](state, 12, 0, SILENCE.sequence)
    u, v = state[kernels.U, : cells[0].size], state[kernels.V, : cells[0].size]
    found = peer.iterate(*in_ab(*cells), 12)
    np.testing.assert_allclose(found, [u + v, u - v], atol=CLOSE)


def test_a_peer_records_the_residual(peer, cells):
    found = peer.orbit(*in_ab(*cells), 5, 7)
    np.testing.assert_allclose(found, residuals(*cells, SILENCE, 5, 7), atol=CLOSE)


def test_a_peer_finds_the_exponents(peer, cells):
    """Both exponents where they are exact: at a minimum 0 and log|1 - S|."""
    mu = np.array([0.3, 0.45, 0.7])
    a, b = np.sqrt(mu), np.sqrt(mu)
    # A vector turns into the line of minima; if it stood at an angle of pi/2 - x to it at first,
    # log(x)/2000 is off at the end. Some peers draw it at random.
    found = peer.exponents(a, b, mu, 200, 2000)
    np.testing.assert_allclose(found, [np.zeros(3), np.log(np.abs(1.0 - 2.0 * mu))], atol=1e-2)


def test_a_peer_finds_periods(peer):
    """On the balanced line: a minimum below mu = 1, then cycles of period two and four."""
    if not hasattr(peer, "periods"):
        pytest.skip("finds no periods")
    mu = np.array([0.7, 1.1, 1.27])
    start = np.sqrt(mu) + 0.01
    found = peer.periods(start, start, mu, 5000, 64)
    assert found.tolist() == [1.0, 2.0, 4.0]
    state, out = prepare(start, np.zeros(3), mu), np.zeros(64)
    kernels.ITERATE[0](state, 5000, 0, SILENCE.sequence)
    works.OURS.returns(state, 64, out)
    assert out[:3].tolist() == [1.0, 2.0, 4.0]


def test_a_share_of_the_cells_is_spread_over_the_grid():
    seen = {}

    class Peer:
        NAME, SHARE = "slow", 0.01

        @staticmethod
        def iterate(a, b, mu, steps):
            seen.update(mu=mu, steps=steps)

    run, steps = contenders._side(Peer)("W1")
    assert run() >= 0.0
    assert contenders._side(Peer)("W2") is None
    assert seen["steps"] == 1000
    assert steps == 1000 * seen["mu"].size == 10_000_000
    assert (seen["mu"].min(), seen["mu"].max()) == (0.2, 2.0)


def test_schedule_of_a_work_is_that_of_a_sweep():
    work = works.WORKS["W2"]
    assert work.schedule == Schedule(1000, 5000)
    assert work.steps == 40_000 * 6000
