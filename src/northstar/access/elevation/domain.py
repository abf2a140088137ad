"""A request for a role for some hours, and what may become of it; pure values that cross HTTP.

requested ──approve──► active ──────────► expired     by the clock
    │                    └──────end─────► ended
    ├──reject────► rejected
    ├──withdraw──► withdrawn
    └────────────► lapsed                             by the clock, undecided for a week
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from northstar.access.domain import RoleName
from northstar.access.elevation.errors import WrongState
from northstar.errors import Invalid

ElevationState = Literal[
    "requested", "active", "rejected", "withdrawn", "lapsed", "ended", "expired"
]
STATES: tuple[ElevationState, ...] = get_args(ElevationState)
USUAL_HOURS = 8.0
LONGEST = timedelta(hours=24)
SHORTEST = timedelta(minutes=1)
UNDECIDED_LASTS = timedelta(days=7)

_MOVES: dict[ElevationState, frozenset[ElevationState]] = {
    "requested": frozenset({"active", "rejected", "withdrawn"}),
    "active": frozenset({"ended"}),
}


class Elevation(BaseModel):
    """Somebody's wish for a role in a scope, and what became of it.

    Args:
        duration_seconds: how long the role holds from the approval on.
        decided_by: who approved, rejected or withdrew it.
        expires_at: when the role ends; ``None`` until it is approved.
        ended_by: who ended it before that.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    principal: str
    role: RoleName
    scope: str
    reason: str
    duration_seconds: int
    state: ElevationState
    requested_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    remark: str = ""
    expires_at: datetime | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None

    def at(self, now: datetime) -> Elevation:
        """The same as it stands at ``now``: what only the clock brings about, too."""
        if self.state == "requested" and now >= self.requested_at + UNDECIDED_LASTS:
            return self.model_copy(update={"state": "lapsed"})
        if self.state == "active" and self.expires_at and now >= self.expires_at:
            return self.model_copy(update={"state": "expired"})
        return self


def decided(
    elevation: Elevation,
    state: Literal["active", "rejected", "withdrawn"],
    by: str,
    now: datetime,
    remark: str,
    latest: datetime | None = None,
) -> Elevation:
    """A request that somebody has decided on; raises ``WrongState`` for one that is no longer.

    Args:
        latest: when the right of who decides ends, and with it what they may give.
    """
    _require(elevation, state, now)
    until = None
    if state == "active":
        wanted = now + timedelta(seconds=elevation.duration_seconds)
        until = min(wanted, latest or wanted)
    return elevation.model_copy(
        update={
            "state": state,
            "decided_by": by,
            "decided_at": now,
            "remark": remark,
            "expires_at": until,
        }
    )


def ended(elevation: Elevation, by: str, now: datetime) -> Elevation:
    """An elevation that is over before its time; raises ``WrongState`` unless it is active."""
    _require(elevation, "ended", now)
    return elevation.model_copy(update={"state": "ended", "ended_by": by, "ended_at": now})


def check_duration(duration: timedelta) -> int:
    """The duration in seconds; raises ``Invalid`` for one that is too short or too long."""
    if SHORTEST <= duration <= LONGEST:
        return int(duration.total_seconds())
    hours = duration.total_seconds() / 3600
    raise Invalid(
        f"{hours:g} hours are too {'short' if duration < SHORTEST else 'long'} for an elevation.",
        hint=f"Ask for at most {LONGEST.total_seconds() / 3600:g} hours; who needs a role for "
        "longer is given one with `northstar role assign`.",
    )


def _require(elevation: Elevation, wanted: ElevationState, now: datetime) -> None:
    state = elevation.at(now).state
    if wanted not in _MOVES.get(state, frozenset()):
        raise WrongState(
            f"Request {elevation.id} of {elevation.principal} is {state}.",
            hint="Ask anew with `northstar access request`."
            if wanted == "active"
            else "`northstar access requests` shows how it stands.",
        )
