"""How chunks are shared out: all of them, once, and so that workers end together."""

import heapq
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.pipeline import work
from lt2f.pipeline.portions import Portions
from lt2f.pipeline.work import Done


@dataclass(frozen=True)
class Piece:
    """As much of a chunk as is looked at here, and what it costs."""

    name: str
    cells: int
    cost: float

    @property
    def axes(self):
        return {"mu": np.zeros(self.cells)}


def pieces(costs, cells=10):
    return [Piece(f"{k}", cells, cost) for k, cost in enumerate(costs)]


def compute(batch, chunks):
    """What `work` would tell of a batch whose chunks take as long as they cost."""
    known = {chunk.name: chunk for chunk in chunks}
    names, done, seconds = list(batch.chunks), [], 0.0
    while names and (not done or seconds < work.PATIENCE):
        done.append(known[names.pop(0)])
        seconds += done[-1].cost
    cells = sum(chunk.cells for chunk in done)
    return Done(tuple(chunk.name for chunk in done), tuple(names), cells, 0, seconds)


def simulate(chunks, workers):
    """Let workers take batches whenever they are free: when each ends, and all that was done."""
    portions, finished, batches = Portions(chunks, workers), [], []
    free = [(0.0, worker, None) for worker in range(workers)]
    ends = [0.0] * workers
    while free:
        now, worker, done = heapq.heappop(free)
        ends[worker] = now
        if done is not None:
            finished += portions.count(done).names
            batches.append(done)
        if (batch := next(portions, None)) is not None:
            done = compute(batch, chunks)
            heapq.heappush(free, (now + done.seconds, worker, done))
    return ends, finished, batches


costs = st.lists(st.floats(1e-4, 10.0), max_size=60)


@given(costs, st.integers(1, 8))
def test_every_chunk_is_done_once(costs, workers):
    chunks = pieces(costs)
    _, finished, _ = simulate(chunks, workers)
    assert sorted(finished) == sorted(chunk.name for chunk in chunks)


@given(st.lists(st.floats(1e-4, 10.0), min_size=1, max_size=60), st.integers(1, 8))
def test_no_batch_is_longer_than_patience_and_a_chunk(costs, workers):
    for done in simulate(pieces(costs), workers)[2]:
        assert done.seconds <= work.PATIENCE + max(costs) + 1e-9


@given(st.lists(st.floats(1e-4, 10.0), min_size=1, max_size=60), st.integers(1, 8))
def test_workers_end_together(costs, workers):
    """When one finds nothing to do, the others are in their last batch."""
    ends, _, _ = simulate(pieces(costs), workers)
    used = [end for end in ends if end > 0.0]
    # What the last batch gave back is taken by whoever is free by then, a batch later.
    assert max(used) - min(ends) <= 2 * (work.PATIENCE + max(costs)) + 1e-9


@pytest.mark.parametrize("workers", [2, 16])
def test_cheap_chunks_go_in_batches_of_a_second(workers):
    chunks = pieces([0.01] * 20_000)
    ends, _, batches = simulate(chunks, workers)
    assert max(ends) < 200.0 / workers + work.PATIENCE
    # A second each, but for those while the pace is found, and while the work runs out.
    assert len(batches) < 200 + 2 * workers * 15


def test_a_jump_in_cost_along_the_grid_costs_no_more_than_a_chunk():
    """Chunks a hundred times dearer from some mu on, as beyond the edge of stability."""
    chunks = pieces([0.01] * 500 + [1.0] * 100)
    ends, _, _ = simulate(chunks, 2)
    assert max(ends) < 105.0 / 2 + 2.0


def test_the_first_chunks_come_from_all_over_the_grid():
    portions = Portions(pieces(range(100)), 2)
    first = []
    for _ in range(5):
        batch = next(portions)
        first += map(int, batch.chunks)
        # What is done took a second a cell, so no batch is longer than a chunk.
        cells = 10 * len(batch.chunks)
        portions.count(Done(tuple(batch.chunks), (), cells, 0, float(cells)))
    assert first == [62, 37, 87, 12, 0]


@pytest.mark.parametrize("number", range(9))
def test_a_few_chunks_are_all_there(number):
    assert sorted(simulate(pieces([1.0] * number), 2)[1]) == [str(k) for k in range(number)]


def test_what_is_left_is_estimated_from_what_was_measured():
    portions = Portions(pieces([0.5] * 8), 2)
    assert (portions.cells_left, portions.seconds_left) == (80, 0.0)
    batch = next(portions)
    assert (portions.cells_left, portions.seconds_left) == (70, 0.0)
    portions.count(Done(tuple(batch.chunks), (), 10, 0, 0.5))
    assert portions.seconds_left == pytest.approx(7 * 0.5)


def test_what_comes_back_is_handed_out_again_first():
    portions = Portions(pieces([0.01] * 1000), 1)
    portions.count(Done(tuple(next(portions).chunks), (), 10, 0, 0.001))
    portions.count(Done(tuple(next(portions).chunks), (), 10, 0, 0.001))
    batch = list(next(portions).chunks)
    assert len(batch) == 2
    left = portions.cells_left
    portions.count(Done((batch[0],), (batch[1],), 10, 0, 1.0))
    assert portions.cells_left == left + 10
    assert next(iter(next(portions).chunks)) == batch[1]


def test_a_batch_names_its_chunks():
    portions = Portions(pieces([1.0] * 10), 1)
    assert "cost=1.0" in str(next(portions))
