"""What can go wrong when asking who somebody is."""

from __future__ import annotations

from northstar.errors import Denied, Failed, Unauthenticated, Unavailable


class BadCredentials(Unauthenticated):
    """A token, secret, session or sign-in code that is wrong, expired or not for us."""


class NotAllowed(Denied):
    """No policy allows the action in the scope, or one forbids it."""


class AuditBroken(Failed):
    """An entry of the audit is not the one that was recorded."""


class TooManyAttempts(Unavailable):
    """One address tried too often to prove who it is."""

    http_status = 429

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many attempts came from this address.",
            hint=f"Try again in {retry_after_seconds} s.",
        )
        self.retry_after_seconds = retry_after_seconds
