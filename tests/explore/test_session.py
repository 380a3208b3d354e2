"""One visitor's page without a browser: every message is answered, and windows arrive."""

import json
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
import pytest
from bokeh.document import Document

from lt2f.explore import cell, exact, window
from lt2f.explore.colours import COLOURINGS
from lt2f.explore.session import Library, Session
from lt2f.explore.view import COLOURS

ENDS = {"mu": (0, 1e-6, 2, 50), "imbalance": (-200, 0, 200), "product": (-200, 0, 3), "a": (-9, 9)}
ENDS |= {
    "b": (0, 200),
    "noise": (-1, 0.5, 50),
    "decay": (0.1, 1, 0),
    "huber": (0.1, 1e9, 0),
    "realization": (0, 5),
    "rate": (-1, 1e-9, 3, 1e9),
}
ENDS |= {"factor": (0, -2, 1e-300), "target": (0, 3, 1e300)}
MESSAGES = [{"kind": "set", "name": n, "value": x} for n, values in ENDS.items() for x in values]
MESSAGES += [{"kind": "choose", "name": "model", "value": "target"}, *MESSAGES[-6:]]
MESSAGES += [
    {"kind": "set", "name": n, "value": x} for n in ("decay", "huber", "noise") for x in (0.3, 0)
]
MESSAGES += [{"kind": "choose", "name": "colour", "value": colour} for colour in COLOURS]
MESSAGES += [{"kind": "zoom", "by": 0.01}, {"kind": "zoom", "by": 1e9}, {"kind": "whole"}]
MESSAGES += [{"kind": "move", "dx": 1000, "dy": -1000}, {"kind": "drag", "value": "move"}]
MESSAGES += [{"kind": "map", "name": "nowhere"}, {"kind": "home"}]


class Now:
    """An executor that works at once, if it works at all."""

    def __init__(self, works: bool) -> None:
        self.works = works

    def submit(self, work: Callable[..., None], *args: object) -> Future[None]:
        """Do some work, or put it off for ever."""
        future: Future[None] = Future()
        if self.works:
            work(*args)
        future.set_result(None)
        return future


@pytest.fixture
def session(maps, request) -> Session:
    library = Library(maps, Now(getattr(request, "param", False)))
    return Session(Document(), library, library.view({}))


@pytest.mark.parametrize(
    "name", ["regimes", "plane", "noisy", "decayed", "frayed", "clipped", "capped"]
)
def test_every_message_is_answered_whatever_it_asks(session, name):
    for serial, message in enumerate([{"kind": "map", "name": name}, *MESSAGES], 1):
        session._receive("asked", "", json.dumps({**message, "serial": serial}))
        told = json.loads(session.bridge.told)
        assert told["serial"] == serial
        assert "nan" not in session.bridge.told.lower()
        assert told["query"] == session.view.query()
        assert all(np.isfinite(one["value"]) for one in told["handles"])
    assert session.view == session.library.maps[name].home()


def test_the_map_is_drawn_anew_only_if_it_has_changed(session):
    before = session.serial
    session.show(session.view.at(mu=0.5, imbalance=0.5))
    assert session.serial == before
    cells = session.chart.base.data["image"][0]
    session.show(session.view.zoomed(0.5))
    assert session.serial == before + 1
    assert session.chart.base.data["image"][0] is cells
    session.show(session.view.chosen("law", "normal"))  # of no noise
    assert session.serial == before + 1
    session.show(session.view.at(product=0.3))
    assert session.serial == before + 2
    assert len(session.chart.base.data["image"]) == 0


@pytest.mark.parametrize("session", [True], indirect=True)
def test_rounds_of_a_window_arrive_one_after_the_other(session, monkeypatch):
    monkeypatch.setattr(window, "FINEST", (30, 20))
    arrived = []
    monkeypatch.setattr(session.document, "add_next_tick_callback", arrived.append)
    session.show(session.view.zoomed(0.5))
    shapes, words = [], []
    for callback in arrived:
        callback()
        shapes.append(session.chart.fine.data["image"][0].shape)
        words.append(session.bridge.map)
    assert shapes == [(45, 60), (180, 240), (20, 30)]
    assert [text.endswith("more to come …") for text in words] == [True, True, False]
    assert "shorter than in the dataset, so more cells may be undecided" in words[0]
    assert "as in the dataset" in words[-1]


