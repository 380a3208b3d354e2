"""What fixes mu at a learning rate: factor and target, a sharpness, a prompt or a pool of them."""

import math
from typing import Any, NamedTuple

from lt2f.advice import checks, pools, prompts
from lt2f.advice.checks import NONZERO, POSITIVE, AdviceError
from lt2f.advice.prompts import Layer


class Scale(NamedTuple):
    """Words for what was given, |c|, the sign of cy, and mu at learning rate 1."""

    said: str
    factor: float | None
    sign: float
    rate: float
    pool: pools.Pool | None = None


def of_layer(said: str, layer: Layer, eta: float) -> Scale:
    """Return the scale of a transformer whose weights are known."""
    how = "" if layer.is_exact else ", of the nearest two-factor block"
    factor = f"factor {layer.factor:.4g}, target {layer.prompt.target:.4g}{how}"
    return Scale(f"{said} ({layer.model.value} model: {factor})", layer.factor, 1.0, layer.mu / eta)


def scale(
    factor: float | None,
    target: float | None,
    sharpness: float | None,
    prompt: Any,
    reduction: str | None,
    pool: Any,
    seed: int,
) -> Scale:
    """Read what was given: one of four, or a pool whose flattest minimum has a given sharpness."""
    pair = factor is not None or target is not None
    given = [pair, sharpness is not None, prompt is not None, pool is not None]
    if sum(given) != 1 and not (sum(given) == 2 and given[1] and given[3]):
        said = "give factor and target, or sharpness, or prompt, or pool: one of four"
        if pool is not None:
            raise AdviceError("pool", "goes with a sharpness at most: it has its own prompts")
        raise AdviceError("factor", said)
    if reduction is not None and not given[2]:
        if pool is not None and reduction == "scalar":
            return of_pool(pool, sharpness, seed)
        allowed = "is scalar for a pool" if pool is not None else "needs a prompt"
        raise AdviceError("reduction", allowed, reduction)
    if pool is not None:
        return of_pool(pool, sharpness, seed)
    if sharpness is not None:
        return _of_sharpness(sharpness)
    if prompt is not None:
        return _of_prompt(prompt, reduction or "scalar")
    c, y = checks.number("factor", factor, NONZERO), checks.number("target", target, NONZERO)
    return _of_pair(f"factor {c:g}, target {y:g}", c, y)


def _of_pair(said: str, c: float, y: float) -> Scale:
    return Scale(said, abs(c), math.copysign(1.0, c) * math.copysign(1.0, y), abs(c * y))


def _of_prompt(prompt: Any, reduction: str) -> Scale:
    said, read = prompts.read(prompt)
    c, y = prompts.coupling(read, reduction)
    return _of_pair(f"{said} ({reduction} model: factor {c:.4g}, target {y:.4g})", c, y)


def _of_sharpness(sharpness: float) -> Scale:
    # At a minimum eta times sharpness is a^2 + b^2 >= 2ab = 2 mu, with equality at balance.
    top = checks.number("sharpness", sharpness, POSITIVE, positive=True)
    return Scale(f"flattest minimum of sharpness {top:g}", None, 1.0, top / 2.0)


def of_pool(pool: Any, sharpness: float | None, seed: int) -> Scale:
    """Return the scale of a pool; with a sharpness, its noise alone is the pool's."""
    found = pools.read(pool, seed)
    if sharpness is not None:
        own = _of_sharpness(sharpness)
        return own._replace(said=f"{own.said}, {found.said}", pool=found)
    moments = f"root mean square factor {found.factor:.4g}, mean c y {found.product:.4g}"
    rate = abs(found.product)
    sign = math.copysign(1.0, found.product)
    return Scale(f"{found.said}: {moments}", found.factor, sign, rate, found)
