"""What a message of the page does to the view."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lt2f.dynamics.lanes import Floats
from lt2f.explore import window
from lt2f.explore.atlas import Map
from lt2f.explore.view import View

Message = Mapping[str, Any]


def grid_of(found: Map, view: View) -> tuple[Floats, Floats]:
    """Return the coordinates of the finest cells in sight: the dataset's, or computed ones."""
    if not is_finer(found, view):
        return found.axes[found.x], found.axes[found.y]
    left, right, low, high = view.window
    across, up = window.FINEST
    return window.middles(left, right, across), window.middles(low, high, up)


def is_finer(found: Map, view: View) -> bool:
    """Tell whether a window shows more when it is computed than in the dataset."""
    if not found.has(view):
        return True
    for name, ends, count in (
        (found.x, view.window[:2], window.FINEST[0]),
        (found.y, view.window[2:], window.FINEST[1]),
    ):
        values = found.axes[name]
        if (ends[1] - ends[0]) / (values[1] - values[0]) < count - 1:
            return bool(view.window != found.whole)
    return False


def after(view: View, message: Message, found: Map) -> View:
    """Return the view after a message of the page; the same if it means nothing."""
    x, y = found.x, found.y
    match message:
        case {"kind": "point", "x": float() | int() as at, "y": float() | int() as up}:
            xs, ys = grid_of(found, view)
            return view.at(**{x: _nearest(xs, at), y: _nearest(ys, up)})
        case {"kind": "move", "dx": int() as dx, "dy": int() as dy}:
            xs, ys = grid_of(found, view)
            moved = {x: _beside(xs, view.point[x], dx), y: _beside(ys, view.point[y], dy)}
            return view.at(**moved).following()
        case {"kind": "set", "name": "rate", "value": float() | int() as value}:
            return _followed(view, view.at_rate(value))
        case {"kind": "set", "name": "factor" | "target" as name, "value": float() | int() as size}:
            return view.scaled(name, size)
        case {"kind": "set", "name": str() as name, "value": float() | int() as value}:
            return _followed(view, view.at(**{name: value}))
        case {"kind": "choose", "name": str() as name, "value": str() as word}:
            return view.chosen(name, word)
        case {"kind": "zoom", "by": float() | int() as ratio} if ratio > 0:
            return view.zoomed(ratio)
        case {"kind": "window", "ends": [*ends]} if _are_numbers(ends):
            left, right, low, high = ends
            return view.seen((left, right, low, high))
        case {"kind": "whole"}:
            return view.seen(found.whole)
        case {"kind": "home"}:
            return found.home()
    return view


def _followed(before: View, view: View) -> View:
    """Take the window along if the point has moved in the map; else what is in sight stays."""
    moved = any(before.point[name] != view.point[name] for name in view.axes)
    return view.following() if moved else view


def _are_numbers(ends: list[Any]) -> bool:
    return len(ends) == 4 and all(isinstance(end, float | int) for end in ends)


def _nearest(values: Floats, value: float) -> float:
    return float(values[np.abs(values - value).argmin()])


def _beside(values: Floats, value: float, steps: int) -> float:
    """Return the value some steps along; as if the cells went on where they end."""
    if not steps:
        return value
    here = int(np.abs(values - value).argmin()) + steps
    if 0 <= here < values.size:
        return float(values[here])
    return value + steps * float(values[1] - values[0])
