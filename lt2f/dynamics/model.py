"""The map, one step at a time.

The state is (U, V) = ((a + b)/2, (a - b)/2). Then ab = U^2 - V^2, a^2 + b^2 = 2(U^2 + V^2), the
imbalance is 4UV, and one step of arXiv:2605.21292 with residual r multiplies U by 1 - r and V by
1 + r. A small imbalance keeps its relative precision, which a - b would lose to cancellation.
A law of the step says which r that is (`draw`) and what is kept of the weights, 1 or less (`kept`):
U' = (q - r) U and V' = (q + r) V. All kernels, orbits' and tangent vectors', follow from these two.
Laws that draw nothing, other losses and weight decay, are those of `steps`: here they get a number.

Every product that feeds a sum is fused *by name* (`fma`). The compiler is left no freedom to
round differently in another kernel, a shorter vector or another processor, so a cell has the same
bits wherever and next to whichever cell it is computed.
"""

from typing import Any

from lt2f.dynamics.compiler import double, fma, part, pattern
from lt2f.dynamics.steps import MAP, STEPS

# Powers of two, so that rescaling is exact. A value may lose or gain 300 bits between two looks at
# it, once even 600.
TINY, HUGE, STRIDE = 2.0**-400, 2.0**400, 2.0**300
CARRIED = 2.0**-20  # residuals below this are carried along, see `carried`
# Laws of the step: without noise, models of noise, then those of `steps`. The last: `asymmetric`
# alone.
QUIET, MULTIPLICATIVE, TARGET, PROMPTS, STEPPED = range(5)
NUMBERED = dict(enumerate(STEPS.values(), STEPPED))
LAWS = QUIET, MULTIPLICATIVE, TARGET, PROMPTS, *NUMBERED  # in the order of every table of kernels
FACTORS = len(LAWS)
FITTING = tuple(law for law in LAWS if NUMBERED.get(law, MAP).fits)  # at rest with e = 0
LOG_STRIDE, LOG_2 = 207.94415416798358, 0.6931471805599453  # log(2**300), log(2)
UNITS = 0x4330000000000000  # bits of 2**52


def _of_each(function: str) -> Any:
    """Compile a function of all laws into one: that of a law's number, else that of the map.

    The number is known when a kernel is compiled, so that the choice costs nothing.
    """
    chosen = part(getattr(MAP, function))

    def before(number: int, ours: Any, others: Any) -> Any:
        @part
        def choose(model, *arguments):  # type: ignore[no-untyped-def]
            return ours(*arguments) if model == number else others(model, *arguments)

        return choose

    @part
    def of_map(model, *arguments):  # type: ignore[no-untyped-def]
        return chosen(*arguments)

    found = of_map
    for number, law in NUMBERED.items():
        found = before(number, part(getattr(law, function)), found)
    return found


derivatives, kept, loss = _of_each("derivatives"), _of_each("kept"), _of_each("loss")


@part
def residual(u: float, v: float, mu: float) -> float:
    """Residual e = ab - mu of the full-batch loss e^2/2."""
    return fma(u, u, -fma(v, v, mu))


@part
def half_norm(u: float, v: float) -> float:
    """Return n = (a^2 + b^2)/2 = S/2; at a minimum S is step size times sharpness."""
    return fma(u, u, v * v)


@part
def draw(
    model: int, e: float, mu: float, amplitude: float, x: float, y: float
) -> tuple[float, float]:
    """Residual r that a step uses, and its multiplier h, under the numbers x, y of the noise.

    Multiplicative: h = 1 + amplitude x and r = h e. Target: the target mu + amplitude x is
    learned, so r = e - amplitude x and h = 1. Prompts: h = x and y = h - g, and r = h ab - mu g as
    h e + mu (h - g), which has the bits of h e where the prompts of a batch agree. Of another loss
    l, whose strength the amplitude is: r = l' and h = l''.
    """
    if model == MULTIPLICATIVE:
        h = fma(amplitude, x, 1.0)
        return h * e, h
    if model == TARGET:
        return fma(-amplitude, x, e), 1.0
    if model == PROMPTS:
        return fma(x, e, mu * y), x
    r, h, _ = derivatives(model, e, amplitude)
    return r, h


@part
def norm(u: float, v: float, mu: float) -> float:
    """Return S = a^2 + b^2 from what the residual has at hand, W = V^2 + mu and U^2 - W."""
    return fma(2.0, residual(u, v, mu), fma(4.0, fma(v, v, mu), -2.0 * mu))


@part
def growth(u: float, v: float, mu: float, e: float, r: float, h: float) -> float:
    """Factor 1 - h(S - r ab) by which a step with r = h e multiplies the residual."""
    return fma(h, fma(r, e + mu, -norm(u, v, mu)), 1.0)


@part
def carried(model: int, e: float, previous: float) -> float:
    """Residual to go on with: the one carried along while it is small, else ab - mu.

    Under multiplicative noise |e| can fall below the rounding of ab - mu and come back; computed
    afresh it would stick there. Carried along it drifts from ab - mu by a factor 1 + r^2 a step.
    """
    if model == MULTIPLICATIVE:
        return previous if abs(previous) < CARRIED else e
    return e


@part
def loss_rise(e: float, ab: float, n: float) -> float:
    """S - 2 - mu e - e^2: inside the ellipse the next loss is larger iff this is positive."""
    return fma(-e, ab, fma(2.0, n, -2.0))


@part
def determinant(r: float, hab: float, hn: float, q: float) -> float:
    """Jacobian determinant q^2 - q hS - r(r + 2h ab) of a step with residual r = h ab - m."""
    return fma(-r, fma(2.0, hab, r), fma(-2.0 * q, hn, q * q))


@part
def tangent(
    u: float, v: float, x: float, y: float, r: float, h: float, q: float
) -> tuple[float, float]:
    """Image of the tangent vector (x, y) under the Jacobian at (u, v), in U and V."""
    dr = 2.0 * h * fma(u, x, -v * y)
    return fma(-u, dr, fma(-r, x, q * x)), fma(v, dr, fma(r, y, q * y))


@part
def rescaling(size: float) -> tuple[float, float]:
    """Power of two that brings `size` back into range, and the strides it moves upwards."""
    factor = STRIDE if size < TINY else (1.0 / STRIDE if size > HUGE else 1.0)
    strides = -1.0 if size < TINY else (1.0 if size > HUGE else 0.0)
    return factor, strides


@part
def exponent(x: float) -> float:
    """Return k of 2^k <= |x| < 2^(k + 1); -1023 for zero, 1024 for what is not finite."""
    # an integer below 2^52 in the last bits of 2^52 is that number of units
    return double(((pattern(x) >> 52) & 0x7FF) | UNITS) - (2.0**52 + 1023.0)


@part
def power_of_two(k: float) -> float:
    """Return 2^k for a whole number k from -1022 to 1023."""
    return double(pattern(k + (2.0**52 + 1023.0)) << 52)


@part
def lifting(value: float, lift: float) -> tuple[float, float]:
    """Keep a vanishing factor in range: its true value is value * 2^-lift.

    Below 2^-150 a factor is too small to change the residual by one bit, also after the 64 steps
    in which it can grow to 2^-48; so it evolves as a tangent vector does and its scale is free.
    Without this a contracting orbit would end in subnormal numbers, where a step costs a hundred
    times more and the growth rate is lost.
    """
    change = max(max(-150.0 - exponent(value), -lift), -1000.0)
    return value * power_of_two(change), lift + change
