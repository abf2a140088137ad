"""Signing in with an organisation's account: a real provider, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from northstar.access.api import router as access_router
from northstar.access.domain import AuditQuery, Grant
from northstar.access.sign_in.api import router
from northstar.access.sign_in.domain import SignInSettings, parse_roles
from northstar.access.sign_in.service import SignIn
from northstar.access.testing import AccessBench
from northstar.errors import Conflict, Denied, Invalid
from northstar.names import Scope
from tests.access.issuer import CLIENT, SECRET, Issuer, new_key

ANNA = {"sub": "0d7f-1", "preferred_username": "Anna.Smith@contoso.com"}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer(person=dict(ANNA))
    yield issuer
    issuer.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[AccessBench]:
    bench = AccessBench(tmp_path)
    yield bench
    bench.database.close()


def settings_for(issuer: Issuer, **more: Any) -> SignInSettings:
    return SignInSettings(issuer.url, CLIENT, SECRET, **more)


def browser_of(bench: AccessBench, settings: SignInSettings) -> TestClient:
    """A browser with its cookies, at a platform with these settings."""
    sign_in = SignIn(bench.access, bench.clock, settings)
    routes = (
        access_router(bench.access, bench.guard),
        router(bench.access, sign_in, bench.guard),
    )
    return TestClient(bench.app(*routes), "http://northstar.test", follow_redirects=False)


@pytest.fixture
def browser(bench: AccessBench, issuer: Issuer) -> TestClient:
    return browser_of(bench, settings_for(issuer))


def at_provider(browser: TestClient, again: str = "/") -> str:
    """Begin, be known to the provider, and return where it sends the browser."""
    begun = browser.get("/sign-in/start", params={"again": again})
    assert begun.status_code == 303
    answer = httpx2.get(begun.headers["location"], trust_env=False)
    return str(answer.headers["location"]).removeprefix("http://northstar.test")


def who(browser: TestClient) -> str | None:
    answer = browser.get("/api/me")
    return answer.json()["principal"]["id"] if answer.status_code == 200 else None


def test_an_account_becomes_a_user_with_a_session(bench: AccessBench, browser: TestClient) -> None:
    back = at_provider(browser, again="/projects/fashion/returns?tab=2")
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/projects/fashion/returns?tab=2",
    )
    assert who(browser) == "user:anna-smith"
    (started,) = bench.access.audit.entries(AuditQuery(action="session:start"))
    assert started.detail["account"] == "Anna.Smith@contoso.com"
    assert str(started.credential).startswith("account:")


def test_the_request_to_the_provider_carries_state_nonce_and_a_challenge(
    browser: TestClient,
) -> None:
    url = browser.get("/sign-in/start").headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["redirect_uri"] == "http://northstar.test/sign-in/callback"
    assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    secret = browser.cookies["northstar_sign_in"].strip('"').partition(".")[0]
    assert secret not in url
    again = browser.get("/sign-in/start").headers["location"]
    assert parse_qs(urlsplit(again).query)["state"] != [asked["state"]]


def test_the_claim_that_never_changes_says_who_it_is(
    bench: AccessBench, browser: TestClient, issuer: Issuer
) -> None:
    browser.get(at_provider(browser))
    issuer.person["preferred_username"] = "anna.jones@contoso.com"  # married
    browser.get(at_provider(browser))
    assert who(browser) == "user:anna-smith"
    issuer.person = {"sub": "0d7f-2", "preferred_username": "anna.smith@contoso.com"}  # another one
    browser.get(at_provider(browser))
    assert str(who(browser)).startswith("user:anna-smith-")
    assert len(bench.access.directory.principals()) == 2


def test_nobody_becomes_somebody_who_exists_by_calling_themselves_so(
    bench: AccessBench, browser: TestClient, issuer: Issuer
) -> None:
    bench.principal("anna-smith", "platform-admin")
    browser.get(at_provider(browser))
    assert str(who(browser)).startswith("user:anna-smith-")
    issuer.person = {"sub": "x", "preferred_username": "admin@contoso.com"}
    browser.get(at_provider(browser))
    assert str(who(browser)).startswith("user:admin-")


def test_an_account_can_be_linked_to_a_user_beforehand(
    bench: AccessBench, browser: TestClient
) -> None:
    bench.principal("anna")
    wanted = {"subject": ANNA["sub"]}
    place = "/api/principals/user:anna/accounts"
    assert browser.post(place, json=wanted, headers=bench.headers()).status_code == 204
    browser.get(at_provider(browser))
    assert who(browser) == "user:anna"
    again = SignIn(bench.access, bench.clock, SignInSettings("http://localhost:1", "c"))
    with pytest.raises(Denied):
        bench.access.directory.create("service", "ci", by="test")
        again.link("service:ci", "y", by="test")
    again.link("user:anna", "y", by="test")
    with pytest.raises(Conflict):
        again.link("user:anna", "y", by="test")


def test_entras_object_id_is_the_claim_of_entra(bench: AccessBench) -> None:
    entra = SignInSettings("https://login.microsoftonline.com/5f0c/v2.0", "id")
    assert (entra.claim, SignInSettings("https://id.example", "id").claim) == ("oid", "sub")


def test_groups_give_roles_while_one_is_signed_in(bench: AccessBench, issuer: Issuer) -> None:
    roles = parse_roles("g1=squad-owner@/fashion g1=reader@/ g2=platform-admin@/")
    browser = browser_of(bench, settings_for(issuer, roles=roles))
    issuer.person["groups"] = ["g1", "unknown"]
    browser.get(at_provider(browser))
    held = bench.access.directory.assignments("user:anna-smith")
    assert {(each.role, each.scope) for each in held} == {
        ("squad-owner", "/fashion"),
        ("reader", "/"),
    }
    assert all(each.expires_at for each in held)
    given = bench.access.directory.assign("user:anna-smith", "approver", Scope(), by="user:olga")
    issuer.person["groups"] = []  # left the group
    browser.get(at_provider(browser))
    assert bench.access.directory.assignments("user:anna-smith") == [given]


@pytest.mark.parametrize("text", ["g1", "g1=reader", "g1=king@/", "=reader@/", "g=run@/a/b"])
def test_a_mapping_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_roles(text)


def test_a_mapping_reads_groups_with_equal_signs() -> None:
    assert parse_roles("cn=ml,dc=x=reader@/a") == {
        "cn=ml,dc=x": (Grant(role="reader", scope="/a"),)
    }


@pytest.mark.parametrize(
    "url", ["http://id.example", "ftp://id.example", "", "https://", "https://u:p@id.example"]
)
def test_a_provider_is_asked_over_https_only(url: str) -> None:
    with pytest.raises(Invalid):
        SignInSettings(url, "id")


# -- attacks


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another"]},  # and no authorised party
        {"azp": "another-client"},
        {"iss": "https://another.example"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 99_999_999_999},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
)
def test_an_id_token_that_is_not_for_us_now_is_refused(
    bench: AccessBench, browser: TestClient, issuer: Issuer, claims: dict[str, Any]
) -> None:
    issuer.override = claims
    assert browser.get(at_provider(browser)).status_code in (400, 401)
    assert who(browser) is None
    assert bench.access.directory.principals() == []
    assert bench.access.audit.entries(AuditQuery(action="session:start"))[0].outcome == "denied"


@pytest.mark.parametrize("subject", [None, 7, "", "x" * 256])
def test_an_id_token_that_identifies_nobody_is_refused(
    browser: TestClient, issuer: Issuer, subject: object
) -> None:
    issuer.override = {"sub": subject}
    assert browser.get(at_provider(browser)).status_code >= 400
    assert who(browser) is None


def test_an_id_token_signed_by_another_key_is_refused(browser: TestClient, issuer: Issuer) -> None:
    kid = issuer.signing.kid
    issuer.signing = new_key()
    issuer.keys[0] = issuer.keys[0] | {"kid": issuer.signing.kid}  # the old key under the new name
    assert kid != issuer.signing.kid
    assert browser.get(at_provider(browser)).status_code in (400, 401)
    assert who(browser) is None


def test_an_answer_with_another_state_is_refused(browser: TestClient) -> None:
    back = at_provider(browser)
    for changed in (back.replace("state=", "state=x"), back.split("&state")[0]):
        assert browser.get(changed).status_code == 401
    assert who(browser) is None


def test_an_answer_to_another_browsers_question_is_refused(
    bench: AccessBench, browser: TestClient, issuer: Issuer
) -> None:
    """Signing somebody in as the attacker, or stealing an answer: both lack the cookie."""
    victim = browser_of(bench, settings_for(issuer))
    back = at_provider(browser)
    assert victim.get(back).status_code == 401  # without having begun
    at_provider(victim)
    assert victim.get(back).status_code == 401  # after having begun
    assert who(victim) is None


def test_a_code_put_into_ones_own_answer_is_refused(
    bench: AccessBench, browser: TestClient, issuer: Issuer
) -> None:
    """Another browser's code, with one's own state: the verifier does not fit."""
    attacker = browser_of(bench, settings_for(issuer))
    stolen = parse_qs(urlsplit(at_provider(browser)).query)["code"][0]
    own = parse_qs(urlsplit(at_provider(attacker)).query)["state"][0]
    answer = attacker.get("/sign-in/callback", params={"code": stolen, "state": own})
    assert answer.status_code == 401
    assert "invalid_grant" in answer.text
    assert who(attacker) is None


def test_an_answer_works_once(browser: TestClient) -> None:
    back = at_provider(browser)
    kept = browser.cookies["northstar_sign_in"]
    assert browser.get(back).status_code == 303
    assert "northstar_sign_in" not in browser.cookies
    browser.cookies.clear()
    assert browser.get(back).status_code == 401
    browser.cookies.set("northstar_sign_in", kept)
    assert browser.get(back).status_code == 401


def test_a_session_that_was_planted_is_never_taken_over(
    bench: AccessBench, browser: TestClient
) -> None:
    mallory = bench.principal("mallory")
    planted = bench.session(mallory.id)
    back = at_provider(browser)
    browser.cookies.set("northstar_session", planted, domain="northstar.test", path="/")
    answer = browser.get(back)
    fresh = answer.headers["set-cookie"].partition("northstar_session=")[2].partition(";")[0]
    assert fresh not in ("", planted)
    assert bench.access.authenticate_session(fresh).id == "user:anna-smith"
    browser.cookies.clear()
    browser.cookies.set("northstar_session", planted)
    assert who(browser) is None


def test_an_answer_of_another_provider_is_refused(browser: TestClient, issuer: Issuer) -> None:
    back = at_provider(browser)
    mixed_up = browser.get(f"{back}&iss=https://evil.example")
    assert mixed_up.status_code == 401
    back = at_provider(browser)
    assert browser.get(f"{back}&iss={issuer.url}").status_code == 303


def test_a_document_that_names_another_issuer_is_refused(
    browser: TestClient, issuer: Issuer
) -> None:
    issuer.metadata = {"issuer": "https://another.example"}
    assert browser.get("/sign-in/start").status_code == 500


@pytest.mark.parametrize("name", ["authorization_endpoint", "jwks_uri"])
def test_a_document_that_leads_to_plain_http_is_refused(
    browser: TestClient, issuer: Issuer, name: str
) -> None:
    issuer.metadata = {name: "http://id.example/there"}
    assert browser.get("/sign-in/start").status_code == 422


def test_the_providers_no_is_told_and_nothing_of_what_it_might_smuggle(
    browser: TestClient,
) -> None:
    state = parse_qs(urlsplit(at_provider(browser)).query)["state"][0]
    said = browser.get("/sign-in/callback", params={"error": "access_denied", "state": state})
    assert (said.status_code, "access_denied" in said.text) == (401, True)
    hostile = {"error": "<script>alert(1)</script>", "state": state}
    assert "script" not in browser.get("/sign-in/callback", params=hostile).text


@pytest.mark.parametrize(
    "page", ["//evil.example", "https://evil.example", "/\\evil.example", "/\tx", "x", "/sign-out"]
)
def test_one_is_led_to_our_own_pages_only(browser: TestClient, page: str) -> None:
    answer = browser.get(at_provider(browser, again=page))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_cookies_are_strict_where_the_platform_is_https(tmp_path: Path, issuer: Issuer) -> None:
    bench = AccessBench(tmp_path)
    bench.access.tokens.issuer = "https://northstar.test"
    answer = browser_of(bench, settings_for(issuer)).get("/sign-in/start")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-northstar_sign_in=")
    for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert word in cookie
    assert "Domain" not in cookie
    bench.database.close()


def test_signing_out_leads_to_the_provider(browser: TestClient, issuer: Issuer) -> None:
    place = browser.get("/sign-out/organisation").headers["location"]
    assert place.startswith(f"{issuer.url}/logout?client_id={CLIENT}&post_logout_redirect_uri=")
    issuer.broken = True
    assert browser.get("/sign-out/organisation").status_code == 303  # the document is kept


def test_the_providers_secret_is_nowhere(
    bench: AccessBench, browser: TestClient, issuer: Issuer, tmp_path: Path
) -> None:
    assert SECRET not in repr(settings_for(issuer))
    browser.get(at_provider(browser))
    for file in tmp_path.rglob("*"):
        assert SECRET.encode() not in file.read_bytes()
