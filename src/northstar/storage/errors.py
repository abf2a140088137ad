"""What can be wrong with a store.

StoreWrong        Invalid      the address or its credentials cannot work
StoreMissing      Failed       the container (bucket) is not there
StoreRefused      Failed       it is there, and this process may not use it
StoreUnavailable  Unavailable  it did not answer; try again
AlreadyThere      Conflict     an object of this name exists, and was to be new
"""

from __future__ import annotations

from northstar.errors import Conflict, Failed, Invalid, Unavailable


class StoreWrong(Invalid):
    """The address of a store, or what it is to be opened with, cannot work."""


class StoreMissing(Failed):
    """The container or bucket does not exist."""


class StoreRefused(Failed):
    """The store does not let this process in."""


class StoreUnavailable(Unavailable):
    """The store did not answer; the same call may succeed later."""


class AlreadyThere(Conflict):
    """An object of this name exists already."""
