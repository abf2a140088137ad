from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from northstar.clock import FakeClock
from northstar.platform.settings import Settings
from northstar.platform.storage import Storage
from northstar.storage.errors import StoreMissing
from northstar.storage.places import Places
from tests.azurite.emulator import ACCOUNT, Azurite
from tests.serving.endpoints import eventually


def settings(state: Path, stores: Places | None = None) -> Settings:
    return Settings(state, "http://test", "sqlite://", "sqlite://", stores=stores)


def test_without_a_store_there_is_nothing_to_ship_or_to_check(tmp_path: Path) -> None:
    storage = Storage(settings(tmp_path), FakeClock())
    storage.check()
    assert storage.is_usable()
    assert storage.loops() == {}
    assert storage.capture_spec.disk_mb is None
    assert storage.mlflow_artifacts == tmp_path / "mlflow-artifacts"
    assert list(tmp_path.iterdir()) == []


def test_captures_of_this_machines_endpoints_are_shipped(tmp_path: Path) -> None:
    place = f"memory://{uuid.uuid4().hex}"
    places = Places(str(tmp_path / "m"), place, str(tmp_path / "a"))
    storage = Storage(settings(tmp_path, places), FakeClock())
    path = tmp_path / "captures/operations/late-arrival/prod/predictions/2026-01-05/1.arrow"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"rows")
    assert storage.loops()["captures"]() == 1
    assert not path.exists()
    assert storage.capture_spec.disk_mb


def test_a_store_that_cannot_be_used_is_said_without_waiting_and_looked_at_again(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in azurite.environment.items():
        monkeypatch.setenv(name, value)
    clock = FakeClock()
    container = f"c{uuid.uuid4().hex[:12]}"
    place = f"abfs://{container}@{ACCOUNT}.dfs.core.windows.net"
    storage = Storage(settings(tmp_path, Places.below(place)), clock)
    with pytest.raises(StoreMissing, match=f"no container {container}"):
        storage.check()

    def says(usable: bool) -> bool:
        return storage.is_usable() is usable

    eventually(lambda: says(usable=False))
    azurite.make_container(container)
    assert not storage.is_usable()
    clock.advance(31)
    eventually(lambda: says(usable=True))
    assert azurite.blobs(container) == []
