"""The chunk store: what is in it is right, and what is damaged is not there."""

import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lt2f.pipeline.store import Store, StoreError

NAME, OTHER = "0a" * 20, "0b" * 20
ARRAYS = {
    "regime": np.array([[0, 1, 6], [7, 5, 2]], dtype=np.uint8),
    "steps": np.array([-1, 2**62]),
    "lyapunov": np.array([[0.1, -np.inf], [np.nan, -0.0]]),
}
MORE = {"regime": np.array([3], dtype=np.uint8)}


class Trap:
    """An object whose pickle, when loaded, makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "chunks")


@pytest.fixture
def path(store) -> Path:
    """The file of the chunk NAME, which is there."""
    store.write(NAME, ARRAYS)
    return store.path(NAME)


def files(store):
    return [file for file in store.folder.rglob("*") if file.is_file()]


def holds(store, arrays, name=NAME):
    """Whether the chunk is there, and to the bit what was written."""
    if not store.has(name):
        return False
    for variable, values in arrays.items():
        found = store.read(name, variable)
        assert (found.dtype, found.shape) == (values.dtype, values.shape)
        assert found.tobytes() == values.tobytes()
    return True


def test_a_chunk_comes_back_to_the_bit(store, path):
    assert holds(store, ARRAYS)
    assert files(store) == [path]
    assert not store.has(OTHER)


def test_a_chunk_can_be_written_again(store, path):
    store.write(NAME, MORE)
    assert holds(store, MORE)
    assert files(store) == [path]


def test_stores_with_the_same_folder_share_chunks(store, path):
    assert holds(Store(store.folder), ARRAYS)
    assert not Store(store.folder / "elsewhere").has(NAME)


def test_a_truncated_chunk_is_absent_and_replaced(store, path):
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert not store.has(NAME)
        assert not path.exists()
    store.write(NAME, ARRAYS)
    assert holds(store, ARRAYS)


def members(path):
    """Where the data of each member begin and end in the file."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            lengths = path.read_bytes()[member.header_offset + 26 :][:4]
            name, extra = np.frombuffer(lengths, "<u2")
            first = member.header_offset + 30 + int(name) + int(extra)
            yield first, first + member.compress_size


def flips(path, first, last):
    """Flip each bit between two bytes of a file, one at a time."""
    whole = path.read_bytes()
    for bit in range(8 * first, 8 * last):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        yield bit


def test_a_flipped_bit_in_any_array_makes_a_chunk_absent(store, path):
    for first, last in list(members(path)):
        store.write(NAME, ARRAYS)
        for _ in flips(path, first, last):
            assert not store.has(NAME)


def test_a_flipped_bit_anywhere_changes_no_value_that_is_read(store, path):
    # Some bits, such as those of a member's date, have no meaning: there a chunk may stay.
    store.write(NAME, MORE)
    for _ in flips(path, 0, path.stat().st_size):
        holds(store, MORE)


def test_noise_of_any_length_is_absent(store):
    rng = np.random.default_rng(1)
    for size in (0, 1, 22, 100, 5000):
        path = store.path(NAME)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.bytes(size))
        assert not store.has(NAME)


def test_a_chunk_under_a_foreign_name_is_absent_and_replaced(store, path):
    foreign = store.path(OTHER)
    foreign.parent.mkdir(exist_ok=True)
    path.rename(foreign)
    assert not store.has(OTHER)
    store.write(OTHER, MORE)
    assert holds(store, MORE, OTHER)


def test_an_archive_that_does_not_say_its_name_is_absent(store, path):
    np.savez(path, **ARRAYS)
    assert not store.has(NAME)


@pytest.mark.parametrize(
    "trapped",
    [
        "chunk",
        "regime",
    ],
)
def test_a_pickle_makes_a_chunk_absent_and_is_never_loaded(store, path, tmp_path, trapped):
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    np.savez(path, **{"chunk": np.array(NAME), **ARRAYS, trapped: trap})
    there = store.has(NAME)
    assert not (tmp_path / "sprung").exists()
    assert not there


@pytest.mark.parametrize("size", [0, 1, 100, 500])
def test_a_full_disk_leaves_nothing_behind(store, full_disk, size):
    with full_disk(size), pytest.raises(StoreError, match=rf"{NAME}\.npz: File too large"):
        store.write(NAME, ARRAYS)
    assert files(store) == []
    assert not store.has(NAME)


def test_a_full_disk_keeps_the_chunk_that_was_there(store, path, full_disk):
    with full_disk(1000), pytest.raises(StoreError):
        store.write(NAME, {"regime": np.zeros(4096)})
    assert files(store) == [path]
    assert holds(store, ARRAYS)


def test_a_write_that_does_not_read_back_is_an_error(store, path, monkeypatch):
    def lose_a_block(file):
        os.ftruncate(file, os.fstat(file).st_size - 100)

    monkeypatch.setattr(os, "fsync", lose_a_block)
    with pytest.raises(StoreError, match="does not read back"):
        store.write(NAME, MORE)
    assert holds(store, ARRAYS)
    assert files(store) == [path]


def test_a_folder_that_is_none_is_an_error(tmp_path):
    (tmp_path / "chunks").write_text("a file")
    with pytest.raises(StoreError, match=NAME):
        Store(tmp_path / "chunks").write(NAME, ARRAYS)


def test_several_writers_of_a_chunk_do_not_disturb_each_other(store):
    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(store.write, NAME, ARRAYS) for _ in range(32)]
        watching = [pool.submit(store.has, NAME) for _ in range(32)]
    assert all(future.result() is None for future in writing)
    assert all(future.result() in (True, False) for future in watching)
    assert holds(store, ARRAYS)
    assert len(files(store)) == 1
