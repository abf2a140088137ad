"""The endpoint's ASGI application: Open Inference Protocol v2 and MLflow's scoring protocol.

Written against ASGI itself, because everything between the socket and the model is paid for by
every request. The routing table is replaced as a whole (``use``); a request works with the one it
began with.
"""

from __future__ import annotations

import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter, time_ns
from typing import Any

import orjson

from northstar import __version__
from northstar.errors import NorthstarError
from northstar.serving.dataplane import invocations, oip
from northstar.serving.dataplane.capture import Recorder
from northstar.serving.dataplane.counters import Counter
from northstar.serving.dataplane.inputs import Rows
from northstar.serving.dataplane.questions import Question
from northstar.serving.dataplane.routing import LoadedModel, Route, RoutingTable
from northstar.serving.dataplane.runtimes.interface import Answers, served_values
from northstar.serving.dataplane.tracing import ANSWER_HEADER, RequestTrace, Tracer
from northstar.serving.domain import VersionCounters
from northstar.serving.errors import BadInput, ModelBroken, NoRoute, NotReady, TooLarge, WrongMethod

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

LARGEST_BODY_BYTES = 16 * 1024 * 1024
_JSON = (b"content-type", b"application/json")
_READABLE = frozenset(
    ("/v2", "/v2/health/live", "/v2/health/ready", "/ping", "/health", "/version")
)
_AUTHORIZATION = b"authorization"


