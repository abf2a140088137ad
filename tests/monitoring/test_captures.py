"""Captures and labels in any store: a folder, fsspec's memory, Azure Blob."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from northstar.errors import NotFound
from northstar.monitoring.captures import Captures
from northstar.monitoring.domain import Label
from northstar.monitoring.segments import CorruptSegment
from northstar.names import EndpointRef
from northstar.storage.interface import ObjectStore
from northstar.storage.places import SquadStores

PROD = EndpointRef("operations", "late-arrival", "prod")
NOW = datetime(2026, 1, 5, 13, 30, tzinfo=UTC)


@pytest.fixture(params=["folder", "memory", "azurite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> SquadStores:
    if request.param == "folder":
        return SquadStores(str(tmp_path / "captures"))
    if request.param == "memory":
        return SquadStores(f"memory://{uuid.uuid4().hex}-{{squad}}")
    azurite = request.getfixturevalue("azurite")
    place = azurite.make_container(f"c{uuid.uuid4().hex[:12]}")
    return SquadStores(f"{place}/captures", azurite.environment)


@pytest.fixture
def store(stores: SquadStores) -> ObjectStore:
    return stores.of(PROD.squad)


def test_labels_come_back_as_they_were(stores: SquadStores) -> None:
    name = Captures(stores).write_labels(
        PROD, [Label(prediction_id="a", label="late"), Label(prediction_id="b", label=1)], NOW
    )
    again = Captures(stores)
    assert again.days(PROD, "labels") == ["2026-01-05"]
    assert again.segments(PROD, "labels", "2026-01-05/13") == [name]
    assert again.segments(PROD, "labels", "2026-01-05/12") == []
    assert again.read_labels(PROD, name) == {"a": "late", "b": 1}


def test_a_corrupt_segment_is_put_aside_once(stores: SquadStores, store: ObjectStore) -> None:
    captures, name = Captures(stores), "predictions/2026-01-05/130000-x.arrow"
    store.put(f"{PROD}/{name}", b"no segment")
    with pytest.raises(CorruptSegment):
        captures.read_predictions(PROD, name)
    captures.quarantine(PROD, name)
    captures.quarantine(PROD, name)
    assert captures.segments(PROD, "predictions", "2026-01-05/") == []
    assert b"".join(store.read(f"{PROD}/{name}.corrupt")) == b"no segment"
    with pytest.raises(NotFound):
        captures.read_predictions(PROD, name)


def test_a_folder_says_itself_whose_captures_it_has(tmp_path: Path) -> None:
    stores = SquadStores(str(tmp_path))
    for name in (f"{PROD}/labels/x.arrow", "no/endpoint/here/x.arrow", "Odd Name/a/prod/x.arrow"):
        stores.of("").put(name, b"")
    assert Captures(stores).endpoints() == [PROD]
    assert Captures(stores, list).endpoints() == []
