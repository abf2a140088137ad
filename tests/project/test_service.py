"""Squads and projects in a real SQLite database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from northstar.clock import FakeClock
from northstar.database import Database
from northstar.errors import Conflict, Invalid, NotFound, Unavailable
from northstar.names import ProjectRef
from northstar.project import store
from northstar.project.fake import FakeWorkspaces
from northstar.project.service import ProjectService
from northstar.project.store import ProjectStore


@pytest.fixture
def workspaces() -> FakeWorkspaces:
    return FakeWorkspaces()


@pytest.fixture
def service(tmp_path: Path, workspaces: FakeWorkspaces) -> Iterator[ProjectService]:
    database = Database(f"sqlite:///{tmp_path / 'northstar.db'}")
    with database.begin() as connection:
        store.metadata.create_all(connection, tables=[store.squads, store.projects])
    yield ProjectService(ProjectStore(database), workspaces, FakeClock())
    database.close()


def test_a_squad_comes_with_a_workspace(
    service: ProjectService, workspaces: FakeWorkspaces
) -> None:
    made = service.create_squad("operations", "flights", "user:anna")

    assert service.squad("operations") == made
    assert workspaces.made == {"operations"}


def test_a_squad_whose_workspace_failed_can_be_made_again(
    service: ProjectService, workspaces: FakeWorkspaces
) -> None:
    workspaces.away = True
    with pytest.raises(Unavailable):
        service.create_squad("operations", "", "user:anna")
    assert service.squads() == []

    workspaces.away = False
    service.create_squad("operations", "", "user:anna")
    assert [squad.name for squad in service.squads()] == ["operations"]


def test_two_squads_of_one_name_are_refused(service: ProjectService) -> None:
    service.create_squad("operations", "", "user:anna")

    with pytest.raises(Conflict, match="'operations' already"):
        service.create_squad("operations", "", "user:ben")


@pytest.mark.parametrize("name", ["", "Operations", "a_b", "-a", "a" * 64, "../x"])
def test_a_bad_name_is_refused(service: ProjectService, name: str) -> None:
    with pytest.raises(Invalid, match="not a valid squad name"):
        service.create_squad(name, "", "user:anna")


def test_a_project_belongs_to_a_squad_that_exists(service: ProjectService) -> None:
    ref = ProjectRef("operations", "late-arrival")
    with pytest.raises(NotFound, match="no squad 'operations'"):
        service.create_project(ref, "", "user:anna")

    service.create_squad("operations", "", "user:anna")
    made = service.create_project(ref, "late?", "user:anna")

    assert service.project(ref) == made
    assert service.projects("operations") == [made]
    with pytest.raises(Conflict):
        service.create_project(ref, "", "user:anna")


def test_an_unknown_project_is_told_how_to_make_it(service: ProjectService) -> None:
    with pytest.raises(NotFound) as caught:
        service.project(ProjectRef("operations", "nothing"))

    assert "northstar project create operations/nothing" in caught.value.hint
