"""The squads and projects tables."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, Text, insert, select, update
from sqlalchemy.exc import IntegrityError

from northstar.database import Database, UtcDateTime, metadata
from northstar.names import ProjectRef
from northstar.project.squads import Project, Squad

squads = Table(
    "squads",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("description", Text, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("squad", String(63), ForeignKey("squads.name"), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("description", Text, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


class ProjectStore:
    """Squads and projects in the control plane's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_squad(self, squad: Squad) -> bool:
        """Write a new squad; ``False`` if there is one of that name."""
        return self._add(squads, squad)

    def add_project(self, project: Project) -> bool:
        """Write a new project of a squad that exists; ``False`` if there is one of that name."""
        return self._add(projects, project)

    def describe_squad(self, name: str, description: str) -> None:
        """Write what a squad is about, if there is one of that name."""
        named = squads.c.name == name
        with self._database.begin() as connection:
            connection.execute(update(squads).where(named).values(description=description))

    def describe_project(self, ref: ProjectRef, description: str) -> None:
        """Write what a project is about, if there is one of that name."""
        named = (projects.c.squad == ref.squad) & (projects.c.name == ref.project)
        with self._database.begin() as connection:
            connection.execute(update(projects).where(named).values(description=description))

    def squad(self, name: str) -> Squad | None:
        """One squad."""
        with self._database.read() as connection:
            row = connection.execute(select(squads).where(squads.c.name == name)).first()
            return Squad.model_validate(dict(row._mapping)) if row else None

    def squads(self) -> list[Squad]:
        """All squads, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(squads).order_by(squads.c.name)).all()
            return [Squad.model_validate(dict(row._mapping)) for row in rows]

    def project(self, ref: ProjectRef) -> Project | None:
        """One project."""
        wanted = select(projects).where(
            projects.c.squad == ref.squad, projects.c.name == ref.project
        )
        with self._database.read() as connection:
            row = connection.execute(wanted).first()
            return Project.model_validate(dict(row._mapping)) if row else None

    def projects(self, squad: str | None = None) -> list[Project]:
        """All projects, or one squad's, by name."""
        wanted = select(projects).order_by(projects.c.squad, projects.c.name)
        if squad is not None:
            wanted = wanted.where(projects.c.squad == squad)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
            return [Project.model_validate(dict(row._mapping)) for row in rows]

    def _add(self, table: Table, item: Squad | Project) -> bool:
        try:
            with self._database.begin() as connection:
                connection.execute(insert(table).values(**item.model_dump()))
        except IntegrityError:
            return False
        return True
