"""What the directory keeps in memory, and how soon it lets go of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from northstar.access.domain import Principal, principal_of
from northstar.access.service import AccessService
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.database import Database
from northstar.errors import Conflict
from northstar.names import Scope

OPERATIONS = Scope("operations")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> Iterator[AccessBench]:
    database = None
    if request.param == "postgresql":
        database = Database(request.getfixturevalue("postgres_url"))
    bench = AccessBench(tmp_path, clock, database)
    yield bench
    bench.database.close()


@pytest.fixture
def replica(bench: AccessBench) -> AccessService:
    """Another control plane on the same database."""
    return AccessService(bench.database, bench.clock, "http://northstar.test", sealer=bench.sealer)


def test_a_revocation_here_holds_on_another_replica_within_a_second(
    bench: AccessBench, replica: AccessService, clock: FakeClock
) -> None:
    anna = bench.principal("anna", "reader", "/operations")
    assert replica.allowed(anna, "version:read", OPERATIONS)
    (held,) = bench.access.directory.assignments(anna.id)
    bench.access.directory.revoke(held.id, by="test")
    assert not bench.access.allowed(anna, "version:read", OPERATIONS)
    clock.advance(1)
    assert not replica.allowed(anna, "version:read", OPERATIONS)


def test_who_is_made_on_one_replica_is_known_on_the_other_at_once(
    bench: AccessBench, replica: AccessService
) -> None:
    assert replica.directory.find("user:anna") is None
    anna = bench.principal("anna", "reader", "/operations")
    assert replica.directory.find("user:anna") == anna


def test_who_is_deleted_on_one_replica_is_gone_on_the_other_within_a_second(
    bench: AccessBench, replica: AccessService, clock: FakeClock
) -> None:
    anna = bench.principal("anna", "reader", "/operations")
    assert replica.directory.find(anna.id)
    bench.access.directory.delete(anna.id, by="test")
    clock.advance(1)
    assert replica.directory.find(anna.id) is None


def test_the_roles_that_touch_a_scope(bench: AccessBench) -> None:
    bench.principal("admin", "platform-admin", "/")
    bench.principal("anna", "reader", "/operations/late-arrival")
    bench.principal("paul", "reader", "/pricing")
    directory = bench.access.directory
    touching = directory.assignments(holding_in=OPERATIONS)
    assert [a.principal for a in touching] == ["user:admin", "user:anna"]
    above = directory.assignments(holding_in=Scope("operations", "late-arrival", "prod"))
    assert [a.principal for a in above] == ["user:admin", "user:anna"]
    assert directory.assignments("user:paul", holding_in=OPERATIONS) == []


def test_the_last_lasting_administrator_stays(bench: AccessBench, clock: FakeClock) -> None:
    directory = bench.access.directory
    admin = bench.principal("admin", "platform-admin", "/")
    bench.principal("olga", "squad-owner", "/")
    directory.ensure(principal_of("user", "tim"), ())
    for_an_hour = clock.now().replace(hour=1)
    directory.assign("user:tim", "platform-admin", Scope(), admin.id, for_an_hour)
    (held,) = directory.assignments(admin.id)
    with pytest.raises(Conflict, match="nobody would be left"):
        directory.revoke(held.id, by="test")
    with pytest.raises(Conflict, match="nobody would be left"):
        directory.delete(admin.id, by="test")
    bench.principal("bert", "platform-admin", "/")
    directory.delete(admin.id, by="test")
    assert directory.find(admin.id) is None


def test_two_administrators_who_remove_each_other_do_not_both_succeed(bench: AccessBench) -> None:
    admins = [bench.principal(name, "platform-admin", "/") for name in ("adam", "eve")]

    def remove(other: Principal) -> bool:
        try:
            bench.access.directory.delete(other.id, by="test")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, admins)) == [False, True]
