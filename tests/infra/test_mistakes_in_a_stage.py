"""Mistakes in the plan of a stage are each found, by the policy of that name."""

from __future__ import annotations

import copy
import re
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

_RULES: dict[str, dict[str, Any]] = {
    "all of Azure gets in": {"direction": "Inbound", "source_address_prefix": "AzureCloud"},
    "all of the network, by its tag, gets in": {"source_address_prefix": "VirtualNetwork"},
    "all ports are open to people": {"destination_port_range": "*"},
    "nobody is named": {"source_address_prefix": None},
    "addresses of others get in": {"source_address_prefixes": ["10.0.0.0/8", "8.8.8.8"]},
    "all of the Internet is reached": {
        "direction": "Outbound",
        "destination_address_prefix": "0.0.0.0/0",
    },
    "all of Azure is reached": {
        "direction": "Outbound",
        "destination_address_prefix": "AzureCloud.westeurope",
    },
}
_RULE = {
    "name": "mistaken",
    "access": "Allow",
    "direction": "Inbound",
    "priority": 300,
    "protocol": "Tcp",
    "source_address_prefix": "10.8.0.0/16",
    "destination_address_prefix": "10.48.0.0/24",
    "destination_port_range": "443",
}
_ENTRA = "https://login.microsoftonline.com/{}/v2.0"
_TENANT, _ANOTHER = (f"{n * 8}-{n * 4}-{n * 4}-{n * 4}-{n * 12}" for n in "19")
_OURS = f"/eid1/c/pub/t/EREREREREREREREREREREQ/a/rISbSSETf0KqFyZ8ppdXmA/sc/{_TENANT}/{_TENANT}"
_TRUSTS = {
    "another tenant's Azure DevOps": {"issuer": _ENTRA.format(_ANOTHER), "subject": _OURS},
    "a connection of another tenant": {
        "issuer": _ENTRA.format(_TENANT),
        "subject": _OURS.replace("EREREREREREREREREREREQ", "mZmZmZmZmZmZmZmZmZmZmQ"),
    },
    "another application of the tenant": {
        "issuer": _ENTRA.format(_TENANT),
        "subject": _OURS.replace("rISbSSETf0KqFyZ8ppdXmA", "9ExAW52n_ky4ZiS_jhpJIQ"),
    },
    "a connection by a name that can be made anew": {
        "issuer": _ENTRA.format(_TENANT),
        "subject": "sc://airline/fares/prod",
    },
    "the issuer of Azure DevOps": {
        "issuer": f"https://vstoken.dev.azure.com/{_TENANT}",
        "subject": "sc://airline/fares/prod",
    },
    "any issuer": {"issuer": "https://issuer.example.com"},
    "any branch of a repository": {"subject": "repo:airline/late-arrival:ref:refs/heads/x"},
    "any repository": {"subject": "repo:airline/*:environment:prod"},
    "tokens for others": {"audience": ["api://AzureADTokenExchange", "https://example.com"]},
}
_SECRETS: dict[str, tuple[str, Any]] = {
    "a key by its name": ("api_key", "hunter2"),
    "a password by its short name": ("db_passwd", "hunter2"),
    "a token in a map": ("tokens_of", {"ci": "ghp_" + "0123456789abcdef"}),
    "a password by its name in a map": ("databases", {"main": {"password": "hunter2"}}),
}
_STORE = "module.control_plane.module.store.azurerm_storage_management_policy.this[0]"
_MODELS = "module.models.azurerm_storage_management_policy.this[0]"
_EXPIRY: dict[str, tuple[str, Block]] = {
    "models in the store": (_STORE, {"prefixes": ["northstar/models"], "days": 400}),
    "everything that begins like captures": (_STORE, {"prefixes": ["captures"], "days": 400}),
    "captures and artifacts": (_STORE, {"prefixes": ["captures-", "northstar"], "days": 400}),
    "all of the store": (_STORE, {"prefixes": None, "days": 400}),
    "what squads train with": (_MODELS, {"prefixes": ["captures-"], "days": 400}),
    "captures whose labels still come": (_STORE, {"prefixes": ["captures-"], "days": 6}),
    "captures, nobody knows when": (_STORE, {"prefixes": ["captures-"], "days": -1}),
}


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
    found = _found(prod, lambda changed: _write(changed, kind, values))
    assert {one.policy for one in found} == {policy}, found
    assert "hunter2" not in str(found)


def test_an_administrator_that_azure_names_by_itself_is_not(prod: Document) -> None:
    values = {"administrator_login": "azure-made"}
    server = "postgresql_flexible_server"
    assert not _found(prod, lambda one: _first(one, server)["values"].update(values))


def test_a_password_that_no_plan_shows_is_found_where_it_is_written(prod: Document) -> None:
    def write(changed: Document) -> None:
        arguments = _written(changed, "database", "azurerm_postgresql_flexible_server")
        arguments["administrator_password_wo"] = {"references": ["var.password"]}

    (found,) = _found(prod, write)
    assert (found.policy, "administrator_password_wo" in found.message) == ("shared-keys", True)


