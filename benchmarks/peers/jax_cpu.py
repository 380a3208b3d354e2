"""JAX on the CPU: whole loops compiled, in chunks that stay in the cache; doubles, one thread."""

import os
from functools import partial
from typing import Any

import numpy as np

# Read once, when JAX starts: rates are of one core, and of its widest registers. The older emitters
# of fused loops are three times faster here (jax 0.10).
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_multi_thread_eigen=false --xla_cpu_prefer_vector_width=512"
    " --xla_cpu_use_fusion_emitters=false",
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
from jax import lax

NAME = "JAX"
SHARE = 1 / 10
# Cells, and steps in a row, of a plain step, of one with a tangent vector and of one that is
# recorded: the best of 256 to 65536 and 1 to 100 by trying.
CHUNK = 512
UNROLL, TANGENT, RECORD = 10, 2, 4

jax.config.update("jax_enable_x64", True)


def iterate(a: Any, b: Any, mu: Any, steps: int) -> Any:
    """a and b after the last step, (2, N)."""
    return _chunked(_iterate, a, b, mu, steps)


def exponents(a: Any, b: Any, mu: Any, transient: int, measure: int) -> Any:
    """Lyapunov exponents, largest first, (2, N): one tangent vector, and the determinants."""
    return _chunked(_exponents, a, b, mu, transient, measure)


def orbit(a: Any, b: Any, mu: Any, transient: int, samples: int) -> Any:
    """Residual ab - mu at each step, (N, samples)."""
    return _chunked(_orbit, a, b, mu, transient, samples).T


def periods(a: Any, b: Any, mu: Any, transient: int, longest: int) -> Any:
    """Steps after which |da| + |db| < 1e-3, 0 for none, (N,)."""
    return _chunked(_periods, a, b, mu, transient, longest)


def _chunked(function: Any, a: Any, b: Any, mu: Any, *lengths: int) -> Any:
    shape = (-(-mu.size // CHUNK), CHUNK)
    done = np.asarray(_map(function, *(np.resize(x, shape) for x in (a, b, mu)), lengths))
    return np.moveaxis(done, 0, -2).reshape(*done.shape[1:-1], -1)[..., : mu.size]


@partial(jax.jit, static_argnames=("function", "lengths"))
def _map(function: Any, a: Any, b: Any, mu: Any, lengths: tuple[int, ...]) -> Any:
    return lax.map(lambda z: function(*z, *lengths), (a, b, mu))


def _step(a: Any, b: Any, mu: Any) -> Any:
    e = a * b - mu
    return a - e * b, b - e * a


def _run(a: Any, b: Any, mu: Any, steps: int) -> Any:
    return lax.fori_loop(0, steps, lambda _, z: _step(*z, mu), (a, b), unroll=UNROLL)


def _iterate(a: Any, b: Any, mu: Any, steps: int) -> Any:
    return jnp.stack(_run(a, b, mu, steps))


def _exponents(a: Any, b: Any, mu: Any, transient: int, measure: int) -> Any:
    a, b = _run(a, b, mu, transient)

    def step(_: Any, z: Any) -> Any:
        a, b, x, y, volume = z
        p, q, g = 1.0 - b * b, 1.0 - a * a, 2.0 * a * b - mu
        return *_step(a, b, mu), p * x - g * y, q * y - g * x, volume * (p * q - g * g)

    def block(length: int, z: Any) -> Any:
        a, b, x, y, growth, contraction = z
        start = (a, b, x, y, jnp.ones_like(a))
        a, b, x, y, volume = lax.fori_loop(0, length, step, start, unroll=TANGENT)
        size = jnp.hypot(x, y)
        growth, contraction = growth + jnp.log(size), contraction + jnp.log(jnp.abs(volume))
        return a, b, x / size, y / size, growth, contraction

    zero = jnp.zeros_like(a)
    z = (a, b, zero + 0.6, zero + 0.8, zero, zero)
    z = lax.fori_loop(0, measure // 16, lambda _, z: block(16, z), z)
    z = block(measure % 16, z) if measure % 16 else z
    return jnp.stack([z[4], z[5] - z[4]]) / measure


def _orbit(a: Any, b: Any, mu: Any, transient: int, samples: int) -> Any:
    def step(z: Any, _: None) -> Any:
        return _step(*z, mu), z[0] * z[1] - mu

    return lax.scan(step, _run(a, b, mu, transient), None, length=samples, unroll=RECORD)[1]


def _periods(a: Any, b: Any, mu: Any, transient: int, longest: int) -> Any:
    first = _run(a, b, mu, transient)

    def step(k: Any, z: Any) -> Any:
        a, b = _step(z[0], z[1], mu)
        near = jnp.abs(a - first[0]) + jnp.abs(b - first[1]) < 1e-3
        return a, b, jnp.where(near & (z[2] == 0.0), k + 1.0, z[2])

    return lax.fori_loop(0, longest, step, (*first, jnp.zeros_like(mu)), unroll=UNROLL)[2]
