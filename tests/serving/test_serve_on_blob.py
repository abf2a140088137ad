"""`northstar serve` as somebody runs it whose captures belong in Azure Blob."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

from northstar.serving.client import EndpointClient
from tests.azurite.emulator import ACCOUNT, Azurite
from tests.serving.control_plane import SmallControlPlane
from tests.serving.endpoints import ENDPOINT, eventually


def serve(plane: SmallControlPlane, captures: str, **more: str) -> subprocess.Popen[bytes]:
    client_id, client_secret = plane.secret(ENDPOINT)
    return subprocess.Popen(
        [sys.executable, "-m", "northstar", "serve", str(ENDPOINT),
         "--state-dir", str(plane.folder / "state")],
        env={
            "PATH": os.environ["PATH"],
            "NORTHSTAR_URL": plane.url,
            "NORTHSTAR_CLIENT_ID": client_id,
            "NORTHSTAR_CLIENT_SECRET": client_secret,
            "NORTHSTAR_CAPTURES": captures,
            **more,
        },
        stderr=subprocess.PIPE,
    )  # fmt: skip


def test_captures_are_shipped_to_the_squads_container_and_the_rest_at_the_end(
    azurite: Azurite, tmp_path: Path
) -> None:
    container = f"captures-{uuid.uuid4().hex[:8]}"
    captures = azurite.make_container(container).replace(container, "captures-{squad}")
    squads = azurite.make_container(f"captures-{ENDPOINT.squad}")
    assert squads == captures.replace("{squad}", ENDPOINT.squad)
    plane = SmallControlPlane(tmp_path)
    connection = plane.connection()
    client = EndpointClient(connection)
    process = serve(plane, captures, **azurite.environment)
    try:
        eventually(lambda: plane.service.view(ENDPOINT).answering, 40)
        row = dict(zip(plane.table.columns, plane.table.rows()[0], strict=True))
        client.predict(ENDPOINT, [row])
        eventually(lambda: azurite.blobs(f"captures-{ENDPOINT.squad}"), 40)
        client.predict(ENDPOINT, [row])
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
        client.close()
        connection.close()
        plane.close()
    names = azurite.blobs(f"captures-{ENDPOINT.squad}")
    assert len(names) == 2, said.decode()
    assert all(name.startswith(f"{ENDPOINT}/predictions/") for name in names)
    assert list((tmp_path / "state").rglob("*.arrow")) == []


def test_an_address_that_cannot_work_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    plane = SmallControlPlane(tmp_path)
    address = f"abfs://captures@{ACCOUNT}.dfs.core.windows.net"
    process = serve(plane, address, AZURE_STORAGE_ACCOUNT_KEY="c2VjcmV0")
    _, said = process.communicate(timeout=60)
    plane.close()
    assert process.returncode == 2
    assert "azurite alone" in said.decode()
    assert "c2VjcmV0" not in said.decode()
