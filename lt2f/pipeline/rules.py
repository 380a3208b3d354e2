"""How a rule of the settings is stated, and how breaking one is said.

Types state rules to pydantic; validators raise a `refusal` for what types cannot say. `describe`
turns the first error into one line, `key = value: what is allowed`, in the words of the user's
file: neither Python types nor the branches of a union show.
"""

import difflib
import re
import reprlib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError


class SettingsError(ValueError):
    """What is wrong with the settings, in one line."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


def refusal(message: str, *at: str | int) -> PydanticCustomError:
    """Make an error for a validator to raise, about the key ``at`` below the validated model."""
    return PydanticCustomError("refused", "{message}", {"message": message, "at": at})


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` with the known name closest to ``name``, or nothing."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class Model(BaseModel):
    """A frozen piece of the settings: nothing coerced, nothing infinite, no unknown key."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,  # what stands below a key describes it in the schema
    )

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, data: Any) -> Any:
        # Ahead of pydantic's own check, which does not name the known keys and comes after the
        # complaint that the misspelt one is missing.
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in data if isinstance(data, dict) else ():
            if key not in known:
                hint = nearest(key, known)
                raise refusal(f"unknown key, known are {', '.join(known)}{hint}", key)
        return data


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Lets an integer be written 1e6, which YAML reads as a float. It goes after the bounds of the type:
# in front of them it would hide them from the schema.
whole = BeforeValidator(_whole)

_ABSENT = object()

# Words for the errors that pydantic describes to programmers.
_PLAIN = {
    "dict_type": "should be a mapping",
    "less_than": "should be less than {lt}",  # pydantic's own words round a large integer
    "less_than_equal": "should be less than or equal to {le}",
    "missing": "missing, it has no default",
    "model_attributes_type": "should be a mapping",
    "model_type": "should be a mapping",
    "path_type": "should be a path",
    "string_pattern_mismatch": "may hold letters, digits, '-', '_' and, but not first, '.'",
    "too_short": "should have at least {min_length} entry",
    "tuple_type": "should be a list",
    "union_tag_invalid": "should be one of {expected_tags}",
    "union_tag_not_found": "missing, it has no default",
}


def _locate(raw: object, error: ErrorDetails) -> tuple[str, object]:
    """Find the user's dotted key of an error, and the value there (or `_ABSENT`).

    A location by pydantic also holds the tags of unions, which the user never wrote: they are the
    parts that the raw settings do not have, or a kind just before what is a key of this kind.
    """
    loc, context = error["loc"], error.get("ctx", {})
    at = context.get("at", ())
    if error["type"] == "missing":
        loc, at = loc[:-1], loc[-1:]
    elif error["type"].startswith("union_tag"):
        at = (context["discriminator"].strip("'"),)
    key, value, tagged = "", raw, None
    for place, part in enumerate((*loc, *at)):
        if isinstance(value, dict) and value.get("kind") == part and value is not tagged:
            tagged = value
            continue
        try:
            found = value[part]  # type: ignore[index]
        except (LookupError, TypeError):
            found = _ABSENT
        if found is not _ABSENT or place >= len(loc):
            key += f"[{part}]" if isinstance(value, list | tuple) else f".{part}"
            value = found
    # Where a key itself is wrong it is the last part already; what it holds does not matter.
    return key[1:], _ABSENT if loc[-1:] == ("[key]",) else value


def describe(raw: object, error: ValidationError) -> str:
    """Say the first error in ``raw`` in one line, and how many more there are."""
    first, *others = error.errors()
    key, value = _locate(raw, first)
    context = first.get("ctx", {})
    plain = _PLAIN.get(first["type"], "").format_map(context)
    plain = plain or first["msg"].removeprefix("Input ")
    names = re.findall("'(.*?)'", context.get("expected", context.get("expected_tags", "")))
    shown, given = f" = {reprlib.repr(value)}", value
    if value is _ABSENT:
        shown, given = "", first["input"]
    more = f" (and {len(others)} more)" if others else ""
    return f"{key}{shown}: {plain}{nearest(given, names)}{more}"
