"""The embedded platform: one folder, one process tree, one sign-in link."""

from __future__ import annotations

import fcntl
import json
import logging
import logging.handlers
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from northstar.durable import PRIVATE, replace_file
from northstar.errors import Conflict
from northstar.isolation.this_process import hide_secrets, private_folder
from northstar.platform.app import create_app
from northstar.platform.logs import log_to
from northstar.platform.settings import DEFAULT_PORT, Settings
from northstar.platform.telemetry import start_telemetry
from northstar.platform.wiring import Platform, build

log = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_LOG_BYTES = 10_000_000


def run_embedded(state: Path, port: int | None, announce: Callable[[str, str], None]) -> None:
    """Start the whole platform in ``state`` and stay until it is told to stop.

    Args:
        port: where to listen; ``None`` takes the one of last time, 0 any free one.
        announce: called with the address and a one-time sign-in link once it listens.

    Raises ``Conflict`` when another platform runs in the same folder or the port is taken.
    """
    hide_secrets()
    private_folder(state)
    with _only_one(state), _listening(_wanted_port(state, port)) as listener:
        settings = Settings.embedded(state, _HOST, listener.getsockname()[1])
        _log_to_file(settings.state / "logs")
        platform = build(settings, telemetry=start_telemetry())
        _leave_connection(platform)
        app = create_app(platform, on_start=lambda: announce(settings.url, _sign_in_link(platform)))
        try:
            serve(app, listener)
            platform.supervisor.stop_all()
        finally:
            platform.close()


def serve(app: Any, listener: socket.socket) -> None:
    """Answer requests on ``listener`` until SIGINT or SIGTERM; returns then."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        lifespan="on",
        # uvicorn would believe X-Forwarded-For of anything on this machine; whom to believe is
        # a setting (NORTHSTAR_TRUSTED_PROXIES), and the application's own middleware reads it.
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    with _going_on():
        server.run(sockets=[listener])


@contextmanager
def _going_on() -> Iterator[None]:
    """Outlive the signal that ends uvicorn, which raises it once more when it has ended: then there
    are still endpoints to end, and what telemetry has kept is to be sent.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _only_one(state: Path) -> Iterator[None]:
    """Hold the folder's lock; the system frees it however this process ends."""
    with (state / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"A platform already runs in {state}.",
                hint="Use it, stop it, or name another folder with --state.",
            ) from error
        yield


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            raise Conflict(
                f"Port {port} on {_HOST} is taken: {error.strerror}.",
                hint="Name another with --port, or let the system choose with --port 0.",
            ) from error
        listener.listen(1024)
        yield listener


def _wanted_port(state: Path, port: int | None) -> int:
    """Endpoints and jobs that outlived the last platform know it by its old address."""
    if port is not None:
        return port
    try:
        known = json.loads((state / "connection.json").read_text())
        return int(known["url"].rpartition(":")[2])
    except FileNotFoundError:
        return DEFAULT_PORT
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):  # it is written anew as soon as there is a port
        log.warning("connection.json can't be read; the port is %d again", DEFAULT_PORT)
        return DEFAULT_PORT


def _leave_connection(platform: Platform) -> None:
    """Write how commands on this machine enter; whoever can read the file is the administrator."""
    client_id, client_secret = platform.access.bootstrap_administrator()
    content = {"url": platform.settings.url, "client_id": client_id, "client_secret": client_secret}
    path, text = platform.settings.connection_file, json.dumps(content, indent=2)
    replace_file(path, text, PRIVATE)


def _sign_in_link(platform: Platform) -> str:
    return platform.access.sign_in_link("admin")


def _log_to_file(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        folder / "platform.log", maxBytes=_LOG_BYTES, backupCount=3
    )
    log_to(handler)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
