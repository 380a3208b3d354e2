import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.dynamics import kernels as k
from lt2f.dynamics import lanes
from lt2f.dynamics.model import CARRIED, MULTIPLICATIVE, QUIET, TARGET
from lt2f.dynamics.rates import KEPT, MEASURE


def some(count):
    return np.linspace(0.1, 1.0, count), np.full(count, 0.2), np.full(count, 0.7)


@given(st.integers(0, 200))
def test_state_is_padded_to_whole_blocks(count):
    state = lanes.prepare(*some(count))
    assert state.shape[0] == k.ROWS
    assert state.shape[1] % k.BLOCK == 0
    assert count <= state.shape[1] < count + 2 * k.BLOCK
    assert state.shape[1] // k.BLOCK % 2 == 1


@pytest.mark.parametrize("model", [QUIET, MULTIPLICATIVE, TARGET])
def test_padding_stands_still(model):
    state = lanes.prepare(*some(1))
    before = state.copy()
    for kernels in (k.ITERATE, k.SETTLE):
        kernels[model](state, 100, 0, np.ones(100))
    MEASURE[model](state, np.array([0, 40, 100]), np.ones(100), np.empty((KEPT, state.shape[1])))
    rows = [k.U, k.V, k.MU, k.ESCAPED, k.PEAK]
    np.testing.assert_array_equal(state[rows, 1:], before[rows, 1:])
    assert (state[[k.U, k.V], 0] != before[[k.U, k.V], 0]).all()


def test_factors_are_the_starts(crowd):
    state = lanes.prepare(*crowd)
    np.testing.assert_array_equal(lanes.factors(state), crowd[:2])
    assert (state[[k.U, k.V]] != 0.0).all()  # a factor of zero would have no growth rate


def test_factors_take_lifts_back():
    state = lanes.prepare(np.ones(3), np.full(3, 2.0**-150), np.full(3, 0.5))
    state[k.V_LIFT, :3] = [300.0, 600.0, 1e6]
    assert lanes.factors(state)[1][:3].tolist() == [2.0**-450, 2.0**-750, 0.0]


def test_amplitude_of_each_lane():
    noise = lanes.Noise("target", "normal", np.zeros(9), np.array([0.1, 0.2, 0.3]))
    assert lanes.prepare(*some(3), noise)[k.AMPLITUDE].tolist() == [0.1, 0.2, 0.3] + [0.0] * 61


@pytest.mark.parametrize(
    ("model", "index"), [("none", QUIET), ("multiplicative", MULTIPLICATIVE), ("target", TARGET)]
)
def test_index_of_a_model(model, index):
    assert lanes.Noise(model, "uniform", np.zeros(1), np.zeros(1)).index == index


@given(st.lists(st.integers(0, 191), min_size=1, max_size=200))
def test_pack_copies_whole_lanes(chosen):
    state = np.arange(k.ROWS * 192.0).reshape(k.ROWS, 192)
    packed = lanes.pack(state, np.array(chosen))
    np.testing.assert_array_equal(packed[:, : len(chosen)], state[:, chosen])
    assert packed.shape[1] % k.BLOCK == 0
    assert packed.shape[1] < len(chosen) + 2 * k.BLOCK
    assert set(packed[k.U]) == set(state[k.U, chosen])  # only lanes that have to be run anyway


def test_residual_and_norm(crowd):
    u, v, mu = crowd
    e, s = lanes.residual_and_norm(lanes.prepare(u, v, mu))
    # a few roundings of the terms
    np.testing.assert_allclose(e, u * u - v * v - mu, rtol=0, atol=1e-15 * (1 + s.max()))
    np.testing.assert_allclose(s, (u + v) ** 2 + (u - v) ** 2, rtol=1e-15)


@pytest.mark.parametrize("e", [0.0, 2.0**-21, -(2.0**-90)])
def test_a_residual_that_is_carried_is_the_residual(e):
    state = lanes.prepare(*some(64))
    state[k.E] = e
    np.testing.assert_array_equal(lanes.residual_and_norm(state)[0], e)
    state[k.E_LIFT] = 300.0
    np.testing.assert_array_equal(lanes.residual_and_norm(state)[0], e * 2.0**-300)
    state[k.E], state[k.E_LIFT] = CARRIED, 0.0
    np.testing.assert_array_equal(lanes.residual_and_norm(state)[0], k.residuals(*some(64)))
