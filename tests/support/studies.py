"""Studies in few words, and their sweeps computed into a folder as the workflow leaves them."""

from pathlib import Path
from typing import Any

from lt2f.pipeline import settings
from lt2f.pipeline.plan import plan
from lt2f.pipeline.store import Store
from lt2f.pipeline.sweep import run


def over(
    fixed: dict[str, float], transient: int, measure: int, **axes: dict[str, Any]
) -> dict[str, Any]:
    """Settings of a sweep of maps over axes."""
    iterations = {"transient": transient, "measure": measure}
    return {"axes": axes, "fixed": fixed, "iterations": iterations}


def orbits(
    fixed: dict[str, float], transient: int, samples: int, **axes: dict[str, Any]
) -> dict[str, Any]:
    """Settings of a sweep of orbits over axes."""
    iterations = {"transient": transient, "samples": samples}
    return {"kind": "orbit", "axes": axes, "fixed": fixed, "iterations": iterations}


def computed(raw: dict[str, Any], folder: Path) -> settings.Settings:
    """Compute the sweeps of a study into a folder, and their chunks beside it."""
    study, store = settings.parse(raw), Store(folder.parent / "chunks")
    for name in study.sweeps:
        run(plan(study, name), store, folder / f"{name}.nc")
    return study
