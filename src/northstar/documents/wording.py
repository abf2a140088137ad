"""What a model finds wrong, as a person would say it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from northstar.documents.annotations import allowed_at, did_you_mean, names_at
from northstar.documents.domain import Fault, Place
from northstar.documents.reading import Document

_KEY = "[key]"  # pydantic's mark for a name of a mapping that is wrong, not its value
_DATE = "a date such as 2026-01-31"
_KINDS = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "date_from_datetime_inexact": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_parsing": _DATE,
    "date_type": _DATE,
    "dict_type": "a mapping",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_type": "a text",
    "tuple_type": "a list",
}
_MUST = re.compile(r"^[A-Z]\w* should ")
_QUOTED = re.compile(r"'([^']*)'")
_LONGEST = 60


@dataclass(frozen=True)
class _Problem:
    """One of pydantic's errors.

    Attributes:
        tried: the members of unions that were tried on the way: at which depth, and which.
    """

    place: Place
    tried: tuple[tuple[int, str], ...]
    error: ErrorDetails


def faults_of(error: ValidationError, model: type[BaseModel], document: Document) -> list[Fault]:
    """A fault for each thing that is wrong, by line.

    Where a value may be of several types, only what is wrong with the one that was meant is told.
    """
    problems = [_problem(one, document.values) for one in error.errors(include_url=False)]
    faults = [document.fault(place, what) for place, what in _told(problems, model)]
    return sorted(faults, key=lambda fault: fault.line)


def _problem(error: ErrorDetails, values: Any) -> _Problem:
    """Part an error's way into names that a person wrote, and pydantic's names of union members."""
    place: list[str | int] = []
    tried = []
    way = [part for part in error["loc"] if part != _KEY]
    for number, part in enumerate(way, 1):
        inside = isinstance(values, dict) and part in values
        if inside or (isinstance(values, list) and isinstance(part, int) and part < len(values)):
            values = values[part]
            place.append(part)
        elif error["type"] == "missing" and number == len(way):
            place.append(part)
        else:
            tried.append((len(place), str(part)))
    return _Problem(tuple(place), tuple(tried), error)


def _told(problems: Iterable[_Problem], model: type[BaseModel]) -> Iterator[tuple[Place, str]]:
    unions: dict[Place, dict[str, list[_Problem]]] = {}
    for one in problems:
        if not one.tried:
            yield one.place, _what(one, model)
            continue
        (depth, member), *rest = one.tried
        inner = replace(one, tried=tuple(rest))
        unions.setdefault(one.place[:depth], {}).setdefault(member, []).append(inner)
    for place, members in unions.items():
        fitting = [found for found in members.values() if not _another_kind(found, place)]
        if fitting:
            meant = min(fitting, key=lambda found: _unknown_names(found, place))
            yield from _told(meant, model)
        else:
            kinds = [one for found in members.values() for one in _another_kind(found, place)]
            yield place, _must_be_one_of(kinds, model)


def _another_kind(problems: Iterable[_Problem], union: Place) -> list[_Problem]:
    """The problems that say that a union's value is nothing like this member."""
    return [one for one in problems if one.place == union and one.error["type"] in _KINDS]


def _unknown_names(problems: Iterable[_Problem], union: Place) -> int:
    """How many names right in the union's value are not of this member."""
    return sum(
        one.error["type"] == "extra_forbidden" or one.error["loc"][-1] == _KEY
        for one in problems
        if len(one.place) == len(union) + 1
    )


def _what(problem: _Problem, model: type[BaseModel]) -> str:
    error, place = problem.error, problem.place
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = names_at(model, place[:-1])
        if place[-1] in known:  # of another member of the union
            return "does not go with the other fields here"
        return f"is not a field here{did_you_mean(place[-1], known) or _known_are(known)}"
    if error["type"] in _KINDS:
        return _must_be_one_of([problem], model)
    return _said(_must(problem, model), error["input"], _near(error))


def _must_be_one_of(problems: Sequence[_Problem], model: type[BaseModel]) -> str:
    first, given = problems[0], problems[0].error["input"]
    kinds = list(dict.fromkeys(_KINDS[one.error["type"]] for one in problems))
    if kinds == ["a text"] and given is not None and not isinstance(given, dict | list):
        return "must be a text; put it in quotes"
    names = names_at(model, first.place)
    of = {"a mapping": f"a mapping with {', '.join(names)}"} if names else {}
    return _said(f"must be {' or '.join(of.get(kind, kind) for kind in kinds)}", given)


def _must(problem: _Problem, model: type[BaseModel]) -> str:
    error = problem.error
    examples = [str(e) for one in allowed_at(model, problem.place) for e in one.examples]
    if error["type"] == "string_pattern_mismatch" and examples:
        return f"must look like {examples[0]}"
    return _MUST.sub("must ", error["msg"])


def _known_are(names: Sequence[str]) -> str:
    return f"; known are {', '.join(names)}" if names else ""


def _near(error: ErrorDetails) -> str:
    if error["type"] != "literal_error":
        return ""
    return did_you_mean(error["input"], _QUOTED.findall(error["ctx"]["expected"]))


def _said(must: str, given: Any, near: str = "") -> str:
    if given is None:
        return f"is empty; it {must}"
    return f"{must}, not {_shown(given)}{near}"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
