"""A release and its life, as a pure function from events to states.

    proposed ─► approved ─► rolling-out ─► live ─► superseded
       │  │        │            │           │  ▲       │
       │  │        │            │           │  └───────┘ restored, when its successor is rolled back
       │  └─────► rejected      └────────► rolled-back
       └─► refused (by the gate)          failed: approved, but could not begin or be served

``advance(release, event)`` gives the release after the event or raises ``WrongMoment``. Every
event is kept in the release's log with who did it and why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from northstar.names import EndpointRef, EnvironmentName
from northstar.release.errors import WrongMoment
from northstar.serving.domain import VersionCounters
from northstar.standards.domain import Verdict

ReleaseState = Literal[
    "proposed",
    "refused",
    "approved",
    "rolling-out",
    "live",
    "superseded",
    "rolled-back",
    "rejected",
    "failed",
]
GuardName = Literal["errors", "latency", "predictions"]
Percent = Annotated[float, Field(gt=0, le=99)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class RolloutPlan(_Value):
    """How traffic moves to the new version.

    ``direct`` gives it everything at once; ``canary`` gives it the ``steps`` (percent, growing) one
    after another, then everything. A step is passed after ``min_requests`` of the canary and
    ``min_seconds``, and given up after ``max_seconds``. ``guards`` watch during all of it:
    ``alpha`` bounds the chance that those that test roll back a good version in this rollout;
    ``latency`` objects when the canary's p99 exceeds ``max_latency_ratio`` times the live one's and
    ``latency_floor_ms``; ``predictions`` when its mean lies more than ``max_prediction_shift``
    standard deviations of the live predictions from theirs.
    """

    kind: Literal["direct", "canary"] = "canary"
    steps: tuple[Percent, ...] = (5.0, 25.0)
    min_requests: Annotated[int, Field(ge=1)] = 200
    min_seconds: Annotated[float, Field(ge=0)] = 60.0
    max_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    guards: tuple[GuardName, ...] = ("errors", "latency", "predictions")
    alpha: Annotated[float, Field(gt=0, le=0.1)] = 0.01
    max_latency_ratio: Annotated[float, Field(ge=1)] = 2.0
    latency_floor_ms: Annotated[float, Field(ge=0)] = 25.0
    max_prediction_shift: Annotated[float, Field(gt=0)] = 2.0

    @model_validator(mode="after")
    def _is_a_way_forward(self) -> Self:
        if self.kind == "canary" and not self.steps:
            raise ValueError("a canary needs at least one step")
        if any(
            later <= earlier for earlier, later in zip(self.steps, self.steps[1:], strict=False)
        ):
            raise ValueError("the steps of a canary must grow")
        return self


DIRECT = RolloutPlan(kind="direct", steps=())
CANARY = RolloutPlan()


def usual_plan(environment: EnvironmentName) -> RolloutPlan:
    """The plan of a release that asks for none: a canary in prod, elsewhere everything at once."""
    return CANARY if environment == "prod" else DIRECT


def approvals_needed(environment: EnvironmentName) -> int:
    """How many people other than proposer and registrant must agree."""
    return 1 if environment == "prod" else 0


class StepStart(_Value):
    """Where a step began: the moment, and what both versions had counted until then."""

    at: datetime
    canary: VersionCounters
    live: VersionCounters | None = None


class Release(_Value):
    """One version's way into one environment.

    ``steps`` are the shares that this rollout really takes (none when direct), ``step`` the present
    one, ``share`` the percent of traffic wanted for the version now. ``replaces`` is the release
    that was live when this one began. ``asked_by`` is whose wish the platform carried out when it
    proposed: who started the job; ``started_by`` who started the run that made the version, where
    the platform ran it. ``traceparent`` is its place in the trace of what led to it; what happens
    to it goes on from there.
    """

    id: int
    squad: str
    project: str
    environment: EnvironmentName
    version: int
    digest: str
    state: ReleaseState = "proposed"
    plan: RolloutPlan
    proposed_by: str
    asked_by: str = ""
    registered_by: str
    started_by: str = ""
    approvals_needed: int
    approved_by: tuple[str, ...] = ()
    verdict: Verdict | None = None
    note: str = ""
    steps: tuple[float, ...] = ()
    step: int = 0
    share: float = 0.0
    step_start: StepStart | None = None
    replaces: int | None = None
    reason: str = ""
    traceparent: str = ""
    created_at: datetime
    updated_at: datetime

    @property
    def endpoint(self) -> EndpointRef:
        """The endpoint that this release is for."""
        return EndpointRef(self.squad, self.project, self.environment)

    @property
    def authors(self) -> dict[str, str]:
        """Whose approval would be of their own work, as the policies want to know it."""
        return {
            "proposed_by": self.asked_by or self.proposed_by,
            "registered_by": self.started_by or self.registered_by,
        }

    @property
    def programs(self) -> list[str]:
        """The services that had a hand in it."""
        hands = (self.proposed_by, self.asked_by, self.registered_by, self.started_by)
        return sorted({hand for hand in hands if hand.startswith("service:")})

    @property
    def name(self) -> str:
        """For messages, for example ``Release 4 (operations/late-arrival/prod v2)``."""
        return f"Release {self.id} ({self.endpoint} v{self.version})"


class _Event(_Value):
    """Something that happened to a release: when, by whom, and why in words."""

    at: datetime
    by: str
    reason: str = ""


class Proposed(_Event):
    """The release was asked for; the first event of every log."""

    kind: Literal["proposed"] = "proposed"


class Gated(_Event):
    """The standards were asked."""

    kind: Literal["gated"] = "gated"
    verdict: Verdict


class Approved(_Event):
    """Somebody else agreed."""

    kind: Literal["approved"] = "approved"


class Rejected(_Event):
    """Somebody objected before the rollout began."""

    kind: Literal["rejected"] = "rejected"


class Began(_Event):
    """The rollout began with these steps (none: everything at once)."""

    kind: Literal["began"] = "began"
    steps: tuple[float, ...]
    start: StepStart
    replaces: int | None = None


class StepPassed(_Event):
    """A canary step was good; the next one begins."""

    kind: Literal["step-passed"] = "step-passed"
    step: int
    start: StepStart


class Completed(_Event):
    """The version has all traffic."""

    kind: Literal["completed"] = "completed"


class RolledBack(_Event):
    """The version lost its traffic."""

    kind: Literal["rolled-back"] = "rolled-back"


class Superseded(_Event):
    """Another release went live in its place."""

    kind: Literal["superseded"] = "superseded"


class Restored(_Event):
    """Its successor was rolled back, and it is live again."""

    kind: Literal["restored"] = "restored"


class Broke(_Event):
    """It could not go on."""

    kind: Literal["broke"] = "broke"


Event = (
    Proposed
    | Gated
    | Approved
    | Rejected
    | Began
    | StepPassed
    | Completed
    | RolledBack
    | Superseded
    | Restored
    | Broke
)
AnyEvent = Annotated[Event, Field(discriminator="kind")]


class Hold(_Value):
    """What keeps everything new from an endpoint for a while: why and until when, and what is
    possible all the same. Rollbacks are not kept from anything.
    """

    reason: str
    way_out: str


class ReleaseView(_Value):
    """A release with its log, and what the loop thinks of a rollout under way."""

    release: Release
    events: list[AnyEvent]
    outlook: str = ""


ADMITTED: dict[type[_Event], tuple[ReleaseState, ...]] = {
    Gated: ("proposed",),
    Approved: ("proposed",),
    Rejected: ("proposed", "approved"),
    Began: ("approved",),
    StepPassed: ("rolling-out",),
    Completed: ("rolling-out",),
    RolledBack: ("rolling-out", "live"),
    Superseded: ("live",),
    Restored: ("superseded",),
    Broke: ("approved", "rolling-out"),
}
"""In which states an event can happen."""


def advance(release: Release, event: Event) -> Release:
    """The release after the event; raises ``WrongMoment`` where its state does not admit it."""
    admitted = ADMITTED.get(type(event), ())
    if release.state not in admitted:
        raise WrongMoment(
            f"{release.name} is {release.state}; that does not admit '{event.kind}'.",
            hint=f"It would have to be {' or '.join(admitted)}." if admitted else "",
        )
    changes = _changes(release, event)
    return release.model_copy(
        update={**changes, "updated_at": event.at, "reason": event.reason or release.reason}
    )


def _changes(release: Release, event: Event) -> dict[str, object]:
    match event:
        case Gated(verdict=verdict):
            open_gate = "proposed" if release.approvals_needed else "approved"
            return {"state": open_gate if verdict.passed else "refused", "verdict": verdict}
        case Approved():
            if release.verdict is None or not release.verdict.passed:
                raise WrongMoment(f"{release.name} has not passed the gate.")
            approved_by = (*release.approved_by, event.by)
            enough = len(set(approved_by)) >= release.approvals_needed
            return {"state": "approved" if enough else "proposed", "approved_by": approved_by}
        case Began():
            return {
                "state": "rolling-out",
                "steps": event.steps,
                "step": 0,
                "share": event.steps[0] if event.steps else 100.0,
                "step_start": event.start,
                "replaces": event.replaces,
            }
        case StepPassed():
            following = release.step + 1
            if event.step != release.step or following >= len(release.steps):
                raise WrongMoment(f"{release.name} has no step to pass after {event.step}.")
            return {
                "step": following,
                "share": release.steps[following],
                "step_start": event.start,
            }
        case Completed():
            if release.step + 1 < len(release.steps):
                raise WrongMoment(f"{release.name} has steps left to pass.")
            return {"state": "live", "share": 100.0, "step_start": None}
        case Restored():
            return {"state": "live", "share": 100.0}
        case Rejected():
            return {"state": "rejected"}
        case Superseded():
            return {"state": "superseded", "share": 0.0}
        case RolledBack():
            return {"state": "rolled-back", "share": 0.0, "step_start": None}
        case Broke():
            return {"state": "failed", "share": 0.0, "step_start": None}
        case Proposed():
            return {}


def forbids_approval(
    release: Release,
    principal_id: str,
    key_makers: Callable[[str], Collection[str]] = lambda program: (),
) -> str | None:
    """Why this principal may not approve this release, or ``None`` if it may.

    Four eyes: not who proposed the release or started the job that did, not who registered the
    version or started the run that did, and not who made a credential of a program that did one of
    these. What the platform proposed by itself may be approved by any approver. A program's
    approval would be that of whoever wrote it.

    Args:
        key_makers: who ever made a credential of a program.
    """
    if not principal_id.startswith("user:"):
        return "an approval is a person's decision, not a program's"
    if principal_id == release.proposed_by:
        return "who proposed a release may not approve it"
    if principal_id == release.asked_by:
        return "who started the job that proposed a release may not approve it"
    if principal_id == release.registered_by:
        return "who registered the version may not approve its release"
    if principal_id == release.started_by:
        return "who started the run that made the version may not approve its release"
    for program in release.programs:
        if principal_id in key_makers(program):
            return f"who made a credential of {program} may not approve what came by way of it"
    if principal_id in release.approved_by:
        return "it already has your approval"
    return None
