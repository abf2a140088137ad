"""``northstar squad`` and ``northstar project``."""

from __future__ import annotations

import click

from northstar.names import ProjectRef
from northstar.project.client import ProjectClient
from northstar.terminal import connect, emit, json_option, table


@click.group()
def squad() -> None:
    """Create and list squads."""


@squad.command("create")
@click.argument("name")
@click.option("--description", default="", help="What the squad is about.")
@json_option
def create_squad(name: str, description: str, as_json: bool) -> None:
    """Make a squad: a tenant with projects, rights and an MLflow workspace of its own."""
    made = ProjectClient(connect()).create_squad(name, description)
    emit(made, as_json=as_json, text=f"Created squad {made.name}.")


@squad.command("list")
@json_option
def list_squads(as_json: bool) -> None:
    """All squads."""
    found = ProjectClient(connect()).squads()
    rows = [(s.name, s.description, s.created_at) for s in found]
    emit(found, as_json=as_json, text=lambda: table(("squad", "description", "created"), rows))


@click.group()
def project() -> None:
    """Create and list projects."""


@project.command("create")
@click.argument("name", metavar="SQUAD/PROJECT")
@click.option("--description", default="", help="What the model is for.")
@json_option
def create_project(name: str, description: str, as_json: bool) -> None:
    """Make a project: one model product of a squad."""
    made = ProjectClient(connect()).create_project(ProjectRef.parse(name), description)
    emit(made, as_json=as_json, text=f"Created project {made.ref}.")


@project.command("list")
@click.argument("squad")
@json_option
def list_projects(squad: str, as_json: bool) -> None:
    """A squad's projects."""
    found = ProjectClient(connect()).projects(squad)
    rows = [(str(p.ref), p.description, p.created_at) for p in found]
    emit(found, as_json=as_json, text=lambda: table(("project", "description", "created"), rows))
