"""The errors that Northstar raises on purpose.

    NorthstarError
    ├── Invalid         the request or file is wrong; do not send it again  HTTP 422, exit 2
    ├── Unauthenticated who is asking could not be established              HTTP 401, exit 3
    ├── Denied          known, but not allowed                              HTTP 403, exit 3
    ├── NotFound        no such thing                                       HTTP 404, exit 4
    ├── Conflict        it exists, but its state does not admit this        HTTP 409, exit 5
    ├── Failed          the work was tried and did not succeed              HTTP 500, exit 1
    │   └── PartlyFailed  some of it; the rest went on
    └── Unavailable     a dependency did not answer; try again later        HTTP 503, exit 6

Each domain has a small family of its own in its ``errors.py``, derived from one of these. Services
raise them; the HTTP status and the exit code are mapped once, at the edge, from the class
attributes here. A message says which object, what is wrong and what to do about it.
"""

from __future__ import annotations

from typing import ClassVar


class NorthstarError(Exception):
    """Base of every error raised on purpose.

    Args:
        message: which object and what is wrong, in one sentence.
        hint: what to do about it; printed on a line of its own.
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class Invalid(NorthstarError):
    """The request or the file is wrong; sending it again changes nothing."""

    code, http_status, exit_code = "invalid", 422, 2


class Unauthenticated(NorthstarError):
    """Who is asking could not be established."""

    code, http_status, exit_code = "unauthenticated", 401, 3


class Denied(NorthstarError):
    """The caller is known but not allowed."""

    code, http_status, exit_code = "denied", 403, 3


class NotFound(NorthstarError):
    """There is no such thing (or the caller may not know that there is)."""

    code, http_status, exit_code = "not_found", 404, 4


class Conflict(NorthstarError):
    """The thing exists, but its present state does not admit the request."""

    code, http_status, exit_code = "conflict", 409, 5


class Failed(NorthstarError):
    """The work was tried and did not succeed; what it left is said in the message."""

    code, http_status, exit_code = "failed", 500, 1


class PartlyFailed(Failed):
    """Some of many things failed; the others went on, and there is no reason to let them wait."""


class Unavailable(NorthstarError):
    """A dependency did not answer; the same call may succeed later."""

    code, http_status, exit_code = "unavailable", 503, 6
    retry_after_seconds = 2


BY_CODE: dict[str, type[NorthstarError]] = {
    kind.code: kind
    for kind in (Invalid, Unauthenticated, Denied, NotFound, Conflict, Failed, Unavailable)
}
