"""A YAML text as a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from northstar.documents.domain import Place, Wrong
from northstar.documents.reading import read_yaml
from northstar.documents.wording import faults_of

ModelT = TypeVar("ModelT", bound=BaseModel)


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
    document = read_yaml(text, path, wrong, begins)
    try:
        found = model.model_validate(document.values)
    except ValidationError as error:
        raise wrong(path, faults_of(error, model, document)) from error
    if faults := [document.fault(place, what) for place, what in check(found)]:
        raise wrong(path, faults)
    return found
