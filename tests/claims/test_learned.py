"""What training has learned, held against the expected error on new tasks."""

import numpy as np
import pytest

import lt2f
from lt2f.claims import learned
from lt2f.claims.forms import Status
from lt2f.claims.study import MissingError, Study
from lt2f.training.prompts import gaussian_prompt

LAW = {"dimension": 3, "context": 24, "label_noise": 0.2}
NAMES = {
    "minimum": "fresh_error",
    "two_cycle": "fresh_error_mean",
    "averaged": "fresh_error_averaged",
}


def study(mu, model="scalar"):
    """Trainings of one prompt at some mu."""
    prompt = gaussian_prompt(0, 0, *LAW.values())
    h = prompt.labels @ prompt.context / LAW["context"]
    query = np.linalg.norm(prompt.query)
    c = prompt.query @ h if model == "scalar" else query * np.linalg.norm(h)
    settings = {
        "kind": "transformer",
        "axes": {"step_size": {"values": [x / abs(c * prompt.target) for x in mu]}},
        "fixed": {"imbalance": 0.1, "product": 0.1},
        "transformer": {"model": model, **LAW},
        "iterations": {"transient": 1000, "measure": 500},
    }
    return lt2f.sweep({"study": "s", "seed": 0, "sweeps": {"it": settings}}, "it")


def status(dataset, name):
    (claim,) = (claim for claim in learned.ROOM.claims if claim.id == f"learned_{name}")
    return claim.check(Study({"it": dataset})).status


@pytest.mark.parametrize("model", ["scalar", "matrix"])
def test_trainings_have_the_error_that_follows_from_their_prompt(model):
    dataset = study([0.4, 0.8, 1.1, 1.2], model)
    for name, variable in NAMES.items():
        assert status(dataset, name) == Status.AGREES
        # Twelve of the standard errors that it says; four are allowed, and chance has few more.
        off = dataset[variable] + 12 * dataset[f"{variable}_error"]
        assert status(dataset.assign({variable: off}), name) == Status.DISAGREES


def test_on_the_two_cycle_the_product_has_the_moments_that_are_claimed():
    for mu in (1.06, 1.2):
        a = b = 0.6
        seen = []
        for step in range(4000):
            e = a * b - mu
            a, b = a - e * b, b - e * a
            if step >= 3000:
                seen.append((a, a * b / mu, (a * b / mu) ** 2))
        weight, first, second = np.mean(seen, axis=0)
        assert first == pytest.approx((1 + mu) / (2 * mu), rel=1e-9)
        assert second == pytest.approx((mu**2 + 2 * mu - 1) / (2 * mu**2), rel=1e-9)
        assert weight**2 / mu == pytest.approx((3 + mu) / (4 * mu), rel=1e-9)


def test_without_such_trainings_it_says_what_it_needs():
    with pytest.raises(MissingError, match="with trainings on the two-cycle"):
        learned.ROOM.claims[1].check(Study({"it": study([0.4])}))
