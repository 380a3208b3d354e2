"""A status follows from theory, measured value and uncertainty by one rule for each form."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.claims import forms
from lt2f.claims.forms import Status


@pytest.mark.parametrize(
    ("theory", "measured", "uncertainty", "resolution", "status"),
    [
        (1.0, 1.0, 0.0, 0.1, Status.AGREES),
        (1.0, 1.05, 0.05, 0.1, Status.DISAGREES),  # 1.05 - 1 is a little more than 0.05
        (1.0, 1.04, 0.05, 0.1, Status.AGREES),
        (1.0, 0.94, 0.05, 0.1, Status.DISAGREES),
        (1.0, 1.0, 0.2, 0.1, Status.UNDECIDED),
        (1.0, 9.0, 0.2, 0.1, Status.UNDECIDED),  # nothing was tested, however far off
        (1.0, math.nan, 0.05, 0.1, Status.DISAGREES),
        (1.0, math.nan, math.nan, 0.1, Status.DISAGREES),
        (1.0, 1.0, math.nan, 0.1, Status.UNDECIDED),
        (0.0, 1e-3, 0.0, 1e-6, Status.DISAGREES),
    ],
)
def test_a_number_is_near_enough_or_not(theory, measured, uncertainty, resolution, status):
    assert forms.value(theory, measured, uncertainty, resolution).status == status


def test_a_disagreement_says_by_how_much():
    assert forms.value(1.0, 1.3, 0.1, 1.0).explanation == "off by 3 times the uncertainty"


@given(st.floats(-1e6, 1e6), st.floats(-3, 3), st.floats(1e-9, 1e3))
def test_what_is_shown_decides_as_the_numbers_do(theory, ratio, uncertainty):
    """Who reads only the table comes to the same status, but at the very edge."""
    if abs(abs(ratio) - 1) < 0.2:
        return  # two digits of an uncertainty round up by 10 % at most, measured ones by 5 %
    found = forms.value(theory, theory + ratio * uncertainty, uncertainty, math.inf)
    if uncertainty < 1e-11 * abs(theory):
        return  # 15 digits are all there are
    off = abs(float(found.measured) - float(found.theory))
    assert (off <= float(found.uncertainty)) == (found.status == Status.AGREES)


def test_the_worst_cell_decides():
    at = np.linspace(1, 2, 5)
    measured = np.array([1.0, 1.01, 1.02, 1.0, 1.0])
    # Sizes of the errors differ: the second is 10 of its own off, the third 2.
    error = np.array([1e-3, 1e-3, 1e-2, 1e-3, 1e-3])
    found = forms.worst(1.0, measured, error, at, 0.1)
    assert found.status == Status.DISAGREES
    assert (found.measured, found.uncertainty) == ("1.01", "0.001")
    assert "at mu = 1.25" in found.explanation
    assert forms.worst(1.0, measured, 0.03, at, 0.1).status == Status.AGREES
    assert forms.worst(1.0, measured, 0.2, at, 0.1).status == Status.UNDECIDED


def test_infinities_are_equal_and_nan_is_nothing():
    at = np.array([1.0, 2.0])
    known = np.array([-math.inf, -1.0])
    assert forms.worst(known, known, 1e-9, at, 0.1).status == Status.AGREES
    broken = np.array([math.nan, -1.0])
    assert forms.worst(known, broken, 1e-9, at, 0.1).status == Status.DISAGREES


def test_a_threshold_lies_between_its_neighbours():
    assert forms.between(1.5, 1.4, 1.6, 1.0).status == Status.AGREES
    assert forms.between(1.61, 1.4, 1.6, 1.0).status == Status.DISAGREES
    assert forms.between(1.4, 1.4, 1.6, 1.0).status == Status.AGREES  # a neighbour may be it
    assert forms.between(1.5, 1.4, 1.6, 0.05).status == Status.UNDECIDED


def test_bounds_may_be_attained_and_not_passed():
    assert forms.at_most(2.0, 2.0, 0.0).status == Status.AGREES
    assert forms.at_most(2.0, 2.1, 0.01).status == Status.DISAGREES
    assert forms.at_most(2.0, math.nan, 1.0).status == Status.DISAGREES


def test_a_strict_bound_is_undecided_where_the_error_reaches_across():
    assert forms.below(0.0, -1.0, 0.5).status == Status.AGREES
    assert forms.below(0.0, 1.0, 0.5).status == Status.DISAGREES
    assert forms.below(0.0, -0.1, 0.5).status == Status.UNDECIDED


def test_one_exception_is_too_many_and_no_case_is_too_few():
    assert forms.none(0, 10).status == Status.AGREES
    assert forms.none(1, 10).status == Status.DISAGREES
    assert forms.none(0, 0).status == Status.UNDECIDED
    assert forms.none(0, 10, least=11).status == Status.UNDECIDED


def test_what_is_undecided_says_what_would_decide_it():
    at = np.array([1.0, 2.0, 3.0])
    few = forms.worst(1.0, 1.0, np.array([0.2, 0.3, 0.01]), at, 0.1)
    assert few.status == Status.UNDECIDED
    for found, words in (
        (forms.none(0, 10, least=1234), "among 10 cases, to be decided it takes 1,234 or more"),
        (forms.value(1.0, 1.0, 0.2, 0.1), "takes an uncertainty of 0.1 or less"),
        (forms.between(1.5, 1.4, 1.6, 0.05), "takes an uncertainty of 0.05 or less: a finer grid"),
        (forms.below(0.0, -0.1, 0.5), "it takes one below 0.1"),
        (few, "1 of 3 cells are known to 0.1 of theory, to be decided it takes half of them"),
    ):
        assert words in found.explanation


def test_words_are_equal_or_not():
    assert forms.words("a, b", "a, b").status == Status.AGREES
    assert forms.words("a, b", "b, a").status == Status.DISAGREES


@pytest.mark.parametrize(
    ("x", "uncertainty", "text"),
    [
        (1.23456789, 0.0012, "1.2346"),
        (1.23456789, 0.0, "1.23456789"),
        (-0.000123456, 1e-6, "-0.0001235"),
        (1e-20, 1e-9, "1e-20"),
        (math.inf, 1.0, "inf"),
        (1.30228346270071, 7e-16, "1.30228346270071"),
    ],
)
def test_numbers_have_the_digits_that_matter(x, uncertainty, text):
    assert forms.shown(x, uncertainty) == text


@given(st.floats(1e-15, 1e15))
def test_an_uncertainty_is_never_shown_as_less_than_it_is(uncertainty):
    shown = float(forms.rounded_up(uncertainty))
    # to the 12 digits beyond which 1e-9 and the double next to it are one
    assert uncertainty * (1 - 1e-11) <= shown <= 1.11 * uncertainty


def test_many_cells_have_a_wider_quantile():
    # One cell: 4. The bound n P(|Z| > z) = P(|Z| > 4) grows with n.
    assert forms.quantile(1) == pytest.approx(4.0, rel=1e-9)
    assert 5.0 < forms.quantile(1000) < forms.quantile(10000) < 6.0
