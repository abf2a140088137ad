"""Reading ``northstar.yaml``, with messages that point at the line and the field."""

from __future__ import annotations

from pathlib import Path

from northstar.documents import parse_document, read_text
from northstar.errors import NotFound
from northstar.project.domain import ProjectSpec
from northstar.project.errors import SpecInvalid

FILE_NAME = "northstar.yaml"


def load_spec(folder: Path) -> ProjectSpec:
    """Read the ``northstar.yaml`` of a project's folder.

    Raises ``NotFound`` when there is none, ``SpecInvalid`` with every fault, its line and field.
    """
    path = folder / FILE_NAME
    try:
        text = read_text(path, SpecInvalid)
    except FileNotFoundError:
        raise NotFound(
            f"{folder} has no {FILE_NAME}.",
            hint="Run this in a project's folder, name one with -C, or start one: northstar new.",
        ) from None
    return parse_spec(text, path)


def parse_spec(text: str, path: Path) -> ProjectSpec:
    """Read the text of a ``northstar.yaml``; ``path`` is for messages. Raises ``SpecInvalid``."""
    return parse_document(text, path, ProjectSpec, SpecInvalid, begins="squad: …")
