import re
from fractions import Fraction
from itertools import pairwise

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding

from lt2f.dynamics import kernels as k
from lt2f.dynamics import lanes
from lt2f.dynamics.compiler import WIDE
from lt2f.dynamics.model import CARRIED, LOG_2, MULTIPLICATIVE, QUIET, TARGET
from lt2f.dynamics.rates import KEPT, MEASURE

STEPS = 72  # two spans and a quarter
LONG = 5 * k.STRETCH


def in_one_block(model):
    """Call `measure` as one calls the other kernels."""

    def measure(state, steps, start, noise):
        MEASURE[model](
            state, np.array([start, start + steps]), noise, np.empty((KEPT, state.shape[1]))
        )

    return measure


RUNS = {
    "iterate": k.ITERATE,
    "settle": k.SETTLE,
    "measure": [in_one_block(model) for model in (QUIET, MULTIPLICATIVE, TARGET)],
}
AMPLITUDE = {QUIET: 0.0, MULTIPLICATIVE: 0.3, TARGET: 0.2}
ULP = 2.0**-52
every_kernel = pytest.mark.parametrize("name", RUNS)
what_keeps_track = pytest.mark.parametrize("name", ["settle", "measure"])
every_model = pytest.mark.parametrize("model", AMPLITUDE, ids=["quiet", "multiplicative", "target"])
compiling = settings(deadline=None, max_examples=25)  # the first call of a kernel compiles it


def noise_of(steps):
    return np.random.default_rng(5).uniform(-1.5, 1.5, steps)


def exact_noise(model, noise):
    """Amplitude times x_t, and nothing for the step that is not taken any more."""
    return [*(Fraction(AMPLITUDE[model]) * Fraction(x) for x in noise), Fraction(0)]


def prepared(cells, model=QUIET):
    state = lanes.prepare(*cells)
    state[k.AMPLITUDE] = AMPLITUDE[model]
    return state


def run(name, model, cells, steps=STEPS):
    state = prepared(cells, model)
    RUNS[name][model](state, steps, 0, noise_of(steps))
    return state


def parts(name, model, cells, cuts, steps):
    """The same in several calls."""
    state = prepared(cells, model)
    for first, last in pairwise([0, *sorted(cuts), steps]):
        RUNS[name][model](state, last - first, first, noise_of(steps))
    return state


def record(cells, steps, model=QUIET):
    """Residuals at steps 0 ... `steps` - 1, and the state after them."""
    state = prepared(cells, model)
    out = np.empty((state.shape[1], steps))
    k.RECORD[model](state, 0, noise_of(steps), out)
    return out[: cells[0].size], state[:, : cells[0].size]


def moments(state, steps, model=QUIET):
    found = np.zeros(state.shape[1])
    k.MOMENT[model](state, steps, noise_of(steps), found)
    return found


# One step after the other, each rounded as named


@every_kernel
@every_model
def test_factors_are_those_of_a_plain_loop(name, model, crowd, plain_orbit):
    state = run(name, model, crowd)
    U, V = lanes.factors(state)
    residual, _ = lanes.residual_and_norm(state)
    noise = exact_noise(model, noise_of(STEPS))
    for j, cell in enumerate(zip(*crowd, strict=True)):
        *_, (u, v, e) = orbit = list(plain_orbit(*cell, STEPS, model, noise))
        if len(orbit) > STEPS:
            assert (U[j], V[j], residual[j]) == (float(u), float(v), float(e))
        else:
            assert not max(abs(U[j]), abs(V[j])) < 500


def test_one_step_is_the_map(crowd):
    # a' = a - e b, b' = b - e a in rational numbers, where U and V are the half sum and difference
    u, v, mu = crowd
    state = run("iterate", QUIET, crowd, 1)
    for j, (U1, V1) in enumerate(zip(*lanes.factors(state), strict=True)):
        a, b = Fraction(u[j]) + Fraction(v[j]), Fraction(u[j]) - Fraction(v[j])
        e = a * b - Fraction(mu[j])
        a1, b1 = a - e * b, b - e * a
        # a rounding of e is at most 3 half ulps of ab and one of e, each other one of the result
        slack = Fraction(ULP) * (1 + abs(a) + abs(b)) * (1 + abs(a * b) + abs(e))
        assert abs(Fraction(U1) - (a1 + b1) / 2) <= slack
        assert abs(Fraction(V1) - (a1 - b1) / 2) <= slack


