"""Plans: chunks tile the grid, and their names say what is in them and nothing else."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lt2f.pipeline import plan as planning
from lt2f.pipeline import solve
from lt2f.pipeline.plan import CHUNK_CELLS, CHUNK_STEPS, CHUNK_VALUES

STEP = "0.125"  # of every axis here; exact in doubles, so absolute indices are exact too
COORDINATES = ("mu", "imbalance", "product")
LONG_RUNS = (2**30, 2**27, 2**24, 10**4)  # steps: with these a default tile has 1 ... 2**16 cells


def stepped(first, num):
    """The axis of absolute indices first ... first + num - 1."""
    return {"start": first * float(STEP), "step": float(STEP), "num": num}


def names(plan):
    return [chunk.name for chunk in plan.chunks()]


@st.composite
def grids(draw):
    """Axes in any order, with anchors, and a tile for some of them."""
    count = draw(st.integers(1, 3))
    order = draw(st.permutations(COORDINATES))
    on = {}
    for name in order[:count]:
        first = draw(st.integers(0 if name == "mu" else -30, 30))
        on[name] = stepped(first, draw(st.integers(1, (40, 12, 6)[count - 1])))
    tiled = draw(st.lists(st.sampled_from(list(on)), unique=True))
    return {
        "axes": on,
        "fixed": dict.fromkeys(order[count:], 0.1),
        "tile": {name: draw(st.integers(1, 16)) for name in tiled},
        "iterations": {"transient": draw(st.sampled_from(LONG_RUNS)), "measure": 64},
    }


@given(grids())
def test_chunks_tile_the_grid_once_in_row_major_order(planned, grid):
    plan = planned(**grid)
    times, first = np.zeros(plan.shape, dtype=int), []
    for chunk in plan.chunks():
        times[chunk.place] += 1
        first.append(tuple(cut.start for cut in chunk.place))
        assert chunk.cells == times[chunk.place].size
        for (name, values), cut in zip(chunk.axes.items(), chunk.place, strict=True):
            assert values.tobytes() == plan.axes[name][cut].tobytes()
    assert (times == 1).all()
    assert first == sorted(first)
    assert list(plan.axes) == list(grid["axes"])
    assert len(set(names(plan))) == len(first)


@given(grids())
def test_chunks_are_cut_at_multiples_of_the_tile_from_the_absolute_zero(planned, grid):
    plan = planned(**grid)
    for (name, axis), cuts in zip(grid["axes"].items(), plan.cuts(), strict=True):
        side = plan.tile()[name]
        zero = Fraction(axis["start"]) / Fraction(STEP)
        inner = [zero + cut.start for cut in cuts[1:]]
        assert all(edge % side == 0 for edge in inner)
        assert all(cut.stop - cut.start <= side for cut in cuts)
        assert grid["tile"].get(name, side) == side


def complete(plan, axis):
    """Names of the chunks that have the tile's full side along an axis."""
    place = list(plan.axes).index(axis)
    side = plan.tile()[axis]
    return {
        chunk.name
        for chunk in plan.chunks()
        if chunk.place[place].stop - chunk.place[place].start == side
    }


def grown(grid, axis, before, after):
    """The grid with an axis that begins and ends later, in steps."""
    first = round(grid["axes"][axis]["start"] / float(STEP))
    longer = stepped(first - before, grid["axes"][axis]["num"] + before + after)
    return {**grid, "axes": {**grid["axes"], axis: longer}}


@given(grids(), st.data())
def test_an_axis_that_grows_keeps_its_complete_chunks(planned, grid, data):
    axis = data.draw(st.sampled_from(list(grid["axes"])))
    grid["tile"][axis] = data.draw(st.integers(1, 8))
    before = data.draw(st.integers(0, 20)) if axis != "mu" else 0
    longer = grown(grid, axis, before, data.draw(st.integers(0, 20)))
    # The default tile of the other axes may depend on this one's length; see the next test.
    fixed_tile = planned(**grid).tile()
    small, large = (planned(**{**g, "tile": fixed_tile}) for g in (grid, longer))
    assert complete(small, axis) <= set(names(large))


