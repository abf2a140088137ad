"""YAML files that people write, held to a model: every fault with its line and field."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from northstar.errors import Invalid

Place = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)


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


def parse_document(
    text: str,
    path: Path,
    model: type[ModelT],
    wrong: Wrong,
    *,
    begins: str,
    check: Callable[[ModelT], Iterable[tuple[Place, str]]] = lambda _: (),
) -> ModelT:
    """Read a YAML text as a model.

    Args:
        path: for messages.
        wrong: makes the error that is raised, of every fault.
        begins: how such a file begins, for one that isn't a mapping.
        check: finds what is wrong between fields: where, and what.
    """
    root = _compose(text, path, wrong, begins)
    faults = [
        Fault(key.start_mark.line + 1, _dotted(place), "is there twice")
        for place, key in _duplicates(root, ())
    ]
    if faults:
        raise wrong(path, faults)
    try:
        document = model.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        found = [_fault(root, model, each) for each in error.errors()]
        raise wrong(path, found) from error
    faults = [
        Fault(_find(root, place)[0].start_mark.line + 1, _dotted(place), what)
        for place, what in check(document)
    ]
    if faults:
        raise wrong(path, faults)
    return document


def _compose(text: str, path: Path, wrong: Wrong, begins: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"not valid YAML: {error.problem or error.context}"
        raise wrong(path, [Fault(mark.line + 1 if mark else 1, "", what)]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise wrong(path, [Fault(1, "", f"not valid YAML: {error}")]) from error
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1 if root else 1
        raise wrong(path, [Fault(line, "", f"must be a mapping that begins with '{begins}'")])
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


def _fault(root: yaml.Node, model: type[BaseModel], error: ErrorDetails) -> Fault:
    place = error["loc"]
    found, reached = _find(root, place)
    what = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        what = "is missing"
    elif error["type"] == "extra_forbidden":
        what = f"is not a field here{_nearest(model, place)}"
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


def _nearest(model: type[BaseModel], place: Sequence[str | int]) -> str:
    known = _known_fields(model, place[:-1])
    close = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _known_fields(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The fields of the section at ``place``, through mappings, lists and optional sections."""
    found: Any = model
    for part in place:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = found.model_fields.get(str(part))
            found = field.annotation if field else None
        else:
            found = next(reversed(get_args(found)), None)  # what a mapping or a list is of
        if get_origin(found) not in (dict, Mapping, list, tuple):
            sections = [one for one in (found, *get_args(found)) if _is_section(one)]
            found = sections[0] if sections else None
        if found is None:
            return []
    return list(found.model_fields) if _is_section(found) else []


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _dotted(place: Sequence[str | int]) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line(path: Path, fault: Fault) -> str:
    field = f" {fault.field}:" if fault.field else ""
    return f"{path}:{fault.line}:{field} {fault.what}"
