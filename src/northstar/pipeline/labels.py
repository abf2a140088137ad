"""The target as evaluation wants it: values, 0 and 1, or class indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.pipeline.errors import DataInvalid, ModelUnusable
from northstar.project.domain import Task


def label_texts(values: NDArray[Any]) -> list[str]:
    """The different values of a target, sorted, as text: the form in which models name classes."""
    return [_text(value) for value in sorted(set(values.tolist()))]


def encode_labels(
    values: NDArray[Any], task: Task, classes: Sequence[str] | None, positive: object
) -> NDArray[np.float64]:
    """The target of each row, in the order of the model's classes.

    Args:
        classes: what the model calls them; ``None`` for regression.
        positive: the value that ``northstar.yaml`` calls positive, or ``None``.

    Raises ``ModelUnusable`` where the model's classes are not the target's values, and
    ``DataInvalid`` where its probability is not that of the positive value.
    """
    if task == "regression":
        return np.asarray(values, dtype=np.float64)
    names = [_same(name) for name in classes or ()]
    known = {name: index for index, name in enumerate(names)}
    texts = [_same(_text(value)) for value in values.tolist()]
    strange = sorted(set(texts) - set(known))
    if strange:
        raise ModelUnusable(
            f"The model's classes are {', '.join(classes or ())}, "
            f"but the target also has {', '.join(strange[:5])}.",
            hint="Train on the target as it is in the data, or encode it there.",
        )
    if task == "binary" and positive is not None and _same(_text(positive)) != names[1]:
        raise DataInvalid(
            f"positive is {positive!r}, but the model's probability is that of {classes[1]!r}, "  # type: ignore[index]
            "the last of its classes in sorted order.",
            hint="Encode the target as 0 and 1 with 1 for the positive value.",
        )
    return np.array([known[text] for text in texts], dtype=np.float64)


def _text(value: object) -> str:
    return str(value)


def _same(text: str) -> str:
    """One form for what libraries write differently: True and 1, 1.0 and 1."""
    if text in ("True", "False"):
        return str(int(text == "True"))
    return text.removesuffix(".0") if text.replace(".", "", 1).lstrip("-").isdigit() else text
