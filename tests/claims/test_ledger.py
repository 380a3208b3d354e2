"""The ledger of a reduced atlas: every claim is held, and every one can fail."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import lt2f
from lt2f import trained
from lt2f.claims import book, forms, runs, settling, transformer
from lt2f.claims.forms import Status
from lt2f.claims.ledger import Claim, Room, Row, rows
from lt2f.claims.study import MissingError
from lt2f.dynamics import cascade, factor_noise, noise_theory, repeller, superstable, theory
from lt2f.dynamics.codes import Regime
from lt2f.training import batches

ROOT = Path(lt2f.__file__).parents[1]
Doctor = Callable[[xr.DataArray], xr.DataArray]


@pytest.fixture(scope="module")
def ledger(atlas) -> dict[str, Row]:
    return {row.id: row for row in book.ledger(atlas)}


def held(study: dict[str, xr.Dataset], *prefixes: str) -> dict[str, Status]:
    """Statuses of the claims whose ids begin so, on a study."""
    chosen = [claim for claim in book.claims() if claim.id.startswith(prefixes)]
    return {row.id: row.status for row in rows(study, [Room("", chosen)])}


# The register


def test_ids_are_unique_and_plain():
    ids = [claim.id for claim in book.claims()]
    assert len(ids) == len(set(ids)) >= 40
    assert all(re.fullmatch(r"[a-z0-9_]+(ML|M)?[a-z_]*", id_) for id_ in ids)


def test_every_claim_names_a_source_that_is_there():
    """The paper's abstract, earlier work by its number, or a place in this repository."""
    for claim in book.claims():
        assert re.search(
            r"arXiv:\d{4}\.\d{5}|(derived|not proved, seen in numbers): |OEIS", claim.source
        ), claim.id
        for path, names in re.findall(r"((?:lt2f|tests)/[\w/]+\.py)(?:: ([\w, ]+))?", claim.source):
            text = (ROOT / path).read_text(encoding="utf-8")
            assert all(name in text for name in names.split(", ")), (claim.id, path)


def test_texts_are_sentences_without_a_stop():
    for claim in book.claims():
        assert claim.text == claim.text.strip()
        assert not claim.text.endswith(".")


# What a study says


def test_the_reduced_atlas_agrees(ledger):
    loud = {id_: row for id_, row in ledger.items() if row.status == Status.DISAGREES}
    assert loud == {}
    assert sum(row.status == Status.AGREES for row in ledger.values()) >= 40


def test_the_quick_study_agrees():
    path = ROOT / "config" / "quick.yaml"
    study = {name: lt2f.sweep(path, name) for name in ("regimes", "slice", "orbit")}
    statuses = [row.status for row in book.ledger(study)]
    assert Status.DISAGREES not in statuses
    assert statuses.count(Status.AGREES) >= 40


def test_every_row_is_complete(ledger):
    assert ledger.keys() == {claim.id for claim in book.claims()}
    for row in ledger.values():
        assert row.claim
        assert row.source
        missing = row.status == Status.NOT_COMPUTABLE
        assert missing == (row.theory == "") == (row.measured == "") == (row.uncertainty == "")
        if row.status != Status.AGREES:
            assert row.explanation


def test_without_sweeps_only_runs_of_the_ledger_are_left():
    found = book.ledger({})
    lost = [row for row in found if row.status == Status.NOT_COMPUTABLE]
    assert {row.status for row in found} == {Status.AGREES, Status.NOT_COMPUTABLE}
    assert len(lost) > 30
    assert all(row.explanation.startswith("needs a sweep") for row in lost)


def test_a_counted_sweep_serves_as_well(atlas):
    """Shares alone are kept: the claims on noise count the same runs."""
    five = atlas["five"]
    settings = five.attrs["lt2f_settings"].replace('"axes"', '"count": "realization", "axes"')
    counts = np.stack([(five.regime == code).sum("realization") for code in Regime], axis=-1)
    counted = xr.Dataset(
        {"regime_count": (("mu", "noise", "outcome"), counts)},
        {"mu": five.mu, "noise": five.noise, "imbalance": 0.001, "product": 0.1},
        {"lt2f_settings": settings},
    )
    for one in ("noise_converges", "noise_stays"):
        (first,), (second,) = (
            rows(study, [Room("", [c for c in book.claims() if c.id.startswith(one)])])
            for study in ({"five": five}, {"five": counted})
        )
        assert (first.status, first.explanation) == (second.status, second.explanation)
        assert first.status == Status.AGREES