@pytest.mark.parametrize("mistake", _RULES)
def test_a_rule_of_a_subnet_that_opens_too_much_is_found(prod: Document, mistake: str) -> None:
    rule = {**_RULE, **_RULES[mistake]}
    kind = "network_security_group"
    found = _found(prod, lambda one: _first(one, kind)["values"]["security_rule"].append(rule))
    assert {one.policy for one in found} == {"subnet-rules"}
    assert "mistaken" in found[0].message


def test_a_rule_that_names_who_and_which_port_is_not(prod: Document) -> None:
    kind = "network_security_group"
    assert not _found(prod, lambda one: _first(one, kind)["values"]["security_rule"].append(_RULE))


@pytest.mark.parametrize("host", ["*", "*.com"])
def test_training_that_may_reach_everything_is_found(prod: Document, host: str) -> None:
    kind, values = (
        "machine_learning_workspace_network_outbound_rule_fqdn",
        {"destination_fqdn": host},
    )
    (found,) = _found(prod, lambda changed: _first(changed, kind)["values"].update(values))
    assert found.policy == "subnet-rules"


@pytest.mark.parametrize("mistake", _EXPIRY)
def test_a_schedule_that_deletes_what_is_needed_is_found(prod: Document, mistake: str) -> None:
    address, what = _EXPIRY[mistake]
    deletion = {"delete_after_days_since_modification_greater_than": what["days"]}
    rule = {
        "name": "mistaken",
        "filters": [{"prefix_match": what["prefixes"]}],
        "actions": [{"base_blob": [deletion], "snapshot": [], "version": []}],
    }

    found = _found(prod, lambda one: _schedule(one, address)["rule"].append(rule))
    assert [(one.policy, one.address) for one in found] == [("purge-protection", address)]
    assert "mistaken" in found[0].message


def test_versions_that_are_deleted_within_a_week_are_found(prod: Document) -> None:
    def hurry(changed: Document) -> None:
        _schedule(changed, _MODELS)["rule"][0]["actions"][0]["version"][0].update(
            delete_after_days_since_creation=1
        )

    (found,) = _found(prod, hurry)
    assert (found.policy, found.address) == ("purge-protection", _MODELS)


def test_a_schedule_that_is_not_known_is_found(prod: Document) -> None:
    (found,) = _found(prod, lambda changed: _schedule(changed, _MODELS).pop("rule"))
    assert (found.policy, found.address) == ("purge-protection", _MODELS)


@pytest.mark.parametrize("mistake", _TRUSTS)
def test_a_trust_in_others_is_found(prod: Document, mistake: str) -> None:
    kind = "federated_identity_credential"
    found = _found(prod, lambda one: _first(one, kind)["values"].update(_TRUSTS[mistake]))
    assert {one.policy for one in found} == {"trusts"}


def test_a_service_connection_of_the_tenant_is_trusted(prod: Document) -> None:
    kind, values = (
        "federated_identity_credential",
        {"issuer": _ENTRA.format(_TENANT), "subject": _OURS},
    )
    assert not _found(prod, lambda one: _first(one, kind)["values"].update(values))


def test_a_trust_that_is_not_of_ci_is_found(prod: Document) -> None:
    def write(changed: Document) -> None:
        arguments = _written(changed, "squad", "azurerm_federated_identity_credential")
        training = 'azurerm_user_assigned_identity.this["training"]'
        arguments["user_assigned_identity_id"] = {"references": [f"{training}.id", training]}

    assert {one.policy for one in _found(prod, write)} == {"trusts"}


@pytest.mark.parametrize("whose", ["people", "ci"])
@pytest.mark.parametrize("scope", ["azurerm_resource_group.this", "var.storage_account_id"])
def test_a_role_for_jobs_on_more_than_the_squads_workspace_is_found(
    prod: Document, whose: str, scope: str
) -> None:
    def write(changed: Document) -> None:
        squad = changed["configuration"]["root_module"]["module_calls"]["squad"]["module"]
        (one,) = (r for r in squad["resources"] if r["name"] == f"{whose}_on_workspace")
        one["expressions"]["scope"] = {"references": [scope]}

    found = _found(prod, write)
    assert {(one.policy, one.address) for one in found} == {
        ("roles", f'module.squad["{squad}"].azurerm_role_assignment.{whose}_on_workspace')
        for squad in ("operations", "revenue")
    }


@pytest.mark.parametrize("cluster", ["compute", "image_build"])
def test_a_cluster_that_is_its_workspace_is_found(prod: Document, cluster: str) -> None:
    def write(changed: Document) -> None:
        squad = changed["configuration"]["root_module"]["module_calls"]["squad"]["module"]
        workspace = squad["module_calls"]["machine_learning"]["module"]
        within = workspace if cluster == "image_build" else squad
        identity = "azurerm_user_assigned_identity.workspace"
        names = [f"{identity}.id", identity] if within is workspace else ["local.identity"]
        within["module_calls"][cluster]["expressions"]["identity_id"] = {"references": names}

    found = _found(prod, write)
    assert {one.policy for one in found} == {"roles"}
    assert {one.address for one in found} == {
        f'module.squad["{squad}"].module.{path}.azurerm_machine_learning_compute_cluster.this'
        for squad in ("operations", "revenue")
        for path in ["compute" if cluster == "compute" else "machine_learning.module.image_build"]
    }


