"""Slabs of grids of any shape: in order, whole, and never more than there is room for."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.pipeline.slabs import blocks, cut

shapes = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@given(shapes, st.integers(1, 12), st.integers(1, 200))
def test_slabs_are_a_grid_in_row_major_order(shape, side, room):
    sides = blocks(shape, [side] * len(shape), room)
    numbers = np.arange(np.prod(shape)).reshape(shape)
    slabs = [numbers[box].ravel() for box in cut(shape, sides, room)]
    np.testing.assert_array_equal(np.concatenate(slabs), numbers.ravel())
    assert all(slab.size <= room for slab in slabs)


@given(shapes, st.integers(1, 12), st.integers(1, 200))
def test_a_block_is_in_one_slab(shape, side, room):
    """So it is compressed once, when it is written, and nothing has to wait for more of it."""
    sides = blocks(shape, [side] * len(shape), room)
    index = np.meshgrid(*map(np.arange, shape), indexing="ij")
    block = np.ravel_multi_index([i // s for i, s in zip(index, sides, strict=True)], shape)
    seen: set[int] = set()
    for box in cut(shape, sides, room):
        found = set(block[box].ravel().tolist())
        assert not found & seen
        seen |= found


def test_blocks_are_tiles_where_there_is_room():
    assert blocks((1000, 1000), (128, 64), 10**6) == [128, 64]
    assert blocks((100, 1000), (128, 64), 10**6) == [100, 64]
    assert blocks((1000, 1000), (128, 64), 70_000) == [64, 64]  # 128 rows are too many
    assert blocks((4, 5000, 5000), (4, 64, 128), 10**6) == [1, 64, 128]  # so is one plane
    assert blocks((4, 5000, 5000), (4, 64, 128), 100) == [1, 1, 64]


def test_a_file_with_larger_blocks_is_read_in_small_slabs_all_the_same():
    boxes = list(cut((4, 8, 8), (4, 4, 4), 32))
    assert len(boxes) == 8  # 1 x 4 x 8 cells each
    assert [sum(span.stop - span.start for span in box) for box in boxes] == [1 + 4 + 8] * 8


ASSEMBLE = """\
import resource, sys
from pathlib import Path
import numpy as np
from lt2f.pipeline import dataset, slabs
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store

number, folder = int(sys.argv[1]), Path(sys.argv[2])
dataset.SLAB_BYTES = 2**20
axes = {"mu": {"start": 0.25, "step": 0.25, "num": number},
        "imbalance": {"start": 0.25, "step": 0.25, "num": 4096}}
sweep = {"axes": axes, "fixed": {"product": 0.1}, "record": ["regime", "steps"],
         "iterations": {"transient": 100, "measure": 100}}
planned = plan(parse({"study": "large", "sweeps": {"cells": sweep}}), "cells")
chunks, store = list(planned.chunks()), Store(folder)
types = {name: entry.dtype for name, entry in dataset.variables(planned).items()}
for chunk in chunks:
    shape = [x.size for x in chunk.axes.values()]
    store.write(chunk.name, {name: np.ones(shape, dtype) for name, dtype in types.items()})
del chunk
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dataset.assemble(planned, chunks, store, folder / "cells.nc")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(planned.sweep.cells, after - before)
"""


def test_memory_of_a_dataset_does_not_grow_with_its_size(tmp_path):
    def grown(number):
        command = [sys.executable, "-c", ASSEMBLE, str(number), str(tmp_path / str(number))]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        return tuple(map(int, run.stdout.split()))

    small, large = grown(256), grown(2048)
    assert large[0] == 8 * small[0] == 2**23
    # 8 MiB of data a million cells; a few MiB are chance.
    assert large[1] - small[1] < 8 * 1024


@pytest.mark.parametrize("room", [1, 7, 100])
def test_one_dimension_is_cut_into_whole_blocks(room):
    sides = blocks([50], [16], room)
    assert [box[0].start for box in cut([50], sides, room)] == list(range(0, 50, sides[0]))
