"""The environment variables of squads' code: what is handed on to it of the platform's own.

On a server this is a list of what may pass: a secret that nobody thought of stays with the
platform. ``docs/reference/settings.md`` has the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PASSED_ON = frozenset(
    {
        "PATH", "LANG", "LANGUAGE", "TZ",
        "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NO_PROXY",
        "no_proxy", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
        "OTEL_LOGS_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    }
)  # fmt: skip
"""Names of variables that say how a machine is, and none that could say who the platform is."""

_LOCALE = "LC_"
_THE_PLATFORMS_OWN = (
    "NORTHSTAR_", "MLFLOW_", "_MLFLOW_", "IDENTITY_", "MSI_", "AZURE_", "APPLICATIONINSIGHTS_",
    "OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
)  # fmt: skip


def passed_on(environ: Mapping[str, str], more: Iterable[str] = ()) -> dict[str, str]:
    """What squads' code gets on a server; ``more`` are names that the platform team added."""
    names = PASSED_ON | set(more)
    return {n: value for n, value in environ.items() if n in names or n.startswith(_LOCALE)}


def of_ones_own_machine(environ: Mapping[str, str]) -> dict[str, str]:
    """What the code gets where platform and code are the same person's: all but the settings of
    this process itself, and the identity that Azure may have given to it.
    """
    return {n: value for n, value in environ.items() if not n.startswith(_THE_PLATFORMS_OWN)}
