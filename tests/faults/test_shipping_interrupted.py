"""Captures on their way to Azure Blob: the shipper killed, and the store away for a while."""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from northstar.serving.dataplane.fake import FakeControlPlane
from northstar.storage.places import open_store
from tests.azurite.emulator import Azurite
from tests.serving.endpoints import (
    RunningEndpoint,
    empty_spec,
    eventually,
    model_spec,
    processes,
    spec,
)
from tests.serving.models import booster_folder


@pytest.fixture
def blob(azurite_installed: None, tmp_path: Path) -> Iterator[Azurite]:
    """An emulator that the test may stop."""
    server = Azurite(tmp_path / "azurite")
    yield server
    server.stop()


def arrived(place: str, environ: dict[str, str]) -> Counter[str]:
    """The ids of all rows in the store."""
    store = open_store(place, environ)
    found: Counter[str] = Counter()
    for name in store.names("operations/"):
        with pa.ipc.open_file(pa.py_buffer(b"".join(store.read(name)))) as file:
            found.update(file.read_all()["prediction_id"].to_pylist())
    return found


def test_nothing_is_lost_or_doubled(
    blob: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in blob.environment.items():
        monkeypatch.setenv(name, value)
    place = blob.make_container(f"c{uuid.uuid4().hex[:12]}")
    model, table, _ = booster_folder(tmp_path / "model")
    names, row = list(table.columns), table.rows()[:1]
    control = FakeControlPlane(empty_spec())
    control.spec = spec(1, [model_spec(1, model, control.add_model(model))])
    asked: list[str] = []

    def ask(endpoint: RunningEndpoint, count: int) -> None:
        for _ in range(count):
            asked.append(f"r{len(asked)}")
            assert endpoint.infer(row, names, id=asked[-1]).status_code == 200

    def shipper(endpoint: RunningEndpoint) -> list[int]:
        return processes("dataplane.shipping", str(endpoint.captures))

    with RunningEndpoint(tmp_path, control, ship_to=place) as endpoint:
        endpoint.serves(1)
        ask(endpoint, 50)
        eventually(lambda: arrived(place, blob.environment))
        (first,) = eventually(lambda: shipper(endpoint))
        ask(endpoint, 50)
        os.kill(first, signal.SIGKILL)
        (second,) = eventually(lambda: [pid for pid in shipper(endpoint) if pid != first])
        blob.stop()
        ask(endpoint, 50)
        eventually(lambda: endpoint.agent.status().waiting > 0)
        os.kill(second, signal.SIGKILL)
        ask(endpoint, 50)
    # It ended while the store was away: what is left is for the next start.
    assert endpoint.agent.status().dropped == 0
    blob.start()
    with RunningEndpoint(tmp_path, control, ship_to=place) as endpoint:
        eventually(lambda: endpoint.agent.status().waiting == 0)
        ask(endpoint.serves(1), 10)
    assert arrived(place, blob.environment) == Counter(asked)
