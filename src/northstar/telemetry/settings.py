"""Where telemetry is sent to, read from OpenTelemetry's own variables and Azure's.

Everything else that OpenTelemetry's specification has a variable for (sampling, intervals, queues,
headers, certificates, resource attributes) its SDK reads itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from northstar.errors import Invalid

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")

SECRETS = frozenset(
    {
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "OTEL_EXPORTER_OTLP_HEADERS",
        *(f"OTEL_EXPORTER_OTLP_{signal.upper()}_HEADERS" for signal in SIGNALS),
    }
)
"""The variables that are not for squads' code: who has them can tell in our name."""

_KNOWN: dict[Signal, frozenset[str]] = {
    "traces": frozenset({"otlp", "none"}),
    "metrics": frozenset({"otlp", "prometheus", "none"}),
    "logs": frozenset({"otlp", "none"}),
}
_PROTOCOL = "http/protobuf"


@dataclass(frozen=True)
class TelemetrySettings:
    """What to send where; the default is nothing, nowhere.

    Attributes:
        otlp: the signals that go to a collector by OTLP over HTTP.
        prometheus: whether metrics can be scraped.
        azure_monitor: the connection string of an Application Insights resource; empty for none.
        azure_identity: whether that resource wants a token of Entra's beside its key.
        azure_client_id: the client id of a user-assigned managed identity to get that token for.
    """

    otlp: frozenset[Signal] = frozenset()
    prometheus: bool = False
    azure_monitor: str = field(default="", repr=False)
    azure_identity: bool = False
    azure_client_id: str = ""

    @property
    def active(self) -> bool:
        """Whether anything goes anywhere."""
        return bool(self.otlp or self.prometheus or self.azure_monitor)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> TelemetrySettings:
        """Read ``OTEL_SDK_DISABLED``, ``OTEL_{TRACES,METRICS,LOGS}_EXPORTER``,
        ``OTEL_EXPORTER_OTLP[_SIGNAL]_{ENDPOINT,PROTOCOL}``,
        ``APPLICATIONINSIGHTS_CONNECTION_STRING`` and
        ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING``.

        A signal goes to a collector when an endpoint is set for it, or ``otlp`` is asked for by
        name. Raises ``Invalid`` for an exporter or a protocol that is not spoken here.
        """
        env = os.environ if environ is None else environ
        if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        exporters = {signal: _exporters(env, signal) for signal in SIGNALS}
        otlp = frozenset(signal for signal in SIGNALS if "otlp" in exporters[signal])
        for signal in otlp:
            _check_protocol(env, signal)
        login = azure_identity(env)
        return cls(
            otlp=otlp,
            prometheus="prometheus" in exporters["metrics"],
            azure_monitor=env.get("APPLICATIONINSIGHTS_CONNECTION_STRING", "").strip(),
            azure_identity=login is not None,
            azure_client_id=login or "",
        )


def azure_identity(environ: Mapping[str, str]) -> str | None:
    """The client id of the identity whose token Application Insights wants beside its key, as
    ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING`` says; empty for the only one that there is, and
    ``None`` where the key is enough.
    """
    login = _authentication(environ.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", ""))
    wanted = login.get("authorization", "").lower() == "aad"
    return login.get("clientid", "") if wanted else None


def _exporters(env: Mapping[str, str], signal: Signal) -> frozenset[str]:
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    asked = frozenset(name.strip() for name in env.get(variable, "").split(",") if name.strip())
    if unknown := asked - _KNOWN[signal]:
        raise Invalid(
            f"{variable} names {', '.join(sorted(unknown))}, which is not available here.",
            hint=f"Use {', '.join(sorted(_KNOWN[signal]))}; several are separated by commas.",
        )
    if asked:
        return asked
    of_signal = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
    endpoint = env.get(of_signal) or env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return frozenset({"otlp"}) if endpoint else frozenset()


def _check_protocol(env: Mapping[str, str], signal: Signal) -> None:
    of_signal = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
    protocol = env.get(of_signal) or env.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _PROTOCOL
    if protocol != _PROTOCOL:
        raise Invalid(
            f"OTLP for {signal} is to use {protocol}, which is not available here.",
            hint=f"Set OTEL_EXPORTER_OTLP_PROTOCOL={_PROTOCOL}; collectors take it at port 4318.",
        )


def _authentication(text: str) -> dict[str, str]:
    """``Authorization=AAD;ClientId=…`` as a mapping with lower-case keys."""
    parts = (part.partition("=") for part in text.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in parts if value}
