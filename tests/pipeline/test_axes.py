"""Axes: the doubles they hold, to the bit."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lt2f.pipeline.axes import Counted, Listed, Spaced, Stepped

# Decimals of up to 15 digits: what a user writes is then the shortest decimal of its double.
digits = st.integers(-(10**15) + 1, 10**15 - 1)
decimals = st.builds(lambda n, k: Decimal(n).scaleb(k), digits, st.integers(-20, 5))
steps = st.builds(lambda n, k: Decimal(n).scaleb(k), st.integers(1, 10**6), st.integers(-9, 3))


def truth(start: Decimal, step: Decimal, num: int) -> np.ndarray:
    """start + i·step in decimals, each read by strtod, which rounds to the nearest double."""
    with localcontext(prec=60):  # 15 + 20 + 9 digits and those of i: nothing is rounded
        return np.array([float(str(start + i * step)) for i in range(num)])


def stepped(start: Decimal, step: Decimal, num: int) -> Stepped:
    """The axis that reads the same decimals."""
    return Stepped(start=float(start), step=float(step), num=num)


@given(decimals, steps, st.integers(1, 60))
def test_stepped_values_are_the_doubles_nearest_to_the_decimals(start, step, num):
    expected = truth(start, step, num)
    if (np.diff(expected) <= 0).any():  # the step is lost beside the start
        with pytest.raises(ValidationError, match="increase strictly"):
            stepped(start, step, num)
    else:
        np.testing.assert_array_equal(stepped(start, step, num).values(), expected)


def test_stepped_is_exact_over_a_long_axis():
    axis = Stepped(start=0.00001, step=0.00001, num=200_000)
    expected = truth(Decimal("0.00001"), Decimal("0.00001"), 200_000)
    assert axis.values().tobytes() == expected.tobytes()
    # What this guards against: floating-point multiples miss many of these doubles.
    assert (0.00001 + np.arange(200_000) * 0.00001 != expected).any()


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(1, 40), st.integers(0, 40))
def test_a_longer_axis_keeps_every_value_and_moves_its_anchor(first, step, num, more):
    start, width = Decimal(first).scaleb(-3), Decimal(step).scaleb(-3)
    axis = stepped(start, width, num)
    appended = stepped(start, width, num + more)
    prepended = stepped(start - more * width, width, num + more)
    np.testing.assert_array_equal(appended.values()[:num], axis.values())
    np.testing.assert_array_equal(prepended.values()[more:], axis.values())
    assert appended.anchor() == axis.anchor() == prepended.anchor() + more


@pytest.mark.parametrize(
    ("axis", "anchor"),
    [
        (Stepped(start=0.002, step=0.002, num=3), 1),
        (Stepped(start=0.3, step=0.1, num=3), 3),  # in doubles 0.3 // 0.1 is 2
        (Stepped(start=-0.3, step=0.1, num=3), -3),
        (Stepped(start=0.0, step=0.1, num=3), 0),
        (Stepped(start=0.25, step=0.1, num=3), 2),
        (Stepped(start=-0.25, step=0.1, num=3), -3),
        (Spaced(start=1.0, stop=2.0, num=3), 0),
        (Listed(values=(3.0, 4.0)), 0),
        (Counted(num=3), 0),
    ],
)
def test_anchor_counts_whole_steps_from_zero(axis, anchor):
    assert axis.anchor() == anchor


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        (Spaced(start=-1, stop=1, num=5), [-1, -0.5, 0, 0.5, 1]),
        (Spaced(start=2, stop=3, num=1), [2]),
        (Listed(values=[0, 0.5, 2]), [0, 0.5, 2]),
        (Counted(num=3), [0, 1, 2]),
    ],
)
def test_other_spellings(axis, values):
    assert axis.values().dtype == np.float64
    assert axis.values().tolist() == values
    assert axis.size == len(values)


@pytest.mark.parametrize(
    "axis",
    [
        Stepped(start=-0.0, step=1.0, num=2),
        Spaced(start=-0.0, stop=1.0, num=2),
        Listed(values=(-0.0, 1.0)),
    ],
)
def test_there_is_one_zero(axis):
    assert not np.signbit(axis.values()).any()
