"""Mistakes in the plan of a stage are each found, by the policy of that name."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from northstar.environments.plan import Plan
from northstar.environments.policies import Finding, check
from tests.infra.folder import PLATFORM, Folder

Document = dict[str, Any]
Block = dict[str, Any]

_SETTINGS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("shared-keys", "machine_learning_compute_cluster", {"ssh": [{"admin_username": "ada"}]}),
    ("public-access", "machine_learning_compute_cluster", {"ssh_public_access_enabled": True}),
    ("shared-keys", "postgresql_flexible_server", {"administrator_login": "ada"}),
    ("shared-keys", "postgresql_flexible_server", {"administrator_password": "hunter2"}),
    ("shared-keys", "container_app", {"registry": [{"username": "ada"}]}),
    ("shared-keys", "container_app", {"registry": [{"password_secret_name": "registry"}]}),
    ("shared-keys", "container_app_environment_storage", {"access_key": "hunter2"}),
    ("shared-keys", "key_vault", {"enabled_for_deployment": True}),
    ("shared-keys", "storage_account", {"sftp_enabled": True}),
    ("shared-keys", "storage_account", {"default_to_oauth_authentication": False}),
    ("shared-keys", "storage_account", {"azure_files_authentication": [{"directory_type": "AD"}]}),
    ("data-export", "container_registry", {"export_policy_enabled": True}),
    ("data-export", "storage_account", {"allowed_copy_scope": None}),
    ("data-export", "storage_account", {"cross_tenant_replication_enabled": True}),
    ("public-access", "storage_account", {"static_website": [{"index_document": "index.html"}]}),
    ("subnet-rules", "subnet", {"default_outbound_access_enabled": True}),
    ("subnet-rules", "subnet", {"private_endpoint_network_policies": "Disabled"}),
    ("tls", "container_app_environment", {"mutual_tls_enabled": False}),
    ("alerts", "monitor_scheduled_query_rules_alert_v2", {"enabled": False}),
    ("alerts", "monitor_action_group", {"enabled": False}),
)


@pytest.fixture(scope="module")
def prod(folder: Folder, stub: None) -> Document:
    """What Terraform shows of the plan of prod."""
    return folder.plan(PLATFORM, folder.rendered("prod"))


@pytest.mark.parametrize(
    ("policy", "kind", "values"),
    _SETTINGS,
    ids=[f"{kind}-{next(iter(v))}" for _, kind, v in _SETTINGS],
)
def test_an_argument_that_opens_something_is_found(
    prod: Document, policy: str, kind: str, values: dict[str, Any]
) -> None:
    found = _found(prod, lambda changed: _first(changed, kind)["values"].update(values))
    assert {one.policy for one in found} == {policy}, found
    assert "hunter2" not in str(found)


def test_a_password_that_no_plan_shows_is_found_where_it_is_written(prod: Document) -> None:
    def write(changed: Document) -> None:
        arguments = _written(changed, "database", "azurerm_postgresql_flexible_server")
        arguments["administrator_password_wo"] = {"references": ["var.password"]}

    (found,) = _found(prod, write)
    assert (found.policy, "administrator_password_wo" in found.message) == ("shared-keys", True)


def _found(document: Document, change: Callable[[Document], Any]) -> list[Finding]:
    """What is found once a plan, of which nothing was found, is changed."""
    changed = copy.deepcopy(document)
    change(changed)
    return check(Plan(changed))


def _first(document: Document, kind: str) -> Block:
    return next(_made(document["planned_values"]["root_module"], f"azurerm_{kind}"))


def _made(module: Mapping[str, Any], kind: str) -> Iterator[Block]:
    yield from (one for one in module.get("resources", ()) if one["type"] == kind)
    for child in module.get("child_modules", ()):
        yield from _made(child, kind)


def _written(document: Document, module: str, kind: str) -> Block:
    calls = document["configuration"]["root_module"]["module_calls"]
    resources = calls[module]["module"]["resources"]
    expressions: Block = next(one for one in resources if one["type"] == kind)["expressions"]
    return expressions