class EndpointApp:
    """The ASGI application of one worker.

    Args:
        recorder: takes what was asked and answered.
        tracer: says which requests are traced, and takes what is to be told of them.
    """

    def __init__(self, recorder: Recorder, tracer: Tracer) -> None:
        self._recorder = recorder
        self._tracer = tracer
        self._table: RoutingTable | None = None
        self._counters: dict[int, Counter] = {}
        self._ids = map((secrets.token_hex(8) + "-{:x}").format, itertools.count())
        self.rejected = 0

    def use(self, table: RoutingTable) -> None:
        """Answer by this table from the next request on."""
        for version in table.models:
            self._counters.setdefault(version, Counter(version))
        self._table = table

    @property
    def table(self) -> RoutingTable | None:
        """The table that answers now."""
        return self._table

    def counters(self) -> list[VersionCounters]:
        """What every version has done in this worker so far."""
        return [counter.snapshot() for counter in self._counters.values()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        path = scope["path"]
        table = self._table
        route = table.posts.get(path) if table is not None else None
        trace, code = None, ""
        if route is not None and table is not None and scope["method"] == "POST":
            authorization = traceparent = None
            for name, value in scope["headers"]:
                if name == b"authorization":
                    authorization = value
                elif name == b"traceparent":
                    traceparent = value
            trace = self._tracer.begin(traceparent)
            try:
                table.check_token(authorization)
                body = await self._predict(started, table, route, trace, scope, receive)
                status = 200
            except NorthstarError as error:
                status, body = self._refusal(error, route)
                code = error.code
        else:
            try:
                status, body = self._describe(scope["method"], path, scope["headers"])
            except NorthstarError as error:
                status, body = self._refusal(error, None)
        headers = [_JSON, (b"content-length", b"%d" % len(body))]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if trace is not None:
            self._tracer.end(trace, started, path, status, code)
            headers.append((ANSWER_HEADER, trace.text.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _predict(
        self,
        started: float,
        table: RoutingTable,
        route: Route,
        trace: RequestTrace | None,
        scope: Scope,
        receive: Receive,
    ) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            body = await _rest_of_body(body, receive)

        protocol, model = route
        question = oip.read(body) if protocol == "oip" else _read_invocation(body, scope["headers"])
        request_id = question.id or next(self._ids)
        if model is None:
            model = table.choose(question.user or request_id)
        if trace is not None:
            trace.version, trace.prediction = model.spec.version, request_id
        rows = (oip.rows if protocol == "oip" else invocations.rows)(
            question.request, model.columns
        )
        answers = self._run(started, model, rows, request_id)
        if trace is not None:
            trace.rows = len(answers)
        now = time_ns() // 1000
        self._recorder.record(
            (
                request_id,
                now if question.event_time is None else question.event_time,
                now,
                model.spec.version,
                protocol,
                body,
                answers,
                None if trace is None else trace.text,
            ),
            len(answers),
        )
        if protocol == "oip":
            return oip.encode(
                table.endpoint.project,
                model.spec.version,
                request_id,
                model.runtime.facts,
                answers,
            )
        return invocations.encode(model.spec.version, request_id, model.runtime.facts, answers)

    def _run(self, started: float, model: LoadedModel, rows: Rows, request_id: str) -> Answers:
        counter = self._counters[model.spec.version]
        try:
            answers = model.runtime.predict_rows(rows)
        except BadInput:
            raise
        except Exception as error:
            # What the model said may quote the caller's data: it goes to the log only.
            log.exception("version %d failed on request %s", model.spec.version, request_id)
            counter.failed(perf_counter() - started)
            raise ModelBroken(
                f"Model version {model.spec.version} failed on request {request_id}.",
                hint="The endpoint's log says why.",
            ) from error
        counter.answered(perf_counter() - started, served_values(answers))
        return answers

    def _refusal(self, error: NorthstarError, route: Route | None) -> tuple[int, bytes]:
        if error.http_status < 500:
            self.rejected += 1
        message = f"{error.message} {error.hint}".rstrip()
        if route is not None and route.protocol == "invocations":
            answer = {"error_code": error.code.upper(), "message": message}
        else:
            answer = {"error": message}
        return error.http_status, orjson.dumps(answer)

    def _describe(self, method: str, path: str, headers: Headers) -> tuple[int, bytes]:
        """Answer everything that is not a prediction."""
        table = self._table
        ready = table is not None and bool(table.models)
        if method not in ("GET", "HEAD") or (table is not None and path in table.posts):
            if table is None and path.endswith(("/infer", "/invocations")):
                raise NotReady("The endpoint has no model yet.")
            if path in _READABLE or (table is not None and path in table.posts):
                raise WrongMethod(f"{path} is not answered to {method}.")
            raise NoRoute(f"{method} {path} leads nowhere.")
        if path == "/v2/health/live":
            return 200, b'{"live":true}'
        if path in ("/v2/health/ready", "/ping", "/health"):
            return (200, b'{"ready":true}') if ready else (503, b'{"ready":false}')
        if path == "/version":
            return 200, orjson.dumps({"name": "northstar", "version": __version__})
        if path == "/v2":
            return 200, orjson.dumps(
                {"name": "northstar", "version": __version__, "extensions": []}
            )
        if table is None:
            raise NotReady("The endpoint has no model yet.")
        table.check_token(next((value for name, value in headers if name == _AUTHORIZATION), None))
        return _describe_model(table, path)


def _describe_model(table: RoutingTable, path: str) -> tuple[int, bytes]:
    parts = path.strip("/").split("/")
    name = table.endpoint.project
    if parts[:3] != ["v2", "models", name]:
        raise NoRoute(f"GET {path} leads nowhere.")
    rest = parts[3:]
    versions = sorted(table.models)
    model = table.models[versions[-1]] if versions else None
    if rest[:1] == ["versions"] and len(rest) > 1:
        model = table.models.get(int(rest[1])) if rest[1].isdecimal() else None
        versions = [model.spec.version] if model else []
        rest = rest[2:]
    if rest == ["ready"]:
        return (200, b'{"ready":true}') if model else (503, b'{"ready":false}')
    if rest or model is None:
        raise NoRoute(f"GET {path} leads nowhere.")
    return 200, oip.model_metadata(name, versions, model.spec.flavor, model.runtime.facts)


def _read_invocation(body: bytes, headers: Headers) -> Question:
    found = dict(headers)
    return invocations.read(
        body,
        _text(found.get(b"x-request-id")),
        _text(found.get(b"x-northstar-user")),
        _moment_text(found.get(b"x-northstar-event-time")),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _moment_text(value: bytes | None) -> str | float | None:
    text = _text(value)
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


async def _rest_of_body(first: bytes, receive: Receive) -> bytes:
    body = bytearray(first)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("The caller went away before the body was complete.")
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY_BYTES:
            raise TooLarge(f"The body is larger than {LARGEST_BODY_BYTES >> 20} MB.")
        more = message.get("more_body", False)
    return bytes(body)
