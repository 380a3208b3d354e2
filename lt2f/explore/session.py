"""One visitor's page: messages come in, a new view goes out.

The page keeps one message on its way and the newest waiting, so that answers never queue up.
Windows are computed beside, in a thread; a newer view stops them.
"""

import json
import logging
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

from bokeh.core.properties import String
from bokeh.document import Document
from bokeh.model import DataModel
from bokeh.models import CustomJS

from lt2f.dynamics import thresholds
from lt2f.dynamics.steps import STEPS
from lt2f.explore import cell, colours, rows, told, verdict, window
from lt2f.explore.atlas import Map
from lt2f.explore.chart import Chart
from lt2f.explore.moves import after, is_finer
from lt2f.explore.pictures import PICTURES, Pictures
from lt2f.explore.view import CHOICES, MODELS, RIVALS, View, Window
from lt2f.views import style

_SPANS: Final = {
    "mu": (0.0, 2.2),
    "imbalance": (0.0, 4.2),
    "noise": (0.0, 0.6),
    **{name: (0.0, min(0.9 * law.below, 3.0)) for name, law in STEPS.items()},
}
_ANY: Final = -3.0, 3.0  # of a slider for any other coordinate
_START: Final = "window.lt2f.start(bridge, map)"
_EVENTS: Final = {
    "tap": "window.lt2f.point(cb_obj.x, cb_obj.y)",
    "doubletap": "window.lt2f.point(cb_obj.x, cb_obj.y)",  # as two quick clicks are, wherever
    "mousemove": "window.lt2f.follow(cb_obj.x, cb_obj.y)",
}


log = logging.getLogger("lt2f")


class Bridge(DataModel):  # type: ignore[misc]
    """What the page asks and what it is told, as JSON."""

    asked = String(default="")
    told = String(default="")
    map = String(default="")


