from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from northstar.names import Scope
from tests.platform.web.world import HOSTILE, PLACE, WebWorld

PAGES = [
    "/",
    PLACE,
    f"{PLACE}?environment=staging",
    f"{PLACE}?environment=dev",
    f"{PLACE}/versions/1",
    f"{PLACE}/versions/3?environment=dev",
    "/squads/pricing/projects/fares",
    "/approvals",
    "/alerts",
    "/alerts?state=all&kind=drift&project=operations/late-arrival",
    "/environments",
    "/audit",
    "/audit?outcome=denied",
    "/audit?since=2020-01-01&until=2099-12-31",
    "/access",
    "/access?scope=/operations",
    "/access?scope=/operations/late-arrival/prod",
    f"/audit?principal={quote(HOSTILE)}&action=x",
    f"/alerts?project={quote(HOSTILE)}",
]
HOSTILE_PAGES = [
    "/",
    PLACE,
    f"{PLACE}/versions/1",
    "/approvals",
    "/alerts",
    "/environments",
    "/access?scope=/operations",
    *PAGES[-2:-1],
]


class Markup(HTMLParser):
    """What a browser would make of a page, as far as it could run or fetch something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[dict[str, str | None]] = []
        self.links: set[str] = set()
        self.ids: list[str] = []
        self.faults: list[str] = []
        self.unlabelled: set[str] = set()
        self.labelled: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script":
            self.scripts.append(given)
        if tag in {"style", "img", "iframe", "object", "base"}:
            self.faults.append(tag)
        self.faults += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "a" and given.get("href"):
            self.links.add(str(given["href"]))
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "label":
            self.labelled.add(str(given["for"]))
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden":
            self.unlabelled.add(str(given.get("id")))


@pytest.mark.parametrize("address", PAGES)
def test_a_page_shows_hostile_text_and_runs_none_of_it(world: WebWorld, address: str) -> None:
    answer = world.browser("dora").get(address)
    assert answer.status_code == 200, answer.text
    markup = Markup(answer.text)
    assert markup.faults == []
    for script in markup.scripts:
        assert script.get("type") == "application/json" or str(script["src"]).startswith("/static/")
    assert "lt;49" not in answer.text, "the text was taken for a template"
    if address in HOSTILE_PAGES:
        assert "&lt;script&gt;alert(1)" in answer.text
        assert "{{7*7}}" in answer.text


@pytest.mark.parametrize("address", PAGES)
def test_a_page_sends_a_strict_policy_and_is_not_kept(world: WebWorld, address: str) -> None:
    headers = world.browser("dora").get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_small_and_its_fields_have_labels(world: WebWorld, address: str) -> None:
    answer = world.browser("dora").get(address)
    markup = Markup(answer.text)
    assert len(answer.content) < 150_000
    assert markup.unlabelled <= markup.labelled
    assert len(markup.ids) == len(set(markup.ids)), "an id is used twice"


def test_every_link_leads_somewhere(world: WebWorld) -> None:
    browser = world.browser("dora")
    seen: set[str] = set()
    to_see = {"/"}
    while to_see:
        address = to_see.pop()
        seen.add(address)
        answer = browser.get(address)
        assert answer.status_code == 200, address
        for link in Markup(answer.text).links:
            path = link.partition("#")[0] or address
            path = f"{address.partition('?')[0]}{path}" if path.startswith("?") else path
            if path not in seen:
                to_see.add(path)
    assert f"{PLACE}/versions/2" in seen


def test_the_story_stands_on_the_project_page(world: WebWorld) -> None:
    text = world.browser("anna").get(PLACE).text
    for told in ("roc_auc over event time", "Drift over event time", "waits for approval"):
        assert told in text
    assert "The gate to prod" in text
    assert "Late? &lt;script&gt;" in text


def test_a_refused_release_teaches(world: WebWorld) -> None:
    text = world.browser("anna").get(f"{PLACE}/versions/3?environment=staging").text
    assert "refused by the gate" in text
    assert "As judged for release" in text
    assert "how to fix" in text


def test_strangers_see_a_way_in_and_nothing_else(world: WebWorld) -> None:
    answer = world.browser().get(PLACE)
    assert answer.status_code == 401
    assert "northstar login --link" in answer.text
    assert "late-arrival" not in answer.text.replace(f'href="{PLACE}"', "")


def test_programs_get_json_where_people_get_a_page(world: WebWorld) -> None:
    answer = world.browser().get("/", headers={"accept": "*/*"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"


def test_a_reader_of_another_squad_sees_nothing_of_this_one(world: WebWorld) -> None:
    browser = world.browser("carl")
    for address in ("/", "/approvals", "/alerts?state=all"):
        answer = browser.get(address)
        assert answer.status_code == 200, address
        assert "late-arrival" not in answer.text, address
    assert browser.get(PLACE).status_code == 403


def test_the_audit_is_for_owners_and_as_wide_as_what_they_own(world: WebWorld) -> None:
    assert 'href="/audit"' not in world.browser("anna").get("/").text
    assert world.browser("anna").get("/audit").status_code == 403
    owner = world.browser("ben")
    assert "/operations" in owner.get("/audit").text
    assert owner.get("/audit?scope=/pricing").status_code == 403


def test_what_does_not_exist_is_said_on_a_page(world: WebWorld) -> None:
    browser = world.browser("dora")
    for address in ("/squads/operations/projects/none", f"{PLACE}/versions/99", "/nowhere"):
        answer = browser.get(address)
        assert answer.status_code == 404
        assert "Not found" in answer.text
        assert "content-security-policy" in answer.headers


def test_a_used_link_says_what_to_do(world: WebWorld) -> None:
    code = world.link("anna").partition("?")[2]
    browser = world.browser()
    assert browser.get(f"/sign-in?{code}", follow_redirects=False).status_code == 303
    again = browser.get(f"/sign-in?{code}")
    assert again.status_code == 401
    assert "used before" in again.text


def test_audit_pages_follow_each_other(world: WebWorld) -> None:
    for number in range(60):
        world.platform.access.audit.record(
            "user:x", "test:n", Scope("operations"), "done", {"n": number}
        )
    browser = world.browser("dora")
    first = browser.get("/audit?action=test:n").text
    older = next(link for link in Markup(first).links if "before=" in link)
    second = browser.get(older).text
    assert first.count("<code>test:n</code>") == 50
    assert second.count("<code>test:n</code>") == 10
    assert "Newest" in second


def test_the_audit_is_read_without_what_is_too_much(world: WebWorld) -> None:
    audit = world.platform.access.audit
    for number in range(60):
        audit.record("user:x", f"test:{number % 2}", Scope("operations"), "done")
    browser = world.browser("dora")
    first = browser.get("/audit?principal=user:x&without=test:1").text
    assert first.count("<code>test:0</code>") == 30
    assert "<code>test:1</code>" not in first


def test_a_version_shows_what_a_straight_line_already_knows(world: WebWorld) -> None:
    text = world.browser("anna").get(f"{PLACE}/versions/1").text
    assert "What a straight line already knows" in text
    assert "This version is better than the baseline by" in text
    assert "+0.02" in text
