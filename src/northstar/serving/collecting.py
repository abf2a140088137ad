"""Brings in the captures of endpoints that are kept apart.

Such an endpoint writes below its own state folder, which is all that it can write to. What lies
there is the work of a squad's model and may be anything: links to what the platform alone can read,
pipes that nobody writes to, files of any size. Only plain files of the endpoint's own user are
taken, under the names that capture writers give, and no link is followed on the way.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from northstar.errors import NorthstarError
from northstar.names import EndpointRef
from northstar.serving.dataplane.spool import SEGMENT, SHIPPED
from northstar.storage.places import SquadStores

log = logging.getLogger(__name__)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"[\w-]{1,200}")
_MOST_BYTES = 256 << 20
_MARKS_KEPT_SECONDS = 3600.0
_A_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class Collector:
    """Takes finished segments out of endpoints' state folders.

    Args:
        state_path: an endpoint's state folder; only what is in it is the endpoint's to change.
        stores: where captures belong.
    """

    def __init__(
        self,
        endpoints: Callable[[], Iterable[EndpointRef]],
        state_path: Callable[[EndpointRef], Path],
        stores: SquadStores,
    ) -> None:
        self._endpoints = endpoints
        self._state_path = state_path
        self._stores = stores

    def step(self) -> int:
        """Bring in what every endpoint has finished; returns how many segments there were.

        Raises what a store raised, once all endpoints had their turn.
        """
        collected, failed = 0, None
        for endpoint in self._endpoints():
            try:
                collected += self._collect(endpoint)
            except (NorthstarError, OSError) as error:
                failed = error
        if failed:
            raise failed
        return collected

    def _collect(self, endpoint: EndpointRef) -> int:
        state = self._state_path(endpoint)
        if not state.is_dir():
            return 0
        owner = state.stat().st_uid
        collected = 0
        with _folder(state, "captures", *str(endpoint).split("/"), "predictions") as predictions:
            days = filter(_DAY.fullmatch, _names(predictions))
            for day in days:
                with _folder(day, within=predictions) as place:
                    if place is not None:
                        where = f"{endpoint}/predictions/{day}"
                        collected += self._take_all(endpoint.squad, where, place, owner)
                _remove_empty(day, predictions)
        return collected

    def _take_all(self, squad: str, where: str, place: int, owner: int) -> int:
        collected = 0
        for name in _names(place):
            base, suffix = Path(name).stem, Path(name).suffix
            if suffix == SHIPPED:
                _forget_mark(name, place)
            if suffix != SEGMENT or not _NAME.fullmatch(base):
                continue
            content = _read(name, place, owner)
            if content is None:
                log.error("%s/%s is no segment of the endpoint's; it is left there", where, name)
                os.rename(name, f"{base}.refused", src_dir_fd=place, dst_dir_fd=place)
                continue
            self._stores.of(squad).put(f"{where}/{name}", content)
            # A writer that takes over from a killed one sees by it what need not be written again.
            mark = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with suppress(FileExistsError):
                os.close(os.open(f"{base}{SHIPPED}", mark, 0o600, dir_fd=place))
            os.unlink(name, dir_fd=place)
            collected += 1
        return collected


@contextmanager
def _folder(path: str | Path, *below: str, within: int | None = None) -> Iterator[int | None]:
    """A descriptor of a folder, got at without following a link; ``None`` for what is none."""
    place: int | None = None
    try:
        with suppress(OSError):
            place = os.open(path, _A_FOLDER, dir_fd=within)
            for name in below:
                above, place = place, None
                try:
                    place = os.open(name, _A_FOLDER, dir_fd=above)
                finally:
                    os.close(above)
        yield place
    finally:
        if place is not None:
            os.close(place)


def _names(folder: int | None) -> list[str]:
    return [] if folder is None else sorted(os.listdir(folder))  # noqa: PTH208 - a Path knows no descriptor


def _read(name: str, place: int, owner: int) -> bytes | None:
    """A file's content; ``None`` for what no capture writer of that user wrote."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except OSError:
        return None
    try:
        known = os.fstat(descriptor)
        if not stat.S_ISREG(known.st_mode) or known.st_uid != owner or known.st_size > _MOST_BYTES:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(_MOST_BYTES)
    finally:
        os.close(descriptor)


def _forget_mark(name: str, place: int) -> None:
    with suppress(FileNotFoundError):
        written = os.stat(name, dir_fd=place, follow_symlinks=False).st_mtime
        if written < time.time() - _MARKS_KEPT_SECONDS:
            os.unlink(name, dir_fd=place)


def _remove_empty(day: str, place: int | None) -> None:
    if day < datetime.now(UTC).date().isoformat():
        with suppress(OSError):  # there is something in it
            os.rmdir(day, dir_fd=place)
