"""Proposing, approving, rolling out and rolling back releases."""

from __future__ import annotations

import logging

from pydantic import JsonValue

from northstar.access.domain import Principal
from northstar.access.service import AccessService
from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import Conflict, NotFound, PartlyFailed
from northstar.names import EndpointRef, EnvironmentName, ProjectRef
from northstar.registry.domain import VersionRecord, VersionUse
from northstar.registry.service import RegistryService
from northstar.release import domain, store
from northstar.release.canary import require_a_trigger
from northstar.release.domain import (
    Event,
    Hold,
    Release,
    ReleaseState,
    ReleaseView,
    RolloutPlan,
    advance,
)
from northstar.release.errors import EnvironmentFrozen, FourEyes
from northstar.release.moves import Endpoints, Moves
from northstar.release.rollout import (
    RELEASER,
    CanaryEvidenceSource,
    Holds,
    Rollouts,
    in_state,
    unmet,
)
from northstar.standards.domain import Verdict
from northstar.standards.service import StandardsService
from northstar.telemetry import trace_context

_LOG = logging.getLogger(__name__)
_OPEN = ("proposed", "approved", "rolling-out")


class ReleaseService:
    """All releases; safe to share between threads and replicas.

    Args:
        access: decides on approvals and keeps the audit.
        holds: what keeps everything new from an endpoint, such as a freeze of its environment.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        registry: RegistryService,
        standards: StandardsService,
        endpoints: Endpoints,
        evidence: CanaryEvidenceSource,
        access: AccessService,
        holds: Holds,
    ) -> None:
        self._database = database
        self._clock = clock
        self._registry = registry
        self._standards = standards
        self._access = access
        self._holds = holds
        self._moves = Moves(database, registry, endpoints, access.audit)
        self._rollouts = Rollouts(clock, registry, standards, endpoints, evidence, holds)

    def propose(
        self,
        endpoint: EndpointRef,
        version: int,
        principal: Principal,
        rollout: RolloutPlan | None = None,
        note: str = "",
        asked_by: str = "",
    ) -> Release:
        """Ask for a version to go to an endpoint; the gate answers at once.

        Where no approval is needed, the rollout begins with the next step of the loop. Proposing
        what is already on its way gives that release back; the platform, whose jobs may be killed
        and repeated, gets what became of its own proposal. Raises ``NotFound`` for the version,
        ``BlindRollout`` for a plan under which nothing could trigger a rollback, ``Conflict`` if
        the version is live, ``EndpointBusy`` if another release is on its way in,
        ``EnvironmentFrozen`` while the environment is.

        Args:
            asked_by: whose wish the platform carries out with this; they may not approve it.
        """
        record = self._registry.get(endpoint.project_ref, version)
        plan = rollout or domain.usual_plan(endpoint.environment)
        require_a_trigger(plan)
        releases = self.releases(endpoint)
        for known in releases:
            if known.version == version and (known.state in _OPEN or _own(known, principal)):
                return known
            if known.version == version and known.state == "live":
                raise Conflict(f"{endpoint} serves v{version} already (release {known.id}).")
        self._require_thaw(endpoint, "release:propose", principal, version)
        live = in_state(releases, "live")
        verdict = self._standards.judge(
            record, endpoint.environment, live.version if live else None
        )
        release, events = self._proposal(endpoint, record, plan, verdict, principal, note, asked_by)
        return self._moves.add(release, *events)

    def approve(
        self, endpoint: EndpointRef, release_id: int, principal: Principal, reason: str = ""
    ) -> Release:
        """Agree to a release.

        Raises ``NotAllowed``, ``NotFound``, ``FourEyes`` for its proposer and the version's
        registrant, ``WrongMoment`` unless it is proposed, ``EndpointBusy`` if another release is on
        its way in, ``EnvironmentFrozen`` while the environment is.
        """
        release = self._to_approve(endpoint, release_id, principal)
        if objection := self.objection(release, principal):
            told: dict[str, JsonValue] = {"release": release_id, "version": release.version}
            self._deny(endpoint, "release:approve", principal, objection, **told)
            raise FourEyes(
                f"{principal.id} may not approve {release.name}: {objection}.",
                hint="Ask somebody else who may approve here: `northstar role list`.",
            )
        allowed = self._access.check(
            principal, "release:approve", endpoint.scope, **release.authors
        )
        self._require_thaw(endpoint, "release:approve", principal, release.version)
        event = domain.Approved(at=self._clock.now(), by=principal.id, reason=reason)
        return self._moves.make(endpoint, (release_id, event), policies=allowed.reasons)[0]

    def objection(self, release: Release, principal: Principal) -> str | None:
        """Why a release needs somebody else's approval than this one's, whatever their role."""
        return domain.forbids_approval(release, principal.id, self._access.credentials.key_makers)

    def reject(
        self, endpoint: EndpointRef, release_id: int, principal: Principal, reason: str
    ) -> Release:
        """Object to a release before its rollout begins; raises ``WrongMoment`` after that."""
        self.get(endpoint, release_id)
        event = domain.Rejected(at=self._clock.now(), by=principal.id, reason=reason)
        return self._moves.make(endpoint, (release_id, event))[0]

    def rollback(self, endpoint: EndpointRef, reason: str, principal: Principal) -> Release:
        """Take traffic back; returns the release that lost it.

        A rollout under way returns its share to the live version. Otherwise the live release
        returns all of it to the one that it replaced, which is live again. Raises ``Conflict``
        where there is nothing to go back to.
        """
        now = self._clock.now()
        releases = self.releases(endpoint)
        live = in_state(releases, "live")
        back = domain.RolledBack(at=now, by=principal.id, reason=reason)
        if rolling := in_state(releases, "rolling-out"):
            moved = self._moves.make(endpoint, (rolling.id, back))
        else:
            earlier = next((one for one in releases if live and one.id == live.replaces), None)
            if live is None or earlier is None or earlier.state != "superseded":
                raise Conflict(
                    f"{endpoint} has no earlier version to go back to.",
                    hint="Release a version that is good: northstar release propose.",
                )
            why = f"Release {live.id} (v{live.version}) was rolled back: {reason}"
            restored = domain.Restored(at=now, by=principal.id, reason=why)
            moved = self._moves.make(endpoint, (live.id, back), (earlier.id, restored))
        self._moves.apply(endpoint)
        return moved[0]

    def get(self, endpoint: EndpointRef, release_id: int) -> Release:
        """One release; raises ``NotFound``."""
        with self._database.read() as connection:
            release = store.one(connection, endpoint, release_id)
        if release is None:
            raise NotFound(
                f"{endpoint} has no release {release_id}.",
                hint=f"`northstar release list {endpoint}` shows what there is.",
            )
        return release

    def releases(self, endpoint: EndpointRef) -> list[Release]:
        """All releases of an endpoint, newest first."""
        with self._database.read() as connection:
            return store.of_endpoint(connection, endpoint)

    def waiting(self) -> list[Release]:
        """All releases that wait for an approval, oldest first."""
        with self._database.read() as connection:
            return store.waiting(connection)

    def counts(self) -> dict[tuple[EnvironmentName, ReleaseState], int]:
        """How many releases there are, by environment and state."""
        with self._database.read() as connection:
            return store.counts(connection)

    def events(self, endpoint: EndpointRef, release_id: int) -> list[Event]:
        """A release's log, oldest first; raises ``NotFound``."""
        self.get(endpoint, release_id)
        with self._database.read() as connection:
            return store.events_of(connection, release_id)

    def uses(self, project: ProjectRef, version: int) -> list[VersionUse]:
        """Where a version was released to, newest first."""
        with self._database.read() as connection:
            found = store.of_version(connection, project, version)
        return [
            VersionUse(
                environment=one.environment, release=one.id, state=one.state, since=one.updated_at
            )
            for one in found
        ]

    def view(self, endpoint: EndpointRef, release_id: int) -> ReleaseView:
        """One release, its log, and what is thought of a rollout; raises ``NotFound``."""
        release = self.get(endpoint, release_id)
        return ReleaseView(
            release=release,
            events=self.events(endpoint, release_id),
            outlook=self._rollouts.outlook(release),
        )

    def hold(self, endpoint: EndpointRef) -> Hold | None:
        """What keeps everything new from an endpoint now, if something does."""
        return self._holds(endpoint)

    def step(self) -> int:
        """Take every endpoint one step towards what its releases ask for; how many moved.

        It may be killed anywhere and called again. What fails at one endpoint is logged, does not
        keep the others, and is tried again with the next step; ``PartlyFailed`` names them.
        """
        with self._database.read() as connection:
            endpoints = store.unsettled(connection)
        moved, failed = 0, []
        for endpoint in endpoints:
            try:
                moved += self._step(endpoint)
            except Exception:  # noqa: BLE001 - one endpoint's trouble must not keep the others
                _LOG.exception("the step of %s failed", endpoint)
                failed.append(str(endpoint))
        if failed:
            raise PartlyFailed(f"Releases failed at {', '.join(failed)}; the log has the reasons.")
        return moved

    def _step(self, endpoint: EndpointRef) -> bool:
        self._moves.apply(endpoint)
        due = self._rollouts.due(self.releases(endpoint))
        if due:
            self._moves.make(endpoint, *due)
            self._moves.apply(endpoint)
        return bool(due)

    def _to_approve(self, endpoint: EndpointRef, release_id: int, principal: Principal) -> Release:
        """The release; who may not read it, or asks for none, is told first what they may not do.

        Whoever may read it learns next whether it is their own work, which no role would change.
        """
        if self._access.allowed(principal, "release:read", endpoint.scope):
            with self._database.read() as connection:
                if found := store.one(connection, endpoint, release_id):
                    return found
        self._access.check(principal, "release:approve", endpoint.scope)
        return self.get(endpoint, release_id)

    def _require_thaw(
        self, endpoint: EndpointRef, action: str, principal: Principal, version: int
    ) -> None:
        if hold := self._holds(endpoint):
            self._deny(endpoint, action, principal, hold.reason, version=version)
            raise EnvironmentFrozen(hold.reason, hint=hold.way_out)

    def _deny(
        self, endpoint: EndpointRef, action: str, by: Principal, reason: str, **told: JsonValue
    ) -> None:
        self._access.audit.record(
            by.id, action, endpoint.scope, "denied", {**told, "reason": reason}
        )

    def _proposal(
        self,
        endpoint: EndpointRef,
        record: VersionRecord,
        plan: RolloutPlan,
        verdict: Verdict,
        principal: Principal,
        note: str,
        asked_by: str,
    ) -> tuple[Release, list[Event]]:
        now = self._clock.now()
        release = Release(
            id=0,
            squad=endpoint.squad,
            project=endpoint.project,
            environment=endpoint.environment,
            version=record.version,
            digest=record.digest,
            plan=plan,
            proposed_by=principal.id,
            asked_by=asked_by,
            registered_by=record.registered_by,
            started_by=record.started_by,
            approvals_needed=domain.approvals_needed(endpoint.environment),
            note=note,
            traceparent=str(trace_context.lasting()),
            created_at=now,
            updated_at=now,
        )
        asked = domain.Proposed(at=now, by=principal.id, reason=note)
        answer = "All standards are met." if verdict.passed else f"Refused. {unmet(verdict)}"
        gated = domain.Gated(at=now, by=RELEASER, reason=answer, verdict=verdict)
        return advance(release, gated), [asked, gated]


def _own(release: Release, principal: Principal) -> bool:
    return principal.kind == "platform" and release.proposed_by == principal.id
