"""Shipping: a process that brings finished capture segments from the local disk to a store.

Segments are written locally first, so that answering never waits for a store, and one that is away
costs nothing but disk. A segment keeps its name on the way: shipped again after a kill, it replaces
itself. What was shipped leaves an empty mark behind for a while, by which a capture writer that
takes over from a killed one knows what need not be written again.
"""

from __future__ import annotations

import argparse
import glob
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from northstar.backoff import pause_seconds
from northstar.errors import NorthstarError
from northstar.serving.dataplane.spool import SEGMENT, SHIPPED
from northstar.storage.places import SquadStores

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
_WORST_PAUSE_SECONDS = 60.0
_LAST_SECONDS = 20.0
_MARKS_KEPT_SECONDS = 3600.0
_NICENESS = 5
_ANYWHERE = "*/*/*/*/*/*"  # squad, project, environment, kind, day, name


class Shipper:
    """Ships the segments below a local folder; two at the same work do no harm.

    Args:
        spool: the folder, as ``segments_folder`` arranges it.
        stores: where the segments of each squad go, under the same names.
    """

    def __init__(self, spool: Path, stores: SquadStores) -> None:
        self._spool = spool
        self._stores = stores

    def step(self) -> int:
        """Ship every finished segment, the oldest first; returns how many there were.

        Raises what a squad's store raised; the segments of the other squads were shipped then.
        """
        shipped = 0
        failed: dict[str, Exception] = {}
        for path in waiting(self._spool):
            name = path.relative_to(self._spool)
            squad = name.parts[0]
            if squad in failed:
                continue
            try:
                self._stores.of(squad).put(name.as_posix(), path)
            except FileNotFoundError:
                continue  # another shipper was here
            except (NorthstarError, OSError) as error:
                failed[squad] = error
                continue
            path.with_suffix(SHIPPED).touch()
            path.unlink(missing_ok=True)
            shipped += 1
        self._tidy()
        if failed:
            raise next(iter(failed.values()))
        return shipped

    def _tidy(self) -> None:
        """Forget old marks, and the days that are empty then."""
        oldest = time.time() - _MARKS_KEPT_SECONDS
        today = datetime.now(UTC).date().isoformat()
        days = set()
        for mark in _files(self._spool, SHIPPED):
            with suppress(FileNotFoundError):  # another shipper was here
                if mark.stat().st_mtime < oldest:
                    mark.unlink()
                    days.add(mark.parent)
        for day in days:
            if day.name < today:
                with suppress(OSError):  # it is gone, or there is something in it
                    day.rmdir()


def waiting(spool: Path) -> list[Path]:
    """The segments that are still to be shipped, the oldest first."""
    return sorted(_files(spool, SEGMENT), key=lambda path: path.parts[-2:])


def run(shipper: Shipper, told_to_end: int) -> None:
    """Ship until the other end of a pipe closes, and then what is left.

    Args:
        told_to_end: the descriptor of our end.
    """
    failures = 0
    while not select.select([told_to_end], [], [], _rest_seconds(failures))[0]:
        try:
            shipper.step()
        except (NorthstarError, OSError) as error:
            if not failures:
                log.error("captures cannot be shipped and wait here: %s", error)  # noqa: TRY400 - the message says it all
            failures += 1
            continue
        if failures:
            log.info("captures are shipped again")
        failures = 0
    for _ in _until(time.monotonic() + _LAST_SECONDS):
        try:
            shipper.step()
        except (NorthstarError, OSError) as error:
            log.warning("some captures stay here until the next start: %s", error)
        else:
            return


def _files(spool: Path, ending: str) -> list[Path]:
    """The files of a kind; a day that another shipper removes meanwhile has none."""
    names = glob.glob(f"{_ANYWHERE}{ending}", root_dir=spool)  # noqa: PTH207 - Path.glob raises where a folder has gone
    return [spool / name for name in names]


def _rest_seconds(failures: int) -> float:
    return pause_seconds(failures + 1, _PAUSE_SECONDS, _WORST_PAUSE_SECONDS)


def _until(deadline: float) -> Iterator[None]:
    yield
    while time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
        yield


def main() -> None:
    """Entry point of the process; started by the agent only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spool", type=Path, required=True)
    parser.add_argument("--store", required=True)
    given = parser.parse_args()
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)  # the end of the input is the only end
    logging.basicConfig(format="%(asctime)s %(levelname)s shipper: %(message)s", level=logging.INFO)
    for noisy in ("azure", "aiohttp", "adlfs"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    os.nice(_NICENESS)  # answering comes first
    run(Shipper(given.spool, SquadStores(given.store)), sys.stdin.fileno())


if __name__ == "__main__":
    main()
