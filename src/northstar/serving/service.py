"""What endpoints shall serve and what they report: the control plane's side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import Invalid, NotFound
from northstar.flags.domain import rollout_flag
from northstar.names import EndpointRef, ProjectRef
from northstar.registry.domain import VersionRecord
from northstar.serving import store
from northstar.serving.domain import (
    AccessSpec,
    CaptureSpec,
    EndpointSpec,
    EndpointStatus,
    EndpointView,
    ModelSpec,
    VersionCounters,
    add_counters,
    variant_name,
)
from northstar.serving.store import Traffic

ANSWERING_SECONDS = 10.0
"""An instance that has not reported for this long is taken for gone."""


class EndpointService:
    """Traffic, reports and models of endpoints.

    Args:
        model_archive: a registered model as a tar stream, by its digest; raises ``NotFound``.
        access: what an endpoint needs to check tokens.
        capture: how endpoints keep what they were asked.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        model_archive: Callable[[str], Iterator[bytes]],
        access: Callable[[EndpointRef], AccessSpec],
        capture: CaptureSpec | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._model_archive = model_archive
        self._access = access
        self._capture = capture or CaptureSpec()

    def set_traffic(
        self,
        endpoint: EndpointRef,
        weights: Mapping[int, float],
        records: Sequence[VersionRecord],
    ) -> int:
        """Say which versions an endpoint serves and with what shares; returns the revision.

        Idempotent: saying the same again changes nothing. A version of weight 0 is held ready
        without getting requests. Without any version the endpoint ends.

        Args:
            weights: version → share in percent; adding up to 100.
            records: the registered versions of (at least) all ``weights``.
        """
        models = tuple(_model_spec(version, records) for version in sorted(weights))
        shares = {version: float(weights[version]) for version in sorted(weights)}
        if models:
            _flag(endpoint, shares)  # refuses shares that do not add up
        with self._database.begin() as connection:
            present = store.traffic_of(connection, endpoint) or Traffic(0, {}, ())
            if (present.weights, present.models) == (shares, models):
                return present.revision
            wanted = Traffic(present.revision + 1, shares, models)
            store.put_traffic(connection, endpoint, wanted, self._clock.now())
        return wanted.revision

    def spec(self, endpoint: EndpointRef) -> EndpointSpec:
        """What the endpoint shall serve; of revision 0 and without models before any release."""
        with self._database.read() as connection:
            traffic = store.traffic_of(connection, endpoint) or Traffic(0, {}, ())
        return EndpointSpec(
            endpoint=str(endpoint),
            revision=traffic.revision,
            models=traffic.models,
            flag=_flag(endpoint, traffic.weights) if traffic.models else {},
            capture=self._capture,
            access=self._access(endpoint),
        )

    def sync(self, endpoint: EndpointRef, status: EndpointStatus) -> EndpointSpec:
        """Take an instance's report and answer with what it shall serve."""
        with self._database.begin() as connection:
            store.put_status(connection, endpoint, status, self._clock.now())
        return self.spec(endpoint)

    def endpoints(self, project: ProjectRef | None = None) -> list[EndpointRef]:
        """All endpoints that were ever given traffic, or those of one project."""
        with self._database.read() as connection:
            found = store.all_endpoints(connection)
        return [one for one in found if project is None or one.project_ref == project]

    def wanted(self) -> list[EndpointRef]:
        """The endpoints that shall run: those with at least one version."""
        with self._database.read() as connection:
            return [
                endpoint
                for endpoint in store.all_endpoints(connection)
                if (traffic := store.traffic_of(connection, endpoint)) and traffic.models
            ]

    def view(self, endpoint: EndpointRef) -> EndpointView:
        """What clients and pages see; raises ``NotFound`` for one that never had traffic."""
        with self._database.read() as connection:
            traffic = store.traffic_of(connection, endpoint)
            seen = store.statuses_of(connection, endpoint)
        if traffic is None:
            raise NotFound(
                f"Nothing was ever released to {endpoint}.",
                hint="Release a version to it: northstar release propose.",
            )
        reports = [report.status for report in seen]
        newest = seen[0] if seen else None
        recent = self._clock.now() - timedelta(seconds=ANSWERING_SECONDS)
        live = [report.status for report in seen if report.seen_at >= recent]
        return EndpointView(
            endpoint=str(endpoint),
            revision=traffic.revision,
            weights=traffic.weights,
            url=newest.status.url if newest else None,
            answering=bool(newest and newest.seen_at >= recent and newest.status.revision > 0),
            served_revision=newest.status.revision if newest else 0,
            last_seen_at=newest.seen_at if newest else None,
            counters=add_counters([report.counters for report in reports]),
            rejected=sum(report.rejected for report in reports),
            captured=sum(report.captured for report in reports),
            dropped=sum(report.dropped for report in reports),
            waiting=sum(report.waiting for report in live),
            spans_lost=sum(report.spans_lost for report in reports),
            metrics_url=newest.status.metrics_url if newest else "",
            problem=newest.status.problem if newest else "",
        )

    def counters(self, endpoint: EndpointRef, version: int) -> VersionCounters:
        """What a version has done at this endpoint since it was first served there."""
        with self._database.read() as connection:
            seen = store.statuses_of(connection, endpoint)
        total = add_counters([report.status.counters for report in seen])
        return next(
            (one for one in total if one.version == version), VersionCounters(version=version)
        )

    def model_archive(self, endpoint: EndpointRef, digest: str) -> Iterator[bytes]:
        """A model as a tar stream; raises ``NotFound`` for a digest the endpoint need not have."""
        with self._database.read() as connection:
            traffic = store.traffic_of(connection, endpoint)
        if traffic is None or digest not in {model.digest for model in traffic.models}:
            raise NotFound(f"{endpoint} serves no model with digest {digest}.")
        return self._model_archive(digest)


def _model_spec(version: int, records: Sequence[VersionRecord]) -> ModelSpec:
    record = next((one for one in records if one.version == version), None)
    if record is None:
        raise Invalid(f"Version {version} is to get traffic, but its record was not given.")
    return ModelSpec(
        version=record.version,
        digest=record.digest,
        flavor=record.flavor,
        task=record.task,
        columns=tuple(record.columns),
        classes=tuple(record.classes) if record.classes else None,
    )


def _flag(endpoint: EndpointRef, weights: Mapping[int, float]) -> dict[str, object]:
    shares = {variant_name(version): share for version, share in weights.items()}
    return rollout_flag(f"{endpoint.squad}.{endpoint.project}.{endpoint.environment}", shares)
