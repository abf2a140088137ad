"""The SDK's view of endpoints: where they are, and asking them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2

from northstar.connection import Connection
from northstar.errors import (
    Denied,
    Failed,
    Invalid,
    NorthstarError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from northstar.names import EndpointRef, ProjectRef
from northstar.serving.domain import EndpointView
from northstar.telemetry import propagation

_TIMEOUT_SECONDS = 30.0
_KINDS: dict[int, type[NorthstarError]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Denied,
    404: NotFound,
    413: Invalid,
    503: Unavailable,
}


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered to one request.

    Attributes:
        ids: one for each row; labels are later pushed under these.
        predictions: one for each row: a number, or for multiclass the class probabilities.
        version: the model version that answered.
        classes: a classifier's labels; a binary prediction is the probability of the second.
        trace: the ``traceparent`` of the endpoint's span; empty if the request was not traced.
    """

    ids: list[str]
    predictions: list[Any]
    version: int
    classes: list[str] | None
    trace: str = ""


class EndpointClient:
    """Endpoints, over the HTTP API and directly."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._http = httpx2.Client(timeout=_TIMEOUT_SECONDS, trust_env=False)
        self._urls: dict[EndpointRef, str] = {}

    def close(self) -> None:
        """Close the connections to endpoints (not the one to the platform)."""
        self._http.close()

    def list(self, project: ProjectRef) -> list[EndpointView]:
        """A project's endpoints."""
        answer = self._connection.get(f"{project.path}/endpoints")
        return [EndpointView.model_validate(one) for one in answer]

    def show(self, endpoint: EndpointRef) -> EndpointView:
        """One endpoint; raises ``NotFound`` if nothing was ever released to it."""
        return EndpointView.model_validate(self._connection.get(f"{endpoint.path}/endpoint"))

    def predict(
        self,
        endpoint: EndpointRef,
        rows: Sequence[Mapping[str, Any]],
        *,
        request_id: str = "",
        user: str = "",
        event_time: datetime | float | None = None,
    ) -> Answer:
        """Ask an endpoint; it is asked directly, not through the platform.

        The request goes on in the caller's current trace, if there is one: OpenTelemetry's, where
        the caller uses it.

        Args:
            rows: values by column name; ``None`` is missing. All rows have the same columns.
            request_id: of one row it is the prediction's id, of several the ids are numbered.
            user: whom traffic is split by; the request if empty.
            event_time: when what is predicted takes place; now if absent.

        Raises:
            Invalid: the rows do not fit the model.
            Unavailable: the endpoint does not answer, or has no model yet.
        """
        columns = list(rows[0]) if rows else []
        try:
            data = [[row[name] for name in columns] for row in rows]
        except KeyError as error:
            raise Invalid(f"A row lacks column {error}, which the first row has.") from error
        body = json.dumps({"dataframe_split": {"columns": columns, "data": data}})
        headers = {
            **propagation.headers(),
            "Authorization": f"Bearer {self._connection.token(str(endpoint))}",
            "Content-Type": "application/json",
        }
        if request_id:
            headers["X-Request-Id"] = request_id
        if user:
            headers["X-Northstar-User"] = user
        if event_time is not None:
            text = event_time.isoformat() if isinstance(event_time, datetime) else str(event_time)
            headers["X-Northstar-Event-Time"] = text
        response = self._ask(endpoint, body.encode(), headers)
        answer = response.json()
        return Answer(
            ids=answer["prediction_ids"],
            predictions=answer["predictions"],
            version=int(answer["model_version"]),
            classes=answer.get("classes"),
            trace=response.headers.get("traceresponse", ""),
        )

    def _ask(self, endpoint: EndpointRef, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        url = self._urls.get(endpoint) or self._find(endpoint)
        try:
            response = self._http.post(f"{url}/invocations", content=body, headers=headers)
        except httpx2.TransportError as error:
            self._urls.pop(endpoint, None)  # it may come back somewhere else
            raise Unavailable(f"{endpoint} does not answer at {url}: {error}.") from error
        except UnicodeEncodeError as error:
            raise Invalid("request_id and user must be plain ASCII text.") from error
        if response.is_success:
            return response
        kind = _KINDS.get(response.status_code, Failed)
        try:
            message = response.json()["message"]
        except (ValueError, KeyError, TypeError):
            message = f"{endpoint} answered {response.status_code}."
        raise kind(message)

    def _find(self, endpoint: EndpointRef) -> str:
        view = self.show(endpoint)
        if view.url is None:
            raise Unavailable(
                f"{endpoint} has not started yet.", hint="Look at: northstar endpoint show."
            )
        self._urls[endpoint] = view.url
        return view.url
