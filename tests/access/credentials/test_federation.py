"""Tokens of other issuers, exchanged for ours: what is trusted, and what is tried."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from northstar.access.api import router
from northstar.access.credentials.domain import ENTRA_AUDIENCE, GITHUB, Trust, check_trust
from northstar.access.domain import AuditQuery
from northstar.access.service import AccessService
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock, SystemClock
from northstar.errors import Conflict, Invalid, NotFound
from tests.access.credentials.test_certificates import certificate_of
from tests.access.issuer import Issuer, new_key, signed_with_the_public_key

AUDIENCE = "https://northstar.example"
SUBJECT = "repo:contoso/fares:environment:prod"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"


class Steady(FakeClock):
    """Tells the real time of day; intervals pass when a test says so."""

    def now(self) -> Any:
        return SystemClock().now()


@pytest.fixture
def clock() -> Steady:
    return Steady()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def bench(tmp_path: Path, issuer: Issuer, clock: Steady) -> Iterator[AccessBench]:
    """A service that trusts the jobs of one repository's environment."""
    bench = AccessBench(tmp_path, clock)
    bench.access.directory.create("service", "ci", "test", with_secret=False)
    trust = Trust(issuer=issuer.url, audience=AUDIENCE, subject=SUBJECT)
    bench.access.credentials.add_trust("service:ci", trust, by="test")
    yield bench
    bench.database.close()


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    return bench.client(router(bench.access, bench.guard))


def exchange(client: TestClient, token: str, **more: str) -> Any:
    form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT}
    return client.post("/oauth/token", data={**form, "client_id": "service:ci", **more})


def good(issuer: Issuer, **claims: Any) -> str:
    return issuer.token(**({"aud": AUDIENCE, "sub": SUBJECT} | claims))


def test_a_pipelines_token_becomes_ours(
    bench: AccessBench, client: TestClient, issuer: Issuer
) -> None:
    answer = exchange(client, good(issuer)).json()
    assert answer["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    claims = bench.access.tokens.check(answer["access_token"])
    assert (claims["sub"], claims["name"]) == ("service:ci", f"ci ({SUBJECT})")
    assert claims["federated"] == {"iss": issuer.url, "sub": SUBJECT}
    (issued,) = bench.access.audit.entries(AuditQuery(action="token:issue"))
    assert (issued.principal, issued.credential) == ("service:ci", f"federated:{SUBJECT}")
    assert (issued.detail["subject"], issued.detail["token"]) == (SUBJECT, claims["jti"])


def test_a_token_works_once(bench: AccessBench, client: TestClient, issuer: Issuer) -> None:
    token = good(issuer)
    assert exchange(client, token).status_code == 200
    again = exchange(client, token)
    assert (again.status_code, "exchanged before" in again.text) == (400, True)
    refused = bench.access.audit.entries(AuditQuery(outcome="denied", limit=1))[0]
    assert refused.detail["reason"] == "The token was exchanged before."
    nameless = good(issuer, jti=None)
    assert exchange(client, nameless).status_code == 200
    assert exchange(client, nameless).status_code == 400


def test_a_token_that_its_issuer_gives_again_works_until_it_ends_and_no_longer(
    bench: AccessBench, client: TestClient, issuer: Issuer
) -> None:
    """As of Azure's managed identities, whose replicas all get the same one."""
    identity = "6f1c4d0a-0000-4000-8000-000000000002"
    trust = Trust(issuer=issuer.url, audience=AUDIENCE, subject=identity, reusable=True)
    bench.access.credentials.add_trust("service:ci", trust, by="test")
    soon = good(issuer, sub=identity, exp=int(time.time()) + 600, jti=None)
    for _ in range(3):
        assert 590 < exchange(client, soon).json()["expires_in"] <= 600
    late = exchange(client, good(issuer, sub=identity, exp=int(time.time()) - 30))
    assert (late.status_code, "has ended" in late.text) == (400, True)
    lasting = good(issuer, sub=identity, exp=int(time.time()) + 86_700)
    assert exchange(client, lasting).json()["expires_in"] == 3600
    once = good(issuer)
    assert [exchange(client, once).status_code for _ in range(2)] == [200, 400]
    assert "--reusable" in exchange(client, once).text


def test_one_token_is_one_however_it_is_written(
    client: TestClient, tmp_path: Path, bench: AccessBench
) -> None:
    """An ECDSA signature has a twin: another text of the same token."""
    issuer = Issuer(
        signing=ECKey.generate_key("P-256", {"use": "sig"}, private=True, auto_kid=True)
    )
    try:
        trust = Trust(issuer=issuer.url, audience=AUDIENCE, subject=SUBJECT)
        bench.access.credentials.add_trust("service:ci", trust, by="test")
        token = good(issuer, jti=None)
        assert exchange(client, token).status_code == 200
        assert exchange(client, _twin(token)).status_code == 400
        assert "exchanged before" in exchange(client, _twin(token)).text
    finally:
        issuer.close()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://another.example"},
        {"aud": None},
        {"aud": []},
        {"sub": "repo:contoso/fares:environment:dev"},
        {"sub": "repo:contoso/fares:environment:prod:extra"},
        {"sub": "x" + SUBJECT},
        {"sub": SUBJECT + "\n"},
        {"sub": SUBJECT.upper()},
        {"sub": None},
        {"sub": [SUBJECT]},
        {"iss": "https://token.actions.githubusercontent.com"},
        {"iss": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": int(time.time()) + 400_000},
        {"exp": 10**400},
        {"nbf": int(time.time()) + 1000},
        {"iat": int(time.time()) + 1000},
    ],
)
def test_what_is_not_trusted_is_refused(
    bench: AccessBench, client: TestClient, issuer: Issuer, claims: dict[str, Any]
) -> None:
    answer = exchange(client, good(issuer, **claims))
    body = answer.json()
    assert answer.status_code == 400
    assert "access_token" not in body
    assert body["code"] == "unauthenticated"
    (refused,) = bench.access.audit.entries(AuditQuery(action="token:issue"))
    assert (refused.principal, refused.outcome) == ("service:ci", "denied")


