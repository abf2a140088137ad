"""Who has a role for a time gives roles until then at most, by whatever way."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from northstar.access import api
from northstar.access.domain import AuditQuery
from northstar.access.elevation.service import ElevationService
from northstar.access.errors import NotAllowed
from northstar.access.role_giving import give_role
from northstar.access.sign_in import api as sign_in_api
from northstar.access.sign_in.domain import SignInSettings
from northstar.access.sign_in.service import SignIn
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.names import Scope
from tests.access.credentials.test_certificates import certificate_of

OPERATIONS = Scope("operations")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> AccessBench:
    """olga owns the squad for an hour; anna has nothing."""
    bench = AccessBench(tmp_path, clock)
    for name in ("olga", "anna"):
        bench.principal(name)
    _own(bench, clock.now() + timedelta(hours=1))
    return bench


def _own(bench: AccessBench, until: datetime | None) -> None:
    bench.access.directory.assign("user:olga", "squad-owner", OPERATIONS, "test", until)


def _give(bench: AccessBench, until: datetime | None) -> datetime | None:
    olga = bench.access.directory.get("user:olga")
    return give_role(bench.access, olga, "user:anna", "squad-owner", OPERATIONS, until).expires_at


def test_a_role_for_an_hour_is_not_made_to_last_by_giving_it_on(
    bench: AccessBench, clock: FakeClock
) -> None:
    ends = clock.now() + timedelta(hours=1)
    for too_long in (None, ends + timedelta(seconds=1)):
        with pytest.raises(NotAllowed, match="would last longer"):
            _give(bench, too_long)
    assert _give(bench, ends) == ends
    told = bench.access.audit.entries(AuditQuery(action="role:assign", outcome="denied"))
    assert [one.detail["policies"] for one in told] == [["what-ends-gives-no-longer"]] * 2


def test_the_longest_of_several_roles_counts(bench: AccessBench, clock: FakeClock) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    _own(bench, tomorrow)
    assert _give(bench, tomorrow) == tomorrow
    _own(bench, None)
    assert _give(bench, None) is None


def test_a_request_is_granted_no_longer_than_its_judge_may_judge(
    bench: AccessBench, clock: FakeClock
) -> None:
    """Two people who hold a role for an hour would otherwise keep it for ever by turns."""
    service = ElevationService(bench.database, clock, bench.access)
    anna, olga = (bench.access.directory.get(f"user:{name}") for name in ("anna", "olga"))
    wanted = ("squad-owner", OPERATIONS, "an incident", timedelta(hours=24))
    asked = service.request(anna, *wanted)
    given = service.approve(olga, asked.id)
    assert given.expires_at == clock.now() + timedelta(hours=1)
    (held,) = bench.access.directory.assignments("user:anna")
    assert held.expires_at == given.expires_at
    clock.advance(3600)
    assert service.get(anna, asked.id).state == "expired"
    assert bench.access.directory.assignments("user:anna") == []


_PEM = certificate_of(ec.generate_private_key(ec.SECP256R1()))
_TRUST = {"issuer": "https://id.example", "audience": "a", "subject": "repo:x/y"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/principals/user:admin/secrets", {}),
        ("/api/principals/user:admin/certificates", {"pem": _PEM}),
        ("/api/principals/service:admin/trusts", _TRUST),
        ("/api/principals/user:admin/accounts", {"subject": "mine"}),
        ("/api/sign-in-links", {"principal": "user:admin"}),
    ],
)
def test_who_administers_for_an_hour_does_not_become_a_lasting_administrator(
    bench: AccessBench, clock: FakeClock, path: str, body: dict[str, str]
) -> None:
    settings = SignInSettings("https://id.example", "northstar")
    sign_in = SignIn(bench.access, clock, settings)
    client = bench.client(
        api.router(bench.access, bench.guard),
        sign_in_api.router(bench.access, sign_in, bench.guard),
    )
    bench.principal("admin", "platform-admin")
    lasting, until = bench.headers(), clock.now() + timedelta(hours=1)
    bench.access.directory.assign("user:olga", "platform-admin", Scope(), "test", until)
    for name in ("admin", "anna"):
        bench.access.directory.create("service", name, "test", with_secret=False)
    bench.access.directory.assign("service:admin", "platform-admin", Scope(), "test")
    olga = bench.headers("olga", "")
    refused = client.post(path, json=body, headers=olga)
    assert (refused.status_code, "until" in refused.json()["message"]) == (403, True)
    told = bench.access.audit.entries(AuditQuery(outcome="denied", limit=1))[0]
    assert told.detail["policies"] == ["what-ends-gives-no-longer"]
    # the work of an administrator goes on, and nobody else is held up
    others = path.replace(":admin", ":anna")
    meant = {name: value.replace(":admin", ":anna") for name, value in body.items()}
    assert client.post(others, json=meant, headers=olga).is_success
    assert client.post(path, json=body, headers=lasting).status_code != 403
