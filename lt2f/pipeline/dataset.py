"""Labelled datasets: assembled from chunks, written whole or not at all, and identified.

Data pass through slab by slab, so memory does not grow with the sweep, and may do so while later
chunks are still being computed. As they pass they are hashed; the finished file is read back and
has to give the same hash before it takes its name.
"""

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics.codes import Regime
from lt2f.pipeline.attributes import LAYOUT_VERSION, attributes, settings_of
from lt2f.pipeline.identity import code_sha256, sha256_of
from lt2f.pipeline.settings import SettingsError
from lt2f.pipeline.slabs import SLAB_BYTES, Gatherer, blocks, cut
from lt2f.pipeline.store import ABANDONED, Store
from lt2f.pipeline.variables import COORDINATES, ELLIPSE, PATHS, VARIABLES, Variable

if TYPE_CHECKING:  # who only reads datasets has no need of what computes them
    import xarray as xr

    from lt2f.pipeline.plan import Chunk, Plan

Report = Callable[[int, int], None]  # bytes done, bytes in all


class DatasetError(OSError):
    """A dataset could not be written or is not one of ours."""


def variables(plan: "Plan") -> dict[str, Variable]:
    """Return the variables that a plan's dataset holds, each error after its estimate."""
    if plan.task.count:
        return {"regime_count": VARIABLES["regime_count"]}
    if paths := PATHS.get(plan.task.kind):
        return {name: paths[name] for name in plan.task.record}
    parts = (part for name in plan.task.record for part in (name, f"{name}_error"))
    table = VARIABLES | ELLIPSE if plan.task.kind == "ellipse" else VARIABLES
    return {part: table[part] for part in parts if part in table}


def cell_bytes(plan: "Plan") -> int:
    """Bytes that a cell takes in a plan's dataset, before any packing."""
    sizes = {"": 1, **_extra_sizes(plan)}
    return sum(np.dtype(x.dtype).itemsize * sizes[x.extra] for x in variables(plan).values())


def assemble(
    plan: "Plan",
    chunks: "list[Chunk]",
    store: Store,
    path: Path,
    wait: Callable[[str], None] = lambda name: None,
) -> str:
    """Write the dataset of a plan from its chunks; its content hash.

    `wait` is called with the name of each chunk before it is read.

    Raises
    ------
    DatasetError
        If the file cannot be written or does not read back as it was written. What was at `path`
        before stays as it was.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_up(path)
        written = _write(plan, chunks, store, draft, wait)
        if content_sha256(draft) != written:
            raise DatasetError("what was written does not read back")
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except (OSError, RuntimeError) as error:  # netCDF4 raises RuntimeError for what HDF5 reports
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be written: {reason}") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return written


def content_sha256(path: Path, report: Report = lambda done, total: None) -> str:
    """Hash a dataset's coordinates, data and the settings that determine them, from the file."""
    with netCDF4.Dataset(path) as file, ThreadPoolExecutor(1) as hasher:
        file.set_auto_mask(False)
        hashes = {name: hashlib.sha256() for name in file.variables}
        total, done = sum(x.size * x.dtype.itemsize for x in file.variables.values()), 0
        hashed: Future[None] = hasher.submit(lambda: None)
        for name, digest in hashes.items():
            for values in _read(file.variables[name]):
                hashed.result()  # of the block before, while this one was read
                hashed = hasher.submit(digest.update, _canonical(values))
                done += values.nbytes
                report(done, total)
        hashed.result()
        identity = json.loads(file.getncattr("lt2f_identity"))
    return _content(identity, {name: digest.hexdigest() for name, digest in hashes.items()})


def verify(path: Path, report: Report = lambda done, total: None) -> str:
    """Hold a dataset against the hash and the code that it names: "intact", or what is wrong."""
    try:
        with open_dataset(path) as dataset:
            named, code = dataset.attrs["content_sha256"], dataset.attrs["code_sha256"]
        if content_sha256(path, report) != named:
            return "damaged: its data are not those that it names"
    except DatasetError as error:
        return str(error).removeprefix(f"{path}: ")
    except Exception as error:  # a damaged file can fail in any way
        return f"damaged: {error}"
    return "intact" if code == code_sha256("lt2f.pipeline.solve") else "intact, made by other code"


def open_dataset(path: str | Path) -> "xr.Dataset":
    """Open a dataset of ours with xarray, read on demand.

    Raises
    ------
    DatasetError
        If the file is missing, damaged, of another layout version, or does not say how it was made.
    """
    import xarray as xr

    try:
        dataset = xr.open_dataset(path, engine="netcdf4")
    except Exception as error:  # a damaged file can fail in any way
        raise DatasetError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        _require_ours(dataset)
    except (DatasetError, SettingsError) as error:
        dataset.close()
        raise DatasetError(f"{path}: {error}") from None
    return dataset


def _require_ours(dataset: "xr.Dataset") -> None:
    layout: Any = dataset.attrs.get("lt2f_layout")
    if not np.array_equal(layout, LAYOUT_VERSION):  # it may be an array, or any text
        found = "not a dataset of lt2f" if layout is None else f"of layout {layout}"
        raise DatasetError(f"{found}; this lt2f reads layout {LAYOUT_VERSION}")
    settings_of(dataset)


