"""What can go wrong when asking who somebody is."""

from __future__ import annotations

from northstar.errors import Denied, Failed, Unauthenticated


class BadCredentials(Unauthenticated):
    """A token, secret, session or sign-in code that is wrong, expired or not for us."""


class NotAllowed(Denied):
    """No policy allows the action in the scope, or one forbids it."""


class AuditBroken(Failed):
    """An entry of the audit is not the one that was recorded."""
