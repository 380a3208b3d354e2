"""Sweeps over the size of mini-batches of prompts: settings, datasets, and whole pools."""

import json

import numpy as np
import pytest

import lt2f
from lt2f.dynamics import batch_theory
from lt2f.dynamics.codes import Regime
from lt2f.pipeline import sizing, solve
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import SettingsError, parse
from lt2f.training.prompt_batches import Batches, multipliers
from lt2f.training.prompts import pool

POOL = {"model": "prompts", "dimension": 3, "context": 4, "pool_size": 6}
ONCE = POOL | {"replacement": False}
START = {"imbalance": 0.3, "product": 0.1}
AXES = {
    "mu": {"values": [0.1, 0.3]},
    "batch_size": {"values": [1, 3, 6]},
    "realization": {"num": 2},
}


def study(**sweep):
    base = {
        "axes": AXES,
        "fixed": START,
        "noise": ONCE,
        "iterations": {"transient": 64, "measure": 64},
    }
    return {"study": "s", "seed": 7, "sweeps": {"it": base | sweep}}


def complaint(**sweep):
    with pytest.raises(SettingsError) as caught:
        parse(study(**sweep))
    line = str(caught.value)
    assert "\n" not in line
    return line


def without(name):
    return {key: axis for key, axis in AXES.items() if key != name}


def test_little_need_be_said():
    noise = parse(study(noise=POOL)).sweeps["it"].noise
    assert (noise.label_noise, noise.replacement) == (0.0, True)


@pytest.mark.parametrize("name", ["dimension", "context", "pool_size"])
def test_a_pool_is_described(name):
    line = complaint(noise={key: x for key, x in POOL.items() if key != name})
    assert f"sweeps.it.noise.{name}: missing" in line


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"noise": ONCE | {"law": "normal"}}, "noise.law = 'normal': unknown key, known are model"),
        ({"noise": ONCE | {"pool_size": 0}}, "noise.pool_size = 0: should be greater than or equ"),
        ({"noise": ONCE | {"context": 1e9}}, "noise.context = 1000000000.0: should be less than"),
        ({"noise": ONCE | {"label_noise": -1}}, "noise.label_noise = -1: should be greater than"),
        ({"noise": ONCE | {"replacement": 1}}, "noise.replacement = 1: should be a valid boolean"),
        ({"axes": without("batch_size")}, "axes.batch_size: missing, noise.model prompts needs"),
        ({"fixed": START | {"noise": 0.1}}, "fixed.noise = 0.1: is not for noise.model prompts"),
        ({"fixed": START | {"batch_size": 2}}, "fixed.batch_size = 2: is an axis too"),
        (
            {"axes": AXES | {"batch_size": {"values": [0, 1]}}},
            "axes.batch_size = {'values': [0, 1]}: should be integers from 1 to 65536",
        ),
        (
            {"axes": AXES | {"batch_size": {"values": [1.5]}}},
            "axes.batch_size = {'values': [1.5]}: should be integers from 1",
        ),
        (
            {"axes": AXES | {"batch_size": {"values": [1, 7]}}},
            "should be at most noise.pool_size, 6, for noise.replacement is false",
        ),
        (
            {"axes": without("batch_size"), "fixed": START | {"batch_size": 7}},
            "fixed.batch_size = 7: should be at most noise.pool_size, 6",
        ),
        (
            {"noise": {"model": "target"}, "fixed": START | {"noise": 0.1}},
            "needs noise.model to be prompts, it is target",
        ),
        ({"noise": {"model": "none"}, "axes": AXES}, "needs noise.model to be"),
        ({"axes": AXES | {"batch_size": {"num": 3}}}, "num alone is for realization"),
    ],
)
def test_refusals_name_the_key_the_value_and_what_is_allowed(sweep, words):
    assert words in complaint(**sweep)


def test_with_replacement_a_batch_may_be_larger_than_its_pool():
    axes = AXES | {"batch_size": {"values": [6, 50]}}
    assert parse(study(axes=axes, noise=POOL)).sweeps["it"].cells == 8


