"""Large-step training dynamics of a two-factor linear transformer.

The public names load on first use, so that ``import lt2f`` stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lt2f.advice.answer import advise
    from lt2f.pipeline.sweep import sweep

__version__ = "0.1.0"
__all__ = ["__version__", "advise", "sweep"]

_HOME = {"advise": "lt2f.advice.answer", "sweep": "lt2f.pipeline.sweep"}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the lazy public names too."""
    return sorted({*globals(), *__all__})
