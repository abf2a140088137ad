"""A control plane for runs, in a process of its own: squads, projects, versions, and MLflow.

Called with a folder; prints one line of JSON with its address and a token, and serves until it is
terminated. Everything is real but the releases, which nothing here asks about.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import warnings
from pathlib import Path

import uvicorn

from northstar.access.mlflow.app import LazyMlflow
from northstar.access.mlflow.door import MlflowDoor
from northstar.access.mlflow.protection import NothingProtected
from northstar.access.testing import AccessBench
from northstar.clock import SystemClock
from northstar.database import metadata
from northstar.names import ProjectRef
from northstar.project import api as project_api
from northstar.project.service import ProjectService
from northstar.project.store import ProjectStore
from northstar.registry import api as registry_api
from northstar.registry.mlflow_rest import MlflowRest
from northstar.registry.models import ModelFolders
from northstar.registry.service import RegistryService


def main(folder: Path) -> None:
    bench = AccessBench(folder)
    metadata.create_all(bench.database.engine)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        mlflow = MlflowRest(f"{url}/mlflow", bench.access.platform_token)
        clock = SystemClock()
        projects = ProjectService(ProjectStore(bench.database), mlflow, clock)
        registry = RegistryService(
            bench.database,
            mlflow,
            ModelFolders(folder / "models"),
            folder / "downloads",
            clock,
            lambda _project, _version: [],
            projects,
        )
        app = bench.app(
            project_api.router(projects, bench.guard), registry_api.router(registry, bench.guard)
        )

        @app.post("/live/{version}")
        def live(version: int) -> None:
            """What a release does in the end."""
            registry.set_alias(ProjectRef("shops", "late"), "prod", version)

        lazy = LazyMlflow(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
        app.mount("/mlflow", MlflowDoor(lazy, bench.access, NothingProtected()))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        lazy.start()
        assert lazy.wait(120), lazy.failure
        projects.create_squad("shops", "", "user:admin")
        projects.create_project(ProjectRef("shops", "late"), "", "user:admin")
        token = bench.token("anna", "data-scientist", "/shops")
        print(json.dumps({"url": url, "token": token}), flush=True)  # noqa: T201 - how the test hears
        thread.join()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
