"""The templates' errors.

Conflict ── FolderTaken    there is something in the way of a new project
"""

from __future__ import annotations

from northstar.errors import Conflict


class FolderTaken(Conflict):
    """The folder for a new project holds files already."""
