from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from northstar.serving.dataplane.capture import ACKNOWLEDGEMENT
from northstar.serving.dataplane.capture_writer import CaptureWriter
from northstar.serving.dataplane.fake import FakeControlPlane
from northstar.serving.dataplane.shipping import Shipper, run, waiting
from northstar.serving.dataplane.shipping_process import ShippingProcess
from northstar.serving.dataplane.spool import endpoint_folder
from northstar.storage.errors import StoreUnavailable
from northstar.storage.interface import ObjectStore
from northstar.storage.places import SquadStores, open_store
from tests.serving.endpoints import ENDPOINT, RunningEndpoint, captured_rows, empty_spec, eventually
from tests.serving.test_capture import describe, record


class Away:
    """A store that does not answer."""

    def put(self, name: str, content: bytes | Path, *, new: bool = False) -> None:
        raise StoreUnavailable("The store did not answer.")

    def read(self, name: str) -> Iterator[bytes]:
        raise StoreUnavailable("The store did not answer.")

    def names(self, prefix: str) -> list[str]:
        raise StoreUnavailable("The store did not answer.")

    folders = names

    def delete(self, name: str) -> None:
        raise StoreUnavailable("The store did not answer.")


class SomeAway(SquadStores):
    """The stores of some squads do not answer."""

    def __init__(self, place: str, *away: str) -> None:
        super().__init__(place, {})
        self.away = away

    def of(self, squad: str) -> ObjectStore:
        return Away() if squad in self.away else super().of(squad)


@pytest.fixture
def place() -> str:
    return f"memory://{uuid.uuid4().hex}"


def segment(spool: Path, squad: str = "operations", day: str = "2026-01-05") -> Path:
    path = spool / squad / "late-arrival/prod/predictions" / day / f"{uuid.uuid4().hex}.arrow"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"rows")
    return path


def test_a_segment_is_shipped_under_its_name_and_then_removed(tmp_path: Path, place: str) -> None:
    path = segment(tmp_path)
    assert Shipper(tmp_path, SquadStores(place, {})).step() == 1
    assert not path.exists()
    assert open_store(place).names("") == [path.relative_to(tmp_path).as_posix()]
    assert waiting(tmp_path) == []


def test_what_cannot_be_shipped_stays_and_holds_up_no_other_squad(
    tmp_path: Path, place: str
) -> None:
    mine, theirs = segment(tmp_path, "operations"), segment(tmp_path, "revenue")
    stores = SomeAway(place, "operations")
    with pytest.raises(StoreUnavailable):
        Shipper(tmp_path, stores).step()
    assert mine.exists()
    assert not theirs.exists()
    stores.away = ()
    assert Shipper(tmp_path, stores).step() == 1
    assert len(open_store(place).names("")) == 2


def test_each_squad_has_a_store_of_its_own(tmp_path: Path, place: str) -> None:
    segment(tmp_path, "operations")
    segment(tmp_path, "revenue")
    Shipper(tmp_path, SquadStores(f"{place}-{{squad}}", {})).step()
    for squad in ("operations", "revenue"):
        assert [name.split("/")[0] for name in open_store(f"{place}-{squad}").names("")] == [squad]


def test_a_shipper_that_was_killed_before_it_removed_ships_again_over_itself(
    tmp_path: Path, place: str
) -> None:
    path = segment(tmp_path)
    shipper = Shipper(tmp_path, SquadStores(place, {}))
    shipper.step()
    path.write_bytes(b"rows")
    assert shipper.step() == 1
    assert len(open_store(place).names("")) == 1


def test_a_writer_that_takes_over_does_not_write_again_what_was_shipped(
    tmp_path: Path, place: str
) -> None:
    spool = tmp_path / "spool"
    first = CaptureWriter(spool)
    describe(first)
    frames = [[record(str(i), [[i, i, "u", True, None]], [0.5])] for i in range(4)]
    for sequence, frame in enumerate(frames[:2], start=1):
        first.take(sequence, frame)
    first.flush()  # and is killed before anybody reads its acknowledgement
    Shipper(spool, SquadStores(place, {})).step()

    second = CaptureWriter(spool)
    describe(second)
    for sequence, frame in enumerate(frames, start=1):
        second.take(sequence, frame)
    assert ACKNOWLEDGEMENT.unpack(second.flush()) == (4, 4, 0)
    assert [row["prediction_id"] for row in captured_rows(spool)] == ["2", "3"]


