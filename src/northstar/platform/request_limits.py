"""What a request may cost before anybody knows who sent it: bytes of its body, and patience.

FastAPI reads a body before it asks who sent it, so the first line is here.
"""

from __future__ import annotations

import asyncio
import json

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ANONYMOUS_BYTES = 64 * 1024
_LONGEST_BYTES = 64 * 1024 * 1024
_PATIENCE_SECONDS = 30.0
_UNMEASURED = "/mlflow/"  # models are uploaded there; its door authenticates before it reads


class RequestLimits:
    """ASGI middleware: a body that is too long is answered with 413, one that dawdles with 408.

    Args:
        anonymous_bytes: the longest body of a request that carries no credentials at all.
        longest_bytes: the longest body of any other, but for what goes to MLflow.
        patience_seconds: how long to wait for the next piece of a body.
    """

    def __init__(
        self,
        app: ASGIApp,
        anonymous_bytes: int = _ANONYMOUS_BYTES,
        longest_bytes: int = _LONGEST_BYTES,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._app = app
        self._anonymous = anonymous_bytes
        self._longest = longest_bytes
        self._patience = patience_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(receive, self._allowed(scope, headers), self._patience)
        if _number(headers.get("content-length", "")) > body.allowed:
            await _refuse(send, 413)
            return
        answer = _Answer(send)
        try:
            await self._app(scope, body.receive, answer.send)
        except _TooMuch as refusal:
            if answer.begun:
                raise
            await _refuse(send, refusal.status)

    def _allowed(self, scope: Scope, headers: Headers) -> float:
        if str(scope["path"]).startswith(_UNMEASURED):
            return float("inf")
        known = "authorization" in headers or "cookie" in headers
        return self._longest if known else self._anonymous


class _TooMuch(BaseException):
    """Passes through the application, which must not answer it as an error of its own."""

    def __init__(self, status: int) -> None:
        self.status = status


class _Body:
    """A request's body, counted and timed on its way in."""

    def __init__(self, receive: Receive, allowed: float, patience_seconds: float) -> None:
        self.allowed = allowed
        self._receive = receive
        self._patience = patience_seconds
        self._received = 0
        self._ended = False

    async def receive(self) -> Message:
        if self._ended:  # only the client's hanging up is waited for now
            return await self._receive()
        try:
            async with asyncio.timeout(self._patience):
                message = await self._receive()
        except TimeoutError as error:
            raise _TooMuch(408) from error
        self._received += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._received > self.allowed:
            raise _TooMuch(413)
        return message


class _Answer:
    """Knows whether the application has begun to answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def send(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


async def _refuse(send: Send, status: int) -> None:
    message = {413: "The request's body is too long.", 408: "The request's body did not arrive."}
    body = json.dumps({"code": "invalid", "message": message[status], "hint": ""}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
