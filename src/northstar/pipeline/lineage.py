"""Where a version comes from, written down while it is still known."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml
from pydantic import JsonValue

from northstar import __version__
from northstar.pipeline.domain import DataFacts, RunState
from northstar.registry.domain import Lineage

ANSWERS_FILE = ".copier-answers.yml"


def make_lineage(
    state: RunState,
    data: DataFacts,
    parameters: dict[str, JsonValue],
    lock: str,
    template: str | None,
) -> Lineage:
    """The lineage of what a run makes.

    Args:
        parameters: what the training was given.
        lock: the installed distributions, one a line.
        template: the template that the project was made from.
    """
    return Lineage(
        commit=state.commit,
        dirty=state.dirty,
        data_digest=data.digest,
        data_rows=data.rows,
        data_start=data.start,
        data_end=data.end,
        lock_digest=f"sha256:{hashlib.sha256(lock.encode()).hexdigest()}",
        parameters=parameters,
        platform_version=__version__,
        template=template,
        source_digest=state.source_digest,
        trained_by=state.started_by,
    )


def template_of(project: Path) -> str | None:
    """The template and its version that a project was made from, such as ``project@0.1.0``."""
    file = project / ANSWERS_FILE
    if not file.is_file():
        return None
    answers = yaml.safe_load(file.read_text()) or {}
    return f"{answers.get('template', 'unknown')}@{answers.get('template_version', 'unknown')}"
