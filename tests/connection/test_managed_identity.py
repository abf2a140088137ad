"""The managed-identity endpoint: what Azure's own library gets from it, and what nobody gets."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from northstar.connection import Granted
from northstar.connection.managed_identity import IdentityEndpoint
from northstar.errors import Denied, Invalid, NorthstarError, Unavailable

RUN = "managed:run/fashion/returns"
QUERY = {"api-version": "2019-08-01", "resource": "api://northstar"}


def jwt_like(subject: str = RUN) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln"


@dataclass
class Source:
    """Gives tokens that say whose they are, or an error."""

    error: NorthstarError | None = None
    asked: list[str] = field(default_factory=list)

    def grant(self, audience: str, at_least_seconds: float) -> Granted:
        self.asked.append(audience)
        if self.error:
            raise self.error
        return Granted(jwt_like(), time.time() + max(3600, at_least_seconds))


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def endpoint(source: Source) -> Iterator[IdentityEndpoint]:
    endpoint = IdentityEndpoint(source)
    yield endpoint
    endpoint.close()


def get(
    endpoint: IdentityEndpoint, headers: dict[str, str] | None = None, **query: str
) -> httpx2.Response:
    known = endpoint.environment
    sent = {"X-IDENTITY-HEADER": known["IDENTITY_HEADER"], **(headers or {})}
    url = known["IDENTITY_ENDPOINT"]
    return httpx2.get(url, params=QUERY | query, headers=sent, trust_env=False)


@pytest.fixture
def credential(
    endpoint: IdentityEndpoint, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ManagedIdentityCredential]:
    for name, value in endpoint.environment.items():
        monkeypatch.setenv(name, value)
    with ManagedIdentityCredential(retry_total=0) as credential:
        yield credential


def test_azures_library_gets_the_platforms_token(
    credential: ManagedIdentityCredential, source: Source
) -> None:
    token = credential.get_token("api://northstar/.default")
    assert token.token == jwt_like()
    assert 3500 < token.expires_on - time.time() <= 3601
    assert source.asked == ["northstar"]


def test_azures_library_gets_an_endpoints_token(
    credential: ManagedIdentityCredential, source: Source
) -> None:
    credential.get_token("api://northstar/fashion/returns/prod/.default")
    assert source.asked == ["fashion/returns/prod"]


def test_a_resource_of_azures_is_refused_with_the_reason(
    credential: ManagedIdentityCredential, source: Source
) -> None:
    with pytest.raises(CredentialUnavailableError, match="api://northstar"):
        credential.get_token("https://vault.azure.net/.default")
    assert source.asked == []


def test_what_the_platform_refuses_is_told_to_azures_library(
    credential: ManagedIdentityCredential, source: Source
) -> None:
    source.error = Denied("managed:run/fashion/returns may not endpoint:invoke")
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError), match="may not"):
        credential.get_token("api://northstar/fashion/other/prod/.default")


def test_the_answer_is_as_app_service_writes_it(endpoint: IdentityEndpoint) -> None:
    answer = get(endpoint, {"Metadata": "true"})
    body = answer.json()
    assert sorted(body) == ["access_token", "client_id", "expires_on", "resource", "token_type"]
    assert (body["resource"], body["token_type"]) == ("api://northstar", "Bearer")
    assert body["client_id"] == RUN
    assert body["expires_on"].isdecimal()
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("secret", ["", "wrong", "é"])
def test_without_the_headers_secret_there_is_nothing(
    endpoint: IdentityEndpoint, source: Source, secret: str
) -> None:
    headers = {"X-IDENTITY-HEADER": secret.encode("latin-1")}
    answer = httpx2.get(
        endpoint.environment["IDENTITY_ENDPOINT"],
        params=QUERY,
        headers=headers if secret else {"Metadata": "true"},
        trust_env=False,
    )
    assert answer.status_code == 401
    assert source.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "metadata.local:80"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"X-Forwarded-For": ""},
        {"Forwarded": "for=10.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
)
def test_what_was_forwarded_or_meant_for_another_host_is_refused(
    endpoint: IdentityEndpoint, source: Source, headers: dict[str, str]
) -> None:
    assert get(endpoint, headers).status_code == 403
    assert source.asked == []


def test_other_requests_are_no_requests(endpoint: IdentityEndpoint, source: Source) -> None:
    assert get(endpoint, **{"api-version": "2017-09-01"}).status_code == 400
    assert get(endpoint, resource="").status_code == 400
    assert get(endpoint, resource="northstar.evil").status_code == 400
    url = endpoint.environment["IDENTITY_ENDPOINT"]
    headers = {"X-IDENTITY-HEADER": endpoint.environment["IDENTITY_HEADER"]}
    twice = f"{url}?api-version=2019-08-01&resource=northstar&resource=other"
    assert httpx2.get(twice, headers=headers, trust_env=False).status_code == 400
    elsewhere = url.replace("/identity/token", "/")
    assert httpx2.get(elsewhere, headers=headers, trust_env=False).status_code == 404
    assert httpx2.post(url, params=QUERY, headers=headers, trust_env=False).status_code == 501
    assert source.asked == []


def test_another_identity_than_ones_own_is_not_given(endpoint: IdentityEndpoint) -> None:
    assert get(endpoint, client_id=RUN).status_code == 200
    other = get(endpoint, client_id="managed:run/fashion/other")
    assert other.status_code == 400
    assert "access_token" not in other.text


@pytest.mark.parametrize(
    ("error", "status"),
    [(Unavailable("away"), 503), (Invalid("no such audience"), 400), (NorthstarError("odd"), 500)],
)
def test_an_error_is_an_answer(
    endpoint: IdentityEndpoint, source: Source, error: NorthstarError, status: int
) -> None:
    source.error = error
    answer = get(endpoint)
    assert (answer.status_code, answer.json()["message"]) == (status, error.message)


def test_on_azure_its_resources_are_asked_of_azure(source: Source) -> None:
    azure = IdentityEndpoint(source)  # speaks the same protocol, and knows api://northstar/…
    inner = IdentityEndpoint(Source(), outer=azure.environment)
    try:
        refused = get(inner, resource="https://vault.azure.net")
        assert refused.status_code == 400
        assert refused.json()["message"].startswith("Azure: ")
        assert get(inner).json()["resource"] == "api://northstar"
        assert source.asked == []
    finally:
        inner.close()
        azure.close()


def test_it_ends_with_its_process(source: Source) -> None:
    endpoint = IdentityEndpoint(source)
    endpoint.close()
    with pytest.raises(httpx2.ConnectError):
        get(endpoint)
