from __future__ import annotations

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from northstar.access.decisions import PolicyBook
from northstar.access.domain import MACHINE_ROLES, PLATFORM, ROLES, RoleAssignment, RoleName
from northstar.clock import FakeClock
from northstar.names import Scope

BOOK = PolicyBook()
PROJECT = Scope("operations", "late-arrival")
PROD = Scope("operations", "late-arrival", "prod")
SCOPES = [Scope(), Scope("operations"), PROJECT, PROD, Scope("pricing")]


def may(
    held_role: RoleName,
    action: str,
    scope: Scope = PROD,
    held_in: str = "/",
    who: str = "user:anna",
    **about: str,
) -> bool:
    held = RoleAssignment(
        id=1,
        principal=who,
        role=held_role,
        scope=held_in,
        expires_at=None,
        assigned_by="user:admin",
        assigned_at=FakeClock().now(),
    )
    return BOOK.rights([held]).decide(who, action, scope, about).allowed


@pytest.mark.parametrize(
    ("action", "roles"),
    [
        (
            "version:read",
            (
                "platform-admin squad-owner data-scientist approver operator release-manager "
                "reader run"
            ),
        ),
        ("version:register", "platform-admin squad-owner data-scientist run"),
        ("release:propose", "platform-admin squad-owner data-scientist"),
        ("release:approve", "platform-admin squad-owner approver"),
        ("release:rollback", "platform-admin squad-owner approver operator"),
        ("endpoint:invoke", "platform-admin squad-owner data-scientist invoker"),
        ("labels:push", "platform-admin squad-owner data-scientist invoker"),
        ("endpoint:sync", "endpoint-runtime"),
        ("alert:manage", "platform-admin squad-owner data-scientist operator"),
        ("job:create", "platform-admin squad-owner data-scientist operator"),
        ("mlflow:write", "platform-admin squad-owner data-scientist workspace-writer"),
        ("mlflow:manage", "platform-admin squad-owner"),
        ("mlflow:promote", ""),
        ("mlflow:provision", ""),
        ("role:assign", "platform-admin squad-owner"),
        ("elevation:decide", "platform-admin squad-owner"),
        ("endpoint:operate", "platform-admin squad-owner operator"),
        ("principal:create", "platform-admin squad-owner"),
        ("squad:create", "platform-admin"),
        ("freeze:manage", "platform-admin squad-owner release-manager"),
        ("environment:update", "platform-admin"),
        ("infrastructure:report", "platform-admin infrastructure-reporter"),
    ],
)
def test_which_roles_allow_what(action: str, roles: str) -> None:
    assert [role for role in ROLES if may(role, action)] == roles.split()


@settings(deadline=None)
@given(held_in=st.sampled_from(SCOPES), asked=st.sampled_from(SCOPES))
def test_a_role_holds_in_its_scope_and_below_and_nowhere_else(held_in: Scope, asked: Scope) -> None:
    assert may("reader", "version:read", asked, str(held_in)) == held_in.contains(asked)


@settings(deadline=None)
@given(role=st.sampled_from(ROLES), action=st.text(max_size=30))
def test_an_action_that_is_not_in_the_schema_is_denied(role: RoleName, action: str) -> None:
    assert not may(role, f"nothing:{action}")


def test_nobody_approves_what_they_proposed_or_registered() -> None:
    assert may("approver", "release:approve", proposed_by="user:bert", registered_by="user:carl")
    for author in ("proposed_by", "registered_by"):
        assert not may("platform-admin", "release:approve", PROD, **{author: "user:anna"})


@pytest.mark.parametrize("action", ["release:approve", "elevation:decide"])
def test_what_four_eyes_decide_is_for_people(action: str) -> None:
    assert may("platform-admin", action)
    assert not may("platform-admin", action, who="service:ci")
    assert not may("platform-admin", action, who="managed:run/operations/late-arrival")


def test_a_data_scientist_operates_what_is_in_dev_only() -> None:
    for action in ("endpoint:operate", "release:rollback"):
        for scope in (*SCOPES, Scope("operations", "late-arrival", "dev")):
            in_dev = scope.environment == "dev"
            assert may("data-scientist", action, scope) == in_dev


def test_nobody_gives_themselves_a_role_or_decides_on_what_they_asked_for() -> None:
    for action, about in (("role:assign", "given_to"), ("elevation:decide", "requested_by")):
        assert may("platform-admin", action, Scope(), **{about: "user:bert"})
        assert not may("platform-admin", action, Scope(), **{about: "user:anna"})


