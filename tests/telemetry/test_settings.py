from __future__ import annotations

import subprocess
import sys

import pytest

from northstar.errors import Invalid
from northstar.telemetry.quiet import QuietTelemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start


def read(**environ: str) -> TelemetrySettings:
    return TelemetrySettings.from_environment(environ)


def test_without_settings_nothing_is_started() -> None:
    assert not read().active
    assert isinstance(start(read(), "northstar-run", "here"), QuietTelemetry)


def test_without_settings_no_package_of_opentelemetry_or_azure_is_imported() -> None:
    program = (
        "import sys\n"
        "from northstar.telemetry.settings import TelemetrySettings\n"
        "from northstar.telemetry.start import start\n"
        "start(TelemetrySettings.from_environment({}), 'northstar-run', 'x').close()\n"
        "heavy = {'opentelemetry', 'azure', 'prometheus_client', 'sqlalchemy', 'requests'}\n"
        "print(heavy & {name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "set()\n"


def test_an_endpoint_sends_every_signal_there() -> None:
    settings = read(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318")
    assert settings.otlp == {"traces", "metrics", "logs"}


def test_an_endpoint_for_one_signal_sends_only_that() -> None:
    settings = read(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://collector:4318/v1/traces")
    assert settings.otlp == {"traces"}


def test_signals_go_where_their_exporter_says() -> None:
    settings = read(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318",
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_LOGS_EXPORTER="none",
    )
    assert settings.otlp == {"traces"}
    assert settings.prometheus


def test_disabled_is_disabled() -> None:
    settings = read(OTEL_SDK_DISABLED="True", OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318")
    assert not settings.active


def test_azure_may_want_an_identity_beside_the_key() -> None:
    settings = read(
        APPLICATIONINSIGHTS_CONNECTION_STRING="InstrumentationKey=k",
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING="Authorization=AAD;ClientId=abc",
    )
    assert (settings.azure_identity, settings.azure_client_id) == (True, "abc")
    assert "InstrumentationKey" not in repr(settings)


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_TRACES_EXPORTER": "prometheus"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[c:4318"},
        {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://user:password@c/v1/logs"},
        {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://c/v1/logs?token=abc"},
    ],
)
def test_what_is_not_spoken_here_is_refused_with_its_variable(environ: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        TelemetrySettings.from_environment(environ)
    assert refused.value.hint


def test_a_connection_string_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="CONNECTION_STRING"):
        start(TelemetrySettings(azure_monitor="nonsense"), "northstar-run", "x")