def test_the_slash_at_an_issuers_end_matters(client: TestClient, issuer: Issuer) -> None:
    assert exchange(client, good(issuer, iss=f"{issuer.url}/")).status_code == 400


def test_a_refusal_tells_nothing_of_what_is_trusted(client: TestClient, issuer: Issuer) -> None:
    told = exchange(client, good(issuer, sub="repo:mallory/x:ref:refs/heads/main")).text
    assert SUBJECT not in told
    unknown = exchange(client, good(issuer), client_id="service:nobody")
    known = exchange(client, good(issuer, aud="x"))
    assert (unknown.status_code, known.status_code) == (400, 400)
    assert "exist" not in unknown.text


def test_nobody_is_asked_for_keys_whom_nobody_trusts(client: TestClient, issuer: Issuer) -> None:
    stranger = Issuer()
    try:
        assert exchange(client, good(stranger)).status_code == 400
        assert stranger.requests == []
    finally:
        stranger.close()


def test_two_issuers_are_not_mixed_up(
    bench: AccessBench, client: TestClient, issuer: Issuer
) -> None:
    """A trusted issuer signs what another one's tokens say."""
    other = Issuer(signing=new_key())
    try:
        trust = Trust(issuer=other.url, audience=AUDIENCE, subject="repo:other/x:environment:dev")
        bench.access.credentials.add_trust("service:ci", trust, by="test")
        assert exchange(client, good(other, iss=issuer.url)).status_code == 400
        assert exchange(client, good(other)).status_code == 400  # the other one's subject
    finally:
        other.close()


def test_forged_signatures_are_refused(client: TestClient, issuer: Issuer) -> None:
    claims = {"aud": AUDIENCE, "sub": SUBJECT}
    kid = str(issuer.signing.kid)
    complete = {**claims, "iss": issuer.url, "exp": int(time.time()) + 60, "jti": "1"}
    confused = signed_with_the_public_key(issuer.signing, complete, kid)
    other_key = issuer.token({"kid": kid}, new_key(), **claims)
    unknown = issuer.token({"kid": "unknown"}, **claims)
    header, payload, signature = good(issuer).split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    changed = base64.urlsafe_b64encode(json.dumps({**claims, "iss": issuer.url}).encode()).decode()
    for forged in (
        confused,
        other_key,
        unknown,
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{changed.rstrip('=')}.{signature}",
        "",
        "a.b.c",
        "..",
        payload,
        "é.é.é",
        "x" * 17_000,
    ):
        assert exchange(client, forged).status_code == 400, forged[:60]
    assert exchange(client, good(issuer)).status_code == 200


def test_a_key_of_the_senders_is_not_believed(client: TestClient, issuer: Issuer) -> None:
    own = ECKey.generate_key("P-256", private=True)
    claims = {"iss": issuer.url, "aud": AUDIENCE, "sub": SUBJECT, "exp": int(time.time()) + 60}
    header = {"alg": "ES256", "jwk": own.as_dict(private=False)}
    assert exchange(client, jwt.encode(header, claims, own)).status_code == 400


