"""Reference pages made from the code: a line ``<!-- settings -->`` becomes Markdown.

What a key or a variable means is said once, beside its type, and read from there.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sphinx.application import Sphinx

from lt2f.pipeline import settings, variables
from lt2f.pipeline.variables import Variable

SECTIONS = {  # headings of the settings, and the types below each
    "A study": ["Settings"],
    "Sweeps": ["MapSweep", "OrbitSweep", "TrajectorySweep", "EllipseSweep", "TransformerSweep"],
    "Steps": [],
    "Axes": ["Stepped", "Spaced", "Listed", "Around", "Counted"],
    "Noise": ["Noiseless", "Noisy", "Prompts"],
    "The transformer": ["Transformer"],
    "Where it runs": [],
    "Figures": ["Figures", "Style"],
}


def settings_reference() -> Iterator[str]:
    """Yield every key of the settings, by type, with what it takes, its default and meaning."""
    schema = settings.schema()
    types = {"Settings": schema, **schema["$defs"]}
    placed = {name for names in SECTIONS.values() for name in names}
    rest = [name for name in types if name not in placed]
    for heading, names in SECTIONS.items():
        yield f"## {heading}\n"
        if heading == "Steps":
            names = [name for name in rest if name.endswith("Iterations")]
        elif heading == "Where it runs":  # executors, and what else has been added
            names = [name for name in rest if not name.endswith("Iterations")]
        for name in names:
            yield from _type(name, types[name])


def _type(name: str, model: dict[str, Any]) -> Iterator[str]:
    yield f"(settings-{name.lower()})=\n### {_title(name, model)}\n"
    if "description" in model and name != "Settings":
        yield model["description"].replace("``", "`") + "\n"
    required = model.get("required", [])
    yield "| key | takes | default | meaning |\n|---|---|---|---|"
    for key, field in model.get("properties", {}).items():
        default = "**needed**" if key in required else _default(field)
        yield f"| `{key}` | {_takes(field)} | {default} | {_meaning(field)} |"
    yield ""


def _meaning(field: dict[str, Any]) -> str:
    """Say what a key means; one whose type has a table of its own may leave it to that."""
    said = field.get("description", "see there")
    return said[:1].upper() + said[1:].replace("<", "\\<").replace("|", "\\|")


def _title(name: str, model: dict[str, Any]) -> str:
    """Name a type by what makes a reader's file be one: its kind, its model, or its keys."""
    for key in ("kind", "model"):
        choice = model.get("properties", {}).get(key, {})
        if "const" in choice:
            return f"`{key}: {choice['const']}`"
        if key == "model" and name == "Noisy":
            return " · ".join(f"`model: {word}`" for word in choice["enum"])
    if name in SECTIONS["Axes"]:
        return "`{" + ", ".join(model["properties"]) + "}`"
    words = {"Settings": "Top level", "Style": "`figures: style:`", "Figures": "`figures:`"}
    if name.endswith("Iterations"):
        return f"`iterations:` of a sweep of kind {name.removesuffix('Iterations').lower()}"
    return words.get(name, f"`{name.lower()}:`")


def _default(field: dict[str, Any]) -> str:
    if "default" not in field or field["default"] in (None, {}):
        return "–"
    if isinstance(field["default"], list) and len(field["default"]) > 4:
        return "all"
    return f"`{json.dumps(field['default'])}`".replace('"', "")


def _takes(field: dict[str, Any]) -> str:
    """Say which values a key takes, in the words of a settings file."""
    if "$ref" in field:
        return _link(field["$ref"])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    for union in ("anyOf", "oneOf"):
        if union in field:
            parts = [_takes(part) for part in field[union] if part.get("type") != "null"]
            return " or ".join(dict.fromkeys(parts))
    match field.get("type"):
        case "array":
            return f"a list of {_takes(field['items'])}"
        case "object":
            return _mapping(field)
        case "integer" | "number" as kind:
            return _bounded({"integer": "whole number", "number": "number"}[kind], field)
        case "boolean":
            return "`true`, `false`"
    return "a name" if "pattern" in field else "a path" if "format" in field else "a word"


