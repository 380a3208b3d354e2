"""Prompts of in-context linear regression, and the token arrays that a transformer reads.

A Gaussian prompt has inputs x_i ~ N(0, I_d), a task w ~ N(0, I_d/d), so that w.x has unit variance
in every dimension, labels y_i = w.x_i + noise, a query x_q ~ N(0, I_d) and the target y_q = w.x_q,
without noise. It is a function of (seed, index) alone: a pool that grows keeps the prompts it had,
and a longer context begins with the shorter one. The words come from Philox, as in `batches`, but
from a part of its stream that no sequence of mini-batches reaches.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt2f.training.batches import LAWS

Floats = NDArray[np.float64]

APART = (0, 0, 0, 1)  # counter from which prompts draw; mini-batches count up from 0


@dataclass(frozen=True, eq=False)
class Prompt:
    """One prompt: N labelled examples in dimension d and a query with its target.

    Parameters
    ----------
    context
        Inputs x_i, shape (N, d).
    labels
        Labels y_i, shape (N,).
    query
        The input x_q, shape (d,).
    target
        The label y_q that the transformer is trained to predict.

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or there is no example or no dimension.
    """

    context: Floats
    labels: Floats
    query: Floats
    target: float

    def __post_init__(self) -> None:
        try:
            context, labels, query = (
                np.array(part, dtype=np.float64) for part in (self.context, self.labels, self.query)
            )
        except (ValueError, TypeError):
            raise ValueError("context, labels and query must be arrays of numbers") from None
        if context.ndim != 2 or not context.size:
            raise ValueError(f"context must have shape (N, d), not {context.shape}")
        for name, part, length in zip(
            ("labels", "query"), (labels, query), context.shape, strict=True
        ):
            if part.shape != (length,):
                raise ValueError(f"{name} must have shape ({length},), not {part.shape}")
        target = float(self.target)
        if not all(np.isfinite(part).all() for part in (context, labels, query, target)):
            raise ValueError("a prompt must consist of finite numbers")
        for name, part in (("context", context), ("labels", labels), ("query", query)):
            part.flags.writeable = False
            object.__setattr__(self, name, part)
        object.__setattr__(self, "target", target)

    @cached_property
    def tokens(self) -> Floats:
        """Token array, shape (d + 1, N + 1): columns (x_i, y_i), and last (x_q, 0)."""
        inputs = np.vstack([self.context, self.query]).T
        tokens = np.vstack([inputs, np.append(self.labels, 0.0)])
        tokens.flags.writeable = False
        return tokens


def gaussian_task(seed: int, index: int, dimension: int) -> Floats:
    """Return the task w of prompt number `index`, shape (d,)."""
    key = np.array([seed, index], dtype=np.uint64)
    raw = np.random.Philox(key=key, counter=APART).random_raw(dimension)
    return np.asarray(LAWS["normal"](raw) / np.sqrt(dimension))


def gaussian_prompt(
    seed: int, index: int, dimension: int, context: int, label_noise: float = 0.0
) -> Prompt:
    """Draw prompt number `index`, with `context` examples in `dimension` and noise on their labels.

    `label_noise` is a standard deviation, in units in which w.x has standard deviation 1.
    """
    key = np.array([seed, index], dtype=np.uint64)
    raw = np.random.Philox(key=key, counter=APART).random_raw(
        2 * dimension + context * (dimension + 1)
    )
    numbers = LAWS["normal"](raw)
    task, query = numbers[:dimension] / np.sqrt(dimension), numbers[dimension : 2 * dimension]
    examples = numbers[2 * dimension :].reshape(context, dimension + 1)
    inputs, noise = examples[:, :-1], examples[:, -1]
    return Prompt(inputs, inputs @ task + label_noise * noise, query, float(query @ task))


def pool(
    seed: int, size: int, dimension: int, context: int, label_noise: float = 0.0
) -> tuple[Prompt, ...]:
    """Draw prompts 0 ... size - 1; a larger pool begins with the smaller one."""
    return tuple(gaussian_prompt(seed, k, dimension, context, label_noise) for k in range(size))


def write_prompt(prompt: Prompt, path: Path | str) -> None:
    """Write a prompt as JSON or, if the name ends so, as .npz; every bit of it is kept."""
    path, parts = Path(path), {f.name: getattr(prompt, f.name) for f in fields(Prompt)}
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **parts)
    else:
        lists = {name: np.asarray(part).tolist() for name, part in parts.items()}
        path.write_text(json.dumps(lists) + "\n", encoding="utf-8")


def read_prompt(path: Path | str) -> Prompt:
    """Read a prompt from JSON or .npz with the entries context, labels, query and target.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it holds no prompt; the message says why, in one line that begins with the path.
    """
    path = Path(path)
    try:
        return _from_parts(read_arrays(path) if path.suffix == ".npz" else read_json(path))
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{path}: no prompt: {error}") from error


def read_prompts(path: Path | str) -> tuple[Prompt, ...]:
    """Read several prompts: a JSON list of what `read_prompt` reads, or .npz with an axis more.

    In .npz the first axis of every entry runs over prompts, of which the target is a vector then.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it holds no prompts; the message says why, in one line that begins with the path.
    """
    path, found = Path(path), []
    try:
        parts = _rows(read_arrays(path)) if path.suffix == ".npz" else read_json(path)
        if not isinstance(parts, list) or not parts:
            raise ValueError("it must hold a list of one prompt or more")
        for number, part in enumerate(parts):
            try:
                found.append(_from_parts(part))
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(f"prompt {number}: {error}") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{path}: no prompts: {error}") from error
    return tuple(found)


def _rows(stacked: Mapping[str, Floats]) -> list[dict[str, Floats]]:
    """Part stacked entries along their first axis."""
    lengths = {len(part) if part.ndim else 0 for part in stacked.values()}
    if len(lengths) != 1:
        raise ValueError("the first axis of every entry must run over the same prompts")
    return [{name: part[k] for name, part in stacked.items()} for k in range(lengths.pop())]


def read_json(path: Path) -> Any:
    """Read JSON that anybody may have written; what is wrong with it is a ValueError."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from error


def read_arrays(path: Path) -> dict[str, Floats]:
    """Read the arrays of an .npz that anybody may have written; what is wrong is a ValueError."""
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except Exception as error:  # a damaged archive can fail in any way
            raise ValueError(f"it is no archive of arrays: {error}") from error


def _from_parts(parts: object) -> Prompt:
    names = [f.name for f in fields(Prompt)]
    if not isinstance(parts, Mapping) or parts.keys() != set(names):
        raise ValueError(f"it must hold {', '.join(names)}, and nothing else")
    return Prompt(*(parts[name] for name in names))
