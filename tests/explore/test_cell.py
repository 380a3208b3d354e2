"""What the page computes of a cell is what the sweep computed, and its orbit is the map's."""

from dataclasses import replace

import numpy as np
import pytest

from lt2f.dynamics.codes import Regime
from lt2f.dynamics.steps import STEPS
from lt2f.explore import cell
from lt2f.pipeline.solve import solve

NAN_FREE = {"regime", "decided_by", "branch"}


def same(one, other, name):
    return np.array_equal(one, other, equal_nan=name not in NAN_FREE)


@pytest.mark.parametrize(
    "name", ["regimes", "plane", "noisy", "decayed", "frayed", "clipped", "capped"]
)
def test_every_recorded_variable_is_that_of_the_dataset_to_the_bit(maps, name):
    found, draw = maps[name], np.random.default_rng(1)
    held = 0
    for _ in range(40):
        at = {axis: float(draw.choice(values)) for axis, values in found.axes.items()}
        view = found.home().at(**at)
        recorded, now = found.recorded(view), cell.label(found.task(view), view.point)
        assert recorded is not None
        assert {n for n in recorded if n in now and not same(recorded[n], now[n], n)} == set()
        held += len(recorded.keys() & now.keys())
    assert held >= 40 * 2  # regime and decided_by at least


@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize("mu", [0.4, 0.9, 1.15, 1.5, 1.9])
def test_loss_sharpness_and_imbalance_are_those_of_a_trajectory(maps, mu, noise):
    found = maps["regimes"]
    view = found.home().at(mu=mu, imbalance=0.7, noise=noise).chosen("law", "normal")
    task = found.task(view)
    early, _ = cell.orbit(task, view.point)
    # Noise of a trajectory is drawn for its own length, and a longer sequence begins the same.
    names = ("loss", "sharpness", "imbalance")
    path = replace(task, kind="trajectory", iterations={"steps": 240}, record=names)
    scalars = {n: x for n, x in view.point.items() if n != "mu"}
    known = {n: x[0] for n, x in solve(path, {"mu": np.array([mu])}, scalars).items()}
    for name, values in (("loss", early.loss), ("sharpness", early.sharpness)):
        there = np.isfinite(known[name])  # until it has left the range of doubles
        assert there[:5].all()
        assert np.array_equal(values[there], known[name][there])
        assert not np.isfinite(values[~there]).any()


@pytest.mark.parametrize("mu", [0.4, 1.15, 1.5, 1.9])
def test_the_weights_obey_the_map(maps, mu):
    found = maps["regimes"]
    view = found.home().at(mu=mu, imbalance=0.1)  # inside the ellipse
    early, late = cell.orbit(found.task(view), view.point)
    for part in (early, late):
        a, b, e = part.a, part.b, part.a * part.b - mu
        # Bounded weights are below 3, and e is off by their rounding.
        assert np.allclose(part.residual, e, rtol=0, atol=1e-14)
        assert np.allclose(a[1:], (a - e * b)[:-1], rtol=0, atol=1e-13)
        assert np.allclose(b[1:], (b - e * a)[:-1], rtol=0, atol=1e-13)


KAPPAS = 0.03, 0.3


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("mu", [0.02, 0.4, 1.15, 1.5, 1.7])
def test_with_decay_the_weights_obey_its_map_and_the_loss_is_above_its_least(maps, mu, kappa):
    """a' = (1 - kappa) a - e b; the least of e^2/2 + kappa S/2 is at ab = mu - kappa or at 0."""
    found = maps["regimes"]
    view = found.home().at(mu=mu, imbalance=0.3, decay=kappa)
    got = cell.answer(found.task(view), view.point)
    least = kappa * mu - kappa**2 / 2 if kappa < mu else mu**2 / 2
    for part in (got.early, got.late):
        a, b = part.a, part.b
        e = a * b - mu
        # Bounded weights are below 3, and e is off by their rounding.
        assert np.allclose(part.residual, e, rtol=0, atol=1e-14)
        assert np.allclose(a[1:], ((1 - kappa) * a - e * b)[:-1], rtol=0, atol=1e-13)
        assert np.allclose(b[1:], ((1 - kappa) * b - e * a)[:-1], rtol=0, atol=1e-13)
        loss = e * e / 2 + kappa * (a * a + b * b) / 2
        assert np.allclose(part.loss, loss - least, rtol=0, atol=1e-14)
        assert (part.loss >= 0).all()
    if got.regime == Regime.MONOTONE:
        # To rounding of a loss below ten; from where it is as small as that nothing is said.
        assert (np.diff(got.early.loss) <= 1e-14).all()


