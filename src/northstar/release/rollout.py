"""What should happen next to an endpoint's releases: looks, decides, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from northstar.clock import Clock
from northstar.errors import Conflict, NotFound
from northstar.names import EndpointRef
from northstar.registry.service import RegistryService
from northstar.release import domain
from northstar.release.canary import CanaryEvidence, Decision, decide_step, since
from northstar.release.direct import decide_direct
from northstar.release.domain import Event, Hold, Release, ReleaseState, StepStart
from northstar.release.moves import Endpoints, Move
from northstar.serving.domain import VersionCounters
from northstar.standards.domain import Verdict
from northstar.standards.service import StandardsService

RELEASER = "platform:release"

Holds = Callable[[EndpointRef], Hold | None]
"""What keeps everything new from an endpoint now, if something does."""


class CanaryEvidenceSource(Protocol):
    """Where the counts come from by which a canary is judged."""

    def counters(self, endpoint: EndpointRef, version: int) -> VersionCounters:
        """What a version has done at an endpoint, cumulative; zeros before its first request."""
        ...


class Rollouts:
    """Looks at an endpoint's releases and says which events are due."""

    def __init__(
        self,
        clock: Clock,
        registry: RegistryService,
        standards: StandardsService,
        endpoints: Endpoints,
        evidence: CanaryEvidenceSource,
        holds: Holds,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._standards = standards
        self._endpoints = endpoints
        self._evidence = evidence
        self._holds = holds

    def due(self, releases: Sequence[Release]) -> list[Move]:
        """The events that are due among one endpoint's releases; none means wait.

        While something holds, nothing begins and no version gets more traffic than it has; what
        takes traffic back is due all the same.
        """
        live = in_state(releases, "live")
        if rolling := in_state(releases, "rolling-out"):
            return self._next(rolling, live)
        approved = in_state(releases, "approved")
        if approved is None or self._holds(approved.endpoint):
            return []
        return [(approved.id, self._beginning(approved, live))]

    def outlook(self, release: Release) -> str:
        """What a release waits for, in words; empty if for nothing."""
        if release.state not in ("proposed", "approved", "rolling-out"):
            return ""
        hold = self._holds(release.endpoint)
        told = self.decision(release).reason if release.state == "rolling-out" else ""
        return " ".join(part for part in (told, hold.reason if hold else "") if part)

    def decision(self, release: Release) -> Decision:
        """What is to be thought of a release that is rolling out, as things stand now."""
        start, endpoint = release.step_start, release.endpoint
        if start is None:
            raise Conflict(f"{release.name} is not rolling out.")
        seconds = (self._clock.now() - start.at).total_seconds()
        if release.steps and start.live is not None:
            counters = self._evidence.counters
            canary = since(counters(endpoint, release.version), start.canary)
            live = since(counters(endpoint, start.live.version), start.live)
            return decide_step(release.plan, CanaryEvidence(seconds, canary, live))
        try:
            view = self._endpoints.view(endpoint)
        except NotFound:
            view = None
        return decide_direct(release, seconds, view)

    def _beginning(self, release: Release, live: Release | None) -> Event:
        """Start an approved release, after a last look at whether it still is what was approved."""
        now = self._clock.now()
        record = self._registry.get(release.endpoint.project_ref, release.version)
        if record.digest != release.digest:
            return domain.Broke(at=now, by=RELEASER, reason="The model is not the approved one.")
        verdict = self._standards.judge(record, release.environment, live.version if live else None)
        if not verdict.passed:
            reason = f"Meanwhile the gate has closed. {unmet(verdict)}"
            return domain.Broke(at=now, by=RELEASER, reason=reason)
        steps = release.plan.steps if release.plan.kind == "canary" and live else ()
        reason = f"Canary with {steps[0]:g} % of the traffic." if steps else "All traffic at once."
        if release.plan.kind == "canary" and not live:
            reason = "All traffic at once: nothing is live that a canary could be compared with."
        return domain.Began(
            at=now,
            by=RELEASER,
            reason=reason,
            steps=steps,
            start=self._step_start(release, live, now),
            replaces=live.id if live else None,
        )

    def _next(self, release: Release, live: Release | None) -> list[Move]:
        now, decision = self._clock.now(), self.decision(release)
        if decision.kind == "wait":
            return []
        if decision.kind == "roll-back":
            kind = domain.RolledBack if live else domain.Broke
            return [(release.id, kind(at=now, by=RELEASER, reason=decision.reason))]
        if release.share < 100 and self._holds(release.endpoint):
            return []
        following = release.step + 1
        if following < len(release.steps):
            passed = domain.StepPassed(
                at=now,
                by=RELEASER,
                reason=f"{decision.reason} Next: {release.steps[following]:g} %.",
                step=release.step,
                start=self._step_start(release, live, now),
            )
            return [(release.id, passed)]
        completed = domain.Completed(at=now, by=RELEASER, reason=decision.reason)
        if live is None:
            return [(release.id, completed)]
        why = f"Release {release.id} (v{release.version}) went live."
        return [
            (live.id, domain.Superseded(at=now, by=RELEASER, reason=why)),
            (release.id, completed),
        ]

    def _step_start(self, release: Release, live: Release | None, now: datetime) -> StepStart:
        counters = self._evidence.counters
        return StepStart(
            at=now,
            canary=counters(release.endpoint, release.version),
            live=counters(release.endpoint, live.version) if live else None,
        )


def in_state(releases: Sequence[Release], state: ReleaseState) -> Release | None:
    """The newest release in this state."""
    return next((one for one in releases if one.state == state), None)


def unmet(verdict: Verdict) -> str:
    """What keeps the gate closed, in one line."""
    return " ".join(f"{result.title}: {result.measured}" for result in verdict.unmet)
