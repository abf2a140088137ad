"""Making and finding squads and projects."""

from __future__ import annotations

from typing import Protocol

from northstar.clock import Clock
from northstar.errors import Conflict, NotFound
from northstar.names import ProjectRef, Scope, check_name
from northstar.project.squads import Project, Squad
from northstar.project.store import ProjectStore


class Workspaces(Protocol):
    """Where a squad's runs and models are kept apart from those of others."""

    def ensure(self, squad: str) -> None:
        """Make the squad's workspace unless it is there; raises ``Unavailable``."""
        ...


class ProjectService:
    """All squads and their projects."""

    def __init__(self, store: ProjectStore, workspaces: Workspaces, clock: Clock) -> None:
        self._store = store
        self._workspaces = workspaces
        self._clock = clock

    def create_squad(self, name: str, description: str, created_by: str) -> Squad:
        """Make a squad and its workspace.

        Raises ``Invalid`` for the name, ``Conflict`` if there is such a squad, ``Unavailable``
        when the workspace could not be made; the same call may then be repeated.
        """
        squad = Squad(
            name=check_name(name, "squad"),
            description=description,
            created_by=created_by,
            created_at=self._clock.now(),
        )
        # The workspace first: a squad without one would exist and not work.
        self._workspaces.ensure(name)
        if not self._store.add_squad(squad):
            raise Conflict(
                f"There is a squad {name!r} already.", hint="`northstar squad list` shows all."
            )
        return squad

    def create_project(self, ref: ProjectRef, description: str, created_by: str) -> Project:
        """Make a project; raises ``Invalid``, ``NotFound`` for the squad, ``Conflict``."""
        self.squad(ref.squad)
        project = Project(
            squad=ref.squad,
            name=check_name(ref.project, "project"),
            description=description,
            created_by=created_by,
            created_at=self._clock.now(),
        )
        if not self._store.add_project(project):
            raise Conflict(
                f"There is a project {ref} already.",
                hint=f"`northstar project list {ref.squad}` shows all.",
            )
        return project

    def describe_squad(self, name: str, description: str) -> Squad:
        """Say anew what a squad is about; raises ``NotFound``."""
        self._store.describe_squad(name, description)
        return self.squad(name)

    def describe_project(self, ref: ProjectRef, description: str) -> Project:
        """Say anew what a project is about; raises ``NotFound``."""
        self._store.describe_project(ref, description)
        return self.project(ref)

    def squad(self, name: str) -> Squad:
        """One squad; raises ``NotFound``."""
        found = self._store.squad(name)
        if found is None:
            raise NotFound(
                f"There is no squad {name!r}.", hint=f"Make it: northstar squad create {name}"
            )
        return found

    def squads(self) -> list[Squad]:
        """All squads, by name."""
        return self._store.squads()

    def project(self, ref: ProjectRef) -> Project:
        """One project; raises ``NotFound``."""
        found = self._store.project(ref)
        if found is None:
            raise NotFound(
                f"There is no project {ref}.", hint=f"Make it: northstar project create {ref}"
            )
        return found

    def projects(self, squad: str | None = None) -> list[Project]:
        """All projects, or one squad's, by name; raises ``NotFound`` for the squad."""
        if squad is not None:
            self.squad(squad)
        return self._store.projects(squad)

    def require(self, scope: Scope) -> None:
        """Return if there are the squad and the project of a scope; raises ``NotFound``."""
        if scope.squad and scope.project:
            self.project(ProjectRef(scope.squad, scope.project))
        elif scope.squad:
            self.squad(scope.squad)