def test_new_keys_are_fetched_but_not_at_every_guess(
    client: TestClient, issuer: Issuer, clock: Steady
) -> None:
    assert exchange(client, good(issuer)).status_code == 200
    issuer.signing = new_key()
    issuer.keys = [issuer.signing.as_dict(private=False)]
    for _ in range(5):
        assert exchange(client, good(issuer)).status_code == 400  # asked a moment ago
    assert issuer.requests.count("/keys") == 1
    clock.advance(31)
    assert exchange(client, good(issuer)).status_code == 200
    assert issuer.requests.count("/keys") == 2


def test_an_issuer_that_is_away_is_waited_for_with_its_old_keys(
    client: TestClient, issuer: Issuer, clock: Steady
) -> None:
    assert exchange(client, good(issuer)).status_code == 200
    issuer.broken = True
    clock.advance(2 * 3600)
    assert exchange(client, good(issuer)).status_code == 200
    clock.advance(25 * 3600)
    away = exchange(client, good(issuer))
    assert (away.status_code, away.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://another.example"}, {"jwks_uri": "http://keys.example/x"}, {"jwks_uri": 7}],
)
def test_a_document_that_does_not_fit_is_not_used(
    client: TestClient, issuer: Issuer, metadata: dict[str, Any]
) -> None:
    issuer.metadata = metadata
    assert exchange(client, good(issuer)).status_code in (422, 500)


def test_keys_that_prove_nothing_are_left_out(client: TestClient, issuer: Issuer) -> None:
    kid = issuer.signing.kid
    issuer.keys = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": kid},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": kid},
        {**issuer.keys[0], "use": "enc"},
    ]
    assert exchange(client, good(issuer)).status_code == 400


def test_a_trust_that_was_removed_holds_no_more(
    bench: AccessBench, client: TestClient, issuer: Issuer
) -> None:
    (held,) = bench.access.credentials.of("service:ci")
    bench.access.credentials.remove("service:ci", "trust", held.number, by="test")
    assert exchange(client, good(issuer)).status_code == 400


def test_a_trust_that_was_changed_holds_for_the_new_subject_alone(
    bench: AccessBench, client: TestClient, issuer: Issuer
) -> None:
    (held,) = bench.access.credentials.of("service:ci")
    new = Trust(issuer=issuer.url, audience=AUDIENCE, subject="repo:contoso/fares:ref:x")
    bench.access.credentials.change_trust("service:ci", held.number, new, by="test")
    assert exchange(client, good(issuer)).status_code == 400
    assert exchange(client, good(issuer, sub=new.subject)).status_code == 200
    (told,) = bench.access.audit.entries(AuditQuery(action="principal:trust", principal="test"))[:1]
    assert new.subject in told.model_dump_json()


def test_a_change_that_is_refused_leaves_the_trust_as_it_was(
    bench: AccessBench, client: TestClient, issuer: Issuer
) -> None:
    credentials = bench.access.credentials
    (held,) = credentials.of("service:ci")
    nobody = Trust(issuer=issuer.url, audience=AUDIENCE, subject="*")
    other = Trust(issuer=issuer.url, audience=AUDIENCE, subject="repo:contoso/other:ref:x")
    credentials.add_trust("service:ci", other, by="test")
    with pytest.raises(Invalid):
        credentials.change_trust("service:ci", held.number, nobody, by="test")
    with pytest.raises(Conflict):
        credentials.change_trust("service:ci", held.number, other, by="test")
    with pytest.raises(NotFound):
        credentials.change_trust(
            "service:other", held.number, nobody.model_copy(update={"subject": "a"}), by="test"
        )
    assert exchange(client, good(issuer)).status_code == 200


def test_an_exchange_for_an_endpoint_takes_the_right_to_invoke_it(
    client: TestClient, issuer: Issuer
) -> None:
    asked = exchange(client, good(issuer), audience="fashion/returns/prod")
    assert (asked.status_code, asked.json()["code"]) == (403, "denied")


