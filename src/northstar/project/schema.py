"""The JSON schema of ``northstar.yaml``, for editors and for the reference."""

from __future__ import annotations

from typing import Any

from northstar.project.domain import ProjectSpec


def json_schema() -> dict[str, Any]:
    """The published schema (JSON Schema 2020-12), made from the model that reads the file."""
    schema = ProjectSpec.model_json_schema()
    definitions = schema["$defs"]
    _exactly_one(definitions["DataSection"], "path", "function", "sql")
    _exactly_one(definitions["TrainSection"], "function", "command")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "northstar.yaml",
    }


def _exactly_one(section: dict[str, Any], *names: str) -> None:
    section["oneOf"] = [{"required": [name]} for name in names]
