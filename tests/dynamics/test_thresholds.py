import re
import subprocess
import sys
from decimal import Decimal

import mpmath as mp
import pytest

from lt2f.dynamics import cascade, thresholds
from lt2f.dynamics.superstable import superstable
from lt2f.dynamics.thresholds import closed_thresholds, doublings, full_table, table
from lt2f.dynamics.windows import window

TRUTH = {
    "monotone_end": lambda: 2 * mp.sqrt(2) - 2,
    "doubling_1": lambda: mp.mpf(1),
    "doubling_2": lambda: mp.sqrt(5) - 1,
    "attractor_merging": lambda: 3 * mp.sqrt(3) / 2 - 1,
    "antisymmetric_birth": lambda: 2 * mp.sqrt(2) - 1,
    "antisymmetric_split": lambda: mp.sqrt((13 + 3 * mp.sqrt(41)) / 4) - 1,
    "chebyshev": lambda: mp.mpf(2),
}
NAMED = {"accumulation", "bands_merge_2_to_1", "first_period_3"}
FULL = full_table()


@pytest.mark.parametrize("row", closed_thresholds(), ids=lambda row: row.id)
def test_closed_forms_are_within_their_error(row):
    with mp.workdps(40):
        assert abs(mp.mpf(row.mu) - TRUTH[row.id]()) <= row.error
    assert row.error < 1e-15


def test_found_doublings_agree_with_their_closed_forms():
    for found, truth in zip(doublings(2), (TRUTH["doubling_1"], TRUTH["doubling_2"]), strict=True):
        with mp.workdps(40):
            assert abs(mp.mpf(found.mu) - truth()) <= found.error < 1e-15


def residual_orbit(mu, steps):
    """Follow the free critical point of the residual's own cubic."""
    e = [(1 - 2 * mu) / 3]
    for _ in range(steps):
        e.append(e[-1] * (e[-1] ** 2 + (mu - 2) * e[-1] + 1 - 2 * mu))
    return e


def landing(id_):
    """Name the two steps at which the critical residual agrees, if an id is such a relation."""
    if found := re.fullmatch(r"superstable_(\d+)(_[LMR]+)?", id_):
        return int(found[1]), 0
    if found := re.fullmatch(r"bands_merge_\d+_to_(\d+)", id_):
        return 4 * int(found[1]), 3 * int(found[1])
    if found := re.fullmatch(r"window_(\d+)_[LMR]+_(merges|closes)", id_):
        times = (4, 3) if found[2] == "merges" else (3, 2)
        return tuple(time * int(found[1]) for time in times)
    return {"antisymmetric_merging": (8, 6), "antisymmetric_crisis": (6, 4)}.get(id_)


def test_rows_are_the_doubles_of_forty_digits():
    relations = {row.id: (row, landing(row.id)) for row in FULL if landing(row.id)}
    assert len(relations) == 257 + 8 + 2 * 5
    with mp.workdps(40):
        for row, (later, earlier) in relations.values():

            def left(mu, later=later, earlier=earlier):
                orbit = residual_orbit(mu, later)
                return orbit[later] - orbit[earlier]

            mu = mp.findroot(left, (mp.mpf(row.mu), mp.mpf(row.mu) + mp.mpf(10) ** -17), tol=1e-50)
            assert abs(row.mu - mu) <= row.error < 3e-16, row.id


def test_errors_cover_the_rounding_to_doubles():
    rows = {row.id: row for row in FULL}
    events = {"superstable_5_MLLM": superstable("MLLM"), "doubling_7": cascade.doublings(7)[-1]}
    events |= {"first_period_3": window("ML").opens, "window_3_RR_doubles": window("RR").doubles}
    for id_, root in events.items():
        off = abs(Decimal(rows[id_].mu) - root.mu)
        assert off + root.error <= Decimal(rows[id_].error) < Decimal("3e-16")


def test_tables_are_sorted_and_complete():
    rows = table(5)
    for some in (rows, FULL):
        assert [row.mu for row in some] == sorted(row.mu for row in some)
        ids = [row.id for row in some]
        assert len(set(ids)) == len(ids)
        assert all(row.name and row.method and row.source for row in some)
        assert all(0 <= row.error < 1e-15 for row in some)
    assert {row.id for row in rows} == {*TRUTH, *NAMED, "doubling_3", "doubling_4", "doubling_5"}
    closed = [row for row in rows if row.id in TRUTH]
    assert closed == closed_thresholds() == sorted(closed, key=lambda row: row.mu)
    assert all(row in FULL for row in rows)
    # 257 superstable cycles, five windows of four events, two cascades of 10 and 8, and what has a
    # closed form besides: the ends 2 sqrt(2) - 2 and 2, the attractors' merging, the limit.
    assert len(FULL) == 257 + 20 + 18 + 4


def test_the_three_onsets_of_chaos_are_three_points():
    rows = {row.id: row.mu for row in table()}
    onsets = [rows[id_] for id_ in ("accumulation", "bands_merge_2_to_1", "first_period_3")]
    assert onsets == sorted(onsets)
    assert rows["doubling_3"] < onsets[0]
    assert onsets[2] < rows["attractor_merging"]


def test_periods_in_names_follow_the_signs():
    names = {row.id: row.name for row in FULL}
    assert "residual period 3, period 6" in names["superstable_3_RL"]  # about mu = 1.7
    assert "residual period 3, period 3" in names["superstable_3_ML"]
    assert "mirrored pair of period 6" in names["window_3_RL_doubles"]
    assert "period 3 to 6" in names["window_3_RR_doubles"]


def test_figures_do_without_scipy():
    code = (
        "import sys; from lt2f.dynamics import thresholds; thresholds.table(); print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"scipy", "mpmath", "numba"} & set(run.stdout.split())


def test_tables_are_pure():
    assert full_table() == FULL
    assert thresholds.table() == table()


def test_a_superstable_cycle_lies_between_doublings_and_is_that_of_its_laps():
    cycles, doublings = thresholds.superstable_doublings(), thresholds.doublings(10)
    ends = [row.mu for row in doublings] + [thresholds.accumulation().mu]
    assert [row.id for row in cycles] == [f"superstable_doubling_{k}" for k in range(1, 11)]
    assert all(a < row.mu < b for row, a, b in zip(cycles, ends[:-1], ends[1:], strict=True))
    # The multiplier of the two-cycle, 9 - 2 (1 + mu)^2, is zero.
    assert abs(cycles[0].mu - (3 / 2**0.5 - 1)) < 1e-15
    found = {row.id: row.mu for row in thresholds.superstables()}
    assert [row.mu for row in cycles[:2]] == [found["superstable_2_M"], found["superstable_4_MLM"]]
