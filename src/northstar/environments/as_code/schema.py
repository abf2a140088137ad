"""The JSON schema of ``platform.yaml``, for editors and for the reference."""

from __future__ import annotations

import json
from typing import Any

from northstar.environments.as_code.platform_file import FILE_NAME, PlatformFile

SCHEMA_NAME = "platform.schema.json"


def json_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12), made from the model that reads the file."""
    schema = PlatformFile.model_json_schema()
    for section in (schema, *schema["$defs"].values()):
        for field in section["properties"].values():
            if "patternProperties" in field:  # by names: all of them have to be names
                field["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": FILE_NAME,
    }


def schema_text() -> str:
    """The schema as a file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
