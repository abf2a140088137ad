"""When to look for new segments, and how far back.

A folder is looked at in every step. A store takes money for each listing, and its lists are long:
the hour that it now is, is looked at every few seconds (more and more rarely while nothing comes),
yesterday and today once an hour, and the last week once a day, for what was written while the store
was away, or by a machine whose clock is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from northstar.clock import Clock
from northstar.monitoring.segments import SegmentKind
from northstar.names import EndpointRef

_SHORTEST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(minutes=2)
_BETWEEN_WIDE_LOOKS = timedelta(hours=1)
_BETWEEN_DEEP_LOOKS = timedelta(days=1)
_HOUR_LASTS_ON = timedelta(minutes=10)
"""So long into an hour segments of the last one still come as a matter of course."""
_DAY_LASTS_ON = timedelta(hours=1)
"""So long after midnight segments may still appear in the folder of the day before."""
_LATE = timedelta(days=1)
_VERY_LATE = timedelta(days=7)
_EVER = datetime.min.replace(tzinfo=UTC)


class Look(NamedTuple):
    """One look for new segments.

    Attributes:
        hours: those to look at (``YYYY-MM-DD/HH``); empty for whole days, from ``since`` on.
        late: how old a segment may be that comes now.
    """

    endpoint: EndpointRef
    kind: SegmentKind
    hours: tuple[str, ...] = ()
    late: timedelta = _DAY_LASTS_ON


@dataclass
class _Looked:
    again_at: datetime = _EVER
    widely_at: datetime = _EVER
    deeply_at: datetime = _EVER
    pause: timedelta = _SHORTEST_PAUSE


class Arrivals:
    """Decides where to look; what it remembers of earlier looks ends with the process.

    Args:
        paced: for a store that takes money for listings; otherwise every look is a wide one.
    """

    def __init__(self, clock: Clock, *, paced: bool) -> None:
        self._clock = clock
        self._paced = paced
        self._looked: dict[tuple[EndpointRef, SegmentKind], _Looked] = {}

    def due(self, endpoint: EndpointRef, kind: SegmentKind) -> Look | None:
        """The look that it is time for, if any; due until ``done`` is told of it."""
        last = self._last(endpoint, kind)
        now = self._clock.now().astimezone(UTC)
        if not self._paced:
            return Look(endpoint, kind)
        if now >= last.widely_at:
            late = _VERY_LATE if now >= last.deeply_at else _LATE
            return Look(endpoint, kind, late=late)
        if now < last.again_at:
            return None
        hours = {f"{moment:%Y-%m-%d/%H}" for moment in (now - _HOUR_LASTS_ON, now)}
        return Look(endpoint, kind, tuple(sorted(hours)))

    def since(self, look: Look, latest: str) -> str:
        """The first of the days to look at.

        Args:
            latest: the latest day that anything is known of; empty for none.
        """
        return min(latest, (self._clock.now() - look.late).date().isoformat())

    def done(self, look: Look, *, found: bool) -> None:
        """Everything that a look has found is taken in."""
        now, last = self._clock.now(), self._last(look.endpoint, look.kind)
        last.pause = _SHORTEST_PAUSE if found else min(last.pause * 2, _LONGEST_PAUSE)
        last.again_at = now + last.pause
        if not look.hours:
            last.widely_at = now + _BETWEEN_WIDE_LOOKS
        if look.late == _VERY_LATE:
            last.deeply_at = now + _BETWEEN_DEEP_LOOKS

    def _last(self, endpoint: EndpointRef, kind: SegmentKind) -> _Looked:
        return self._looked.setdefault((endpoint, kind), _Looked())
