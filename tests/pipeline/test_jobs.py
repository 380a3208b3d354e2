"""How many jobs SLURM is asked for, with a cluster that only writes down what it is told."""

from types import SimpleNamespace

import pytest

from lt2f.pipeline import slurm
from lt2f.pipeline.executors import SHORTEST, Slurm


def jobs(left=0.0, cores=1, **bounds):
    cluster = SimpleNamespace(worker_spec={}, workers={})
    executor = Slurm(kind="slurm", cores=cores, jobs=bounds)
    return slurm.Jobs(cluster, executor, lambda: left)


def test_the_first_job_is_alone_before_the_pace_is_known():
    assert jobs(max=10).wanted(20, 0) == 1


# Work is what is left, and a second for each of the 30 batches that are handed out.
@pytest.mark.parametrize(("left", "wanted"), [(0, 1), (240, 9), (241, 10), (1e6, 20)])
def test_jobs_grow_with_the_work(left, wanted):
    assert slurm.WORTH == 30
    assert jobs(left, max=20).wanted(30, 1) == wanted


def test_a_job_of_more_cores_needs_more_work():
    one, four = (jobs(12_000 - 400, cores, max=10**6).wanted(400, 1) for cores in (1, 4))
    assert (one, four) == (400, 100)


def test_jobs_stay_while_they_are_busy_and_go_when_they_are_not():
    assert jobs(0.0, max=10).wanted(8, 8) == 8
    assert jobs(0.0, max=10).wanted(3, 8) == 3
    assert jobs(0.0, cores=4, max=10).wanted(5, 8) == 2
    assert jobs(0.0, min=2, max=10).wanted(1, 8) == 2
    assert jobs(0.0, max=10).wanted(0, 8) == 0


@pytest.mark.parametrize("walltime", [SHORTEST, 3600, 86400, 30 * 86400])
def test_a_worker_leaves_within_its_walltime_and_uses_most_of_it(walltime):
    first, spread = slurm.lifetime(walltime)
    assert first + spread <= walltime - 30
    assert first - spread >= 0.7 * walltime