def test_marks_and_empty_days_are_forgotten(tmp_path: Path, place: str) -> None:
    path = segment(tmp_path)
    shipper = Shipper(tmp_path, SquadStores(place, {}))
    shipper.step()
    (mark,) = path.parent.iterdir()
    os.utime(mark, (0, 0))
    shipper.step()
    assert not path.parent.exists()


def test_two_shippers_that_tidy_at_once_do_not_fail(tmp_path: Path) -> None:
    def tidy(_: int) -> int:
        return Shipper(tmp_path / "spool", SquadStores(str(tmp_path / "store"))).step()

    for day in range(1, 10):
        marks = (
            tmp_path / "spool" / "squad" / "project" / "prod" / "predictions" / f"2020-01-0{day}"
        )
        marks.mkdir(parents=True)
        for number in range(100):
            (marks / f"{number}.shipped").touch()
            os.utime(marks / f"{number}.shipped", (0, 0))
        with ThreadPoolExecutor(2) as shippers:
            assert list(shippers.map(tidy, range(2))) == [0, 0]
        assert not marks.exists()


def test_what_waits_for_the_store_is_bounded_and_the_rest_is_counted(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path)
    describe(writer, disk_mb=1)
    text = "u" * 600_000
    for sequence in (1, 2, 3):
        writer.take(sequence, [record(str(sequence), [[1, 1, text, True, None]], [0.5])])
        acknowledged = ACKNOWLEDGEMENT.unpack(writer.flush())
    assert acknowledged == (3, 0, 1)
    assert len(waiting(tmp_path)) == 2


def test_much_is_written_before_its_time(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path)
    describe(writer)
    text, full = "u" * 1_000_000, [writer.full]
    for sequence in range(20):
        writer.take(sequence, [record(str(sequence), [[1, 1, text, True, None]], [0.5])])
    full.append(writer.full)
    writer.flush()
    assert [*full, writer.full] == [False, True, False]


def test_a_store_that_is_away_is_asked_more_rarely_until_it_is_back(
    tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[float] = []

    class Counted(SomeAway):
        def of(self, squad: str) -> ObjectStore:
            asked.append(time.monotonic())
            return super().of(squad)

    path, stores = segment(tmp_path), Counted(place, "operations")
    ours, theirs = os.pipe()
    running = threading.Thread(target=run, args=(Shipper(tmp_path, stores), ours))
    with caplog.at_level(logging.INFO):
        running.start()
        eventually(lambda: len(asked) >= 2)
        stores.away = ()
        eventually(lambda: not path.exists())
        os.close(theirs)
        running.join(30)
    os.close(ours)
    assert asked[1] - asked[0] > 1.9  # and a second where all is well
    said = [one.message for one in caplog.records if one.name == Shipper.__module__]
    assert [text.startswith("captures cannot be shipped") for text in said] == [True, False]
    assert said[-1] == "captures are shipped again"


def test_a_shipper_that_cannot_start_is_tried_ever_more_rarely(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"PYTHONHOME": str(tmp_path / "nowhere")}
    shipping = ShippingProcess(tmp_path, str(tmp_path / "store"), broken)

    def ended() -> list[float]:
        shipping.keep_running()
        return [one.created for one in caplog.records if "the shipper ended" in one.message]

    eventually(lambda: len(ended()) >= 4)
    shipping.end()
    rests = [later - earlier for earlier, later in pairwise(ended())]
    assert all(rest >= least for rest, least in zip(rests, (0.19, 0.39, 0.79), strict=False))


def test_what_waits_is_counted_while_days_come_and_go(tmp_path: Path) -> None:
    ended = threading.Event()
    store = str(tmp_path / "store")
    with RunningEndpoint(tmp_path, FakeControlPlane(empty_spec()), ship_to=store) as endpoint:
        day = endpoint_folder(endpoint.captures, ENDPOINT) / "predictions" / "2026-01-05"

        def come_and_go() -> None:
            while not ended.is_set():
                day.mkdir(parents=True)
                day.rmdir()

        coming = threading.Thread(target=come_and_go)
        coming.start()
        try:
            assert {endpoint.agent.status().waiting for _ in range(3_000)} == {0}
        finally:
            ended.set()
            coming.join()
