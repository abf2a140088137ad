"""What a page shows: plain values, gathered from the services and handed to a template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from northstar.access.credentials.domain import EndingCredential
from northstar.access.domain import Outcome
from northstar.environments.domain import (
    Environment,
    Infrastructure,
    PolicyFinding,
    StoredReport,
)
from northstar.environments.freezes import Exemption, Freeze
from northstar.names import EndpointRef, EnvironmentName, ProjectRef
from northstar.platform.web.charts import Chart, Comparison, Forest, Matrix
from northstar.registry.domain import VersionRecord
from northstar.standards.domain import Verdict


@dataclass(frozen=True)
class Shell:
    """What every page carries: who looks at it, what waits, and the token of its forms."""

    principal: str
    csrf: str
    waiting: int
    alerts: int
    reads_audit: bool


@dataclass(frozen=True)
class Happening:
    """Something that happened: when, through whom, and what."""

    at: datetime
    who: str
    text: str
    state: str = ""


@dataclass(frozen=True)
class Share:
    """The percentage of an endpoint's traffic that one version gets."""

    version: int
    percent: float


@dataclass(frozen=True)
class EndpointCard:
    """One endpoint, as it was last heard of.

    ``state`` is ``serving``, ``canary``, ``starting``, ``silent``, ``faulty`` or ``idle``.
    """

    ref: EndpointRef
    state: str
    shares: tuple[Share, ...]
    url: str | None = None
    requests: int = 0
    errors: int = 0
    latency_ms_p50: float | None = None
    latency_ms_p99: float | None = None
    captured: int = 0
    dropped: int = 0
    last_seen_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Comment:
    """A labelled sentence."""

    label: str
    text: str


@dataclass(frozen=True)
class ReleaseCard:
    """One release.

    ``why_not`` says why the viewer may not approve it; empty if they may. ``outlook`` says what a
    rollout under way waits for.
    """

    ref: EndpointRef
    id: int
    version: int
    state: str
    plan: str
    proposed_by: str
    proposed_at: datetime
    note: str = ""
    events: tuple[Happening, ...] = ()
    outlook: str = ""
    verdict: Verdict | None = None
    record: VersionRecord | None = None
    why_not: str = ""
    may_reject: bool = False
    trace: str = ""


@dataclass(frozen=True)
class AlertCard:
    """One alert. ``may_manage`` says whether the viewer may acknowledge and resolve it;
    ``predictions`` are the traces of some that led to it. ``ref`` is ``None`` for an alert about
    the environment ``subject``; ``place`` is where the page's forms are sent.
    """

    ref: EndpointRef | None
    subject: str
    place: str
    id: int
    kind: str
    state: str
    title: str
    window_start: datetime | None
    window_end: datetime | None
    raised_at: datetime
    windows: int = 1
    version: int | None = None
    findings: tuple[str, ...] = ()
    history: tuple[Happening, ...] = ()
    may_manage: bool = False
    trace: str = ""
    predictions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProjectRow:
    """One project in the overview."""

    ref: ProjectRef
    description: str
    endpoints: tuple[EndpointCard, ...]
    unresolved_alerts: int


@dataclass(frozen=True)
class SquadSection:
    """One squad in the overview, with those of its projects that the viewer may see."""

    name: str
    description: str
    projects: tuple[ProjectRow, ...]


@dataclass(frozen=True)
class Overview:
    """The front page."""

    squads: tuple[SquadSection, ...]
    waiting: tuple[ReleaseCard, ...]
    alerts: tuple[AlertCard, ...]
    activity: tuple[Happening, ...]

    @property
    def projects(self) -> int:
        """How many projects are shown."""
        return sum(len(squad.projects) for squad in self.squads)


@dataclass(frozen=True)
class VersionRow:
    """One version in a project's list; ``live_in`` are the environments that it serves."""

    record: VersionRecord
    live_in: tuple[EnvironmentName, ...]


@dataclass(frozen=True)
class Metering:
    """What the monitor has seen of one endpoint: how far, how much, and how it went."""

    performance: Chart | None
    drift: Chart | None
    features: Matrix | None
    watermark: datetime | None = None
    predictions: int = 0
    labels: int = 0
    corrupt_segments: int = 0


@dataclass(frozen=True)
class Judged:
    """A verdict, and the release that it was given for; ``None`` if it is as of now."""

    verdict: Verdict
    release: ReleaseCard | None


