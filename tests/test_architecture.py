"""The architecture as a table: which room may import which, and who owns which library."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import lt2f

ROOT = Path(lt2f.__file__).parent

# Of several prefixes that fit a module, the longest decides.
MAY_IMPORT = {
    "lt2f": {"lt2f"},
    "lt2f.laws": set(),
    "lt2f.dynamics": {"lt2f.dynamics", "lt2f.laws"},
    # A check on all the rest of the wing, which would be circular if it used it.
    "lt2f.dynamics.extended_map": set(),
    "lt2f.dynamics.extended": {"lt2f.dynamics.codes", "lt2f.dynamics.extended_map"},
    "lt2f.dynamics.arithmetic": {
        "lt2f.dynamics.codes",
        "lt2f.dynamics.extended",
        "lt2f.dynamics.extended_map",
    },
    "lt2f.training": {"lt2f.laws", "lt2f.training"},
    "lt2f.reduction": {"lt2f.dynamics", "lt2f.training"},
    "lt2f.trained": {"lt2f.dynamics", "lt2f.reduction", "lt2f.training"},
    "lt2f.advice": {
        "lt2f.advice",
        "lt2f.dynamics",
        "lt2f.reduction",
        "lt2f.trained",
        "lt2f.training",
    },
    "lt2f.explore": {
        "lt2f.advice.attractor",
        "lt2f.advice.rows",
        "lt2f.dynamics",
        "lt2f.explore",
        "lt2f.laws",
        "lt2f.pipeline.dataset",
        "lt2f.pipeline.kinds",
        "lt2f.pipeline.plan",
        "lt2f.pipeline.settings",
        "lt2f.pipeline.solve",
        "lt2f.training.batches",
        "lt2f.views.boundaries",
        "lt2f.views.exponents",
        "lt2f.views.style",
        "lt2f.views.words",
    },
    "lt2f.plain": set(),
    "lt2f.progress": set(),
    "lt2f.stages": {
        "lt2f.pipeline.identity",
        "lt2f.pipeline.settings",
        "lt2f.views.catalogue",
    },
    "lt2f.pipeline": {"lt2f.dynamics", "lt2f.laws", "lt2f.training", "lt2f.pipeline"},
    # What each of these says of itself: it knows no settings, no cluster, no other room.
    "lt2f.pipeline.axes": {"lt2f.pipeline.rules"},
    "lt2f.pipeline.agreement": {"lt2f.pipeline.identity", "lt2f.pipeline.store"},
    "lt2f.pipeline.certificates": set(),
    "lt2f.pipeline.cluster": {
        "lt2f.pipeline.certificates",
        "lt2f.pipeline.consent",
        "lt2f.pipeline.executors",
        "lt2f.pipeline.lean",
        "lt2f.pipeline.nearby",
        "lt2f.pipeline.reach",
        "lt2f.pipeline.slurm",
    },
    "lt2f.pipeline.consent": {"lt2f.pipeline.identity", "lt2f.pipeline.reach"},
    "lt2f.pipeline.executors": {"lt2f.pipeline.grids", "lt2f.pipeline.rules"},
    "lt2f.pipeline.identity": {"lt2f.dynamics.place"},
    "lt2f.pipeline.lean": set(),
    "lt2f.pipeline.nearby": set(),
    "lt2f.pipeline.reach": {
        "lt2f.pipeline.executors",
        "lt2f.pipeline.nearby",
        "lt2f.pipeline.store",
    },
    "lt2f.pipeline.rules": set(),
    "lt2f.pipeline.slurm": {
        "lt2f.pipeline.certificates",
        "lt2f.pipeline.consent",
        "lt2f.pipeline.executors",
        "lt2f.pipeline.lean",
        "lt2f.pipeline.reach",
    },
    "lt2f.pipeline.solve": {
        "lt2f.dynamics",
        "lt2f.laws",
        "lt2f.pipeline.transformers",
        "lt2f.training",
    },
    "lt2f.pipeline.transformers": {
        "lt2f.dynamics",
        "lt2f.reduction",
        "lt2f.trained",
        "lt2f.training",
    },
    "lt2f.pipeline.store": set(),
    "lt2f.pipeline.variables": {"lt2f.dynamics.codes", "lt2f.dynamics.steps"},
    "lt2f.claims": {
        "lt2f.claims",
        "lt2f.dynamics",
        "lt2f.laws",
        "lt2f.reduction",
        "lt2f.trained",
        "lt2f.training",
    },
    "lt2f.views": {
        "lt2f.claims.forms",
        "lt2f.claims.ledger",
        "lt2f.dynamics.balancing",
        "lt2f.dynamics.box_counting",
        "lt2f.dynamics.batch_theory",
        "lt2f.dynamics.closed_forms",
        "lt2f.dynamics.codes",
        "lt2f.dynamics.controls",
        "lt2f.dynamics.decay",
        "lt2f.dynamics.escape",
        "lt2f.dynamics.factor_noise",
        "lt2f.dynamics.jackknife",
        "lt2f.dynamics.noise_theory",
        "lt2f.dynamics.repeller",
        "lt2f.dynamics.sensitivity",
        "lt2f.dynamics.steps",
        "lt2f.dynamics.theory",
        "lt2f.dynamics.thresholds",
        "lt2f.dynamics.transverse",
        "lt2f.laws",
        "lt2f.pipeline.dataset",
        "lt2f.plain",
        "lt2f.training.prompt_batches",  # the law of batches, for the edges that follow from it
        "lt2f.training.prompts",
        "lt2f.views",
    },
}
# The report shows an example of advice.
MAY_IMPORT["lt2f.views.report"] = MAY_IMPORT["lt2f.views"] | {"lt2f.advice.answer"}
OWNERS = {
    "PIL": {"lt2f.views.pictures"},
    "bokeh": {"lt2f.explore"},
    "click": {"lt2f.cli"},
    "cryptography": {"lt2f.pipeline.certificates"},
    "dask": {"lt2f.pipeline.cluster", "lt2f.pipeline.slurm"},
    "dask_jobqueue": {"lt2f.pipeline.slurm"},
    "distributed": {
        "lt2f.pipeline.certificates",
        "lt2f.pipeline.cluster",
        "lt2f.pipeline.lean",
        "lt2f.pipeline.slurm",
    },
    "jinja2": {"lt2f.views.report"},
    "llvmlite": {"lt2f.dynamics"},
    "matplotlib": {"lt2f.views"},
    "netCDF4": {"lt2f.pipeline.dataset"},
    "numba": {"lt2f.dynamics"},
    "platformdirs": {"lt2f.dynamics.place", "lt2f.pipeline.consent"},
    "pydantic": {"lt2f.pipeline"},
    "snakemake": set(),
    "tqdm": {"lt2f.progress"},
    "xarray": {"lt2f.pipeline.dataset", "lt2f.views"},
    "yaml": {"lt2f.pipeline.settings", "lt2f.views.origin"},
}
HEAVY = {
    "bokeh", "click", "dask", "matplotlib", "numba", "numpy", "pydantic", "scipy", "xarray", "yaml",
}  # fmt: skip


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(file): ast.parse(file.read_bytes()) for file in sorted(ROOT.rglob("*.py"))}


def within(name: str, rooms: set[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def imports(tree: ast.AST, *, for_types: bool = True) -> Iterator[str]:
    """Yield the dotted names that a module imports, at its top or inside its functions."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=base, names=names, level=level):
                assert not level, "relative imports hide from which room they import"
                yield from (f"{base}.{alias.name}" for alias in names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=other) if not for_types:
                yield from imports(ast.Module(body=other, type_ignores=[]), for_types=False)
            case _:
                yield from imports(node, for_types=for_types)


