"""An answer as a page of 80 columns that fits a screen."""

import math
import textwrap
from collections.abc import Iterator
from typing import Final

from lt2f.advice import model_text, noise_text
from lt2f.advice.attractor import Attractor, Neighbour
from lt2f.advice.findings import Findings
from lt2f.advice.question import Question
from lt2f.advice.rows import CONVERGED, HOW, RUNS, WIDTH, kernel, rate, row, times
from lt2f.advice.start import LEAST, Limits, Outcome
from lt2f.dynamics.codes import DecidedBy, Regime

NOTHING: Final = 1e-12  # imbalance per sharpness that is not worth a number

_WINDOWS: Final = "windows of cycles are dense here, so a rate next to this one may end differently"


def page(advice: Findings) -> str:
    """Render an answer: at most 96 columns and 40 lines."""
    question, noisy = advice.question, ", without noise" if advice.under_noise else ""
    head = question.said[0].upper() + question.said[1:]
    lines = textwrap.wrap(head, WIDTH, subsequent_indent="  ")
    lines += row("in short", _verdict(advice))
    lines += row("effective step", _effective(advice))
    starts = "bounded start" if advice.mu <= 2.0 else "start"
    exact = question.layer is None or question.layer.is_exact
    whose = "" if exact else " of the nearest two-factor block"
    lines += row("regimes by rate", f"{_ladder(advice)[:-1]}{whose and ',' + whose})")
    lines += ["", f"Almost every {starts}{whose}{noisy}", *_attractor(advice)]
    if advice.outcome is not None and advice.limits is not None:
        lines += ["", f"{_whose(question)}{noisy}"]
        lines += [*_outcome(advice.outcome, advice.limits, question)]
    if advice.trained is not None:
        lines += ["", "The full model itself, trained", *model_text.rows(advice.trained)]
    if advice.under_noise is not None:
        lines += ["", noise_text.title(question), *noise_text.rows(question, advice.under_noise)]
    if advice.trained is None or advice.trained.departure == 0.0:
        lines += ["", f"Recommended{noisy}", *_recommended(advice)]
    lines += ["", *textwrap.wrap(f"Assumed: {'; '.join(advice.assumed)}.", WIDTH)]
    return "\n".join(lines)


def _verdict(advice: Findings) -> str:
    """What happens at this rate, and whom noise loses or else up to which rate runs converge."""
    if advice.trained is not None:
        return f"the full model itself: {RUNS[advice.trained.regime]}"
    end: str = advice.attractor.ending
    edge = advice.ladder.converges
    if advice.outcome is not None and advice.limits is not None:
        end, edge = RUNS[advice.outcome.regime], advice.limits.converges
        if advice.outcome.regime == Regime.UNDECIDED and advice.outcome.converges_by_theorem:
            end = "converges, if slowly"
    if advice.under_noise is not None:
        return f"without noise: {end}; with it {noise_text.lost(advice.under_noise.chances)}"
    if not math.isfinite(edge):
        return end
    return f"{end}; rates converge up to {times(edge / advice.question.learning_rate)}"


def _effective(advice: Findings) -> str:
    words, asked = f"mu = {advice.mu:.6g}", advice.question
    if asked.sharpness is not None:
        scaled = asked.learning_rate * asked.sharpness
        words += f", half of rate x sharpness = {rate(scaled)}; the edge of stability is at 2"
        words += " (if the sharpness is that of another minimum, mu is less)"
    if asked.sampling is not None and not asked.is_noisy:
        words += "; these batches have no noise: all have the means of the pool"
    return words


def _ladder(advice: Findings) -> str:
    rates = advice.ladder
    words = f"monotone to {rate(rates.monotone)}, catapults to {rate(rates.converges)}, cycles "
    words += f"to {rate(rates.cycles)}, chaos with windows of cycles to {rate(rates.bounded)}, "
    return f"{words}divergence beyond (on balance, inside the ellipse)"


def _whose(question: Question) -> str:
    if question.layer is None or question.layer.model != "full":
        return "This start"
    return "This start, by the map" if question.layer.is_exact else "That block, from this start"


# What mu alone says


def _attractor(advice: Findings) -> Iterator[str]:
    yield from row("ends so", _ending(advice.attractor))
    beside = advice.neighbours
    if beside.on is not None:
        yield from row("on a threshold", f"{beside.on.name} (mu = {beside.on.mu:.6g})")
    if beside.below is not None:
        yield from row("threshold below", _neighbour(beside.below))
    if beside.above is not None:
        yield from row("threshold above", _neighbour(beside.above))


