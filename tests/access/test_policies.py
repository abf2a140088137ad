"""A platform team's own policies: read at start, refused with file and line, tried with a table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from northstar.access.decisions import PolicyBook, policy_book
from northstar.access.domain import PLATFORM, RoleAssignment, RoleName
from northstar.access.policy_files import read_schema
from northstar.cli import root
from northstar.clock import FakeClock
from northstar.errors import Failed, Invalid
from northstar.names import Scope
from northstar.platform.settings import Settings
from northstar.platform.wiring import build

PROD = Scope("operations", "late-arrival", "prod")
NO_ROBOTS = """// What goes to production is proposed by people.
@id("people-propose-in-production")
@reason("In production a person proposes, not a program.")
forbid (principal, action == Action::"release:propose", resource)
when {
  context.principal_kind == "service" &&
  resource has environment && resource.environment == "prod"
};
"""
EVERYBODY_PROMOTES = """
@id("free-for-all") @reason("Why not?")
permit (principal, action, resource);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "policies"
    made.mkdir()
    return made


def decided(
    book: PolicyBook, principal: str, action: str, held: RoleName | None, **about: str
) -> tuple[bool, tuple[str, ...]]:
    assignments = [
        RoleAssignment(
            id=1,
            principal=principal,
            role=held,
            scope="/",
            expires_at=None,
            assigned_by="user:admin",
            assigned_at=FakeClock().now(),
        )
        for held in ([held] if held else [])
    ]
    decision = book.rights(assignments).decide(principal, action, PROD, about)
    return decision.allowed, decision.reasons


def test_a_custom_policy_narrows_what_roles_allow(folder: Path) -> None:
    (folder / "ours.cedar").write_text(NO_ROBOTS)
    book = policy_book(folder)
    allowed = decided(book, "user:anna", "release:propose", "data-scientist")
    assert allowed == (True, ("data-scientist",))
    refused = decided(book, "service:ci", "release:propose", "data-scientist")
    assert refused == (False, ("people-propose-in-production",))
    assert book.policies["people-propose-in-production"].line == 2


def test_a_custom_permit_widens_but_crosses_no_guard_rail(folder: Path) -> None:
    (folder / "ours.cedar").write_text(EVERYBODY_PROMOTES)
    book = policy_book(folder)
    assert decided(book, "user:anna", "squad:create", None) == (True, ("free-for-all",))
    for action, about in (
        ("mlflow:promote", {}),
        ("mlflow:provision", {}),
        ("release:approve", {"proposed_by": "user:anna"}),
        ("elevation:decide", {"requested_by": "user:anna"}),
        ("role:assign", {"given_to": "user:anna"}),
        ("role:assign", {"role": "run"}),
    ):
        assert not decided(book, "user:anna", action, "platform-admin", **about)[0], action


def test_the_control_plane_is_not_held_up_by_custom_policies(folder: Path) -> None:
    (folder / "ours.cedar").write_text(
        '@id("closed") @reason("Closed.") forbid (principal, action, resource);'
    )
    book = policy_book(folder)
    assert not decided(book, "user:admin", "version:read", "platform-admin")[0]
    assert book.platform_rights().decide(PLATFORM.id, "mlflow:promote", PROD, {}).allowed


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ('\n\n@id("a") @reason("b")\nforbid (principal action, resource);', "line 3", "how-to"),
        (NO_ROBOTS.replace("release:propose", "release:propse"), "line 2", "release:propose"),
        (NO_ROBOTS.replace("resource has environment && ", ""), "line 2", "resource has env"),
        (NO_ROBOTS.replace("principal_kind", "kind"), "`kind`", "has principal_kind"),
        (
            NO_ROBOTS.replace("resource has environment", "resource has enviroment"),
            "a resource never has enviroment",
            "Did you mean environment?",
        ),
        (
            NO_ROBOTS.replace("when {", "when { context has proposed &&"),
            "line 2: a context never has proposed",
            "Did you mean proposed_by?",
        ),
        (NO_ROBOTS + "forbid (principal, action, resource);", "line 9", "@id"),
        (NO_ROBOTS.replace("@reason", "@because"), "line 2", "@reason"),
        (NO_ROBOTS.replace("principal,", "principal == ?principal,"), "template", "how-to"),
        (NO_ROBOTS + NO_ROBOTS, "line 10", "an @id of its own"),
        (NO_ROBOTS.replace("people-propose-in-production", "approver"), "roles.cedar", "@id"),
        (NO_ROBOTS.replace("people-propose", "four-eyes-proposer"), "line 2", "company's name"),
        (NO_ROBOTS.replace("people-propose-in-production", "operator-"), "line 2", "company's"),
        (NO_ROBOTS.replace("people-propose-in-production", "Approver"), "line 2", "a-z"),
        (NO_ROBOTS.replace("people-propose-in-production", "a\\n, approver"), "line 2", "a-z"),
        (
            NO_ROBOTS.replace("people-propose-in-production", "what-ends-gives-no-longer"),
            "line 2",
            "company's name",
        ),
    ],
)
def test_a_policy_that_does_not_fit_is_refused_with_file_line_and_advice(
    folder: Path, text: str, where: str, hint: str
) -> None:
    (folder / "ours.cedar").write_text(text)
    with pytest.raises(Invalid) as refused:
        policy_book(folder)
    assert refused.value.message.startswith("ours.cedar, line ")
    assert where in refused.value.message
    assert hint in refused.value.hint


