from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environments.office import Office


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    postgresql = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if postgresql else ""
    office = Office(tmp_path, url)
    yield office
    office.platform.close()
