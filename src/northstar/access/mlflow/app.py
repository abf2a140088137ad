"""MLflow's server as an ASGI application that is there at once and works once it is warm."""

from __future__ import annotations

import gc
import json
import logging
import os
import sqlite3
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from northstar.database import CONNECTION_SECONDS

log = logging.getLogger(__name__)
_RETRY_AFTER_SECONDS = 2
_SQLITE = "sqlite:///"
# Where a model version may come from: a run, a logged model, or what the proxy keeps of them.
# Anything else would be an address that MLflow's server fetches on a caller's behalf.
_SOURCES = r"^(runs:/|models:/|mlflow-artifacts:/|prompt-template$)"


class LazyMlflow:
    """Loads MLflow in a thread, because that takes seconds, and answers 503 until it is there.

    MLflow's client repeats a request that was answered with 503. MLflow keeps its settings in the
    process's environment, so there is one of these in a process.

    Args:
        database_url: MLflow's own database.
        artifacts: the folder behind its artifact proxy, or an address that MLflow knows.
        load: makes the application; another one for tests.
    """

    def __init__(
        self,
        database_url: str,
        artifacts: Path | str,
        load: Callable[[str, Path | str], ASGIApp] | None = None,
    ) -> None:
        self._database_url = database_url
        self._artifacts = artifacts
        self._load = load or load_mlflow
        self._app: ASGIApp | None = None
        self._settled = threading.Event()
        self._started = threading.Lock()
        self.failure = ""

    def start(self) -> None:
        """Begin to load, once; returns at once."""
        if self._started.acquire(blocking=False):
            threading.Thread(target=self._warm_up, name="mlflow", daemon=True).start()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until MLflow is there, or has failed to load; returns ``ready``."""
        self._settled.wait(timeout_seconds)
        return self.ready

    @property
    def ready(self) -> bool:
        """Whether requests reach MLflow."""
        return self._app is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._not_yet(send)

    def _warm_up(self) -> None:
        try:
            self._app = self._load(self._database_url, self._artifacts)
        except Exception as error:  # the control plane stays up without MLflow, and says so
            self.failure = f"{type(error).__name__}: {error}"
            log.exception("MLflow did not start")
        finally:
            self._settled.set()

    async def _not_yet(self, send: Send) -> None:
        message = "MLflow is starting; try again in a moment."
        if self.failure:
            message = "MLflow did not start; the platform's log says why."
        body = {"error_code": "TEMPORARILY_UNAVAILABLE", "message": message}
        await send(
            {
                "type": "http.response.start",
                "status": 503,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"retry-after", str(_RETRY_AFTER_SECONDS).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def load_mlflow(database_url: str, artifacts: Path | str) -> ASGIApp:
    """Import and set up MLflow's server; takes seconds, and sets variables of this process.

    Workspaces are on (a squad is one), artifacts go through the proxy, and nothing that runs in or
    is sent from MLflow's server is on.
    """
    if isinstance(artifacts, Path):
        artifacts.mkdir(parents=True, exist_ok=True)
    _let_readers_and_writer_share(database_url)
    os.environ.update(_environment(database_url, artifacts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's dependencies' own, at import
        from mlflow.server.fastapi_app import create_fastapi_app
        from mlflow.server.handlers import initialize_backend_stores

        app: Any = create_fastapi_app()
        initialize_backend_stores(database_url, database_url, "mlflow-artifacts:/")
    # MLflow's hundreds of thousands of objects stay until the end; without this the collector
    # walks them again and again, which cost a request a fifth of its time.
    gc.collect()
    gc.freeze()
    return app  # type: ignore[no-any-return]  # MLflow ships no types


def _environment(database_url: str, artifacts: Path | str) -> dict[str, str]:
    return {
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "MLFLOW_WORKSPACE_STORE_URI": database_url,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
        "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE": str(CONNECTION_SECONDS),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        # The door decides who gets in and rewrites the request; a Host that MLflow does not know
        # is the public address of a platform behind a proxy.
        "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
        "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX": _SOURCES,
        "_MLFLOW_SERVER_FILE_STORE": database_url,
        "_MLFLOW_SERVER_REGISTRY_STORE": database_url,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(artifacts),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }


def _let_readers_and_writer_share(database_url: str) -> None:
    """Switch an SQLite file to its write-ahead log, which the file remembers."""
    if database_url.startswith(_SQLITE):
        path = Path(database_url.removeprefix(_SQLITE))
        path.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
