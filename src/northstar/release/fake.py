"""Endpoints in memory, for tests of releases: what they were told, and what they counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from northstar.errors import NotFound, Unavailable
from northstar.names import EndpointRef
from northstar.registry.domain import VersionRecord
from northstar.serving.domain import LATENCY_EDGES_MS, EndpointView, VersionCounters


def nothing_holds(endpoint: EndpointRef) -> None:
    """No freeze anywhere."""


class FakeEndpoints:
    """Serves whatever it is told at once, unless ``reachable`` or ``answering`` say otherwise."""

    def __init__(self) -> None:
        self.weights: dict[EndpointRef, dict[int, float]] = {}
        self.counted: dict[tuple[EndpointRef, int], VersionCounters] = {}
        self.reachable = True
        self.answering = True
        self.problem = ""
        self._revisions: dict[EndpointRef, int] = {}

    def set_traffic(
        self,
        endpoint: EndpointRef,
        weights: Mapping[int, float],
        records: Sequence[VersionRecord],
    ) -> int:
        if not self.reachable:
            raise Unavailable("The endpoints' table is locked.")
        missing = set(weights) - {record.version for record in records}
        if missing:
            raise AssertionError(f"no record for {missing}")
        if self.weights.get(endpoint) != dict(weights):
            self.weights[endpoint] = dict(weights)
            self._revisions[endpoint] = self._revisions.get(endpoint, 0) + 1
        return self._revisions[endpoint]

    def view(self, endpoint: EndpointRef) -> EndpointView:
        if endpoint not in self.weights:
            raise NotFound(f"Nothing was ever released to {endpoint}.")
        revision = self._revisions[endpoint]
        return EndpointView(
            endpoint=str(endpoint),
            revision=revision,
            weights=self.weights[endpoint],
            answering=self.answering,
            served_revision=revision if self.answering else revision - 1,
            problem=self.problem,
        )

    def counters(self, endpoint: EndpointRef, version: int) -> VersionCounters:
        return self.counted.get((endpoint, version), VersionCounters(version=version))

    def serve(self, endpoint: EndpointRef, version: int, requests: int, errors: int = 0) -> None:
        """Count requests of a version, as if they had been answered in a millisecond with 0.5."""
        more = counted(version, requests, errors)
        self.counted[endpoint, version] = self.counters(endpoint, version).plus(more)


def counted(
    version: int,
    requests: int,
    errors: int = 0,
    latency_ms: float = 1.0,
    mean: float = 0.5,
    sd: float = 0.1,
) -> VersionCounters:
    """Counters of requests that all took ``latency_ms``."""
    bucket = sum(edge < latency_ms for edge in LATENCY_EDGES_MS)
    latency = tuple(requests * (i == bucket) for i in range(len(LATENCY_EDGES_MS) + 1))
    return VersionCounters(
        version=version,
        requests=requests,
        errors=errors,
        rows=requests,
        latency=latency,
        prediction_count=requests - errors,
        prediction_sum=mean * (requests - errors),
        prediction_sumsq=(mean**2 + sd**2) * (requests - errors),
    )
