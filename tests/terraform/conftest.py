from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded import Embedded
from tests.terraform import workspace
from tests.terraform.workspace import Workspace


@pytest.fixture(scope="session")
def terraform() -> str:
    """The real terraform."""
    found = workspace.find()
    if found is None:
        pytest.skip("The provider's journey was not run: there is no terraform on this machine.")
    return found


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A running embedded platform for all of the provider's tests."""
    platform = Embedded(tmp_path_factory.mktemp("embedded"))
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()


@pytest.fixture
def root(terraform: str, tmp_path: Path, embedded: Embedded) -> Workspace:
    """An empty root module of the embedded platform's administrator."""
    return Workspace(terraform, tmp_path / "root", administrator(embedded))


@pytest.fixture
def nowhere(terraform: str, tmp_path: Path) -> Callable[..., Workspace]:
    """Makes an empty root module with these settings and no others."""

    def make(**settings: str) -> Workspace:
        return Workspace(terraform, tmp_path / "nowhere", settings)

    return make


def administrator(embedded: Embedded) -> dict[str, str]:
    """The environment in which the embedded platform's administrator works."""
    known = json.loads((embedded.state / "connection.json").read_text())
    return {f"NORTHSTAR_{name.upper()}": value for name, value in known.items()}
