"""Where this package keeps what it can make again: compiled kernels, hashes of source files."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder(kind: str) -> Path:
    """Return the folder of one kind of things kept: in LT2F_CACHE, or where the system has such."""
    return Path(os.environ.get("LT2F_CACHE") or user_cache_path("lt2f")) / kind
