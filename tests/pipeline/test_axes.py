"""Axes: the doubles they hold, to the bit."""

from decimal import Decimal, localcontext

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lt2f.pipeline.axes import AnyAxis, Around, Counted, Listed, Spaced, Stepped

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


@given(
    decimals.filter(lambda x: abs(x) < 10**6),
    st.integers(-3, 3),
    st.integers(2, 7),
    st.integers(4, 60),
)
@example(Decimal(1), 2, 2, 8)  # a value is zero
def test_around_crowds_to_a_point_by_one_ratio(point, far, fewer, num):
    """Truth: the distances as powers of ten in mpmath, of which Decimal knows nothing."""
    farthest, nearest = Decimal(1).scaleb(far), Decimal(1).scaleb(far - fewer)
    axis = {"around": float(point), "farthest": float(farthest), "nearest": float(nearest)}
    side = num // 2
    with mpmath.workdps(40):
        centre = mpmath.mpf(str(point))
        gaps = [mpmath.mpf(10) ** (far - mpmath.mpf(fewer * i) / (side - 1)) for i in range(side)]
        below, above = [centre - gap for gap in gaps], [centre + gap for gap in gaps[::-1]]
        expected = np.array([float(x) for x in (*below, *[centre] * (num % 2), *above)])
    if (np.diff(expected) <= 0).any():  # the distance is lost beside the point
        with pytest.raises(ValidationError, match="increase strictly"):
            Around(**axis, num=num)
    else:
        np.testing.assert_array_equal(Around(**axis, num=num).values(), expected)
        assert Around(**axis, num=num).size == num


@pytest.mark.parametrize("few", [{"num": 3}, {"nearest": 0.5}, {"nearest": 0.0}, {"farthest": -1}])
def test_around_needs_two_distances_to_either_side(few):
    with pytest.raises(ValidationError, match=r"greater than|less than"):
        Around(**{"around": 1.0, "farthest": 0.5, "nearest": 0.1, "num": 4, **few})


def test_around_is_told_by_its_key():
    axis = TypeAdapter(AnyAxis).validate_python(
        {"around": 1, "farthest": 0.5, "nearest": 0.25, "num": 5}
    )
    assert axis.values().tolist() == [0.5, 0.75, 1.0, 1.25, 1.5]
