"""Whoever can write the audit's table, and what gives them away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select, text, update

from northstar.access import store
from northstar.access.audit.chain import FIRST, digest_of, verify_chain
from northstar.access.audit.checkpoints import Checkpoints
from northstar.access.audit.log import AuditLog
from northstar.access.domain import AuditEntry
from northstar.access.errors import AuditBroken
from northstar.clock import FakeClock
from northstar.database import Database
from northstar.errors import Failed
from northstar.names import Scope

Tamper = Callable[[Connection], None]
row = store.audit
COUNT = 8


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'audit.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    store.audit.create(database.engine)
    yield database
    database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def audit(database: Database, clock: FakeClock, tmp_path: Path) -> AuditLog:
    """Eight entries, with a checkpoint after the fourth and one after the last."""
    audit = AuditLog(database, clock, Checkpoints(tmp_path / "state" / "checkpoints.jsonl"))
    for number in range(1, COUNT + 1):
        audit.record("user:anna", "release:approve", Scope("operations"), "done", {"n": number})
        clock.advance(60)
        if number in (4, COUNT):
            audit.watch()
    assert audit.verify().intact
    return audit


def set_to(sequence: int, **values: object) -> Tamper:
    return lambda connection: _run(
        connection, update(row).where(row.c.sequence == sequence).values(values)
    )


def remove(*sequences: int) -> Tamper:
    return lambda connection: _run(connection, delete(row).where(row.c.sequence.in_(sequences)))


def swap(one: int, other: int) -> Tamper:
    def tamper(connection: Connection) -> None:
        for old, new in ((one, -1), (other, one), (-1, other)):
            _run(connection, update(row).where(row.c.sequence == old).values(sequence=new))

    return tamper


def close_the_gap(removed: int) -> Tamper:
    """Take one out and number the rest anew."""

    def tamper(connection: Connection) -> None:
        _run(connection, delete(row).where(row.c.sequence == removed))
        for old in range(removed + 1, COUNT + 1):
            _run(connection, update(row).where(row.c.sequence == old).values(sequence=old - 1))

    return tamper


def forge(sequence: int) -> Tamper:
    """Write one entry anew with a digest that fits it."""

    def tamper(connection: Connection) -> None:
        entry = _read(connection, sequence).model_copy(update={"principal": "user:forged"})
        digest = digest_of(entry.model_dump(exclude={"digest"}))
        values = {"principal": "user:forged", "digest": digest}
        _run(connection, update(row).where(row.c.sequence == sequence).values(values))

    return tamper


def rewrite(first: int, last: int = COUNT) -> Tamper:
    """Write everything from an entry on anew, with digests that all fit, and cut off the rest."""

    def tamper(connection: Connection) -> None:
        head = _read(connection, first - 1).digest if first > 1 else FIRST
        for sequence in range(first, last + 1):
            changed = {"principal": "user:forged", "previous": head}
            entry = _read(connection, sequence).model_copy(update=changed)
            head = digest_of(entry.model_dump(exclude={"digest"}))
            values = {**changed, "digest": head}
            _run(connection, update(row).where(row.c.sequence == sequence).values(values))
        _run(connection, delete(row).where(row.c.sequence > last))

    return tamper


@pytest.mark.parametrize(
    ("tamper", "first_bad", "why"),
    [
        (set_to(3, principal="user:forged"), 3, "not what was recorded"),
        (set_to(3, outcome="denied"), 3, "not what was recorded"),
        (set_to(3, detail=json.dumps({"n": 99})), 3, "not what was recorded"),
        (set_to(3, scope="/pricing"), 3, "not what was recorded"),
        (set_to(3, address="6.6.6.6"), 3, "not what was recorded"),
        (set_to(3, credential=None), 3, "not what was recorded"),
        (set_to(3, previous=FIRST), 3, "not what was recorded"),
        (set_to(3, digest=FIRST), 3, "not what was recorded"),
        (set_to(3, outcome="maybe"), 3, "can't be read"),
        (set_to(3, detail="{"), 3, "can't be read"),
        (set_to(1, principal="user:forged"), 1, "not what was recorded"),
        (remove(1), 1, "missing"),
        (remove(2), 2, "missing"),
        (remove(5, 6), 5, "missing"),
        (remove(COUNT), COUNT, "missing"),
        (remove(*range(1, COUNT + 1)), 1, "missing"),
        (close_the_gap(2), 2, "not what was recorded"),
        (swap(4, 5), 4, "not what was recorded"),
        (forge(3), 3, "written anew"),
        (forge(COUNT), 5, "written anew"),
        (rewrite(2), 1, "written anew"),
        (rewrite(6), 5, "written anew"),
        (rewrite(6, last=6), 7, "missing"),
    ],
)
def test_the_first_bad_entry_is_named(
    audit: AuditLog, database: Database, tamper: Tamper, first_bad: int, why: str
) -> None:
    with database.begin() as connection:
        tamper(connection)
    verdict = audit.verify()
    assert not verdict.intact
    assert verdict.broken_at == first_bad, verdict
    assert why in verdict.reason


@pytest.mark.parametrize("tamper", [remove(COUNT), forge(COUNT), rewrite(2), rewrite(7, last=7)])
def test_the_platform_notices_by_itself_that_the_end_is_another(
    audit: AuditLog, database: Database, tamper: Tamper
) -> None:
    audit.watch()
    with database.begin() as connection:
        tamper(connection)
    for _ in range(2):  # and it does not get used to it
        with pytest.raises(AuditBroken, match=f"Entry {COUNT}"):
            audit.watch()


def test_a_time_in_the_table_that_is_none_is_found(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'audit.db'}")
    store.audit.create(database.engine)
    audit = AuditLog(database, clock)
    for number in range(5):
        audit.record("user:anna", "test:n", Scope(), "done", {"n": number})
    with database.begin() as connection:
        connection.execute(text("UPDATE access_audit SET at = 'yesterday' WHERE sequence = 4"))
    verdict = audit.verify()
    database.close()
    assert (verdict.intact, verdict.broken_at, verdict.entries) == (False, 4, 3)


def test_a_checkpoint_that_was_half_written_is_written_again(
    audit: AuditLog, clock: FakeClock, tmp_path: Path
) -> None:
    file = tmp_path / "state" / "checkpoints.jsonl"
    with file.open("ab") as half:
        half.write(b'{"sequence": 9, "dig')
    audit.record("user:anna", "test:n", Scope(), "done")
    audit.watch()
    assert [c.sequence for c in Checkpoints(file).all()] == [4, COUNT, COUNT + 1]
    assert audit.verify().intact
    file.write_text("{}\n")
    with pytest.raises(Failed, match="not a checkpoint"):
        audit.verify()


entries = st.lists(st.text(max_size=5), min_size=2, max_size=8)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(texts=entries, data=st.data())
def test_no_single_change_of_a_chain_goes_unnoticed(texts: list[str], data: st.DataObject) -> None:
    chain = _chain(texts)
    assert verify_chain(chain).intact
    at = data.draw(st.integers(0, len(chain) - 1))
    kind = data.draw(st.sampled_from(["edit", "remove", "swap", "repeat"]))
    changed = list(chain)
    if kind == "edit":
        field = data.draw(st.sampled_from(["principal", "action", "scope", "credential", "at"]))
        value = chain[at].at + timedelta(seconds=1) if field == "at" else "/forged"
        changed[at] = chain[at].model_copy(update={field: value})
    elif kind == "remove":
        at = min(at, len(chain) - 2)  # a missing end shows against a checkpoint only
        del changed[at]
    elif kind == "swap":
        at = min(at, len(chain) - 2)
        changed[at], changed[at + 1] = changed[at + 1], changed[at]
    else:
        at += 1
        changed.insert(at, chain[at - 1])
    verdict = verify_chain(changed)
    assert (verdict.intact, verdict.broken_at) == (False, at + 1)


def _chain(texts: list[str]) -> list[AuditEntry]:
    clock, head, chain = FakeClock(), FIRST, list[AuditEntry]()
    for number, value in enumerate(texts, start=1):
        body = {
            "sequence": number,
            "at": clock.now(),
            "principal": "user:anna",
            "action": "test:n",
            "scope": "/",
            "outcome": "done",
            "detail": {"text": value},
            "credential": "",
            "address": "",
            "previous": head,
        }
        head = digest_of(body)
        chain.append(AuditEntry.model_validate({**body, "digest": head}))
    return chain


def _run(connection: Connection, statement: object) -> None:
    connection.execute(statement)  # type: ignore[call-overload]  # any statement of SQLAlchemy's


def _read(connection: Connection, sequence: int) -> AuditEntry:
    found = connection.execute(select(row).where(row.c.sequence == sequence)).mappings().one()
    return AuditEntry.model_validate({**found, "detail": json.loads(found["detail"])})
