"""The C reference (reference.c), compiled for this machine and callable as the kernels are."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics import cycles, kernels, model, rates
from lt2f.dynamics.averages import BLOCKS, block_edges, mean_and_error
from lt2f.dynamics.lanes import Noise
from lt2f.dynamics.survey import Schedule

SOURCE = Path(__file__).with_name("reference.c")
# What the reference may round is written in it, so contraction is off; no other option changes a
# bit of a result.
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC")
MODELS = ("quiet", "multiplicative", "target")
ROWS = (
    *("U", "V", "E", "U_LIFT", "V_LIFT", "E_LIFT", "MU", "AMPLITUDE"),
    *("PEAK", "RISE", "LAST", "ESCAPED", "MARK_U", "MARK_V", "MARK_E", "MARK_STEP", "X", "Y"),
)
CONSTANTS = {
    kernels: ("SPAN", "STRETCH", "CONVERGED", "ESCAPE_SQUARED", "NOISE_RISE"),
    model: ("TINY", "STRIDE", "CARRIED", "UNITS", "LOG_STRIDE", "LOG_2"),
    rates: (
        *("RATES", "END", "FIRST", "SUM", "SQUARES", "PRODUCTS"),
        *("LOG_2_HIGH", "LOG_2_LOW", "ROOT_2", "MANTISSA", "ONE"),
    ),
    cycles: ("NEAR",),
}
Floats = NDArray[np.float64]
Edges = NDArray[np.int64]


def compiler() -> str | None:
    """Path of the C compiler, if there is one: $CC, or cc."""
    return shutil.which(os.environ.get("CC", "cc"))


def compile_library(*more: str) -> ctypes.CDLL:
    """Compile reference.c for this machine and load it; takes a few seconds."""
    cc = compiler()
    if cc is None:
        raise FileNotFoundError("no C compiler: set CC")
    values = {f"ROW_{name}": getattr(kernels, name) for name in ROWS}
    for module, names in CONSTANTS.items():
        values |= {name: getattr(module, name) for name in names}
    values["LARGE"] = model.HUGE  # math.h has a HUGE of its own
    macros = [f"-D{name}={_literal(value)}" for name, value in values.items()]
    with TemporaryDirectory() as folder:
        library = Path(folder) / "reference.so"
        subprocess.run([cc, *FLAGS, *macros, *more, "-o", library, SOURCE, "-lm"], check=True)
        return ctypes.CDLL(str(library))


def _literal(value: float) -> str:
    return value.hex() if isinstance(value, float) else str(value)


def side() -> SimpleNamespace:
    """Kernels of the reference under the names and with the arguments of `lt2f.works.OURS`."""
    library = compile_library()
    makers = {"iterate": _running, "settle": _running, "measure": _measuring, "record": _recording}
    made = {
        name.upper(): [make(getattr(library, f"{name}_{model}")) for model in MODELS]
        for name, make in makers.items()
    }

    def returns(state: Floats, max_period: int, out: Floats) -> None:
        _call(library.returns_quiet, state, max_period, out)

    def measure(state: Floats, schedule: Schedule, noise: Noise) -> tuple[Floats, Floats]:
        """Do what `survey.measure` does."""
        kernel, settled = made["MEASURE"][noise.index], schedule.settled
        kept = np.empty((rates.KEPT, state.shape[1]))
        kernel(state, np.array([settled, schedule.transient]), noise.sequence, kept)
        kernel(state, schedule.transient + block_edges(schedule.measure), noise.sequence, kept)
        with np.errstate(all="ignore"):  # of lanes that escaped
            return mean_and_error(kept.reshape(-1, rates.RATES, state.shape[1]), BLOCKS)

    def plain(state: Floats, steps: int, start: int, noise: Floats) -> None:
        """Iterate (a, b), which stand in the rows U and V."""
        _call(library.iterate_plain, state, steps)

    in_ab = SimpleNamespace(ITERATE=[plain])
    return SimpleNamespace(**made, returns=returns, measure=measure, IN_AB=in_ab)


def _running(function: Any) -> Callable[..., None]:
    def kernel(state: Floats, steps: int, start: int, noise: Floats) -> None:
        _call(function, state, steps, start, noise)

    return kernel


def _measuring(function: Any) -> Callable[..., None]:
    def kernel(state: Floats, edges: Edges, noise: Floats, kept: Floats) -> None:
        _call(function, state, edges, edges.size - 1, noise, kept)

    return kernel


def _recording(function: Any) -> Callable[..., None]:
    def kernel(state: Floats, start: int, noise: Floats, out: Floats) -> None:
        _call(function, state, start, noise, out, out.shape[1])

    return kernel


def _call(function: Any, state: Floats, *arguments: Any) -> None:
    """Call with a state, its number of lanes, and more arrays and numbers."""
    for array in (state, *arguments):
        assert isinstance(array, int) or (array.flags.c_contiguous and array.itemsize == 8)
    function(_passed(state), _passed(state.shape[1]), *map(_passed, arguments))


def _passed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.ctypes.data_as(ctypes.c_void_p)
    return ctypes.c_size_t(value)
