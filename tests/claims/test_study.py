"""Claims find sweeps by what they hold, and read them whole or part by part."""

import numpy as np
import pytest

from lt2f.claims import study as studies
from lt2f.claims.study import MissingError, Need, Study
from lt2f.dynamics import theory


@pytest.fixture(scope="module")
def found(atlas):
    return Study(atlas)


LINE = frozenset({"mu"})
NAMES = "mu", "a", "b", "u", "v", "regime"


@pytest.mark.parametrize(
    ("need", "names"),
    [
        (Need(axes=LINE), ["one"]),
        (Need(kind="orbit"), ["three", "ten"]),
        (Need(across=LINE), ["four", "two", "one"]),  # the largest first
        (Need(across=frozenset({"a", "b"})), ["eight", "four"]),
        (Need(across=frozenset({"a", "b", "mu"})), ["four"]),
        (Need(kind="ellipse"), ["seven"]),
        (Need(kind="orbit", noise="factors", record=("imbalance",)), ["nine"]),
        (Need(across=LINE, record=("lyapunov",)), ["two", "one"]),
        (Need(across=LINE, mu=(0.1, 2.1)), ["two"]),
        (Need(noise="target"), ["six"]),
        (Need(noise="multiplicative", law="two_point"), ["five"]),
        (Need(across=LINE, near=True), ["one"]),
        (Need(across=LINE, transient=5000), ["one"]),
    ],
)
def test_a_need_finds_every_sweep_that_fits(found, need, names):
    assert [sweep.name for sweep in found.all(need)] == names
    assert found.largest(need).name == names[0]


@pytest.mark.parametrize(
    ("need", "words"),
    [
        (Need(kind="trajectory"), "kind trajectory, noise none"),
        (Need(noise="target", law="normal"), "noise target of law normal"),
        (Need(axes=frozenset({"a", "mu"})), "axes a and mu alone"),
        (Need(axes=LINE, mu=(0.5, 2.5)), "mu from 0.5 to 2.5"),
        (Need(axes=frozenset({"a"}), near=True), "one start with |imbalance| <= 0.01"),
        (Need(across=LINE, transient=10**6), "transient 1000000 or more"),
        (Need(across=LINE, record=("residual", "steps")), "record residual and steps"),
    ],
)
def test_what_is_missing_is_said(found, need, words):
    with pytest.raises(MissingError, match="needs a sweep of ") as raised:
        found.all(need)
    assert words in str(raised.value)


def test_cells_are_those_of_the_dataset(found, atlas):
    cells = found.largest(Need(across=frozenset({"imbalance"}))).cells("regime", "lyapunov")
    two = atlas["two"]
    assert cells["lyapunov"].shape == (two.regime.size, 2)
    where = (cells["mu"] == two.mu.values[7]) & (cells["imbalance"] == two.imbalance.values[9])
    assert cells["regime"][where] == two.regime.isel(mu=7, imbalance=9).item()
    u, v = cells["u"], cells["v"]
    np.testing.assert_allclose(u * u - v * v, 0.1, rtol=1e-12)  # the product ab
    np.testing.assert_allclose(4 * u * v, cells["imbalance"], rtol=1e-12)
    np.testing.assert_array_equal(cells.h, theory.ellipse(cells["mu"], u, v))


def test_a_displaced_start_is_where_it_was_put(found):
    cells = found.largest(Need(across=frozenset({"perturbation"}))).cells("branch")
    u, v = cells["u"], cells["v"]
    np.testing.assert_allclose(u + v, cells["a"], atol=1e-15)
    np.testing.assert_allclose(u - v, cells["b"] + cells["perturbation"], atol=1e-15)


def test_the_ellipse_has_no_starts(found):
    sweep = found.largest(Need(kind="ellipse"))
    assert sweep.cells("lyapunov")["lyapunov"].shape == (160, 2)
    assert sweep.iterations == {"measure": 20000}
    assert found.any(Need(kind="ellipse"))
    assert not found.any(Need(kind="ellipse", noise="target"))


@pytest.mark.parametrize("most", [1, 1000, 1 << 20])
def test_parts_make_the_whole(found, monkeypatch, most):
    monkeypatch.setattr(studies, "CELLS", most)
    sweep = found.largest(Need(across=frozenset({"a", "b", "mu"})))
    whole, parts = sweep.cells("regime"), list(sweep.parts("regime"))
    assert (len(parts) > 1) == (most < sweep.size)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in NAMES}
    order = np.lexsort((joined["b"], joined["a"], joined["mu"]))  # cut along the longest axis
    for name in NAMES:
        np.testing.assert_array_equal(joined[name][order], whole[name])


def test_a_line_far_from_balance_serves_no_claim_on_the_slice(atlas):
    far = atlas["one"].assign_coords(imbalance=3.0)
    assert Study({"far": far}).all(Need(axes=LINE))
    with pytest.raises(MissingError, match="one start"):
        Study({"far": far}).all(Need(axes=LINE, near=True))
