"""What an endpoint tells of itself; all of it leaves from the agent's process.

Workers report what they counted and which requests were traced. Whatever a collector does, the
processes that answer requests neither know of it nor wait for it.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from northstar.errors import Invalid
from northstar.names import EndpointRef
from northstar.serving.dataplane.metrics_server import MetricsServer
from northstar.serving.dataplane.tracing import make_span
from northstar.serving.domain import LATENCY_EDGES_MS, AccessSpec, EndpointStatus, VersionCounters
from northstar.telemetry.interface import Attributes, Counted, Measured, Telemetry
from northstar.telemetry.quiet import QuietTelemetry
from northstar.telemetry.sampling import ARGUMENT, SAMPLER, Sampler, read_sampler
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start

log = logging.getLogger(__name__)

USUAL_RATIO = "0.01"
_METRICS_HOST = "OTEL_EXPORTER_PROMETHEUS_HOST"
_METRICS_PORT = "OTEL_EXPORTER_PROMETHEUS_PORT"
_EDGES_A_BOUNDARY = 4
_BOUNDARIES_SECONDS = tuple(edge / 1000 for edge in LATENCY_EDGES_MS[::_EDGES_A_BOUNDARY])

Status = Callable[[], EndpointStatus]
Access = Callable[[], AccessSpec | None]


class EndpointTelemetry:
    """One agent's telemetry.

    Args:
        sampler: by which workers choose the requests that are traced.
        spans: whether spans go anywhere.
        metrics_at: host and port where metrics can be scraped; ``None`` for nowhere.
        instance: tells this start of the endpoint from all others.
    """

    def __init__(
        self,
        endpoint: EndpointRef,
        telemetry: Telemetry,
        sampler: Sampler,
        *,
        spans: bool = False,
        metrics_at: tuple[str, int] | None = None,
        instance: str = "",
    ) -> None:
        self._endpoint = endpoint
        self._telemetry = telemetry
        self._sampler = sampler
        self._spans = spans
        self._metrics_at = metrics_at
        self._server: MetricsServer | None = None
        self.instance = instance or secrets.token_hex(8)

    def worker_arguments(self) -> list[str]:
        """What a worker's command line says of tracing."""
        arguments = ["--sample-ratio", str(self._sampler.ratio)]
        arguments += ["--follow-callers"] if self._sampler.follows else []
        return [*arguments, "--tell-traces"] if self._spans else arguments

    def watch(self, status: Status, access: Access) -> None:
        """Have the endpoint's metrics collected from now on.

        Args:
            access: says whose token admits to the metrics, once that is known.
        """
        _add_instruments(self._telemetry, self._endpoint, status)
        if self._metrics_at is None:
            return
        host, port = self._metrics_at
        try:
            self._server = MetricsServer(host, port, self._telemetry.scrape, access)
        except OSError as error:
            log.error(  # noqa: TRY400 - the message says it all
                "metrics cannot be scraped: port %d on %s: %s (%s chooses another)",
                port, host, error.strerror, _METRICS_PORT,
            )  # fmt: skip
        else:
            log.info("metrics are at %s", self._server.url)

    @property
    def metrics_url(self) -> str:
        """Where metrics can be scraped; empty for nowhere."""
        return self._server.url if self._server else ""

    def tell(self, traced: list[Any]) -> None:
        """Make spans of what a worker noted."""
        for told in traced:
            span = make_span(self._endpoint, told)
            if span is not None:
                self._telemetry.record(span)

    def lost_spans(self) -> int:
        """Spans that were made here and did not arrive."""
        return self._telemetry.lost_spans()

    def close(self) -> None:
        """Send what waits, for a few seconds at most, and stop."""
        if self._server:
            self._server.close()
        self._telemetry.close()


def start_telemetry(
    endpoint: EndpointRef, environ: MutableMapping[str, str] | None = None
) -> EndpointTelemetry:
    """An endpoint's telemetry as the environment's standard variables say.

    Where they name no sampler, one in a hundred requests that come without a trace is traced: an
    endpoint is asked too often to tell of every request. Raises ``Invalid`` for variables that
    can't be used.
    """
    env = os.environ if environ is None else environ
    settings = TelemetrySettings.from_environment(env)
    spans = bool(settings.azure_monitor or "traces" in settings.otlp)
    if not env.get(SAMPLER):
        # The SDK reads them itself, and tells Azure what share it is sent.
        env[SAMPLER], env[ARGUMENT] = "parentbased_traceidratio", env.get(ARGUMENT) or USUAL_RATIO
    # All that can be refused is read before anything runs.
    sampler = read_sampler(env) if spans else unobserved_sampler()
    metrics_at = _metrics_address(env) if settings.prometheus else None
    instance = secrets.token_hex(8)
    attributes = {**_names(endpoint), "service.namespace": str(endpoint)}
    return EndpointTelemetry(
        endpoint,
        start(settings, "northstar-endpoint", instance, attributes),
        sampler,
        spans=spans,
        metrics_at=metrics_at,
        instance=instance,
    )


