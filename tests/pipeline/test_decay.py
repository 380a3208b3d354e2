"""Weight decay from settings to datasets."""

import numpy as np
import pytest

import lt2f
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.pipeline.identity import sha256_of
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import SettingsError, parse

MAP = {
    "axes": {
        "mu": {"start": 0.05, "step": 0.1, "num": 24},
        "decay": {"values": [0.0, 0.103, 0.32]},
    },
    "fixed": {"imbalance": 0.2, "product": 0.11},
    "iterations": {"transient": 2000, "measure": 1024},
}


def settings(**sweep):
    return {"study": "decays", "seed": 3, "sweeps": {"it": MAP | sweep}}


def swept(**sweep):
    return lt2f.sweep(settings(**sweep), "it")


@pytest.fixture(scope="module")
def regimes():
    return swept()


def test_without_decay_cells_are_those_of_the_map_to_the_bit(regimes):
    plain = swept(axes={"mu": MAP["axes"]["mu"]})
    for name in plain.data_vars:
        assert regimes[name].isel(decay=0).values.tobytes() == plain[name].values.tobytes()


def test_a_map_over_decay_has_its_thresholds(regimes):
    nu = regimes.mu - regimes.decay
    decays = regimes.decay > 0
    codes = regimes.regime
    bounded = decays & (codes != Regime.DIVERGENT)
    assert (codes == Regime.COLLAPSED).where(bounded & (nu < 0), True).all()
    rests = codes.isin([Regime.MONOTONE, Regime.CATAPULT])
    assert rests.where(bounded & (nu > 0) & (nu < 1), True).all()
    assert not rests.where(bounded & (nu > 1), False).any()
    assert int((codes == Regime.PERIODIC).where(decays).sum()) > 4
    # the map's own theorems say nothing there
    theorem = regimes.decided_by.isin([DecidedBy.THEOREM, DecidedBy.INFERRED])
    assert not theorem.where(decays, False).any()
    assert theorem.isel(decay=0).any()


def test_a_dataset_says_what_decays(regimes):
    assert regimes.decay.attrs["long_name"] == "weight decay"
    assert "(1 - kappa) a" in regimes.attrs["summary"]
    assert regimes.mu.dims == ("mu",)


def test_what_has_no_decay_is_named_as_before():
    one = parse(settings(axes={"mu": MAP["axes"]["mu"]}))
    other = parse(settings(axes={"mu": MAP["axes"]["mu"]}, fixed=MAP["fixed"] | {"decay": 0.1}))
    without, decays = (plan(each, "it") for each in (one, other))
    assert without.identity()["fixed"].keys() == {"imbalance", "product"}
    assert "decay" not in str(without.identity())
    assert sha256_of(without.identity()) != sha256_of(decays.identity())
    assert (without.task.noise, decays.task.noise) == ("none", "decay")
    assert not decays.sweep.has_realizations  # nothing is drawn, so no seed matters
    assert decays.task.seed == 0


def test_one_chunk_or_many_makes_no_difference(regimes):
    cut = swept(tile={"mu": 4, "decay": 2})
    for name in regimes.data_vars:
        np.testing.assert_array_equal(regimes[name], cut[name])


@pytest.mark.parametrize("kind", ["orbit", "trajectory"])
def test_orbits_and_trajectories_decay_as_well(kind):
    lengths = {"orbit": {"transient": 0, "samples": 20}, "trajectory": {"steps": 20}}[kind]
    axes = {"mu": {"values": [0.4]}, "decay": {"values": [0.0, 0.3]}}
    found = swept(kind=kind, axes=axes, iterations=lengths)
    a, b = (np.sqrt(np.hypot(0.1, 0.11) + s * 0.1) for s in (1, -1))
    for kappa in (0.0, 0.3):
        x, y, path = a, b, []
        for _ in range(20):
            e = x * y - 0.4
            path.append(e if kind == "orbit" else e * e / 2)
            x, y = (1 - kappa) * x - e * y, (1 - kappa) * y - e * x
        variable = {"orbit": "residual", "trajectory": "loss"}[kind]
        np.testing.assert_allclose(found[variable].sel(mu=0.4, decay=kappa), path, atol=1e-14)


NOISY = {"noise": {"model": "target"}, "fixed": MAP["fixed"] | {"noise": 0.1}}
TRAINED = {
    "kind": "transformer",
    "axes": {"step_size": {"values": [0.1]}, "decay": {"values": [0.1]}},
    "transformer": {"model": "scalar", "dimension": 2, "context": 4},
}


@pytest.mark.parametrize(
    ("sweep", "line"),
    [
        ({"axes": {"mu": {"values": [0.5]}, "decay": {"values": [-0.1, 0.2]}}}, "axes.decay.*less"),
        ({"axes": {"mu": {"values": [0.5]}, "decay": {"values": [0.5, 1.0]}}}, "axes.decay.*less"),
        (NOISY, "axes.decay .*: is for maps, .* noise.model is target"),
        (TRAINED, "axes.decay .*: is for maps, orbits and trajectories"),
        ({"fixed": MAP["fixed"] | {"huber": 0.1}}, "fixed.huber .*: is another law .* than decay"),
    ],
)
def test_what_cannot_decay_is_refused_in_a_line(sweep, line):
    with pytest.raises(SettingsError, match=line):
        parse(settings(**sweep))
