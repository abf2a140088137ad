"""The SDK's view of releases."""

from __future__ import annotations

from typing import Any

from northstar.connection import Connection
from northstar.names import EndpointRef
from northstar.release.domain import Release, ReleaseView


class ReleaseClient:
    """Releases, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def propose(
        self,
        endpoint: EndpointRef,
        version: int,
        rollout: dict[str, Any] | None = None,
        note: str = "",
    ) -> Release:
        """Ask for a version to go to an endpoint; the answer says whether the gate let it.

        ``rollout`` has the fields of ``RolloutPlan``; left out, they are the usual ones.
        """
        body = {"version": version, "rollout": rollout, "note": note}
        return self._post(f"{endpoint.path}/releases", body)

    def approve(self, endpoint: EndpointRef, release: int, reason: str = "") -> Release:
        """Agree to a release; raises ``Denied`` for its proposer and the version's registrant."""
        return self._post(f"{endpoint.path}/releases/{release}/approve", {"reason": reason})

    def reject(self, endpoint: EndpointRef, release: int, reason: str) -> Release:
        """Object to a release before its rollout begins."""
        return self._post(f"{endpoint.path}/releases/{release}/reject", {"reason": reason})

    def rollback(self, endpoint: EndpointRef, reason: str) -> Release:
        """Take traffic back from the release under way, or else from the live one."""
        return self._post(f"{endpoint.path}/rollback", {"reason": reason})

    def releases(self, endpoint: EndpointRef) -> list[Release]:
        """All releases of an endpoint, newest first."""
        answer = self._connection.get(f"{endpoint.path}/releases")
        return [Release.model_validate(one) for one in answer]

    def release(self, endpoint: EndpointRef, release: int) -> ReleaseView:
        """One release with its log; raises ``NotFound``."""
        answer = self._connection.get(f"{endpoint.path}/releases/{release}")
        return ReleaseView.model_validate(answer)

    def _post(self, path: str, body: dict[str, Any]) -> Release:
        return Release.model_validate(self._connection.post(path, body))
