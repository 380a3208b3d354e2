"""Thousands of tasks leave nothing behind: in the client, in the scheduler, in the workers."""

import collections
import ctypes
import gc
import os

import pytest
from distributed.scheduler import DEFAULT_EXTENSIONS

from lt2f import bench
from lt2f.pipeline import cluster, lean
from lt2f.pipeline.executors import Local

endurance = bench.load(bench.BESIDE / "endurance.py")
TASKS, BALLAST = 1600, 2**16  # bytes that each task takes along, and brings back


@pytest.fixture(scope="module")
def among(tmp_path_factory):
    with endurance.watched(tmp_path_factory.mktemp("endurance")) as found:
        yield found


@pytest.fixture(autouse=True)
def trimmed():
    """Hand back what earlier tests have freed in this process, where growth would hide in it."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def test_no_process_keeps_what_passes_through_it(among):
    """A process that kept every task's ballast, or its result, would grow by all of it.

    A tenth of that is the bound: 8 MB over the tasks after the warm-up, a few times what the
    allocators of Python and C take and give back meanwhile.
    """
    items = (os.urandom(BALLAST) for _ in range(TASKS))
    course = among.course(bytes.swapcase, items, every=TASKS // 64)
    assert set(course.memory) == set(endurance.ROLES)
    assert max(course.growth().values()) < BALLAST / 10


def test_what_is_kept_is_seen(among):
    """The same measurement, of a client that does keep its items."""
    kept = []

    def items():
        for _ in range(TASKS):
            kept.append(os.urandom(BALLAST))
            yield kept[-1]

    growth = among.course(bytes.swapcase, items(), every=TASKS // 64).growth()
    assert growth["client"] > BALLAST / 2
    assert growth["scheduler"] < BALLAST / 10


def test_the_page_says_what_was_measured(among, tmp_path, monkeypatch):
    course = endurance.of_chunks(among, 40, tmp_path / "chunks")
    assert course.tasks[-1] == len(list((tmp_path / "chunks").glob("*/*.npz"))) == 40
    endurance.draw({"Chunks": course}, tmp_path / "endurance.svg")
    assert (tmp_path / "endurance.svg").read_text().startswith("<?xml")
    page = endurance.page({"Chunks": course})
    assert "40 tasks in" in page
    for role in endurance.ROLES:
        assert f"| {role} | {course.memory[role][10 - 1] / 1e6:.1f} |" in page


def test_names_can_be_known_beforehand(among):
    def names():  # in the scheduler
        from dask.utils import key_split

        return key_split.cache_info().currsize

    client = among.crew.client
    before = client.run_on_scheduler(names)
    endurance.know_names(client, 50)
    assert client.run_on_scheduler(names) == before + 50


def sizes():
    """How long each list, set and table of this process is; by what it is."""
    gc.collect()
    kinds = list, dict, set, collections.deque
    return {id(each): (len(each), each) for each in gc.get_objects() if isinstance(each, kinds)}


def growing(tasks=300):
    """What becomes longer with every task, in this process: client, scheduler and nannies."""
    with cluster.workers(Local(workers=1), 1) as crew:
        list(crew.unordered(abs, range(tasks)))  # bounded logs fill up
        before = sizes()
        list(crew.unordered(abs, range(tasks)))
        after = sizes()
        return [
            each for key, (length, each) in after.items()
            if each is not before and length - before.get(key, (0,))[0] > tasks / 2
        ]  # fmt: skip


def test_nothing_that_we_start_grows_with_the_number_of_tasks():
    assert growing() == []


def test_what_dask_would_keep_is_seen(monkeypatch):
    everything = {"dashboard": False, "extensions": DEFAULT_EXTENSIONS}
    monkeypatch.setattr(lean, "scheduler_options", lambda: everything)
    assert [list(each[0]) for each in growing()] == [["type"]]
