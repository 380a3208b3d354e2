"""The C reference does what the kernels do, to the last bit."""

import numpy as np
import pytest

from lt2f import bench, works
from lt2f.dynamics import kernels, rates
from lt2f.dynamics.lanes import Noise, prepare
from lt2f.dynamics.model import MULTIPLICATIVE, QUIET, TARGET
from lt2f.dynamics.survey import Schedule

reference = bench.load(bench.BESIDE / "reference.py")
MODELS = {QUIET: "none", MULTIPLICATIVE: "multiplicative", TARGET: "target"}
STEPS, START = 1011, 7  # no whole number of spans, and not from the first number of the noise


@pytest.fixture(scope="module")
def c():
    if reference.compiler() is None:
        pytest.skip("no C compiler")
    return reference.side()


@pytest.fixture
def state(request):
    """Cells of every fate: all over the ellipse and beyond it, balanced ones and lifted ones."""
    rng = np.random.default_rng(5)
    u, v, mu = rng.uniform((-1.7, -1.2, 0.05), (1.7, 1.2, 2.1), (640, 3)).T
    v[:64], v[64:128] = 0.0, 2.0 ** rng.uniform(-450, -90, 64)
    u[128:132] = 0.0
    amplitude = rng.uniform(0.0, 0.4, 640) if request.param else np.zeros(640)
    noise = Noise(MODELS[request.param], "uniform", rng.uniform(-1.7, 1.7, 3000), amplitude)
    return prepare(u.copy(), v.copy(), mu.copy(), noise), noise


every_model = pytest.mark.parametrize("state", MODELS, ids=MODELS.values(), indirect=True)


def bits(values):
    """Bits of an array, in which any NaN is as good as another."""
    return np.where(np.isnan(values), np.nan, values).view(np.uint64)


def agree(ours, theirs):
    np.testing.assert_array_equal(bits(ours), bits(theirs))


@every_model
@pytest.mark.parametrize("name", ["ITERATE", "SETTLE"])
def test_a_kernel_and_its_reference_leave_the_same_state(c, state, name):
    before, noise = state
    ours, theirs = before.copy(), before.copy()
    # Twice: the second time from rows that the first has filled.
    for start in (START, START + STEPS):
        getattr(kernels, name)[noise.index](ours, STEPS, start, noise.sequence)
        getattr(c, name)[noise.index](theirs, STEPS, start, noise.sequence)
    assert not np.array_equal(bits(ours), bits(before))
    agree(ours, theirs)


@every_model
@pytest.mark.parametrize("edges", [[7, 300], [7, 8, 40, 104, 1011, 2990]], ids=["one", "five"])
def test_a_measurement_and_its_reference_keep_the_same(c, state, edges):
    before, noise = state
    states, kept = np.stack([before, before]), np.full((2, rates.KEPT, before.shape[1]), -1.0)
    for side, *of_it in zip((rates, c), states, kept, strict=True):
        side.MEASURE[noise.index](of_it[0], np.array(edges), noise.sequence, of_it[1])
    agree(*kept)
    agree(*states)


@every_model
def test_rates_and_errors_of_the_reference_are_those_of_a_survey(c, state):
    before, noise = state
    schedule = Schedule(transient=400, measure=1000)
    ours, theirs = (side.measure(before.copy(), schedule, noise) for side in (works.OURS, c))
    # The survey goes from n and e^2 to S and the loss by powers of two: the bits stay.
    scale = np.array([[1.0], [1.0], [1.0], [2.0], [0.5], [1.0], [1.0]])
    for mine, its in zip(ours, theirs, strict=True):
        agree(mine, scale * its)


@every_model
@pytest.mark.parametrize("samples", [1, 8, 77, 128])
def test_a_record_and_its_reference_hold_the_same_samples(c, state, samples):
    before, noise = state
    out = np.full((2, before.shape[1], samples), -1.0)
    states = np.stack([before, before])
    kernels.RECORD[noise.index](states[0], START, noise.sequence, out[0])
    c.RECORD[noise.index](states[1], START, noise.sequence, out[1])
    agree(*out)
    agree(*states)


@pytest.mark.parametrize("state", [QUIET], indirect=True)
def test_returns_are_found_after_the_same_number_of_steps(c, state):
    lanes, noise = state
    kernels.ITERATE[QUIET](lanes, 2000, 0, noise.sequence)
    out = np.full((2, lanes.shape[1]), -1.0)
    for side, found in zip((works.OURS, c), out, strict=True):
        side.returns(lanes, 64, found)
    assert {0.0, 1.0, 2.0, 4.0} <= {*out[0]}
    agree(*out)


def test_the_plain_step_is_the_map(c):
    # One step of (a, b) = (1, 1/2) with mu = 1/4: e = 1/4, exactly.
    state = prepare(*np.full((3, 64), [[1.0], [0.5], [0.25]]))
    c.IN_AB.ITERATE[0](state, 1, 0, np.zeros(1))
    assert set(state[kernels.U]) == {1.0 - 0.25 * 0.5}
    assert set(state[kernels.V]) == {0.5 - 0.25}
