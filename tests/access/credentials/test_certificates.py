"""Clients that prove themselves with the key of a certificate (RFC 7523)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from northstar.access.api import router
from northstar.access.domain import AuditQuery
from northstar.access.testing import AccessBench
from northstar.connection.assertion import client_assertion
from northstar.errors import Conflict, Invalid
from tests.access.issuer import signed_with_the_public_key

TOKEN_URL = "http://northstar.test/oauth/token"
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def certificate_of(key: Any, days: float = 30) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ci.contoso.com")])
    start = datetime.now(UTC) - timedelta(days=60)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def private_pem(key: Any) -> str:
    return str(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
    )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[AccessBench]:
    bench = AccessBench(tmp_path)
    bench.access.directory.create("service", "ci", "test", with_secret=False)
    bench.access.directory.create("service", "other", "test")
    yield bench
    bench.database.close()


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    return bench.client(router(bench.access, bench.guard))


@pytest.fixture
def key(bench: AccessBench, tmp_path: Path) -> Path:
    """The file with the private key of a certificate that service:ci has."""
    key = ec.generate_private_key(ec.SECP256R1())
    bench.access.credentials.add_certificate("service:ci", certificate_of(key), by="test")
    file = tmp_path / "key.pem"
    file.write_text(private_pem(key))
    return file


def present(client: TestClient, assertion: str, client_id: str = "service:ci") -> Any:
    form = {"grant_type": "client_credentials", "client_id": client_id}
    form |= {"client_assertion_type": BEARER, "client_assertion": assertion}
    return client.post("/oauth/token", data=form)


def test_an_assertion_becomes_a_token_once(
    bench: AccessBench, client: TestClient, key: Path
) -> None:
    assertion = client_assertion(key, "service:ci", TOKEN_URL)
    answer = present(client, assertion)
    token = answer.json()["access_token"]
    assert bench.access.authenticate(token).id == "service:ci"
    (issued,) = bench.access.audit.entries(AuditQuery(action="token:issue"))
    assert issued.credential == "certificate"
    again = present(client, assertion)
    assert (again.status_code, "used before" in again.text) == (401, True)


@pytest.mark.parametrize("make", [rsa.generate_private_key, ec.generate_private_key])
def test_keys_of_both_kinds_are_taken_from_their_public_half(
    bench: AccessBench, client: TestClient, tmp_path: Path, make: Any
) -> None:
    private = make(65537, 2048) if make is rsa.generate_private_key else make(ec.SECP384R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    made = bench.access.credentials.add_certificate("service:ci", public.decode(), by="test")
    assert made.expires_at is None
    file = tmp_path / "key.pem"
    file.write_text(private_pem(private))
    assert present(client, client_assertion(file, "service:ci", TOKEN_URL)).status_code == 200


def test_an_assertion_is_for_this_client_and_this_platform(
    bench: AccessBench, client: TestClient, key: Path
) -> None:
    bench.access.credentials.add_certificate(
        "service:other", certificate_of(ec.generate_private_key(ec.SECP256R1())), by="test"
    )
    for assertion, client_id in (
        (client_assertion(key, "service:ci", "https://another.example"), "service:ci"),
        (client_assertion(key, "service:other", TOKEN_URL), "service:ci"),
        (client_assertion(key, "service:ci", TOKEN_URL), "service:other"),
        (client_assertion(key, "service:ci", TOKEN_URL), "service:nobody"),
        (client_assertion(key, "service:ci", TOKEN_URL), ""),
    ):
        assert present(client, assertion, client_id).status_code == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1_000_000_000},
        {"exp": int(time.time()) + 7200},
        {"exp": None},
        {"jti": None},
        {"iss": "service:other"},
        {"sub": "user:admin"},
        {"nbf": int(time.time()) + 900},
    ],
)
def test_an_assertion_says_what_it_must(
    client: TestClient, key: Path, changed: dict[str, Any]
) -> None:
    claims = {"iss": "service:ci", "sub": "service:ci", "aud": TOKEN_URL, "jti": "1"}
    said = {**claims, "exp": int(time.time()) + 60, **changed}
    kept = {name: value for name, value in said.items() if value is not None}
    private = ECKey.import_key(key.read_text())
    refused = present(client, jwt.encode({"alg": "ES256"}, kept, private))
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


def test_forged_assertions_are_refused(client: TestClient, key: Path) -> None:
    claims: dict[str, Any] = {"iss": "service:ci", "sub": "service:ci", "aud": TOKEN_URL}
    claims |= {"exp": int(time.time()) + 60, "jti": "1"}
    own = ECKey.generate_key("P-256", private=True)
    header = {"alg": "ES256", "jwk": own.as_dict(private=False)}
    signed = client_assertion(key, "service:ci", TOKEN_URL)
    for forged in (
        jwt.encode(header, claims, own),
        signed_with_the_public_key(ECKey.import_key(key.read_text()), claims),
        "eyJhbGciOiJub25lIn0." + signed.split(".")[1] + ".",
        signed.rpartition(".")[0] + ".",
        "x",
    ):
        assert present(client, forged).status_code == 401


def test_an_expired_certificate_proves_nothing(
    bench: AccessBench, client: TestClient, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    bench.access.credentials.add_certificate("service:ci", certificate_of(key, days=-1), by="test")
    file = tmp_path / "key.pem"
    file.write_text(private_pem(key))
    assert present(client, client_assertion(file, "service:ci", TOKEN_URL)).status_code == 401


def test_a_withdrawn_certificate_proves_nothing(
    bench: AccessBench, client: TestClient, key: Path
) -> None:
    (held,) = bench.access.credentials.of("service:ci")
    assert held.about.startswith("CN=ci.contoso.com (EC secp256r1), SHA-256 ")
    bench.access.credentials.remove("service:ci", "certificate", held.number, by="test")
    assert present(client, client_assertion(key, "service:ci", TOKEN_URL)).status_code == 401


def test_what_is_no_good_key_is_not_registered(bench: AccessBench) -> None:
    credentials = bench.access.credentials
    good = ec.generate_private_key(ec.SECP256R1())
    pem = certificate_of(good)
    credentials.add_certificate("service:ci", pem, by="test")
    with pytest.raises(Conflict):
        credentials.add_certificate("service:ci", pem, by="test")
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    odd = ec.generate_private_key(ec.SECP256K1())
    for pem in (certificate_of(weak), certificate_of(odd), "", "-----BEGIN CERTIFICATE-----\nx"):
        with pytest.raises(Invalid):
            credentials.add_certificate("service:ci", pem, by="test")
    with pytest.raises(Invalid, match="private key") as refused:
        credentials.add_certificate("service:ci", private_pem(good), by="test")
    assert "BEGIN" not in str(refused.value)
