"""How kernels read the noise of a step: nothing, one number, or the two of a batch of prompts.

Two tables, in the order of `model.LAWS`: the noise from some step on, in which no index can be
negative, and what `model.draw` takes of its step t.
"""

from lt2f.dynamics.compiler import part
from lt2f.dynamics.steps import STEPS


@part
def _silence(noise, start):  # type: ignore[no-untyped-def]
    return noise


@part
def _since(noise, start):  # type: ignore[no-untyped-def]
    return noise[start:]


@part
def _both_since(noise, start):  # type: ignore[no-untyped-def]
    return noise[0, start:], noise[1, start:]


@part
def _nothing(draws, t):  # type: ignore[no-untyped-def]
    return 0.0, 0.0


@part
def _number(draws, t):  # type: ignore[no-untyped-def]
    return draws[t], 0.0


@part
def _numbers(draws, t):  # type: ignore[no-untyped-def]
    h, g = draws[0][t], draws[1][t]
    return h, h - g


SINCE = _silence, _since, _since, _both_since, *[_silence] * len(STEPS)
NUMBERS = _nothing, _number, _number, _numbers, *[_nothing] * len(STEPS)