def _metrics_address(env: Mapping[str, str]) -> tuple[str, int]:
    host, port = env.get(_METRICS_HOST) or "localhost", env.get(_METRICS_PORT) or "9464"
    if not port.isdecimal():
        raise Invalid(f"{_METRICS_PORT} is {port!r}, not a port.", hint="0 takes a free one.")
    return host, int(port)


def unobserved_sampler() -> Sampler:
    """Nothing is traced but what callers trace: that the captures still say."""
    return Sampler(0.0)


def unobserved(endpoint: EndpointRef) -> EndpointTelemetry:
    """Telemetry of an endpoint that tells nobody anything."""
    return EndpointTelemetry(endpoint, QuietTelemetry(), unobserved_sampler())


def _add_instruments(telemetry: Telemetry, endpoint: EndpointRef, status: Status) -> None:
    made, named = telemetry.instruments, _names(endpoint)

    def of_versions(read: Callable[[VersionCounters], float]) -> Callable[[], Iterable[Measured]]:
        return lambda: [(read(one), _versioned(named, one.version)) for one in status().counters]

    def of_all(read: Callable[[EndpointStatus], float]) -> Callable[[], Iterable[Measured]]:
        return lambda: [(read(status()), named)]

    def durations() -> Iterable[Counted]:
        return [_durations(one, _versioned(named, one.version)) for one in status().counters]

    add = made.observed_counter
    add("northstar.endpoint.requests", "{request}", "Requests that a model was asked.",
        of_versions(lambda one: one.requests))  # fmt: skip
    add("northstar.endpoint.errors", "{request}", "Requests that a model or the server failed.",
        of_versions(lambda one: one.errors))  # fmt: skip
    add("northstar.endpoint.rows", "{row}", "Rows that were answered.",
        of_versions(lambda one: one.rows))  # fmt: skip
    made.observed_histogram("northstar.endpoint.request.duration", "s", "From request to answer.",
                            _BOUNDARIES_SECONDS, durations)  # fmt: skip
    add("northstar.endpoint.rejected", "{request}", "Requests that were the caller's mistake.",
        of_all(lambda told: told.rejected))  # fmt: skip
    add("northstar.endpoint.captured", "{row}", "Rows that are in the captures.",
        of_all(lambda told: told.captured))  # fmt: skip
    add("northstar.endpoint.dropped", "{row}", "Rows that never will be in the captures.",
        of_all(lambda told: told.dropped))  # fmt: skip
    add("northstar.endpoint.spans.lost", "{span}", "Traced requests of which nobody was told.",
        of_all(lambda told: told.spans_lost))  # fmt: skip
    made.gauge("northstar.endpoint.revision", "1", "The revision that every worker serves.",
               of_all(lambda told: told.revision))  # fmt: skip
    made.gauge("northstar.endpoint.loaded", "{version}", "1 for each version that is loaded.",
               lambda: [(1, _versioned(named, one)) for one in status().versions])  # fmt: skip


def _names(endpoint: EndpointRef) -> dict[str, str]:
    return {
        "northstar.endpoint": str(endpoint),
        "northstar.squad": endpoint.squad,
        "northstar.project": endpoint.project,
        "northstar.environment": endpoint.environment,
    }


def _versioned(named: Attributes, version: int) -> Attributes:
    return {**named, "northstar.version": version}


def _durations(counters: VersionCounters, attributes: Attributes) -> Counted:
    """The latency histogram in fewer buckets: each is paid for in every store of metrics."""
    fine = counters.latency
    first = fine[0]
    rest = fine[1:]
    coarse = [
        sum(rest[place : place + _EDGES_A_BOUNDARY])
        for place in range(0, len(rest), _EDGES_A_BOUNDARY)
    ]
    return Counted((first, *coarse), counters.latency_seconds, attributes)
