from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet

from northstar.access.domain import PLATFORM, AuditQuery, principal_of
from northstar.access.errors import BadCredentials, NotAllowed
from northstar.access.service import AccessService
from northstar.access.signing_keys import PUBLISHED_AHEAD
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.connection import PLATFORM_AUDIENCE
from northstar.database import Database
from northstar.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from northstar.names import EndpointRef, ProjectRef, Scope

ENDPOINT = "operations/late-arrival/prod"
PROD = Scope("operations", "late-arrival", "prod")


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
def access(bench: AccessBench) -> AccessService:
    return bench.access


def test_a_secret_is_exchanged_for_a_token(access: AccessService) -> None:
    made = access.directory.create("service", "ci", by="user:admin")
    issued = access.client_credentials(made.client_id, made.client_secret, "northstar")
    assert access.authenticate(issued.access_token).id == "service:ci"
    assert made.client_secret not in str(access.audit.entries())


def test_a_wrong_secret_is_refused_and_recorded(access: AccessService) -> None:
    access.directory.create("service", "ci", by="user:admin")
    for client_id in ("service:ci", "service:unknown"):
        with pytest.raises(BadCredentials):
            access.client_credentials(client_id, "nss_wrong", "northstar")
    unknown, known = access.audit.entries(AuditQuery(action="token:issue"))
    assert (known.principal, known.outcome) == ("service:ci", "denied")
    assert (unknown.principal, unknown.detail["claimed"]) == ("unknown", "service:unknown")
    assert known.detail["reason"] == "The client id or the secret is wrong."
    with pytest.raises(BadCredentials):
        access.exchange("no token at all", "northstar")
    exchanged = access.audit.entries(AuditQuery(action="token:issue", limit=1))[0]
    assert (exchanged.principal, exchanged.outcome) == ("unknown", "denied")
    assert "not good for northstar" in str(exchanged.detail["reason"])


def test_what_a_token_does_leads_back_to_where_it_came_from(access: AccessService) -> None:
    made = access.directory.create("service", "ci", by="user:admin")
    access.directory.assign("service:ci", "invoker", Scope("operations"), by="user:admin")
    first = access.client_credentials(made.client_id, made.client_secret, "northstar")
    access.exchange(first.access_token, ENDPOINT)
    exchanged, issued = access.audit.entries(AuditQuery(action="token:issue"))
    assert (issued.credential, exchanged.credential) == (
        "secret:1",
        f"token:{issued.detail['token']}",
    )
    assert (exchanged.principal, exchanged.detail["audience"]) == ("service:ci", ENDPOINT)
    assert first.access_token not in str(access.audit.entries())


def test_a_token_ends(bench: AccessBench, clock: FakeClock) -> None:
    token = bench.token("anna", "reader")
    bench.access.authenticate(token)
    clock.advance(3601)
    with pytest.raises(BadCredentials):
        bench.access.authenticate(token)


def test_a_token_of_somebody_deleted_stops_at_once(bench: AccessBench) -> None:
    token = bench.token("anna", "reader")
    bench.access.authenticate(token)
    bench.access.directory.delete("user:anna", by="test")
    with pytest.raises(BadCredentials, match="does not exist"):
        bench.access.authenticate(token)


def test_an_endpoint_token_takes_the_right_to_invoke(bench: AccessBench) -> None:
    invoker = bench.principal("app", "invoker", "/operations")
    token = bench.access.token_for(invoker, ENDPOINT).access_token
    claims = jwt.decode(
        token, KeySet.import_key_set(bench.access.tokens.keys.jwks()), algorithms=["ES256"]
    ).claims
    assert (claims["aud"], claims["sub"], claims["name"]) == (ENDPOINT, "user:app", "app")
    with pytest.raises(BadCredentials):  # and the platform does not take it
        bench.access.authenticate(token)
    with pytest.raises(NotAllowed):
        bench.access.token_for(bench.principal("rita", "reader"), ENDPOINT)
    with pytest.raises(Invalid, match="not an audience"):
        bench.access.token_for(invoker, "elsewhere")


def test_an_exchanged_token_lives_no_longer_than_its_origin(
    bench: AccessBench, clock: FakeClock
) -> None:
    token = bench.token("app", "invoker", "/operations")
    clock.advance(3500)
    assert bench.access.exchange(token, ENDPOINT).expires_in == 100


