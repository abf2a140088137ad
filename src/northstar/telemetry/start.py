"""Starts a process's telemetry as its settings say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from northstar.errors import Invalid
from northstar.telemetry.interface import Attributes, ServiceName, Telemetry
from northstar.telemetry.quiet import QuietTelemetry
from northstar.telemetry.sdk import SdkTelemetry
from northstar.telemetry.settings import TelemetrySettings


def start(
    settings: TelemetrySettings,
    service: ServiceName,
    instance: str,
    attributes: Attributes | None = None,
) -> Telemetry:
    """Start what ``settings`` ask for; without any, nothing is imported and nothing runs.

    Args:
        service: ``service.name``, unless ``OTEL_SERVICE_NAME`` says otherwise.
        instance: ``service.instance.id``: which of the service's processes this is.
        attributes: more about the process, for everything that it sends.

    Raises ``Invalid`` for settings that can't be used, and where packages are missing.
    """
    if not settings.active:
        return QuietTelemetry()
    process = {"service.name": service, "service.instance.id": instance}
    with explained():
        return SdkTelemetry(settings, {**process, **(attributes or {})})


@contextmanager
def explained() -> Iterator[None]:
    """Raise ``Invalid`` for what OpenTelemetry refuses while it is set up."""
    try:
        yield
    except ValueError as error:
        raise Invalid(
            f"One of OpenTelemetry's variables can't be used: {error}",
            hint="Look at the variables that begin with OTEL_; without one, its usual value holds.",
        ) from error