@every_model
def test_record_is_a_plain_loop(model, crowd, plain_orbit):
    steps = 45
    residuals, state = record(crowd, steps, model)
    left = np.isfinite(residuals[:, -1])
    same = run("iterate", model, crowd, steps)[:, :192]
    np.testing.assert_array_equal(state[:, left], same[:, left])
    assert 100 < left.sum() < 192
    noise = exact_noise(model, noise_of(steps))
    for j, cell in enumerate(zip(*crowd, strict=True)):
        plain = [float(e) for _, _, e in plain_orbit(*cell, steps - 1, model, noise)]
        np.testing.assert_array_equal(residuals[j, : len(plain)], plain)


def test_residuals_are_those_of_the_kernels(crowd):
    residuals, _ = record(crowd, 1)
    np.testing.assert_array_equal(k.residuals(*crowd), residuals[:, 0])


# Nothing depends on who else is computed, or on how often one looks


@every_kernel
@every_model
@compiling
@given(chosen=st.lists(st.integers(0, 191), min_size=1, max_size=150))
def test_neighbours_position_and_padding_do_not_matter(name, model, crowd, chosen):
    together = run(name, model, crowd)
    apart = run(name, model, [x[chosen] for x in crowd])
    np.testing.assert_array_equal(apart[:, : len(chosen)], together[:, chosen])


@every_kernel
@every_model
@compiling
@given(cuts=st.sets(st.integers(1, 4)))
def test_calls_of_whole_spans_do_not_matter(name, model, crowd, cuts):
    several = parts(name, model, crowd, {k.STRETCH * cut for cut in cuts}, LONG)
    np.testing.assert_array_equal(several, run(name, model, crowd, LONG))


@every_kernel
@every_model
@compiling
@given(cuts=st.sets(st.integers(1, 159), max_size=5))
def test_calls_of_any_length_do_not_matter(name, model, crowd, cuts):
    # what moves is only when a factor is lifted and where the last interesting span began
    whole, several = run(name, model, crowd, 160), parts(name, model, crowd, cuts, 160)
    left = whole[k.ESCAPED] == 0.0
    for one, other in zip(lanes.factors(several), lanes.factors(whole), strict=True):
        np.testing.assert_array_equal(one[left], other[left])
    same = [k.PEAK, k.ESCAPED]
    np.testing.assert_array_equal(several[same], whole[same])
    np.testing.assert_array_equal(moments(several, 160, model), moments(whole, 160, model))


@every_kernel
def test_a_target_without_noise_gives_the_bits_of_none(name, crowd):
    quiet, noisy = run(name, QUIET, crowd, 160), prepared(crowd)
    RUNS[name][TARGET](noisy, 160, 0, noise_of(160))
    # the two criteria of a loss rise measure it differently
    same = np.setdiff1d(np.arange(k.ROWS), [k.RISE, k.LAST])
    np.testing.assert_array_equal(noisy[same], quiet[same])
    if name != "iterate":
        left = quiet[k.ESCAPED] == 0.0
        rose = [state[k.RISE, left] > 0.0 for state in (noisy, quiet)]
        np.testing.assert_array_equal(*rose)


@every_kernel
def test_a_multiplier_of_one_gives_the_bits_of_none_until_a_residual_is_carried(name, crowd):
    quiet, noisy = run(name, QUIET, crowd, 160)[:, :192], prepared(crowd)
    RUNS[name][MULTIPLICATIVE](noisy, 160, 0, noise_of(160))
    free = (np.abs(record(crowd, 160)[0]) >= CARRIED).all(axis=1)
    assert 40 < free.sum() < 192
    same = np.setdiff1d(np.arange(k.ROWS), [k.RISE, k.LAST, k.E, k.E_LIFT, k.MARK_E])
    free &= quiet[k.ESCAPED] == 0.0
    np.testing.assert_array_equal(noisy[:, :192][np.ix_(same, free)], quiet[np.ix_(same, free)])
    if name != "iterate":
        rose = [state[k.RISE, :192][free] > 0.0 for state in (noisy, quiet)]
        np.testing.assert_array_equal(*rose)


# What the spans keep


@what_keeps_track
@every_model
def test_spans_keep_peak_rise_and_escape(name, model, crowd, plain_orbit):
    state = run(name, model, crowd)
    noise = exact_noise(model, noise_of(STEPS))
    for j, cell in enumerate(zip(*crowd, strict=True)):
        orbit = list(plain_orbit(*cell, STEPS, model, noise))
        assert state[k.ESCAPED, j] == (len(orbit) <= STEPS)
        if len(orbit) > STEPS:
            loss = np.array([float(e) ** 2 for _, _, e in orbit])
            assert state[k.PEAK, j] == loss[:-1].max()
            # the step itself tells of a rise, but under target noise the next loss does
            loss = loss if model != TARGET else loss[:-1]
            rises = (loss[1:] > loss[:-1] * (1 + 1e-12)) & (loss[:-1] > k.CONVERGED)
            assert (state[k.RISE, j] > 0.0) == rises.any()