def _mapping(field: dict[str, Any]) -> str:
    values = field.get("additionalProperties") or next(iter(field["patternProperties"].values()))
    names = "coordinates" if "enum" in field.get("propertyNames", {}) else "names"
    return f"a mapping of {names} to {_takes(values)}"


def _bounded(words: str, field: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {_number(field[key])}" for key, sign in signs.items() if key in field]
    return f"{words} {', '.join(bounds)}".strip()


def _number(value: float) -> str:
    power = str(int(value)) if value == int(value) else ""
    if power.startswith("1") and len(power) > 5 and not power[1:].strip("0"):
        return f"10^{len(power) - 1}^".replace("^", "{sup}`", 1).replace("^", "`", 1)
    return "2{sup}`64`" if value == 2**64 else f"{value:g}"


def _link(target: str) -> str:
    name = target.rpartition("/")[2]
    return f"[{_words(name)}](#settings-{name.lower()})"


def _words(name: str) -> str:
    for ending in ("Sweep", "Iterations"):
        if name.endswith(ending):
            name = name.removesuffix(ending)
            return f"{name.lower()} {ending.lower()}"
    return name.lower()


def datasets_reference() -> Iterator[str]:
    """Yield every coordinate and variable of the datasets."""
    yield "## Coordinates\n"
    starts = {f"{name}_start" for name in ("imbalance", "product", "a", "b")}
    plain = {name: one for name, one in variables.COORDINATES.items() if name not in starts}
    yield from _table(plain.items())
    yield "## Maps, counts and transformers\n"
    yield from _table(variables.VARIABLES.items())
    for kind, held in variables.PATHS.items():
        yield f"## Sweeps of kind {kind}\n"
        yield from _table(item for item in held.items() if not item[0].endswith("_path"))
    yield "## Sweeps of kind ellipse\n"
    yield from _table(variables.ELLIPSE.items())
    yield "## Codes\n"
    for name in ("regime", "decided_by", "branch"):
        yield from _codes(name, variables.VARIABLES[name])


def _table(rows: Iterable[tuple[str, Variable]]) -> Iterator[str]:
    yield "| name | type | further dimension | what it is |\n|---|---|---|---|"
    for name, one in rows:
        said = ". ".join(map(_sentence, filter(None, (one.long_name, one.comment))))
        extra = f"`{one.extra}`" if one.extra else ""
        yield f"| `{name}` | {one.dtype} | {extra} | {_plain(said)} |"
    yield ""


def _sentence(text: str) -> str:
    """Begin with a capital, unless it is a symbol: a, mu, (a, b)."""
    word = text.split()[0]
    return text[:1].upper() + text[1:] if word.isalpha() and len(word) > 2 else text


def _plain(text: str) -> str:
    """Let Markdown show a text as it is."""
    for sign in "\\|*_<`":
        text = text.replace(sign, f"\\{sign}")
    return text


def _codes(name: str, one: Variable) -> Iterator[str]:
    yield f"`{name}`\n"
    yield "| value | meaning |\n|---|---|"
    words = one.attributes["flag_meanings"].split()
    for value, word in zip(one.attributes["flag_values"], words, strict=True):
        yield f"| {value} | {word} |"
    yield ""


PARTS = {"settings": settings_reference, "datasets": datasets_reference}


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put what the code says into a page."""
    for name, part in PARTS.items():
        mark = f"<!-- {name} -->"
        if mark in source[0]:
            source[0] = source[0].replace(mark, "\n".join(part()))


def plain_bars(app: Sphinx, what: str, name: str, one: Any, how: Any, lines: list[str]) -> None:
    """Let |x| in a docstring be an absolute value, which it is, and no substitution."""
    for i, line in enumerate(lines):
        parts = line.split("`")  # what stands in backticks is shown as it is
        parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
        lines[i] = "`".join(parts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill pages as they are read."""
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", plain_bars)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
