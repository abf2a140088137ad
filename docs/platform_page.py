"""The table of the fields of ``platform.yaml``, from the model that reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from northstar.environments.as_code.platform_file import PlatformFile

_TABLE = re.compile(r"(?<=<!-- fields -->\n).*?(?=<!-- end of fields -->)", re.DOTALL)
_NAMES = {
    "stages": "STAGE",
    "squads": "SQUAD",
    "endpoints": "PROJECT",
    "azure_devops": "NAME",
    "flags": "FLAG",
    "alerts": "NAME",
    "tags": "TAG",
    "training_may_reach": "NAME",
}


def with_fields(page: str) -> str:
    """The page with its table of fields renewed."""
    rows = ["| field | | what |", "|---|---|---|", *_rows(PlatformFile, "")]
    return _TABLE.sub(lambda _: "\n" + "\n".join(rows) + "\n\n", page)


def _rows(model: type[BaseModel], above: str, needed: str = "required") -> Iterator[str]:
    for name, field in model.model_fields.items():
        sections = list(_sections(field.annotation))
        mapping = name in _NAMES and get_origin(field.annotation) is dict
        path = f"{above}{name}.{_NAMES[name]}" if mapping else f"{above}{name}"
        yield f"| `{path}` | {_default(field, sections, needed)} | {field.description} |"
        many = "[]" if get_origin(field.annotation) is tuple else ""
        for section in sections:
            inner = "required" if len(sections) == 1 else "in this form"
            yield from _rows(section, f"{path}{many}.", inner)


def _default(field: FieldInfo, sections: list[type[BaseModel]], needed: str) -> str:
    if field.is_required():
        return needed
    default = field.get_default(call_default_factory=True)
    return "" if sections or default in (None, {}, ()) else f"`{_written(default)}`"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation, each once."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (dict, tuple, Union, UnionType):
        found = [section for one in get_args(annotation) for section in _sections(one)]
        yield from dict.fromkeys(found)
