"""The port to a store of objects: named bytes that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class ObjectStore(Protocol):
    """Objects under names such as ``a/b/c.arrow``. Every call blocks; all are safe to repeat.

    Besides what they say, all raise ``StoreUnavailable`` (try again), ``StoreMissing`` and
    ``StoreRefused`` (a person must help); a folder raises ``OSError`` for what its disk says.
    """

    def put(self, name: str, content: bytes | Path, *, new: bool = False) -> None:
        """Keep bytes, or a local file's content, durably under a name.

        Nobody ever sees a part of it. What was there before is replaced; with ``new`` it stays,
        and ``AlreadyThere`` is raised, also when somebody else was faster by a moment.
        """
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The content in pieces; raises ``NotFound`` at once, not at the first piece."""
        ...

    def names(self, prefix: str) -> list[str]:
        """The names that start with ``prefix``, sorted. It costs one request for each few
        thousand names, so ask for what can be new, not for everything.
        """
        ...

    def folders(self, name: str) -> list[str]:
        """The last parts of the folders right below the folder ``name``, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; nothing happens if it is not there."""
        ...
