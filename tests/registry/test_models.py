"""What every store of models does: as folders, in fsspec's memory, and in Azure Blob."""

from __future__ import annotations

import os
import stat
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from northstar.digest import folder_digest
from northstar.errors import NotFound
from northstar.registry.errors import WrongModel
from northstar.registry.models import ModelArchives, ModelFolders, ModelStore
from northstar.serving.dataplane.download import unpack_model
from northstar.serving.errors import ModelBroken
from northstar.storage.places import open_store

NOTHING = "sha256:" + "0" * 64


@pytest.fixture(params=["folder", "memory", "azurite"])
def replica(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ModelStore]:
    """Gives one replica's view of the same store after the other."""
    if request.param == "folder":
        return lambda: ModelFolders(tmp_path / "models")
    environ = None
    place = f"memory://{uuid.uuid4().hex}"
    if request.param == "azurite":
        azurite = request.getfixturevalue("azurite")
        place, environ = azurite.make_container(f"c{uuid.uuid4().hex[:12]}"), azurite.environment

    def replica() -> ModelStore:
        scratch = tmp_path / uuid.uuid4().hex
        return ModelArchives(open_store(f"{place}/models", environ), scratch)

    return replica


def keep(store: ModelStore, content: bytes = b"tree\n") -> str:
    with store.incoming() as folder:
        (folder / "data").mkdir()
        (folder / "data" / "model.txt").write_bytes(content)
        (folder / "MLmodel").write_bytes(b"flavors: {}\n")
        return store.keep(folder)


def test_a_kept_model_travels_whole_to_whoever_knows_its_digest(
    replica: Callable[[], ModelStore], tmp_path: Path
) -> None:
    digest = keep(replica(), bytes(range(256)) * 1_000)
    unpack_model(replica().archive(digest), digest, tmp_path / "received")
    assert folder_digest(tmp_path / "received") == digest


def test_replicas_that_keep_the_same_model_at_once_keep_one(
    replica: Callable[[], ModelStore], tmp_path: Path
) -> None:
    digests, start = [], threading.Barrier(4)

    def run() -> None:
        store = replica()
        start.wait()
        digests.append(keep(store))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 4
    (digest,) = set(digests)
    unpack_model(replica().archive(digest), digest, tmp_path / "received")


def test_what_is_no_model_is_refused_and_leaves_nothing(
    replica: Callable[[], ModelStore],
) -> None:
    store = replica()
    with pytest.raises(WrongModel, match="no file MLmodel"), store.incoming() as folder:
        (folder / "notes.txt").touch()
        store.keep(folder)
    assert not folder.exists()


@pytest.mark.parametrize("digest", [NOTHING, "sha256:../../etc", "latest"])
def test_a_digest_that_is_not_kept_is_said_at_once(
    replica: Callable[[], ModelStore], digest: str
) -> None:
    with pytest.raises(NotFound, match="No model with the digest"):
        replica().archive(digest)


def test_folders_cannot_be_written_any_more(tmp_path: Path) -> None:
    digest = keep(ModelFolders(tmp_path))
    folder = tmp_path / digest.removeprefix("sha256:")
    assert not any(stat.S_IMODE(p.stat().st_mode) & 0o222 for p in (folder, *folder.rglob("*")))


def test_a_folder_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, bool]] = []
    store, synchronise = ModelFolders(tmp_path), os.fsync

    def record(descriptor: int) -> None:
        named = any(len(path.name) == 64 for path in tmp_path.iterdir())
        done.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, named))
        synchronise(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    keep(store)
    assert {("MLmodel", False), ("data", False), ("model.txt", False)} <= set(done)
    assert done[-1] == (tmp_path.name, True)


def test_what_a_killed_process_left_is_removed_when_it_is_old(
    replica: Callable[[], ModelStore],
) -> None:
    store = replica()
    with store.incoming() as folder:
        left, recent = folder.with_name(".incoming-left"), folder.with_name(".incoming-recent")
    for place in (left, recent):
        (place / "data").mkdir(parents=True)
        (place / "data" / "model.txt").touch()
        (place / "data").chmod(0o555)
    old = time.time() - 2 * 24 * 3600
    os.utime(left, (old, old))
    keep(store)
    assert (left.exists(), recent.exists()) == (False, True)


def test_an_archive_is_never_written_again_and_a_changed_one_is_not_loaded(tmp_path: Path) -> None:
    objects = open_store(f"memory://{uuid.uuid4().hex}")
    store = ModelArchives(objects, tmp_path / "scratch")
    digest = keep(store)
    name = f"{digest.removeprefix('sha256:')}.tar"
    objects.put(name, b"".join(store.archive(keep(store, b"another\n"))))
    assert keep(store) == digest  # what is there stays, even if it is wrong
    with pytest.raises(ModelBroken, match="has digest"):
        unpack_model(store.archive(digest), digest, tmp_path / "received")
