"""The project domain's errors.

Invalid ── DocumentInvalid ── SpecInvalid    northstar.yaml cannot be read or says something
                                             impossible
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from northstar.documents import DocumentInvalid, Fault


class SpecInvalid(DocumentInvalid):
    """``northstar.yaml`` is wrong."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        hint = "Every field is described in docs/reference/northstar.schema.json."
        super().__init__(path, faults, hint=hint)
