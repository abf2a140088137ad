"""The SDK's view of elevation."""

from __future__ import annotations

from northstar.access.elevation.domain import USUAL_HOURS, Elevation, ElevationState
from northstar.connection import Connection

_PLACE = "/api/elevations"


class ElevationClient:
    """Requests for roles, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def request(self, role: str, scope: str, reason: str, hours: float = USUAL_HOURS) -> Elevation:
        """Ask for a role in a scope such as ``/operations``, for at most 24 hours."""
        body = {"role": role, "scope": scope, "reason": reason, "hours": hours}
        return Elevation.model_validate(self._connection.post(_PLACE, body))

    def list(self, state: ElevationState | None = None) -> list[Elevation]:
        """One's own elevations and those that one may see, the newest first."""
        return [Elevation.model_validate(e) for e in self._connection.get(_PLACE, state=state)]

    def approve(self, elevation: int, reason: str = "") -> Elevation:
        """Give the role, for as long as was asked from now on."""
        return self._move(elevation, "approve", reason)

    def reject(self, elevation: int, reason: str) -> Elevation:
        """Refuse the role."""
        return self._move(elevation, "reject", reason)

    def withdraw(self, elevation: int) -> Elevation:
        """Take one's own request back."""
        return self._move(elevation, "withdraw")

    def end(self, elevation: int) -> Elevation:
        """End an elevation before its time."""
        return self._move(elevation, "end")

    def _move(self, elevation: int, move: str, reason: str = "") -> Elevation:
        answer = self._connection.post(f"{_PLACE}/{elevation}/{move}", {"reason": reason})
        return Elevation.model_validate(answer)
