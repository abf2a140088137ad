"""Keys that tokens are signed with: sealed, published ahead, rotated, withdrawn; revocations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy import select, update

from northstar.access import store
from northstar.access.errors import BadCredentials
from northstar.access.sealing import Sealer, key_from_file, new_key
from northstar.access.service import AccessService
from northstar.access.signing_keys import PUBLISHED_AHEAD, SigningKeys
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.errors import Denied, Failed, Invalid
from northstar.serving.dataplane.auth import TokenCheck
from northstar.serving.domain import AccessSpec
from tests.access.issuer import signed_with_the_public_key

ENDPOINT = "operations/late-arrival/prod"
AHEAD = PUBLISHED_AHEAD.total_seconds()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Iterator[AccessBench]:
    bench = AccessBench(tmp_path, clock)
    yield bench
    bench.database.close()


@pytest.fixture
def keys(bench: AccessBench) -> SigningKeys:
    return bench.access.tokens.keys


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).protected["kid"])


def published(keys: SigningKeys) -> set[str]:
    return {key["kid"] for key in keys.jwks()["keys"]}


def checks(bench: AccessBench, clock: FakeClock) -> TokenCheck:
    """An endpoint's, with what its last sync told."""
    spec = AccessSpec(
        issuer="http://northstar.test",
        audience=ENDPOINT,
        jwks=bench.access.tokens.keys.jwks(),
        revoked=bench.access.directory.revoked_within(900),
    )
    return TokenCheck(spec, now=lambda: clock.now().timestamp())


def test_nothing_private_is_readable_in_the_database(
    bench: AccessBench, keys: SigningKeys, tmp_path: Path
) -> None:
    private = keys.signing().as_dict(private=True)["d"]
    with bench.database.read() as connection:
        (kept,) = connection.execute(select(store.keys.c.private_jwk)).scalars()
    assert kept.startswith("fernet:")
    for file in tmp_path.iterdir():
        assert str(private).encode() not in file.read_bytes()


def test_keys_that_were_kept_in_clear_are_sealed_when_they_are_read(
    bench: AccessBench, keys: SigningKeys, clock: FakeClock
) -> None:
    clear = json.dumps(keys.signing().as_dict(private=True))
    with bench.database.begin() as connection:
        connection.execute(update(store.keys).values(private_jwk=clear))
    other = SigningKeys(bench.database, clock, bench.sealer, bench.access.audit)
    assert other.signing().kid == keys.signing().kid
    with bench.database.read() as connection:
        assert "fernet:" in connection.execute(select(store.keys.c.private_jwk)).scalar_one()


def test_the_encryption_key_is_changed_by_putting_a_new_one_in_front(
    bench: AccessBench, clock: FakeClock
) -> None:
    old, new = new_key(), new_key()
    first = SigningKeys(bench.database, clock, Sealer([old]), bench.access.audit).signing()
    assert (
        SigningKeys(bench.database, clock, Sealer([new, old]), bench.access.audit).signing().kid
        == first.kid
    )
    assert (
        SigningKeys(bench.database, clock, Sealer([new]), bench.access.audit).signing().kid
        == first.kid
    )
    with pytest.raises(Failed, match="can't be opened"):
        SigningKeys(bench.database, clock, Sealer([old]), bench.access.audit).signing()


def test_a_sealed_key_put_in_anothers_place_is_noticed(
    bench: AccessBench, keys: SigningKeys, clock: FakeClock
) -> None:
    keys.signing()
    foreign = ECKey.generate_key("P-256", private=True, auto_kid=True)
    sealed = bench.sealer.seal(json.dumps(foreign.as_dict(private=True)))
    with bench.database.begin() as connection:
        connection.execute(update(store.keys).values(private_jwk=sealed))
    with pytest.raises(Failed, match="another one"):
        SigningKeys(bench.database, clock, bench.sealer, bench.access.audit).signing()


def test_an_encryption_keys_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "encryption.key"
    key = key_from_file(file)
    assert (key_from_file(file), file.stat().st_mode & 0o777) == (key, 0o600)
    file.chmod(0o644)
    with pytest.raises(Invalid, match="can be read by others") as refused:
        key_from_file(file)
    assert key not in str(refused.value)


@pytest.mark.parametrize("key", ["", "short", "x" * 43, "é" * 32])
def test_an_encryption_key_is_32_bytes(key: str) -> None:
    with pytest.raises(Invalid) as refused:
        Sealer([key])
    assert not key or key not in str(refused.value)


