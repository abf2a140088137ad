"""What a plan opens: told in full, closed apart, and "nothing" only where that is known."""

from __future__ import annotations

from typing import Any

import pytest

from northstar.environments.as_code.summary import Summary
from tests.environments.as_code.plans import APP, CI_ID, CI_PRINCIPAL, SQUAD, entry, summary

GITHUB = "https://token.actions.githubusercontent.com"
CREDENTIAL = f'{SQUAD}azurerm_federated_identity_credential.github["airline/late-arrival"]'
ROLE = f"{SQUAD}azurerm_role_assignment.ci_on_group"
RULES = 'module.network.azurerm_network_security_group.this["pipelines"]'
WHERE = "source_address_prefix"
STORE = "module.models.azurerm_storage_account.this"


def credential(subject: str, **more: Any) -> dict[str, Any]:
    own = {"issuer": GITHUB, "audience": ["api://AzureADTokenExchange"]}
    return {**own, "subject": subject, "user_assigned_identity_id": CI_ID, **more}


def role(**more: Any) -> dict[str, Any]:
    own = {"role_definition_name": "Reader", "scope": "/subscriptions/s", "principal_type": "Group"}
    return {**own, "principal_id": "group-1", **more}


def rule(name: str, **more: Any) -> dict[str, Any]:
    own = {"name": name, "access": "Allow", "direction": "Inbound", "priority": 100}
    where = {"source_address_prefix": "10.0.0.0/8", "destination_address_prefix": "10.1.0.0/26"}
    return {**own, **where, "destination_port_range": "443", **more}


DENY = rule("deny", access="Deny", source_address_prefix="*", priority=4096)


def opened(found: Summary) -> str:
    assert len(found.openings) == 1, found
    return found.openings[0]


def test_another_repository_is_told_with_the_one_that_it_comes_after() -> None:
    before = credential("repo:airline/late-arrival:environment:dev")
    after = credential("repo:evil/late-arrival:environment:dev")
    said = opened(summary(entry(CREDENTIAL, before, after)))
    assert said == (
        "Squad operations: workflows of the GitHub repository evil/late-arrival in its environment "
        "dev may act as its CI, and no longer: workflows of the GitHub repository "
        "airline/late-arrival in its environment dev may act as its CI"
    )


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (credential("repo:a/b:pull_request"), "every pull request to the GitHub repository a/b"),
        (credential("repo:a/b:ref:refs/heads/x"), 'with the claim "ref:refs/heads/x"'),
        (credential("repo:a/b:environment:dev", issuer="https://evil"), 'issuer "https://evil"'),
        (credential("repo:a/\u0430:environment:dev"), '"repo:a/\\u0430:environment:dev"'),
        (credential("repo:a/b:environment:dev", audience=["x"]), 'for the audience ["x"]'),
        (credential("s", user_assigned_identity_id="/other"), 'act as the identity "/other"'),
    ],
)
def test_a_new_credential_says_who_may_act_as_whom(after: dict[str, Any], said: str) -> None:
    assert said in opened(summary(entry(CREDENTIAL, None, after)))


def test_a_service_connection_is_told_with_its_issuer() -> None:
    issuer = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0"
    ids = [f"{n * 8}-{n * 4}-{n * 4}-{n * 4}-{n * 12}" for n in "67"]
    subject = "/eid1/c/pub/t/EREREREREREREREREREREQ/a/rISbSSETf0KqFyZ8ppdXmA/sc/" + "/".join(ids)
    after = credential(subject, issuer=issuer)
    said = opened(summary(entry(CREDENTIAL, None, after)))
    told = f"connection {ids[1]} of the organization {ids[0]} (issuer {issuer}) may act as its CI"
    assert told in said


def test_a_subject_that_is_not_known_is_said() -> None:
    after = {"issuer": GITHUB, "user_assigned_identity_id": CI_ID}
    found = summary(entry(CREDENTIAL, None, after, unknown={"subject": True}))
    assert "whose subject is not known before the apply" in opened(found)


