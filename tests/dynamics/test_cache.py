"""Compiled kernels on disk, in processes of their own, with files that are really damaged."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lt2f

# A package like ours with two kernels of its own: what they call is in another module, and one is
# made by a function that it keeps in its closure.
CALLEE = """\
from lt2f.dynamics.compiler import jit

@jit
def term(x):
    return x + 1.0
"""
KERNEL = """\
from lt2f.dynamics.compiler import jit
from lt2f.dynamics.callee import term

@jit
def plain(x):
    return 2.0 * term(x)

def make(function, factor):
    @jit
    def made(x):
        return factor * function(x)
    return made

double, triple = make(term, 2.0), make(term, 3.0)
"""
RUN = """\
import logging, sys
logging.basicConfig(format="told: %(message)s", level=logging.INFO)
from lt2f.dynamics.kernel import double, plain, triple
kernels = plain, double, triple
print(*(kernel(1.0) for kernel in kernels))
print(*(sum(kernel.stats.cache_misses.values()) for kernel in kernels))
print("numba.np.arrayobj" in sys.modules)
"""


class Home:
    """A copy of the package and a cache folder for it."""

    def __init__(self, folder: Path) -> None:
        self.package, self.cache = folder / "lt2f" / "dynamics", folder / "cache"
        self.package.mkdir(parents=True)
        (folder / "lt2f" / "__init__.py").touch()
        for name in ("__init__", "cache", "compiler", "place"):
            shutil.copy(Path(lt2f.__file__).parent / "dynamics" / f"{name}.py", self.package)
        (self.package / "callee.py").write_text(CALLEE)
        (self.package / "kernel.py").write_text(KERNEL)
        self.environment = {"PYTHONPATH": str(folder), "LT2F_CACHE": str(self.cache)}

    def run(self, **environment: str) -> tuple[list[float], list[int], list[str], bool]:
        """Values of the kernels, how often each was compiled, what was said, and a telltale."""
        run = subprocess.run(
            # no bytecode: Python takes a file that is as old and as long for unchanged
            [sys.executable, "-B", "-P", "-c", RUN],
            env=os.environ | self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        values, misses, telltale = run.stdout.splitlines()
        told = [line for line in run.stderr.splitlines() if line.startswith("told")]
        return [*map(float, values.split())], [*map(int, misses.split())], told, telltale == "True"

    def files(self, part: str = "") -> list[Path]:
        return sorted(self.cache.rglob(f"*{part}.*.nbc"))


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A home whose kernels are compiled; tests copy its cache."""
    home = Home(tmp_path_factory.mktemp("warm"))
    assert home.run() == (VALUES, [1, 1, 1], [], True)
    return home


@pytest.fixture
def spoilt(warm, tmp_path):
    """The same with a cache of its own, to be damaged."""
    other = Home(tmp_path)
    other.environment["PYTHONPATH"] = warm.environment["PYTHONPATH"]
    shutil.copytree(warm.cache, other.cache)
    return other


VALUES = [4.0, 4.0, 6.0]  # 2(1 + 1), 2(1 + 1), 3(1 + 1)


def test_a_second_process_compiles_nothing(warm):
    # Nor does it import what compiling takes.
    for seed in ("1", "2"):
        assert warm.run(PYTHONHASHSEED=seed) == (VALUES, [0, 0, 0], [], False)


def test_a_clone_elsewhere_compiles_nothing(warm, tmp_path):
    clone = Home(tmp_path)
    assert clone.run(LT2F_CACHE=str(warm.cache)) == (VALUES, [0, 0, 0], [], False)


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def flip(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[len(whole) * 2 // 3] ^= 1
    file.write_bytes(whole)


def scribble(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


def swap(file: Path) -> None:
    """Put another kernel under this one's name."""
    (other,) = file.parent.glob("*callee*")
    file.write_bytes(other.read_bytes())


@pytest.mark.parametrize("damage", [truncate, empty, flip, scribble, swap])
def test_damaged_files_are_made_again(spoilt, damage):
    files = spoilt.files()
    assert len(files) == 4  # three kernels, and what they call
    for file in files:
        damage(file)
    values, misses, told, _ = spoilt.run()
    assert (values, misses) == (VALUES, [1, 1, 1])
    assert len(told) == 1
    assert "damaged" in told[0]
    assert spoilt.run() == (VALUES, [0, 0, 0], [], False)


@pytest.mark.parametrize("damage", [truncate, Path.unlink])
def test_one_bad_file_costs_one_compilation(spoilt, damage):
    (file,) = spoilt.files("plain")
    damage(file)
    values, misses, _, _ = spoilt.run()
    assert (values, misses) == (VALUES, [1, 0, 0])


def test_a_folder_in_place_of_a_file_is_passed_over(spoilt):
    (file,) = spoilt.files("plain")
    file.unlink()
    file.mkdir()
    values, misses, told, _ = spoilt.run()
    assert (values, misses) == (VALUES, [1, 0, 0])
    assert len(told) <= 1


def test_without_a_folder_kernels_are_compiled_in_memory(home):
    home.cache.write_text("no folder")
    for _ in range(2):
        values, misses, told, _ = home.run()
        assert (values, misses) == (VALUES, [1, 1, 1])
        assert len(told) == 1
        assert "cannot be kept: Not a directory" in told[0]


def test_a_full_disk_leaves_no_part_of_a_file(home, full_disk):
    home.cache.mkdir()
    with full_disk(100):
        values, misses, told, _ = home.run()
    assert (values, misses) == (VALUES, [1, 1, 1])
    assert len(told) == 1
    assert not [file for file in home.cache.rglob("*") if file.is_file()]


def test_an_edit_to_what_a_kernel_calls_is_seen(home):
    assert home.run()[0] == VALUES
    callee = home.package / "callee.py"
    stat = callee.stat()
    callee.write_text(CALLEE.replace("x + 1.0", "x + 2.0"))  # as long, and as old
    os.utime(callee, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert home.run()[:2] == ([6.0, 6.0, 9.0], [1, 1, 1])
    callee.write_text(CALLEE)
    assert home.run()[:2] == (VALUES, [0, 0, 0])  # and back


def test_processes_that_compile_at_once_do_not_get_in_each_others_way(home):
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: home.run()[0], range(3)))
    assert runs == [VALUES] * 3
    assert home.run() == (VALUES, [0, 0, 0], [], False)
    assert not list(home.cache.rglob("*.part"))


IDENTITIES = """\
from importlib import import_module
from pathlib import Path
import lt2f.dynamics
for file in sorted(Path(lt2f.dynamics.__file__).parent.glob("*.py")):
    for name, value in sorted(vars(import_module(f"lt2f.dynamics.{file.stem}")).items()):
        for kernel in value if isinstance(value, tuple) else (value,):
            if hasattr(kernel, "py_func"):
                print(name, kernel._cache._function)
"""


def test_every_kernel_has_a_name_that_processes_share_and_no_other_kernel_has():
    def identities(seed):
        run = subprocess.run(
            [sys.executable, "-c", IDENTITIES],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout.splitlines()

    first = identities("1")
    assert identities("2") == first
    found = dict(line.split(maxsplit=1)[::-1] for line in first)
    assert len(found) > 20
