"""The answer to a question about a learning rate, and how to ask it."""

from dataclasses import dataclass
from typing import Final, Unpack

from lt2f.advice.attractor import attractor, neighbours, rungs
from lt2f.advice.checks import AdviceError
from lt2f.advice.descent import train
from lt2f.advice.findings import Findings, Ladder
from lt2f.advice.question import Asked, Question, ask
from lt2f.advice.start import limits, outcome
from lt2f.advice.text import page
from lt2f.advice.under_noise import under_noise

__all__ = ["Advice", "AdviceError", "advise"]

_TWO_FACTORS: Final = (
    "two trainable factors (exact for the scalar and the matrix model; for the full one only if "
    "the parts of its value and key-query vectors that the prompt sees lie in one eigenspace)"
)
_POOL: Final = "the scalar model (in the matrix model prompts move different directions)"
_FULL: Final = (
    "all weights trained; the map is exact if the vectors that the prompt sees lie in one "
    "eigenspace of its tokens' mean outer product, else it stands for the nearest two-factor "
    "block; beyond mu = 1 rounding alone can lead away from it"
)


@dataclass(frozen=True, slots=True, repr=False)
class Advice(Findings):
    """The findings; printed, they are a page of at most 96 columns and 40 lines."""

    def __str__(self) -> str:
        return page(self)

    def __repr__(self) -> str:
        """One line: what was asked, mu, where almost every bounded start ends, and this one."""
        start = "" if self.outcome is None else f", this start: {self.outcome.regime.name.lower()}"
        said = f"{self.question.said}; mu = {self.mu:.6g}, {self.attractor.ending}"
        return f"<Advice: {said}{start}>"


def advise(learning_rate: float, **asked: Unpack[Asked]) -> Advice:
    """Tell what a learning rate will do.

    The loss is (c u w - y)^2/2, with a factor c, a target y and trainable u and w, and a step of
    gradient descent with learning rate eta is the map of arXiv:2605.21292 at mu = eta |c y|.

    Parameters
    ----------
    learning_rate
        Step size eta of gradient descent, in the units of one over the sharpness of the loss.
    **asked
        What fixes mu, one of four:

        * `factor` c and `target` y;
        * `sharpness` of the loss at its flattest (balanced) minimum, which is 2 |c y|;
        * `prompt`, a file or a `Prompt`, with `reduction`, the model that reads it: scalar (if
          unsaid), matrix or full;
        * `pool` of prompts for the scalar model, from which mini-batches are drawn: a file, several
          `Prompt`, or a mapping with `dimension`, `context`, `pool_size` and `label_noise` for
          Gaussian ones, drawn with `seed`. A `sharpness` beside it replaces the pool's own.

        The start, if any, one of:

        * `start` = (u, w);
        * `a` and `b`, or `imbalance` a^2 - b^2 and `product` ab, in the units of the map, where
          ab = mu is a minimum and a^2 + b^2 is eta times the sharpness;
        * `parameters`, a file or a pair (value, key_query), or `initial_scale`, the standard
          deviation of normal weights drawn with `seed`. The full model needs one of these two. Its
          shapes are (d + 1, d + 1) both; those of the matrix model () and (d, d), of the scalar
          one () and (), for prompts in dimension d.

        The noise of mini-batches, if any:

        * `noise`, the standard deviation of the step size's multiplier (`model` multiplicative) or
          of mu (`model` target), and its `law`: two_point, uniform or normal;
        * or (`model` prompts) `batch_size` prompts of the pool at each step, drawn with
          `replacement` (if unsaid) or without;
        * `realizations`, how many orders of draws to try from `seed`; if unsaid 256, and down to 8
          of the largest batches, which take long to draw: intervals say what that is worth.

    Returns
    -------
    Advice
        Typed findings (`mu`, `ladder`, `attractor`, `neighbours`, `outcome`, `limits`,
        `under_noise`, `trained`, `assumed`); `str` makes a page of them, `as_dict` data for JSON.

    Raises
    ------
    AdviceError
        If an argument is not allowed: its name, its value and what is.
    OSError
        If a file cannot be read.
    """
    question = ask(learning_rate, **asked)
    mu, known = question.mu, question.start is not None
    return Advice(
        question=question,
        mu=mu,
        ladder=Ladder(*(question.learning_rate * (rung / mu) for rung in rungs())),
        attractor=attractor(mu),
        neighbours=neighbours(mu, question.learning_rate),
        outcome=outcome(question) if known else None,
        limits=limits(question) if known else None,
        under_noise=under_noise(question) if question.is_noisy else None,
        trained=train(question),
        assumed=_assumed(question),
    )


def _assumed(question: Question) -> tuple[str, ...]:
    pool, layer = question.sampling, question.layer
    batches = "mini-batches drawn independently" if question.is_noisy else "full batch"
    loss = "one prompt" if pool is None else f"the mean loss of {pool.pool_size} prompts"
    model = _TWO_FACTORS if pool is None else _POOL
    if layer is not None and layer.model == "full":
        model = _FULL
    return (loss, f"plain gradient descent, no momentum, {batches}", model)
