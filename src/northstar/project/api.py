"""Routes of squads and projects."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from northstar.access.guard import Guard, caller
from northstar.names import ProjectRef, Scope
from northstar.project.service import ProjectService
from northstar.project.squads import Project, Squad


class NewName(BaseModel):
    """What a new squad or project is called and what it is about."""

    name: Annotated[str, Field(max_length=63)]
    description: Annotated[str, Field(max_length=1000)] = ""


class Description(BaseModel):
    """What a squad or a project is about, from now on."""

    description: Annotated[str, Field(max_length=1000)]


def router(service: ProjectService, guard: Guard) -> APIRouter:
    """Make, list and show squads and projects; lists hold what the caller may read."""
    routes = APIRouter(prefix="/api/squads", tags=["projects"])

    @routes.post("", status_code=201, dependencies=[guard("squad:create")])
    def create_squad(body: NewName, request: Request) -> Squad:
        return service.create_squad(body.name, body.description, caller(request).id)

    @routes.get("", dependencies=[guard.authenticated("squad:read")])
    def squads(request: Request) -> list[Squad]:
        return [
            squad
            for squad in service.squads()
            if guard.access.allowed(caller(request), "squad:read", Scope(squad.name))
        ]

    @routes.get("/{squad}", dependencies=[guard("squad:read")])
    def squad(squad: str) -> Squad:
        return service.squad(squad)

    @routes.patch("/{squad}", dependencies=[guard("squad:update")])
    def describe_squad(squad: str, body: Description) -> Squad:
        return service.describe_squad(squad, body.description)

    @routes.post("/{squad}/projects", status_code=201, dependencies=[guard("project:create")])
    def create_project(squad: str, body: NewName, request: Request) -> Project:
        ref = ProjectRef(squad, body.name)
        return service.create_project(ref, body.description, caller(request).id)

    @routes.get("/{squad}/projects", dependencies=[guard.authenticated("project:read")])
    def projects(squad: str, request: Request) -> list[Project]:
        return [
            project
            for project in service.projects(squad)
            if guard.access.allowed(caller(request), "project:read", Scope(squad, project.name))
        ]

    @routes.get("/{squad}/projects/{project}", dependencies=[guard("project:read")])
    def project(squad: str, project: str) -> Project:
        return service.project(ProjectRef(squad, project))

    @routes.patch("/{squad}/projects/{project}", dependencies=[guard("project:update")])
    def describe_project(squad: str, project: str, body: Description) -> Project:
        return service.describe_project(ProjectRef(squad, project), body.description)

    return routes