def imported_modules(name: str) -> set[str]:
    """Name the modules of lt2f that a module imports; what is no module is a name within one."""
    found = {target for target in imports(TREES[name]) if within(target, {"lt2f"})}
    return {target if target in TREES else target.rpartition(".")[0] for target in found}


def test_a_module_is_found_and_a_forbidden_import_would_be_seen():
    assert "lt2f.dynamics.codes" in TREES
    source = (
        "if TYPE_CHECKING:\n    import dask\n"
        "def late():\n    from lt2f.views import figures\n    import numba.types as t\n"
    )
    tree = ast.parse(source)
    assert list(imports(tree)) == ["dask", "lt2f.views.figures", "numba.types"]
    assert list(imports(tree, for_types=False)) == ["lt2f.views.figures", "numba.types"]


@pytest.mark.parametrize("name", TREES)
def test_imports_run_one_way(name):
    room = max((room for room in MAY_IMPORT if within(name, {room})), key=len)
    forbidden = {
        target for target in imported_modules(name) if not within(target, MAY_IMPORT[room])
    }
    # The version is no room.
    assert forbidden - {"lt2f"} == set()


def test_no_module_imports_itself_through_others():
    # A package's own `__init__` is loaded before its modules anyway.
    graph = {name: imported_modules(name) - {"lt2f"} for name in TREES if name != "lt2f"}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", TREES)
def test_a_library_is_imported_by_its_owner_only(name):
    libraries = {target.partition(".")[0] for target in imports(TREES[name], for_types=False)}
    stray = {library for library in libraries & OWNERS.keys() if not within(name, OWNERS[library])}
    assert stray == set()


def public(node: ast.AST, path: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield the public classes, functions and methods below a node, not what functions hold."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, kinds) and not child.name.startswith("_"):
            yield f"{path}.{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from public(child, f"{path}.{child.name}")


@pytest.mark.parametrize("name", TREES)
def test_all_that_is_public_has_a_docstring(name):
    bare = [path for path, node in public(TREES[name], name) if not ast.get_docstring(node)]
    assert bare == []


def test_importing_lt2f_loads_nothing_heavy():
    code = "import sys, lt2f; dir(lt2f); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(run.stdout.split()) == set()


def test_the_public_names_are_there():
    assert set(lt2f.__all__) <= set(dir(lt2f))
    assert callable(lt2f.sweep)
    assert callable(lt2f.advise)
    with pytest.raises(AttributeError, match="has no attribute 'swept'"):
        lt2f.swept  # noqa: B018
