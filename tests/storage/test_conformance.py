"""What every store does: a folder, fsspec's memory, and Azure Blob."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northstar.errors import NotFound
from northstar.storage.errors import AlreadyThere
from northstar.storage.folder import LocalFolder
from northstar.storage.interface import ObjectStore
from northstar.storage.places import check_store, open_store

# Azure's own library hands aiohttp blocks of 4 MB as bytes.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

DAY = "operations/late-arrival/prod/predictions/2026-01-05"


@pytest.fixture(params=["folder", "memory", "azurite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ObjectStore]:
    """Opens the same empty store again and again, as different processes would."""
    if request.param == "folder":
        return lambda: open_store(str(tmp_path / "store"))
    if request.param == "memory":
        place = f"memory://{uuid.uuid4().hex}/prefix"
        return lambda: open_store(place)
    azurite = request.getfixturevalue("azurite")
    place = f"{azurite.make_container(f'c{uuid.uuid4().hex[:12]}')}/some/prefix"
    return lambda: open_store(place, azurite.environment)


@pytest.fixture
def store(opened: Callable[[], ObjectStore]) -> ObjectStore:
    return opened()


def content(store: ObjectStore, name: str) -> bytes:
    return b"".join(store.read(name))


def test_what_is_put_is_read_by_another_process(opened: Callable[[], ObjectStore]) -> None:
    opened().put("a/b.bin", b"one")
    assert content(opened(), "a/b.bin") == b"one"


def test_a_file_is_put_and_comes_in_pieces(store: ObjectStore, tmp_path: Path) -> None:
    whole = bytes(range(256)) * 40_000  # more than two pieces
    (tmp_path / "large").write_bytes(whole)
    store.put("large", tmp_path / "large")
    pieces = list(store.read("large"))
    assert len(pieces) > 2
    assert b"".join(pieces) == whole


def test_exactly_one_piece_is_read_as_it_is(store: ObjectStore) -> None:
    store.put("even", bytes(4 << 20))
    assert content(store, "even") == bytes(4 << 20)


def test_putting_again_replaces(store: ObjectStore) -> None:
    store.put("a", b"one")
    store.put("a", b"two")
    assert content(store, "a") == b"two"


@pytest.mark.parametrize("kind", ["bytes", "file"])
def test_new_never_replaces(store: ObjectStore, tmp_path: Path, kind: str) -> None:
    (tmp_path / "two").write_bytes(b"two")
    store.put("a", b"one", new=True)
    with pytest.raises(AlreadyThere, match="a is in"):
        store.put("a", b"two" if kind == "bytes" else tmp_path / "two", new=True)
    assert content(store, "a") == b"one"


# fsspec's memory looks before it writes: it is for one thread alone.
@pytest.mark.parametrize("opened", ["folder", "azurite"], indirect=True)
def test_of_many_who_put_the_same_new_name_one_succeeds(
    opened: Callable[[], ObjectStore], tmp_path: Path
) -> None:
    won, start = [], threading.Barrier(4)

    def put(number: int) -> None:
        store, mine = opened(), tmp_path / str(number)
        mine.write_bytes(bytes([number]) * 1_000_000)
        start.wait()
        try:
            store.put("model.tar", mine, new=True)
        except AlreadyThere:
            return
        won.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert content(opened(), "model.tar") == bytes([won[0]]) * 1_000_000


def test_what_is_not_there_is_said_at_once(store: ObjectStore) -> None:
    with pytest.raises(NotFound, match=r"nothing\.bin is not in"):
        store.read("nothing.bin")


def test_names_are_found_by_any_prefix(store: ObjectStore) -> None:
    for name in ("120000-x", "130000-x", "135959-y"):
        store.put(f"{DAY}/{name}.arrow", b"1")
    store.put(f"{DAY[:-1]}6/130000-z.arrow", b"1")
    assert store.names(f"{DAY}/13") == [f"{DAY}/130000-x.arrow", f"{DAY}/135959-y.arrow"]
    assert len(store.names(f"{DAY}/")) == 3
    assert len(store.names("operations/")) == 4
    assert store.names("operations/late") == store.names("operations/")
    assert store.names("nothing/here") == []


def test_what_is_put_or_removed_is_seen_in_the_next_listing(
    opened: Callable[[], ObjectStore],
) -> None:
    reader, writer = opened(), opened()
    assert reader.names(DAY) == []
    writer.put(f"{DAY}/1.arrow", b"1")
    assert reader.names(DAY) == [f"{DAY}/1.arrow"]
    writer.delete(f"{DAY}/1.arrow")
    assert reader.names(DAY) == []


def test_folders_are_those_right_below(store: ObjectStore) -> None:
    store.put(f"{DAY}/a.arrow", b"1")
    store.put(f"{DAY[:-1]}6/b.arrow", b"1")
    parent = DAY.rpartition("/")[0]
    store.put(f"{parent}-old/2026-01-04/c.arrow", b"1")
    assert store.folders(parent) == ["2026-01-05", "2026-01-06"]
    assert store.folders("") == ["operations"]
    assert store.folders("nothing") == []
    assert store.folders(DAY) == []


def test_deleting_twice_is_as_deleting_once(store: ObjectStore) -> None:
    store.put("a", b"one")
    store.delete("a")
    store.delete("a")
    with pytest.raises(NotFound):
        store.read("a")


def test_a_check_leaves_nothing(store: ObjectStore) -> None:
    check_store(store)
    assert store.names("") == []


@given(st.binary(max_size=2000), st.from_regex(r"[a-z0-9]+(/[\w.=+@-]*[a-z0-9])?", fullmatch=True))
def test_any_bytes_come_back_under_any_name(value: bytes, name: str) -> None:
    for store in _stores():
        store.put(name, value)
        assert content(store, name) == value
        assert name in store.names("")
        store.delete(name)


def _stores() -> Iterator[ObjectStore]:
    yield open_store(f"memory://{uuid.uuid4().hex}")


def test_the_folders_that_a_name_needs_are_on_the_disk_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, synchronise = set(), os.fsync

    def record(descriptor: int) -> None:
        done.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        synchronise(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    LocalFolder(tmp_path / "captures").put("squad/day/segment.arrow", b"rows")
    below = tmp_path / "captures"
    assert {tmp_path, below, below / "squad", below / "squad" / "day"} <= done
