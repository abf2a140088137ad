"""MLflow's application over HTTP, bare or behind the platform's door, for ``access_mlflow``.

Called with ``bare`` or ``door`` and a folder; prints one line of JSON with its address and a token,
then serves until it is terminated. Either way it is the same MLflow with the same settings, in one
process; no background loop runs.
"""

from __future__ import annotations

import gc
import json
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

import uvicorn

from northstar.access.domain import principal_of
from northstar.access.mlflow.app import load_mlflow
from northstar.connection import PLATFORM_AUDIENCE
from northstar.names import Scope
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import build

SQUAD = "operations"


def main(kind: str, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings.embedded(folder, "127.0.0.1", listener.getsockname()[1])
        app, known = _bare(settings) if kind == "bare" else _behind_the_door(settings)
        print(json.dumps(known), flush=True)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", proxy_headers=False
        )
        uvicorn.Server(config).run(sockets=[listener])


def _bare(settings: Settings) -> tuple[Any, dict[str, str]]:
    app = load_mlflow(settings.mlflow_database_url, settings.state / "mlflow-artifacts")
    gc.unfreeze()  # as MLflow itself leaves the collector
    return app, {"url": settings.url, "platform": "", "caller": ""}


def _behind_the_door(settings: Settings) -> tuple[Any, dict[str, str]]:
    """The whole application of the control plane, with a data scientist who has a role."""
    platform = build(settings)
    access = platform.access
    caller = access.directory.ensure(principal_of("user", "anna"), ())
    access.directory.assign(caller.id, "data-scientist", Scope(SQUAD), "user:admin")
    app = create_app(platform)  # before MLflow is loaded, as `northstar up` does it
    platform.mlflow.start()
    if not platform.mlflow.wait(120):
        sys.exit(platform.mlflow.failure)
    token = access.token_for(caller, PLATFORM_AUDIENCE).access_token
    own = access.platform_token()
    return app, {"url": f"{settings.url}/mlflow", "platform": own, "caller": token}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], Path(sys.argv[2]))
