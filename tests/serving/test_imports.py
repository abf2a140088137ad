"""What an endpoint's processes import: measured on the processes themselves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.serving.control_plane import SmallControlPlane
from tests.serving.endpoints import ENDPOINT, eventually, processes

_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \| +(\S+)$", re.MULTILINE)
_FORBIDDEN = ("mlflow", "pandas", "sklearn", "lightgbm", "fastapi", "sqlalchemy", "alembic",
              "cedarpy", "duckdb", "opentelemetry", "azure", "northstar.platform",
              "northstar.database", "northstar.access", "northstar.registry.service",
              "northstar.serving.service")  # fmt: skip


def test_an_endpoint_of_a_lightgbm_model_imports_nothing_of_the_control_plane(
    tmp_path: Path,
) -> None:
    plane = SmallControlPlane(tmp_path)
    client_id, client_secret = plane.secret(ENDPOINT)
    log = tmp_path / "imports.log"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPROFILEIMPORTTIME": "1",
        "NORTHSTAR_URL": plane.url,
        "NORTHSTAR_CLIENT_ID": client_id,
        "NORTHSTAR_CLIENT_SECRET": client_secret,
    }
    command = [sys.executable, "-m", "northstar", "serve", str(ENDPOINT)]
    with log.open("wb") as output:
        agent = subprocess.Popen(
            [*command, "--state-dir", str(tmp_path / "state")], env=environment, stderr=output
        )
    try:
        eventually(lambda: plane.service.view(ENDPOINT).answering, 40)
        eventually(lambda: processes("dataplane.capture_writer", str(tmp_path)))
    finally:
        agent.terminate()
        agent.wait(30)
        plane.close()
    imported = set(_IMPORTED.findall(log.read_text()))
    assert {"northstar.serving.dataplane.server", "uvicorn", "orjson", "pyarrow"} <= imported
    forbidden = {
        name for name in imported if any(name == f or name.startswith(f"{f}.") for f in _FORBIDDEN)
    }
    assert forbidden == set()