@dataclass(frozen=True)
class Library:
    """What all visitors share: the maps, and where windows are computed."""

    maps: Mapping[str, Map]
    workers: Executor

    @cached_property
    def thresholds(self) -> list[thresholds.Threshold]:
        """The thresholds that hold for almost every bounded start."""
        return [row for row in thresholds.table() if row.mu >= 1]

    def view(self, query: Mapping[str, str]) -> View:
        """Return the view of a link; what it does not say, or says wrongly, is as at home."""
        first = next(iter(self.maps.values()))
        return self.maps.get(query.get("map", ""), first).home().read(query)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the picture of a map depends on: its cells, but not where among them the point is."""

    map: str
    others: tuple[tuple[str, float], ...]
    step: tuple[str, str]
    window: Window
    colour: str

    @classmethod
    def of(cls, view: View) -> "Shown":
        """Return what a view shows."""
        others = [(name, x) for name, x in view.point.items() if name not in view.axes]
        law = view.law if view.step in MODELS else ""
        return cls(view.map, tuple(others), (view.step, law), view.window, view.colour)


class Session:
    """The page of one visitor."""

    def __init__(self, document: Document, library: Library, view: View) -> None:
        self.document, self.library, self.view = document, library, view
        self.chart, self.pictures, self.bridge = Chart(), Pictures(), Bridge()
        self.serial, self.gone = 0, False
        self.asked: set[str] = set()  # laws that this map's visitor has had, by a link as well
        self.shown: Shown | None = None
        self.sought: Shown | None = None  # what is computed, or has been
        self.grid: window.Grid | None = None
        for root in (self.chart.figure, *self.pictures.figures.values()):
            document.add_root(root)
        self.chart.figure.tags = [self.bridge]  # what no root refers to does not reach the page
        start = CustomJS(args={"bridge": self.bridge, "map": self.chart.figure}, code=_START)
        document.js_on_event("document_ready", start)
        for event, reacts in _EVENTS.items():
            self.chart.figure.js_on_event(event, CustomJS(code=reacts))
        document.on_session_destroyed(self._leave)
        self.bridge.on_change("asked", self._receive)
        self.show(view)

    @property
    def map(self) -> Map:
        """The map that is looked at."""
        return self.library.maps[self.view.map]

    def _receive(self, _: str, __: str, text: str) -> None:
        message = json.loads(text)
        if message.get("kind") == "drag":
            moves = message.get("value") == "move"
            self.chart.figure.toolbar.active_drag = self.chart.moves if moves else self.chart.boxes
        if message.get("kind") == "map" and message.get("name") in self.library.maps:
            self.asked.clear()
            self.show(self.library.maps[message["name"]].home(), message.get("serial", 0))
        else:
            self.show(after(self.view, message, self.map), message.get("serial", 0))

    def show(self, view: View, serial: int = 0) -> None:
        """Show a view; `serial` is the number of the message that led to it."""
        self.view = view
        found, task = self.map, self.map.task(view)
        self.document.hold("combine")
        if (now := Shown.of(view)) != self.shown:
            self._show_map(found, view, now)
        self.chart.point(view.point[found.x], view.point[found.y])
        computed = cell.answer(task, view.point)
        self.pictures.show(view, computed)
        self.bridge.told = json.dumps({"serial": serial, **self._told(view, computed)})
        self.document.unhold()

    def _told(self, view: View, computed: cell.Cell) -> dict[str, Any]:
        found = self.map
        pictures = {name: told.picture(name, computed) for name in PICTURES}
        return {
            "headline": told.headline(view, computed),
            "colour": style.COLOURS[computed.regime],
            "agreement": told.agreement(computed, found.recorded(view)),
            "rows": rows.rows(view, computed),
            "verdict": verdict.verdict(view),
            "pictures": pictures,
            "handles": self._handles(view),
            "choices": {"map": view.map, **{name: getattr(view, name) for name in CHOICES}},
            "maps": list(self.library.maps),
            "key": told.key(found, view),
            "bar": colours.bar(view.colour),
            "legend": told.legend(view),
            "query": view.query(),
            "milliseconds": round(1000 * computed.seconds, 1),
        }

    def _handles(self, view: View) -> list[dict[str, Any]]:
        """List the sliders: names, values and spans."""
        found, barred, mine = self.map, told.barred(view), []
        self.asked |= {name for name in RIVALS if view.point[name] > 0.0}
        for name, value in view.point.items():
            if name in RIVALS and name not in self.asked.union(found.rivals):
                continue
            (low, high), reason = _span(found, name), barred.get(name, "")
            mine.append({"name": name, "value": value, "low": low, "high": high, "reason": reason})
        most = _span(found, "mu")[1] * view.rate / view.point["mu"]
        mine.append({"name": "rate", "value": view.rate, "low": 0.0, "high": most})
        mine.append({"name": "factor", "value": view.factor})
        mine.append({"name": "target", "value": view.target})
        return mine

    # The map

    def _show_map(self, found: Map, view: View, now: Shown) -> None:
        """Show other cells, another window or colours, and have finer cells computed if they help.

        What is computed has all colours, so that other ones need no more of it.
        """
        before, self.shown = self.shown, now
        if before is None or replace(before, window=now.window) != now:
            self.chart.show_dataset(found, view)
        if before is not None and before.map != now.map:
            self.grid = None
        self.chart.show(found, view, self.library.thresholds)
        sought = replace(now, colour="")
        if not is_finer(found, view):
            self.serial, self.sought, self.grid = self.serial + 1, None, None
            self.bridge.map = told.of_dataset(found, view)
        elif sought != self.sought:
            self.serial, self.sought = self.serial + 1, sought
            self.bridge.map = "Computing the cells in sight …"
            work = self.library.workers.submit(self._refine, found, view, self.serial)
            work.add_done_callback(_tell_failure)
        if self.grid is None or (before is not None and before.colour != now.colour):
            self.chart.show_grid(self.grid, view)  # else the last one stays until the next

    def _refine(self, found: Map, view: View, serial: int) -> None:
        """Compute a window round by round, in a thread, and hand each over to the page."""
        waits, rounds = window.Patience(lambda: self.serial != serial), window.rounds(found.lengths)
        axes, listed = (found.x, found.y), list(rounds)
        for number, round_ in enumerate(listed, 1):
            over = partial(waits.is_over, number == 1)
            grid = window.compute(found.task(view), axes, view.point, view.window, round_, over)
            if grid is None:
                self._later(partial(self._leave_it, serial), serial)
                return
            words = told.of_grid(grid, found.lengths, more=number < len(listed))
            self._later(partial(self._refined, grid, words, serial), serial)

    def _later(self, callback: Any, serial: int) -> None:
        if not self.gone and self.serial == serial:
            self.document.add_next_tick_callback(callback)

    def _refined(self, grid: window.Grid, words: str, serial: int) -> None:
        if self.serial == serial:
            self.grid = grid
            self.chart.show_grid(grid, self.view)
            self.bridge.map = words

    def _leave_it(self, serial: int) -> None:
        if self.serial == serial:
            words = self.bridge.map.removesuffix("; more to come …")
            self.bridge.map = f"{words}; longer runs were given up, they would take too long."

    def _leave(self, _: Any) -> None:
        self.gone, self.serial = True, self.serial + 1


def _span(found: Map, name: str) -> tuple[float, float]:
    """Return the ends of a slider, between which are all values of the dataset."""
    low, high = _SPANS.get(name, _ANY)
    if name not in found.dataset.coords:
        return low, high
    values = found.dataset[name].values
    return min(low, float(values.min())), max(high, float(values.max()))


def _tell_failure(work: Future[None]) -> None:
    """Say an error of a thread, which nobody waits for."""
    if not work.cancelled() and (error := work.exception()) is not None:
        log.error("a window could not be computed", exc_info=error)
