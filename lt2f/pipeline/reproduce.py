"""From a dataset back to the settings that made it: another run of them gives the same content.

What is read comes from a file that anybody may have made. It goes through the rules of settings
like any other, and is taken only if it plans what the file says that it holds.
"""

import json
import re
from pathlib import Path
from typing import Any

from lt2f.pipeline.dataset import open_dataset
from lt2f.pipeline.identity import canonical_json, code_sha256
from lt2f.pipeline.plan import plan
from lt2f.pipeline.settings import SettingsError, as_yaml, parse

AGAIN = "-again"  # what a study's name gets, of which no content depends
_HASH = re.compile("[0-9a-f]{64}")


class ReproduceError(ValueError):
    """A dataset says that it was made otherwise than what it holds."""


def settings_of(path: Path) -> tuple[dict[str, Any], str]:
    """Return the settings that made a dataset, of its sweep alone, and its content's hash.

    Raises
    ------
    DatasetError
        If the file is no dataset of this package, or its settings are missing or break a rule.
    ReproduceError
        If its settings cannot be planned, or do not determine what it holds.
    """
    with open_dataset(path) as dataset:
        attributes = dict(dataset.attrs)
    raw: dict[str, Any] = json.loads(attributes["lt2f_settings"])
    content, held = attributes["content_sha256"], attributes["lt2f_identity"]
    (name,) = raw["sweeps"]
    try:
        planned = plan(parse(raw), name)
    except SettingsError as error:
        raise ReproduceError(f"{path}: its settings break a rule: {error}") from None
    if canonical_json(planned.identity()) != held or not _HASH.fullmatch(content):
        raise ReproduceError(f"{path}: its settings do not determine what it holds")
    return raw, content


def text(path: Path) -> str:
    """Write the settings that made a dataset as a settings file, with what to expect of it.

    Raises
    ------
    DatasetError, ReproduceError
        As `settings_of` does.
    """
    raw, content = settings_of(path)
    with open_dataset(path) as dataset:
        same_code = dataset.attrs["code_sha256"] == code_sha256("lt2f.pipeline.solve")
    (name,) = raw["sweeps"]
    study = raw["study"][:90] + AGAIN  # a name has 100 letters at most
    lines = [
        f"# What made {name}.nc of the study {raw['study']}, which stays as it is.",
        f"#   lt2f run THIS_FILE results/{study}/{name}.nc",
        f"# content: {content}",
    ]
    if not same_code:
        lines.append("# It was made by other code than is here, which may round otherwise.")
    return "\n".join([*lines, as_yaml({**raw, "study": study})])