def test_people_and_services_ask_for_roles_and_processes_do_not() -> None:
    def may_ask(principal: str) -> bool:
        return BOOK.rights([]).decide(principal, "elevation:request", PROD, {}).allowed

    assert may_ask("user:anna")
    assert may_ask("service:ci")
    assert not may_ask("managed:run/operations/late-arrival")


def test_people_do_not_give_roles_of_processes() -> None:
    for role in MACHINE_ROLES:
        assert not may("platform-admin", "role:assign", Scope(), role=role)
    given_by_platform = BOOK.rights([]).decide(PLATFORM.id, "role:assign", PROD, {"role": "run"})
    assert given_by_platform.allowed


def test_an_endpoint_elsewhere_is_given_its_role_for_itself_alone() -> None:
    def may_give(role: str, scope: Scope, action: str = "role:assign", **to: str) -> bool:
        return may("platform-admin", action, scope, role=role, **to)

    assert may_give("endpoint-runtime", PROD, given_to="service:late-arrival-prod")
    assert may_give("endpoint-runtime", PROD)  # and take it away
    assert not may_give("endpoint-runtime", PROD, given_to="user:bert")
    assert not may_give("endpoint-runtime", Scope("operations", "late-arrival"))
    assert not may_give("endpoint-runtime", PROD, "elevation:decide")
    assert not may_give("run", PROD)
    assert not may("data-scientist", "role:assign", PROD, role="endpoint-runtime")


def test_an_administrator_is_made_for_the_whole_platform_only() -> None:
    assert may("platform-admin", "role:assign", Scope(), role="platform-admin")
    owner = {"held_in": "/operations", "role": "platform-admin"}
    assert not may("squad-owner", "role:assign", Scope("operations"), **owner)


def test_a_decision_says_why() -> None:
    rights = BOOK.rights([])
    assert rights.decide("user:anna", "self:read", Scope(), {}).reasons == ("known-callers",)
    assert rights.decide("user:anna", "version:read", PROD, {}).reasons == ()
    refused = rights.decide("user:anna", "mlflow:promote", Scope("operations"), {})
    assert refused.reasons == ("aliases-are-set-by-releases",)


assignments = st.builds(
    RoleAssignment,
    id=st.integers(min_value=1),
    principal=st.just("user:anna"),
    role=st.sampled_from(ROLES),
    scope=st.sampled_from([str(scope) for scope in SCOPES]),
    expires_at=st.none(),
    assigned_by=st.just("user:admin"),
    assigned_at=st.just(FakeClock().now()),
)


@settings(deadline=None, max_examples=150)
@given(
    held=st.lists(assignments, max_size=6, unique_by=lambda one: one.id),
    action=st.sampled_from(BOOK.schema.actions),
    scope=st.sampled_from(SCOPES),
    about=st.dictionaries(
        st.sampled_from(BOOK.schema.about), st.sampled_from(["user:anna", "user:bert", "run"])
    ),
)
def test_what_is_left_out_of_a_question_changes_no_answer(
    held: list[RoleAssignment], action: str, scope: Scope, about: dict[str, str]
) -> None:
    text = "\n".join(policy.text for policy in BOOK.policies.values())
    links = [
        {
            "template_id": one.role,
            "new_id": f"assignment-{one.id}",
            "values": {
                "?principal": {"type": "Principal", "id": one.principal},
                "?resource": {"type": "Scope", "id": one.scope},
            },
        }
        for one in held
    ]
    people = {n: {"__entity": {"type": "Principal", "id": v}} for n, v in about.items()}
    context = {**people, "principal_kind": "user"}
    if "role" in about:
        context["role"] = about["role"]
    if "given_to" in about:
        context["given_to_kind"] = about["given_to"].partition(":")[0]
    whole = cedarpy.is_authorized(
        {
            "principal": {"type": "Principal", "id": "user:anna"},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "Scope", "id": str(scope)},
            "context": context,
        },
        cedarpy.PolicySet.from_str(text).with_linked_batch(links),
        BOOK.resource(scope).entities,
        schema=BOOK.schema.cedar,
    )
    ours = BOOK.rights(held).decide("user:anna", action, scope, about)
    decided = {one for one in whole.diagnostics.reasons if one.startswith("assignment-")}
    assert ours.allowed == whole.allowed
    assert {f"assignment-{one}" for one in ours.assignments} == decided
    assert set(ours.reasons) == set(whole.diagnostics.id_annotations_by_reason.values())