@what_keeps_track
@every_model
def test_moment_is_the_first_passage_or_the_last_violation(name, model, crowd, plain_orbit):
    steps, cells = 200, [x[::2] for x in crowd]
    found = moments(run(name, model, cells, steps), steps, model)
    noise, kinds = exact_noise(model, noise_of(steps)), set()
    for j, cell in enumerate(zip(*cells, strict=True)):
        orbit = list(plain_orbit(*cell, steps, model, noise))
        escaped = len(orbit) <= steps
        loud = [t for t, (_, _, e) in enumerate(orbit[:-1]) if e * e > k.CONVERGED]
        expected = len(orbit) - 1 if escaped else loud[-1] + 1 if loud else 0
        kinds.add("escaped" if escaped else {0: "at once", steps: "never"}.get(expected, "later"))
        assert found[j] == expected
    assert kinds == ({"escaped", "never"} | ({"at once", "later"} if model != TARGET else set()))


# Identities along an orbit, exact but for rounding

inner = st.tuples(
    st.floats(0.05, 0.95), st.floats(0.01, 0.24), st.floats(0.05, 1.95), st.integers(0, 3)
)


@compiling
@given(st.lists(inner, min_size=1, max_size=64))
def test_products_along_an_orbit(starts):
    radius, turn, mu, quarter = np.array(starts).T
    angle = 2 * np.pi * (turn + quarter / 4)
    u, v = radius * np.sqrt([2 + mu, 2 - mu]) * [np.cos(angle), np.sin(angle)]
    steps = 200
    e, state = record((u, v, mu), steps)
    e = e.astype(np.longdouble)
    for factor, lift, start, sign in ((k.U, k.U_LIFT, u, -1), (k.V, k.V_LIFT, v, 1)):
        change = np.log(np.abs(state[factor] / start)) - LOG_2 * state[lift]
        # a half ulp a step, and those of the logarithms, below 1000 in size
        assert change.astype(float) == pytest.approx(
            np.log(np.abs(1 + sign * e)).sum(axis=1).astype(float), abs=(steps + 2000) * ULP
        )


@compiling
@given(st.lists(inner, min_size=1, max_size=64))
def test_ellipse_product_along_an_orbit(starts):
    radius, turn, mu, quarter = np.array(starts).T
    angle = 2 * np.pi * (turn + quarter / 4)
    u, v = radius * np.sqrt([2 + mu, 2 - mu]) * [np.cos(angle), np.sin(angle)]
    e, state = record((u, v, mu), 40)
    h, after = (
        (2 - mu) * (x * x - (2 + mu)) + (2 + mu) * y * y for x, y in ((u, v), lanes.factors(state))
    )
    factors = 1 + mu[:, np.newaxis] * e + e * e
    # h has terms below 8, so each step may move it by some 50 ulps, which later factors multiply
    later = np.cumprod(factors[:, ::-1], axis=1)
    slack = 50 * ULP * (1 + later.sum(axis=1) + later[:, -1])
    assert (np.abs(after - h * factors.prod(axis=1)) <= slack).all()


def test_transverse_rate_is_the_mean_of_log_one_plus_e():
    steps = 4000
    cells = np.full(64, 0.9), np.zeros(64), np.linspace(1.05, 1.95, 64)
    e, state = record(cells, steps)
    start = lanes.prepare(*cells)
    change = np.log(np.abs(state[k.V] / start[k.V]))
    change -= LOG_2 * (state[k.V_LIFT] - start[k.V_LIFT])
    exact = np.log(np.abs(1 + e.astype(np.longdouble))).sum(axis=1)
    assert exact.min() < -1000.0  # far beyond what a double holds
    # a half ulp a step, and those of the logarithms, below 4000 in size
    assert change == pytest.approx(exact.astype(float), abs=(steps + 8000) * ULP)


