"""The project domain's errors.

Invalid ── SpecInvalid    northstar.yaml cannot be read or says something impossible
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from northstar.errors import Invalid


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a file: where, in which field, and what."""

    line: int
    field: str
    what: str


class SpecInvalid(Invalid):
    """``northstar.yaml`` is wrong; the message has one line for each fault."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            "\n".join(_line(path, fault) for fault in faults),
            hint="Every field is described in docs/reference/northstar.schema.json.",
        )


def _line(path: Path, fault: Fault) -> str:
    field = f" {fault.field}:" if fault.field else ""
    return f"{path}:{fault.line}:{field} {fault.what}"
