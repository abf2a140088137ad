"""Errors as people read them; machines get the same as JSON from ``platform/problems.py``."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from northstar.errors import (
    Conflict,
    Denied,
    Invalid,
    NorthstarError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from northstar.platform.web.rendering import page

_FOR_MACHINES = ("/api/", "/mlflow", "/oauth/", "/.well-known/", "/static/")
_TITLES: dict[type[NorthstarError], str] = {
    Unauthenticated: "Sign in",
    Denied: "Not allowed",
    NotFound: "Not found",
    Conflict: "Not now",
    Invalid: "That was not understood",
    Unavailable: "Try again in a moment",
}


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, at an address that is meant for people."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith(_FOR_MACHINES)


def problem_page(request: Request, error: NorthstarError) -> HTMLResponse:
    """An error as a page; without a session, the page that says how to sign in.

    A browser keeps the session's cookie back when a link on another site led here: the page then
    offers the same address once more.
    """
    title = next((text for kind, text in _TITLES.items() if isinstance(error, kind)), "Failed")
    if isinstance(error, Unauthenticated):
        asked = f"{request.url.path}?{request.url.query}".rstrip("?")
        again = asked if request.method == "GET" and request.url.path != "/sign-in" else "/"
        return page(
            "sign_in.html", None, status=error.http_status, message=error.message, again=again
        )
    return page(
        "problem.html",
        None,
        status=error.http_status,
        title=title,
        message=error.message,
        hint=error.hint,
    )
