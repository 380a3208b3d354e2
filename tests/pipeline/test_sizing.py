"""How large a study is: what `lt2f check` prints."""

import copy
import time

import numpy as np
import pytest

import lt2f
from lt2f.dynamics.lanes import prepare
from lt2f.pipeline import sizing
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import parse

LENGTHS = {"transient": 10**5, "measure": 10**5}


def rows(settings, cores=1):
    """The table as {sweep: {heading: cell}}; no cell holds two spaces in a row."""
    _, head, *lines = sizing.table(parse(settings), cores).splitlines()
    split = [[cell.strip() for cell in line.split("  ") if cell] for line in (head, *lines)]
    return {cells[0]: dict(zip(split[0], cells, strict=True)) for cells in split[1:]}


def test_every_sweep_has_a_line(raw, planned):
    study = raw()
    study["sweeps"] |= {kind: raw(kind)["sweeps"]["cells"] for kind in ("orbit", "trajectory")}
    found = rows(study)
    assert list(found) == ["cells", "orbit", "trajectory"]
    for name, kind, cells, steps in (
        ("cells", "map", 24 * 4, 24 * 4 * 1000),
        ("orbit", "orbit", 3 * 24, 3 * 24 * 6),
        ("trajectory", "trajectory", 3 * 2, 3 * 2 * 5),
    ):
        assert found[name]["kind"] == kind
        assert int(found[name]["cells"]) == cells
        assert float(found[name]["steps"]) == pytest.approx(steps, rel=0.05)  # two digits
        assert int(found[name]["chunks"]) == len(list(planned(kind).chunks()))


def test_the_first_line_names_study_and_cores(raw):
    assert sizing.table(parse(raw()), 3).splitlines()[0].startswith("study small:")
    assert " 3 cores" in sizing.table(parse(raw()), 3).splitlines()[0]


MANY = {  # more than a day of one core, in 400 chunks
    "axes": {"mu": {"start": 1.4, "step": 0.001, "num": 400}},
    "fixed": {"imbalance": 0.001, "product": 0.1},
    "iterations": {"transient": 10**12, "measure": 32},
    "shortcuts": False,
    "tile": {"mu": 1},
}


@pytest.mark.parametrize(
    ("executor", "workers", "said"),
    [
        ({}, 64, "on 64 cores if idle"),
        ({"workers": 8}, 8, "on 8 cores if idle"),
        ({"workers": 100}, 64, "on 64 cores if idle"),  # more share the same cores
        ({"kind": "slurm"}, 10, "on 10 workers at most"),
        ({"kind": "slurm", "cores": 16, "jobs": {"max": 4}}, 64, "on 64 workers at most"),
        ({"kind": "slurm", "cores": 99, "memory": "99 GB"}, 400, "on 990 workers"),  # one a chunk
        ({"kind": "scheduler", "file": "x"}, 1, "for one worker"),
    ],
)
def test_the_time_is_that_of_as_many_workers_as_the_executor_has(raw, executor, workers, said):
    study = raw() | {"sweeps": {"cells": MANY}, "executor": executor}
    settings = parse(study)
    sweep = plan(settings, "cells")
    alone = sizing.seconds(sweep)
    assert sizing.workers(sweep, settings.executor, 64) == workers
    assert said in sizing.table(settings, 64).splitlines()[0]
    assert rows(study, 64)["cells"]["time"] == sizing.duration(alone / workers)


@pytest.mark.parametrize(("least", "jobs"), [(0, 3), (2, 3), (5, 5)])
def test_a_job_is_counted_for_half_a_minute_of_each_of_its_workers(raw, monkeypatch, least, jobs):
    """As docs/howto/sizing.md has it: 250 s are worth three jobs of four workers, 120 s each."""
    slurm = {"kind": "slurm", "cores": 4, "memory": "4 GB", "jobs": {"min": least, "max": 10}}
    settings = parse(raw() | {"sweeps": {"cells": MANY}, "executor": slurm})
    monkeypatch.setattr(sizing, "seconds", lambda sweep: 250.0)
    assert sizing.workers(plan(settings, "cells"), settings.executor, 1) == 4 * jobs


