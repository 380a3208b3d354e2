"""An answer as a page of 80 columns that fits a screen."""

import math
import textwrap
from collections.abc import Iterator
from typing import Final

from lt2f.advice.attractor import Attractor, Neighbour
from lt2f.advice.chances import Chance, UnderNoise
from lt2f.advice.findings import Findings
from lt2f.advice.start import Limits, Outcome
from lt2f.dynamics.codes import DecidedBy, Regime

WIDTH: Final = 80
LABEL: Final = 19
NOTHING: Final = 1e-12  # imbalance per sharpness that is not worth a number

_RUNS: Final = {
    Regime.UNDECIDED: "undecided after all steps tried",
    Regime.MONOTONE: "converges, the loss never rises",
    Regime.CATAPULT: "converges after a catapult: the loss rises on the way",
    Regime.PERIODIC: "cycles",
    Regime.CHAOTIC: "stays bounded, chaotic",
    Regime.DIVERGENT: "diverges",
    Regime.COLLAPSED: "ends at the saddle at the origin",
}
_HOW: Final = {
    DecidedBy.NONE: "no evidence",
    DecidedBy.THEOREM: "by theorem",
    DecidedBy.CYCLE: "cycle refined, stable by its multipliers",
    DecidedBy.MEASUREMENT: "measured",
    DecidedBy.INFERRED: "inferred",
}
_WINDOWS: Final = "windows of cycles are dense here, so a rate next to this one may end differently"


def page(advice: Findings) -> str:
    """Render an answer: at most 80 columns and 40 lines."""
    question = advice.question
    head = question.said[0].upper() + question.said[1:]
    lines = textwrap.wrap(head, WIDTH, subsequent_indent="  ")
    rate, first, second = (_rate(x) for x in (advice.mu, advice.converges, advice.bounded))
    lines += _row("effective step", f"mu = {rate}; minima are stable up to mu = 1 (rate {first}), "
                  f"some starts bounded up to mu = 2 (rate {second})")  # fmt: skip
    starts = "bounded start" if advice.mu <= 2.0 else "start"
    lines += ["", f"Almost every {starts}", *_attractor(advice)]
    if advice.outcome is not None and advice.limits is not None:
        lines += ["", "This start, without noise" if advice.under_noise else "This start"]
        lines += [*_outcome(advice.outcome, advice.limits, question.learning_rate)]
    if advice.under_noise is not None:
        lines += ["", _noise_title(advice), *_noise(advice, advice.under_noise)]
    title = "Recommended, without noise" if advice.under_noise else "Recommended"
    lines += ["", title, *_recommended(advice), ""]
    lines += textwrap.wrap(f"Assumed: {'; '.join(advice.assumed)}.", WIDTH)
    return "\n".join(lines)


def _row(label: str, words: str) -> Iterator[str]:
    """Yield a label and its words, wrapped beside it."""
    first = f"  {label:<{LABEL - 2}}"
    yield from textwrap.wrap(
        words, WIDTH, initial_indent=first, subsequent_indent=" " * LABEL, break_on_hyphens=False
    )


