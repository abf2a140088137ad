"""The audit on its way out: to Azure Monitor's real exporter, and an ingestion endpoint here."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from northstar.access.audit.azure_monitor import AzureMonitorAudit
from northstar.access.audit.export import AuditExport
from northstar.access.domain import AuditEntry, AuditQuery
from northstar.access.testing import AccessBench
from northstar.errors import Invalid, Unavailable
from northstar.names import Scope

KEY = "5ca1ab1e-0000-4000-8000-00000000abcd"


class Ingestion(ThreadingHTTPServer):
    """Application Insights' endpoint: keeps what it accepts; ``status`` makes it refuse."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Track)
        self.items: list[dict[str, Any]] = []
        self.paths: set[str] = set()
        self.status = 200

    @property
    def connection_string(self) -> str:
        place = f"http://127.0.0.1:{self.server_port}/"
        return f"InstrumentationKey={KEY};IngestionEndpoint={place};LiveEndpoint={place}"


class _Track(BaseHTTPRequestHandler):
    server: Ingestion

    def do_POST(self) -> None:
        items = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.paths.add(self.path)
        accepted = len(items) if self.server.status == 200 else 0
        self.server.items += items[:accepted]
        errors = [] if accepted else [{"index": 0, "statusCode": self.server.status, "message": ""}]
        body = {"itemsReceived": len(items), "itemsAccepted": accepted, "errors": errors}
        content = json.dumps(body).encode()
        self.send_response(self.server.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    with Ingestion() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    bench = AccessBench(tmp_path)
    for number in range(3):
        bench.access.audit.record("user:anna", "test:n", Scope("operations"), "done", {"n": number})
    return bench


def test_entries_arrive_once_and_whole(bench: AccessBench, ingestion: Ingestion) -> None:
    target = AzureMonitorAudit(ingestion.connection_string)
    export = AuditExport(bench.database, bench.access.audit, target)
    assert (export.step(), export.step()) == (3, 0)
    bench.access.audit.record("user:anna", "test:n", Scope("operations"), "done", {"n": 3})
    resumed = AuditExport(bench.database, bench.access.audit, target)
    assert resumed.step() == 1
    assert ingestion.paths == {"/v2.1/track"}
    assert {item["iKey"] for item in ingestion.items} == {KEY}
    events = [item["data"] for item in ingestion.items]
    assert {(e["baseType"], e["baseData"]["name"]) for e in events} == {
        ("EventData", "northstar.audit")
    }
    recorded = bench.access.audit.entries(AuditQuery(after=0))
    for entry, item in zip(recorded, ingestion.items, strict=True):
        told = item["data"]["baseData"]["properties"]
        assert told["digest"] == entry.digest
        assert AuditEntry.model_validate({**told, "detail": json.loads(told["detail"])}) == entry


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the exporter's own, after an error
def test_what_was_refused_is_sent_again(bench: AccessBench, ingestion: Ingestion) -> None:
    target = AzureMonitorAudit(ingestion.connection_string)
    export = AuditExport(bench.database, bench.access.audit, target)
    for status in (400, 206):
        ingestion.status = status
        with pytest.raises(Unavailable, match="from 1 on"):
            export.step()
    ingestion.status = 200
    assert export.step() == 3
    assert [i["data"]["baseData"]["properties"]["sequence"] for i in ingestion.items] == [
        "1",
        "2",
        "3",
    ]


class Breaks:
    """A target that gets what it is sent, and then forgets to say so."""

    name = "breaks"

    def __init__(self) -> None:
        self.got: list[int] = []
        self.broken = True

    def send(self, entries: Sequence[AuditEntry]) -> None:
        self.got += [entry.sequence for entry in entries]
        if self.broken:
            raise ConnectionError("the answer was lost")


def test_an_entry_arrives_at_least_once(bench: AccessBench) -> None:
    target = Breaks()
    export = AuditExport(bench.database, bench.access.audit, target)
    with pytest.raises(ConnectionError):
        export.step()
    target.broken = False
    export.step()
    assert target.got == [1, 2, 3, 1, 2, 3]


def test_targets_do_not_share_a_cursor(bench: AccessBench) -> None:
    first, second = Breaks(), Breaks()
    first.broken = second.broken = False
    second.name = "another"
    for target in (first, second):
        AuditExport(bench.database, bench.access.audit, target).step()
    assert first.got == second.got == [1, 2, 3]


def test_a_connection_string_without_a_key_is_refused() -> None:
    with pytest.raises(Invalid, match="InstrumentationKey"):
        AzureMonitorAudit("IngestionEndpoint=https://example.test/")
