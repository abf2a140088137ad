"""Errors as people read them; machines get the same as JSON from ``platform/problems.py``."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from northstar.access.sessions import COOKIE
from northstar.platform.web.rendering import page

_FOR_MACHINES = ("/api/", "/mlflow", "/oauth/", "/.well-known/", "/static/")
_TITLES = {
    "denied": "Not allowed",
    "not_found": "Not found",
    "conflict": "Not now",
    "invalid": "That was not understood",
    "unavailable": "Try again in a moment",
}


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, at an address that is meant for people."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith(_FOR_MACHINES)


def problem_page(
    request: Request, status: int, code: str, message: str, hint: str = ""
) -> HTMLResponse:
    """An error as a page; without a session, the page that says how to sign in.

    ``again`` is the address that was asked for: a way to sign in leads back there.
    """
    if code == "unauthenticated":
        if COOKIE not in request.cookies and request.url.path != "/sign-in":
            message = "You are not signed in."
        again, start = _again(request), getattr(request.app.state, "sign_in_page", None)
        return page("sign_in.html", None, status=status, message=message, again=again, start=start)
    title = _TITLES.get(code, "Failed")
    return page("problem.html", None, status=status, title=title, message=message, hint=hint)


def _again(request: Request) -> str:
    if request.method != "GET" or request.url.path == "/sign-in":
        return "/"
    return f"/{request.url.path.lstrip('/')}?{request.url.query}".rstrip("?")
