"""Rows on mini-batches of prompts: other draws, another theory and another law disagree."""

import numpy as np
import pytest

from lt2f.claims import batch_thresholds, batches, book, runs
from lt2f.claims.forms import Status
from lt2f.claims.ledger import Room, rows
from lt2f.dynamics import batch_theory, escape
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.training.prompt_batches import Batches


@pytest.fixture(autouse=True)
def afresh():
    """Runs that rows share are not those of another test."""
    batches._near_minimum.cache_clear()
    yield
    batches._near_minimum.cache_clear()


def held(*ids: str) -> dict[str, Status]:
    chosen = [claim for claim in book.claims() if claim.id in ids]
    assert len(chosen) == len(ids)
    return {row.id: row.status for row in rows({}, [Room("", chosen)])}


def all_disagree(*ids: str) -> bool:
    return set(held(*ids).values()) == {Status.DISAGREES}


def test_draws_that_are_not_even_disagree(monkeypatch):
    plain = Batches.sequence
    monkeypatch.setattr(Batches, "sequence", lambda *args: 1 + 1.05 * (plain(*args) - 1))
    assert all_disagree("batches_variance_with_replacement", "batches_descent")
    # h and g in each other's place
    monkeypatch.setattr(Batches, "sequence", lambda *args: plain(*args)[::-1])
    assert all_disagree("batches_variance_without_replacement")


def test_a_pool_that_is_not_silent_as_a_whole_disagrees(monkeypatch):
    plain = Batches.sequence
    monkeypatch.setattr(Batches, "sequence", lambda *args: plain(*args) + 2.0**-50)
    assert all_disagree("batches_whole_pool")


def test_another_covariance_disagrees(monkeypatch):
    """With replacement as if without, and the other way round."""
    plain = Batches.covariance

    def swapped(self):
        return plain(Batches(self.multipliers, self.size, not self.replacement))

    monkeypatch.setattr(Batches, "covariance", swapped)
    assert all_disagree("batches_variance_enumerated")


@pytest.mark.parametrize(
    ("name", "factor", "row"),
    [
        ("residual_variance", 1.12, "batches_loss_floor"),
        ("balancing_rate", 1.12, "batches_balances"),
    ],
)
def test_another_theory_disagrees(monkeypatch, name, factor, row):
    true = getattr(batch_theory, name)
    monkeypatch.setattr(batch_theory, name, lambda *args: factor * true(*args))
    assert all_disagree(row)


def test_other_exponents_disagree(monkeypatch):
    for name, row in (
        ("origin_exponents", "batch_thresholds_collapse"),
        ("almost_sure_exponent", "batch_thresholds_almost_sure"),
    ):
        true = getattr(batch_theory, name)
        monkeypatch.setattr(batch_theory, name, lambda mu, law, of=true: of(1.03 * mu, law))
        assert all_disagree(row)


def test_runs_on_other_draws_disagree(monkeypatch):
    monkeypatch.setattr(batch_thresholds, "draws", lambda law, shape: 0.9 * batch_draws(shape))
    assert all_disagree("batch_thresholds_final_sharpness")


def batch_draws(shape):
    return np.where(runs.generator().random(shape) < 0.5, -1.0, 1.0)


@pytest.mark.parametrize("shape", [0.85, 1.15])
def test_escape_at_a_rate_that_changes_disagrees(monkeypatch, shape):
    """The power of the row: shapes that are 0.15 off are told from 1."""
    times = np.ceil(120 * np.random.default_rng(1).weibull(shape, 6000)) + escape.BURN_IN
    found = escape.Watched(times.clip(max=1000), times <= 1000, 1000)
    monkeypatch.setattr(batch_thresholds, "escaping", lambda *args: found)
    assert all_disagree("batch_thresholds_escape_is_exponential")


def test_draws_from_a_law_have_its_weights():
    law = BatchLaw(np.array([0.5, 1.5]), np.array([2.0, 0.5]), np.array([0.3, 0.7]), exact=True)
    h, g = batches.drawn(law, runs.generator(), 40_000)
    assert set(zip(h.tolist(), g.tolist(), strict=True)) == {(0.5, 2.0), (1.5, 0.5)}
    assert np.mean(h == 0.5) == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 40_000))