def _rate(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def _times(ratio: float) -> str:
    return f"{ratio:.4g} times this one"


# What mu alone says


def _attractor(advice: Findings) -> Iterator[str]:
    yield from _row("ends so", _ending(advice.attractor))
    beside = advice.neighbours
    if beside.on is not None:
        yield from _row("on a threshold", f"{beside.on.name} (mu = {beside.on.mu:.6g})")
    if beside.below is not None:
        yield from _row("threshold below", _neighbour(beside.below))
    if beside.above is not None:
        yield from _row("threshold above", _neighbour(beside.above))


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
    where = f"rate {_rate(found.learning_rate)}, {_times(found.ratio)} (mu = {found.mu:.6g})"
    return f"{where}: {found.name}"


# One start


def _outcome(found: Outcome, limits: Limits, eta: float) -> Iterator[str]:
    side = "inside" if found.inside else "outside"
    if math.isfinite(limits.bounded):
        edge = f"{_rate(limits.bounded)}, {_times(limits.bounded / eta)}"
        yield from _row("ellipse", f"{side}; below rate {edge}, this start stays bounded")
    yield from _row("outcome", _told(found))
    if math.isfinite(found.loss_peak_ratio) and found.loss_peak_ratio > 1.0:
        yield from _row("largest loss", f"{_rate(found.loss_peak_ratio)} times the first")
    if math.isfinite(found.sharpness):
        yield from _row("ends with", _end(found))


def _told(found: Outcome) -> str:
    words, how = _RUNS.get(found.regime, found.regime.name.lower()), _HOW[found.decided_by]
    if found.regime == Regime.PERIODIC:
        words += f" with period {found.period}"
    if found.regime == Regime.CHAOTIC:
        how += f", exponent {found.exponent:.3f} ± {found.exponent_error:.3f} per step"
    if found.regime == Regime.UNDECIDED and found.converges_by_theorem:
        words, how = f"converges, but not within {found.tried_steps} steps", _HOW[DecidedBy.THEOREM]
    after = "" if found.steps < 0 else f", after {found.steps} steps"
    return f"{words}{after} ({how})"


def _end(found: Outcome) -> str:
    rests = found.regime in (Regime.MONOTONE, Regime.CATAPULT)
    mean = "" if rests else "mean "
    edge = "; stable below 2" if rests else ""
    words = (
        f"{mean}sharpness {_rate(found.sharpness)} "
        f"(rate x sharpness = {_rate(found.scaled_sharpness)}{edge})"
    )
    if abs(found.scaled_imbalance) < NOTHING * found.scaled_sharpness:
        return f"{words}, balanced"
    if math.isfinite(found.imbalance):
        return f"{words}, imbalance u²-w² = {_rate(found.imbalance)}"
    return f"{words}, imbalance a²-b² = {_rate(found.scaled_imbalance)}"


# Noise


def _noise_title(advice: Findings) -> str:
    asked = advice.question
    what = "multiplier" if asked.model == "multiplicative" else "target"
    law = asked.law.replace("_", "-")
    return f"With noise {asked.noise:g} of the {what} ({law} law)"


def _noise(advice: Findings, found: UnderNoise) -> Iterator[str]:
    if found.chances:
        yield from _row("chances", "; ".join(_chance(c) for c in found.chances if c.count))
        yield from _row("", f"({found.chances[0].of} realizations, 95 % intervals)")
    yield from _row("escape", f"{found.escape} ({found.reason})")
    if advice.question.model == "multiplicative":
        yield from _row(
            "flattest minimum",
            f"stable almost surely below rate {_rate(found.almost_surely)}, "
            f"in mean square below {_rate(found.mean_square)}",
        )
        if math.isfinite(found.surely_bounded):
            yield from _row("bounded surely", f"below rate {_rate(found.surely_bounded)} (proved)")
        return
    yield from _row("minima", "none is at rest; noise drives the factors towards balance")
    if math.isfinite(found.threshold):
        yield from _row(
            "balanced starts", f"can escape iff the noise exceeds {found.threshold:.4g}"
        )
    if found.collapses:
        yield from _row("origin", "attracts: training can collapse to it")


def _chance(chance: Chance) -> str:
    share, low, high = (f"{100 * x:.3g}" for x in (chance.share, chance.low, chance.high))
    return f"{chance.outcome} {share} % ({low} to {high})"


# What to do


def _recommended(advice: Findings) -> Iterator[str]:
    found, eta = advice.limits, advice.question.learning_rate
    if found is None:
        yield from _row("to converge", f"at most {_limit(advice.converges, eta)}, and less for a "
                        "start far from balance or minimum (give one)")  # fmt: skip
        share = 2.0 * math.sqrt(2.0) - 2.0
        yield from _row("without a rise", f"{_limit(share * advice.converges, eta)} for every "
                        "balanced bounded start (proved)")  # fmt: skip
        return
    if found.note:
        yield from _row("note", found.note)
    if math.isfinite(found.converges):
        yield from _row("to converge", f"below {_limit(found.converges, eta)} (proved for almost "
                        "every start)")  # fmt: skip
        yield from _row("without a rise", _without_rise(found, eta))


def _limit(rate: float, eta: float) -> str:
    return f"{_rate(rate)}, {_times(rate / eta)}"


def _without_rise(found: Limits, eta: float) -> str:
    if found.monotone == found.monotone_proved:
        return f"below {_limit(found.monotone, eta)} (proved)"
    words = f"up to {_limit(found.monotone, eta)} (proved below {_rate(found.monotone_proved)}, "
    words += f"above tried every {_rate(found.spacing)}"
    if math.isfinite(found.first_rise):
        return f"{words}, first rise seen at {found.first_rise:.6g})"
    return f"{words}, no rise seen)" if found.certain else f"{words}; undecided from there on)"
