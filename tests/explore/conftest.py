"""A small study with one map of each form that the explorer shows, and visits to its page."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium
from hearing import heard
from playwright.sync_api import Browser
from visiting import Visit

from lt2f.explore import atlas
from lt2f.explore.atlas import Map
from lt2f.pipeline import settings
from lt2f.pipeline.plan import plan
from lt2f.pipeline.store import Store
from lt2f.pipeline.sweep import run

LENGTHS = {"transient": 2000, "measure": 1024}
SWEEPS: dict[str, Any] = {
    "regimes": {
        "axes": {
            "mu": {"start": 0.05, "step": 0.05, "num": 43},
            "imbalance": {"start": 0, "step": 0.1, "num": 42},
        },
        "fixed": {"product": 0.11},
        "iterations": LENGTHS,
    },
    "plane": {
        "axes": {
            "mu": {"values": [0.5, 1.5]},
            "a": {"start": -2.61, "step": 0.18, "num": 30},
            "b": {"start": -2.6, "step": 0.18, "num": 30},
        },
        "iterations": LENGTHS,
        "record": ["regime", "decided_by", "steps"],
    },
    "noisy": {
        "axes": {
            "mu": {"start": 0.5, "step": 0.1, "num": 12},
            "noise": {"values": [0.0, 0.1, 0.3]},
            "realization": {"num": 3},
        },
        "fixed": {"imbalance": 0.001, "product": 0.1},
        "noise": {"model": "multiplicative", "law": "uniform"},
        "iterations": LENGTHS,
    },
    "decayed": {
        "axes": {
            "mu": {"start": 0.1, "step": 0.1, "num": 24},
            "decay": {"start": 0, "step": 0.05, "num": 14},
        },
        "fixed": {"imbalance": 0.5, "product": 0.1},
        "iterations": LENGTHS,
    },
    "frayed": {
        "axes": {
            "a": {"start": -2.55, "step": 0.3, "num": 18},
            "b": {"start": -2.5, "step": 0.3, "num": 18},
        },
        "fixed": {"mu": 1.1, "decay": 0.2},
        "iterations": {"transient": 600, "measure": 32},
        "record": ["regime"],
    },
    "clipped": {
        "axes": {
            "mu": {"start": 0.1, "step": 0.2, "num": 16},
            "huber": {"start": 0, "step": 0.1, "num": 12},
        },
        "fixed": {"imbalance": 0.5, "product": 0.1},
        "iterations": LENGTHS,
    },
    "capped": {
        "axes": {
            "a": {"start": -5.1, "step": 0.6, "num": 18},
            "b": {"start": -5.2, "step": 0.6, "num": 18},
        },
        "fixed": {"mu": 1.3, "huber": 0.4},
        "iterations": LENGTHS,
        "record": ["regime"],
    },
    "line": {  # over one coordinate, so it is no map to explore
        "axes": {"mu": {"start": 0.5, "step": 0.1, "num": 12}},
        "fixed": {"imbalance": 0.001, "product": 0.1},
        "iterations": LENGTHS,
    },
    "paths": {
        "kind": "trajectory",
        "axes": {"mu": {"values": [0.5, 1.5]}},
        "fixed": {"imbalance": 1.0, "product": 0.1},
        "iterations": {"steps": 50},
    },
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explored")
    study = settings.parse({"study": "explored", "seed": 7, "sweeps": SWEEPS})
    for name in SWEEPS:
        run(plan(study, name), Store(folder / ".chunks"), folder / f"{name}.nc")
    return folder


@pytest.fixture(scope="session")
def maps(folder: Path) -> dict[str, Map]:
    return atlas.maps(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The page as the command serves it; it ends without a word when interrupted."""
    command = [sys.executable, "-m", "lt2f", "explore", str(folder), "--no-browser", "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with heard(signal.SIGINT):
        server = subprocess.Popen(command, **pipes)
    try:
        told = server.stdout.readline()
        yield told.split()[0]
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=20)
    finally:
        server.kill()
        server.wait()
    assert server.returncode == 0
    # What is no page of ours is refused, and that is said.
    assert [line for line in said.splitlines() if "Refusing" not in line] == []
    assert re.match(r"http://127\.0\.0\.1:\d+/ ", told)


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    visits = []

    def enter(query: str = "") -> Visit:
        visits.append(Visit(context, address + query))
        return visits[-1]

    yield enter
    for one in visits:
        assert one.hosts == {"127.0.0.1"}
        assert one.complaints == []
    context.close()