@pytest.mark.parametrize("image", ["docker.io/python:3.12", "docker.io/python:latest"])
def test_an_image_from_elsewhere_is_found(prod: Document, image: str) -> None:
    def write(changed: Document) -> None:
        template = _written(changed, "control_plane", "azurerm_container_app")["template"]
        template[0]["container"][0]["image"] = {"constant_value": image}
        _first(changed, "container_app")["values"]["template"][0]["container"][0]["image"] = image

    found = _found(prod, write)
    assert {one.policy for one in found} == {"images"}
    assert any("tomorrow" in one.message for one in found) == image.endswith("latest")


@pytest.mark.parametrize("mistake", _SECRETS)
def test_a_secret_in_a_default_is_found(prod: Document, mistake: str) -> None:
    name, default = _SECRETS[mistake]
    variables = prod["configuration"]["root_module"]["variables"]
    assert name not in variables

    def write(changed: Document) -> None:
        changed["configuration"]["root_module"]["variables"][name] = {"default": default}

    (found,) = _found(prod, write)
    assert (found.policy, found.address) == ("secrets", f"var.{name}")


@pytest.mark.parametrize(
    "setting",
    [
        {"name": "NORTHSTAR_CLIENT_SECRET", "value": "hunter2"},
        {"name": "DATABASE", "value": "postgresql://ada:hunter2@db/northstar"},
    ],
)
def test_a_secret_in_the_settings_of_an_app_is_found(
    prod: Document, setting: dict[str, str]
) -> None:
    def write(changed: Document) -> None:
        template = _first(changed, "container_app")["values"]["template"]
        template[0]["container"][0]["env"].append(setting)

    (found,) = _found(prod, write)
    assert found.policy == "secrets"
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    "target",
    [
        "network.azurerm_virtual_network.this",
        "network.azurerm_network_security_group.this",
        "vault.azurerm_key_vault.this",
        "control_plane.store.azurerm_storage_account.this",
    ],
)
def test_a_diagnostic_setting_without_logs_is_found(prod: Document, target: str) -> None:
    module = f"module.{'.module.'.join(target.split('.')[:-2])}."

    def silence(changed: Document) -> None:
        root = changed["planned_values"]["root_module"]
        for one in _made(root, "azurerm_monitor_diagnostic_setting"):
            if one["address"].startswith(f"{module}azurerm"):
                one["values"]["enabled_log"] = []

    found = {(one.policy, one.address.partition("[")[0]) for one in _found(prod, silence)}
    assert ("diagnostics", f"{module}{'.'.join(target.split('.')[-2:])}") in found
    assert {policy for policy, _ in found} == {"diagnostics"}


def test_an_account_whose_blobs_are_not_logged_is_found(prod: Document) -> None:
    def silence(changed: Document) -> None:
        root = changed["planned_values"]["root_module"]
        for one in _made(root, "azurerm_monitor_diagnostic_setting"):
            if one["address"].startswith("module.models") and one["name"] == "blob":
                one["values"]["enabled_log"] = []

    (found,) = _found(prod, silence)
    assert (found.policy, found.address) == (
        "diagnostics",
        "module.models.azurerm_storage_account.this",
    )
    assert "blob service" in found.message


def _found(document: Document, change: Callable[[Document], Any]) -> list[Finding]:
    """What is found once a plan, of which nothing was found, is changed."""
    changed = copy.deepcopy(document)
    change(changed)
    return check(Plan(changed))


def _first(document: Document, kind: str) -> Block:
    return next(_made(document["planned_values"]["root_module"], f"azurerm_{kind}"))


def _schedule(document: Document, address: str) -> Block:
    every = _made(document["planned_values"]["root_module"], "azurerm_storage_management_policy")
    values: Block = next(one for one in every if one["address"] == address)["values"]
    return values


def _write(document: Document, kind: str, values: dict[str, Any]) -> None:
    """Give the first resource of a type arguments, in the code and in what is planned."""
    one = _first(document, kind)
    one["values"].update(values)
    module = document["configuration"]["root_module"]
    for name in re.findall(r"module\.(\w+)", one["address"]):
        module = module["module_calls"][name]["module"]
    written = next(
        r for r in module["resources"] if (r["type"], r["name"]) == (one["type"], one["name"])
    )
    written["expressions"].update({name: _expression(value) for name, value in values.items()})


def _expression(value: Any) -> Any:
    if isinstance(value, list):
        return [{name: _expression(inner) for name, inner in block.items()} for block in value]
    return {"constant_value": value}


def _made(module: Mapping[str, Any], kind: str) -> Iterator[Block]:
    yield from (one for one in module.get("resources", ()) if one["type"] == kind)
    for child in module.get("child_modules", ()):
        yield from _made(child, kind)


def _written(document: Document, module: str, kind: str) -> Block:
    calls = document["configuration"]["root_module"]["module_calls"]
    resources = calls[module]["module"]["resources"]
    expressions: Block = next(one for one in resources if one["type"] == kind)["expressions"]
    return expressions