def test_columns_line_up(raw):
    study = raw()
    study["sweeps"]["a_much_longer_name"] = raw("orbit")["sweeps"]["cells"]
    _, *lines = sizing.table(parse(study), 1).splitlines()
    assert len({len(line) for line in lines}) == 1


def starts(imbalance, mu, **changes):
    """A grid over mu and imbalance at product 0."""
    return {
        "axes": {"mu": {"values": mu}, "imbalance": {"values": imbalance}},
        "fixed": {"product": 0.0},
        "iterations": LENGTHS,
        **changes,
    }


# At product 0, S = |imbalance| and e = -mu: inside the ellipse iff |imbalance| < 4 - mu^2.
# (One start is left out: from |imbalance| = 1 the first step lands on e = 0.)
INSIDE, OUTSIDE, SMALL, LARGE = [0.5, 0.75], [4.5, 5.0], [0.25, 0.5], [1.25, 1.5]


@pytest.mark.parametrize(
    ("imbalance", "mu", "share"),
    [
        (INSIDE, SMALL, 1.0),  # converge
        (OUTSIDE, SMALL, 1.0),  # diverge
        (OUTSIDE, LARGE, 1.0),
        (INSIDE, LARGE, 0.0),  # bounded, but to what takes a run
        (INSIDE + OUTSIDE, LARGE, 0.5),
        (INSIDE + OUTSIDE, SMALL + LARGE, 0.75),
    ],
)
def test_what_a_theorem_decides_is_counted(planned, imbalance, mu, share):
    assert sizing.decided_early(planned(**starts(imbalance, mu))) == share
    assert sizing.decided_early(planned(**starts(imbalance, mu, shortcuts=False))) == 0.0


def test_what_mu_alone_decides_is_counted(planned):
    assert sizing.decided_by_mu(planned(**starts(INSIDE + OUTSIDE, SMALL + LARGE))) == 0.25
    assert sizing.decided_by_mu(planned(**starts(INSIDE, LARGE, shortcuts=False))) == 0.0
    # the same cells one at a time: nobody to share with
    alone = {
        "axes": {"mu": {"values": LARGE}},
        "fixed": {"imbalance": 0.5, "product": 0.1},
        "tile": {},
    }
    assert sizing.decided_by_mu(planned(**alone)) == 0.0


def test_on_a_large_grid_a_sample_is_enough(planned):
    mu = np.linspace(0.001, 1.999, 1000).tolist()
    imbalance = np.linspace(0.0, 4.0, 1000).tolist()
    plan = planned(**starts(imbalance, mu))
    # Open: mu > 1 and imbalance < 4 - mu^2, of a rectangle 2 by 4: (4 - 7/3)/8.
    share = 1 - (4 - 7 / 3) / 8
    # 4096 cells in rows 244 cells apart: the share of an area, to a few of their spacing.
    assert sizing.decided_early(plan) == pytest.approx(share, abs=0.02)


def test_time_grows_with_cells_and_steps(planned):
    def seconds(imbalance=INSIDE, mu=LARGE, **changes):
        return sizing.seconds(planned(**starts(imbalance, mu, **changes)))

    chunks = {"tile": {"mu": 32, "imbalance": 2}}  # whole blocks
    few, many = (np.linspace(1.1, 1.7, n).tolist() for n in (32, 64))
    assert seconds(mu=many, **chunks) == pytest.approx(2 * seconds(mu=few, **chunks))
    twice = {key: 2 * n for key, n in LENGTHS.items()}
    # but for what a cell costs beside its steps
    assert 1.5 * seconds() < seconds(iterations=twice) < 2 * seconds()
    # What a theorem decides costs little; with shortcuts off it costs the same as the rest.
    assert seconds(mu=SMALL) < 0.5 * seconds()
    assert seconds(record=["regime"]) < 0.5 * seconds()  # mu alone knows: no run at all
    assert seconds(mu=SMALL, shortcuts=False) == pytest.approx(seconds(shortcuts=False))
    assert seconds() < seconds(shortcuts=False)


