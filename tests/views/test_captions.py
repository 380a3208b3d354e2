"""Captions say what is in the datasets, and nothing that is not."""

import re

import numpy as np
import pytest

from lt2f.views import captions, figures, words


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[a-z)\d])\. (?=[A-Z])", text)


def test_every_drawing_has_a_caption():
    assert set(captions.CAPTIONS) == set(figures.DRAWINGS)
    with pytest.raises(KeyError):
        captions.caption("still life", [])


def test_captions_are_a_few_sentences_of_plain_text(regimes, orbit, line, escaping, window):
    drawn = {"regime_map": [regimes], "orbit_diagram": [orbit, line], "exponents": [line]}
    drawn |= {"averages": [line], "survival": [escaping], "which_minimum": [window]}
    for drawing, datasets in drawn.items():
        text = captions.caption(drawing, datasets)
        assert 2 <= len(sentences(text)) <= 3, text
        assert text.endswith(".")
        assert not set("$\\{}\n") & set(text), text


def test_the_cycle_of_both_signs_is_explained_where_it_is_named(regimes, orbit, line, paths):
    """Above panels over mu from below 2 sqrt 2 - 1, where it is born, and not elsewhere."""
    named = {"regime_map": [regimes], "orbit_diagram": [orbit, line], "exponents": [line]}
    named |= {"sharpness": [regimes], "overshoot": [regimes]}
    for drawing, datasets in named.items():
        assert "cycle of both signs" in captions.caption(drawing, datasets)
        below = [dataset.sel(mu=slice(0.0, 1.82)) for dataset in datasets]
        assert "both signs" not in captions.caption(drawing, below)
    assert "both signs" not in captions.caption("phases", [paths, regimes])


def test_parameters_are_those_of_the_dataset(line, escaping):
    assert words.parameters(line) == [
        "a₀² − b₀² = 0.001, a₀b₀ = 0.11",
        "2,000 steps discarded, 1,024 measured",
    ]
    assert words.parameters(escaping)[2] == (
        "mini-batches from 16 prompts, drawn without replacement, 24 realizations"
    )


def test_another_loss_is_named_with_its_strength(make_map):
    mu, fixed = {"values": [0.4, 0.5]}, {"imbalance": 0.0, "product": 0.1}
    data = make_map({"mu": mu}, fixed | {"huber": 0.5})
    assert "pseudo-Huber loss 1/δ = 0.5" in captions.caption("exponents", [data])
    data = make_map({"mu": mu, "huber": {"start": 0.0, "step": 0.1, "num": 6}}, fixed)
    assert "pseudo-Huber loss 1/δ from 0 to 0.5" in captions.caption("regime_map", [data])


def test_noise_has_its_law_and_brute_force_is_said(make_map):
    axes, fixed = {"mu": {"values": [0.4, 0.5]}}, {"imbalance": -0.1, "product": 0.1}
    noise = {"noise": {"model": "target", "law": "uniform"}, "shortcuts": False}
    data = make_map(axes, {**fixed, "noise": 0.2, "realization": 3}, **noise)
    first, _, *rest = words.parameters(data)
    assert first == "a₀² − b₀² = −0.1, a₀b₀ = 0.1, σ = 0.2"
    assert rest == ["target noise of law uniform, realization 3", "by brute force"]


def test_shares_of_cells_add_up(regimes):
    text = captions.caption("regime_map", [regimes])
    shares = np.array([float(share) for share in re.findall(r"([\d.]+) %", text)])
    # Of two digits each: off by at most half a percent.
    assert shares.sum() == pytest.approx(100, abs=0.5 * shares.size)
    assert (np.diff(shares) <= 0).all()


def test_phases_are_those_of_the_runs(paths, regimes):
    alone, above = (captions.caption("phases", [paths, *more]) for more in ([], [regimes]))
    assert "monotone, catapult, periodic, chaotic, divergent" in above
    assert "chaotic" not in alone
    few = captions.caption("phases", [paths.isel(mu=slice(2)), regimes])
    assert "is monotone, catapult as" in few


def test_what_a_dataset_does_not_reach_is_not_said(make_map):
    fixed = {"product": 0.1}
    imbalance = {"start": 0.0, "step": 0.1, "num": 3}
    low, high = ({"start": mu, "step": 0.1, "num": 3} for mu in (0.4, 0.9))
    near, far = (make_map({"mu": mu, "imbalance": imbalance}, fixed) for mu in (low, high))
    assert "μ = 1" not in captions.caption("regime_map", [near])
    assert "from μ = 1 on almost none converge" in captions.caption("regime_map", [far])