def _content(identity: dict[str, Any], data: dict[str, str]) -> str:
    return sha256_of({"identity": identity, "data": data})


def _canonical(values: NDArray[Any]) -> memoryview:
    """Little-endian values in row-major order."""
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).data


def _read(variable: Any) -> Iterator[NDArray[Any]]:
    """Read a variable in row-major order, by rows of the blocks in which it is stored."""
    if variable.ndim == 0:
        yield np.asarray(variable[...])
        return
    sides = variable.chunking()
    if sides == "contiguous":
        sides = variable.shape
    else:
        variable.set_var_chunk_cache(size=1)  # every block is read whole, so none is kept
    for box in cut(variable.shape, sides, SLAB_BYTES // variable.dtype.itemsize):
        yield np.asarray(variable[box])


def _write(
    plan: "Plan", chunks: "list[Chunk]", store: Store, draft: Path, wait: Callable[[str], None]
) -> str:
    """Write everything to `draft`; the content hash of what went in."""
    table = variables(plan)
    scalars = _scalars(plan, table)
    with netCDF4.Dataset(draft, "w", format="NETCDF4") as file:
        coordinates = {name: plan.axes[name] for name in plan.dims}
        coordinates |= {name: np.array(x) for name, x in scalars.items()}
        coordinates |= _extra_coordinates(plan, table)
        hashes = {name: _write_coordinate(file, name, x) for name, x in coordinates.items()}
        shape, kinds = tuple(plan.dims.values()), _kinds(file, table)
        room = max(SLAB_BYTES // cell_bytes(plan), 1)
        sides = blocks(shape, [plan.tile()[name] for name in plan.dims], room)
        targets = {n: _create(file, plan, n, x, sides, " ".join(scalars)) for n, x in table.items()}
        digests = {name: hashlib.sha256() for name in table}
        gather = Gatherer(plan, chunks, store, kinds, wait)
        for box in cut(shape, sides, room):
            for name, values in gather(box).items():
                targets[name][box] = values
                digests[name].update(_canonical(values))
        hashes |= {name: digest.hexdigest() for name, digest in digests.items()}
        content = _content(plan.identity(), hashes)
        file.setncatts(attributes(plan, content))
    return content


def _kinds(file: Any, table: dict[str, Variable]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type of each variable, and the sizes of its dimensions beside the axes."""
    sizes = {name: dimension.size for name, dimension in file.dimensions.items()}
    return {n: (x.dtype, (sizes[x.extra],) if x.extra else ()) for n, x in table.items()}


def _sweep_up(path: Path) -> None:
    """Remove drafts that runs left which were killed outright."""
    for draft in path.parent.glob(f".{path.name}.*.part"):
        with contextlib.suppress(OSError):
            if draft.stat().st_mtime < time.time() - ABANDONED:
                draft.unlink()


def _scalars(plan: "Plan", table: dict[str, Variable]) -> dict[str, float]:
    """Coordinates that do not vary; an orbit may have an imbalance of its own."""
    return {
        f"{name}_start" if name in table else name: value
        for name, value in plan.sweep.scalars().items()
    }


def _extra_sizes(plan: "Plan") -> dict[str, int]:
    """Sizes of the dimensions that variables may have beside the axes."""
    lengths = dict.fromkeys(("sample", "step"), plan.samples)
    return {"exponent": 2, "weight": 2, "outcome": len(Regime), **lengths}


def _extra_coordinates(plan: "Plan", table: dict[str, Variable]) -> dict[str, NDArray[Any]]:
    """Coordinates of those that they have: ranks and weights count from 1, the rest from 0."""
    sizes = _extra_sizes(plan)
    extras = dict.fromkeys(variable.extra for variable in table.values() if variable.extra)
    return {name: np.arange(sizes[name]) + (name in ("exponent", "weight")) for name in extras}


def _write_coordinate(file: Any, name: str, values: NDArray[Any]) -> str:
    entry = COORDINATES[name]
    values = values.astype(entry.dtype)
    if values.ndim:
        file.createDimension(name, values.size)
    variable = file.createVariable(
        name, entry.dtype, (name,) * values.ndim, fill_value=False, fletcher32=values.ndim > 0
    )
    variable.setncatts(entry.cf())
    variable[...] = values
    return hashlib.sha256(_canonical(values)).hexdigest()


def _create(
    file: Any, plan: "Plan", name: str, entry: Variable, sides: list[int], scalars: str
) -> Any:
    """Create a variable, stored in blocks with the given sides."""
    extra = (entry.extra,) if entry.extra else ()
    variable = file.createVariable(
        name,
        entry.dtype,
        (*plan.dims, *extra),
        zlib=entry.dtype.startswith(("u", "i")),  # packing floats is half the work of a file
        complevel=1,
        shuffle=True,
        fletcher32=True,
        chunksizes=[*sides, *(file.dimensions[dimension].size for dimension in extra)],
        fill_value=False,
    )
    variable.set_var_chunk_cache(size=1)  # every block comes whole, so none has to wait
    variable.setncatts(entry.cf())
    if scalars:
        variable.coordinates = scalars
    if f"{name}_error" in variables(plan):
        variable.ancillary_variables = f"{name}_error"
    return variable