@every_kernel
def test_residual_at_a_minimum_keeps_its_digits_under_noise(name):
    # e' = e (1 - h S + h^2 e ab), and S stays what it is: log|e_n/e_0| is a sum, far below rounding
    steps, amplitude = 4000, AMPLITUDE[MULTIPLICATIVE]
    u, v = np.full(64, 0.8), np.linspace(0.0, 0.4, 64)
    mu = u * u - v * v - 1e-3
    state = run(name, MULTIPLICATIVE, (u, v, mu), steps)
    e0 = record((u, v, mu), 1)[0][:, 0].astype(np.longdouble)
    U, V, e, rate = (x.astype(np.longdouble) for x in (u, v, e0, np.zeros(64)))
    for x in noise_of(steps):
        h, s, ab = 1 + amplitude * x, 2 * (U * U + V * V), U * U - V * V
        factor = 1 - h * s + h * h * e * ab
        U, V = U * (1 - h * e), V * (1 + h * e)
        e, rate = e * factor, rate + np.log(np.abs(factor))
    found = np.log(np.abs(state[k.E] / e0)) - LOG_2 * state[k.E_LIFT]
    assert rate.max() < -200.0  # a fresh ab - mu would stop at -30
    assert rate.min() < -1000.0  # and a double at -740
    # while |e| is large, e and ab - mu are one thing but for rounding: 1e-16 of 2^-20 when it is
    # carried first, so 1e-9 in a logarithm; factors near zero cost two digits more
    assert found == pytest.approx(rate.astype(float), abs=1e-7)


def test_no_imbalance_becomes_subnormal(crowd):
    grid = np.arange(0.002, 2.2, 0.002)
    columns = (
        (np.full(grid.size, 0.4), np.zeros(grid.size), grid),
        (np.full(grid.size, 0.7), np.full(grid.size, 0.6), grid),
        (np.zeros(grid.size), np.full(grid.size, 0.3), grid),
        crowd,
    )
    state = prepared([np.concatenate(column) for column in zip(*columns, strict=True)])
    out = np.empty((state.shape[1], k.SPAN))
    smallest = np.finfo(float).smallest_normal
    for span in range(0, 3200, k.SPAN):
        before = np.abs(state[k.V])
        k.RECORD[QUIET](state, span, np.zeros(1), out)
        with np.errstate(all="ignore"):  # escaped lanes overflow
            on_the_way = np.cumsum(np.log2(np.abs(1 + out)), axis=1)
            lowest = np.log2(before) + on_the_way.min(axis=1)
        zero = (before == 0.0) | (on_the_way == -np.inf).any(axis=1)
        assert (zero | ~(lowest < np.log2(smallest))).all()
        after = np.abs(state[k.V])
        assert (~(after < smallest) | (after == 0.0)).all()


# Packed arithmetic

cpu = binding.get_host_cpu_features()


def loops(assembly):
    """Bodies of the innermost loops: from a label to the first jump back to it."""
    lines = assembly.splitlines()
    labels = {line[:-1]: i for i, line in enumerate(lines) if re.fullmatch(r"\.\w+:", line)}
    jumps = [(i, re.match(r"\s+j\w+\s+(\.\w+)$", line)) for i, line in enumerate(lines)]
    spans = [(labels[j[1]], i) for i, j in jumps if j and labels.get(j[1], i) < i]
    inner = [
        (a, b) for a, b in spans if not any(a <= c and d <= b for c, d in spans if (c, d) != (a, b))
    ]
    return ["\n".join(lines[a : b + 1]) for a, b in inner]


@pytest.mark.skipif(not (cpu.get("avx2") and cpu.get("fma")), reason="needs AVX2 and FMA")
@pytest.mark.parametrize("name", ["iterate", "settle", "measure", "record"])
@every_model
def test_hot_loops_are_packed(name, model):
    table = {"iterate": k.ITERATE, "settle": k.SETTLE, "measure": MEASURE, "record": k.RECORD}
    kernel = table[name][model]
    # inspection is not possible for what comes from the cache
    fresh = numba.jit(**kernel.targetoptions)(kernel.py_func)
    state, noise = prepared((np.ones(1), np.zeros(1), np.ones(1))), np.zeros(k.SPAN)
    arguments = {
        "record": (state, 0, noise, np.empty((64, 8))),
        "measure": (state, np.array([0, 16]), noise, np.empty((KEPT, 64))),
    }
    fresh(*arguments.get(name, (state, 16, 0, noise)))
    (assembly,) = fresh.inspect_asm().values()
    packed = r"\bvf\w+pd\b.*"
    hot = [body for body in loops(assembly) if len(re.findall(packed, body)) >= 12]
    assert hot
    for body in hot:
        assert not re.findall(r"\b(?:vf\w+|v?(?:add|sub|mul|div|max|min))sd\b", body)
        assert "call" not in body
        if WIDE:
            assert all("zmm" in line for line in re.findall(packed, body))
