"""What every variable of a dataset is: one table of types, dimensions and meanings.

Descriptions are written for a reader who knows the paper and nothing of this program.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lt2f.dynamics.codes import Branch, DecidedBy, Regime
from lt2f.dynamics.steps import STEPS


@dataclass(frozen=True, slots=True)
class Variable:
    """Type, extra dimension beside the axes, and CF attributes of a variable."""

    dtype: str
    long_name: str
    comment: str = ""
    extra: str = ""  # name of the last dimension, where there is one more than the axes
    attributes: dict[str, Any] = field(default_factory=dict)

    def cf(self) -> dict[str, Any]:
        """CF attributes in the order in which a reader wants them."""
        comment = {"comment": self.comment} if self.comment else {}
        return {"long_name": self.long_name, "units": "1", **comment, **self.attributes}


def _flags(codes: type[Regime | DecidedBy | Branch], dtype: type = np.uint8) -> dict[str, Any]:
    return {
        "flag_values": np.array([code.value for code in codes], dtype=dtype),
        "flag_meanings": " ".join(code.name.lower() for code in codes),
    }


def _error(of: str, extra: str = "") -> Variable:
    source = "from averages over blocks of measured steps; rounding alone on minima and cycles"
    return Variable("f8", f"standard error of {of}", source, extra)


_COORDINATES = {
    "mu": (
        "effective step size mu",
        "step size eta times |c y_q|, for a loss of curvature one in c u w - y_q; a and b are "
        "sqrt(eta) |c| times u and w",
    ),
    "step_size": (
        "step size eta of gradient descent",
        "for the loss (prediction - y)^2 / 2 of one prompt",
    ),
    "imbalance": ("imbalance of the start, a0^2 - b0^2", ""),
    "product": ("product of the start, a0 b0", ""),
    "a": ("first factor of the start", ""),
    "b": ("second factor of the start", ""),
    "perturbation": ("displacement of the start in b", "the start is (a, b + perturbation)"),
    "noise": ("standard deviation of the noise", "of the multipliers h, or of the target m"),
    "batch_size": ("prompts in a mini-batch", "drawn afresh from the pool at every step"),
    **{name: (law.words, law.formula) for name, law in STEPS.items()},
    "realization": (
        "realization of what is random",
        "one mini-batch order, one start angle on the ellipse, or one prompt, the same for every "
        "cell",
    ),
    "outcome": ("regime of training", ""),
    "exponent": ("rank of the Lyapunov exponent, 1 the largest", ""),
    "weight": ("weight of the model, 1 is a and 2 is b", ""),
    "sample": ("step after the transient", ""),
    "step": ("step of gradient descent", ""),
}
_WHOLE = ("batch_size", "realization", "outcome", "exponent", "weight", "sample", "step")
COORDINATES = {
    name: Variable(
        "i8" if name in _WHOLE else "f8",
        *text,
        attributes=_flags(Regime, np.int64) if name == "outcome" else {},
    )
    for name, text in _COORDINATES.items()
}
for _name in ("imbalance", "product", "a", "b"):
    COORDINATES[f"{_name}_start"] = COORDINATES[_name]

VARIABLES = {
    "regime": Variable(
        "u1",
        "regime of training",
        "monotone and catapult: converges to a stable minimum, without and with a step at which "
        "the loss rises; bounded_noise: noise keeps it moving, but nearby runs come together; "
        "collapsed: to a = b = 0",
        attributes=_flags(Regime),
    ),
    "decided_by": Variable(
        "u1",
        "evidence for the regime",
        "theorem: from the start alone; cycle: refined and its multipliers below one; measurement: "
        "the run itself; inferred: from another cell with the same mu",
        attributes=_flags(DecidedBy),
    ),
    "period": Variable(
        "i4",
        "least number of steps after which (a, b) returns",
        "1 where training converges, 0 where nothing repeats",
    ),
    "residual_period": Variable(
        "i4",
        "least number of steps after which the residual ab - mu returns",
        "differs from period where the orbit returns with both signs flipped",
    ),
    "lyapunov": Variable(
        "f8",
        "Lyapunov exponents",
        "nats per step, the larger first; -infinity on a superstable cycle",
        extra="exponent",
    ),
    "lyapunov_error": _error("lyapunov", extra="exponent"),
    "transverse_lyapunov": Variable(
        "f8",
        "transverse Lyapunov exponent",
        "nats per step, the rate at which a - b grows: mean of log|(a' - b')/(a - b)| from step to "
        "step, on the squared loss that of log|1 + ab - mu|",
    ),
    "transverse_lyapunov_error": _error("transverse_lyapunov"),
    "steps": Variable(
        "i8",
        "steps until the loss settled or the orbit escaped",
        "first step from which (ab - mu)^2 stays <= 1e-24, or at which a^2 + b^2 > 1e6; -1 where "
        "neither happened",
    ),
    "imbalance_final": Variable("f8", "imbalance a^2 - b^2 at the end", "NaN where it diverges"),
    "sharpness": Variable(
        "f8",
        "mean of a^2 + b^2 over the measured steps",
        "step size times sharpness at a minimum, where the edge of stability is 2",
    ),
    "sharpness_error": _error("sharpness"),
    "loss_mean": Variable(
        "f8", "mean of the loss (ab - mu)^2 / 2 over the measured steps", "NaN where it diverges"
    ),
    "loss_mean_error": _error("loss_mean"),
    "loss_peak_ratio": Variable(
        "f8",
        "largest loss over the first one",
        "infinite where it diverges, NaN where the first loss is zero to rounding",
    ),
    "invariance_error": Variable(
        "f8",
        "largest distance from the ellipse after one step from a point on it",
        "|a^2 + b^2 - mu a b - (4 - mu^2)| / (4 - mu^2) over all steps; rounding alone",
    ),
    "conjugacy_error": Variable(
        "f8",
        "largest distance in the (a, b) plane between the image of a point on the ellipse and the "
        "point at the next angle",
        "the angle phi in turns, (a, b) = (U + V, U - V) with U = sqrt(2 + mu) cos(2 pi phi), V = "
        "sqrt(2 - mu) sin(2 pi phi), steps to 1/2 - 3 phi; rounding alone",
    ),
    "weights_mean": Variable(
        "f8",
        "means of a and b over the measured steps",
        "the averaged iterate, whose residual is a b - mu of these two; zero where an orbit "
        "visits (a, b) and (-a, -b) alike; NaN where it diverges",
        extra="weight",
    ),
    "weights_mean_error": _error("weights_mean", extra="weight"),
    "branch": Variable(
        "u1",
        "branch of the minima ab = mu where it ends",
        "the sign of a + b there; none where no minimum was reached",
        attributes=_flags(Branch),
    ),
    "regime_count": Variable(
        "i8",
        "number of realizations that end in each regime",
        "its sum over outcome is the number of realizations",
        extra="outcome",
    ),
    "residual": Variable("f8", "residual ab - mu", "NaN once it has diverged", extra="sample"),
}
# What is said of a variable on the ellipse in the place of the above.
ELLIPSE = {
    "lyapunov": replace(
        VARIABLES["lyapunov"],
        long_name="Lyapunov exponents on the ellipse a^2 + b^2 - mu a b = 4 - mu^2",
        comment="nats per step, the larger first: 1 along the ellipse, 2 across it, the rate at "
        "which a neighbour leaves",
    )
}
_MAP = "what (a, b) -> (a - (ab - mu) b, b - (ab - mu) a) says of this cell, not the model itself"
_NEW = (
    "mean squared error of the prediction on 256 new prompts{}; predicting zero costs the variance "
    "of the target, 1 on the average over tasks; NaN where it diverges"
)
VARIABLES |= {
    "effective_step_size": Variable(
        "f8",
        "effective step size mu of this step size and prompt",
        "eta |c y|; of the full model that of its nearest two-factor block at the start",
    ),
    "residual_error": Variable(
        "f8",
        "largest distance of the model's residual from the map's in the first 64 steps",
        "rounding, and what chaos makes of it; NaN where it escapes by then",
    ),
    "departure": Variable(
        "f8",
        "departure of the start from a two-factor model",
        "standard deviation over mean of the couplings that share the prediction; 0 is the map",
    ),
    "fresh_error": Variable(
        "f8", "error on fresh tasks of the last iterate", _NEW.format(", each of a new task")
    ),
    "fresh_error_mean": Variable(
        "f8",
        "error on fresh tasks, mean over the last 240 iterates",
        _NEW.format(", each of a new task"),
    ),
    "fresh_error_averaged": Variable(
        "f8",
        "error on fresh tasks of the mean weights of the last 240 iterates",
        _NEW.format(", each of a new task"),
    ),
    "same_task_error": Variable(
        "f8",
        "error on new examples and queries of the task trained on, of the last iterate",
        _NEW.format(" of this task"),
    ),
    "map_regime": Variable(
        "u1", "regime of training that the map forecasts", _MAP, attributes=_flags(Regime)
    ),
    "map_residual_period": Variable(
        "i4", "period of the residual that the map forecasts", f"0 where there is none; {_MAP}"
    ),
    "map_lyapunov": Variable(
        "f8", "Lyapunov exponents that the map forecasts", _MAP, extra="exponent"
    ),
    "map_lyapunov_error": _error("map_lyapunov", extra="exponent"),
    "map_residual": Variable("f8", "residual ab - mu that the map forecasts", _MAP, "sample"),
}
for _name in ("fresh_error", "fresh_error_mean", "fresh_error_averaged", "same_task_error"):
    VARIABLES[f"{_name}_error"] = Variable(
        "f8", f"standard error of {_name}", "over the new prompts"
    )
_LEFT = "NaN once it has diverged"
# What orbits and trajectories hold.
PATHS = {
    "trajectory": {
        "loss": Variable("f8", "loss (ab - mu)^2 / 2", _LEFT, "step"),
        "sharpness": Variable(
            "f8", "a^2 + b^2, at a minimum step size times sharpness", _LEFT, "step"
        ),
        "imbalance": Variable("f8", "imbalance a^2 - b^2", _LEFT, "step"),
    },
    "orbit": {
        "residual": VARIABLES["residual"],
        "imbalance": Variable("f8", "imbalance a^2 - b^2", _LEFT, "sample"),
    },
}
for _paths in PATHS.values():  # the name where imbalance is an axis of the starts
    _paths["imbalance_path"] = _paths["imbalance"]
