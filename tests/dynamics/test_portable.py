"""The same bits from registers of another width."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding

from lt2f.dynamics import kernels as k
from lt2f.dynamics import lanes
from lt2f.dynamics.compiler import WIDE
from lt2f.dynamics.model import MULTIPLICATIVE, QUIET, TARGET
from lt2f.dynamics.rates import KEPT, MEASURE

HASWELL = [
    "avx",
    "avx2",
    "bmi",
    "bmi2",
    "f16c",
    "fma",
    "lzcnt",
    "movbe",
    "popcnt",
    "sse2",
    "sse3",
    "sse4.1",
    "sse4.2",
    "ssse3",
]
SCRIPT = """
import sys
import numpy as np
from lt2f.dynamics import compiler
from test_portable import states

assert not compiler.WIDE
with np.load(sys.argv[1]) as crowd:
    np.save(sys.argv[2], states([crowd[name] for name in "uvm"]))
"""


def states(cells):
    """State of every kernel under laws of every kind after some spans, one after the other."""
    noise = np.random.default_rng(8).uniform(-1.5, 1.5, 300)
    out = []
    for model in (QUIET, MULTIPLICATIVE, TARGET, lanes.INDEX["huber"]):
        state = lanes.prepare(*cells)
        state[k.AMPLITUDE] = 0.0 if model == QUIET else 0.2
        k.ITERATE[model](state, 100, 0, noise)
        k.SETTLE[model](state, 100, 100, noise)
        kept = np.empty((KEPT, state.shape[1]))
        MEASURE[model](state, np.array([200, 240, 300]), noise, kept)
        out.append(np.vstack([state, kept]))
    return np.array(out)


@pytest.mark.skipif(
    not (WIDE and all(binding.get_host_cpu_features().get(name) for name in HASWELL)),
    reason="needs AVX-512, to be compared with AVX2",
)
def test_bits_do_not_depend_on_the_width_of_registers(crowd, tmp_path):
    np.savez(tmp_path / "crowd.npz", **dict(zip("uvm", crowd, strict=True)))
    elsewhere = {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name in HASWELL),
        "LT2F_CACHE": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    files = str(tmp_path / "crowd.npz"), str(tmp_path / "states.npy")
    subprocess.run(
        [sys.executable, "-c", SCRIPT, *files], env={**os.environ, **elsewhere}, check=True
    )
    np.testing.assert_array_equal(np.load(files[1]), states(crowd))
