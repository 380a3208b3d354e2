"""How kernels are compiled: one policy for all, and the instructions that they name themselves."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numba
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
from platformdirs import user_cache_path


def _cache_folder() -> str:
    """Folder of compiled kernels, one per state of this package's mathematics.

    Numba looks at a kernel's own file only, and would go on using it after an edit to a function
    that it calls from another one.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    root = os.environ.get("LT2F_CACHE") or user_cache_path("lt2f")
    return str(Path(root) / "kernels" / digest.hexdigest()[:16])


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel or one of its helpers: the one policy for all of them."""
    with patch.object(numba.config, "CACHE_DIR", _CACHE):  # numba reads it while decorating
        return numba.njit(error_model="numpy", nogil=True, cache=True)(function)


_CACHE = _cache_folder()

# Registers of eight doubles; NUMBA_CPU_FEATURES, if set, says for which machine to compile.
WIDE = "+avx512f" in (numba.config.CPU_FEATURES or binding.get_host_cpu_features().flatten())


@intrinsic
def fma(typingctx: Any, x: Any, y: Any, z: Any) -> Any:
    """Compute x*y + z, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


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