@pytest.mark.parametrize("waited", [0.4, 1.0, 1799.6, 3599.0])
def test_a_token_is_no_younger_and_lasts_no_longer_than_the_one_it_was_exchanged_for(
    bench: AccessBench, clock: FakeClock, waited: float
) -> None:
    first = bench.token("app", "invoker", "/operations")
    clock.advance(waited)
    again = bench.access.exchange(first, "northstar").access_token
    for audience in ("northstar", ENDPOINT):
        made = bench.access.exchange(again, audience)
        origin, claims = (
            bench.access.tokens.check(text, where)
            for text, where in ((first, "northstar"), (made.access_token, audience))
        )
        assert claims["iat"] == origin["iat"]
        assert claims["exp"] <= origin["exp"]
        assert claims["jti"] != origin["jti"]
    bench.access.directory.revoke_tokens("user:app", "test")  # of now: all of them are older
    for text in (first, again):
        with pytest.raises(BadCredentials):
            bench.access.authenticate(text)


def test_a_token_signed_by_another_key_is_refused(bench: AccessBench, clock: FakeClock) -> None:
    access, good = bench.access, bench.token("anna", "platform-admin")
    claims = jwt.decode(good, KeySet.import_key_set(access.tokens.keys.jwks()), ["ES256"]).claims
    key = ECKey.generate_key("P-256", private=True)
    known = access.tokens.keys.jwks()["keys"][0]["kid"]
    for kid in (known, "other"):
        forged = jwt.encode({"alg": "ES256", "kid": kid}, claims, key)
        with pytest.raises(BadCredentials):
            access.authenticate(forged)
    header, payload, _ = good.split(".")
    with pytest.raises(BadCredentials):
        access.authenticate(f"{header}.{payload}.")


def test_published_keys_hold_nothing_private(access: AccessService) -> None:
    assert all("d" not in key for key in access.tokens.keys.jwks()["keys"])


def test_keys_rotate_and_old_tokens_stay_good(bench: AccessBench, clock: FakeClock) -> None:
    replica = AccessService(
        bench.database, bench.clock, "http://northstar.test", sealer=bench.sealer
    )
    old = bench.token("anna", "reader")
    replica.authenticate(old)
    clock.advance(1)
    kid = bench.access.tokens.keys.rotate("test")
    clock.advance(PUBLISHED_AHEAD.total_seconds())
    new = bench.token("bert", "reader")
    assert jws.extract_compact(new.encode()).protected["kid"] == kid
    assert replica.authenticate(new).id == "user:bert"
    assert replica.authenticate(old).id == "user:anna"
    assert kid in {key["kid"] for key in replica.tokens.keys.jwks()["keys"]}


def test_a_role_ends_by_itself(bench: AccessBench, clock: FakeClock) -> None:
    anna = bench.principal("anna")
    until = clock.now() + timedelta(hours=1)
    bench.access.directory.assign(anna.id, "approver", Scope("operations"), "user:admin", until)
    assert bench.access.allowed(anna, "release:approve", PROD)
    clock.advance(3600)
    assert not bench.access.allowed(anna, "release:approve", PROD)
    assert bench.access.directory.assignments(anna.id) == []


def test_a_change_by_another_replica_holds_within_a_second(
    bench: AccessBench, clock: FakeClock
) -> None:
    replica = AccessService(bench.database, clock, "http://northstar.test", sealer=bench.sealer)
    anna = bench.principal("anna")
    assert not replica.allowed(anna, "version:read", PROD)
    held = bench.access.directory.assign(anna.id, "reader", Scope(), "user:admin")
    clock.advance(1)
    assert replica.allowed(anna, "version:read", PROD)
    bench.access.directory.revoke(held.id, by="test")
    clock.advance(1)
    assert not replica.allowed(anna, "version:read", PROD)


def test_principals_are_made_once_and_have_names_that_fit_in_urls(access: AccessService) -> None:
    access.directory.create("user", "anna", by="user:admin")
    with pytest.raises(Conflict):
        access.directory.create("user", "anna", by="user:admin")
    for name in ("Anna", "a/b", "", "x" * 64, "a:b"):
        with pytest.raises(Invalid):
            access.directory.create("user", name, by="user:admin")
    with pytest.raises(NotFound):
        access.directory.assign("user:nobody", "reader", Scope(), "user:admin")


