"""A view goes through a link without a loss, and nothing foreign gets into one."""

import math
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lt2f.dynamics.steps import MAP, STEPS
from lt2f.explore.view import COLOURS, LAWS, MODELS, RIVALS, View

SILENT = dict.fromkeys(RIVALS, 0.0)
MOST = {name: 0.9 * min(STEPS[name].below, 5.0) if name in STEPS else 5.0 for name in RIVALS}
sizes = st.floats(-90.0, 90.0)
rivals = st.sampled_from(RIVALS).flatmap(
    lambda name: st.floats(0.0, MOST[name]).map(lambda x: SILENT | {name: x})
)
points = st.builds(
    lambda rest, rivals: rest | rivals,
    st.fixed_dictionaries(
        {
            "mu": st.floats(1e-3, 9.0),
            "imbalance": sizes,
            "product": sizes,
            "realization": st.integers(0, 1000).map(float),
        }
    ),
    st.just(SILENT) | rivals,
)
sides = st.tuples(sizes, st.floats(1e-6, 5.0))
steps = st.tuples(st.floats(0.0, 90.0), st.floats(1e-6, 5.0))
scales = st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6)
views = st.builds(
    lambda point, x, y, model, law, colour, c, t: View(
        "regimes", point, (x[0], x[0] + x[1], y[0], y[0] + y[1]), model, law, colour,
        factor=c, target=t,
    ),
    points, steps, sides, *map(st.sampled_from, (MODELS, LAWS, COLOURS)), scales, scales,
)  # fmt: skip
HOME = View(
    "regimes",
    {"mu": 1.0, "imbalance": 0.5, "product": 0.1, "realization": 0.0, **SILENT},
    (0.0, 2.0, 0.0, 4.0),
)


@given(views)
def test_a_link_restores_the_view_to_the_bit(view):
    assert HOME.read(dict(parse_qsl(view.query(), strict_parsing=True))) == view


@given(st.dictionaries(st.sampled_from([*HOME.point, "window", "factor", "law"]), st.text()))
def test_a_broken_link_leaves_what_it_does_not_say(query):
    view = HOME.read(query)
    assert set(view.point) == set(HOME.point)
    assert all(math.isfinite(x) for x in (*view.point.values(), *view.window, view.rate))
    assert view.law in LAWS


