"""Where Prometheus fetches an endpoint's metrics: a port of its own, served by the agent.

The endpoint's own port would answer for one worker at a time. Who may ask the endpoint may read
its metrics, with the same token; Prometheus gets one by itself (``oauth2`` in its configuration).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from northstar.errors import Unauthenticated
from northstar.serving.dataplane.auth import TokenCheck
from northstar.serving.domain import AccessSpec
from northstar.telemetry.interface import SCRAPE_CONTENT_TYPE

PATH = "/metrics"
_PATIENCE_SECONDS = 10


class MetricsServer:
    """Answers ``GET /metrics`` in threads of its own until it is closed.

    Args:
        port: 0 lets the system choose.
        scrape: all metrics as text.
        access: whose tokens are good; nobody's while it is ``None``.

    Raises ``OSError`` where the port can't be listened on.
    """

    def __init__(
        self,
        host: str,
        port: int,
        scrape: Callable[[], bytes | None],
        access: Callable[[], AccessSpec | None],
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = _PATIENCE_SECONDS

            def do_GET(self) -> None:
                status, content = self._answer()
                self.send_response(status)
                kind = SCRAPE_CONTENT_TYPE if status == 200 else "text/plain; charset=utf-8"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                if status == 401:
                    self.send_header("WWW-Authenticate", "Bearer")
                self.end_headers()
                self.wfile.write(content)

            def _answer(self) -> tuple[int, bytes]:
                if self.path.partition("?")[0] != PATH:
                    return 404, f"Metrics are at {PATH}.\n".encode()
                known = access()
                if known is None:
                    return 503, b"The endpoint does not know yet whose tokens are good.\n"
                header = self.headers.get("Authorization")
                try:
                    TokenCheck(known)(header.encode() if header else None)
                except Unauthenticated as error:
                    return 401, f"{error.message} {error.hint}\n".encode()
                return 200, scrape() or b""

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                """Nobody wants a line for each scrape."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self.url = f"http://{host}:{self._server.server_address[1]}{PATH}"
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
