from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.embedded import Embedded


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A running embedded platform of the test module's own."""
    platform = Embedded(tmp_path_factory.mktemp("embedded"))
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()
