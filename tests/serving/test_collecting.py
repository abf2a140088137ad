"""Captures of endpoints that may write anything: what is taken, and what is left where it is."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from northstar.names import EndpointRef
from northstar.serving.collecting import Collector
from northstar.storage.places import SquadStores

ENDPOINT = EndpointRef("fashion", "returns", "dev")
DAY = datetime.now(UTC).date()


class Bench:
    """An endpoint's state folder, and the captures' place."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.captures = folder / "captures"
        self.days = self.state / "captures" / str(ENDPOINT) / "predictions"
        self.today = self.days / DAY.isoformat()
        self.today.mkdir(parents=True)
        stores = SquadStores(str(self.captures))
        self.collector = Collector(lambda: [ENDPOINT], lambda _: self.state, stores)

    def kept(self) -> dict[str, bytes]:
        files = (path for path in self.captures.rglob("*") if path.is_file())
        return {str(path.relative_to(self.captures)): path.read_bytes() for path in files}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_finished_segments_are_moved_under_their_names_and_leave_a_mark(bench: Bench) -> None:
    (bench.today / "1-a-1-v1.arrow").write_bytes(b"rows")
    (bench.today / "1-a-2-v1.unfinished").write_bytes(b"half")
    assert bench.collector.step() == 1
    assert bench.kept() == {f"{ENDPOINT}/predictions/{DAY}/1-a-1-v1.arrow": b"rows"}
    left = {path.name for path in bench.today.iterdir()}
    assert left == {"1-a-1-v1.shipped", "1-a-2-v1.unfinished"}
    assert bench.collector.step() == 0


def test_a_link_a_pipe_and_what_is_too_large_are_not_taken(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "encryption.key"
    secret.write_text("secret")
    (bench.today / "link.arrow").symlink_to(secret)
    os.mkfifo(bench.today / "pipe.arrow")
    with (bench.today / "large.arrow").open("wb") as file:
        file.truncate(1 << 40)
    (bench.today / "folder.arrow").mkdir()
    (bench.today / "good.arrow").write_bytes(b"rows")
    assert bench.collector.step() == 1
    assert list(bench.kept().values()) == [b"rows"]
    assert secret.read_text() == "secret"
    assert "link.arrow is no segment" in caplog.text


@pytest.mark.parametrize("depth", range(7))
def test_no_folder_on_the_way_may_be_a_link_to_another_squads(bench: Bench, depth: int) -> None:
    """Not even to one of the same layout: its segments would be taken, and then removed."""
    theirs = bench.state.with_name("theirs")
    way = [bench.today, *bench.today.parents][: 7 - depth]
    part = way[-1]
    (bench.today / "1.arrow").write_bytes(b"theirs")
    part.rename(theirs)
    part.symlink_to(theirs)
    assert bench.collector.step() == 0
    assert bench.kept() == {}
    assert [path.name for path in theirs.rglob("*.arrow")] == ["1.arrow"]


def test_days_that_are_over_and_old_marks_are_tidied(bench: Bench) -> None:
    past = bench.days / (DAY - timedelta(days=2)).isoformat()
    past.mkdir()
    mark = past / "1.shipped"
    mark.touch()
    os.utime(mark, (0, 0))
    bench.collector.step()
    assert not past.exists()
    assert bench.today.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="Files of others were not tested: needs root.")
def test_a_file_of_another_user_is_not_taken(bench: Bench) -> None:
    for path in (bench.state, *bench.state.rglob("*")):
        os.chown(path, 23000, 23000)
    (bench.today / "1.arrow").write_bytes(b"root's")
    assert bench.collector.step() == 0
    assert bench.kept() == {}