def test_a_pipelines_job_makes_no_lasting_secret_of_its_token(
    bench: AccessBench, client: TestClient, issuer: Issuer
) -> None:
    bearer = exchange(client, good(issuer)).json()["access_token"]
    headers = {"Authorization": f"Bearer {bearer}"}
    place = "/api/principals/service:ci"
    assert client.post(f"{place}/secrets", headers=headers).status_code == 403
    pem = certificate_of(ec.generate_private_key(ec.SECP256R1()))
    assert (
        client.post(f"{place}/certificates", json={"pem": pem}, headers=headers).status_code == 403
    )
    trust = {"issuer": issuer.url, "audience": AUDIENCE, "subject": "repo:contoso/other"}
    assert client.post(f"{place}/trusts", json=trust, headers=headers).status_code == 403
    (own,) = bench.access.credentials.of("service:ci")
    changed = client.patch(f"{place}/credentials/trust/{own.number}", json=trust, headers=headers)
    assert changed.status_code == 403
    held = [one.kind for one in bench.access.credentials.of("service:ci")]
    assert held == ["trust"]
    assert client.post("/api/sign-in-links", json={}, headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("pattern", "subject", "admitted"),
    [
        (SUBJECT, SUBJECT, True),
        ("repo:contoso/fares:ref:refs/heads/*", "repo:contoso/fares:ref:refs/heads/main", True),
        ("repo:contoso/fares:ref:refs/heads/*", "repo:contoso/fares:ref:refs/heads/a/b", True),
        ("repo:contoso/fares:ref:refs/heads/*", "repo:contoso/fares:ref:refs/heads/", False),
        ("repo:contoso/*:environment:prod", "repo:contoso/x:environment:prod", True),
        ("repo:contoso/*:environment:prod", "repo:contoso/x:ref:y:environment:prod", False),
        ("repo:contoso/*:environment:prod", "repo:contoso-evil/x:environment:prod", False),
        ("repo:contoso/fares:environment:prod", "repo:contoso/fares:environment:prod2", False),
        ("repo:contoso/f.res:environment:prod", "repo:contoso/fares:environment:prod", False),
        ("repo:contoso/f?res:environment:prod", "repo:contoso/fares:environment:prod", False),
        ("repo:contoso/[f]ares:environment:prod", "repo:contoso/fares:environment:prod", False),
    ],
)
def test_a_pattern_means_what_it_says(pattern: str, subject: str, admitted: bool) -> None:
    assert Trust(issuer=GITHUB, audience="a", subject=pattern).admits(subject) is admitted


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_pattern_without_a_star_admits_itself_alone(pattern: str, subject: str) -> None:
    admitted = Trust(issuer=GITHUB, audience="a", subject=pattern).admits(subject)
    assert not admitted or "*" in pattern or pattern == subject


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        (GITHUB, "*"),
        (GITHUB, "repo:*"),
        (GITHUB, "repo:*/fares:environment:prod"),
        (GITHUB, "repo:con*/fares:environment:prod"),
        (GITHUB, "environment:prod"),
        ("https://id.example", "*:admin"),
        ("https://login.microsoftonline.com/contoso.com/v2.0", "a"),
        ("https://login.microsoftonline.com/5f0c1e0a-0000-4000-8000-000000000001/v2.0/", "a"),
        ("https://id.example", ""),
        ("https://id.example", "a\nb"),
        ("https://id.example", "x" * 256),
    ],
)
def test_a_trust_in_nobody_in_particular_is_refused(issuer: str, subject: str) -> None:
    with pytest.raises(Invalid):
        check_trust(Trust(issuer=issuer, audience="a", subject=subject))


def test_what_entra_never_writes_into_a_token_is_not_trusted() -> None:
    issuer = "https://login.microsoftonline.com/5f0c1e0a-0000-4000-8000-000000000001/v2.0"
    check_trust(Trust(issuer=issuer, audience=ENTRA_AUDIENCE, subject="a"))
    with pytest.raises(Invalid, match="by its id") as refused:
        check_trust(Trust(issuer=issuer, audience="api://AzureADTokenExchange", subject="a"))
    assert ENTRA_AUDIENCE in refused.value.hint


@pytest.mark.parametrize("address", ["http://id.example", "file:///etc", "https://", "x"])
def test_an_issuer_is_an_https_address(bench: AccessBench, address: str) -> None:
    with pytest.raises(Invalid):
        bench.access.credentials.add_trust(
            "service:ci", Trust(issuer=address, audience="a", subject="b"), by="test"
        )


def test_the_platform_is_no_other_issuer(bench: AccessBench) -> None:
    access = AccessService(bench.database, bench.clock, "https://northstar.example")
    own = Trust(issuer="https://northstar.example/", audience="northstar", subject="service:other")
    with pytest.raises(Invalid, match="is this platform"):
        access.credentials.add_trust("service:ci", own, by="test")


def test_the_same_trust_is_not_given_twice(bench: AccessBench, issuer: Issuer) -> None:
    with pytest.raises(Conflict):
        bench.access.credentials.add_trust(
            "service:ci",
            Trust(issuer=issuer.url, audience=AUDIENCE, subject=SUBJECT),
            by="test",
        )


def _twin(token: str) -> str:
    """The same token with the other signature that ECDSA admits: (r, n - s)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    head, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    other = order - int.from_bytes(raw[32:], "big")
    twin = base64.urlsafe_b64encode(raw[:32] + other.to_bytes(32, "big")).decode().rstrip("=")
    return f"{head}.{twin}"
