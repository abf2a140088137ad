"""What an MLflow model folder says of itself, read without MLflow.

The format is MLflow's: a YAML file ``MLmodel`` with one section for each flavor and a signature
whose inputs are JSON inside the YAML.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from northstar.registry.domain import Column, ColumnType
from northstar.serving.errors import ModelBroken

_TYPES: dict[str, ColumnType] = {
    "double": "double",
    "float": "double",
    "long": "long",
    "integer": "long",
    "string": "string",
    "boolean": "boolean",
    "datetime": "datetime",
}
_NARROW = {"float": "float32", "integer": "int32"}


@dataclass(frozen=True)
class ModelFolder:
    """A model folder, its flavors' settings and the columns of its signature (if it has one).

    Attributes:
        narrow: columns that the signature types as 32 bits wide, and their NumPy types.
    """

    path: Path
    flavors: dict[str, dict[str, Any]]
    columns: tuple[Column, ...] | None
    narrow: dict[str, str]

    def data(self, flavor: str, key: str = "data") -> Path:
        """The file or folder that a flavor's setting names; it must lie inside the folder."""
        name = self.flavors[flavor].get(key)
        if not isinstance(name, str):
            raise ModelBroken(f"{self.path}/MLmodel: flavor {flavor!r} names no {key!r}.")
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path.resolve()) or not path.exists():
            raise ModelBroken(
                f"{self.path}/MLmodel: flavor {flavor!r} names {name!r}, "
                "which is not in the model folder."
            )
        return path


def read_model_folder(path: Path) -> ModelFolder:
    """Read ``MLmodel``; raises ``ModelBroken`` where it cannot be understood."""
    try:
        described = yaml.safe_load((path / "MLmodel").read_text())
        flavors = {name: dict(value or {}) for name, value in described["flavors"].items()}
        signature = described.get("signature") or {}
        inputs = json.loads(signature.get("inputs") or "[]")
        columns = _columns(inputs)
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelBroken(
            f"{path} is not an MLflow model folder: {error}.",
            hint="Log the model with one of MLflow's log_model functions.",
        ) from error
    return ModelFolder(
        path=path,
        flavors=flavors,
        columns=columns,
        narrow={
            column["name"]: _NARROW[column["type"]]
            for column in inputs
            if columns and column["type"] in _NARROW
        },
    )


def _columns(inputs: list[dict[str, Any]]) -> tuple[Column, ...] | None:
    """The named columns of a signature; ``None`` for tensors, which have no names."""
    if not inputs or any(
        column.get("type") == "tensor" or "name" not in column for column in inputs
    ):
        return None
    unknown = {str(column["type"]) for column in inputs} - set(_TYPES)
    if unknown:
        raise ValueError(
            f"columns of type {', '.join(sorted(unknown))} are not served; "
            f"known are {', '.join(_TYPES)}"
        )
    return tuple(Column(name=column["name"], type=_TYPES[column["type"]]) for column in inputs)
