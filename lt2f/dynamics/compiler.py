"""How kernels are compiled: one policy for all, and the instructions that they name themselves."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numba
from numba import types
from numba.extending import intrinsic
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