def test_what_is_wrong_for_every_action_is_said_once(folder: Path) -> None:
    everywhere = NO_ROBOTS.replace(' == Action::"release:propose"', "")
    (folder / "ours.cedar").write_text(everywhere.replace("principal_kind", "kind"))
    with pytest.raises(Invalid) as refused:
        policy_book(folder)
    assert refused.value.message.count("attribute `kind` in context not found") == 1


def test_a_bad_policy_stops_the_start(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "policies").mkdir(parents=True)
    (state / "policies" / "ours.cedar").write_text("forbid everything")
    with pytest.raises(Invalid, match=r"ours\.cedar, line 1"):
        build(Settings.embedded(state, "127.0.0.1", 1))
    assert not (state / "northstar.db").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no folder of policies"):
        policy_book(tmp_path / "nowhere")


def test_everything_that_the_schema_names_can_be_asked_for() -> None:
    schema = read_schema()
    book = PolicyBook()
    for action in schema.actions:
        decision = book.platform_rights().decide(PLATFORM.id, action, PROD, {})
        assert decision.allowed, (action, decision)
    everything = dict.fromkeys(schema.about, "user:anna")
    assert book.platform_rights().decide(PLATFORM.id, "role:assign", PROD, everything).allowed


CASES = """
policies: policies
principals:
  user:anna: {approver: /operations, data-scientist: /operations}
  service:ci: {data-scientist: [/operations, /pricing]}
cases:
  - name: a person agrees
    principal: user:anna
    action: release:approve
    resource: /operations/late-arrival/prod
    context: {proposed_by: service:ci}
    expect: allow
    because: approver
  - name: a program does not
    principal: service:ci
    action: release:propose
    resource: /pricing/fares/prod
    expect: deny
    because: people-propose-in-production
  - name: who has no role reads nothing
    principal: user:bert
    action: version:read
    resource: /operations
    expect: deny
"""


def tried(file: Path, *options: str) -> Result:
    return CliRunner().invoke(root, ["access", "test", str(file), *options])


def test_a_table_of_cases_holds(folder: Path) -> None:
    (folder / "ours.cedar").write_text(NO_ROBOTS)
    file = folder.parent / "cases.yaml"
    file.write_text(CASES)
    done = tried(file)
    assert done.exit_code == 0, done.output
    assert done.stderr == "3 cases hold.\n"
    assert [one["holds"] for one in json.loads(tried(file, "--json").stdout)] == [True] * 3


def test_a_case_that_is_decided_differently_is_shown_with_line_and_policy(folder: Path) -> None:
    file = folder.parent / "cases.yaml"
    file.write_text(CASES)  # the policy that it speaks of is not there
    role = policy_book().policies["data-scientist"]
    failed = tried(file)
    assert isinstance(failed.exception, Failed)
    assert failed.exception.message == "1 of 3 cases are decided differently."
    assert failed.stdout.splitlines() == [
        f"{file}, line 14: a program does not",
        "    service:ci  release:propose  /pricing/fares/prod",
        "  - deny, because of people-propose-in-production",
        f"  + allow, because of data-scientist (roles.cedar, line {role.line}: {role.reason})",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("expect: deny", "expect: maybe"), "line 14: cases.1.expect"),
        (("{approver: /op", "{king: /op"), "principals.user:anna.king"),
        (("cases:", "case:"), "case"),
        (("release:propose", "release:propos"), "Line 14: release:propos is no action"),
        (
            ("{proposed_by: s", "{proposed: s"),
            "proposed is no context; did you mean 'proposed_by'?",
        ),
        (("proposed_by: service:ci", "proposed_by: ci"), "ci is no principal"),
        (("principal: user:bert", "principal: bert"), "bert is no principal"),
        (("principals:", "principals: ["), "not YAML"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(
    folder: Path, change: tuple[str, str], told: str
) -> None:
    file = folder.parent / "cases.yaml"
    file.write_text(CASES.replace(*change))
    failed = tried(file)
    assert isinstance(failed.exception, Invalid)
    assert told in failed.exception.message


def test_the_how_to_holds(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "writing-a-policy.md"
    blocks = dict(re.findall(r"```(cedar|yaml)\n(.*?)```", page.read_text(), re.DOTALL))
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "production.cedar").write_text(blocks["cedar"])
    file = tmp_path / "cases.yaml"
    file.write_text(blocks["yaml"])
    assert tried(file).exit_code == 0
    (tmp_path / "policies" / "production.cedar").unlink()
    assert f"line {policy_book().policies['data-scientist'].line}:" in tried(file).stdout
    for line in tried(file).stdout.replace(f"{file}", "cases.yaml").splitlines()[:3]:
        assert line in page.read_text()
