"""The one place where errors become HTTP answers.

Machines get ``{"code", "message", "hint"}``, a person's browser the same as a page.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from northstar.access.errors import oauth_problem
from northstar.access.token_api import TOKEN_PATH
from northstar.errors import Invalid, NorthstarError, Unauthenticated, Unavailable
from northstar.platform.web.problem_pages import problem_page, wants_page

log = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` answer in the form that its reader expects."""
    app.add_exception_handler(NorthstarError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


def problem(request: Request, status: int, code: str, message: str, hint: str = "") -> Response:
    """One error as an answer."""
    if wants_page(request):
        return problem_page(request, status, code, message, hint)
    return JSONResponse({"code": code, "message": message, "hint": hint}, status_code=status)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, NorthstarError)  # noqa: S101 - registered for this type only
    if request.url.path == TOKEN_PATH:
        answer: Response = _oauth(error)
    else:
        answer = problem(request, error.http_status, error.code, error.message, error.hint)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    faults = "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors()
    )
    message = f"The request is not what this route takes: {faults}."
    hint = "The OpenAPI description is at /api/openapi.json."
    if request.url.path == TOKEN_PATH:
        return _oauth(Invalid(message, hint=hint))
    return problem(request, Invalid.http_status, Invalid.code, message, hint)


def _oauth(error: NorthstarError) -> Response:
    """What OAuth clients understand, and beside it what ours do."""
    status = 400 if isinstance(error, Invalid) else error.http_status
    body = {"code": error.code, "message": error.message, "hint": error.hint}
    headers = {"Cache-Control": "no-store"}
    return JSONResponse({**oauth_problem(error), **body}, status_code=status, headers=headers)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    codes = {401: "unauthenticated", 403: "denied", 404: "not_found", 409: "conflict"}
    code = codes.get(error.status_code, "invalid")
    return problem(request, error.status_code, code, f"{error.detail}.")


async def _defect(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    message = "The platform failed to carry this out; its log has the details."
    return problem(request, 500, "failed", message)
