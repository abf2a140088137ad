"""The door in front of MLflow: who is it, is it their squad's workspace, may they do this?

A request is authenticated (bearer token, HTTP Basic, or the web session), held against the table
of routes, decided upon in the scope of the squad whose workspace it names, checked against what is
registered and released, recorded if it changes something, and only then passed on, rewritten:
MLflow sees the path, workspace and body that were decided upon, and no credentials.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, unquote_to_bytes

from pydantic import JsonValue
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from northstar.access.callers import BasicAuthentication, Caller, identify, is_same_origin
from northstar.access.domain import Principal
from northstar.access.errors import NotAllowed
from northstar.access.mlflow.protection import (
    BODY_TOUCHES,
    NothingProtected,
    Protected,
    Request,
    check_protection,
    read_json,
)
from northstar.access.mlflow.routes import ACTIONS, CHANGES, Kind, Match, classify
from northstar.access.origin import came_through, current_origin
from northstar.access.service import AccessService
from northstar.clock import Clock, SystemClock
from northstar.database import WouldWait, about_to_wait, without_waiting
from northstar.errors import Invalid, NorthstarError, Unavailable
from northstar.names import Scope, check_name

log = logging.getLogger(__name__)
WORKSPACE_HEADER = "x-mlflow-workspace"
_Given = ParamSpec("_Given")
_Decided = TypeVar("_Decided")
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_WITHHELD = frozenset({"authorization", "cookie", "proxy-authorization", WORKSPACE_HEADER})
_TRICKS = (b"%2f", b"%5c", b"%2e", b"%3b", b"%00")
_LONGEST_BODY_BYTES = 1 << 20
_SAME_DEED_SECONDS = 60.0
_MOST_REMEMBERED = 10_000
_ERROR_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


@dataclass(frozen=True)
class _Admission:
    """What was decided about one request."""

    caller: Caller
    match: Match
    squad: str
    path: str

    @property
    def principal(self) -> Principal:
        return self.caller.principal


class MlflowDoor:
    """ASGI middleware around MLflow's application; mount it, and nothing of MLflow beside it.

    Args:
        app: MLflow, or a ``LazyMlflow``.
        protected: what is registered or released and must not be changed.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: AccessService,
        protected: Protected | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._app = app
        self._access = access
        self._protected = protected or NothingProtected()
        self._clock = clock or SystemClock()
        self._basic = BasicAuthentication(access, self._clock)
        self._logged: dict[tuple[str, ...], float] = {}

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        try:
            admission = await _at_once_or_in_a_thread(self._admit, scope)
            content = None
            if admission.match.route.touches in BODY_TOUCHES:
                content = await self._settled_body(scope, receive, admission)
        except NorthstarError as error:
            await _refuse(send, error)
            return
        # Whom this was for, for what stands outside of the door and tells of requests.
        scope.setdefault("state", {}).update(principal=admission.principal, squad=admission.squad)
        passed = _rewritten(scope, admission, content)
        if admission.match.route.kind is Kind.WORKSPACES:
            send = self._only_readable(admission.principal, send)
        await self._app(passed, receive if content is None else _replay(content, receive), send)

    def _admit(self, scope: AsgiScope) -> _Admission:
        """Authenticate, decide and, unless the body is to be looked at first, record.

        Raises what the caller is to be told.
        """
        headers = Headers(scope=scope)
        caller = self._identify(headers)
        came_through(caller.credential)
        principal, method = caller.principal, scope["method"]
        path = _path_below_mount(scope)
        match = None if _is_a_trick(scope, path) else classify(method, path)
        if match is None or match.route.kind is Kind.CLOSED:
            self._deny(principal, method, path, Scope(), "mlflow:closed", ["not-open"])
            raise NotAllowed(
                f"{method} {path[:200]} of MLflow is not open here.",
                hint="docs/reference/access.md lists what is.",
            )
        if caller.cookie and method not in _SAFE_METHODS and not _is_from_our_page(headers):
            self._deny(principal, method, path, Scope(), "mlflow:closed", ["other-origin"])
            raise NotAllowed("The request was sent by a page of another origin.")
        squad = _squad_of(match, headers)
        if squad == "default":  # MLflow keeps it outside of the folders of workspaces
            self._deny(principal, method, path, Scope(squad), "mlflow:closed", ["not-a-squad"])
            raise NotAllowed("The workspace 'default' belongs to no squad.")
        self._access.check(principal, ACTIONS[match.route.kind], Scope(squad or None))
        admission = _Admission(caller, match, squad, path)
        if match.route.touches not in BODY_TOUCHES:
            self._settle(scope, admission, {})
        return admission

    def _identify(self, headers: Headers) -> Caller:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            about_to_wait()  # a secret's hash is slow on purpose
            return self._basic(value.strip())
        return identify(self._access, headers)

    async def _settled_body(
        self, scope: AsgiScope, receive: Receive, admission: _Admission
    ) -> bytes:
        """Read what the body says is touched, and settle that; returns the body to pass on."""
        body = read_json(await _read(receive))
        came_through(admission.caller.credential)
        await _at_once_or_in_a_thread(self._settle, scope, admission, body)
        return json.dumps(body).encode()

    def _settle(self, scope: AsgiScope, admission: _Admission, body: dict[str, Any]) -> None:
        """Refuse what touches something protected, and record what changes something."""
        query = scope.get("query_string", b"").decode("latin-1")
        method, match = scope["method"], admission.match
        try:
            check_protection(Request(method, admission.squad, match, query, body), self._protected)
        except NotAllowed:
            action, where = ACTIONS[match.route.kind], Scope(admission.squad)
            self._deny(admission.principal, method, admission.path, where, action, ["protected"])
            raise
        self._record(method, admission)

    def _record(self, method: str, admission: _Admission) -> None:
        """Record what changes something; what a run logs again and again, once a minute.

        A run logs its metrics thousands of times, and MLflow itself keeps each of them: the record
        stands for the same caller, credential, address, squad and path.
        """
        kind, who = admission.match.route.kind, admission.caller
        if kind not in CHANGES:
            return
        address = current_origin().address
        deed = (who.principal.id, who.credential, address, admission.squad, admission.path)
        if kind is Kind.LOG and self._clock.monotonic() < self._logged.get(deed, 0.0):
            return
        detail: dict[str, JsonValue] = {"method": method, "path": admission.path}
        where = Scope(admission.squad or None)
        self._access.audit.record(who.principal.id, ACTIONS[kind], where, "allowed", detail)
        if kind is Kind.LOG:
            if len(self._logged) >= _MOST_REMEMBERED:
                self._logged.clear()
            self._logged[deed] = self._clock.monotonic() + _SAME_DEED_SECONDS

    def _deny(
        self,
        principal: Principal,
        method: str,
        path: str,
        scope: Scope,
        action: str,
        policies: list[JsonValue],
    ) -> None:
        detail: dict[str, JsonValue] = {"method": method, "path": path[:500], "policies": policies}
        self._access.audit.record(principal.id, action, scope, "denied", detail)

    def _only_readable(self, principal: Principal, send: Send) -> Send:
        """Cut MLflow's list of workspaces down to the squads that the caller may read."""
        start: Message = {}
        chunks: list[bytes] = []

        async def cut(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                content = await run_in_threadpool(self._readable, principal, b"".join(chunks))
                headers = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
                await send({**start, "headers": headers})
                await send({"type": "http.response.body", "body": content})

        return cut

    def _readable(self, principal: Principal, content: bytes) -> bytes:
        try:
            answer = json.loads(content)
            named = answer.get("workspaces", [])
            answer["workspaces"] = [
                workspace
                for workspace in named
                if self._access.allowed(principal, "mlflow:read", Scope(str(workspace["name"])))
            ]
        except (ValueError, AttributeError, KeyError, TypeError):
            return b"{}"
        return json.dumps(answer).encode()


async def _at_once_or_in_a_thread(
    decide: Callable[_Given, _Decided], *given: _Given.args, **named: _Given.kwargs
) -> _Decided:
    """Decide here what memory can answer, as it can for all but one request a second of a caller
    that only reads or logs; whatever takes the database starts anew in a thread.
    """
    try:
        with without_waiting():
            return decide(*given, **named)
    except WouldWait:
        return await run_in_threadpool(decide, *given, **named)


def _squad_of(match: Match, headers: Headers) -> str:
    """The squad whose workspace a request is for; empty where it is for none."""
    kind = match.route.kind
    if "workspace" in match.parameters:
        return check_name(match.parameters["workspace"], "squad")
    if kind in (Kind.KNOWN, Kind.WORKSPACES, Kind.PROVISION):
        return ""
    named = [value.strip() for value in headers.getlist(WORKSPACE_HEADER)]
    if len(named) != 1 or not named[0]:
        raise Invalid(
            "The request does not name one workspace.",
            hint="A squad is a workspace: set MLFLOW_WORKSPACE=SQUAD, "
            "or call mlflow.set_workspace('SQUAD').",
        )
    return check_name(named[0], "squad")


def _path_below_mount(scope: AsgiScope) -> str:
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _is_a_trick(scope: AsgiScope, path: str) -> bool:
    """Whether a path could be read in two ways: by us in one, by MLflow in another."""
    raw = bytes(scope.get("raw_path") or quote(path).encode()).lower()
    segments = path.split("/")[1:]
    return (
        any(trick in raw for trick in _TRICKS)
        or unquote_to_bytes(path) != path.encode()  # a second decoding would read another one
        or not path.isprintable()
        or "\\" in path
        or "" in segments[:-1]
        or any(segment in (".", "..") for segment in segments)
    )


def _is_from_our_page(headers: Headers) -> bool:
    """MLflow's pages carry no form token: the browser has to say by itself where they are from."""
    says = headers.get("sec-fetch-site") or headers.get("origin")
    return says not in (None, "", "none") and is_same_origin(headers)


def _rewritten(scope: AsgiScope, admission: _Admission, content: bytes | None) -> AsgiScope:
    """The request that was decided upon, as MLflow gets it."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        # an underscore becomes a hyphen on the way into WSGI: a second workspace header
        if name.decode("latin-1").lower() not in _WITHHELD and b"_" not in name
    ]
    if admission.squad and "workspace" not in admission.match.parameters:
        headers.append((WORKSPACE_HEADER.encode(), admission.squad.encode()))
    if content is not None:
        replaced = (b"content-length", b"transfer-encoding")
        headers = [(name, value) for name, value in headers if name.lower() not in replaced]
        headers.append((b"content-length", str(len(content)).encode()))
    raw_path = quote(admission.path).encode()
    return {
        **scope,
        "path": admission.path,
        "raw_path": raw_path,
        "root_path": "",
        "headers": headers,
    }


async def _read(receive: Receive) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Invalid("The body ended early.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > _LONGEST_BODY_BYTES:
            raise Invalid("The body is too long for this route.")
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(content: bytes, receive: Receive) -> Receive:
    """The body that was read, then whatever comes after it: a client that hangs up."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": content, "more_body": False}

    return again


async def _refuse(send: Send, error: NorthstarError) -> None:
    """Answer as MLflow does, so that its client shows the message."""
    status = error.http_status
    body: dict[str, Any] = {
        "error_code": _ERROR_CODES.get(status, "INTERNAL_ERROR"),
        "message": str(error),
    }
    headers = [(b"content-type", b"application/json")]
    if isinstance(error, Unavailable):
        headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send(
        {
            "type": "http.response.start",
            "status": 400 if status == 422 else status,
            "headers": headers,
        }
    )
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
