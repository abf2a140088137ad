"""What the platform would make, stage by stage, is private and no more than the table says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from northstar.environments.as_code.platform_file import Logs, SquadSection, Thresholds
from northstar.environments.as_code.reading import load_platform_file
from northstar.environments.as_code.rendering import BACKEND, render
from northstar.environments.grants import GRANTS, Grant
from northstar.environments.plan import Plan
from northstar.environments.policies import check, roles
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


@pytest.mark.parametrize("stage", _STAGES)
def test_no_policy_finds_anything_in_a_stage(planned: Callable[[str], Plan], stage: str) -> None:
    assert check(planned(stage)) == []


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