def test_what_disagrees_comes_first():
    def absent(study):
        raise MissingError("needs a sweep that is not there")

    checks = {
        "good": lambda study: forms.value(1, 1, 0.1, 1),
        "absent": absent,
        "vague": lambda study: forms.value(1, 1, 2, 1),
        "bad": lambda study: forms.value(1, 2, 0.1, 1),
    }
    room = Room("r", [Claim(name, "text", "source", check) for name, check in checks.items()])
    found = rows({}, [room])
    assert [row.id for row in found] == ["bad", "vague", "good", "absent"]
    assert [row.status for row in found] == list(Status)
    assert found[-1].explanation == "needs a sweep that is not there"


# Every claim can fail


def turned(regime: xr.DataArray) -> xr.DataArray:
    """Give chaotic cells for convergent ones, convergent for divergent, divergent for the rest."""
    table = np.array([0, 4, 4, 6, 6, 6, 1, 1], dtype=np.uint8)
    return regime.copy(data=table[regime.values])


def scaled(factor: float) -> Doctor:
    return lambda values: values * factor


def _striped(branch: xr.DataArray) -> np.ndarray:
    """Give branches in stripes, so that what changes goes like displacements^(3/2)."""
    a, b, by = (branch[name] for name in ("a", "b", "perturbation"))
    across = np.sin(39.37 * (0.6 * a + b + 7.5 * by**1.5))
    return 1 + (across > 0).transpose(*branch.dims).values


