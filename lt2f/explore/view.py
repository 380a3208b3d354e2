"""What a visitor looks at: a point, a window of the map, and units; to and from a link."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args
from urllib.parse import urlencode

from lt2f.dynamics.lanes import Law, Model

Point = Mapping[str, float]
Window = tuple[float, float, float, float]
"""Left, right, lower and upper end."""

MODELS: Final = "multiplicative", "target"
LAWS: Final[tuple[str, ...]] = get_args(Law)
COLOURS: Final = "regime", "residual_period", "lyapunov", "transverse_lyapunov"
"""Variables of a cell that the map may be coloured by."""
CHOICES: Final[dict[str, tuple[str, ...]]] = {"model": MODELS, "law": LAWS, "colour": COLOURS}
REACH: Final = 100.0
"""Largest size of a coordinate of the start."""
RIVALS: Final = {"noise": "decay", "decay": "noise"}
"""What no step has together: the package computes either."""
MEANING: Final = {"mu": (0.0, math.inf), "noise": (0.0, math.inf), "decay": (0.0, 1.0)}
"""Ends of what a window shows, where coordinates do not go on for ever."""
_BOUNDS: Final = {
    "mu": (1e-6, 10.0),
    "noise": (0.0, 10.0),
    "decay": (0.0, math.nextafter(1.0, 0.0)),
    "realization": (0.0, 2.0**53),
}
_SCALES: Final = 1e-9, 1e9  # of the factor c and the target y, but for their signs
_NARROWEST: Final = 1e-9  # side of a window: beyond, columns would share a double soon


@dataclass(frozen=True, slots=True)
class View:
    """One state of the page.

    `point` has mu, the start (imbalance and product, or a and b), the noise's standard deviation
    and the number of its realization, and the weight decay kappa. `axes` are the two that the map
    is over. `factor` c and `target` y give the learning rate its unit.
    """

    map: str
    point: Point
    window: Window
    model: str = "multiplicative"
    law: str = "two_point"
    colour: str = "regime"
    axes: tuple[str, str] = field(default=("mu", "imbalance"), kw_only=True)
    factor: float = field(default=1.0, kw_only=True)
    target: float = field(default=1.0, kw_only=True)

    @property
    def rate(self) -> float:
        """The learning rate, mu/|c y|."""
        return self.point["mu"] / abs(self.factor * self.target)

    @property
    def step(self) -> Model:
        """Law of the steps of the whole map: decay, a model of noise, or neither."""
        if "decay" in self.axes or self.point["decay"] > 0.0:
            return "decay"
        noisy = "noise" in self.axes or self.point["noise"] > 0.0
        return self.model if noisy else "none"

    @property
    def barred(self) -> str | None:
        """Which of noise and decay stays zero, for the steps have the other."""
        return {"none": None, "decay": "noise"}.get(self.step, "decay")

    def at(self, **coordinates: float) -> "View":
        """Move the point; what is out of bounds goes to the bound, what is no number stays.

        So does what is barred, unless what bars it goes as well.
        """
        known = {
            name: bounded(name, value)
            for name, value in coordinates.items()
            if name in self.point and math.isfinite(value)
        }
        point = {**self.point, **known}
        for name, rival in RIVALS.items():
            if self.point[name] == 0.0 and (rival in self.axes or point[rival] > 0.0):
                point[name] = 0.0
        return replace(self, point=point)

    def at_rate(self, rate: float) -> "View":
        """Change the learning rate and keep the weights u and w of the start.

        Derived: mu = eta |c y|, and a and b are sqrt(eta) |c| times u and w, so imbalance and
        product grow as eta does, and so do the decay, eta times the coefficient of the weights,
        and the deviation of a random target, eta c y.
        """
        if not (math.isfinite(rate) and rate > 0.0):
            return self
        ratio = bounded("mu", rate * abs(self.factor * self.target)) / self.point["mu"]
        powers = {"mu": 1.0, "imbalance": 1.0, "product": 1.0, "a": 0.5, "b": 0.5, "decay": 1.0}
        powers["noise"] = 1.0 if self.model == "target" else 0.0
        point = {name: x * ratio ** powers.get(name, 0.0) for name, x in self.point.items()}
        return self.at(**point)

    def seen(self, window: Window) -> "View":
        """Look at another window, as far as it has a meaning; the same if it is not one."""
        left, right, low, high = (
            min(max(end, first), last)
            for name, ends in zip(self.axes, (window[:2], window[2:]), strict=True)
            for first, last in [MEANING.get(name, (-math.inf, math.inf))]
            for end in ends
        )
        sides = right - left, high - low
        if not (all(map(math.isfinite, window)) and min(sides) >= _NARROWEST):
            return self
        return replace(self, window=(left, right, low, high))

    def zoomed(self, ratio: float) -> "View":
        """Look at a window whose sides are `ratio` times as long, around the point."""
        left, right, low, high = self.window
        x0, y0 = (self.point[name] for name in self.axes)
        ends = (left - x0, right - x0, low - y0, high - y0)
        if not (ends[0] <= 0 <= ends[1] and ends[2] <= 0 <= ends[3]):  # around what is seen
            x0, y0 = (left + right) / 2, (low + high) / 2
        around = (x0 + ratio * (left - x0), x0 + ratio * (right - x0))
        return self.seen((*around, y0 + ratio * (low - y0), y0 + ratio * (high - y0)))

    def following(self) -> "View":
        """Move the window along, if the point has left it, so that it is in the middle again."""
        sides = zip(self.axes, (self.window[:2], self.window[2:]), strict=True)
        ends = [end for name, side in sides for end in _around(name, self.point[name], *side)]
        return self.seen((ends[0], ends[1], ends[2], ends[3]))

    def query(self) -> str:
        """Write the view as the query of a link, every number to the last bit."""
        told: dict[str, str] = {"map": self.map}
        told |= {name: repr(value) for name, value in self.point.items()}
        told |= {"window": ",".join(map(repr, self.window)), "model": self.model, "law": self.law}
        told |= {"colour": self.colour}
        told |= {"factor": repr(self.factor), "target": repr(self.target)}
        return urlencode(told, safe=",")

    def read(self, query: Mapping[str, str]) -> "View":
        """Take from a query what it says well; the rest stays as it is here."""
        numbers = {name: x for name, text in query.items() if (x := _number(text)) is not None}
        window = [_number(text) for text in query.get("window", "").split(",")]
        view = self.at(**{name: x for name, x in numbers.items() if name in self.point})
        for name in ("factor", "target"):
            view = view.scaled(name, numbers.get(name, math.nan))
        for name in CHOICES:
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
        """Choose the model or the law of the noise, or what the map is coloured by."""
        if value not in CHOICES.get(name, ()):
            return self
        chosen: dict[str, Any] = {name: value}
        return replace(self, **chosen)


def _around(name: str, at: float, low: float, high: float) -> tuple[float, float]:
    """Return two ends, or as long a side around a value that is beyond them."""
    if low <= at <= high:
        return low, high
    first, _ = MEANING.get(name, (-math.inf, math.inf))
    start = max(at - (high - low) / 2, first)
    return start, start + (high - low)


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
