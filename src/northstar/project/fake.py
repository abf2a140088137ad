"""What tests need of projects: workspaces in memory."""

from __future__ import annotations

from northstar.errors import Unavailable


class FakeWorkspaces:
    """Remembers what was made; ``away`` makes it fail."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.away = False

    def ensure(self, squad: str) -> None:
        if self.away:
            raise Unavailable("MLflow does not answer.")
        self.made.add(squad)
