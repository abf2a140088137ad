"""What can go wrong with a request for a role."""

from __future__ import annotations

from northstar.errors import Conflict


class WrongState(Conflict):
    """The request has been decided, withdrawn or is over: this can't be done to it any more."""
