"""What a plan knows of an argument, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def at(values: Any, path: str) -> Any:
    """The value at ``a.0.b``; ``None`` where the way ends before."""
    found = values
    for step in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def every(values: Any, path: str) -> Iterator[Any]:
    """The values at ``a.b``, of each block where there are several ``a``."""
    step, _, rest = path.partition(".")
    for one in values if isinstance(values, list) else [values]:
        if isinstance(one, Mapping) and step in one:
            if rest:
                yield from every(one[step], rest)
            else:
                yield one[step]


def shown(value: Any) -> str:
    return "not set" if value is None else str(value).lower() if value in (True, False) else value
