"""Reading ``northstar.yaml``, with messages that point at the line and the field."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from northstar.errors import NotFound
from northstar.project.domain import ProjectSpec
from northstar.project.errors import Fault, SpecInvalid

FILE_NAME = "northstar.yaml"
Place = tuple[str | int, ...]


def load_spec(folder: Path) -> ProjectSpec:
    """Read the ``northstar.yaml`` of a project's folder.

    Raises ``NotFound`` when there is none, ``SpecInvalid`` with every fault, its line and field.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            f"{folder} has no {FILE_NAME}.",
            hint="Run this in a project's folder, name one with -C, or start one: northstar new.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecInvalid(path, [Fault(1, "", f"cannot be read: {error}")]) from error
    return parse_spec(text, path)


def parse_spec(text: str, path: Path) -> ProjectSpec:
    """Read the text of a ``northstar.yaml``; ``path`` is for messages. Raises ``SpecInvalid``."""
    root = _compose(text, path)
    faults = [
        Fault(key.start_mark.line + 1, _dotted(place), "is there twice")
        for place, key in _duplicates(root, ())
    ]
    if faults:
        raise SpecInvalid(path, faults)
    try:
        return ProjectSpec.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise SpecInvalid(path, [_fault(root, each) for each in error.errors()]) from error


def _compose(text: str, path: Path) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"not valid YAML: {error.problem or error.context}"
        raise SpecInvalid(path, [Fault(mark.line + 1 if mark else 1, "", what)]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise SpecInvalid(path, [Fault(1, "", f"not valid YAML: {error}")]) from error
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1 if root else 1
        raise SpecInvalid(path, [Fault(line, "", "must be a mapping that begins with 'squad: …'")])
    return root


def _duplicates(node: yaml.Node, place: Place) -> Iterator[tuple[Place, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                yield (*place, name), key
            seen.add(name)
            yield from _duplicates(value, (*place, name))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _duplicates(value, (*place, number))


def _fault(root: yaml.Node, error: ErrorDetails) -> Fault:
    place = error["loc"]
    found, reached = _find(root, place)
    what = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        what = "is missing"
    elif error["type"] == "extra_forbidden":
        what = f"is not a field here{_nearest(place)}"
    elif error["type"] not in ("value_error",):
        what = f"{what[:1].lower()}{what[1:]}, not {_shown(error['input'])}"
        place = reached  # beyond it are names of union members, which mean nothing to a reader
    return Fault(found.start_mark.line + 1, _dotted(place), what)


def _find(node: yaml.Node, place: Sequence[str | int]) -> tuple[yaml.Node, Place]:
    """The deepest node on the way to ``place`` (its key, where it has one), and how far it went."""
    shown, reached = node, []
    for part in place:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                break
            shown, node = pair
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            shown = node = node.value[part]
        else:
            break
        reached.append(part)
    return shown, tuple(reached)


def _nearest(place: Sequence[str | int]) -> str:
    known = _known_fields(place[:-1])
    close = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _known_fields(place: Sequence[str | int]) -> list[str]:
    section: type[BaseModel] = ProjectSpec
    for part in place:
        field = section.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type):
            return []
        section = field.annotation
    return list(section.model_fields)


def _dotted(place: Sequence[str | int]) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
