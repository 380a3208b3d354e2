"""The answer to a question about a learning rate, and how to ask it."""

from dataclasses import dataclass
from typing import Any, Final

from lt2f.advice.attractor import attractor, neighbours
from lt2f.advice.chances import under_noise
from lt2f.advice.checks import AdviceError
from lt2f.advice.findings import Findings
from lt2f.advice.question import Question, ask
from lt2f.advice.start import limits, outcome
from lt2f.advice.text import page

__all__ = ["Advice", "AdviceError", "advise"]

_BLOCK: Final = (
    "two trainable factors (exact for the scalar and the matrix model; for the full one only if "
    "the parts of its value and key-query vectors that the prompt sees lie in one eigenspace)"
)


@dataclass(frozen=True, slots=True)
class Advice(Findings):
    """The findings; printed, they are a page of at most 80 columns and 40 lines."""

    def __str__(self) -> str:
        return page(self)


def advise(learning_rate: float, **asked: Any) -> Advice:
    """Tell what a learning rate will do.

    Parameters
    ----------
    learning_rate
        Step size eta of gradient descent.
    **asked
        * `factor` and `target`: the prediction is factor u w and learns the target. Or
          `sharpness`, of the loss at its flattest (balanced) minimum. Or `prompt`, a file or a
          prompt, with `reduction`: scalar or matrix, the model that reads it, or full.
        * the start, if any: `start` = (u, w); or `a` and `b`, or `imbalance` and `product`, in the
          units of the map, where ab = mu is a minimum and a^2 + b^2 is eta times the sharpness;
          or the transformer's own `parameters` (value, key_query), which the full model needs.
        * `noise` of mini-batches, if any: the standard deviation of the step size's multiplier
          (`model` multiplicative) or of mu (`model` target), its `law` two_point, uniform or
          normal, and how many `realizations` to try from a `seed`.

    Raises
    ------
    AdviceError
        If an argument is not allowed: its name, its value and what is.
    """
    question = ask(learning_rate, **asked)
    eta, mu, known = question.learning_rate, question.mu, question.start is not None
    return Advice(
        question=question,
        mu=mu,
        converges=eta / mu,
        bounded=2.0 * eta / mu,
        attractor=attractor(mu),
        neighbours=neighbours(mu, eta),
        outcome=outcome(question) if known else None,
        limits=limits(question) if known else None,
        under_noise=under_noise(question) if question.noise else None,
        assumed=_assumed(question),
    )


def _assumed(question: Question) -> tuple[str, ...]:
    batches = "mini-batches drawn independently" if question.noise else "full batch"
    return ("one prompt", f"plain gradient descent, no momentum, {batches}", _BLOCK)