def test_a_subject_that_is_hidden_as_a_secret_is_a_doubt() -> None:
    after = credential("repo:evil/x:environment:dev")
    found = summary(entry(CREDENTIAL, None, after, secret={"subject": True}))
    assert found.doubts
    assert "can't be reviewed" in found.doubts[0]


def test_who_may_no_longer_act_stands_apart() -> None:
    found = summary(entry(CREDENTIAL, credential("repo:a/b:environment:dev"), None))
    assert not found.openings
    (said,) = found.closings
    assert said.endswith("a/b in its environment dev may no longer act as its CI")


def test_a_new_role_says_who_gets_what_on_what() -> None:
    found = summary(entry(ROLE, None, role(principal_id=CI_PRINCIPAL)))
    assert opened(found) == "Squad operations: its CI gets: Reader on /subscriptions/s"


def test_a_role_for_another_group_is_given_and_taken() -> None:
    found = summary(entry(ROLE, role(), role(principal_id="group-2"), actions=["delete", "create"]))
    assert opened(found) == "Squad operations: the group group-2 gets: Reader on /subscriptions/s"
    assert found.closings == (
        "Squad operations: the group group-1 loses: Reader on /subscriptions/s",
    )


def test_a_wider_role_is_told_with_what_it_was() -> None:
    found = summary(entry(ROLE, role(), role(role_definition_name="Owner")))
    assert "gets: Owner on" in opened(found)
    assert "loses: Reader on" in found.closings[0]


def test_somebody_who_is_not_known_is_said() -> None:
    after = {"role_definition_name": "Owner"}
    said = opened(summary(entry(ROLE, None, after, unknown={"principal_id": True, "scope": True})))
    assert "somebody who is not known before the apply gets: Owner on something that is" in said


def test_a_rule_that_lets_more_in_is_told_and_one_that_goes_is_closed() -> None:
    everybody = rule("https", source_address_prefix="Internet")
    before, after = [rule("https"), rule("old")], [everybody]
    found = summary(entry(RULES, {"security_rule": before}, {"security_rule": after}))
    assert opened(found).endswith(
        "lets in everybody to 10.1.0.0/26 on 443 (https), instead of 10.0.0.0/8 to 10.1.0.0/26 "
        "on 443 (https)"
    )
    assert "no longer lets in 10.0.0.0/8" in found.closings[0]


def test_all_addresses_and_ports_of_a_rule_are_told() -> None:
    many = {
        "source_address_prefix": None,
        "source_address_prefixes": ["10.0.0.1/32", "203.0.113.9/32"],
        "destination_port_range": "",
        "destination_port_ranges": ["22", "443"],
    }
    after = {"security_rule": [rule("several", **many)]}
    said = opened(summary(entry(RULES, {"security_rule": []}, after)))
    assert "10.0.0.1/32, 203.0.113.9/32 to 10.1.0.0/26 on 22, 443" in said


@pytest.mark.parametrize("after", [[], [DENY | {"priority": 4000}], [DENY | {"access": "Allow"}]])
def test_a_denial_that_goes_or_changes_is_an_opening(after: list[dict[str, Any]]) -> None:
    found = summary(entry(RULES, {"security_rule": [DENY]}, {"security_rule": after}))
    assert any("no longer denies as before" in one for one in found.openings)


def test_rules_that_are_not_known_are_a_doubt() -> None:
    found = summary(entry(RULES, {"security_rule": []}, {}, unknown={"security_rule": True}))
    assert any("not known before the apply" in one for one in found.doubts)


def test_a_subnet_without_its_rules_is_an_opening() -> None:
    link = "module.network.azurerm_subnet_network_security_group_association.this"
    found = summary(entry(link, {"subnet_id": "/subnets/a"}, None))
    assert "/subnets/a has no network rules any more" in opened(found)


