"""Sweeps: in this process, on a real cluster of two workers, and after things went wrong."""

import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import xarray as xr
import yaml

import lt2f
from lt2f.pipeline import cluster, sweep
from lt2f.pipeline import work as working
from lt2f.pipeline.dataset import DatasetError, content_sha256
from lt2f.pipeline.portions import Portions
from lt2f.pipeline.settings import Local, SettingsError, load, parse
from lt2f.pipeline.store import Store, StoreError
from lt2f.pipeline.work import CodeChanged


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "chunks")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.nc"


@pytest.fixture
def said(caplog):
    """What the log says of chunks, as numbers: total, reused, to compute."""
    caplog.set_level(logging.INFO, "lt2f")

    def numbers():
        (line,) = (text for text in caplog.messages if " reused" in text)
        caplog.clear()
        found = re.search(r"in (\d+) chunks, (\d+) reused, (\d+) to compute", line)
        return tuple(map(int, found.groups()))

    return numbers


def shares(messages):
    """Chunks and cells that each worker computed, by process, from the log."""
    told = (re.match(r"worker (\d+): (\d+) chunks, (\d+) cells", text) for text in messages)
    return {int(line[1]): (int(line[2]), int(line[3])) for line in told if line}


def chunks_of(store):
    return sorted(store.folder.rglob("*.npz"))


# lt2f.sweep


def test_settings_come_as_a_file_a_mapping_or_typed(raw, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(raw("orbit"), sort_keys=False))
    forms = [str(file), file, load(file), raw("orbit"), parse(raw("orbit"))]
    first, *others = (lt2f.sweep(settings, "cells") for settings in forms)
    assert isinstance(first, xr.Dataset)
    assert list(first.sizes) == ["product", "mu", "sample"]
    for other in others:
        assert other.attrs["content_sha256"] == first.attrs["content_sha256"]
        xr.testing.assert_equal(other, first)


def test_a_sweep_is_what_the_workflow_writes(raw, store, path, planned):
    content = sweep.run(planned(), store, path)
    data = lt2f.sweep(raw(), "cells")
    assert data.attrs["content_sha256"] == content
    with xr.open_dataset(path) as written:
        xr.testing.assert_equal(data, written)


