"""Histograms that were counted elsewhere arrive as those that the SDK counts itself."""

from __future__ import annotations

import pytest

from northstar.telemetry.interface import Counted, Telemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from tests.telemetry.receivers import Collector, Ingestion, attributes


class Source:
    """A distribution that grows; values in buckets up to 0.1, up to 1, and above."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.counts, self.total = [2, 0, 0], 0.1
        telemetry.instruments.observed_histogram(
            "northstar.test.duration", "s", "Durations.", (0.1, 1.0), self.read
        )
        telemetry.instruments.observed_counter(
            "northstar.test.asked", "{request}", "Requests.", lambda: [(sum(self.counts), {})]
        )

    def read(self) -> list[Counted]:
        return [Counted(tuple(self.counts), self.total, {"version": 3})]

    def grow(self) -> None:
        self.counts, self.total = [2, 3, 0], 1.9


def test_otlp_gets_totals(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    telemetry = start(TelemetrySettings.from_environment(), "northstar-endpoint", "1")
    Source(telemetry).grow()
    telemetry.close()
    metrics = {metric.name: metric for metric in collector.collected().metrics}
    (point,) = metrics["northstar.test.duration"].histogram.data_points
    assert attributes(point) == {"version": 3}
    assert (point.count, point.sum, list(point.bucket_counts)) == (5, 1.9, [2, 3, 0])
    assert list(point.explicit_bounds) == [0.1, 1.0]
    (asked,) = metrics["northstar.test.asked"].sum.data_points
    assert asked.as_int == 5


def test_who_wants_what_is_new_gets_each_value_once(
    ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    settings = TelemetrySettings(azure_monitor=ingestion.connection_string)
    telemetry = start(settings, "northstar-endpoint", "1")
    source = Source(telemetry)
    while not ingestion.envelopes("MetricData"):
        pass
    source.grow()
    telemetry.close()
    points = [
        (envelope.data["metrics"][0], envelope.data["properties"])
        for envelope in ingestion.envelopes("MetricData")
    ]
    durations = [point for point, _ in points if point["name"] == "northstar.test.duration"]
    assert sum(point["count"] for point in durations) == 5
    assert sum(point["value"] for point in durations) == pytest.approx(1.9)
    assert max(point["max"] for point in durations) == 1.0


def test_prometheus_sees_buckets() -> None:
    telemetry = start(TelemetrySettings(prometheus=True), "northstar-endpoint", "1")
    Source(telemetry).grow()
    lines = (telemetry.scrape() or b"").decode().splitlines()
    telemetry.close()
    found = {
        line.split("{")[0] + ("/" + part.split('"')[1] if part else ""): float(line.split()[-1])
        for line in lines
        if line.startswith("northstar_test_duration_seconds_")
        for part in [line.partition("le=")[2]]
    }
    assert found["northstar_test_duration_seconds_bucket/0.1"] == 2
    assert found["northstar_test_duration_seconds_bucket/1.0"] == 5
    assert found["northstar_test_duration_seconds_bucket/+Inf"] == 5
    assert found["northstar_test_duration_seconds_sum"] == pytest.approx(1.9)
