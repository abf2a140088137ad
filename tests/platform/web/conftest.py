from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.platform.web.world import WebWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebWorld]:
    """One story for a module's tests; those that change something say so in their names."""
    world = WebWorld(tmp_path_factory.mktemp("web"))
    yield world
    world.close()