@pytest.mark.parametrize(
    ("address", "before", "after", "said"),
    [
        (STORE, {"public_network_access_enabled": False}, {"public_network_access_enabled": True},
         "is reached from everywhere (public_network_access_enabled: false -> true)"),
        (STORE, {"shared_access_key_enabled": False}, {"shared_access_key_enabled": True},
         "lets in whoever has a key"),
        (STORE, {"network_rules": [{"ip_rules": []}]},
         {"network_rules": [{"ip_rules": ["1.2.3.4"]}]}, 'network_rules.ip_rules: adds "1.2.3.4"'),
        (STORE, None, {"network_rules": [{"ip_rules": ["1.2.3.4"]}]}, 'ip_rules: ["1.2.3.4"]'),
        (APP, {"ingress": [{"external_enabled": False}]}, {"ingress": [{"external_enabled": True}]},
         "ingress.external_enabled: false -> true"),
        (APP, {"identity": [{"identity_ids": ["a"]}]}, {"identity": [{"identity_ids": ["a", "b"]}]},
         'identity.identity_ids: adds "b"'),
        ("azurerm_public_ip.new", None, {}, "public address new: a public address"),
        ("azurerm_route_table.this", None,
         {"route": [{"address_prefix": "0.0.0.0/0", "next_hop_in_ip_address": "10.0.0.4"}]},
         "other ways for traffic (0.0.0.0/0 to 10.0.0.4)"),
        ("azurerm_virtual_network_peering.hub", None, {"remote_virtual_network_id": "/hub"},
         "another network is joined with it (/hub)"),
        ("azurerm_postgresql_flexible_server_firewall_rule.all", None,
         {"start_ip_address": "1.0.0.0", "end_ip_address": "255.255.255.255"},
         "lets in 1.0.0.0 to 255.255.255.255"),
        ("azurerm_machine_learning_workspace_network_outbound_rule_fqdn.x",
         {"destination_fqdn": "pypi.org"}, {"destination_fqdn": "*"},
         "training may reach *, instead of pypi.org"),
        ("azurerm_postgresql_flexible_server_active_directory_administrator.this",
         {"object_id": "1", "principal_name": "us", "principal_type": "Group"},
         {"object_id": "2", "principal_name": "us", "principal_type": "Group"},
         '"us" (group 2) administers the database server, instead of "us" (group 1)'),
        ("azurerm_monitor_diagnostic_setting.this", {"target_resource_id": "/vault"}, None,
         "nothing keeps its logs"),
        ("azurerm_monitor_scheduled_query_rules_alert_v2.x", {"enabled": True}, {"enabled": False},
         "alerts nobody any more"),
        ("azurerm_monitor_action_group.this", {"email_receiver": [{"email_address": "a@x"}]},
         {"email_receiver": [{"email_address": "b@x"}]}, 'email_address: "a@x" -> "b@x"'),
    ],
)  # fmt: skip
def test_what_is_reached_or_told_further_is_an_opening(
    address: str, before: Any, after: Any, said: str
) -> None:
    found = summary(entry(address, before, after))
    assert any(said in one for one in found.openings), found


def test_a_new_app_says_what_it_runs_unless_that_is_hidden() -> None:
    after = {**app("r/a:1"), "ingress": [{"external_enabled": True}]}
    assert opened(summary(entry(APP, None, after))).endswith(
        'runs "r/a:1" and answers in the network'
    )
    hidden = {"template": [{"container": [{"image": True}]}]}
    assert "can't be reviewed" in summary(entry(APP, None, after, secret=hidden)).doubts[0]


def test_what_goes_with_what_it_watches_is_no_opening() -> None:
    store = {"id": "/store"}
    logs = {"target_resource_id": "/store/blobServices/default"}
    found = summary(
        entry(STORE, store, None),
        entry("azurerm_monitor_diagnostic_setting.this", logs, None),
        entry("azurerm_monitor_scheduled_query_rules_alert_v2.x", {"scopes": ["/store"]}, None),
    )
    assert found.openings == ()


@pytest.mark.parametrize("secret", [{"security_rule": True}, {"security_rule": [{WHERE: True}]}])
@pytest.mark.parametrize("before", [None, {"security_rule": [rule("r", **{WHERE: "10.9.9.9"})]}])
def test_what_is_hidden_as_a_secret_is_a_doubt_and_stays_hidden(before: Any, secret: Any) -> None:
    after = {"security_rule": [rule("r", **{WHERE: "203.0.113.9"})]}
    found = summary(entry(RULES, before, after, secret=secret))
    assert found.doubts
    assert "203.0.113.9" not in str((found.openings, found.doubts, found.closings, found.changes))


