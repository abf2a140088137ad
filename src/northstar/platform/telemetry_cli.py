"""``northstar telemetry …``: whether what a process tells of itself arrives."""

from __future__ import annotations

from dataclasses import asdict

import click

from northstar.platform.telemetry import instance_name, telemetry_settings
from northstar.telemetry.check import Checked, check
from northstar.telemetry.settings import TelemetrySettings
from northstar.terminal import emit, json_option

_NOTHING = """\
No telemetry is configured here, so none is sent. To have it, set

  OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318   for any collector of OpenTelemetry's
  OTEL_METRICS_EXPORTER=prometheus                    for Prometheus, which reads GET /metrics
  APPLICATIONINSIGHTS_CONNECTION_STRING=…             for Azure Monitor

in the environment of the process that is to tell of itself. docs/how-to/observing.md says more."""
_PROMETHEUS = "prometheus: reads GET /metrics of the control plane, with the role metrics-reader"


@click.group()
def telemetry() -> None:
    """Traces, metrics, logs and events: where they go, and whether they arrive."""


@telemetry.command("check")
@json_option
@click.pass_context
def check_telemetry(ctx: click.Context, as_json: bool) -> None:
    """Send one span, measurement, log record and event through each exporter.

    Run it with the environment of the process that is to send. Exit code 1 if anything was not
    accepted, or if nothing is configured.
    """
    settings = telemetry_settings()
    process = {"service.name": "northstar-cli", "service.instance.id": instance_name()}
    found = check(settings, process)
    told = {
        "configured": settings.active,
        "prometheus": settings.prometheus,
        "checks": [asdict(one) for one in found],
    }
    emit(told, as_json=as_json, text=lambda: _text(settings, found))
    if not settings.active or not all(one.accepted for one in found):
        ctx.exit(1)


def _text(settings: TelemetrySettings, found: list[Checked]) -> str:
    if not settings.active:
        return _NOTHING
    lines = []
    for one in found:
        came = "accepted" if one.accepted else "NOT accepted"
        lines.append(f"{one.exporter} {one.signal}: {came} by {one.target}")
        if not one.accepted:
            lines += [f"  {one.problem}", f"  {one.hint}"]
    if settings.prometheus:
        lines.append(_PROMETHEUS)
    return "\n".join(lines)
