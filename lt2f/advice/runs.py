"""What one run did, be it an orbit of the map or a training of the model itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lt2f.dynamics.codes import DecidedBy, Regime


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did within `tried_steps`, in the units of the question (`scaled`: of the map)."""

    regime: Regime
    decided_by: DecidedBy
    period: int
    steps: int
    tried_steps: int
    sharpness: float
    scaled_sharpness: float
    loss_peak_ratio: float
    exponent: float
    exponent_error: float


def read(
    found: Mapping[str, NDArray[Any]], eta: float, tried_steps: int, period: str = "period"
) -> dict[str, Any]:
    """Read the first of several runs, at learning rate eta: the fields of a `Run`."""
    return {
        "regime": Regime(int(found["regime"][0])),
        "decided_by": DecidedBy(int(found["decided_by"][0])),
        "period": int(found[period][0]),
        "steps": int(found["steps"][0]),
        "tried_steps": tried_steps,
        "sharpness": float(found["sharpness"][0]) / eta,
        "scaled_sharpness": float(found["sharpness"][0]),
        "loss_peak_ratio": float(found["loss_peak_ratio"][0]),
        "exponent": float(found["lyapunov"][0, 0]),
        "exponent_error": float(found["lyapunov_error"][0, 0]),
    }
