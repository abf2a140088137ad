"""What a model allows at a place: the names there, and how a value looks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from northstar.documents.domain import Place


@dataclass(frozen=True)
class Allowed:
    """One of the types that a value may have, and what is said of it."""

    annotation: Any
    examples: tuple[Any, ...] = ()

    def names(self) -> list[str]:
        """The names that a mapping of this type may have; empty when they are free."""
        if _is_section(self.annotation):
            return list(self.annotation.model_fields)
        if get_origin(self.annotation) in (dict, Mapping):
            key = get_args(self.annotation)[0]
            return [str(one) for one in get_args(key)] if get_origin(key) is Literal else []
        return []

    def inside(self, part: str | int) -> Iterator[Allowed]:
        """What may be at a name or a number of a value of this type."""
        if _is_section(self.annotation):
            if field := self.annotation.model_fields.get(str(part)):
                yield from _members(field.annotation, _examples(field))
        elif get_origin(self.annotation) in (dict, Mapping):
            yield from _members(get_args(self.annotation)[1])
        elif get_origin(self.annotation) in (list, tuple):
            yield from _members(get_args(self.annotation)[0])


def allowed_at(model: type[BaseModel], place: Place) -> list[Allowed]:
    """The types that a value at a place may have."""
    found = [Allowed(model)]
    for part in place:
        found = [inner for one in found for inner in one.inside(part)]
    return found


def names_at(model: type[BaseModel], place: Place) -> list[str]:
    """The names that a mapping at a place may have, whichever of its types it has."""
    return list(dict.fromkeys(name for one in allowed_at(model, place) for name in one.names()))


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The rest of a message: the nearest of the known words, or nothing."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _members(annotation: Any, examples: Sequence[Any] = ()) -> Iterator[Allowed]:
    """The types that an annotation stands for: those of a union, each by itself."""
    if get_origin(annotation) is Annotated:
        annotation, *told = get_args(annotation)
        own = [one for field in told if isinstance(field, FieldInfo) for one in _examples(field)]
        yield from _members(annotation, examples or own)
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member, examples)
    else:
        yield Allowed(annotation, tuple(examples))


def _examples(field: FieldInfo) -> list[Any]:
    return list(field.examples or ())


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