def test_the_control_plane_can_be_neither_taken_over_nor_removed(access: AccessService) -> None:
    with pytest.raises(Denied):
        access.directory.new_secret(PLATFORM.id, by="test")
    with pytest.raises(Denied):
        access.directory.delete(PLATFORM.id, by="test")
    with pytest.raises(Invalid):
        principal_of("platform", "control")
    assert access.authenticate(access.platform_token()) == PLATFORM
    assert access.allowed(PLATFORM, "mlflow:promote", Scope("operations"))


def test_the_platform_token_is_renewed_before_it_ends(
    access: AccessService, clock: FakeClock
) -> None:
    first = access.platform_token()
    assert access.platform_token() == first
    clock.advance(3400)
    assert access.platform_token() != first


def test_a_run_works_in_its_project_and_its_squads_workspace_only(access: AccessService) -> None:
    secret = access.run_identity(ProjectRef("operations", "late-arrival"))
    run = access.authenticate_secret(secret.client_id, secret.client_secret)
    assert run.id == "managed:run/operations/late-arrival"
    assert access.allowed(run, "version:register", Scope("operations", "late-arrival"))
    assert access.allowed(run, "mlflow:write", Scope("operations"))
    assert not access.allowed(run, "version:register", Scope("operations", "other"))
    assert not access.allowed(run, "mlflow:write", Scope("pricing"))
    assert not access.allowed(run, "release:propose", PROD)
    access.run_identity(ProjectRef("operations", "late-arrival"))
    assert len(access.directory.assignments(run.id)) == 2


def test_what_a_run_was_given_ends_with_it(access: AccessService, clock: FakeClock) -> None:
    project = ProjectRef("operations", "late-arrival")
    secret = access.run_identity(project)
    run = access.authenticate_secret(secret.client_id, secret.client_secret)
    kept = access.token_for(run, PLATFORM_AUDIENCE).access_token
    clock.advance(1)
    access.end_run_identity(project)
    with pytest.raises(Unauthenticated):
        access.authenticate_secret(secret.client_id, secret.client_secret)
    with pytest.raises(Unauthenticated):
        access.authenticate(kept)
    clock.advance(1)
    following = access.run_identity(project)
    again = access.authenticate_secret(following.client_id, following.client_secret)
    access.authenticate(access.token_for(again, PLATFORM_AUDIENCE).access_token)


def test_a_serving_process_may_sync_its_endpoint_and_nothing_else(access: AccessService) -> None:
    secret = access.endpoint_identity(EndpointRef("operations", "late-arrival", "prod"))
    again = access.endpoint_identity(EndpointRef("operations", "late-arrival", "prod"))
    for known in (secret, again):  # a process that was started before keeps its own
        process = access.authenticate_secret(known.client_id, known.client_secret)
    assert access.allowed(process, "endpoint:sync", PROD)
    assert not access.allowed(process, "endpoint:sync", Scope("operations", "late-arrival", "dev"))
    assert not access.allowed(process, "version:read", PROD)


def test_the_administrator_is_made_once_and_older_secrets_end_after_a_day(
    access: AccessService, clock: FakeClock
) -> None:
    client_id, first = access.bootstrap_administrator()
    _, second = access.bootstrap_administrator()
    admin = access.authenticate_secret(client_id, first)
    assert access.allowed(admin, "principal:create", Scope())
    assert len(access.directory.assignments(admin.id)) == 1
    clock.advance(24 * 3600 + 1)
    with pytest.raises(BadCredentials):
        access.authenticate_secret(client_id, first)
    assert access.authenticate_secret(client_id, second) == admin


def test_a_sign_in_link_works_once_and_for_an_hour(access: AccessService, clock: FakeClock) -> None:
    access.bootstrap_administrator()
    code = access.sign_in_link("admin").partition("code=")[2]
    cookie = access.sessions.redeem(code)
    assert access.authenticate_session(cookie).id == "user:admin"
    with pytest.raises(BadCredentials):
        access.sessions.redeem(code)
    late = access.sign_in_link("admin").partition("code=")[2]
    clock.advance(3601)
    with pytest.raises(BadCredentials):
        access.sessions.redeem(late)


def test_a_session_ends_by_signing_out_or_after_a_while(
    bench: AccessBench, clock: FakeClock
) -> None:
    access = bench.access
    access.bootstrap_administrator()
    first, second = bench.session("user:admin"), bench.session("user:admin")
    access.sessions.end(first)
    with pytest.raises(BadCredentials):
        access.authenticate_session(first)
    access.authenticate_session(second)
    clock.advance(12 * 3600)
    with pytest.raises(BadCredentials):
        access.authenticate_session(second)
