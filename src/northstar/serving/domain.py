"""What an endpoint is told and what it reports: the types both planes speak, and their rules.

The control plane sends an ``EndpointSpec``; the endpoint answers requests by it and reports an
``EndpointStatus``. Counters are cumulative for one instance (one start of the endpoint), so that a
lost report loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from northstar.registry.domain import Column, Task

_SMALLEST_LATENCY_MS = 0.05
_LATENCY_STEP = 1.25
LATENCY_EDGES_MS: tuple[float, ...] = tuple(
    round(_SMALLEST_LATENCY_MS * _LATENCY_STEP**i, 6) for i in range(56)
)
"""Upper edges of the latency histogram's buckets, 0.05 ms to 10.7 s; one more bucket is open."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ModelSpec(_Value):
    """One model version that an endpoint holds; ``digest`` is that of the model folder."""

    version: int = Field(ge=1)
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    flavor: str
    task: Task
    columns: tuple[Column, ...]
    classes: tuple[str, ...] | None = None


class CaptureSpec(_Value):
    """Whether requests and answers are kept, and how often they reach the disk.

    ``waiting_mb`` bounds what a worker holds for its capture writer, ``disk_mb`` what waits on the
    endpoint's disk to be shipped; the rest is dropped, counted.
    """

    enabled: bool = True
    flush_seconds: float = Field(default=1.0, gt=0)
    waiting_mb: int = Field(default=64, gt=0)
    disk_mb: int | None = Field(default=None, gt=0)


class AccessSpec(_Value):
    """What the endpoint needs to check a token without asking anybody.

    ``revoked`` holds principals whose tokens were revoked so lately that some might still run, and
    when, in seconds since 1970.
    """

    issuer: str
    audience: str
    jwks: dict[str, Any]
    revoked: dict[str, float] = Field(default_factory=dict)


class EndpointSpec(_Value):
    """Everything an endpoint needs to serve; a larger ``revision`` replaces a smaller one."""

    endpoint: str
    revision: int = Field(ge=0)
    models: tuple[ModelSpec, ...]
    flag: dict[str, Any]
    capture: CaptureSpec = CaptureSpec()
    access: AccessSpec

    def model(self, version: int) -> ModelSpec | None:
        """The model of that version, if the endpoint holds it."""
        return next((model for model in self.models if model.version == version), None)


class VersionCounters(_Value):
    """What one version has done: cumulative, and therefore addable.

    ``errors`` are failures of the model or of the server (5xx), part of ``requests``; latencies
    are counted in the buckets of ``LATENCY_EDGES_MS``, their sum is ``latency_seconds``; the
    prediction sums are over served values (a classifier's: probability of the positive class, or of
    the winning class if more than two).
    """

    version: int
    requests: int = 0
    errors: int = 0
    rows: int = 0
    latency: tuple[int, ...] = (0,) * (len(LATENCY_EDGES_MS) + 1)
    latency_seconds: float = 0.0
    prediction_count: int = 0
    prediction_sum: float = 0.0
    prediction_sumsq: float = 0.0

    def plus(self, other: VersionCounters) -> VersionCounters:
        """The counters of both together."""
        return VersionCounters(
            version=self.version,
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            rows=self.rows + other.rows,
            latency=tuple(a + b for a, b in zip(self.latency, other.latency, strict=True)),
            latency_seconds=self.latency_seconds + other.latency_seconds,
            prediction_count=self.prediction_count + other.prediction_count,
            prediction_sum=self.prediction_sum + other.prediction_sum,
            prediction_sumsq=self.prediction_sumsq + other.prediction_sumsq,
        )

    @model_validator(mode="after")
    def _one_count_for_each_bucket(self) -> VersionCounters:
        if len(self.latency) != len(LATENCY_EDGES_MS) + 1:
            raise ValueError(f"latency has {len(self.latency)} buckets, not the agreed ones")
        return self


class EndpointStatus(_Value):
    """An endpoint's report on itself.

    ``problem`` says why the newest spec is not being served, and is empty when it is.
    ``rejected`` counts requests that were the caller's mistake (4xx). ``dropped`` counts rows
    that were answered and will never be found in the captures. ``waiting`` counts segments that
    are still on the endpoint's disk, to be shipped. ``spans_lost`` counts traced requests of which
    no collector was told. ``versions`` are those that every worker has loaded; ``metrics_url`` is
    where metrics can be scraped, if anywhere.
    """

    instance: str = Field(min_length=1, max_length=64)
    revision: int = 0
    url: str
    started_at: datetime
    counters: tuple[VersionCounters, ...] = ()
    rejected: int = 0
    captured: int = 0
    dropped: int = 0
    waiting: int = 0
    spans_lost: int = 0
    versions: tuple[int, ...] = ()
    metrics_url: str = ""
    problem: str = ""


class EndpointView(_Value):
    """What clients and pages see of an endpoint."""

    endpoint: str = Field(description="Its name, SQUAD/PROJECT/ENVIRONMENT.")
    revision: int = Field(description="What it shall serve; grows with every change.")
    weights: dict[int, float]
    url: str | None = Field(default=None, description="Where it answers, or last did.")
    answering: bool = Field(default=False, description="Whether it reported a moment ago.")
    served_revision: int = Field(default=0, description="What it serves.")
    last_seen_at: datetime | None = None
    counters: tuple[VersionCounters, ...] = ()
    rejected: int = 0
    captured: int = 0
    dropped: int = 0
    waiting: int = Field(default=0, description="Capture segments that are still to be shipped.")
    spans_lost: int = Field(default=0, description="Traced requests no collector was told of.")
    metrics_url: str = Field(default="", description="Where its metrics can be scraped.")
    problem: str = Field(default="", description="Why what it serves is not what it shall.")


def variant_name(version: int) -> str:
    """The flag variant that stands for a model version."""
    return f"v{version}"


def add_counters(reports: Sequence[Sequence[VersionCounters]]) -> tuple[VersionCounters, ...]:
    """One set of counters from several, by version, in the order of versions."""
    total: dict[int, VersionCounters] = {}
    for counters in reports:
        for one in counters:
            known = total.get(one.version)
            total[one.version] = known.plus(one) if known else one
    return tuple(total[version] for version in sorted(total))


def latency_quantile_ms(latency: Sequence[int], share: float) -> float | None:
    """The latency that ``share`` of the requests did not exceed; an upper bound within 25 %.

    ``None`` without any request.
    """
    wanted = share * sum(latency)
    if wanted <= 0:
        return None
    seen = 0
    for edge, count in zip(LATENCY_EDGES_MS, latency, strict=False):
        seen += count
        if seen >= wanted:
            return edge
    return LATENCY_EDGES_MS[-1]
