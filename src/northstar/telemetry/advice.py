"""What to do about an exporter's error, by what it says."""

from __future__ import annotations

import re
from typing import NamedTuple

from northstar.telemetry.exporters import AZURE, ExporterName
from northstar.telemetry.settings import TelemetrySettings

_ROLE = "Monitoring Metrics Publisher"
_LOGIN = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"


class _When(NamedTuple):
    pattern: str
    advice: str


# The first that fits: an error of TLS also says that the connection failed.
_ANYWHERE = (
    _When(
        r"certificate|SSL|TLS version",
        "The other side's certificate is not trusted here, or it speaks no TLS. Compare http and "
        "https in the address; name a private authority's certificate in "
        "OTEL_EXPORTER_OTLP_CERTIFICATE (OTLP) or REQUESTS_CA_BUNDLE (Azure).",
    ),
    _When(
        r"resolve|Name or service|nodename|getaddrinfo",
        "The name is not known here. Look for a slip in the address; in a private network, its "
        "private DNS zone has to be linked with the network.",
    ),
    _When(r"refused", "Nothing listens there. Is it up, and are address and port right?"),
    _When(
        r"timed out|timeout|unreachable|No route",
        "Nothing answered in time. A firewall or a rule of the network may drop what is sent.",
    ),
)
_OTLP = (
    _When(
        r"HTTP 401|HTTP 403",
        "Set what the collector wants to see in OTEL_EXPORTER_OTLP_HEADERS.",
    ),
    _When(
        r"HTTP 404|HTTP 405",
        "OTLP over HTTP is not there. OTEL_EXPORTER_OTLP_ENDPOINT is the collector's base "
        "address, without /v1/traces.",
    ),
    _When(
        r"refused|RemoteDisconnected|Connection aborted",
        "No collector takes OTLP over HTTP there. Is it up? It listens at 4318; 4317 is gRPC's.",
    ),
    _When(r"HTTP 415", "It takes another encoding: have it take OTLP over HTTP with protobuf."),
)
_AZURE = (
    _When(
        r"non-TLS",
        "A token is sent over https only: take the connection string with the https address.",
    ),
    _When(
        r"DefaultAzureCredential|ManagedIdentity|CredentialUnavailable|authentication unavailable",
        "This process has no identity in Entra. Give it a managed identity; one of several is "
        f"named in {_LOGIN}=Authorization=AAD;ClientId=…",
    ),
    _When(
        r"HTTP 403",
        f"Give this process's identity the role {_ROLE} on the Application Insights resource; "
        "a new role takes some minutes.",
    ),
    _When(
        r"instrumentation key|HTTP 400",
        "The instrumentation key is not of a resource there. Copy the connection string whole "
        "from the resource's overview.",
    ),
    _When(
        r"Invalid URL|No connection adapters",
        "IngestionEndpoint is no address. Copy the connection string whole from the resource's "
        "overview.",
    ),
    _When(r"HTTP 404", "The region's address has changed: copy the connection string again."),
    _When(
        r"HTTP 402|HTTP 439|quota",
        "The daily cap is used up; nothing is taken before it is reset.",
    ),
    _When(r"HTTP 429|HTTP 503", "It is busy; what is sent now is tried again once, then lost."),
)


def advice(exporter: ExporterName, problem: str, settings: TelemetrySettings) -> str:
    """What to do; where nothing better is known, where to read on."""
    if exporter == AZURE and "HTTP 401" in problem:
        if settings.azure_identity:
            return f"The identity's token was not taken. Check its tenant and its role {_ROLE}."
        return f"The resource takes no key alone. Set {_LOGIN}=Authorization=AAD."
    known: tuple[_When, ...] = (*(_AZURE if exporter == AZURE else _OTLP), *_ANYWHERE)
    for when in known:
        if re.search(when.pattern, problem, re.IGNORECASE):
            return when.advice
    return "docs/how-to/observing.md says how this exporter is set up."
