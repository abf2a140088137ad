"""What was taken away goes on being tried: here and at another replica over the same database."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from northstar.access.callers import BasicAuthentication
from northstar.access.errors import BadCredentials
from northstar.access.service import AccessService
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.connection import PLATFORM_AUDIENCE
from northstar.database import Database

ELSEWHERE_AFTER_SECONDS = 1.0  # as docs/reference/access.md says of changes
CI = "service:ci"


class Replicas:
    """Two control planes over one database, each with its own memory of who proved what."""

    def __init__(self, bench: AccessBench, clock: FakeClock) -> None:
        self.clock, self.here = clock, bench.access
        self.there = AccessService(
            bench.database, clock, "http://northstar.test", sealer=bench.sealer
        )
        self.secret = self.here.directory.create("service", "ci", "test").client_secret
        self.token = self.here.client_credentials(CI, self.secret, PLATFORM_AUDIENCE).access_token
        self.basic = [BasicAuthentication(one, clock) for one in (self.here, self.there)]

    def known(self, replica: int, password: str) -> bool:
        value = b64encode(f"{CI}:{password}".encode()).decode()
        try:
            return self.basic[replica](value).principal.id == CI
        except BadCredentials:
            return False


@pytest.fixture(params=["sqlite", "postgresql"])
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replicas]:
    database, clock = None, FakeClock()
    if request.param == "postgresql":
        database = Database(request.getfixturevalue("postgres_url"))
    bench = AccessBench(tmp_path, clock, database)
    yield Replicas(bench, clock)
    bench.database.close()


def _withdraw(access: AccessService) -> None:
    access.credentials.remove(CI, "secret", 1, "test")


def _rotate_at_once(access: AccessService) -> None:
    access.directory.new_secret(CI, "test", older_end_after=timedelta())


def _delete(access: AccessService) -> None:
    access.directory.delete(CI, "test")


def _revoke(access: AccessService) -> None:
    access.directory.revoke_tokens(CI, "test")


@pytest.mark.parametrize("take_away", [_withdraw, _rotate_at_once, _delete])
def test_a_secret_that_was_just_good_is_refused_at_once_by_every_replica(
    replicas: Replicas, take_away: Callable[[AccessService], None]
) -> None:
    assert all(replicas.known(replica, replicas.secret) for replica in (0, 1, 0, 1))
    take_away(replicas.here)
    assert not any(replicas.known(replica, replicas.secret) for replica in (0, 1))


@pytest.mark.parametrize("take_away", [_revoke, _delete])
def test_a_token_is_refused_at_once_here_and_in_the_documented_time_elsewhere(
    replicas: Replicas, take_away: Callable[[AccessService], None]
) -> None:
    assert all(replicas.known(replica, replicas.token) for replica in (0, 1, 0, 1))
    take_away(replicas.here)
    assert not replicas.known(0, replicas.token)
    replicas.clock.advance(ELSEWHERE_AFTER_SECONDS)
    assert not replicas.known(1, replicas.token)


@pytest.mark.parametrize("take_away", [_revoke, _delete])
def test_links_and_sessions_end_at_once_on_every_replica(
    replicas: Replicas, take_away: Callable[[AccessService], None]
) -> None:
    links = [replicas.here.sessions.new_code(CI, "test") for _ in range(3)]
    cookie = replicas.there.sign_in(links.pop())
    assert replicas.there.authenticate_session(cookie).id == CI
    take_away(replicas.here)
    for access, link in zip((replicas.here, replicas.there), links, strict=True):
        with pytest.raises(BadCredentials):
            access.sign_in(link)
        with pytest.raises(BadCredentials):
            access.authenticate_session(cookie)


def test_a_link_of_before_a_revocation_stays_dead_when_one_of_after_it_works(
    replicas: Replicas,
) -> None:
    old = replicas.there.sessions.new_code(CI, "test")
    _revoke(replicas.here)
    replicas.clock.advance(0.01)
    new = replicas.here.sessions.new_code(CI, "test")
    assert replicas.there.authenticate_session(replicas.there.sign_in(new)).id == CI
    with pytest.raises(BadCredentials):
        replicas.there.sign_in(old)
