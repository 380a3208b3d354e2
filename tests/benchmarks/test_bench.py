"""`lt2f bench`: what is timed, and what it says."""

import itertools
import json

import numpy as np
import pytest
from click.testing import CliRunner

import lt2f
from lt2f import bench, works
from lt2f.cli import main
from lt2f.dynamics import peak
from lt2f.dynamics.theory import ellipse

SMALL_MAP = {
    "axes": {"mu": {"values": [0.3, 1.7]}, "imbalance": {"values": [0.0, 0.4]}},
    "fixed": {"product": 0.1},
    "iterations": {"transient": 300, "measure": 64},
}


@pytest.fixture
def small(monkeypatch):
    """Make every work tiny."""
    for name, work in works.WORKS.items():
        few = {"grid": (3, 2), "first": min(work.first, 64), "then": min(work.then, 64)}
        fields = {f: getattr(work, f) for f in work.__dataclass_fields__} | few | {"rounds": 2}
        if work.columns > 1:
            fields["columns"] = few["then"]
        monkeypatch.setitem(works.WORKS, name, works.Work(**fields))
    monkeypatch.setattr(bench, "MAP", SMALL_MAP)
    monkeypatch.setattr(peak, "ROUNDS", 10)


def call(*arguments):
    return CliRunner().invoke(main, ["bench", *arguments])


def test_json_has_the_schema_that_is_promised(small):
    found = call("--json")
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout)
    assert set(result) == {"works", "machine", "versions"}
    assert {"W1", "W2", "W3", "W4"} < set(result["works"]) == set(bench.NAMES)
    for name, entry in result["works"].items():
        assert set(entry) == {"rate", "threads", "peak_fraction"}
        assert entry["rate"] > 0.0
        assert entry["threads"] == 1
        assert (entry["peak_fraction"] is None) == (name in works.MAPS)
    assert result["versions"]["lt2f"] == lt2f.__version__
    assert result["machine"]["fma_peak"] > 0.0


def test_the_table_has_a_row_for_each_work_that_is_named(small):
    found = call("--work", "W3", "--work", "map")
    assert found.exit_code == 0
    rows = found.output.splitlines()[3:]
    assert [row.split("  ")[0] for row in rows] == ["work", "W3", "map"]


def test_what_is_no_work_is_refused_in_one_line():
    found = call("--work", "W5")
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert line.startswith("lt2f: W5: no such work, there are W1")


def test_peers_are_looked_for_beside_the_package(small, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "BESIDE", tmp_path / "benchmarks")
    found = call("--peers", "--work", "W1")
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert "checkout" in line


def test_peers_are_timed_on_the_same_work(small):
    result = bench.measure(["W1", "W3", "map"], peers=True, repetitions=1)
    assert set(result["peers"]) == {"W1", "W3", "map"}
    assert result["peers"]["map"] == {}
    assert {"NumPy", "Numba, one at a time"} <= set(result["peers"]["W1"])
    assert all(rate > 0.0 for rate in result["peers"]["W3"].values())
    assert all(isinstance(why, str) for why in result["skipped"].values())
    said = bench.table(result)
    assert "lt2f : NumPy" in said


def test_the_fastest_of_the_repetitions_counts_and_not_the_first():
    slow, quick = iter([0.1, 3.0, 2.0, 4.0]), iter([9.0, 1.0, 7.0, 8.0])
    order = []

    def of(name, values):
        def run():
            order.append(name)
            return next(values)

        return run

    trials = {("W1", "a"): of("a", slow), ("W1", "b"): of("b", quick)}
    assert bench.fastest(trials, 3) == {("W1", "a"): 2.0, ("W1", "b"): 1.0}
    assert order == ["a", "b"] * 4


def test_a_share_of_the_peak_counts_the_operations_of_both_parts():
    work = works.Work("", works.WORKS["W1"].run, (1, 1), 100, 300, (4, 8))
    assert work.least == 7.0
    assert bench._entry("W1", 5.0, 40.0)["peak_fraction"] == 0.5


@pytest.mark.parametrize("name", works.WORKS)
def test_every_start_lies_inside_the_ellipse_of_its_step_size(name):
    u, v, mu = works.starts(works.WORKS[name])
    assert u.size == works.WORKS[name].grid[0] * works.WORKS[name].grid[1]
    below = mu < 2.0  # there the ellipse is a line
    assert (ellipse(mu[below], u[below], v[below]) < 0.0).all()


def test_chains_do_what_they_say():
    # x -> 2x + 1 turns x into 2^k (x + 1) - 1; sums of small whole numbers are exact.
    k = 2 * peak.TURN
    expected = sum(2**k * (x + 1) - 1 for x in range(peak.CHAINS))
    assert peak.chains(2, 2.0, 1.0) == expected


def test_operations_that_stand_for_determinant_and_rise_are_identities():
    # The forms of lt2f.works against those of lt2f.dynamics.model, in whole numbers: exact.
    for u, v, mu in itertools.product(range(-3, 4), repeat=3):
        e, t, n = u * u - v * v - mu, v * v + mu, u * u + v * v
        assert n == e + 2 * t - mu
        det = 1 - 2 * n - e * (e + 2 * (e + mu))
        assert det == (1 + 2 * mu) - 4 * t - e * (3 * e + 2 * mu + 2)
        assert 2 * n - 2 - mu * e - e * e == 4 * t + e * (2 - mu - e) - (2 + 2 * mu)


def test_a_map_counts_every_step_that_is_asked_for():
    for shortcuts in (False, True):
        run, steps = works.map_trial(SMALL_MAP, shortcuts=shortcuts)
        assert steps == 4 * 364
        assert run() >= 0.0


def test_machine_and_versions_are_plain_data():
    said = bench.machine() | bench.versions()
    assert all(isinstance(value, (str, int)) for value in said.values())
    assert np.log2(bench.machine()["lanes"]) in (2.0, 3.0)