@example(num=64, others=100, more=1, steps=10**4)
@given(
    num=st.integers(1, 130),
    others=st.integers(1, 20),
    more=st.integers(1, 70),
    steps=st.sampled_from((10**4, 10**6, 2**24)),
)
def test_so_it_does_with_the_tile_that_the_program_chooses(planned, num, others, more, steps):
    grid = {
        "axes": {"mu": stepped(0, others), "imbalance": stepped(0, num)},
        "iterations": {"transient": steps, "measure": 64},
        "tile": {},
    }
    small, large = planned(**grid), planned(**grown(grid, "imbalance", 0, more))
    assert complete(small, "imbalance") <= set(names(large))


@given(grids(), st.data())
def test_an_axis_that_starts_later_shares_the_chunks_of_the_overlap(planned, grid, data):
    axis = data.draw(st.sampled_from(list(grid["axes"])))
    num = grid["axes"][axis]["num"]
    later = data.draw(st.integers(0, num - 1))
    tile = planned(**grid).tile() | {axis: data.draw(st.integers(1, 8))}
    shifted = grown(grid, axis, -later, data.draw(st.integers(later, 40)))
    here, there = (planned(**{**g, "tile": tile}) for g in (grid, shifted))
    place = list(here.axes).index(axis)
    shared = {c.name for c in here.chunks() if c.place[place].start >= later}
    assert shared & complete(here, axis) <= set(names(there))
    # Names say which values are there, so nothing else can be shared.
    both = [set(zip(names(p), _corners(p), strict=True)) for p in (here, there)]
    assert {name for name, _ in both[0] & both[1]} == set(names(here)) & set(names(there))


def _corners(plan):
    return [tuple((x[0], x[-1]) for x in chunk.axes.values()) for chunk in plan.chunks()]


@pytest.mark.parametrize(
    "changes",
    [
        {"study": "another"},
        {"seed": 8},  # there is no noise
        {"record": ["loss_mean", "regime", "lyapunov"]},  # in another order
        {"fixed": {"product": 0.1}, "axes": {"mu": {"start": 0.05, "step": 0.09, "num": 24},
         "imbalance": {"values": [0, 0.4, 1.2, 2.6]}}},
        {"noise": {"model": "none"}},
    ],
    ids=lambda changes: "+".join(changes),
)  # fmt: skip
def test_names_do_not_depend_on(planned, changes):
    record = {"record": ["regime", "lyapunov", "loss_mean"]}
    assert names(planned(**record | changes)) == names(planned(**record))


def test_names_do_not_depend_on_how_and_where_to_compute(raw):
    def named(name, **top):
        study = raw() | top
        study["sweeps"] = {name: study["sweeps"]["cells"]}
        return names(planning.plan(planning.Settings.model_validate(study), name))

    assert named("cells") == named(
        "renamed",
        executor={"kind": "local", "workers": 3},
        chunks="/scratch",
        figures={"style": {"dpi": 300}},
    )


ITERATIONS = {"transient": 600, "measure": 400, "max_period": 64}


@pytest.mark.parametrize(
    "changes",
    [
        {"iterations": ITERATIONS | {"transient": 601}},
        {"iterations": ITERATIONS | {"measure": 401}},
        {"iterations": ITERATIONS | {"max_period": 63}},
        {"record": ["regime", "period"]},
        {"shortcuts": False},
        {"fixed": {"product": float(np.nextafter(0.1, 1.0))}},
        {"fixed": {"product": -0.1}},
        {"tile": {"mu": 7, "imbalance": 1}},
    ],
    ids=str,
)
def test_names_depend_on(planned, changes):
    assert not {*names(planned(**changes))} & {*names(planned())}


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8},
        {"noise": {"model": "target", "law": "uniform"}},
        {"noise": {"model": "multiplicative", "law": "normal"}},
        {"fixed": {"imbalance": 0.5, "product": 0.1, "noise": 0.3}},
        {"count": "realization"},
    ],
    ids=str,
)
def test_under_noise_names_also_depend_on(planned, changes):
    assert not {*names(planned("noisy", **changes))} & {*names(planned("noisy"))}


def test_one_more_realization_is_another_cell_and_nothing_else(planned):
    few, more = (
        planned("noisy", tile={"realization": 1}, axes={"realization": {"num": n},
                "mu": {"values": [0.4, 0.8]}})
        for n in (3, 4)
    )  # fmt: skip
    assert names(few) == names(more)[: len(names(few))]


