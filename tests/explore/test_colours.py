"""Which colour is which value."""

import math

import numpy as np
import pytest

from lt2f.dynamics.codes import Regime
from lt2f.explore import colours
from lt2f.explore.colours import COLOURINGS
from lt2f.explore.view import COLOURS
from lt2f.views import exponents, style

CODES = np.array(list(Regime), np.uint8)


def colour(name, values, regime):
    cells = {"regime": np.full(np.shape(values), regime, np.uint8), name: np.asarray(values)}
    one = COLOURINGS[name]
    return [one.palette[code] for code in one.codes(cells, name)]


def lightness(hexed):
    return sum(int(hexed[k : k + 2], 16) for k in (1, 3, 5))


def test_everything_that_a_map_may_be_coloured_by_has_colours():
    assert tuple(COLOURINGS) == COLOURS
    assert all(len(one.palette) <= 256 for one in COLOURINGS.values())  # a byte a cell


def test_regimes_have_the_colours_of_the_figures():
    one = COLOURINGS["regime"]
    codes = one.codes({"regime": CODES}, "regime")
    assert [one.palette[code] for code in codes] == [style.COLOURS[code] for code in Regime]


@pytest.mark.parametrize("name", ["lyapunov", "transverse_lyapunov"])
def test_exponents_are_coloured_by_their_sign(name):
    values = np.array([-np.inf, -math.log(3), -0.5, -0.1, 0.0, 0.1, 0.5, math.log(3), 9.0])
    found = colour(name, values, Regime.CHAOTIC)
    assert found[0] == found[1] == style.COLOURS[Regime.PERIODIC]
    figure = {"lyapunov": "lyapunov 1"}.get(name, name)
    assert found[-1] == found[-2] == exponents.LOOKS[figure][1]
    light = [lightness(one) for one in found]
    assert light[1:5] == sorted(light[1:5])
    assert light[4:8] == sorted(light[4:8], reverse=True)
    assert len(set(found[1:8])) == 7


@pytest.mark.parametrize("name", ["lyapunov", "transverse_lyapunov"])
def test_what_is_undecided_or_has_no_value_keeps_the_colour_of_its_regime(name):
    values = [0.3, np.nan]
    for regime in (Regime.UNDECIDED, Regime.DIVERGENT):
        assert colour(name, values, regime) == [style.COLOURS[regime]] * 2
    for regime in (Regime.COLLAPSED, Regime.BOUNDED_NOISE):
        valued, without = colour(name, values, regime)
        assert without == style.COLOURS[regime] != valued


def test_every_period_up_to_eight_has_a_colour_and_doublings_darken_it():
    periods = np.arange(1, 129)
    listed = colour("residual_period", periods, Regime.PERIODIC)
    found = dict(zip(periods.tolist(), listed, strict=True))
    assert len({found[p] for p in range(1, 9)}) == 8
    for odd in (1, 3, 5, 7):
        light = [lightness(found[odd << k]) for k in range(odd == 1, 4)]  # 1 is no cycle
        assert light == sorted(light, reverse=True)
        assert light[1] < light[0]
    assert {found[p] for p in (9, 11, 13, 18, 26, 100)} == {found[15]}
    assert found[128] == found[16] != found[8]


def test_what_has_no_period_keeps_the_colour_of_its_regime():
    without = set(Regime) - {Regime.MONOTONE, Regime.CATAPULT, Regime.PERIODIC}
    for regime in without:
        assert colour("residual_period", [0], regime) == [style.COLOURS[regime]]


@pytest.mark.parametrize("name", COLOURS)
def test_the_key_has_every_colour_that_a_cell_may_have(name):
    one = COLOURINGS[name]
    listed = {kind for kind, _ in colours.swatches(name, "multiplicative")}
    assert set(one.shades) <= listed | set(one.shades if one.bar else ())
    assert {style.COLOURS[code] for code in one.valueless} <= listed
    assert (colours.bar(name) is None) == (not one.bar)


def test_marks_of_the_bar_lie_at_their_colours():
    told, shades = colours.bar("lyapunov"), COLOURINGS["lyapunov"].shades
    for place, words in told["marks"]:
        (found,) = colour("lyapunov", [float(words.replace("−", "-"))], Regime.CHAOTIC)
        assert abs(shades.index(found) - place * (len(shades) - 1)) <= 0.5
    middle = told["colours"][len(told["colours"]) // 2]
    assert [middle] == colour("lyapunov", [0.0], Regime.CHAOTIC)
