"""Letting events happen to releases, and telling the endpoint what follows from them.

An event is one small transaction that moves releases, records that in the audit, and writes down
the traffic that they now ask for. Telling the endpoint comes afterwards and may be repeated, so it
does not matter where the process is killed in between.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue
from sqlalchemy.exc import IntegrityError

from northstar.access.audit.log import AuditLog, Change
from northstar.database import Database
from northstar.errors import NorthstarError
from northstar.names import EndpointRef
from northstar.registry.domain import VersionRecord
from northstar.registry.service import RegistryService
from northstar.release import store
from northstar.release.domain import Event, Release, advance
from northstar.release.errors import EndpointBusy
from northstar.release.traffic import desired_traffic
from northstar.serving.domain import EndpointView

_LOG = logging.getLogger(__name__)

Move = tuple[int, Event]
"""A release's id and what happens to it."""


class Endpoints(Protocol):
    """What releases need of the endpoints; ``serving.EndpointService`` has it."""

    def set_traffic(
        self,
        endpoint: EndpointRef,
        weights: Mapping[int, float],
        records: Sequence[VersionRecord],
    ) -> int:
        """Tell an endpoint the shares in percent by version; idempotent."""
        ...

    def view(self, endpoint: EndpointRef) -> EndpointView:
        """What the endpoint says of itself; raises ``NotFound`` before its first traffic."""
        ...


class Moves:
    """Writes releases' events and applies the traffic that they lead to."""

    def __init__(
        self,
        database: Database,
        registry: RegistryService,
        endpoints: Endpoints,
        audit: AuditLog,
    ) -> None:
        self._database = database
        self._registry = registry
        self._endpoints = endpoints
        self._audit = audit

    def add(self, release: Release, *events: Event) -> Release:
        """Write a new release; raises ``EndpointBusy`` if it may begin and another is under way."""
        try:
            with self._audit.change() as change:
                added = store.add(change.connection, release, *events)
                for event in events:
                    _record(change, added, event)
        except IntegrityError as error:
            raise _busy(release.endpoint) from error
        return added

    def make(
        self, endpoint: EndpointRef, *moves: Move, policies: Sequence[str] = ()
    ) -> list[Release]:
        """Let events happen to releases of one endpoint, all or none, in this order.

        They are recorded with ``policies``, those that allowed them.

        Raises ``WrongMoment`` where a release's state does not admit its event, and
        ``EndpointBusy`` where two releases would be on their way in.
        """
        moved = []
        try:
            with self._audit.change() as change:
                releases = store.lock(change.connection, endpoint)
                for release_id, event in moves:
                    after = advance(releases[release_id], event)
                    store.save(change.connection, after, event)
                    releases[release_id] = after
                    moved.append(after)
                    _record(change, after, event, policies)
                store.want(change.connection, endpoint, desired_traffic(list(releases.values())))
        except IntegrityError as error:
            raise _busy(endpoint) from error
        return moved

    def apply(self, endpoint: EndpointRef) -> None:
        """Tell the endpoint what its releases ask for and move the alias, unless that was done.

        What cannot be reached is logged and left for the next call.
        """
        with self._database.read() as connection:
            traffic = store.unapplied(connection, endpoint)
        if traffic is None:
            return
        project = endpoint.project_ref
        try:
            records = [self._registry.get(project, version) for version in traffic.weights]
            self._endpoints.set_traffic(endpoint, traffic.weights, records)
            present = self._registry.aliases(project).get(endpoint.environment)
            if traffic.live is not None and traffic.live != present:
                self._registry.set_alias(project, endpoint.environment, traffic.live)
        except NorthstarError as error:
            _LOG.warning("%s is not yet as its releases ask: %s", endpoint, error.message)
            return
        with self._database.begin() as connection:
            store.mark_applied(connection, endpoint, traffic)


def _record(change: Change, release: Release, event: Event, policies: Sequence[str] = ()) -> None:
    told: dict[str, JsonValue] = {
        "release": release.id,
        "version": release.version,
        "reason": event.reason,
    }
    if policies:
        told["policies"] = [*policies]
    change.record(event.by, f"release:{event.kind}", release.endpoint.scope, **told)


def _busy(endpoint: EndpointRef) -> EndpointBusy:
    return EndpointBusy(
        f"Another release is on its way into {endpoint}.",
        hint="Wait until it is live, or take it back: northstar release rollback.",
    )