def test_names_depend_on_the_kind_and_the_meaning_of_coordinates(planned):
    forms = [
        {"axes": {"mu": {"values": [0.5]}}, "fixed": fixed, "tile": {}}
        for fixed in ({"imbalance": 0.5, "product": 0.25}, {"a": 0.5, "b": 0.25})
    ]
    forms.append({**forms[0], "axes": {"imbalance": {"values": [0.5]}}})
    forms[-1]["fixed"] = {"mu": 0.5, "product": 0.25}
    found = [names(planned(kind, **form)) for form in forms for kind in ("map", "orbit")]
    assert len({name for chunks in found for name in chunks}) == len(found)


def test_names_depend_on_the_code_and_the_layout_of_chunks(planned, monkeypatch):
    before = {*names(planned())}
    monkeypatch.setattr(planning, "code_sha256", lambda module: f"another {module}")
    assert not {*names(planned())} & before
    monkeypatch.undo()
    monkeypatch.setattr(solve, "LAYOUT", solve.LAYOUT + 1)
    assert not {*names(planned())} & before
    monkeypatch.undo()
    assert {*names(planned())} == before


@given(place=st.integers(0, 19), upwards=st.booleans())
def test_one_bit_of_one_coordinate_renames_the_chunks_that_hold_it(planned, place, upwards):
    values = np.linspace(0.25, 1.75, 20)
    edited = values.copy()
    edited[place] = np.nextafter(values[place], 3.0 * upwards)
    axes = {"imbalance": {"values": [0.0, 1.0]}}
    first, second = (
        planned(axes=axes | {"mu": {"values": x.tolist()}}, tile={"mu": 4, "imbalance": 1})
        for x in (values, edited)
    )
    for one, other in zip(first.chunks(), second.chunks(), strict=True):
        holds = one.place[1].start <= place < one.place[1].stop
        assert (one.name != other.name) == holds


def test_the_order_of_axes_is_part_of_a_name(planned):
    mu, imbalance = {"values": [0.5, 1.5]}, {"values": [0.5, 1.5]}
    pairs = itertools.permutations({"mu": mu, "imbalance": imbalance}.items())
    first, second = (names(planned(axes=dict(axes), tile={})) for axes in pairs)
    assert not {*first} & {*second}


shapes = st.lists(st.integers(1, 3000), min_size=1, max_size=3)


def spread(shape, transient=10**4, **changes):
    """A grid of a given shape."""
    axes = {
        name: {"start": 0.5, "stop": 1.5, "num": num}
        for name, num in zip(COORDINATES, shape, strict=False)
    }
    fixed = dict.fromkeys(COORDINATES[len(shape) :], 0.1)
    iterations = {"transient": transient, "measure": 64}
    return {"axes": axes, "fixed": fixed, "tile": {}, "iterations": iterations, **changes}


@given(shapes, st.integers(0, 2**36))
def test_the_default_tile_keeps_its_limits(planned, shape, transient):
    plan = planned(**spread(shape, transient))
    assert plan.steps == transient + 64
    cells = math.prod(plan.tile().values())
    assert cells == 1 or cells * plan.steps <= CHUNK_STEPS
    assert cells <= CHUNK_CELLS
    assert all(side & (side - 1) == 0 for side in plan.tile().values())