@pytest.mark.parametrize(
    "query",
    [
        {"mu": "nan"}, {"mu": "1e999"}, {"window": "1,2,3"}, {"window": "2,1,0,1"},
        {"window": "0,nan,0,1"}, {"factor": "0"}, {"law": "cauchy"}, {"model": "none"},
        {"colour": "steps"}, {"decay": "nan"}, {"huber": "nan"}, {"huber": "-1"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_in_a_link_changes_nothing(query):
    assert HOME.read(query) == HOME


def test_coordinates_stay_within_their_bounds():
    assert HOME.at(mu=-1.0).point["mu"] > 0.0
    assert HOME.at(noise=-1.0).point["noise"] == 0.0
    assert 0.999 < HOME.at(decay=1.0).point["decay"] < 1.0
    assert HOME.at(realization=2.6).point["realization"] == 3.0
    assert HOME.at(a=1.0) == HOME  # this map has no such coordinate


@given(views, st.floats(0.5, 2.0))
def test_the_learning_rate_keeps_the_weights(view, ratio):
    """Imbalance and product are eta c^2 times those of u and w, so their ratio to eta stays."""
    turned = view.at_rate(view.rate * ratio)
    grown = turned.rate / view.rate  # less than the ratio at a bound
    for name in ("imbalance", "product"):
        expected = min(max(grown * view.point[name], -100.0), 100.0)
        # A few roundings, each of 2^-53.
        assert turned.point[name] == pytest.approx(expected, rel=1e-14)
    # The decay is eta times the coefficient of the weights, which stays; 1/delta, with the scale
    # of the error of predictions in place of the coefficient, is its reciprocal.
    decay = min(grown * view.point["decay"], math.nextafter(1.0, 0.0))
    assert turned.point["decay"] == pytest.approx(decay, rel=1e-14)
    assert turned.point["huber"] == pytest.approx(view.point["huber"] / grown, rel=1e-14)
    noise = {"multiplicative": 1.0, "target": grown}[view.model]
    assert turned.point["noise"] == pytest.approx(min(noise * view.point["noise"], 10.0), rel=1e-14)


@given(
    st.floats(0.1, 2.0), st.floats(0.5, 2.0), st.floats(0.02, 50.0), scales, scales,
    st.tuples(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)),
)  # fmt: skip
def test_the_learning_rate_keeps_the_loss_of_the_prediction(mu, ratio, strength, c, y, start):
    """Descent on D^2 (sqrt(1 + p^2/D^2) - 1), p = c u w - y, is one map at any learning rate."""
    view = replace(HOME, point=HOME.point | {"mu": mu}).scaled("factor", c).scaled("target", y)
    view = view.at(huber=strength)
    scale = 1.0 / (view.rate * abs(c) * strength)
    for now in (view, view.at_rate(ratio * view.rate)):
        eta, m, s = now.rate, now.point["mu"], now.point["huber"]
        size = math.sqrt(eta) * abs(c)
        a, b = start
        u, w = a / size, math.copysign(b, b * c * y) / size
        p = c * u * w - y
        slope = p / math.hypot(1.0, p / scale)
        u, w = u - eta * slope * c * w, w - eta * slope * c * u
        e = a * b - m
        r = e / math.hypot(1.0, s * e)
        # Products up to four cancel against the target, and s e may be some hundreds.
        assert size * u == pytest.approx(a - r * b, rel=1e-9, abs=1e-9)
        assert size * math.copysign(w, w * c * y) == pytest.approx(b - r * a, rel=1e-9, abs=1e-9)


@given(views)
def test_the_rate_is_mu_over_the_size_of_c_y(view):
    assert view.rate * abs(view.factor * view.target) == pytest.approx(view.point["mu"], rel=1e-15)


@given(views)
def test_zooming_in_and_out_again_is_where_it_was(view):
    assume(view.window[0] > 5.0)  # no window goes on below a step size of zero
    near = view.zoomed(0.5)
    for side in (0, 2):
        before, now = (v.window[side + 1] - v.window[side] for v in (view, near))
        # Ends up to 95 are rounded to 2^-47, sides may be 1e-6.
        assert now == pytest.approx(before / 2, rel=1e-7)
    back = near.zoomed(2.0)
    assert back.window == pytest.approx(view.window, rel=1e-12, abs=1e-12)


@given(views)
def test_a_window_that_follows_holds_its_point_and_keeps_its_sides(view):
    left, right, low, high = view.following().window
    assert left <= view.point["mu"] <= right
    assert low <= view.point["imbalance"] <= high
    assert right - left == pytest.approx(view.window[1] - view.window[0], rel=1e-7)


asked = st.dictionaries(
    st.sampled_from(RIVALS), st.just(0.0) | st.floats(1e-9, 0.9), min_size=1, max_size=3
)


@given(views, asked)
def test_no_view_has_two_of_noise_and_the_laws(view, asked):
    got = view.at(**asked)
    on = [name for name in RIVALS if got.point[name] > 0.0]
    assert len(on) <= 1
    assert got.rival == (on[0] if on else None)
    wanted = {name: x for name in RIVALS if (x := asked.get(name, view.point[name])) > 0.0}
    if len(wanted) < 2:
        assert {name: got.point[name] for name in RIVALS} == SILENT | wanted
    law = STEPS.get(on[0]) if on else None
    assert got.descent == ((law, got.point[on[0]]) if law else (MAP, 0.0))


@pytest.mark.parametrize("over", RIVALS)
@pytest.mark.parametrize("barred", RIVALS)
def test_on_a_map_over_noise_or_a_law_there_is_no_other(over, barred):
    view = replace(HOME, axes=("mu", over))
    assert view.rival == over
    assert view.at(**{over: 0.3}).point[over] == 0.3
    if barred != over:
        assert view.at(**{barred: 0.3}) == view
        assert view.read({barred: "0.3", over: "0.2"}).point[barred] == 0.0
