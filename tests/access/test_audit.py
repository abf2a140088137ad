from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from northstar.access import store
from northstar.access.audit import FIRST, AuditLog
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
    assert audit.entries(limit=1) == [made]
    assert audit.verify().intact


def test_the_newest_come_first_and_below_a_scope_only(audit: AuditLog) -> None:
    fill(audit)
    audit.record("user:x", "squad:create", Scope("operations-two"), "done")
    assert [e.sequence for e in audit.entries(within=Scope("operations"))] == [5, 4, 3, 2, 1]
    assert [e.sequence for e in audit.entries(within=Scope("operations", "late-arrival"))] == [4, 2]
    assert [e.sequence for e in audit.entries(before=3, limit=1)] == [2]
    assert audit.entries(principal="user:u3")[0].detail == {"release": 3}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("principal", "user:forged"),
        ("outcome", "denied"),
        ("detail", json.dumps({"release": 99})),
        ("scope", "/pricing"),
        ("previous", FIRST),
    ],
)
def test_a_changed_entry_is_found(audit: AuditLog, column: str, value: str) -> None:
    fill(audit)
    with audit._database.begin() as connection:
        connection.execute(
            update(store.audit).where(store.audit.c.sequence == 3).values({column: value})
        )
    verdict = audit.verify()
    assert (verdict.intact, verdict.broken_at, verdict.entries) == (False, 3, 2)


def test_a_removed_entry_is_found(audit: AuditLog) -> None:
    fill(audit)
    with audit._database.begin() as connection:
        connection.execute(delete(store.audit).where(store.audit.c.sequence == 2))
    verdict = audit.verify()
    assert (verdict.intact, verdict.broken_at) == (False, 3)
    assert "missing" in verdict.reason


def test_writers_at_the_same_time_make_one_chain(audit: AuditLog) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(fill, audit, 5) for _ in range(4)]:
            done.result()
    verdict = audit.verify()
    assert (verdict.intact, verdict.entries) == (True, 20)