def test_a_new_key_is_published_before_it_signs(
    bench: AccessBench, keys: SigningKeys, clock: FakeClock
) -> None:
    first = kid_of(bench.token())
    clock.advance(1)
    second = keys.rotate("test")
    assert published(keys) == {first, second}
    assert kid_of(bench.token()) == first
    endpoint = checks(bench, clock)  # synced in between
    clock.advance(AHEAD)
    app = bench.principal("app", "invoker")
    token = bench.access.token_for(app, ENDPOINT).access_token
    assert kid_of(token) == second
    endpoint(f"Bearer {token}".encode())


def test_an_old_key_stays_until_its_last_token_has_ended(
    bench: AccessBench, keys: SigningKeys, clock: FakeClock
) -> None:
    first = keys.signing().kid
    clock.advance(1)
    second = keys.rotate("test")
    clock.advance(AHEAD)
    long = bench.access.tokens.issue(bench.principal("anna"), "northstar", 10**9)
    assert long.expires_in == 24 * 3600
    clock.advance(24 * 3600 - 60)
    assert first in published(keys)
    clock.advance(24 * 3600)
    assert published(keys) == {second}


def test_keys_rotate_by_their_age(keys: SigningKeys, clock: FakeClock) -> None:
    first = keys.signing().kid
    clock.advance(29 * 86400)
    assert keys.rotate_when_older(timedelta(days=30)) is None
    clock.advance(86400)
    second = keys.rotate_when_older(timedelta(days=30))
    assert published(keys) == {first, second}
    assert keys.rotate_when_older(timedelta(days=30)) is None


def test_a_key_that_leaked_is_withdrawn_with_every_token(
    bench: AccessBench, clock: FakeClock
) -> None:
    replica = AccessService(bench.database, clock, "http://northstar.test", sealer=bench.sealer)
    stolen = bench.token("anna")
    for service in (bench.access, replica):
        service.authenticate(stolen)
    kid = bench.access.tokens.keys.rotate("test", at_once=True)
    with pytest.raises(BadCredentials):
        bench.access.authenticate(stolen)
    assert kid_of(bench.token("anna")) == kid
    clock.advance(60)  # by then every replica has looked
    with pytest.raises(BadCredentials):
        replica.authenticate(stolen)


def test_a_revocation_ends_what_was_issued_before_and_nothing_after(
    bench: AccessBench, clock: FakeClock
) -> None:
    token, session = bench.token("anna"), bench.session("user:anna")
    other = bench.token("bert")
    clock.advance(0.5)
    bench.access.directory.revoke_tokens("user:anna", by="test")
    clock.advance(0.001)
    with pytest.raises(BadCredentials, match="revoked"):
        bench.access.authenticate(token)
    with pytest.raises(BadCredentials):
        bench.access.exchange(token, ENDPOINT)
    with pytest.raises(BadCredentials):
        bench.access.authenticate_session(session)
    assert bench.access.authenticate(bench.token("anna")).id == "user:anna"
    assert bench.access.authenticate(other).id == "user:bert"


def test_a_principal_made_again_does_not_inherit_tokens(
    bench: AccessBench, clock: FakeClock
) -> None:
    token = bench.token("anna", "reader")
    clock.advance(1)
    bench.access.directory.delete("user:anna", by="test")
    clock.advance(1)
    bench.principal("anna", "platform-admin")
    with pytest.raises(BadCredentials):
        bench.access.authenticate(token)


def test_an_endpoint_learns_of_revocations(bench: AccessBench, clock: FakeClock) -> None:
    app, other = bench.principal("app", "invoker"), bench.principal("other", "invoker")
    headers = [
        f"Bearer {bench.access.token_for(who, ENDPOINT).access_token}".encode()
        for who in (app, other)
    ]
    for header in headers:
        checks(bench, clock)(header)
    clock.advance(1)
    bench.access.directory.revoke_tokens("user:app", by="test")
    synced = checks(bench, clock)
    with pytest.raises(Exception, match="revoked"):
        synced(headers[0])
    synced(headers[1])
    clock.advance(1)
    synced(f"Bearer {bench.access.token_for(app, ENDPOINT).access_token}".encode())
    clock.advance(900)  # tokens of then have ended: nothing to tell any more
    assert bench.access.directory.revoked_within(900) == {}


def test_the_control_planes_own_tokens_are_not_revoked(bench: AccessBench) -> None:
    with pytest.raises(Denied):
        bench.access.directory.revoke_tokens("platform:control", by="test")


def test_the_public_key_is_no_secret_to_sign_with(bench: AccessBench, clock: FakeClock) -> None:
    key = bench.access.tokens.keys.signing()
    bench.principal("admin", "platform-admin")
    now = clock.now().timestamp()
    claims = {"iss": "http://northstar.test", "sub": "user:admin", "aud": "northstar", "iat": now}
    forged = signed_with_the_public_key(key, {**claims, "exp": now + 60}, str(key.kid))
    with pytest.raises(BadCredentials):
        bench.access.authenticate(forged)
