"""The weights of a transformer at the start of training: in a file, as arrays, or drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from lt2f.advice import checks
from lt2f.advice.checks import POSITIVE, AdviceError
from lt2f.training.batches import LAWS, words
from lt2f.training.prompts import Prompt, read_arrays, read_json
from lt2f.training.transformer import Model, Parameters, readers

STREAM: Final = 2  # of the words from which weights are drawn; mini-batches have 0, directions 1
NAMES: Final = ("value", "key_query")


def read(parameters: Any) -> Parameters:
    """Read weights from JSON or .npz with the entries value and key_query, or from a pair."""
    try:
        parts = _from_file(Path(parameters)) if isinstance(parameters, str | Path) else parameters
        if isinstance(parts, Mapping):
            if parts.keys() != set(NAMES):
                raise ValueError(f"it must hold {' and '.join(NAMES)}, and nothing else")
            parts = [parts[name] for name in NAMES]
        value, key_query = (np.asarray(part, dtype=np.float64) for part in parts)
    except (ValueError, TypeError, OverflowError) as error:
        said = f"{parameters}: " if isinstance(parameters, str | Path) else ""
        raise AdviceError("parameters", f"{said}no weights: {error}") from None
    if not (np.isfinite(value).all() and np.isfinite(key_query).all()):
        raise AdviceError("parameters", "should be finite numbers")
    return Parameters(value, key_query)


def _from_file(path: Path) -> Any:
    return read_arrays(path) if path.suffix == ".npz" else read_json(path)


def draw(model: Model, prompt: Prompt, scale: Any, seed: int) -> Parameters:
    """Draw all trained weights: independent normal numbers with the standard deviation `scale`."""
    deviation = checks.number("initial_scale", scale, POSITIVE, positive=True)
    shapes = [reader.shape for reader in readers(model, prompt)]
    sizes = [int(np.prod(shape)) for shape in shapes]
    numbers = deviation * LAWS["normal"](words(seed, 0, sum(sizes), STREAM))
    value, key_query = np.split(numbers, [sizes[0]])
    return Parameters(value.reshape(shapes[0]), key_query.reshape(shapes[1]))
