"""The settling experiment next to each threshold."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lt2f.claims import settled, settling, transformer
from lt2f.claims.forms import Status
from lt2f.claims.ledger import rows as ledger
from lt2f.dynamics.codes import Regime
from lt2f.training.transformer import Model


@pytest.fixture(scope="module")
def rows():
    return settling.settle(prompts=(5,))


def test_places_lie_on_both_sides_of_what_theory_says():
    places = settling.places()
    known = {
        "monotone_end": 2 * math.sqrt(2) - 2,
        "doubling_1": 1.0,
        "doubling_2": math.sqrt(5) - 1,
        "attractor_merging": 1.5 * math.sqrt(3) - 1,
        "antisymmetric_birth": 2 * math.sqrt(2) - 1,
        "chebyshev": 2.0,
    }
    assert known.keys() <= places.keys()
    for name, mu in known.items():
        below, above = places[name]
        assert below < mu < above
        assert (below + above) / 2 == pytest.approx(mu, abs=1e-12)


def test_trainings_do_what_changes_at_each_threshold(rows):
    """What theory says of either side: regimes, periods of the residual, and whether signs turn."""
    for model in (Model.SCALAR, Model.MATRIX):
        seen = {}
        for row in rows:
            if row.model == model:
                seen.setdefault(row.threshold, []).append(row)
        told = {name: [row.ours[:2] for row in pair] for name, pair in seen.items()}
        assert told["monotone_end"] == [(Regime.MONOTONE, 1), (Regime.CATAPULT, 1)]
        assert told["doubling_1"] == [(Regime.CATAPULT, 1), (Regime.PERIODIC, 2)]
        assert told["doubling_2"] == [(Regime.PERIODIC, 2), (Regime.PERIODIC, 4)]
        assert told["doubling_3"] == [(Regime.PERIODIC, 4), (Regime.PERIODIC, 8)]
        assert told["accumulation"] == [(Regime.PERIODIC, 16), (Regime.CHAOTIC, 0)]
        assert told["first_period_3"] == [(Regime.CHAOTIC, 0), (Regime.PERIODIC, 3)]
        assert [row.sides[0] for row in seen["attractor_merging"]] == [False, True]
        assert told["antisymmetric_birth"] == [(Regime.CHAOTIC, 0), (Regime.PERIODIC, 2)]
        assert told["chebyshev"] == [(Regime.CHAOTIC, 0), (Regime.DIVERGENT, 0)]


def test_the_map_says_the_same(rows):
    assert len(rows) == 4 * len(settling.PLACES)
    assert all(row.agrees for row in rows)


def test_the_ledger_says_what_happens_on_either_side(rows):
    """One row a threshold; what it says of theory is what theory says."""
    said = {
        "monotone_end": "monotone | catapult",
        "doubling_1": "catapult | period 2",
        "doubling_2": "period 2 | period 4",
        "doubling_3": "period 4 | period 8",
        "accumulation": "period 16 | chaotic, one sign",
        "first_period_3": "chaotic, one sign | period 3",
        "attractor_merging": "chaotic, one sign | chaotic, both signs",
        "antisymmetric_birth": "chaotic, both signs | period 2",
        "chebyshev": "chaotic, both signs | divergent",
    }
    assert [claim.id for claim in settling.ROOM.claims] == [f"settling_{id_}" for id_ in said]
    for id_, words in said.items():
        found = settling.finding([row for row in rows if row.threshold == id_])
        assert (found.theory, found.measured) == (words, words)
        assert found.status == Status.AGREES


def test_the_exponent_of_the_two_cycle_is_the_known_one(rows):
    """The larger of log|9 - 2(1 + mu)^2| / 2 along and log(3 - 2 mu) / 2 across."""
    cycles = [row for row in rows if row.ours[:2] == (Regime.PERIODIC, 2) and row.mu < 1.3]
    assert len(cycles) == 4
    for row in cycles:
        known = max(np.log(abs(9 - 2 * (1 + row.mu) ** 2)), np.log(3 - 2 * row.mu)) / 2
        assert row.ours[2] == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"ours": (Regime.CHAOTIC, 2, -0.1, 0.0)},
        {"ours": (Regime.PERIODIC, 4, -0.1, 0.0)},
        {"ours": (Regime.PERIODIC, 2, -0.2, 1e-3)},
        {"sides": (False, True)},
    ],
)
def test_any_difference_is_seen(change):
    same = (Regime.PERIODIC, 2, -0.1, 0.0)
    row = settling.Settled("it", 1.1, Model.SCALAR, 0, same, same, (False, False))
    assert row.agrees
    other = replace(row, **change)
    assert not other.agrees
    found = settling.finding([row, other])
    assert found.status == Status.DISAGREES
    assert "1 not as the map" in found.measured


def test_the_table_holds_all_of_it(rows):
    lines = list(settled.records(rows))
    assert {line["side"] for line in lines} == {"below", "above"}
    again = settled.read(lines)
    assert list(settled.records(again)) == lines
    assert [row.ours[:2] for row in again] == [row.ours[:2] for row in rows]
    assert [row.sides for row in again] == [row.sides for row in rows]


def test_the_ledger_takes_the_trainings_that_a_study_has_made(rows, monkeypatch):
    monkeypatch.setattr(settling, "_trained", lambda: pytest.fail("trained again"))
    turned = [replace(row, ours=(Regime.COLLAPSED, *row.ours[1:])) for row in rows]
    known = [row for row in rows if row.threshold != "chebyshev"]
    for told, status in ((rows, Status.AGREES), (turned, Status.DISAGREES)):
        found = ledger({}, [settling.ROOM], tables={"settling": list(settled.records(told))})
        assert {row.status for row in found} == {status}
    found = ledger({}, [settling.ROOM], tables={"settling": list(settled.records(known))})
    assert [row.explanation for row in found if row.status == Status.NOT_COMPUTABLE] == [
        "needs trainings next to chebyshev in settling.csv"
    ]


@pytest.mark.parametrize("change", [{"mu": "one"}, {"model": "deep"}, {"regime": "calm"}, {}])
def test_another_table_is_refused(rows, change):
    line = next(settled.records(rows))
    broken = {**line, **change} if change else {"id": line["threshold"]}
    for table in ([broken], []):
        with pytest.raises(settled.SettlingError, match=r"^settling\.csv: no trainings next to"):
            settled.read(table)


def test_only_labels_that_hang_on_rounding_are_excused():
    """In the window of period 11 near mu = 1.3855 transients are long; elsewhere they are not."""
    mu = np.array([1.3855, 1.3855, 1.1, 1.1])
    found = {
        "effective_step_size": mu,
        "regime": np.array([Regime.CHAOTIC, Regime.DIVERGENT, Regime.CHAOTIC, Regime.PERIODIC]),
        "residual_period": np.array([0, 0, 0, 4]),
        "u": np.full(4, 0.75),
        "v": np.full(4, 0.45),
    }
    assert transformer._hang_on_rounding(found).tolist() == [True, False, False, False]
