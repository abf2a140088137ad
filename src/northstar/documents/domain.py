"""What is wrong in a file, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from northstar.errors import Invalid

Place = tuple[str | int, ...]
"""The way to a value: names of mappings, numbers in lists."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a file: where, in which field, and what."""

    line: int
    field: str
    what: str


class DocumentInvalid(Invalid):
    """A file is wrong; the message has one line for each fault."""

    def __init__(self, path: Path, faults: Sequence[Fault], *, hint: str = "") -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(_line(path, fault) for fault in faults), hint=hint)


Wrong = Callable[[Path, Sequence[Fault]], DocumentInvalid]
"""Makes the error that is raised of a file, of every fault."""


def dotted(place: Place) -> str:
    """A place as people write it: ``squads.revenue.github[0]``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")


def _line(path: Path, fault: Fault) -> str:
    field = f" {fault.field}:" if fault.field else ""
    return f"{path}:{fault.line}:{field} {fault.what}"
