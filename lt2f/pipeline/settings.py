"""Typed settings, and the only reader of raw configuration.

`load` a YAML file or `parse` a mapping: what comes back is frozen and keeps every rule, so no other
room checks settings again. The JSON schema comes out of the same types.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import Field, ValidationError

from lt2f.pipeline.axes import Axis
from lt2f.pipeline.executors import Executor, Local
from lt2f.pipeline.grids import MAX_CELLS, Sweep
from lt2f.pipeline.kinds import (
    RECORDABLE,
    AnySweep,
    MapSweep,
    OrbitSweep,
    TrajectorySweep,
)
from lt2f.pipeline.rules import Model, SettingsError, describe, whole
from lt2f.pipeline.training_kind import TransformerSweep

__all__ = [
    "MAX_CELLS",
    "RECORDABLE",
    "AnySweep",
    "Axis",
    "Executor",
    "Local",
    "MapSweep",
    "OrbitSweep",
    "Settings",
    "SettingsError",
    "Sweep",
    "TrajectorySweep",
    "TransformerSweep",
    "load",
    "parse",
    "schema",
]

# Names become files, so none leads out of results/ or hides there.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=100)]


class Style(Model):
    """File formats of every figure, and dots per inch of those made of pixels."""

    format: Annotated[
        tuple[Literal["png", "pdf", "svg"], ...], Field(min_length=1, strict=False)
    ] = ("png", "pdf")
    """File formats; every figure is written in each of them."""
    dpi: Annotated[int, Field(ge=50, le=1200), whole] = 200
    """Dots per inch of png, and of what a pdf or svg holds as pixels."""


class Figures(Model):
    """How figures look; never part of a dataset's identity."""

    style: Style = Style()
    """File formats and resolution."""


class Settings(Model):
    """One study."""

    study: Name
    """Name of the study: everything is written to results/<study>/."""
    seed: Annotated[int, Field(ge=0, lt=2**64), whole] = 0
    """What all random numbers follow from: the same seed gives the same data, to the bit."""
    executor: Executor = Local()
    """Where the cells are computed; never changes a number."""
    chunks: Annotated[Path, Field(strict=False)] | None = None
    """Folder for the pieces of sweeps; results/.chunks if unsaid. For a scratch disk."""
    sweeps: Annotated[dict[Name, AnySweep], Field(min_length=1)]
    """The sweeps by name: each makes the dataset results/<study>/<name>.nc."""
    figures: Figures = Figures()
    """How figures look; which there are follows from the sweeps."""


def parse(mapping: Mapping[str, Any]) -> Settings:
    """Read settings from a mapping.

    Raises
    ------
    SettingsError
        If a rule is broken: the key, the value given and what is allowed.
    """
    if not isinstance(mapping, Mapping):
        raise SettingsError(f"should be a mapping of settings, not {type(mapping).__name__}")
    try:
        return Settings.model_validate(dict(mapping))
    except ValidationError as error:
        raise SettingsError(describe(mapping, error)) from None


def load(path: str | Path) -> Settings:
    """Read settings from a YAML file.

    Raises
    ------
    SettingsError
        If the file cannot be read, is not YAML or breaks a rule; the file's name comes first.
    """
    try:
        return parse(_read(Path(path)))
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None


def as_yaml(raw: Mapping[str, Any]) -> str:
    """Write settings as YAML that reads back to the last bit, with axes in their order."""
    return str(yaml.safe_dump(dict(raw), sort_keys=False, default_flow_style=None, width=100))


def schema() -> dict[str, Any]:
    """Make the JSON schema of the settings; ``config/schema.json`` is its copy, for editors."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | Settings.model_json_schema()


def _tag(name: str) -> str:
    return f"tag:yaml.org,2002:{name}"


class _Loader(yaml.SafeLoader):
    """YAML of numbers, words, lists and mappings: no other tag, and no key twice.

    A date stays a word, so that a study may be called 2026-05-20.
    """

    yaml_constructors: ClassVar = {
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag in {None, *map(_tag, ("null", "bool", "int", "float", "str", "seq", "map"))}
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Here and not where mappings are built: by then `<<` has merged keys that may be repeated.
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"key {key.value!r} is there twice"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                seen.add(key.value)
        return node


_Loader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != _tag("timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1, which PyYAML reads, takes 1e5, 1e-3 and 1.5e3 for words; YAML 1.2 for numbers.
_Loader.add_implicit_resolver(
    _tag("float"),
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise SettingsError(f"{line}{error.problem}") from None
    except RecursionError:
        raise SettingsError("is nested too deeply") from None
    except (yaml.YAMLError, ValueError, LookupError) as error:  # the last two: `!!int word`
        raise SettingsError(f"is not YAML: {error}") from None
