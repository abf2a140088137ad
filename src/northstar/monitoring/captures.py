"""The captures: where endpoints' predictions and their labels lie as Arrow segments.

    <squad>/<project>/<environment>/predictions/<day>/<time>-….arrow    written by endpoints
                                   /labels/<day>/<time>-….arrow         written here

A segment that has its name is whole and never changes; day and time are those of its writing. One
that cannot be read all the same is renamed to ``*.corrupt`` and left for a person.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from northstar.errors import Invalid, NotFound
from northstar.monitoring.domain import Label, RawLabel
from northstar.monitoring.segments import (
    PredictionRows,
    SegmentKind,
    decode_labels,
    decode_predictions,
    encode_labels,
)
from northstar.names import EndpointRef, check_environment, check_name
from northstar.storage.places import SquadStores

_SEGMENT = ".arrow"
_ANY_SQUAD = ""


class Captures:
    """The captures of all endpoints.

    Reading and writing raise what the store raises: ``Unavailable`` or ``OSError`` mean that the
    same call may succeed later.

    Args:
        stores: where each squad's captures are.
        known: the endpoints that there may be captures of, for stores where listings cost money
            or each squad has one of its own; without it, the one folder is asked.
    """

    def __init__(
        self, stores: SquadStores, known: Callable[[], Iterable[EndpointRef]] | None = None
    ) -> None:
        self._stores = stores
        self._known = known
        self.paced = known is not None

    def endpoints(self) -> list[EndpointRef]:
        """Every endpoint that may have captures or labels, by name."""
        if self._known is not None:
            return sorted(self._known())
        store = self._stores.of(_ANY_SQUAD)
        paths = [
            (squad, project, environment)
            for squad in store.folders("")
            for project in store.folders(squad)
            for environment in store.folders(f"{squad}/{project}")
        ]
        return [ref for path in paths if (ref := _endpoint(*path))]

    def days(self, endpoint: EndpointRef, kind: SegmentKind) -> list[str]:
        """The days (``YYYY-MM-DD``) with segments, oldest first."""
        return self._stores.of(endpoint.squad).folders(f"{endpoint}/{kind}")

    def segments(self, endpoint: EndpointRef, kind: SegmentKind, when: str) -> list[str]:
        """Names (relative to the endpoint) of segments, oldest first.

        Args:
            when: how day and time begin: ``2026-01-05/`` for a day, ``2026-01-05/13`` for an hour.
        """
        names = self._stores.of(endpoint.squad).names(f"{endpoint}/{kind}/{when}")
        return [name.removeprefix(f"{endpoint}/") for name in names if name.endswith(_SEGMENT)]

    def read_predictions(self, endpoint: EndpointRef, name: str) -> PredictionRows:
        """Read a segment of predictions; raises ``CorruptSegment``, ``NotFound``."""
        return decode_predictions(self._read(endpoint, name))

    def read_labels(self, endpoint: EndpointRef, name: str) -> dict[str, RawLabel]:
        """Read a segment of labels, by prediction id; raises ``CorruptSegment``, ``NotFound``."""
        return decode_labels(self._read(endpoint, name))

    def write_labels(self, endpoint: EndpointRef, labels: Sequence[Label], now: datetime) -> str:
        """Keep labels durably and return the segment's name; when it raises, nothing was kept."""
        day = now.astimezone(UTC)
        unique = uuid.uuid4().hex[:12]
        name = f"labels/{day:%Y-%m-%d}/{day:%H%M%S%f}-{unique}{_SEGMENT}"
        self._stores.of(endpoint.squad).put(f"{endpoint}/{name}", encode_labels(labels))
        return name

    def quarantine(self, endpoint: EndpointRef, name: str) -> None:
        """Put a corrupt segment aside; nothing happens if that was done before."""
        store = self._stores.of(endpoint.squad)
        try:
            content = self._read(endpoint, name)
        except NotFound:
            return
        store.put(f"{endpoint}/{name}.corrupt", content)
        store.delete(f"{endpoint}/{name}")

    def _read(self, endpoint: EndpointRef, name: str) -> bytes:
        return b"".join(self._stores.of(endpoint.squad).read(f"{endpoint}/{name}"))


def _endpoint(squad: str, project: str, environment: str) -> EndpointRef | None:
    """``None`` for other folders, which are passed over."""
    try:
        return EndpointRef(
            check_name(squad, "squad"),
            check_name(project, "project"),
            check_environment(environment),
        )
    except Invalid:
        return None
