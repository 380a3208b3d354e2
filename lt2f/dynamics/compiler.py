"""How kernels are compiled: one policy for all, and the instructions that they name themselves."""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lt2f.dynamics.cache import KernelCache


def jit(function: Callable[..., Any], **options: bool) -> Any:
    """Compile a kernel or one of its helpers: the one policy for all of them."""
    compiled = numba.njit(error_model="numpy", nogil=True, **options)(function)
    compiled._cache = KernelCache(function)
    return compiled


def part(function: Callable[..., Any]) -> Any:
    """Compile what works on one lane into the loops that call it: no loop with a call is packed."""
    return jit(function, forceinline=True)


# Registers of eight doubles; NUMBA_CPU_FEATURES, if set, says for which machine to compile.
WIDE = "+avx512f" in (numba.config.CPU_FEATURES or binding.get_host_cpu_features().flatten())


@intrinsic
def fma(typingctx: Any, x: Any, y: Any, z: Any) -> Any:
    """Compute x*y + z, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@intrinsic
def pattern(typingctx: Any, x: Any) -> Any:
    """Reinterpret the 64 bits of a double as an integer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.int64))

    return types.int64(types.float64), codegen


@intrinsic
def double(typingctx: Any, bits: Any) -> Any:
    """Reinterpret the 64 bits of an integer as a double."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.float64))

    return types.float64(types.int64), codegen


@intrinsic
def widest_registers(typingctx: Any) -> Any:
    """Let the calling kernel use 512-bit registers where there are any.

    LLVM prefers half that width on most processors, at half the speed of these kernels. The
    attribute has no effect on the bits of a result, nor on machines without such registers.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic(prefer_literal=True)
def workspace(typingctx: Any, rows: Any, columns: Any) -> Any:
    """Array of doubles on the stack, shape (rows, columns), both known at compile time.

    Nothing else can point into it, which lets the compiler keep rows in registers from step to
    step even where other arrays are read in between. It must not leave the kernel.
    """
    shape = rows.literal_value, columns.literal_value
    kind = types.Array(types.float64, 2, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from numba.np.arrayobj import make_array, populate_array  # no need of it to run kernels

        number = context.get_value_type(types.float64)
        memory = cgutils.alloca_once(builder, ir.ArrayType(number, shape[0] * shape[1]))
        memory.align = 64
        array = make_array(kind)(context, builder)
        size = [context.get_constant(types.intp, n) for n in (*shape, 8 * shape[1], 8)]
        populate_array(
            array,
            data=builder.bitcast(memory, number.as_pointer()),
            shape=size[:2],
            strides=size[2:],
            itemsize=size[3],
            meminfo=None,
        )
        return array._getvalue()

    return kind(rows, columns), codegen
