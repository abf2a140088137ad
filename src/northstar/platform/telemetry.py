"""The control plane's telemetry, from the environment of its process."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import replace

from northstar.access.secret_sources import default_sources, read_secret
from northstar.telemetry.interface import Telemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start


def telemetry_settings(environ: Mapping[str, str] | None = None) -> TelemetrySettings:
    """What the environment asks for; Azure's connection string may be a reference to a secret.

    Raises ``Invalid`` for what can't be used, and what reading a secret raises.
    """
    env = os.environ if environ is None else environ
    settings = TelemetrySettings.from_environment(env)
    if not settings.azure_monitor:
        return settings
    connection_string = read_secret(settings.azure_monitor, default_sources(env))
    return replace(settings, azure_monitor=connection_string)


def start_telemetry(environ: Mapping[str, str] | None = None) -> Telemetry:
    """Start what the environment asks for; without settings, nothing."""
    return start(telemetry_settings(environ), "northstar-control-plane", instance_name())


def instance_name() -> str:
    """Which of the machines' processes this is."""
    return f"{socket.gethostname()}:{os.getpid()}"