@pytest.mark.parametrize("session", [True], indirect=True)
def test_a_window_that_takes_too_long_says_so_and_a_stale_one_nothing(session, monkeypatch):
    arrived = []
    monkeypatch.setattr(session.document, "add_next_tick_callback", arrived.append)
    monkeypatch.setattr(window, "PATIENCE", -1.0)
    session.show(session.view.zoomed(0.5))
    (first, late) = arrived
    first()
    session.library.workers.works = False
    session.show(session.view.zoomed(0.5))
    before = session.bridge.map
    late()
    assert session.bridge.map == before
    session._leave_it(session.serial)
    assert session.bridge.map.endswith("longer runs were given up, they would take too long.")


def test_what_is_computed_has_all_colours(session, monkeypatch):
    """Other colours of a window come at once, from the dataset where it has them."""
    session.library.workers.works = True
    monkeypatch.setattr(window, "FINEST", (30, 20))
    monkeypatch.setattr(session.document, "add_next_tick_callback", lambda callback: callback())
    session.show(session.view.zoomed(0.5))
    before, cells = session.serial, session.grid.cells
    for colour in COLOURS:
        session._receive(
            "asked", "", json.dumps({"kind": "choose", "name": "colour", "value": colour})
        )
        drawn, palette = session.chart.fine.data["image"][0], session.chart.colours.palette
        assert np.array_equal(drawn, COLOURINGS[colour].codes(cells, colour))
        assert len(palette) > drawn.max()
        assert session.bridge.map.endswith("as in the dataset; none undecided.")
    assert session.serial == before
    session.show(session.view.seen(session.map.whole))
    assert session.grid is None
    assert session.chart.fine.data["image"] == []
    known = session.map.cells(session.view)
    drawn = session.chart.base.data["image"][0]
    assert np.array_equal(drawn, COLOURINGS[COLOURS[-1]].codes(known, COLOURS[-1]))


def handles(session):
    return {one["name"]: one for one in json.loads(session.bridge.told)["handles"]}


def test_another_loss_has_a_slider_where_the_map_has_it_or_a_link_asks(session):
    assert {"noise", "decay"} <= handles(session).keys()
    assert "huber" not in handles(session)
    for name in ("clipped", "capped"):
        home = session.library.maps[name].home()
        session.show(home)
        one = handles(session)["huber"]
        assert one["low"] <= one["value"] == home.point["huber"] <= one["high"]
    session.asked.clear()
    session.show(session.library.view({"map": "regimes", "huber": "0.5"}))
    assert handles(session)["huber"]["value"] == 0.5
    session.show(session.view.at(huber=0.0))
    assert "huber" in handles(session)  # it does not vanish under who slides


def test_noise_and_laws_bar_each_other_with_a_reason(session):
    def reasons():
        return {name: one["reason"] for name, one in handles(session).items() if one.get("reason")}

    assert reasons() == {}
    session.show(session.view.at(decay=0.1))
    assert reasons() == {"noise": "Not together with κ (weight decay): bring it to 0 first."}
    session.show(session.view.at(decay=0.0).at(noise=0.1))
    assert reasons() == {"decay": "Not together with σ (noise): bring it to 0 first."}
    session.show(session.library.maps["decayed"].home())
    assert reasons() == {"noise": "Not together with κ (weight decay): this map is over it."}
    session.show(session.library.maps["clipped"].home())
    words = (
        "Not together with 1/δ (reciprocal scale of the pseudo-Huber loss): this map is over it."
    )
    assert reasons() == {"noise": words, "decay": words}


def test_pictures_are_as_wide_as_the_orbit_of_another_loss(session):
    for at, wide in (({"mu": 1.5}, False), ({"mu": 4.5, "huber": 1.0}, True)):
        view = session.library.maps["clipped"].home().at(huber=0.0).at(**at)
        session.show(view)
        late = cell.answer(session.map.task(view), view.point).late
        for name, values in (("portrait", (late.a, late.b)), ("cobweb", (late.half_sum,))):
            figure = session.pictures.figures[name]
            for one in (figure.x_range, figure.y_range):
                assert one.start < min(x.min() for x in values)
                assert one.end > max(x.max() for x in values)
            least = {"portrait": exact.PLANE, "cobweb": exact.LINE}[name]
            assert (figure.x_range.end > least) == wide
        assert abs(session.pictures.residuals.end) > np.abs(late.residual).max()


def test_a_loss_that_escapes_leaves_the_picture(session):
    session.show(session.library.maps["regimes"].home().at(mu=1.52, imbalance=2.4))
    loss = np.asarray(session.pictures.sources["steps"].data["loss"])
    last = loss[np.isfinite(loss)][-1]
    assert last > session.pictures.losses.end  # and does not run along its upper edge
    assert session.pictures.losses.end < 1e7