def _ending(found: Attractor) -> str:
    words = f"{found.ending} ({found.reason})"
    if found.ending == "cycles":
        factors = f"factors repeat after {found.period} steps"
        if found.loss_period != found.period:
            factors += f", the loss after {found.loss_period}"
        words = f"never converges: {factors} ({found.reason})"
    if found.ending == "is chaotic":
        words += f"; {_WINDOWS}"
    return words


def _neighbour(found: Neighbour) -> str:
    side = "below" if found.margin < 0.0 else "above"
    margin = f"{rate(abs(found.margin))} {side} this one ({found.ratio:.4g} times it)"
    return f"rate {rate(found.learning_rate)}, {margin}, mu = {found.mu:.6g}: {found.name}"


# One start


def _outcome(found: Outcome, limits: Limits, question: Question) -> Iterator[str]:
    side = "inside" if found.inside else "outside"
    if math.isfinite(limits.bounded):
        edge = f"{rate(limits.bounded)}, {times(limits.bounded / question.learning_rate)}"
        yield from row("ellipse", f"{side}; below rate {edge}, this start stays bounded")
    yield from row("outcome", _told(found))
    if math.isfinite(found.loss_peak_ratio) and found.loss_peak_ratio > 1.0:
        yield from row("largest loss", f"{rate(found.loss_peak_ratio)} times the first")
    if math.isfinite(found.sharpness):
        yield from row("ends with", _end(found, question.mu))


def _told(found: Outcome) -> str:
    words, how = RUNS.get(found.regime, found.regime.name.lower()), HOW[found.decided_by]
    if found.regime == Regime.PERIODIC:
        words += f" with period {found.period}"
    if found.regime == Regime.CHAOTIC:
        how += f", exponent {found.exponent:.3f} ± {found.exponent_error:.3f} per step"
    if found.regime == Regime.UNDECIDED and found.converges_by_theorem:
        return f"converges, but not within {found.tried_steps} steps ({HOW[DecidedBy.THEOREM]})"
    steps = found.tried_steps if found.regime == Regime.UNDECIDED else found.steps
    after = "" if steps < 0 else f", after {steps} steps"
    return f"{words}{after} ({how})"


def _end(found: Outcome, mu: float) -> str:
    if found.regime == Regime.COLLAPSED:
        return "u = w = 0"
    words = kernel(found.regime, found.sharpness, found.scaled_sharpness)
    if found.regime in CONVERGED and found.steps < 0 and mu >= LEAST:
        words += f"; not at rest within {found.tried_steps} steps"
    if abs(found.scaled_imbalance) < NOTHING * found.scaled_sharpness:
        return f"{words}, balanced"
    if math.isfinite(found.imbalance):
        return f"{words}, imbalance u²-w² = {rate(found.imbalance)}"
    return f"{words}, imbalance a²-b² = {rate(found.scaled_imbalance)}"


# What to do


def _recommended(advice: Findings) -> Iterator[str]:
    found, eta = advice.limits, advice.question.learning_rate
    if found is None:
        yield from row("to converge", f"at most {_limit(advice.converges, eta)}, and less for a "
                        "start far from balance or minimum (give one)")  # fmt: skip

        yield from row("without a rise", f"{_limit(advice.ladder.monotone, eta)} for every "
                        "balanced bounded start (proved)")  # fmt: skip
        return
    if found.note:
        yield from row("note", found.note)
    if math.isfinite(found.converges):
        yield from row("to converge", f"below {_limit(found.converges, eta)} (proved for almost "
                        "every start)")  # fmt: skip
        if advice.under_noise is None:
            yield from row("without a rise", _without_rise(found, eta))


def _limit(found: float, eta: float) -> str:
    return f"{rate(found)}, {times(found / eta)}"


def _without_rise(found: Limits, eta: float) -> str:
    if found.monotone == found.monotone_proved:
        return f"below {_limit(found.monotone, eta)} (proved)"
    words = f"up to {_limit(found.monotone, eta)} (proved below {rate(found.monotone_proved)}, "
    words += f"above tried every {rate(found.spacing)}"
    if math.isfinite(found.first_rise):
        return f"{words}, first rise seen at {found.first_rise:.6g})"
    return f"{words}, no rise seen)" if found.certain else f"{words}; undecided from there on)"