def test_a_sweep_leaves_no_file_behind(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    data = lt2f.sweep(raw("orbit", tile={}), "cells")
    assert list(tmp_path.iterdir()) == []
    assert data["residual"].notnull().all()  # and the values are in memory


def test_a_sweep_leaves_no_file_open(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = lt2f.sweep(raw("orbit"), "cells")
    links = {file: os.path.realpath(file) for file in Path("/proc/self/fd").iterdir()}
    assert data.sizes
    assert not [target for target in links.values() if target.startswith(str(tmp_path))]


def test_a_sweep_that_is_not_there_is_named(raw):
    with pytest.raises(SettingsError, match=r"sweeps\.cell: no such sweep, there are cells"):
        lt2f.sweep(raw(), "cell")
    with pytest.raises(SettingsError, match="unknown key"):
        lt2f.sweep(raw() | {"sweps": {}}, "cells")


NOISY = {"fixed": {"imbalance": 0.5, "product": 0.1}, "tile": {}}


@pytest.mark.parametrize("model", ["multiplicative", "target", "factors"])
@pytest.mark.parametrize("law", ["two_point", "uniform", "normal"])
def test_noise_is_heard_and_noise_zero_is_none(raw, model, law):
    mu = {"values": [0.5, 1.5]}
    lengths = {"transient": 3, "samples": 5}
    axes = {"noise": {"values": [0.0, 0.1]}, "mu": mu}
    noise = {"model": model, "law": law}
    noisy = lt2f.sweep(raw("orbit", axes=axes, noise=noise, iterations=lengths, **NOISY), "cells")
    plain = lt2f.sweep(raw("orbit", axes={"mu": mu}, iterations=lengths, **NOISY), "cells")
    quiet, loud = noisy["residual"]
    assert quiet.values.tobytes() == plain["residual"].values.tobytes()
    assert (loud != quiet).all()


@pytest.mark.parametrize("model", ["none", "multiplicative", "target", "factors"])
def test_an_orbit_may_record_its_imbalance(raw, model):
    noise = {} if model == "none" else {"noise": {"model": model}}
    fixed = {"product": 0.1} | ({} if model == "none" else {"noise": 0.1})
    axes = {"imbalance": {"values": [0.25, 0.5]}, "mu": {"values": [0.5, 1.5]}}
    lengths = {"transient": 0, "samples": 5}
    study = {"axes": axes, "fixed": fixed, "iterations": lengths, "tile": {"mu": 1}, **noise}
    plain = lt2f.sweep(raw("orbit", **study), "cells")
    both = lt2f.sweep(raw("orbit", **study, record=["imbalance"]), "cells")
    assert set(both.data_vars) == {"residual", "imbalance_path"}
    assert both["imbalance_path"].dims == ("imbalance", "mu", "sample")
    xr.testing.assert_equal(both["residual"], plain["residual"])
    np.testing.assert_allclose(both["imbalance_path"][..., 0].T, [[0.25, 0.5]] * 2, rtol=1e-15)
    alone = study | {"axes": {"mu": axes["mu"]}, "fixed": {**fixed, "imbalance": 0.25}}
    one = lt2f.sweep(raw("orbit", **alone, record=["imbalance"]), "cells")
    assert one["imbalance_start"].item() == 0.25
    assert one["imbalance"].values.tobytes() == both["imbalance_path"][0].values.tobytes()


@pytest.mark.parametrize("model", ["multiplicative", "target"])
def test_labels_of_noise_zero_are_those_of_none(raw, model):
    mu = {"start": 0.2, "step": 0.02, "num": 96}
    axes = {"mu": mu, "noise": {"values": [0.0, 0.1]}, "realization": {"num": 2}}
    lengths = {"transient": 300, "measure": 320}
    noise = {"model": model, "law": "uniform"}
    noisy = lt2f.sweep(raw("map", axes=axes, noise=noise, iterations=lengths, **NOISY), "cells")
    plain = lt2f.sweep(raw("map", axes={"mu": mu}, iterations=lengths, **NOISY), "cells")
    for k in range(2):
        quiet = noisy.sel(noise=0.0, realization=k)
        for name, values in plain.data_vars.items():
            assert quiet[name].values.tobytes() == values.values.tobytes(), name


def test_a_realization_is_the_same_wherever_it_is_computed(raw):
    def residuals(axes, steps=6, seed=7, **fixed):
        study = raw(
            "orbit",
            seed=seed,
            axes=axes,
            fixed={"imbalance": 0.5, "product": 0.1, "noise": 0.1, **fixed},
            noise={"model": "multiplicative", "law": "uniform"},
            iterations={"transient": 0, "samples": steps},
            tile={"mu": 1},
        )
        return lt2f.sweep(study, "cells")["residual"].values

    mu = {"mu": {"values": [0.5, 0.75, 1.5]}}
    every = residuals({"realization": {"num": 4}, **mu})
    assert len(np.unique(every[:, 1, 1])) == 4
    np.testing.assert_array_equal(residuals(mu, realization=2), every[2])
    np.testing.assert_array_equal(residuals(mu), every[0])  # 0 if unsaid
    np.testing.assert_array_equal(residuals({"mu": {"values": [0.75]}}), every[0, 1:2])
    np.testing.assert_array_equal(residuals(mu, steps=4), every[0, :, :4])
    assert (residuals(mu, seed=8)[:, 1:] != every[0, :, 1:]).all()
    # Every cell tells which h it saw: with r = he and ab = p the next e is e + pr² − Sr.
    e, after = every[0, :, 0], every[0, :, 1]
    p, s = 0.1, np.hypot(0.5, 2 * 0.1)
    h = (s - np.sqrt(s**2 - 4 * p * (e - after))) / (2 * p) / e
    assert abs(h[0] - 1) > 1e-3
    np.testing.assert_allclose(h, h[0], rtol=1e-12)  # cancellation costs a digit or two


# A real cluster


def share_at_once(patch):
    """Start workers after the first chunk, however little is left, and leave them all the rest."""
    patch.setattr(sweep, "START", -1.0)
    patch.setattr(sweep, "_alone", lambda *_: [])


@pytest.fixture(scope="module")
def clustered(planned, tmp_path_factory):
    """Run a sweep on two workers, and watch who listens where meanwhile."""
    folder = tmp_path_factory.mktemp("clustered")
    listening, messages, reports = Counter(), [], []

    class Listen(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    def report(done, total):
        reports.append((done, total))
        for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
            for socket in process.net_connections("inet"):
                if socket.status == psutil.CONN_LISTEN or not socket.raddr:
                    listening[socket.laddr.ip] += 1

    handler, level = Listen(), sweep.log.level
    sweep.log.addHandler(handler)
    sweep.log.setLevel(logging.INFO)
    try:
        plan = planned(shortcuts=False, tile={"mu": 1, "imbalance": 2})
        how = Store(folder / "chunks"), folder / "cells.nc", Local(workers=2), 1, report
        with pytest.MonkeyPatch.context() as patch:
            share_at_once(patch)
            content = sweep.run(plan, *how)
    finally:
        sweep.log.removeHandler(handler)
        sweep.log.setLevel(level)
    return plan, content, messages, reports, listening


def test_two_workers_take_part(clustered):
    plan, _, messages, *_ = clustered
    workers = shares(messages)
    assert len(workers) == 3
    assert workers[os.getpid()] == (1, 2)
    chunks = list(plan.chunks())
    assert sum(n for n, _ in workers.values()) == len(chunks) == 48
    assert sum(cells for _, cells in workers.values()) == plan.sweep.cells


def test_nothing_listens_beyond_this_machine(clustered):
    *_, listening = clustered
    assert set(listening) == {"127.0.0.1"}


def test_progress_goes_from_nothing_to_everything(clustered):
    plan, _, _, reports, _ = clustered
    done = [cells for cells, _ in reports]
    assert done == sorted(set(done))  # one report for each batch
    assert (done[0], done[-1]) == (0, plan.sweep.cells)
    assert 5 < len(done) <= 48 + 1
    assert {total for _, total in reports} == {plan.sweep.cells}


def test_the_content_is_that_of_a_run_in_this_process(clustered, store, path):
    plan, content, *_ = clustered
    assert sweep.run(plan, store, path) == content


def test_a_worker_that_dies_costs_nothing_but_time(clustered, store, path, monkeypatch):
    share_at_once(monkeypatch)
    plan, content, *_ = clustered
    killed = []

    def kill_one(done, total):
        if done > total / 3 and not killed:
            children = psutil.Process().children(recursive=True)
            killed.append(next(c for c in children if "spawn_main" in " ".join(c.cmdline())))
            killed[0].kill()

    assert sweep.run(plan, store, path, Local(), 2, kill_one) == content
    assert not killed[0].is_running()


def test_one_worker_is_this_process(clustered, store, path, caplog, monkeypatch):
    monkeypatch.setattr(cluster, "workers", None)
    caplog.set_level(logging.INFO, "lt2f")
    plan, content, *_ = clustered
    assert sweep.run(plan, store, path, Local(workers=1), 2) == content
    assert shares(caplog.messages) == {os.getpid(): (48, plan.sweep.cells)}


# When workers are worth their start


@pytest.mark.parametrize(("cores", "start"), [(2, 47.0), (4, 70.5), (96, 94 - 94 / 48)])
@pytest.mark.parametrize("worth", [True, False])
def test_workers_are_started_if_they_save_more_than_their_start(
    planned, store, path, monkeypatch, cores, start, worth
):
    """After one of 48 chunks 94 cells are left, a second each: n <= 48 save 94 (1 - 1/n) s."""

    class Unhurried(Portions):
        def count(self, done):
            return super().count(replace(done, seconds=float(done.cells)))

    left = []

    def share_out(portions, *_):
        left.append(portions.cells_left)
        return ()

    monkeypatch.setattr(sweep, "Portions", Unhurried)
    monkeypatch.setattr(sweep, "START", start - 0.1 if worth else start)
    monkeypatch.setattr(sweep, "_share_out", share_out)
    plan = planned(shortcuts=False, tile={"mu": 1, "imbalance": 2})
    sweep.run(plan, store, path, Local(), cores)
    assert left[:1] == ([94] if worth else [])


def test_a_small_sweep_starts_no_worker(planned, store, path, monkeypatch):
    monkeypatch.setattr(cluster, "workers", None)
    content = sweep.run(planned(), store, path, Local(), 2)
    assert content == sweep.run(planned(), Store(store.folder / "fresh"), path)


def test_this_process_goes_on_until_workers_are_there(planned, store, path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "lt2f")
    plan = planned(shortcuts=False, tile={"mu": 1, "imbalance": 2})
    chunks = {chunk.name for chunk in plan.chunks()}
    start = cluster.workers

    def slowly(*how):
        limit = time.monotonic() + 60
        while len(chunks_of(store)) < 30 and time.monotonic() < limit:
            time.sleep(0.01)
        return start(*how)

    monkeypatch.setattr(cluster, "workers", slowly)
    monkeypatch.setattr(sweep, "START", -1.0)
    sweep.run(plan, store, path, Local(), 2)
    assert shares(caplog.messages)[os.getpid()][0] >= 30
    assert {file.stem for file in chunks_of(store)} == chunks


def test_workers_that_die_at_the_start_are_started_again(
    clustered, store, path, monkeypatch, caplog
):
    share_at_once(monkeypatch)
    caplog.set_level(logging.INFO, "lt2f")
    plan, content, *_ = clustered
    make, failed = cluster.LocalCluster, []

    def killed(**how):
        """Kill a worker as soon as it is born, the first time."""
        if failed:
            return make(**how)
        known, stop = set(psutil.Process().children()), threading.Event()

        def kill():
            while not stop.is_set():
                for child in set(psutil.Process().children()) - known:
                    failed.append(child)
                    child.kill()

        with ThreadPoolExecutor(1) as pool:
            pool.submit(kill)
            try:
                return make(**how)
            finally:
                stop.set()

    monkeypatch.setattr(cluster, "LocalCluster", killed)
    assert sweep.run(plan, store, path, Local(), 2) == content
    assert "going on without" in caplog.text
    assert len(shares(caplog.messages)) == 3


# What one worker does


@pytest.fixture
def batch(planned):
    plan = planned()
    chunks = {chunk.name: chunk.axes for chunk in plan.chunks()}
    return working.Batch(chunks, "six"), (plan.task, plan.sweep.scalars()), plan.code


def test_a_worker_imports_what_it_needs_and_no_more():
    code = "import sys, lt2f.pipeline.work; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unwanted = {"dask", "netCDF4", "pydantic", "scipy.optimize", "scipy.special", "xarray"}
    assert not unwanted & set(run.stdout.split())


def test_a_batch_is_computed_and_stored(batch, store):
    all_, how, code = batch
    done = working.work(all_, *how, store, code)
    assert (done.names, done.left, done.cells) == (tuple(all_.chunks), (), 24 * 4)
    assert done.worker == os.getpid()
    assert {file.stem for file in chunks_of(store)} == set(all_.chunks)


def test_a_worker_gives_back_what_takes_too_long(batch, store, monkeypatch):
    monkeypatch.setattr(working, "PATIENCE", 0.0)  # one chunk there is always time for
    all_, how, code = batch
    first, *others = all_.chunks
    done = working.work(all_, *how, store, code)
    assert (done.names, done.left, done.cells) == ((first,), tuple(others), 8 * 2)
    assert [file.stem for file in chunks_of(store)] == [first]


def test_what_a_dead_worker_finished_is_not_done_again(batch, store):
    all_, how, code = batch
    working.work(all_, *how, store, code)
    dates = [file.stat().st_mtime_ns for file in chunks_of(store)]
    lost = store.path(next(iter(all_.chunks)))
    lost.unlink()
    assert working.work(all_, *how, store, code).names == tuple(all_.chunks)
    assert lost.exists()
    again = [file.stat().st_mtime_ns for file in chunks_of(store)]
    assert sum(one != two for one, two in zip(dates, again, strict=True)) == 1


# What was there already, and what was lost


def test_chunks_are_computed_once(planned, store, path, said):
    plan = planned()
    content = sweep.run(plan, store, path)
    assert said() == (6, 0, 6)
    dates = [file.stat().st_mtime_ns for file in chunks_of(store)]
    path.unlink()
    assert sweep.run(plan, store, path) == content
    assert said() == (6, 6, 0)
    assert [file.stat().st_mtime_ns for file in chunks_of(store)] == dates


def test_lost_and_damaged_chunks_are_computed_again(planned, store, path, said):
    plan = planned()
    content = sweep.run(plan, store, path)
    said()
    lost, damaged, foreign, *_ = chunks_of(store)
    lost.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-1])
    foreign.write_bytes(chunks_of(store)[-1].read_bytes())
    assert sweep.run(plan, store, path) == content
    assert said() == (6, 3, 3)


def test_a_longer_axis_computes_only_what_is_new(planned, store, path, said):
    def axes(num):
        return {
            "mu": {"start": 0.25, "step": 0.25, "num": num},
            "imbalance": {"values": [0.0, 1.0]},
        }

    tile = {"mu": 2, "imbalance": 1}
    sweep.run(planned(axes=axes(4), tile=tile), store, path)
    said()  # indices 1 | 2 3 | 4, for both imbalances
    content = sweep.run(planned(axes=axes(7), tile=tile), store, path)
    assert said() == (8, 4, 4)  # 1 | 2 3 | 4 5 | 6 7
    fresh = Store(store.folder / "fresh")
    assert sweep.run(planned(axes=axes(7), tile=tile), fresh, path) == content


def test_another_study_finds_the_chunks(planned, store, path, said):
    sweep.run(planned(), store, path)
    said()
    sweep.run(planned(study="another", seed=8), store, path.with_name("other.nc"))
    assert said() == (6, 6, 0)


KILLED = """\
import os, signal, sys, yaml
from pathlib import Path
from lt2f.pipeline import plan, settings, store, sweep

def report(done, total):
    if done > total / 2:
        os.kill(os.getpid(), signal.SIGKILL)

study, chunks, path = sys.argv[1:]
planned = plan.plan(settings.load(study), "cells")
sweep.run(planned, store.Store(Path(chunks)), Path(path), report=report)
"""


def test_a_killed_run_goes_on_from_its_chunks(raw, planned, store, path, said, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(raw(), sort_keys=False))
    run = subprocess.run(
        [sys.executable, "-c", KILLED, study, store.folder, path], capture_output=True, check=False
    )
    assert run.returncode == -signal.SIGKILL
    assert not path.exists()
    content = sweep.run(planned(), store, path)
    assert said() == (6, 4, 2)
    fresh = Store(store.folder / "fresh")
    assert sweep.run(planned(), fresh, path) == content == content_sha256(path)


def test_code_that_changes_meanwhile_stops_the_run(planned, store, path, monkeypatch):
    plan = planned()
    batch = working.Batch({chunk.name: chunk.axes for chunk in plan.chunks()}, "all")
    with pytest.raises(CodeChanged, match="run it again"):
        working.work(batch, plan.task, plan.sweep.scalars(), store, "0" * 64)
    assert chunks_of(store) == []
    # After two batches, of a chunk each, as an edit would.
    codes = iter([plan.code, plan.code])
    monkeypatch.setattr(working, "code_sha256", lambda module: next(codes, "edited"))
    with pytest.raises(CodeChanged):
        sweep.run(plan, store, path)
    assert len(chunks_of(store)) == 2
    assert not path.exists()


def test_what_cannot_be_stored_stops_the_run(planned, tmp_path, path):
    (tmp_path / "chunks").write_text("no folder")
    with pytest.raises(StoreError, match="chunks"):
        sweep.run(planned("orbit"), Store(tmp_path / "chunks"), path)
    assert not path.exists()


@pytest.mark.parametrize("error", [StoreError("chunk: disk full"), CodeChanged("edited")])
def test_errors_come_back_from_a_worker_as_they_are(error):
    returned = pickle.loads(pickle.dumps(error))
    assert type(returned) is type(error)
    assert str(returned) == str(error)


def test_a_full_disk_costs_no_chunk_and_no_older_dataset(planned, store, path, full_disk, said):
    sweep.run(planned("orbit"), store, path)
    before, _ = path.read_bytes(), said()
    plan = planned("orbit", iterations={"transient": 1, "samples": 6})
    largest = max(file.stat().st_size for file in chunks_of(store))
    with full_disk(largest + 100), pytest.raises(DatasetError):
        sweep.run(plan, store, path)
    assert path.read_bytes() == before
    said()
    sweep.run(plan, store, path)
    assert said()[1:] == (6, 0)


def test_a_study_says_where_its_chunks_are_and_who_computes(raw, path, monkeypatch):
    seen = []
    monkeypatch.setattr(sweep, "run", lambda plan, *how: seen.append((plan.name, *how)))
    top = {"chunks": "scratch", "executor": {"kind": "local", "workers": 3}}
    for settings in (raw(), raw() | top):
        sweep.run_study(parse(settings), "cells", path, 2, print)
    assert seen == [
        ("cells", Store(Path("results/.chunks")), path, Local(), 2, print),
        ("cells", Store(Path("scratch")), path, Local(workers=3), 2, print),
    ]


def test_kernels_are_compiled_with_a_few_cells_and_steps(planned, monkeypatch):
    seen = []
    monkeypatch.setattr(sweep, "solve", lambda task, axes, scalars: seen.append((task, axes)))
    lengths = {"transient": 10**12, "measure": 10**12}
    sweep.compile_kernels(planned(iterations=lengths))
    assert {task.shortcuts for task, _ in seen} == {False, True}
    for task, axes in seen:
        assert all(values.size == 2 for values in axes.values())
        assert max(task.iterations.values()) <= 10**4
