"""What every page carries, and the way back from a form."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse

from northstar.access.guard import caller, form_token
from northstar.platform.web.reader import Reader
from northstar.platform.web.views import Shell


def shell(reader: Reader, request: Request) -> Shell:
    """The frame of a page as its viewer sees it."""
    waiting, alerts = reader.counts()
    return Shell(
        principal=caller(request).id,
        csrf=form_token(request),
        waiting=waiting,
        alerts=alerts,
        reads_audit=reader.audit_scope() is not None,
    )


def back(request: Request, otherwise: str) -> RedirectResponse:
    """To the page whose form was sent, as its browser tells; never to another site."""
    came_from = urlsplit(request.headers.get("referer", ""))
    here = came_from.netloc == request.headers.get("host") and came_from.path.startswith("/")
    path = "/" + came_from.path.lstrip("/\\")
    place = f"{path}?{came_from.query}".rstrip("?") if here else otherwise
    return RedirectResponse(place, status_code=303)