DOCTORED: dict[str, tuple[str, str, Doctor, tuple[str, ...]]] = {
    # sweep, variable, what is done to it, and the claims that have to see it
    "exponents, 1 %": (
        "one", "lyapunov", scaled(1.01),
        ("two_cycle_largest_exponent", "two_cycle_smallest_exponent"),
    ),
    "exponents, 20 %": ("one", "lyapunov", scaled(1.2), ("balanced_largest_exponent_bound",)),
    "exponents, 20 % next to mu = 2": (
        "one", "lyapunov", lambda x: x.where(x["mu"] < 1.995, 1.2 * x),
        ("balanced_largest_exponent_bound",),
    ),
    "exponents, reversed": (
        "one", "lyapunov", lambda x: x.copy(data=x.values[::-1]), ("two_cycle_superstable",),
    ),
    "transverse, 5 %": (
        "one", "transverse_lyapunov", scaled(1.05),
        ("transverse_two_cycle", "transverse_slow_at_1"),
    ),
    "transverse, sign": (
        "one", "transverse_lyapunov", scaled(-1.0), ("transverse_attracting",),
    ),
    "loss, 1 %": ("one", "loss_mean", scaled(1.01), ("two_cycle_loss",)),
    "sharpness, 1 %": ("one", "sharpness", scaled(1.01), ("two_cycle_sharpness",)),
    "step sizes": (
        "one", "mu", lambda mu: mu + 0.004 * (mu < 1.99),
        (
            "balanced_doubling_1", "balanced_doubling_2", "balanced_doubling_3",
            "balanced_chaos_onset", "balanced_first_period_3", "balanced_window_3_ML_doubles",
            "balanced_antisymmetric_birth", "balanced_antisymmetric_split",
        ),
    ),
    "orbits, reversed": (
        "ten", "residual", lambda x: x.copy(data=x.values[::-1]),
        ("balanced_doubling_5", "balanced_doubling_8"),
    ),
    "step sizes the other way": (
        "one", "mu", lambda mu: mu - 0.004, ("balanced_order_below_chaos",),
    ),
    "periods": ("one", "period", lambda x: 2 * x, ("balanced_signs_turn",)),
    "regimes on the line": (
        "one", "regime", turned,
        ("balanced_phases", "balanced_divergence"),
    ),
    "convergence on the line": (
        "one", "regime", lambda x: x.copy(data=np.ones_like(x)), ("balanced_no_convergence",),
    ),
    "samples": ("three", "residual", scaled(1.01), ("balanced_invariant_interval",)),
    "regimes over starts": (
        "two", "regime", turned,
        (
            "plane_labels_are_brute_force", "plane_measured_sides", "plane_beyond_1",
            "plane_beyond_2",
        ),
    ),
    "catapults": (
        "two", "regime", lambda x: x.copy(data=np.where(x == 1, 2, x)),
        ("convergence_monotone_on_slice",),
    ),
    "no catapults": (
        "four", "regime", lambda x: x.copy(data=np.where(x == 2, 1, x)),
        ("convergence_catapults_off_balance", "convergence_monotone_never_exceeds"),
    ),
    "imbalance": (
        "two", "imbalance_final", lambda x: x + 0.1,
        ("convergence_final_imbalance", "transverse_no_attractor_off_balance"),
    ),
    "sharpness over starts": ("two", "sharpness", scaled(1.02), ("convergence_final_sharpness",)),
    "multiplicative": (
        "five", "regime", turned,
        ("noise_converges_below_mean_square", "noise_stays_below_largest_step",
         "noise_escape_begins"),
    ),
    "target": ("six", "regime", turned, ("target_stays", "target_escapes")),
    "trained": ("twelve", "regime", turned, ("transformer_cells",)),
    "trained, periods": ("twelve", "residual_period", lambda x: 2 * x, ("transformer_cells",)),
    "trained, new tasks": (
        "twelve", "fresh_error", scaled(1.5), ("learned_minimum",),
    ),
    "trained, off by a little": (
        "twelve", "residual_error", lambda x: x + 1e-10, ("transformer_residual",),
    ),
    "target converges": (
        "six", "regime", lambda x: x.copy(data=np.ones_like(x)), ("target_never_converges",),
    ),
    "batches": (
        "eleven", "regime", turned,
        ("batch_thresholds_never_converges", "batch_thresholds_whole_pool_stays"),
    ),
    "batches, reversed": (
        "eleven", "regime", lambda x: x.copy(data=x.values[:, ::-1]),
        ("batch_thresholds_whole_pool_stays", "batch_thresholds_larger_batches_last"),
    ),
    "transverse in a window": ("one", "transverse_lyapunov", scaled(1.01), (
        "transverse_antisymmetric",
    )),
    "weights, 1 %": (
        "one", "weights_mean", scaled(1.01),
        ("averages_two_cycle_weight", "averages_two_cycle_averaged_loss"),
    ),
    "weights, one sign": (
        "one", "weights_mean", lambda x: x + 0.9, ("averages_mirror_cycles", "averages_hurts"),
    ),
    "weights, none": ("one", "weights_mean", scaled(0.0), ("averages_helps",)),
    "ellipse, exponents": (
        "seven", "lyapunov", scaled(1.1), ("ellipse_along", "ellipse_across", "ellipse_log_2"),
    ),
    "ellipse, loss": ("seven", "loss_mean", scaled(1.1), ("ellipse_loss",)),
    "ellipse, sharpness": ("seven", "sharpness", scaled(1.1), ("ellipse_sharpness",)),
    "ellipse, off": ("seven", "invariance_error", scaled(1e3), ("ellipse_invariant",)),
    "ellipse, angle": ("seven", "conjugacy_error", scaled(1e3), ("ellipse_angle",)),
    "unstable minima": (
        "eight", "imbalance_final", lambda x: x.copy(data=np.full(x.shape, 0.9)),
        ("minimum_imbalance",),
    ),
    "one branch": ("four", "branch", lambda x: x.copy(data=np.ones_like(x)), (
        "minimum_mirror", "minimum_calm_branch",
    )),
    "branches in stripes": (
        "eight", "branch", lambda x: x.copy(data=_striped(x)),
        ("minimum_uncertain", "minimum_uncertainty_exponent"),
    ),
    "noise of factors": (
        "nine", "imbalance", scaled(0.4), ("apart_study_on_two_cycle", "apart_chaos"),
    ),
    "periods of a sample": (
        "two", "period", lambda x: x.copy(data=x.values + 1), ("arithmetic_labels",),
    ),
    "averages of a sample": (
        "two", "loss_mean", scaled(1.5), ("arithmetic_chaos", "arithmetic_cycles"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DOCTORED)
def test_doctored_data_disagree(atlas, case):
    sweep, name, change, ids = DOCTORED[case]
    dataset = atlas[sweep]
    doctored = change(dataset[name])
    if name in dataset.coords:
        broken = dataset.assign_coords({name: doctored.values})
    else:
        broken = dataset.assign({name: doctored.astype(dataset[name].dtype)})
    statuses = held({sweep: broken}, *ids)
    assert {id_: statuses[id_] for id_ in ids} == dict.fromkeys(ids, Status.DISAGREES)


def other_steps(a, b, mu, steps) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A map that is not descent: the second factor sees the first one's new value."""
    yield a, b
    for _ in range(steps):
        e = a * b - mu
        a = a - e * b
        b = b - e * a
        yield a, b


def other_line(x, mu, steps) -> Iterator[np.ndarray]:
    yield x
    for _ in range(steps):
        x = (1 + 0.99 * mu) * x - x * x * x
        yield x


def test_runs_of_another_map_disagree(monkeypatch):
    monkeypatch.setattr(runs, "descend", other_steps)
    monkeypatch.setattr(runs, "balanced", other_line)
    ids = (
        "identities_imbalance", "identities_h", "identities_e", "identities_s",
        "identities_sum_of_logarithms", "identities_reduction", "balanced_monotone_end",
        "balanced_attractor_merging", "transverse_merging_along", "transverse_merging_across",
        "ellipse_along", "ellipse_across", "ellipse_loss", "ellipse_arcsine", "ellipse_cycles",
        "ellipse_periodic_points", "ellipse_left_by_rounding", "minimum_escape_rate",
        "averages_gradient", "averages_sharpness_balance", "averages_full_chaos_sharpness",
        "plane_area_1", "plane_ellipse_separates", "plane_sides_never_change",
        "plane_lyapunov_function", "plane_inner_residual", "convergence_loss_rises",
        "balanced_chebyshev",
    )  # fmt: skip
    with np.errstate(all="ignore"):
        statuses = held({}, *ids)
    assert {id_ for id_ in ids if statuses[id_] != Status.DISAGREES} == set()


def test_another_transformer_disagrees(monkeypatch):
    """One with step sizes 1 % larger than the map knows of, and one that cannot leave the map."""
    for room, name in ((trained, "train"), (trained, "watch"), (transformer, "train")):
        true = getattr(room, name)
        monkeypatch.setattr(
            room, name, lambda m, p, x, eta, *how, true=true: true(m, p, x, 1.01 * eta, *how)
        )
    endings = transformer.endings
    monkeypatch.setattr(
        transformer, "endings", lambda mu, count: endings(mu, 2, transformer.Model.MATRIX)
    )
    converging = transformer.converging
    monkeypatch.setattr(
        transformer, "converging", lambda count: converging(count, transformer.Model.MATRIX)
    )
    monkeypatch.setattr(settling, "_trained", settling.settle)  # none that were kept
    ids = (
        "transformer_parting", "transformer_full_below", "transformer_full_leaves",
        "transformer_full_gaussian",
        *(claim.id for claim in settling.ROOM.claims),
    )  # fmt: skip
    statuses = held({}, *ids)
    assert {id_ for id_ in ids if statuses[id_] != Status.DISAGREES} == set()


def test_other_theory_disagrees(monkeypatch):
    monkeypatch.setattr(theory, "edge_step_size", lambda x, z, y: 1.9 / np.abs(y))
    monkeypatch.setattr(theory, "ellipse_exponents", lambda mu: (1.1, 0.5))
    monkeypatch.setattr(theory, "ellipse_area", lambda mu: 10.5)
    monkeypatch.setattr(superstable, "count", lambda n: n)
    wrong = (
        ("two_cycle_imbalance_variance", 1.3), ("imbalance_variance", 3.0),
        ("transverse_growth_bound", 0.9),
    )  # fmt: skip
    for name, factor in wrong:
        true = getattr(factor_noise, name)
        monkeypatch.setattr(
            factor_noise, name, lambda *args, f=factor, of=true: f * np.asarray(of(*args))
        )
    monkeypatch.setattr(repeller, "escape_rate", lambda mu: repeller.Rate(0.8, 1e-12))
    monkeypatch.setattr(cascade, "feigenbaum", lambda roots: cascade.Limit(4.67, 1e-9))
    monkeypatch.setattr(noise_theory, "almost_sure_threshold", lambda s, law: 2.3)
    monkeypatch.setattr(batches, "LAWS", {name: lambda raw: raw % 3 - 0.9 for name in batches.LAWS})
    ids = (
        "noise_almost_sure_two_point", "noise_almost_sure_uniform", "noise_draws_uniform",
        "noise_draws_normal", "noise_draws_two_point",
        "plane_edge_step_size", "ellipse_across", "apart_two_cycle", "apart_bounded_growth",
        "apart_heavier_than_normal", "apart_minimum", "minimum_escape_rate",
        "plane_area_0_5", "plane_area_1_5", "roots_superstable_counts",
        "roots_feigenbaum_superstable",
    )  # fmt: skip
    statuses = held({}, *ids)
    assert {id_ for id_ in ids if statuses[id_] != Status.DISAGREES} == set()
