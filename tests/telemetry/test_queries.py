"""The queries of alert rules, workbook and documentation ask for what is really sent, by name and
by value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from starlette.testclient import TestClient

from northstar.access.audit.azure_monitor import AzureMonitorAudit
from northstar.access.audit.export import AuditExport
from northstar.access.domain import Outcome
from northstar.monitoring.domain import AlertKind, AlertState
from northstar.names import EndpointRef
from northstar.pipeline.jobs.domain import JobState
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import build
from northstar.release.domain import ReleaseState
from northstar.serving.dataplane.telemetry import EndpointTelemetry
from northstar.serving.domain import EndpointStatus, VersionCounters
from northstar.telemetry.interface import Span
from northstar.telemetry.outbox import Outbox
from northstar.telemetry.sampling import Sampler
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from tests.platform.test_correlation import World
from tests.telemetry.receivers import Ingestion

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "infra" / "terraform" / "modules" / "observability"
GUIDE = ROOT / "docs" / "how-to" / "observing.md"
ENDPOINT = EndpointRef("operations", "late-arrival", "prod")
VALUES: dict[tuple[str, str], tuple[str, ...]] = {
    ("northstar.alert", "kind"): get_args(AlertKind),
    ("northstar.alert", "state"): get_args(AlertState),
    ("northstar.release", "state"): get_args(ReleaseState),
    ("northstar.job", "state"): get_args(JobState),
    ("northstar.audit", "outcome"): get_args(Outcome),
}
ALERTS = re.sub(r"\$\{[^}]+\}", "0", (MODULE / "main.alerts.tf").read_text())
BY = re.compile(r"\bsummarize [^|]* by ")
Sent = dict[str, set[str]]
"""Names of events, metrics or steps with their properties; requests are under their table's."""


def queries() -> dict[str, str]:
    """Every query of the module by its name, with what stands for another put in."""
    text = (MODULE / "main.alerts.tf").read_text() + (MODULE / "main.workbook.tf").read_text()
    opened = re.search(r'opened = "(.+)"', text)
    assert opened is not None
    found = re.findall(r'^\s+(?:query|"[^"]+")\s+= "(.*)"$', text, re.MULTILINE)
    return {query: query.replace("${local.opened}", opened[1]) for query in found}


def documented() -> list[str]:
    """The statements of the documentation's queries, but for names for constants."""
    found = re.findall(r"```kusto\n(.+?)```", GUIDE.read_text(), re.DOTALL)
    statements = [one.strip() for query in found for one in query.split(";")]
    return [one for one in statements if "|" in one]


QUERIES = list(queries().values())
DOCUMENTED = documented()


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """What a control plane with its releases, alerts and jobs, and an endpoint send to Azure."""
    with Ingestion() as ingestion:
        settings = TelemetrySettings(azure_monitor=ingestion.connection_string)
        _events(settings, ingestion, tmp_path_factory.mktemp("events"))
        _control_plane(settings, tmp_path_factory.mktemp("state"))
        _endpoint(settings)
        yield _properties(ingestion)


@pytest.mark.parametrize("query", [*QUERIES, *DOCUMENTED])
def test_a_query_asks_for_what_is_sent(sent: Sent, query: str) -> None:
    parts = re.findall(r"Name (?:==|in) (\(.+?\)|'.+?')", query)
    names = {name for part in parts for name in _quoted(part)} or {"AppRequests"}
    asked = set(re.findall(r"Properties\.(\w+)", query))
    asked |= set(re.findall(r"Properties\['([^']+)'\]", query))
    assert names <= set(sent)
    for prop in asked:
        assert any(prop in sent[name] for name in names), prop


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_compares_with_values_that_there_are(query: str) -> None:
    names = re.findall(r"Name == '([^']+)'", query)
    compared = re.findall(r"Properties\.(\w+) (?:==|in) (\(.+?\)|'.+?')", query)
    for prop, values in compared:
        if prop == "event":
            assert _quoted(values) == ["opened"]
        else:
            assert set(_quoted(values)) <= set(VALUES[names[0], prop])


def test_the_tables_of_the_queries_are_those_of_log_analytics() -> None:
    assert len(QUERIES) > 20
    tables = {re.split(r"[ ;]", query.rpartition("; ")[2])[0] for query in QUERIES}
    assert tables == {"AppEvents", "AppMetrics", "AppRequests", "_LogOperation", "Usage"}


