"""What noise changes, as rows of the page."""

import math
from collections.abc import Iterator
from typing import Final

from lt2f.advice.batch_size import OfBatches, Smallest
from lt2f.advice.chances import Chance, EscapeTime, wilson
from lt2f.advice.question import Question
from lt2f.advice.rows import rate, row
from lt2f.advice.under_noise import UnderNoise

WIDE: Final = 0.5  # of a product about its best value: the next order is as large


def title(asked: Question) -> str:
    """Say which noise it is."""
    if (drawn := asked.sampling) is not None:
        again = "with" if drawn.replacement else "without"
        return f"Batches of {drawn.batch_size} of {drawn.pool_size} prompts, {again} replacement"
    what = "multiplier" if asked.model == "multiplicative" else "target"
    return f"With noise {asked.noise:g} of the {what} ({asked.law.replace('_', '-')} law)"


def rows(asked: Question, found: UnderNoise) -> Iterator[str]:
    """Tell chances, escape and edges."""
    counts = "; ".join(_chance(c) for c in found.chances if c.count)
    tried = f"{found.chances[0].of} realizations of {found.tried_steps} steps, 95 % intervals"
    start = ", from a start next to the flattest minimum" if found.from_minimum else ""
    yield from row("chances", f"{counts}; {tried}{start}")
    yield from row("escape", f"{found.escape} ({found.reason})")
    if found.escape_time is not None:
        yield from row("escape time", _time(found.escape_time))
    if asked.model == "target":
        yield from _target(found)
        return
    yield from row("flattest minimum", _edges(found))
    if math.isfinite(found.surely_bounded):
        yield from row("bounded surely", f"below rate {rate(found.surely_bounded)} (proved)")
    if found.batches is not None:
        yield from _batches(found.batches)
    if found.collapses:
        yield from row("origin", "attracts: training can collapse to it")


def _target(found: UnderNoise) -> Iterator[str]:
    yield from row("minima", "none is at rest; noise drives the factors towards balance")
    if math.isfinite(found.threshold):
        yield from row("balanced starts", f"can escape iff the noise exceeds {found.threshold:.4g}")
    if found.collapses:
        yield from row("origin", "attracts: training can collapse to it")


def lost(chances: tuple[Chance, ...]) -> str:
    """Say which share of runs noise loses."""
    count, of = sum(c.count for c in chances if c.is_loss), chances[0].of
    if not count:
        return f"none of {of} runs is lost"
    low, high = (f"{100 * x:.3g}" for x in wilson(count, of))
    return f"{100 * count / of:.3g} % of runs are lost ({low} to {high})"


def _chance(chance: Chance) -> str:
    share, low, high = (f"{100 * x:.3g}" for x in (chance.share, chance.low, chance.high))
    return f"{chance.outcome} {share} % ({low} to {high})"


def _time(found: EscapeTime) -> str:
    if not found.late:
        return f"all {found.early} that diverge do so within {found.burn_in} steps"
    if not math.isfinite(found.mean):
        words = f"{found.early + found.late} diverge, {found.early} of them within {found.burn_in}"
        return f"{words} steps; no mean, for runs that settle are at risk no more"
    mean, low, high = (f"{x:.3g}" for x in (found.mean, found.low, found.high))
    before = f"the first {found.burn_in}, in which {found.early} diverge"
    return f"mean {mean} steps ({low} to {high}) after {before}"


def _edges(found: UnderNoise) -> str:
    almost = rate(found.almost_surely) if math.isfinite(found.almost_surely) else "no rate tried"
    if found.batches is not None and found.batches.almost_surely_error > 0.0:
        almost += f" ± {found.batches.almost_surely_error:.1g}"
    words = f"stable almost surely below rate {almost}, in mean square below "
    if found.batches is not None and found.batches.wander != 0.0:
        words = f"near it runs on the same batches come together below rate {almost}, almost "
        words += "surely, in mean square below "
    return words + rate(found.mean_square)


def _batches(found: OfBatches) -> Iterator[str]:
    if WIDE < found.wander < math.inf:
        words = "none rests (prompts disagree, too much for first-order theory)"
        yield from row("minima", words)
    elif math.isfinite(found.wander) and found.wander > 0.0:
        width = f"{found.wander:.2g} of its best value"
        yield from row("minima", f"none rests (prompts disagree): u w wanders by {width}")
    elif not math.isfinite(found.wander):
        yield from row("minima", "none rests (prompts disagree), nor is stable in mean square")
    yield from row("smallest batch", _smallest(found.smallest))


def _smallest(found: Smallest) -> str:
    if found.size is None:
        if not found.failed:
            return "none: the full batch is lost too"
        return f"none found: batches of {found.failed}, the largest tried, lose runs too"
    kept = f"{found.size}: none of {found.tried} runs lost"
    kept += f" (chance below {100 * found.at_most:.2g} %, 95 %)" if found.at_most > 0.0 else ""
    below = f"; {found.below}: some" if found.below is not None else ""
    above = ", ".join(str(size) for size in found.above)
    if not found.decided:
        return f"not decided: {kept}{below}; yet some again of {above}"
    return f"{kept}{below}" + (f"; {above}: none" if above else "")
