"""What lies in a chunk store, on real files."""

import os

import pytest

from lt2f.pipeline import inventory, sweep
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.store import Store


@pytest.fixture
def study(raw):
    return parse(raw("map"))


@pytest.fixture
def store(study, raw, tmp_path):
    """Give a store with the chunks of a map and of an orbit sweep."""
    store = Store(tmp_path / "chunks")
    for settings in (study, parse(raw("orbit"))):
        sweep.run(plan(settings, "cells"), store, tmp_path / "cells.nc")
    return store


def names(study):
    return {chunk.name for chunk in plan(study, "cells").chunks()}


def test_every_chunk_serves_a_sweep_or_is_spare(store, study, raw):
    orbit = parse(raw("orbit"))
    listed = inventory.take(store, [study])
    (held,) = listed.sweeps
    assert (held.study, held.sweep, held.wanted) == ("small", "cells", len(names(study)))
    assert held.names == names(study)
    assert listed.spare.keys() == names(orbit)
    files = {path.stem: path.stat().st_size for path in store.folder.rglob("*.npz")}
    assert held.bytes + sum(listed.spare.values()) == sum(files.values())
    assert inventory.take(store).spare == files
    assert not inventory.take(store, [study, orbit]).spare


def test_what_serves_no_sweep_is_pruned_and_nothing_else(store, study, tmp_path):
    (store.folder / "readme.txt").write_text("mine")
    (store.folder / "ab").mkdir(exist_ok=True)
    for name in ("foreign.npz", "abstract.npz", "abad.npz"):
        (store.folder / "ab" / name).write_text("mine too")
    before = inventory.take(store, [study])
    assert inventory.prune(store, before.spare) == sum(before.spare.values()) > 0
    after = inventory.take(store, [study])
    assert after.sweeps == before.sweeps
    assert not after.spare
    assert (store.folder / "readme.txt").exists()
    for name in ("foreign.npz", "abstract.npz", "abad.npz"):
        assert (store.folder / "ab" / name).exists()
    assert inventory.prune(store, before.spare) == 0  # once more


def test_a_flipped_bit_is_found_and_left(store, study):
    assert inventory.damaged(store) == []
    victims = sorted(names(study))[:2]
    raw = bytearray(store.path(victims[0]).read_bytes())
    raw[len(raw) // 2] ^= 1
    store.path(victims[0]).write_bytes(raw)
    store.path(victims[1]).write_bytes(b"")
    seen = []
    assert inventory.damaged(store, lambda *at: seen.append(at)) == victims
    assert seen[-1][0] == seen[-1][1] == len(seen)
    assert all(store.path(name).exists() for name in victims)


def test_only_old_drafts_count_as_left(store):
    names = (f".{'ab' * 20}.{'0' * 32}.part", f".{'ab' * 20}.{'1' * 32}.part", ".movie.part")
    fresh, old, foreign = (store.folder / "ab" / name for name in names)
    fresh.parent.mkdir(exist_ok=True)
    for path in (fresh, old, foreign):
        path.write_bytes(b"half")
    for path in (old, foreign):
        os.utime(path, (0, 0))
    listed = inventory.take(store)
    assert listed.drafts == {old: 4}
    assert inventory.prune(store, (), listed.drafts) == 4
    assert fresh.exists()
    assert foreign.exists()


def test_a_store_that_is_not_there_is_empty(tmp_path):
    listed = inventory.take(Store(tmp_path / "none"))
    assert (listed.sweeps, listed.spare, listed.drafts) == ((), {}, {})
    assert inventory.damaged(Store(tmp_path / "none")) == []