def app(image: str, **settings: str) -> dict[str, Any]:
    env = [{"name": name, "value": value} for name, value in settings.items()]
    return {"template": [{"container": [{"image": image, "env": env}]}]}


def test_who_signs_in_is_an_opening_and_any_other_setting_a_doubt() -> None:
    before = app("r/a:1", NORTHSTAR_SIGN_IN_ISSUER="https://a", OTHER="1")
    after = app("r/a:1", NORTHSTAR_SIGN_IN_ISSUER="https://b", OTHER="2")
    found = summary(entry(APP, before, after))
    assert '"https://a" -> "https://b"' in opened(found)
    assert any("OTHER" in one for one in found.doubts)


def test_another_program_is_an_opening_and_another_version_of_it_is_not() -> None:
    assert "runs another program" in opened(summary(entry(APP, app("r/a:1"), app("r/b:1"))))
    found = summary(entry(APP, app("r:5000/a:1"), app("r:5000/a:2")))
    assert (found.openings, found.doubts) == ((), ())


@pytest.mark.parametrize(
    ("before", "after", "unknown"),
    [
        ({"min_tls": "a"}, {"min_tls": "b"}, {}),  # no rule judges it
        ({"tags": {}, "network_rules": []}, {"tags": {}}, {"network_rules": True}),
        ({"location": "a"}, {}, {"location": True}),
    ],
)
def test_what_nothing_judges_or_knows_is_a_doubt(before: Any, after: Any, unknown: Any) -> None:
    found = summary(entry(STORE, before, after, unknown=unknown))
    assert found.doubts


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (entry(STORE, {}, {}, actions=["no-op"], previous_address=CREDENTIAL), "it moves"),
        (entry(STORE, {}, {}, actions=["no-op"], change={"importing": {"id": "/i"}}), "over"),
        (entry(STORE, {}, None, actions=["forget"]), "nothing watches it"),
        (entry("data.azurerm_x.y", None, {}, actions=["read"], mode="data"), "read in the apply"),
        (entry("azurerm_unheard_of.x", None, {}), "Northstar knows nothing of the type"),
        (entry("azurerm_management_lock.x", {}, None), "may have protected something"),
    ],
)
def test_what_terraform_does_besides_is_a_doubt(change: dict[str, Any], said: str) -> None:
    found = summary(change)
    assert any(said in one for one in found.doubts), found


def test_what_is_known_to_be_harmless_opens_nothing() -> None:
    budget = f"{SQUAD}azurerm_consumption_budget_subscription.this"
    found = summary(
        entry(STORE, {"tags": {"owner": "a"}}, {"tags": {"owner": "b"}}),
        entry(budget, {"amount": 1}, {"amount": 2}),
    )
    assert (found.openings, found.doubts, found.closings) == ((), (), ())


def test_what_is_closed_again_is_no_opening() -> None:
    before = {"public_network_access_enabled": True}
    found = summary(entry(STORE, before, {"public_network_access_enabled": False}))
    assert not found.openings
    assert "is no longer reached from everywhere" in found.closings[0]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (400, 30, "from-captures: blobs are deleted after 30 days instead of 400"),
        (-1, 30, "since_modification_greater_than: -1 -> 30"),
    ],
)
def test_captures_that_are_deleted_sooner_are_looked_at(before: int, after: int, said: str) -> None:
    def schedule(days: int) -> dict[str, Any]:
        action = {"delete_after_days_since_modification_greater_than": days}
        rule = {"name": "from-captures", "actions": [{"base_blob": [action]}]}
        return {"rule": [rule, {"name": "old-versions", "actions": [{"base_blob": []}]}]}

    address = "module.control_plane.module.store.azurerm_storage_management_policy.this[0]"
    (told,) = summary(entry(address, schedule(before), schedule(after))).doubts
    assert told.startswith("Control plane: schedule of deletions: ")
    assert told.endswith(said)