def test_the_pool_is_part_of_the_identity():
    one, other = (
        plan(parse(study(noise=noise)), "it") for noise in (ONCE, ONCE | {"label_noise": 0.5})
    )
    assert one.identity() != other.identity()
    assert {x.name for x in one.chunks()}.isdisjoint(x.name for x in other.chunks())


@pytest.fixture(scope="module")
def dataset():
    return lt2f.sweep(study(), "it")


def test_batch_sizes_are_a_whole_coordinate(dataset):
    assert dataset["batch_size"].dtype == np.int64
    assert dataset["batch_size"].values.tolist() == [1, 3, 6]
    fixed = lt2f.sweep(study(axes=without("batch_size"), fixed=START | {"batch_size": 3}), "it")
    assert fixed["batch_size"].dtype == np.int64
    assert fixed["batch_size"].item() == 3
    for name in dataset:
        one = dataset[name].sel(batch_size=3)
        np.testing.assert_array_equal(one.values, fixed[name].values)


def test_the_whole_pool_gives_the_bits_and_labels_of_no_noise(dataset):
    quiet = lt2f.sweep(study(axes={"mu": AXES["mu"]}, noise={"model": "none"}), "it")
    for name in quiet:
        for k in (0, 1):
            whole = dataset[name].sel(batch_size=6, realization=k)
            np.testing.assert_array_equal(whole.values, quiet[name].values)
    loud = dataset["loss_mean"].sel(batch_size=[1, 3])
    assert (loud != quiet["loss_mean"]).all()


def test_a_trajectory_is_that_of_the_definition():
    lengths = {"steps": 30}
    axes = {"batch_size": {"values": [2, 5]}, "realization": {"num": 2}}
    found = lt2f.sweep(
        study(kind="trajectory", axes=axes, fixed=START | {"mu": 0.1}, iterations=lengths), "it"
    )
    single = multipliers(pool(7, 6, 3, 4))
    for size in (2, 5):
        for k in (0, 1):
            sequence = Batches(single, size, replacement=False).sequence(7, k, 30)
            a, b = np.sqrt((np.hypot(0.3, 0.2) + np.array([0.3, -0.3])) / 2)
            for t, (h, g) in enumerate(sequence.T):
                cell = found.sel(batch_size=size, realization=k, step=t)
                # Thirty steps of a run that converges.
                assert cell["sharpness"].item() == pytest.approx(a * a + b * b, rel=1e-12)
                r = h * a * b - 0.1 * g
                a, b = a - r * b, b - r * a


def test_a_dataset_says_what_its_batches_are(dataset):
    assert "batches of Gaussian prompts" in dataset.attrs["summary"]
    told = json.loads(dataset.attrs["lt2f_settings"])["sweeps"]["it"]["noise"]
    assert told == ONCE
    h, g = multipliers(pool(7, 6, 3, 4))
    expected = np.cov(np.stack([h, g]), bias=True)[np.triu_indices(2)]
    np.testing.assert_allclose(dataset.attrs["prompt_covariance"], expected, rtol=1e-12)


def test_cells_do_not_depend_on_how_they_are_cut(dataset):
    cut = lt2f.sweep(study(tile={"mu": 1, "batch_size": 1, "realization": 1}), "it")
    assert cut.attrs["content_sha256"] == dataset.attrs["content_sha256"]


def test_drawing_batches_takes_time():
    few, many = (
        sizing.prompts_drawn(plan(parse(study(axes=AXES | {"batch_size": {"values": [n]}})), "it"))
        for n in (1, 4)
    )
    assert (few, many) == (2 * 128, 8 * 128)


# Statistics of real pools

WIDE = {"model": "prompts", "dimension": 8, "context": 32, "pool_size": 64, "replacement": False}