@dataclass(frozen=True)
class ProjectPage:
    """A model product: what serves, how well, and how it came there."""

    ref: ProjectRef
    description: str
    environment: EnvironmentName
    endpoints: tuple[EndpointCard, ...]
    metering: Metering
    alerts: tuple[AlertCard, ...]
    versions: tuple[VersionRow, ...]
    older_versions: int
    releases: tuple[ReleaseCard, ...]
    latest: VersionRecord | None
    judged: Judged | None
    comparisons: tuple[Comparison, ...]
    jobs: tuple[Happening, ...] = ()


@dataclass(frozen=True)
class VersionPage:
    """One version: what was measured of it, where it came from, and where it went."""

    ref: ProjectRef
    record: VersionRecord
    environment: EnvironmentName
    judged: Judged
    comparisons: tuple[Comparison, ...]
    forest: Forest | None
    releases: tuple[ReleaseCard, ...]


@dataclass(frozen=True)
class AlertsPage:
    """Alerts under a filter."""

    alerts: tuple[AlertCard, ...]
    state: str
    kind: str
    project: str
    projects: tuple[str, ...]


@dataclass(frozen=True)
class FreezeCard:
    """One freeze that has not ended; ``exemptions`` are those that hold."""

    freeze: Freeze
    state: str
    exemptions: tuple[Exemption, ...]
    may_change: bool


@dataclass(frozen=True)
class EnvironmentCard:
    """One environment, as far as its viewer may see it.

    ``state`` says how its infrastructure stands to its code. ``detailed`` is whether the viewer may
    see which resources are concerned, ``squads`` for whom they may freeze releases (empty text: for
    everybody).
    """

    environment: Environment
    infrastructure: Infrastructure
    state: str
    freezes: tuple[FreezeCard, ...]
    exposed: tuple[str, ...]
    differences: tuple[str, ...]
    findings: tuple[PolicyFinding, ...]
    reports: tuple[StoredReport, ...]
    detailed: bool
    may_describe: bool
    squads: tuple[str, ...]

    @property
    def frozen(self) -> bool:
        """Whether a freeze holds now, for everybody or for some."""
        return any(one.state == "frozen" for one in self.freezes)


@dataclass(frozen=True)
class Holding:
    """A role that somebody has; ``scope`` is where it was given, ``inherited`` if that is above."""

    assignment: int
    scope: str
    expires_at: datetime | None
    assigned_by: str
    inherited: bool
    may_take: bool


@dataclass(frozen=True)
class HolderRow:
    """One principal in the matrix of roles, with what it has in each column."""

    principal: str
    cells: tuple[tuple[Holding, ...], ...]


@dataclass(frozen=True)
class ElevationCard:
    """A request for a role for some hours, and what its viewer may do about it."""

    id: int
    principal: str
    role: str
    scope: str
    reason: str
    hours: float
    state: str
    requested_at: datetime
    expires_at: datetime | None
    decided_by: str | None
    remark: str
    may_decide: bool
    may_withdraw: bool
    may_end: bool


@dataclass(frozen=True)
class AccessPage:
    """Who has what in a scope, and who would like to.

    ``columns`` are the roles that somebody has there. ``givable`` are the roles that the viewer may
    give there; none, where they may give none. ``ending`` is what the viewer has to replace soon.
    """

    scope: str
    scopes: tuple[str, ...]
    ending: tuple[EndingCredential, ...]
    columns: tuple[str, ...]
    rows: tuple[HolderRow, ...]
    all_seen: bool
    givable: tuple[str, ...]
    principals: tuple[str, ...]
    askable: tuple[str, ...]
    requests: tuple[ElevationCard, ...]
    meanings: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AuditRow:
    """One entry of the audit."""

    sequence: int
    at: datetime
    principal: str
    action: str
    scope: str
    outcome: str
    detail: tuple[Comment, ...]
    credential: str = ""
    address: str = ""


@dataclass(frozen=True)
class AuditFilter:
    """What the audit page was asked to show; empty text means no restriction."""

    principal: str = ""
    action: str = ""
    without: str = ""
    scope: str = ""
    outcome: Outcome | Literal[""] = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True)
class AuditPage:
    """A stretch of the audit; the links are query strings, ``None`` where there is no more."""

    rows: tuple[AuditRow, ...]
    wanted: AuditFilter
    newest: str | None
    older: str | None
