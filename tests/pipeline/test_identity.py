"""Hashes of settings and code, on packages made up for the purpose."""

import math
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.pipeline import identity as module
from lt2f.pipeline.identity import canonical_json, code_sha256, sha256_of

SOURCES = {
    "__init__.py": "VERSION = 1\n",
    "top.py": '"""Top."""\nfrom PKG.middle import bridge\n\n\ndef top():\n    return bridge() + 1',
    "middle/__init__.py": "",
    "middle/bridge.py": "from .. import leaf\nfrom . import beam as b\n\n\ndef bridge():\n    "
    "from PKG.late import late\n    return leaf.leaf() + b.beam + late\n",
    "middle/beam.py": "beam = 2\n",
    "leaf.py": "# a leaf\ndef leaf():\n    return 3.0\n",
    "late.py": "late = 5\n",
    "aside.py": "aside = 7\n",
}
_serial = count()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the package under a name of its own, so that no import cache knows it."""
    folder = tmp_path / f"made_up_{next(_serial)}"
    for name, text in SOURCES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("PKG", folder.name))
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def edit(file: Path, change: Callable[[str], str]) -> None:
    before = file.read_text()
    file.write_text(change(before))
    assert file.read_text() != before


def identity(package: Path) -> str:
    return code_sha256(f"{package.name}.top")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("leaf.py", lambda text: text.replace("a leaf", "the leaf")),
        ("leaf.py", lambda text: text.replace("():\n", "():\n    '''What a leaf returns.'''\n")),
        ("leaf.py", lambda text: text.replace("return 3.0", "return (\n        3.00\n    )")),
        ("leaf.py", lambda text: "'''A module of leaves.'''\n" + text),
        ("top.py", lambda text: text.replace("Top.", "The top.")),
        ("middle/beam.py", lambda text: text + "'what a beam is'\n"),
        ("aside.py", lambda text: text.replace("7", "8")),
        ("__init__.py", lambda text: text.replace("1", "2")),
    ],
)
def test_comment_docstring_layout_and_unrelated_edits_change_nothing(package, name, change):
    before = identity(package)
    edit(package / name, change)
    assert identity(package) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("top.py", "+ 1", "+ 2"),
        ("middle/bridge.py", "leaf.leaf() +", "leaf.leaf() -"),
        ("middle/beam.py", "2", "3"),
        ("middle/beam.py", "2", "2.0"),
        ("leaf.py", "3.0", "-3.0"),
        ("leaf.py", "leaf()", "leaf(_=None)"),
        ("late.py", "5", "6"),
    ],
    ids=lambda part: part.replace("/", "."),
)
def test_a_code_edit_anywhere_below_changes_the_hash(package, name, old, new):
    before = identity(package)
    edit(package / name, lambda text: text.replace(old, new))
    assert identity(package) != before


def test_code_that_runs_when_a_parent_package_is_imported_counts(package):
    before = identity(package)
    (package / "middle/__init__.py").write_text("import warnings\n")
    assert identity(package) != before


def test_type_checking_imports_do_not_count_but_their_alternative_does(package):
    guard = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from PKG.aside import {}\n"
    text = (package / "leaf.py").read_text()

    def write(extra: str) -> str:
        (package / "leaf.py").write_text(extra.replace("PKG", package.name) + text)
        return identity(package)

    guarded = write(guard.format("aside"))
    assert write(guard.format("aside as another")) == guarded
    edit(package / "aside.py", lambda text: text.replace("7", "8"))
    assert write(guard.format("aside")) == guarded
    assert write(guard.format("aside") + "else:\n    aside = 9\n") != guarded


def test_the_hash_depends_on_names_and_not_on_where_or_when_files_were_made(package, tmp_path):
    before = identity(package)
    elsewhere = tmp_path / "elsewhere" / package.name
    for name, text in reversed(SOURCES.items()):
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_text(text.replace("PKG", package.name))
    sys.path.insert(0, str(elsewhere.parent))
    try:
        assert identity(package) == before
        (elsewhere / "leaf.py").rename(elsewhere / "petal.py")
        edit(elsewhere / "middle/bridge.py", lambda text: text.replace("leaf\n", "petal as leaf\n"))
        assert identity(package) != before
    finally:
        sys.path.remove(str(elsewhere.parent))


def test_nothing_is_imported(package):
    edit(package / "late.py", lambda text: text + "raise RuntimeError\n")
    identity(package)
    assert not [name for name in sys.modules if name.startswith(package.name)]


def test_circular_imports_end(package):
    edit(package / "leaf.py", lambda text: f"import {package.name}.top\n" + text)
    assert identity(package)


@pytest.fixture
def table(tmp_path, monkeypatch) -> Path:
    """Give the folder that keeps digests, and forget those of this process."""
    monkeypatch.setenv("LT2F_CACHE", str(tmp_path / "cache"))
    forget(monkeypatch)
    return tmp_path / "cache/syntax"


def forget(monkeypatch) -> None:
    monkeypatch.setattr(module, "_kept", {})
    monkeypatch.setattr(module, "_used", set())


@module.remembered()
def remembered_identity(package: Path) -> str:
    return identity(package)


def test_what_is_remembered_is_not_parsed_again(package, table, monkeypatch):
    before = remembered_identity(package)
    forget(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(module.ast, "parse", None)
        assert remembered_identity(package) == before
    edit(package / "leaf.py", lambda text: text.replace("3.0", "4.0"))
    assert remembered_identity(package) != before
    edit(package / "leaf.py", lambda text: text.replace("4.0", "3.0"))
    assert remembered_identity(package) == before
    assert len(list(table.iterdir())) == 1


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": 1}', '{"a": ["b", 2]}', "\x00"])
def test_a_damaged_table_is_made_again(package, table, damage, monkeypatch):
    before = remembered_identity(package)
    (file,) = table.iterdir()
    whole = file.read_text()
    file.write_text(damage)
    forget(monkeypatch)
    assert remembered_identity(package) == before
    assert file.read_text() == whole


def test_a_table_that_cannot_be_written_does_not_matter(package, table):
    table.parent.mkdir()
    table.write_text("not a folder")
    assert remembered_identity(package) == identity(package)


def test_an_unknown_module_is_named(package):
    with pytest.raises(ModuleNotFoundError, match=f"{package.name}.nowhere"):
        code_sha256(f"{package.name}.nowhere")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        code_sha256("no_such_package.module")


def test_lt2f_itself_has_an_identity_per_stage():
    assert code_sha256("lt2f.pipeline.identity") != code_sha256("lt2f.dynamics.codes")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_canonical_json_ignores_the_order_of_keys(obj):
    reordered = dict(reversed(obj.items()))
    assert canonical_json(reordered) == canonical_json(obj)
    assert sha256_of(reordered) == sha256_of(obj)


def test_canonical_json_is_compact_and_ascii():
    assert canonical_json({"mu": [1, 0.5], "law": "é"}) == '{"law":"\\u00e9","mu":[1,0.5]}'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_write_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"mu": value})


def test_sha256_is_that_of_the_text():
    # FIPS 180-2 gives no digest of "{}"; this is `printf '{}' | sha256sum`.
    assert sha256_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