@example(shape=[2, 20_000], transient=40_000)
@given(shapes, st.integers(0, 2**36))
def test_the_default_tile_is_as_large_as_its_limits_allow(planned, shape, transient):
    plan = planned(**spread(shape, transient))
    sides = [plan.tile()[name] for name in plan.axes]
    # Twice as large, it would be too large or reach beyond the grid.
    limit = min(CHUNK_STEPS // plan.steps, CHUNK_CELLS)
    assert 2 * math.prod(sides) > limit or all(s >= n for s, n in zip(sides, shape, strict=True))


@given(shapes, st.integers(0, 2**36))
def test_a_sweep_of_four_full_chunks_of_work_is_at_least_four_chunks(planned, shape, transient):
    plan = planned(**spread(shape, transient))
    assume(plan.sweep.cells >= 4)
    chunks = math.prod(len(cuts) for cuts in plan.cuts())
    if plan.sweep.cells * plan.steps >= 4 * CHUNK_STEPS:
        assert chunks >= 4
    assert chunks * max(CHUNK_STEPS, plan.steps) >= plan.sweep.cells * plan.steps


@given(shapes, st.integers(1, 2**26))
def test_the_default_tile_bounds_the_values_of_a_chunk(planned, shape, kept):
    for kind, length in (("orbit", "samples"), ("trajectory", "steps")):
        lengths = {"transient": 0} if kind == "orbit" else {}
        plan = planned(kind, **spread(shape, iterations={length: kept, **lengths}))
        assert plan.samples == plan.steps == kept
        cells = math.prod(plan.tile().values())
        assert cells == 1 or cells * kept <= CHUNK_VALUES


@pytest.mark.parametrize(
    ("on", "infer"),
    [
        (["mu"], False),
        (["mu", "imbalance"], True),
        (["product", "mu"], True),
        (["imbalance"], True),
        (["imbalance", "product"], True),
    ],
)
def test_where_starts_differ_what_mu_says_is_inferred(planned, on, infer):
    axes = {name: {"values": [0.25, 0.5, 0.75]} for name in on}
    fixed = dict.fromkeys(set(COORDINATES) - set(on), 0.1)
    lengths = {"transient": 600, "measure": 400}
    assert planned(axes=axes, fixed=fixed, tile={}, iterations=lengths).task.infer is infer
    for kind, length in (("orbit", {"transient": 600, "samples": 6}), ("trajectory", {"steps": 5})):
        assert not planned(kind, axes=axes, fixed=fixed, tile={}, iterations=length).task.infer


def test_displaced_starts_are_starts(planned):
    axes = {"mu": {"values": [0.5, 1.5]}, "perturbation": {"values": [0.0, 1e-9]}}
    lengths = {"transient": 600, "measure": 400}
    plan = planned(axes=axes, fixed={"a": 0.5, "b": 0.25}, tile={}, iterations=lengths)
    assert plan.task.infer


def test_realizations_are_no_starts(planned):
    assert not planned("noisy").task.infer
    levels = {"mu": {"values": [0.5, 1.5]}, "noise": {"values": [0.0, 0.1]}}
    fixed = {"imbalance": 0.5, "product": 0.1, "realization": 0}
    assert not planned("noisy", axes=levels, fixed=fixed, tile={}).task.infer


@given(num=st.integers(1, 300), more=st.integers(1, 300))
def test_what_is_inferred_does_not_depend_on_how_many_cells_there_are(planned, num, more):
    # or a sweep that grows would change the bits of the cells it had
    small, large = (
        planned(axes={"mu": {"values": [1.5]}, "imbalance": stepped(0, n)}, tile={})
        for n in (num, num + more)
    )
    assert small.task == large.task


@given(
    sizes=st.tuples(st.integers(1, 3000), st.integers(1, 300), st.integers(1, 5000)),
    transient=st.integers(0, 2**33),
    order=st.permutations(["mu", "noise", "realization"]),
)
def test_realizations_get_only_what_the_other_axes_leave(planned, sizes, transient, order):
    forms = {
        "mu": {"start": 0.5, "stop": 1.5, "num": sizes[0]},
        "noise": {"start": 0.1, "stop": 0.5, "num": sizes[1]},
        "realization": {"num": sizes[2]},
    }
    common = {"tile": {}, "iterations": {"transient": transient, "measure": 64}}
    fixed = {"imbalance": 0.5, "product": 0.1}
    axes = {name: forms[name] for name in order}
    others = {name: form for name, form in axes.items() if name != "realization"}
    tile = planned("noisy", axes=axes, fixed=fixed, **common).tile()
    alone = planned("noisy", axes=others, fixed=fixed | {"realization": 0}, **common).tile()
    assert list(tile) == order
    assert {name: tile[name] for name in others} == alone
    budget = max(1, min(CHUNK_STEPS // (transient + 64), CHUNK_CELLS))
    cells = math.prod(tile.values())
    assert cells <= budget
    # none are left out while there is room
    assert 2 * cells > budget or tile["realization"] >= sizes[2]
