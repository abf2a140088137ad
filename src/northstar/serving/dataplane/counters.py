"""What a worker counts for each version, cheaply enough to do it for every request."""

from __future__ import annotations

from bisect import bisect_left

from northstar.serving.domain import LATENCY_EDGES_MS, VersionCounters

_EDGES_SECONDS = tuple(edge / 1000 for edge in LATENCY_EDGES_MS)


class Counter:
    """The running counts of one version; only the event loop's thread adds to them."""

    __slots__ = ("errors", "latency", "requests", "rows", "seconds", "sum", "sumsq", "version")

    def __init__(self, version: int) -> None:
        self.version = version
        self.requests = 0
        self.errors = 0
        self.rows = 0
        self.latency = [0] * (len(_EDGES_SECONDS) + 1)
        self.seconds = 0.0
        self.sum = 0.0
        self.sumsq = 0.0

    def answered(self, seconds: float, values: list[float]) -> None:
        """Count a request that was answered with these served values, one for each row."""
        self.requests += 1
        self.latency[bisect_left(_EDGES_SECONDS, seconds)] += 1
        self.seconds += seconds
        self.rows += len(values)
        for value in values:
            self.sum += value
            self.sumsq += value * value

    def failed(self, seconds: float) -> None:
        """Count a request that the model or the server could not answer."""
        self.requests += 1
        self.errors += 1
        self.latency[bisect_left(_EDGES_SECONDS, seconds)] += 1
        self.seconds += seconds

    def snapshot(self) -> VersionCounters:
        """The counts so far."""
        return VersionCounters(
            version=self.version,
            requests=self.requests,
            errors=self.errors,
            rows=self.rows,
            latency=tuple(self.latency),
            latency_seconds=self.seconds,
            prediction_count=self.rows,
            prediction_sum=self.sum,
            prediction_sumsq=self.sumsq,
        )
