"""What Terraform could not be made to plan in the modules, and what a plan does not tell."""

from __future__ import annotations

from typing import Any

import pytest

from northstar.environments.plan import Plan, Resource
from northstar.environments.policies import Finding, check, roles
from tests.environments.plans import CONTAINER, references, squads

ANYTHING = {"mode": "managed", "type": "external", "name": "x"}


def test_a_squads_training_may_write_into_its_own_container() -> None:
    plan = squads(scope=references(f"{CONTAINER}.id", CONTAINER))
    assert check(plan) == []


def test_the_container_of_another_squad_is_another_thing() -> None:
    plan = squads(scope=references("var.container_id"))
    assert [(one.address, one.policy) for one in check(plan)] == [
        ('module.squad["b"].azurerm_role_assignment.training', "roles")
    ]
    assert "of another squad" in check(plan)[0].message


def test_what_goes_over_a_local_is_not_proven() -> None:
    found = list(roles(squads(scope=references("local.container_id"))))
    assert len(found) == 2
    assert "an unknown scope" in found[0].message


def test_a_role_that_is_only_known_by_its_id_is_not_in_the_table() -> None:
    plan = squads(scope=references(f"{CONTAINER}.id", CONTAINER), role=None)
    assert "a role that is only known by id" in next(roles(plan)).message


def test_without_the_table_nobody_may_do_anything() -> None:
    plan = squads(scope=references(f"{CONTAINER}.id", CONTAINER))
    assert {one.policy for one in check(plan, grants=[])} == {"roles"}


def test_an_argument_leads_to_the_instance_that_is_meant() -> None:
    plan = squads(scope=references("var.container_id"))
    of_b = _assignment(plan, "b")
    assert {one.address for one in plan.leads_to(of_b, "scope")} == {
        'module.squad["a"].azurerm_storage_container.this'
    }
    assert {one.module for one in plan.leads_to(of_b, "principal_id")} == {(("squad", "b"),)}
    assert plan.leads_to(of_b, "no_such_argument", 0, "nor_this") == set()


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"provider_config": {"x": {"full_name": "registry.terraform.io/evil/x"}}}, "evil/x"),
        ({"root_module": {"module_calls": {"a": {"source": "git::x", "module": {}}}}}, "git::x"),
        ({"root_module": {"resources": [{**ANYTHING, "mode": "data"}]}}, "elsewhere than Azure"),
        (
            {
                "root_module": {
                    "resources": [{**ANYTHING, "provisioners": [{"type": "local-exec"}]}]
                }
            },
            "runs a program while it is applied (local-exec)",
        ),
    ],
)
def test_what_others_bring_is_refused(configuration: dict[str, Any], said: str) -> None:
    whole = {"root_module": {}, **configuration}
    (found,) = check(Plan({"configuration": whole, "planned_values": {}}))
    assert found.policy == "types"
    assert said in found.message


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ({"source_address_prefix": "10.0.0.0/8"}, False),
        ({"source_address_prefix": "AzureLoadBalancer"}, False),
        ({"source_address_prefix": "0.0.0.0/1"}, True),
        ({"source_address_prefixes": ["10.0.0.0/8", "203.0.113.0/32", "8.8.8.8"]}, True),
        ({"source_address_prefix": "Internet"}, True),
    ],
)
def test_a_rule_lets_in_private_addresses_alone(source: dict[str, Any], refused: bool) -> None:
    rule = {"name": "r", "access": "Allow", "direction": "Inbound", "priority": 100, **source}
    group = {"type": "azurerm_network_security_group", "name": "g", "mode": "managed"}
    made = {**group, "address": "g", "values": {"security_rule": [rule]}}
    document = {
        "configuration": {"root_module": {}},
        "planned_values": {"root_module": {"resources": [made]}},
    }
    assert any("outside" in one.message for one in check(Plan(document))) == refused


def test_findings_are_sorted_by_policy_and_can_be_compared() -> None:
    one, other = Finding("roles", "a", "", ""), Finding("tags", "a", "", "")
    assert sorted([other, one]) == [one, other]


def _assignment(plan: Plan, squad: str) -> Resource:
    every = plan.of_type("azurerm_role_assignment")
    return next(one for one in every if one.module == (("squad", squad),))
