"""What the platform would make, stage by stage, is private and no more than the table says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from northstar.environments.as_code.platform_file import Logs, SquadSection, Thresholds
from northstar.environments.as_code.reading import load_platform_file
from northstar.environments.as_code.rendering import BACKEND, render
from northstar.environments.grants import GRANTS, Grant
from northstar.environments.plan import Plan
from northstar.environments.policies import SERVICES, check, roles
from northstar.names import EnvironmentName
from tests.infra.folder import EXAMPLE_PLATFORM, PLATFORM, TERRAFORM, Folder

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "infrastructure.md"
_ROW = re.compile(r"^\| `([\w.:-]+)` \| ([^|]+?) \| `([\w.:-]+)` \|", re.M)
_STAGES: tuple[EnvironmentName, ...] = ("dev", "staging", "prod")
_NEW_SQUAD = SquadSection.model_validate(
    {
        "people": "55555555-5555-5555-5555-555555555555",
        "budget": {"monthly": 500},
    }
)


_LONGEST = ("a-b", "b" * 12, "c" * 15, "d" * 20, "abcd-" + "e" * 49, "f" * 54)
_NAMES = {
    "application_insights": r"[\w.()-]{1,260}",
    "container_registry": r"[a-z0-9]{5,50}",
    "key_vault": r"(?!.*--)[a-z][a-z0-9-]{1,22}[a-z0-9]",
    "machine_learning_workspace": r"[a-z](-?[a-z0-9]){2,32}",
    "resource_group": r"[\w.()-]{1,89}[\w()-]",
    "storage_account": r"[a-z0-9]{3,24}",
    "storage_container": r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "user_assigned_identity": r"[A-Za-z0-9][\w-]{2,127}",
}
"""What Azure takes for names, as its "Naming rules and restrictions" say."""


@pytest.fixture(scope="module")
def longest(folder: Folder, stub: None) -> tuple[Plan, Plan]:
    """Squads with the longest names, in two subscriptions."""
    platform = load_platform_file(EXAMPLE_PLATFORM)
    squads = dict.fromkeys(_LONGEST, _NEW_SQUAD)
    plans = []
    for subscription in "89":
        own = {"subscription": "-".join(subscription * n for n in (8, 4, 4, 4, 12))}
        staging = platform.stage("staging").model_copy(update=own)
        update = {"platform": "p" * 10, "squads": squads, "stages": {"staging": staging}}
        rendered = folder.rendered("staging", platform.model_copy(update=update))
        plans.append(Plan(folder.plan(PLATFORM, rendered)))
    return plans[0], plans[1]


@pytest.mark.parametrize("kind", _NAMES)
def test_azure_takes_the_names_of_the_longest_squads(longest: tuple[Plan, Plan], kind: str) -> None:
    names = [str(one.values["name"]) for one in longest[0].of_type(f"azurerm_{kind}")]
    assert len(names) >= len(_LONGEST)
    assert [name for name in names if not re.fullmatch(_NAMES[kind], name)] == []


@pytest.mark.parametrize("kind", ["container_registry", "key_vault", "storage_account"])
def test_what_is_unique_in_all_of_azure_is_named_after_its_subscription(
    longest: tuple[Plan, Plan], kind: str
) -> None:
    one, other = (
        [str(one.values["name"]) for one in plan.of_type(f"azurerm_{kind}")] for plan in longest
    )
    assert len(one) == len({*one}) > len(_LONGEST)
    assert {*one}.isdisjoint(other)


def test_names_of_squads_end_with_six_digits_of_what_they_are_of(
    longest: tuple[Plan, Plan],
) -> None:
    for subscription, plan in zip("89", longest, strict=True):
        guid = "-".join(subscription * n for n in (8, 4, 4, 4, 12))
        for vault in plan.of_type("azurerm_key_vault"):
            if not vault.modules.startswith("squad"):
                continue
            text = f"{guid}/{'p' * 10}/staging/{vault.module[0][1]}"
            digest = hashlib.sha256(text.encode()).hexdigest()[:6]
            assert str(vault.values["name"]).endswith(f"-{digest}")


def test_azurerm_is_set_to_leave_nothing_behind_and_to_wait_for_nothing(
    planned: Callable[[str], Plan],
) -> None:
    written = planned("dev").providers["azurerm"]["expressions"]
    (features,) = written["features"]
    assert features["storage"][0]["data_plane_available"] == {"constant_value": False}
    assert features["application_insights"][0]["disable_generated_rule"] == {"constant_value": True}
    assert features["key_vault"][0]["purge_soft_delete_on_destroy"] == {"constant_value": False}
    kept = features["resource_group"][0]["prevent_deletion_if_contains_resources"]
    assert kept == {"constant_value": True}
    assert written["storage_use_azuread"] == {"constant_value": True}


@pytest.mark.parametrize("stage", _STAGES)
def test_no_policy_finds_anything_in_a_stage(planned: Callable[[str], Plan], stage: str) -> None:
    assert check(planned(stage)) == []


def test_pipelines_may_reach_the_internet_as_long_as_a_firewall_is_between(
    own_folder: Folder, stub: None
) -> None:
    platform = load_platform_file(EXAMPLE_PLATFORM)
    prod = platform.stage("prod")
    network = prod.network.model_copy(update={"pipelines_may_reach": ("AzureDevOps", "Internet")})
    stages = {**platform.stages, "prod": prod.model_copy(update={"network": network})}
    changed = platform.model_copy(update={"stages": stages})
    document = own_folder.plan(PLATFORM, own_folder.rendered("prod", changed))
    assert check(Plan(document)) == []

    around = document["planned_values"]["root_module"]["child_modules"]
    for module in around:
        routes = "azurerm_subnet_route_table_association"
        module["resources"] = [one for one in module["resources"] if one["type"] != routes]
    (found,) = check(Plan(document))
    assert found.policy == "subnet-rules"
    assert "to-internet lets out to where nobody said" in found.message


def test_the_module_lets_pipelines_reach_what_the_policy_does() -> None:
    text = (TERRAFORM / "modules/network/variables.tf").read_text()
    (services,) = re.findall(r"contains\(\[(.*), \"Internet\"\], one\)", text)
    assert set(re.findall(r'"([^"]+)"', services)) == SERVICES


def test_what_bears_data_is_reached_over_private_endpoints(planned: Callable[[str], Plan]) -> None:
    plan = planned("prod")
    reached = {
        target.address: {subnet.values["name"] for subnet in plan.leads_to(endpoint, "subnet_id")}
        for endpoint in plan.of_type("azurerm_private_endpoint")
        for target in plan.leads_to(
            endpoint, "private_service_connection", 0, "private_connection_resource_id"
        )
    }
    assert set(reached) == {
        "module.app_configuration.azurerm_app_configuration.this",
        "module.container_registry.azurerm_container_registry.this",
        "module.control_plane.azurerm_container_app_environment.this",
        "module.control_plane.module.state.azurerm_storage_account.this",
        "module.control_plane.module.store.azurerm_storage_account.this",
        "module.database.azurerm_postgresql_flexible_server.this",
        "module.models.azurerm_storage_account.this",
        "module.observability.azurerm_monitor_private_link_scope.this",
        "module.vault.azurerm_key_vault.this",
        *(
            f'module.squad["{squad}"].module.{of_the_squad}.this'
            for squad in ("operations", "revenue")
            for of_the_squad in (
                "machine_learning.azurerm_machine_learning_workspace",
                "registry.azurerm_container_registry",
                "vault.azurerm_key_vault",
                "workspace_storage.azurerm_storage_account",
            )
        ),
    }
    assert {name for names in reached.values() for name in names} == {"snet-private-endpoints"}


def test_every_role_of_the_table_is_given_to_somebody(planned: Callable[[str], Plan]) -> None:
    unused = set(GRANTS)
    for stage in _STAGES:
        plan = planned(stage)
        unused = {grant for grant in unused if not list(roles(plan, GRANTS - {grant}))}
    assert unused == set()


def test_the_documented_table_is_the_one_that_plans_are_held_to() -> None:
    rows = {Grant(*found.groups()) for found in _ROW.finditer(_PAGE.read_text())}
    assert rows == GRANTS


@pytest.mark.parametrize("stage", _STAGES)
def test_a_third_squad_changes_nothing_of_the_others(
    own_folder: Folder, stub: None, stage: EnvironmentName
) -> None:
    platform = load_platform_file(EXAMPLE_PLATFORM)
    more = platform.model_copy(update={"squads": {**platform.squads, "cargo": _NEW_SQUAD}})
    old, new = (
        {
            change["address"]: change["change"]
            for change in own_folder.plan(PLATFORM, own_folder.rendered(stage, one))[
                "resource_changes"
            ]
        }
        for one in (platform, more)
    )
    assert {address for address in new if address not in old} != set()
    assert all(a.startswith('module.squad["cargo"].') for a in new if a not in old)
    assert {address: new[address] for address in old} == old


def test_days_daily_cap_and_thresholds_of_the_file_are_those_of_the_stage(
    own_folder: Folder, stub: None
) -> None:
    platform = load_platform_file(EXAMPLE_PLATFORM)
    own = {"logs": Logs(daily_gb=3, days=120), "capture_days": 30}
    prod = platform.stage("prod").model_copy(update=own)
    changed = platform.model_copy(
        update={
            "stages": {**platform.stages, "prod": prod},
            "thresholds": Thresholds(latency_ms=400, daily_cap_percent=50),
        }
    )
    plan = Plan(own_folder.plan(PLATFORM, own_folder.rendered("prod", changed)))
    (store,) = plan.of_type("azurerm_log_analytics_workspace")
    assert (store.values["daily_quota_gb"], store.values["retention_in_days"]) == (3, 120)
    rules = {
        one.key: one.values["criteria"][0]["query"]
        for one in plan.of_type("azurerm_monitor_scheduled_query_rules_alert_v2")
    }
    (captures,) = (
        rule["actions"][0]["base_blob"][0]["delete_after_days_since_modification_greater_than"]
        for one in plan.of_type("azurerm_storage_management_policy")
        for rule in one.values["rule"]
        if rule["actions"][0]["base_blob"]
    )
    assert captures == 30
    assert rules["endpoint_latency"].endswith("p95 > 400")
    assert rules["daily_cap_near"].endswith("taken_gb > 1.5")


def test_the_state_is_locked_by_its_blob_and_opened_without_a_key() -> None:
    text = (TERRAFORM / PLATFORM / "backend.tf").read_text()
    assert 'backend "azurerm"' in text
    assert "use_azuread_auth = true" in text
    platform = load_platform_file(EXAMPLE_PLATFORM)
    settings = [render(platform, stage)[BACKEND] for stage in _STAGES]
    assert "access_key" not in text + "".join(settings)
