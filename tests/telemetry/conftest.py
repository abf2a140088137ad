from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.telemetry.receivers import Collector, Ingestion


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    with Ingestion() as receiver:
        yield receiver


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests set is all there is, and is gone afterwards."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(name, raising=False)
