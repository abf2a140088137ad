"""What ends soon, for who has to see to it: told by the API and the pages before it is missed."""

from __future__ import annotations

from datetime import timedelta

from northstar.access.credentials.domain import EndingCredential
from northstar.access.domain import Principal, home_of
from northstar.access.service import AccessService


def ending_seen_by(
    service: AccessService, who: Principal, within: timedelta
) -> list[EndingCredential]:
    """One's own credentials that end soon, and those of whom one sees to."""
    return [
        one
        for one in service.credentials.ending(within)
        if one.principal == who.id or service.allowed(who, "principal:read", home_of(one.principal))
    ]
