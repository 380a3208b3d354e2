"""Bad days: what a fault costs is the work in flight, and the content afterwards is the same."""

import os
import random
import shutil
import signal
from pathlib import Path

import psutil
import pytest
from killable import DATASET, chunk_files, settle_on, study, undisturbed, unlock, until

from lt2f.pipeline.dataset import content_sha256

CHUNKS = 40


@pytest.fixture(autouse=True)
def _study(tree):
    settle_on(study(CHUNKS))


def some_done(run, more=0):
    """Wait until a run has finished some chunks, and may have started its workers."""
    goal = len(chunk_files()) + 3 + more
    run.until(lambda: len(chunk_files()) >= goal)


def same_as_ever(run, chunks=CHUNKS):
    """Let a run go to its end; how many chunks it reused."""
    assert run.end() == 0, run.said.read_text()
    assert content_sha256(DATASET) == undisturbed()
    assert len(chunk_files()) == chunks
    if run.counts() is None:  # the run before had come to the end of its sweep
        return chunks
    reused, computed = run.counts()
    assert reused + computed == chunks
    return reused


@pytest.mark.parametrize(
    ("name", "whom"),
    [("SIGINT", "all"), ("SIGTERM", "all"), ("SIGHUP", "all"), ("SIGTERM", "snakemake")],
)
def test_a_signal_stops_a_run_that_then_goes_on(started, name, whom):
    """SIGINT to all is Ctrl-C in a terminal, SIGHUP a terminal that is closed.

    Snakemake alone, asked to end, lets the sweep that it has begun come to its end.
    """
    run = started(group=True)
    some_done(run)
    if whom == "all":
        os.killpg(run.popen.pid, getattr(signal, name))
    else:
        run.popen.send_signal(getattr(signal, name))
    assert run.end() != 0
    assert not DATASET.exists()
    kept = len(chunk_files())
    if list(Path(".snakemake/locks").glob("*")):
        unlock()
    assert same_as_ever(started()) == kept


def test_all_workers_at_once_cost_only_what_they_held(started):
    many = 200  # however long workers take to start, this process does not do them all alone
    settle_on(study(many))
    run = started()
    run.until(lambda: len(run.processes()["worker"]) > 1)
    some_done(run)
    before = chunk_files()
    for worker in run.processes()["worker"]:
        worker.kill()
    same_as_ever(run, many)
    assert before.items() <= chunk_files().items()


def test_chunks_that_spoil_are_made_again_and_no_other(started):
    run = started()
    some_done(run, more=4)
    run.kill("sweep", random.Random(1))
    run.end()
    files = sorted(Path("results/.chunks").glob("*/[!.]*.npz"))
    files[0].write_bytes(b"")
    flipped = bytearray(files[1].read_bytes())
    flipped[random.Random(2).randrange(len(flipped))] ^= 16
    files[1].write_bytes(flipped)
    files[2].write_bytes(files[3].read_bytes())  # whole, but another chunk
    assert same_as_ever(started()) == len(files) - 3


def test_a_second_run_in_one_folder_is_refused(started):
    first = started()
    some_done(first)
    second = started(said="second.txt")
    assert second.end() != 0
    assert "cannot be locked" in second.said.read_text()
    same_as_ever(first)


def test_two_runs_at_once_may_share_a_chunk_store(started):
    """In two folders, with one store: what both write is the same, and is whole at any time."""
    settle_on({**study(CHUNKS), "chunks": str(Path("results/.chunks").absolute())})
    runs = started(), started("--directory", "other", said="other.txt")
    assert [run.end() for run in runs] == [0, 0], runs[1].said.read_text()
    assert content_sha256(DATASET) == content_sha256("other" / DATASET) == undisturbed()
    assert len(chunk_files()) == CHUNKS


# Root may write anywhere, unless it is asked to forget that.
_MERE_OWNER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.fixture
def read_only():
    """Take away the right to write in a folder, until the test ends."""
    changed = []

    def change(folder):
        changed.append(folder)
        folder.chmod(0o555)

    yield change
    for folder in changed:
        folder.chmod(0o755)


def as_owner():
    if os.geteuid():
        return ()
    assert shutil.which("setpriv"), "util-linux is not installed"
    return _MERE_OWNER


def test_a_folder_that_cannot_be_written_is_named_and_loses_nothing(started, read_only):
    run = started()
    some_done(run)
    run.kill("sweep", random.Random(3))
    run.end()
    kept = chunk_files()
    folders = [path for path in Path("results/.chunks").iterdir() if path.is_dir()]
    for folder in (*folders, Path("results/.chunks")):
        read_only(folder)
    refused = started(under=as_owner(), said="refused.txt")
    assert refused.end() != 0
    told = [line for line in refused.said.read_text().splitlines() if "lt2f: " in line]
    assert told
    assert all("Permission denied" in line for line in told)
    assert chunk_files() == kept
    for folder in (*folders, Path("results/.chunks")):
        folder.chmod(0o755)
    for folder in (DATASET.parent / "logs", DATASET.parent):
        read_only(folder)
        refused = started(under=as_owner(), said="refused.txt")
        assert refused.end() != 0
        assert f"lt2f: {folder}: may not be written" in refused.said.read_text().splitlines()
        folder.chmod(0o755)
    assert same_as_ever(started()) == len(kept)


def test_a_finished_dataset_survives_whatever_comes_later(started, read_only):
    """Other settings, and a run that is killed or may not write: the old file stays as it was."""
    settle_on(study(2))
    first = started()
    assert first.end() == 0
    content, stat = content_sha256(DATASET), DATASET.stat()
    settle_on(study(CHUNKS))
    killed = started()
    some_done(killed)
    killed.kill("sweep", random.Random(4))
    assert killed.end() != 0
    read_only(DATASET.parent)
    refused = started(under=as_owner(), said="refused.txt")
    assert refused.end() != 0
    assert (content_sha256(DATASET), DATASET.stat().st_ino) == (content, stat.st_ino)
    DATASET.parent.chmod(0o755)
    same_as_ever(started())


def test_a_run_leaves_no_process_and_no_draft(started):
    run = started()
    some_done(run)
    family = run.living()
    assert run.end() == 0
    until(lambda: not any(process.is_running() for process in family))
    assert not list(Path("results").rglob("*.part"))
    assert not [c for c in psutil.Process().children(recursive=True) if "spawn_main" in c.name()]
