"""Where telemetry is sent to, read from OpenTelemetry's own variables and Azure's.

Everything else that OpenTelemetry's specification has a variable for (sampling, intervals, queues,
headers, certificates, resource attributes) its SDK reads itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

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
        name. Raises ``Invalid`` for an exporter or a protocol that is not spoken here, and for a
        collector's address that is none or has a secret in it.
        """
        env = os.environ if environ is None else environ
        if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        exporters = {signal: _exporters(env, signal) for signal in SIGNALS}
        otlp = frozenset(signal for signal in SIGNALS if "otlp" in exporters[signal])
        for signal in otlp:
            _check_protocol(env, signal)
            _check_address(env, signal)
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
    return frozenset({"otlp"}) if _address(env, signal)[1] else frozenset()


def _address(env: Mapping[str, str], signal: Signal) -> tuple[str, str]:
    """A signal's variable and what it says; empty where none is set."""
    names = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return next(((name, env[name]) for name in names if env.get(name)), (names[1], ""))


def _check_protocol(env: Mapping[str, str], signal: Signal) -> None:
    of_signal = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
    protocol = env.get(of_signal) or env.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _PROTOCOL
    if protocol != _PROTOCOL:
        raise Invalid(
            f"OTLP for {signal} is to use {protocol}, which is not available here.",
            hint=f"Set OTEL_EXPORTER_OTLP_PROTOCOL={_PROTOCOL}; collectors take it at port 4318.",
        )


def _check_address(env: Mapping[str, str], signal: Signal) -> None:
    """It is shown in logs and given to squads' code, so it must not be worth stealing."""
    variable, text = _address(env, signal)
    if not text:
        return  # the collector of this machine
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise Invalid(
            f"{variable} is no address of http or https.",
            hint="Set it to a collector's, such as http://collector:4318.",
        )
    if parts.username is not None or parts.query:
        raise Invalid(
            f"{variable} has a user or a query in it, which logs would show.",
            hint="Send what the collector wants to see in OTEL_EXPORTER_OTLP_HEADERS.",
        )


def _authentication(text: str) -> dict[str, str]:
    """``Authorization=AAD;ClientId=…`` as a mapping with lower-case keys."""
    parts = (part.partition("=") for part in text.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in parts if value}
