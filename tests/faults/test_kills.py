"""Runs that are killed and go on: nothing finished is lost, done again, or out of date."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from killable import (
    DATASET,
    Run,
    chunk_files,
    settle_on,
    snakemake,
    study,
    undisturbed,
    unlock,
    until,
)

from lt2f.pipeline.dataset import content_sha256

CHUNKS = 300


def test_twenty_kills_cost_only_what_was_in_flight(tree, started):
    settle_on(study(CHUNKS))
    rng = random.Random(20260520)
    victims = ["worker"] * 12 + ["sweep"] * 5 + ["snakemake"] * 3
    rng.shuffle(victims)
    first: dict[str, tuple[int, int]] = {}  # each chunk's file as it was first seen
    run, died = started(), 0
    for victim in victims:
        run.kill(victim, rng)
        first = chunk_files() | first
        if victim == "worker":
            died += 1
            continue  # Dask starts another one
        assert run.end() != 0
        assert len(chunk_files()) < CHUNKS, "the run went on without its master"
        assert not DATASET.exists()
        first = chunk_files() | first
        if list(Path(".snakemake/locks").glob("*")):
            unlock()
        run = go_on(run, started)
    assert run.end() == 0, run.said.read_text()
    final = chunk_files()
    again = {name for name, file in first.items() if final[name] != file}
    print(f"{len(victims)} kills, {len(again)} chunks computed again")
    # A worker that dies takes with it the chunk it computes, or what it had not told of one yet.
    assert len(again) <= died
    assert len(final) == CHUNKS
    assert content_sha256(DATASET) == undisturbed()


def go_on(killed: Run, started: Callable[[], Run]) -> Run:
    """Give the same command again; a killed run said what it reused, and reused all there was."""
    if (counts := killed.counts()) is not None:
        assert counts == (len(killed.before), CHUNKS - len(killed.before))
    return started()


# Runs that nobody waits for any more


def test_a_run_left_over_does_not_pass_for_a_new_one(tree, started):
    """Snakemake is killed, its sweep sleeps while other settings are run, and then goes on."""
    settle_on(study(CHUNKS))
    run = started()
    run.until(lambda: len(chunk_files()) > 1)
    (orphan,) = run.processes()["sweep"]
    orphan.suspend()
    run.popen.kill()
    run.popen.wait()
    settle_on(study(2))
    subprocess.run(snakemake("--unlock"), capture_output=True, check=True)
    again = started()
    assert again.end() == 0, again.said.read_text()
    content = content_sha256(DATASET)
    orphan.resume()
    until(lambda: not run.living())
    last = started()
    assert last.end() == 0
    assert content_sha256(DATASET) == content
