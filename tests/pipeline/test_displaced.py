"""Displaced starts, and the branch of the minima on which a run ends."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lt2f

FEW = {"start": -1.9, "step": 0.23, "num": 17}
LENGTHS = {"transient": 1000, "measure": 320}


@given(by=st.floats(-2.0, 2.0) | st.sampled_from([0.0, 1e-12, -1e-12, 1e-16]))
@settings(max_examples=20)
def test_a_displaced_start_is_the_start_of_the_rounded_sum(raw, by):
    b = -1.9 + 0.23 * np.arange(17)
    both = {"axes": {"b": FEW, "a": FEW}, "iterations": LENGTHS, "tile": {}}
    moved = lt2f.sweep(raw(**both, fixed={"mu": 0.7, "perturbation": by}), "cells")
    sums = moved["b"].values + by
    assume((np.diff(sums) > 0).all())
    there = {**both, "axes": {"b": {"values": sums.tolist()}, "a": FEW}, "fixed": {"mu": 0.7}}
    plain = lt2f.sweep(raw(**there), "cells")
    np.testing.assert_allclose(moved["b"], b, rtol=1e-15, atol=1e-15)
    for name, values in plain.data_vars.items():
        assert moved[name].values.tobytes() == values.values.tobytes(), name


def test_a_branch_is_the_sign_at_a_minimum(raw):
    study = raw(
        axes={"mu": {"values": [0.3, 0.9, 1.2]}, "a": FEW, "b": FEW},
        fixed={}, tile={}, iterations=LENGTHS,
    )  # fmt: skip
    data = lt2f.sweep(study, "cells").stack(cell=("mu", "a", "b"))
    positive, negative = (data["branch"].values == k for k in (1, 2))
    assert min(positive.sum(), negative.sum()) > 100
    assert (data["branch"].values[data["mu"].values > 1] == 0).all()
    ends = positive | negative
    assert np.isin(data["regime"].values[ends], [1, 2]).all()
    # What converges too slowly to have arrived has none.
    left = np.isin(data["regime"].values, [1, 2]) & ~ends
    assert left.sum() <= 0.01 * ends.sum()
    mu = data["mu"].values[ends]
    delta, s = (data[name].values[ends] for name in ("imbalance_final", "sharpness"))
    # |e| <= 1e-12 and S < 2 - 1e-9 there, so hypot(delta, 2 mu) <= S + 2|e| < 2.
    assert (s < 2).all()
    assert (np.abs(delta) <= 2 * np.sqrt(1 - mu * mu)).all()


def test_mirrored_starts_end_at_mirrored_branches(raw):
    half = {"start": -1.9, "step": 0.1, "num": 39}
    study = raw(
        axes={"a": half, "b": half}, fixed={"mu": 0.6}, tile={}, iterations=LENGTHS,
        record=["branch"],
    )  # fmt: skip
    branch = lt2f.sweep(study, "cells")["branch"].values
    swapped = np.array([0, 2, 1], dtype=np.uint8)[branch]
    np.testing.assert_array_equal(branch[::-1, ::-1], swapped)
    np.testing.assert_array_equal(branch.T, branch)
    assert set(np.unique(branch)) == {0, 1, 2}
