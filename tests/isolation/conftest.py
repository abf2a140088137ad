from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.isolation.machine import Machine


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """The one place that says whether users of their own can be tested."""
    machine = Machine()
    yield machine
    machine.close()
