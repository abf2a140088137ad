"""Style, scripts and the charts' library, from this package and from plotly's.

An address carries the content's digest (``?v=…``), so browsers may keep the file for a year and
still get a new one at once.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from northstar.access.guard import Guard
from northstar.errors import NotFound

_HERE = Path(__file__).parent / "static"
_KINDS = {
    "charts.js": "text/javascript; charset=utf-8",
    "favicon.svg": "image/svg+xml",
    "northstar.css": "text/css; charset=utf-8",
    "plotly.css": "text/css; charset=utf-8",
    "plotly.min.js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True)
class Asset:
    """One file, ready to be sent."""

    kind: str
    content: bytes
    compressed: bytes
    etag: str


def router(guard: Guard) -> APIRouter:
    """``/static/{name}``."""
    routes = APIRouter(include_in_schema=False)
    public = [guard.public("style and scripts name nobody, and the sign-in page needs them")]

    @routes.get("/static/{name}", dependencies=public)
    def static(name: str, request: Request) -> Response:
        if name not in _KINDS:
            raise NotFound(f"There is no file {name!r}.")
        found = _read(name)
        headers = {
            "ETag": found.etag,
            "Cache-Control": "public, max-age=31536000, immutable"
            if "v" in request.query_params
            else "public, no-cache",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(found.compressed, media_type=found.kind, headers=headers)
        return Response(found.content, media_type=found.kind, headers=headers)

    return routes


def asset(name: str) -> str:
    """The address of a file, which changes with its content."""
    return f"/static/{name}?v={_version(name)}"


@cache
def _read(name: str) -> Asset:
    content = _path(name).read_bytes()
    return Asset(
        kind=_KINDS[name],
        content=content,
        compressed=gzip.compress(content, compresslevel=6, mtime=0),
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    )


@cache
def _version(name: str) -> str:
    return hashlib.sha256(_path(name).read_bytes()).hexdigest()[:16]


def _path(name: str) -> Path:
    if name != "plotly.min.js":
        return _HERE / name
    # Found, not imported: importing plotly costs more than serving its one file.
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise NotFound("The charts' library is not installed.", hint="pip install plotly")
    return Path(found.origin).parent / "package_data" / name
