"""The SDK's view of explanations."""

from __future__ import annotations

from collections.abc import Mapping

from northstar.access.explanations import Explanation, Holder
from northstar.connection import Connection


class ExplanationClient:
    """Asks the platform why, and who else, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def explain(
        self, principal: str, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> Explanation:
        """Why a principal may do something in a scope, or may not.

        Args:
            context: what a guard rail asks about, for example ``{"proposed_by": "user:anna"}``.
        """
        answer = self._connection.get(
            "/api/access/explanation",
            principal=principal,
            action=action,
            resource=resource,
            context=_pairs(context),
        )
        return Explanation.model_validate(answer)

    def who_can(
        self, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> list[Holder]:
        """Everybody who may do something in a scope, and by which role until when."""
        found = self._connection.get(
            "/api/access/holders", action=action, resource=resource, context=_pairs(context)
        )
        return [Holder.model_validate(holder) for holder in found]


def _pairs(context: Mapping[str, str] | None) -> list[str] | None:
    return [f"{name}={value}" for name, value in context.items()] if context else None
