from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from northstar.access import store
from northstar.access.audit.chain import FIRST, digest_of
from northstar.access.audit.log import AuditLog
from northstar.access.domain import AuditQuery
from northstar.clock import FakeClock
from northstar.database import Database
from northstar.names import Scope

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def audit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditLog]:
    url = f"sqlite:///{tmp_path / 'audit.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    store.audit.create(database.engine)
    yield AuditLog(database, FakeClock())
    database.close()


def fill(audit: AuditLog, count: int = 5) -> None:
    for i in range(count):
        scope = Scope("operations", "late-arrival" if i % 2 else "other")
        audit.record(f"user:u{i}", "release:approve", scope, "allowed", {"release": i})


def test_an_empty_audit_is_intact(audit: AuditLog) -> None:
    verdict = audit.verify()
    assert (verdict.intact, verdict.entries, verdict.head) == (True, 0, FIRST)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(detail=st.dictionaries(st.text(), json_values, max_size=4))
def test_what_was_recorded_reads_back_and_verifies(
    audit: AuditLog, detail: dict[str, object]
) -> None:
    made = audit.record("user:anna", "release:approve", Scope("operations"), "done", detail)
    assert audit.entries(AuditQuery(limit=1)) == [made]
    assert audit.verify().intact


def test_the_newest_come_first_and_below_a_scope_only(audit: AuditLog) -> None:
    fill(audit)
    audit.record("user:x", "squad:create", Scope("operations-two"), "done")
    assert [e.sequence for e in audit.entries(AuditQuery(scope="/operations"))] == [5, 4, 3, 2, 1]
    assert [e.sequence for e in audit.entries(AuditQuery(scope="/operations/late-arrival"))] == [
        4,
        2,
    ]
    assert [e.sequence for e in audit.entries(AuditQuery(before=3, limit=1))] == [2]
    assert audit.entries(AuditQuery(principal="user:u3"))[0].detail == {"release": 3}


def test_it_is_followed_from_the_oldest_and_within_a_stretch_of_time(audit: AuditLog) -> None:
    assert isinstance(audit._clock, FakeClock)
    start = audit._clock.now()
    for _ in range(4):
        fill(audit, 1)
        audit._clock.advance(60)
    assert [e.sequence for e in audit.entries(AuditQuery(after=1, limit=2))] == [2, 3]
    since, until = start + timedelta(seconds=60), start + timedelta(seconds=180)
    assert [e.sequence for e in audit.entries(AuditQuery(since=since, until=until))] == [3, 2]


def test_eight_writers_at_the_same_time_make_one_chain(audit: AuditLog) -> None:
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(fill, audit, 5) for _ in range(8)]:
            done.result()
    verdict = audit.verify()
    assert (verdict.intact, verdict.entries) == (True, 40)


WRITER = """
import sys
from northstar.access.audit.log import AuditLog
from northstar.clock import SystemClock
from northstar.database import Database
from northstar.names import Scope

audit = AuditLog(Database(sys.argv[1]), SystemClock())
sys.stdin.readline()
for number in range(5):
    audit.record(f"user:{sys.argv[2]}", "test:n", Scope(), "done", {"n": number})
"""


def test_eight_processes_at_the_same_time_make_one_chain(audit: AuditLog) -> None:
    address = audit._database.url
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, address, f"w{i}"], stdin=subprocess.PIPE)
        for i in range(8)
    ]
    for writer in writers:  # all have started before the first may write
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait(60) for writer in writers] == [0] * 8
    verdict = audit.verify()
    assert (verdict.intact, verdict.entries) == (True, 40)


def test_entries_of_before_there_was_an_origin_still_verify(audit: AuditLog) -> None:
    body = {
        "sequence": 1,
        "at": audit._clock.now(),
        "principal": "user:x",
        "action": "release:approve",
        "scope": "/",
        "outcome": "done",
        "detail": {},
        "previous": FIRST,
    }
    row = {**body, "detail": "{}", "digest": digest_of(body)}
    with audit._database.begin() as connection:
        connection.execute(insert(store.audit).values(row))
    fill(audit, 1)
    assert audit.verify().intact
    with audit._database.begin() as connection:
        connection.execute(
            update(store.audit).where(store.audit.c.sequence == 1).values(address="x")
        )
    assert audit.verify().broken_at == 1
