"""Words in plain text."""

import pytest

from lt2f.dynamics.steps import STEPS
from lt2f.views.words import untexed


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        (r"$\mu=\sqrt{5}-1+\kappa$: second doubling", "μ = √5 − 1 + κ: second doubling"),
        (r"$\delta=\sqrt 2$, $-\mu<s$", "δ = √2, −μ < s"),
        ("up-to-date, no formula", "up-to-date, no formula"),
    ],
)
def test_formulas_are_written_in_plain_characters(words, plain):
    assert untexed(words) == plain


@pytest.mark.parametrize("name", STEPS)
def test_the_boundaries_of_every_law_can_be_read_without_mathematical_type(name):
    for line in STEPS[name].lines:
        assert not set(untexed(line.words)) & set("$\\{}")
