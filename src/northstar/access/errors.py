"""What can go wrong when asking who somebody is."""

from __future__ import annotations

from typing import ClassVar

from northstar.errors import Denied, Failed, Invalid, NorthstarError, Unauthenticated, Unavailable


class BadCredentials(Unauthenticated):
    """A token, secret, session or sign-in code that is wrong, expired or not for us."""

    oauth_error: ClassVar[str] = "invalid_client"


class ForeignTokenRefused(BadCredentials):
    """A token of another issuer that is wrong, expired, used before or not trusted."""

    http_status = 400  # RFC 8693, section 2.2.2
    oauth_error = "invalid_request"


class UnknownGrant(Invalid):
    """The token route was asked for a grant, or given a kind of token, that it does not know."""

    oauth_error: ClassVar[str] = "unsupported_grant_type"


class NoSuchAudience(Invalid):
    """A token was asked for an audience that does not exist."""

    oauth_error: ClassVar[str] = "invalid_target"


class NotAllowed(Denied):
    """No policy allows the action in the scope, or one forbids it."""

    oauth_error: ClassVar[str] = "unauthorized_client"


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


def oauth_problem(error: NorthstarError) -> dict[str, str]:
    """An error as RFC 6749, section 5.2, wants it."""
    usual = "temporarily_unavailable" if isinstance(error, Unavailable) else "invalid_request"
    told = f"{error.message} {error.hint}".strip()
    return {"error": getattr(error, "oauth_error", usual), "error_description": _plain(told)}


def _plain(text: str) -> str:
    """The characters that an ``error_description`` may hold."""
    kept = text.replace('"', "'").replace("\\", "/").replace("…", "...")
    return "".join(c if " " <= c <= "~" else "?" for c in kept)
