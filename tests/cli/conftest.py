"""Results of a small study, and the command as a user starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from studies import computed, orbits, over

from lt2f.claims.forms import Status
from lt2f.claims.ledger import Row
from lt2f.views import claims, tables

LT2F = Path(sys.executable).with_name("lt2f")
START = {"imbalance": 0.5, "product": 0.1}
MU = {"start": 0.25, "step": 0.25, "num": 10}
IMBALANCE = {"start": 0, "step": 0.5, "num": 4}
STUDY = {
    "study": "small",
    "seed": 7,
    "figures": {"style": {"format": ["svg"], "dpi": 60}},
    "sweeps": {
        # From convergence to beyond mu = 2, where all diverges.
        "line": over(START, 300, 320, mu=MU),
        "plane": over({"product": 0.1}, 300, 320, mu=MU, imbalance=IMBALANCE),
        "orbit": orbits(START, 10, 4, mu={"start": 0.5, "stop": 1.5, "num": 5}),
        # No figure shows a map over this one alone.
        "odd": over({"mu": 0.5, "product": 0.1}, 300, 320, imbalance=IMBALANCE),
    },
}


def row(status):
    """A claim, not made by anyone, of which the numbers say so much."""
    words = f"what {status} for reasons that take more than one line to say, however wide it is"
    return Row(f"a_{status}", words, "derived: here", "1", "2", "0.1", status, "off by 10")


@pytest.fixture(scope="session")
def make_row():
    """Make a row of a ledger, of a status."""
    return row


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """A folder as the workflow leaves it, and the settings beside it."""
    folder = tmp_path_factory.mktemp("made") / "small"
    folder.mkdir()
    (folder.parent / "small.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    computed(STUDY, folder)
    tables.write_thresholds(folder / "thresholds.csv")
    claims.write([row(Status.AGREES), row(Status.NOT_COMPUTABLE)], folder / "claims.csv")
    return folder


@pytest.fixture(scope="session")
def typed():
    """Run the command in a process of its own: its exit status, output and errors."""

    def run(*words, cwd=None, **environment):
        return subprocess.run(
            [str(word) for word in (LT2F, *words)],
            capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment},
        )  # fmt: skip

    return run
