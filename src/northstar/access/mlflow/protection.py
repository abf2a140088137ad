"""What a request to MLflow would change of what is registered or released."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

from northstar.access.errors import NotAllowed
from northstar.access.mlflow.routes import Match
from northstar.errors import Invalid

BODY_TOUCHES = frozenset({"experiment", "model", "version", "run"})
_OWNER = re.compile(r"[0-9a-f]{32}|m-[0-9a-f]{32}")


class Protected(Protocol):
    """Tells what must stay as it is, because a version was registered of it or is released.

    Every answer is the reason in a few words, or ``""`` for what may be changed. Called in a
    worker thread for every such request; it must not call MLflow through the door.
    """

    def experiments(self, squad: str) -> str:
        """Whether a squad's experiments, with the runs in them, may be renamed or deleted."""
        ...

    def model(self, squad: str, model: str) -> str:
        """Whether a registered model may be renamed or deleted."""
        ...

    def version(self, squad: str, model: str, version: str) -> str:
        """Whether a model version may be deleted."""
        ...

    def artifacts(self, squad: str, owner: str) -> str:
        """Whether the artifacts of a run, or of a logged model (``m-…``), may be written."""
        ...


class NothingProtected:
    """For a door in front of an MLflow whose registry nobody releases from."""

    def experiments(self, squad: str) -> str:
        return ""

    def model(self, squad: str, model: str) -> str:
        return ""

    def version(self, squad: str, model: str, version: str) -> str:
        return ""

    def artifacts(self, squad: str, owner: str) -> str:
        return ""


@dataclass(frozen=True)
class Request:
    """The parts of a request that say what it touches.

    Args:
        body: the decoded JSON object, for routes that name their object in the body.
    """

    method: str
    squad: str
    match: Match
    query: str
    body: dict[str, Any]


def check_protection(request: Request, protected: Protected) -> None:
    """Return if the request touches nothing that is protected; raises ``NotAllowed``."""
    for what, reason in _reasons(request, protected):
        if reason:
            raise NotAllowed(
                f"{what} stays as it is: {reason}.",
                hint="Log a new run and register a new version instead.",
            )


def read_json(content: bytes) -> dict[str, Any]:
    """A body as the object that MLflow would read; raises ``Invalid`` where two could be read."""
    try:
        body = json.loads(content or b"{}", object_pairs_hook=_without_repeats)
        if isinstance(body, str):  # MLflow still takes the doubly encoded bodies of old clients
            body = json.loads(body, object_pairs_hook=_without_repeats)
    except ValueError as error:
        raise Invalid(f"The body is not JSON that can be read in one way: {error}.") from error
    if not isinstance(body, dict):
        raise Invalid("The body is not a JSON object.")
    return body


def _reasons(request: Request, protected: Protected) -> Iterator[tuple[str, str]]:
    squad, body = request.squad, request.body
    match request.match.route.touches:
        case "experiment":
            experiment = _text(body, "experiment_id", "experimentId")
            yield f"Experiment {experiment}", protected.experiments(squad)
        case "model":
            name = _text(body, "name")
            yield f"The model {name}", protected.model(squad, name)
        case "version":
            name, version = _text(body, "name"), _text(body, "version")
            yield f"Version {version} of {name}", protected.version(squad, name, version)
        case "run":
            run = _text(body, "run_id", "runId")
            yield f"Run {run}", protected.artifacts(squad, run)
        case "logged-model":
            model = request.match.parameters["id"]
            yield f"The logged model {model}", protected.artifacts(squad, model)
        case "upload":
            run = _run_of_upload(request.query)
            yield f"Run {run}", protected.artifacts(squad, run)
        case "artifact":
            yield from _reasons_of_artifact(request, protected)


def _reasons_of_artifact(request: Request, protected: Protected) -> Iterator[tuple[str, str]]:
    """An artifact's path names its run or logged model in a segment of its own."""
    path = request.match.parameters["path"]
    owners = [segment for segment in path.split("/") if _OWNER.fullmatch(segment)]
    if request.method == "DELETE" and not owners:
        yield f"The folder {path}", "it holds the artifacts of more than one run"
    for owner in owners:
        yield f"What {owner} logged", protected.artifacts(request.squad, owner)


def _run_of_upload(query: str) -> str:
    runs = [value for name, value in parse_qsl(query) if name == "run_uuid"]
    if len(runs) != 1:
        raise Invalid("The upload must name one run in run_uuid.")
    return runs[0]


def _text(body: dict[str, Any], *names: str) -> str:
    """The one field under any of its spellings; MLflow reads both."""
    found = [body[name] for name in names if name in body]
    if len(found) != 1 or not isinstance(found[0], str | int):
        raise Invalid(f"The body must name {names[0]} once, as text.")
    return str(found[0])


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found