def test_a_rule_that_is_by_nothing_knows_what_to_think_when_nothing_is_told() -> None:
    """Without rows such a ``summarize`` gives 0 for sums and counts, and null for all else."""
    by_nothing = [one for one in rules().values() if "summarize" in one and not BY.search(one)]
    assert len(by_nothing) >= 4
    for query in by_nothing:
        made = re.sub(r"coalesce\(\w+\(.+?\), 0\.0\)", "", query)
        assert not re.search(r"\b(max|min|avg|percentile|arg_|take_any)\w*\(", made), query


def test_no_replica_that_tells_of_itself_is_no_leader() -> None:
    asked = rules()["leader"].partition("| summarize ")[2]
    assert asked == "leading = coalesce(max(Sum), 0.0) | where leading < 1"


def test_what_a_rule_is_split_by_is_a_column_of_its_query() -> None:
    split = dict(
        re.findall(r"^    (\w+) = \{[^}]+?dimensions  = \[(.*?)\]\n    \}", ALERTS, re.M | re.S)
    )
    assert split.keys() == rules().keys()
    for name, query in rules().items():
        for column in re.findall(r'"(\w+)"', split[name]):
            assert re.search(rf"(project|by) [^|]*\b{column} = (tostring|strcat)\(", query), name
    assert not [name for name, query in rules().items() if "project =" in query and not split[name]]
    for kind in ("degradation", "quality", "drift", "rollback", "endpoint_errors"):
        assert split[kind] == '"endpoint"'


def rules() -> dict[str, str]:
    """The queries of the alert rules by the rules' names."""
    found = re.findall(r'^    (\w+) = \{[^}]+?      query       = "(.*)"$', ALERTS, re.M)
    return dict(found)


def test_the_documentation_has_queries() -> None:
    assert len(DOCUMENTED) == 3


def test_every_kind_of_alert_has_a_rule() -> None:
    told = " ".join(QUERIES)
    assert all(f"Properties.kind == '{kind}'" in told for kind in get_args(AlertKind))


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']+)'", text)


def _events(settings: TelemetrySettings, ingestion: Ingestion, folder: Path) -> None:
    world = World(folder)
    world.alert("retrain")
    world.monitor.step()
    world.jobs.step()
    world.released.register(1)
    world.machine.end({"version": 1})
    world.jobs.step()
    world.jobs.step()
    telemetry = start(settings, "northstar-control-plane", "test")
    Outbox(world.database, telemetry, world.released.clock).step()
    telemetry.close()
    audit = world.released.access.audit
    target = AzureMonitorAudit(ingestion.connection_string)
    assert AuditExport(world.database, audit, target).step() > 0
    world.database.close()


def _control_plane(settings: TelemetrySettings, folder: Path) -> None:
    telemetry = start(settings, "northstar-control-plane", "test")
    platform = build(Settings.embedded(folder, "127.0.0.1", 1), telemetry=telemetry)
    soon = timedelta(days=1)
    platform.access.directory.create("service", "ci", by="test", lasts=soon)
    with TestClient(create_app(platform)) as client:
        client.get("/api/squads")
        assert platform.loops._leading.wait(20)
        while not platform.loops.lags():
            pass
    platform.close()


def _endpoint(settings: TelemetrySettings) -> None:
    telemetry = start(settings, "northstar-endpoint", "test")
    counters = VersionCounters(version=1, requests=9, errors=1, rows=9)
    status = EndpointStatus(
        instance="one",
        revision=1,
        url="http://127.0.0.1:1",
        started_at=datetime.now(UTC),
        counters=(counters,),
        versions=(1,),
    )
    endpoint = EndpointTelemetry(ENDPOINT, telemetry, Sampler(1.0), spans=True)
    endpoint.watch(lambda: status, lambda: None)
    named = {"northstar.endpoint": str(ENDPOINT)}
    context = telemetry.begin(None)
    telemetry.record(Span("POST", context, 1, 2, kind="server", attributes=named))
    endpoint.close()


def _properties(ingestion: Ingestion) -> Sent:
    found: Sent = {}
    for envelope in ingestion.envelopes():
        names = [one["name"] for one in envelope.data.get("metrics", [])]
        if envelope.kind in ("EventData", "RemoteDependencyData"):
            names = [envelope.data["name"]]
        elif envelope.kind == "RequestData":
            names = ["AppRequests"]
        for name in names:
            found.setdefault(name, set()).update(envelope.data.get("properties") or {})
    return found
