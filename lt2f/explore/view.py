"""What a visitor looks at: a point, a window of the map, and units; to and from a link."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, get_args
from urllib.parse import urlencode

from lt2f.dynamics.lanes import Law

Point = Mapping[str, float]
Window = tuple[float, float, float, float]
"""Left, right, lower and upper end."""

MODELS: Final = "multiplicative", "target"
LAWS: Final[tuple[str, ...]] = get_args(Law)
REACH: Final = 100.0
"""Largest size of a coordinate of the start."""
_BOUNDS: Final = {"mu": (1e-6, 10.0), "noise": (0.0, 10.0), "realization": (0.0, 2.0**53)}
_SCALES: Final = 1e-9, 1e9  # of the factor c and the target y, but for their signs
_NARROWEST: Final = 1e-9  # side of a window: beyond, columns would share a double soon


@dataclass(frozen=True, slots=True)
class View:
    """One state of the page.

    `point` has mu, the start (imbalance and product, or a and b), the noise's standard deviation
    and the number of its realization. `factor` c and `target` y give the learning rate its unit.
    """

    map: str
    point: Point
    window: Window
    model: str = "multiplicative"
    law: str = "two_point"
    factor: float = field(default=1.0, kw_only=True)
    target: float = field(default=1.0, kw_only=True)

    @property
    def rate(self) -> float:
        """The learning rate, mu/|c y|."""
        return self.point["mu"] / abs(self.factor * self.target)

    def at(self, **coordinates: float) -> "View":
        """Move the point; what is out of bounds goes to the bound, what is no number stays."""
        known = {
            name: bounded(name, value)
            for name, value in coordinates.items()
            if name in self.point and math.isfinite(value)
        }
        return replace(self, point={**self.point, **known})

    def at_rate(self, rate: float) -> "View":
        """Change the learning rate and keep the weights u and w of the start.

        Derived: mu = eta |c y|, and a and b are sqrt(eta) |c| times u and w, so imbalance and
        product grow as eta does, and so does the deviation of a random target, eta c y.
        """
        if not (math.isfinite(rate) and rate > 0.0):
            return self
        ratio = bounded("mu", rate * abs(self.factor * self.target)) / self.point["mu"]
        powers = {"mu": 1.0, "imbalance": 1.0, "product": 1.0, "a": 0.5, "b": 0.5}
        powers["noise"] = 1.0 if self.model == "target" else 0.0
        point = {name: x * ratio ** powers.get(name, 0.0) for name, x in self.point.items()}
        return self.at(**point)

    def seen(self, window: Window) -> "View":
        """Look at another window; the same if it is not one."""
        left, right, low, high = window
        sides = right - left, high - low
        if not (all(map(math.isfinite, window)) and min(sides) >= _NARROWEST):
            return self
        return replace(self, window=window)

    def zoomed(self, ratio: float, x: str, y: str) -> "View":
        """Look at a window whose sides are `ratio` times as long, around the point."""
        (left, right, low, high), at = self.window, self.point
        x0, y0 = at[x], at[y]
        ends = (left - x0, right - x0, low - y0, high - y0)
        if not (ends[0] <= 0 <= ends[1] and ends[2] <= 0 <= ends[3]):  # around what is seen
            x0, y0 = (left + right) / 2, (low + high) / 2
        around = (x0 + ratio * (left - x0), x0 + ratio * (right - x0))
        return self.seen((*around, y0 + ratio * (low - y0), y0 + ratio * (high - y0)))

    def following(self, x: str, y: str) -> "View":
        """Move the window along, if the point has left it, so that it is in the middle again."""
        left, right, low, high = self.window
        at = self.point[x], self.point[y]
        if not left <= at[0] <= right:
            left, right = at[0] - (right - left) / 2, at[0] + (right - left) / 2
        if not low <= at[1] <= high:
            low, high = at[1] - (high - low) / 2, at[1] + (high - low) / 2
        return replace(self, window=(left, right, low, high))

    def query(self) -> str:
        """Write the view as the query of a link, every number to the last bit."""
        told: dict[str, str] = {"map": self.map}
        told |= {name: repr(value) for name, value in self.point.items()}
        told |= {"window": ",".join(map(repr, self.window)), "model": self.model, "law": self.law}
        told |= {"factor": repr(self.factor), "target": repr(self.target)}
        return urlencode(told, safe=",")

    def read(self, query: Mapping[str, str]) -> "View":
        """Take from a query what it says well; the rest stays as it is here."""
        numbers = {name: x for name, text in query.items() if (x := _number(text)) is not None}
        window = [_number(text) for text in query.get("window", "").split(",")]
        view = self.at(**{name: x for name, x in numbers.items() if name in self.point})
        for name in ("factor", "target"):
            view = view.scaled(name, numbers.get(name, math.nan))
        for name in ("model", "law"):
            view = view.chosen(name, query.get(name, ""))
        if len(window) == 4 and None not in window:
            left, right, low, high = (x for x in window if x is not None)
            view = view.seen((left, right, low, high))
        return view

    def scaled(self, name: str, value: float) -> "View":
        """Change the factor c or the target y; zero and what is no number change nothing."""
        if not _SCALES[0] <= abs(value) <= _SCALES[1]:
            return self
        return replace(self, factor=value) if name == "factor" else replace(self, target=value)

    def chosen(self, name: str, value: str) -> "View":
        """Choose the model or the law of the noise."""
        if name == "model" and value in MODELS:
            return replace(self, model=value)
        if name == "law" and value in LAWS:
            return replace(self, law=value)
        return self


def bounded(name: str, value: float) -> float:
    """Bring a coordinate within its bounds; realizations are whole."""
    low, high = _BOUNDS.get(name, (-REACH, REACH))
    within = min(max(value, low), high)
    return float(round(within)) if name == "realization" else within


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
