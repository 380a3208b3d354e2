"""Laws of the step that no room of the explorer has heard of, and what the page says of them.

A program of its own: the list has to be longer before anything else is imported. It prints, by the
name of each law, what the page tells at a point, as JSON.
"""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from lt2f.dynamics.steps import STEPS, Line, Step


class Quartic(Step):
    """A loss whose minima are those of the map."""

    name, words, plain, symbol = "quartic", "quartic part of the loss", "β", r"$\beta$"
    formula = "l = e^2/2 + s e^4/4"
    power = -2.0
    lines = (
        *Step.lines,
        Line(r"$\beta=2-\mu$: nothing", ":", lambda m, s: s + m - 2.0),
        Line("far off", "loosely dashed", lambda m, s: s + m - 99.0),
    )

    @staticmethod
    def derivatives(e: Any, s: Any) -> tuple[Any, Any, Any]:
        """Return e + s e^3 and what follows."""
        return e + s * e**3, 1.0 + 3.0 * s * e * e, 6.0 * s * e

    @staticmethod
    def loss(e: Any, norm: Any, s: Any) -> Any:
        """Return e^2/2 + s e^4/4."""
        return e * e / 2.0 + s * e**4 / 4.0


class Shrinking(Step):
    """A law that moves the minima."""

    name, words, plain, symbol = "shrinking", "loss of weight", "γ", r"$\gamma$"
    formula = "weights shrink by 2 s"
    below, power, fits, lines = 0.5, 1.0, False, ()

    @staticmethod
    def kept(s: Any) -> Any:
        """Return 1 - 2 s."""
        return 1.0 - 2.0 * s


STEPS.update({law.name: law for law in (Quartic(), Shrinking())})

from lt2f.dynamics.codes import Regime  # noqa: E402
from lt2f.explore import exact, rows, told, verdict  # noqa: E402
from lt2f.explore.cell import Cell, Orbit  # noqa: E402
from lt2f.explore.view import View  # noqa: E402

MU, STRENGTH = 0.8, 0.25
HOME: dict[str, float] = {
    "mu": MU, "a": 1.2, "b": 0.4, "noise": 0.0, "realization": 0.0, **dict.fromkeys(STEPS, 0.0),
}  # fmt: skip


def orbit(law: Step, steps: int) -> Orbit:
    """Follow the law by a plain loop."""
    path, (a, b) = [], (HOME["a"], HOME["b"])
    for _ in range(steps):
        path.append((a, b))
        r, q = law.derivatives(a * b - MU, STRENGTH)[0], law.kept(STRENGTH)
        a, b = q * a - r * b, q * b - r * a
    x, y = np.array(path).T
    return Orbit(x, y, x * y - MU, x * x + y * y, MU, law, STRENGTH)


def answers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is told at rest under each of the laws."""
    for law in (STEPS["quartic"], STEPS["shrinking"]):
        view = View(law.name, HOME, (0, 2, 0, 0.4), axes=("mu", law.name)).at(
            **{law.name: STRENGTH}
        )
        path = orbit(law, 300)
        found = dict.fromkeys(["lyapunov", "lyapunov_error"], np.zeros(2)) | dict.fromkeys(
            ["transverse_lyapunov", "transverse_lyapunov_error", "sharpness_error", "loss_mean",
             "loss_mean_error", "imbalance_final", "loss_peak_ratio", "steps", "period",
             "residual_period"], np.zeros(1),
        )  # fmt: skip
        found |= {"regime": np.array(Regime.MONOTONE), "decided_by": np.array(0)}
        found["sharpness"] = path.sharpness[-1:]
        cell = Cell(found, path, path, 0.0)
        curves = dict(zip(exact.COLUMNS, exact.curves(MU, *view.descent), strict=True))
        yield (
            law.name,
            {
                "view": dict(view.point),
                "doubled": dict(view.at_rate(2 * view.rate).point),
                "read": view.read({"noise": "0.1", law.name: "0.3"}).query(),
                "headline": told.headline(view, cell),
                "legend": told.legend(view),
                "barred": told.barred(view),
                "label": told.LABELS[law.name],
                "pictures": [told.picture(name, cell) for name in ("loss", "portrait", "cobweb")],
                "key": told.key(SimpleNamespace(x="mu", y=law.name), view),
                "rows": {name: theory for name, _, theory in rows.rows(view, cell)},
                "verdict": dict(verdict.verdict(view)),
                "web": [curves["x"].tolist(), curves["next"].tolist()],
                "drawn": [name for name, x in curves.items() if np.isfinite(x).any()],
            },
        )


if __name__ == "__main__":
    print(json.dumps(dict(answers())))