@pytest.mark.parametrize("s", [0.8, 1.5])
@pytest.mark.parametrize("mu", [0.4, 1.15, 1.7, 3.0])
def test_under_another_loss_the_weights_obey_its_map(maps, mu, s):
    """a' = a - r b, r = e/w with w^2 = 1 + (s e)^2, descent on (w - 1)/s^2, which is 0 at e = 0."""
    found = maps["regimes"]
    view = found.home().at(mu=mu, imbalance=0.3, huber=s)
    got = cell.answer(found.task(view), view.point)
    for part in (got.early, got.late):
        a, b = part.a, part.b
        w = np.sqrt(1 + (s * (a * b - mu)) ** 2)
        r = (a * b - mu) / w
        # Bounded weights are below 6, products below 40: some roundings of these.
        assert np.allclose(a[1:], (a - r * b)[:-1], rtol=0, atol=1e-12)
        assert np.allclose(b[1:], (b - r * a)[:-1], rtol=0, atol=1e-12)
        assert np.allclose(part.loss, (w - 1) / s**2, rtol=0, atol=1e-13 / s**2)
    # For delta = 1/s <= sqrt 2 imbalance never grows, and no balanced start escapes.
    assert np.isfinite(got.late.a).all()


@pytest.mark.parametrize(("law", "strength"), [*(("decay", x) for x in KAPPAS), ("huber", 0.7)])
def test_under_another_law_the_orbit_is_that_of_a_trajectory_to_the_bit(maps, law, strength):
    found = maps["regimes"]
    view = found.home().at(mu=1.4, imbalance=0.3, **{law: strength})
    early, _ = cell.orbit(found.task(view), view.point)
    names = ("loss", "sharpness", "imbalance")
    path = replace(found.task(view), kind="trajectory", iterations={"steps": 240}, record=names)
    scalars = {n: x for n, x in view.point.items() if n != "mu"}
    known = {n: x[0] for n, x in solve(path, {"mu": np.array([1.4])}, scalars).items()}
    assert np.array_equal(early.residual**2 / 2, known["loss"])
    assert np.array_equal(early.sharpness, known["sharpness"])


def test_the_late_part_goes_on_after_the_transient(maps):
    found = maps["regimes"]
    view = found.home().at(mu=1.5, imbalance=0.7)
    task = found.task(view)
    _, late = cell.orbit(task, view.point)
    whole = replace(
        task, kind="orbit", iterations={"transient": 2000, "samples": 400}, record=("residual",)
    )
    scalars = {n: x for n, x in view.point.items() if n != "mu"}
    known = solve(whole, {"mu": np.array([1.5])}, scalars)["residual"][0]
    assert np.array_equal(late.residual, known)


def test_an_orbit_that_escapes_ends_as_nothing(maps):
    found = maps["regimes"]
    view = found.home().at(mu=1.9, imbalance=4.0)
    got = cell.answer(found.task(view), view.point)
    assert got.regime == Regime.DIVERGENT
    assert np.isfinite(got.early.a[0])
    assert np.isnan(got.early.a[-1])
    assert np.isnan(got.late.a).all()


def test_noise_and_laws_of_strength_zero_are_nothing(maps):
    found = maps["regimes"]
    view = found.home().at(mu=1.5)
    for law in ("multiplicative", "target", *STEPS):
        task = replace(found.task(view), noise=law)
        quiet = cell.label(found.plan.task, view.point)
        loud = cell.label(task, view.point)
        assert {n for n in loud if not same(loud[n], quiet[n], n)} == set()