@pytest.mark.parametrize("mu", [1, 4, 31, 32, 33, 96, 97])
def test_a_block_of_lanes_is_run_whole(planned, mu):
    """As many lanes as a kernel is given, for a chunk of two imbalances and so many mu."""
    given = starts(INSIDE, np.linspace(1.1, 1.9, 200).tolist(), tile={"mu": mu, "imbalance": 2})
    zeros = np.zeros(2 * mu)
    run = prepare(zeros, zeros, zeros).shape[1]
    assert sizing.lanes(planned(**given)) == run / (2 * mu)
    long = {"iterations": {"transient": 10**9, "measure": 10**9}, "shortcuts": False}
    whole = {"tile": {"mu": 32, "imbalance": 2}}
    ratio = sizing.seconds(planned(**given | long)) / sizing.seconds(
        planned(**given | long | whole)
    )
    assert ratio == pytest.approx(run / (2 * mu), rel=1e-4)  # what cells cost beside their steps


def test_realizations_of_noise_are_run_apart(planned):
    """Three mu share a block, five realizations of their noise do not."""
    assert sizing.lanes(planned("noisy", tile={"realization": 5, "mu": 3})) == 64 / 3


def test_workers_share_the_time_but_not_within_a_chunk(raw):
    def said(cores, tile):
        grid = starts(INSIDE, np.linspace(1.1, 1.9, 480).tolist(), tile=tile)
        grid["iterations"] = {"transient": 10**9, "measure": 10**9}
        number, unit = rows(raw(**grid), cores)["cells"]["time"].split()
        return float(number) * {"s": 1, "min": 60, "h": 3600}[unit]

    tile = {"mu": 96, "imbalance": 2}  # three blocks of 64 a chunk, and fifteen in all
    alone = said(1, tile)
    assert said(5, tile) == pytest.approx(alone / 5, rel=0.05)  # two digits
    assert said(64, {"mu": 480, "imbalance": 2}) == pytest.approx(alone, rel=0.05)


def test_memory_of_a_worker_is_that_of_a_chunk(raw):
    def megabytes(num, side):
        grid = starts(INSIDE, np.linspace(1.1, 1.9, num).tolist(), tile={"mu": side})
        return float(rows(raw(**grid))["cells"]["memory/worker"].removesuffix(" MB"))

    assert megabytes(100, 10) == megabytes(10_000, 10)
    assert megabytes(10_000, 10_000) > megabytes(10_000, 10)


def test_the_size_of_a_dataset_is_that_of_its_data(raw, planned):
    for kind in ("map", "orbit", "trajectory"):
        sweep, data = planned(kind), lt2f.sweep(raw(kind), "cells")
        assert sizing.size(sweep) == sum(values.nbytes for values in data.data_vars.values())
    large = copy.deepcopy(raw("orbit"))
    large["sweeps"]["cells"]["iterations"]["samples"] = 10**9
    assert rows(large)["cells"]["dataset"] == "576 GB"  # 72 cells of 8 bytes a sample


def test_the_largest_sweep_is_sized_in_moments(raw):
    axis = {"start": 0.5, "stop": 1.5, "num": 10**6}
    grid = starts([], [], axes={"mu": axis, "imbalance": axis}, tile={})
    began = time.process_time()
    found = rows(raw(**grid))["cells"]
    assert time.process_time() - began < 10
    assert found["cells"] == f"{10**12:,}"
    assert found["time"].endswith(" d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.1 s"),
        (12.34, "12.3 s"),
        (119.0, "119.0 s"),
        (120.0, "2.0 min"),
        (5400.0, "90.0 min"),
        (7200.0, "2.0 h"),
        (36.0 * 3600, "36.0 h"),
        (48.0 * 3600, "2.0 d"),
    ],
)
def test_durations_read_well(seconds, text):
    assert sizing.duration(seconds) == text
