"""What a visitor looks at: a point, a window of the map, and units; to and from a link."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args
from urllib.parse import urlencode

from lt2f.dynamics.lanes import Law, Model
from lt2f.dynamics.steps import MAP, STEPS, Step

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
RIVALS: Final = "noise", *STEPS
"""What no step has two of: the package computes one."""
MEANING: Final = {
    "mu": (0.0, math.inf),
    "noise": (0.0, math.inf),
    **{name: (0.0, law.below) for name, law in STEPS.items()},
}
"""Ends of what a window shows, where coordinates do not go on for ever."""
_STRONGEST: Final = 1e6  # of a law whose strengths go on for ever
_BOUNDS: Final = {
    "mu": (1e-6, REACH),  # under some losses runs last at any step size
    "noise": (0.0, 10.0),
    **{name: (0.0, min(math.nextafter(law.below, 0.0), _STRONGEST)) for name, law in STEPS.items()},
    "realization": (0.0, 2.0**53),
}
_SCALES: Final = 1e-9, 1e9  # of the factor c and the target y, but for their signs
_NARROWEST: Final = 1e-9  # side of a window: beyond, columns would share a double soon


@dataclass(frozen=True, slots=True)
class View:
    """One state of the page.

    `point` has mu, the start (imbalance and product, or a and b), the noise's standard deviation
    and the number of its realization, and the strength of every law of the step. `axes` are the two
    that the map is over. `factor` c and `target` y give the learning rate its unit.
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
        """Law of the steps of the whole map: one of `STEPS`, a model of noise, or none."""
        rival = self.rival
        return {None: "none", "noise": self.model}.get(rival, rival or "none")

    @property
    def rival(self) -> str | None:
        """Which of noise and the laws of the step the map has; all others stay zero."""
        some = (name for name in RIVALS if name in self.axes or self.point[name] > 0.0)
        return next(some, None)

    @property
    def descent(self) -> tuple[Step, float]:
        """Law of the step at the point, and its strength; without one, noisy or not, the map's."""
        law = STEPS.get(self.step, MAP)
        strength = self.point.get(law.name, 0.0)
        return (law, strength) if strength > 0.0 else (MAP, 0.0)

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
        for name in RIVALS:
            others = (other for other in RIVALS if other != name)
            if self.point[name] == 0.0 and any(x in self.axes or point[x] > 0.0 for x in others):
                point[name] = 0.0
        return replace(self, point=point)

    def at_rate(self, rate: float) -> "View":
        """Change the learning rate and keep the weights u and w of the start.

        Derived: mu = eta |c y|, and a and b are sqrt(eta) |c| times u and w, so imbalance and
        product grow as eta does, and so does the deviation of a random target, eta c y. Of another
        law of the step it is a property how its strength does (`Step.power`).
        """
        if not (math.isfinite(rate) and rate > 0.0):
            return self
        ratio = bounded("mu", rate * abs(self.factor * self.target)) / self.point["mu"]
        powers = {"mu": 1.0, "imbalance": 1.0, "product": 1.0, "a": 0.5, "b": 0.5}
        powers |= {name: law.power for name, law in STEPS.items()}
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