def test_exponents_and_losses_are_those_of_the_linear_theory():
    """On balanced runs E log|1 - r| = 0, for U stays bounded: across it is E log|1 - r^2|."""
    axes = {
        "mu": {"values": [0.1, 0.2, 0.3]},
        "batch_size": {"values": [24, 32, 48]},
        "realization": {"num": 16},
    }
    record, lengths = ["transverse_lyapunov", "loss_mean"], {"transient": 1000, "measure": 8000}
    start = {"imbalance": 0.0, "product": 0.1}
    raw = study(axes=axes, noise=WIDE, fixed=start, iterations=lengths, record=record)
    found = lt2f.sweep(raw, "it")
    # Where noise is weak a run is too short to tell its exponent from zero.
    assert found["regime"].isin([Regime.BOUNDED_NOISE, Regime.UNDECIDED]).all()
    single = multipliers(pool(7, 64, 8, 32))
    for size in (24, 32, 48):
        covariance = Batches(single, size, replacement=False).covariance()
        for mu in (0.1, 0.2, 0.3):
            cells, near = found.sel(mu=mu, batch_size=size), (mu, 2 * mu, covariance)
            for measured, expected in (
                (cells["transverse_lyapunov"].values, batch_theory.balancing_rate(*near)),
                (cells["loss_mean"].values, batch_theory.residual_variance(*near) / 2),
            ):
                error = measured.std(ddof=1) / 4
                # What is left out is of the order of the variance of mu (h - g), 1e-3 to 1e-2.
                assert abs(measured.mean() - expected) < 5 * error + 0.01 * abs(expected)
                assert error < 0.02 * abs(expected)


def test_prompts_that_disagree_on_the_sign_collapse_where_the_origin_attracts():
    noise = WIDE | {"dimension": 32, "context": 4, "label_noise": 1.0}
    axes = {
        "mu": {"values": [0.001, 0.003, 0.01, 0.03, 0.1]},
        "batch_size": {"values": [1, 4, 16]},
        "realization": {"num": 4},
    }
    lengths, record = {"transient": 20000, "measure": 1000}, ["lyapunov"]
    start = {"imbalance": 0.001, "product": 0.001}
    raw = study(axes=axes, noise=noise, fixed=start, iterations=lengths, record=record)
    found = lt2f.sweep(raw | {"seed": 20260520}, "it")
    single = multipliers(pool(20260520, 64, 32, 4, 1.0))
    collapsed = (found["regime"] == Regime.COLLAPSED).any("realization")
    assert collapsed.sum() > 3
    for size in (1, 4, 16):
        values, weights, exact = Batches(single, size, replacement=False).law(20260520)
        law = batch_theory.BatchLaw(values[0], values[1], weights, exact)
        for mu in (0.001, 0.003, 0.01, 0.03, 0.1):
            cells = found.sel(mu=mu, batch_size=size)
            here = (cells["regime"] == Regime.COLLAPSED).values
            expected, error = batch_theory.origin_exponents(mu, law)
            if here.any():
                assert (expected + 4 * error < 0).all()
                told = cells["lyapunov"].values[here]
                assert (told == sorted(expected, reverse=True)).all()
            if size == 1:  # known to rounding; an origin that repels is never reached
                assert here.any() <= bool((expected < 0).all())


def test_the_edges_of_almost_sure_stability_are_kept_where_ends_are_recorded():
    """E log|1 - h S| of all batches, of single prompts and of the pool, vanishes there."""
    sweep = {
        "axes": AXES | {"batch_size": {"values": [1, 6]}},
        "fixed": {"imbalance": 1.4, "product": 0.2},
        "noise": {"model": "prompts", "dimension": 3, "context": 9, "pool_size": 6,
                  "replacement": False},
        "iterations": {"transient": 32, "measure": 32},
        "record": ["imbalance_final"],
    }  # fmt: skip
    settings = {"study": "s", "seed": 3, "sweeps": {"it": sweep}}
    single, whole = lt2f.sweep(settings, "it").attrs["almost_sure_edges"]
    told = {"dimension": 3, "context": 9, "label_noise": 0.0, "pool_size": 6}
    h, _ = solve.pool_multipliers(3, told)
    # The slope at the edge is of order one: a zero to 1e-14 in S.
    assert np.mean(np.log(np.abs(1 - h * single))) == pytest.approx(0, abs=1e-9)
    assert whole == 2.0
    sweep["record"] = ["regime"]
    assert "almost_sure_edges" not in lt2f.sweep(settings, "it").attrs
