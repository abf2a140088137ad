"""A platform's MLflow in a process of its own: MLflow keeps its settings in the environment.

Called with a folder; writes MLflow's own route table to ``routes.json`` there, then prints one line
of JSON with its address and tokens, and serves until it is terminated.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import warnings
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from northstar.access.mlflow.app import LazyMlflow
from northstar.access.mlflow.door import MlflowDoor
from northstar.access.testing import AccessBench
from northstar.names import ProjectRef, Scope

PROTECTED = "protected-owners.txt"


class ProtectedByFile:
    """Protects the model named ``released`` and the runs listed in a file that tests write."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def experiments(self, squad: str) -> str:
        listed = self._file.exists() and self._file.read_text().split()
        return "versions are registered of the squad's runs" if listed else ""

    def model(self, squad: str, model: str) -> str:
        return "it has a live release" if model == "released" else ""

    def version(self, squad: str, model: str, version: str) -> str:
        return self.model(squad, model)

    def artifacts(self, squad: str, owner: str) -> str:
        listed = self._file.read_text().split() if self._file.exists() else []
        return "a version was registered of it" if owner in listed else ""


def main(folder: Path) -> None:
    bench = AccessBench(folder)
    lazy = LazyMlflow(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    door = MlflowDoor(lazy, bench.access, ProtectedByFile(folder / PROTECTED))
    secret = bench.access.directory.create("service", "ci", "test")
    bench.access.directory.assign("service:ci", "data-scientist", Scope("operations"), "test")
    run = bench.access.run_identity(ProjectRef("operations", "late-arrival"))
    known = {
        "run": bench.access.client_credentials(
            run.client_id, run.client_secret, "northstar"
        ).access_token,
        "platform": bench.access.platform_token(),
        "admin": bench.token("admin"),
        "anna": bench.token("anna", "data-scientist", "/operations"),
        "owner": bench.token("olga", "squad-owner", "/operations"),
        "bert": bench.token("bert", "data-scientist", "/pricing"),
        "reader": bench.token("rita", "reader", "/operations"),
        "ci_secret": secret.client_secret,
        "ci": bench.access.client_credentials(
            secret.client_id, secret.client_secret, "northstar"
        ).access_token,
        "session": _session(bench),
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/mlflow"
        app = Starlette(routes=[Mount("/mlflow", door)])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        print(json.dumps({"url": url, **known}), flush=True)  # noqa: T201 - how the test hears of it
        lazy.start()
        assert lazy.wait(120), lazy.failure
        (folder / "routes.json").write_text(json.dumps(_routes()))
        thread.join()


def _session(bench: AccessBench) -> str:
    return bench.session("user:anna")


def _routes() -> list[tuple[str, str]]:
    from fastapi.routing import iter_route_contexts
    from mlflow.server import app as flask_app
    from mlflow.server.fastapi_app import app as fastapi_app
    from mlflow.server.handlers import get_endpoints

    found = {(m, path) for path, _, methods in get_endpoints() for m in methods}
    for rule in flask_app.url_map.iter_rules():
        found |= {(method, rule.rule) for method in rule.methods or ()}
    for route in iter_route_contexts(fastapi_app.routes):
        found |= {(method, str(route.path)) for method in route.methods or ()}
    return sorted(found)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
