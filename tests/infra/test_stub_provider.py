"""The stub takes the platform through its whole life as azurerm would."""

from __future__ import annotations

import json

import pytest

from tests.infra.folder import Folder
from tests.infra.stub_provider.build import build

_EXAMPLE = "modules/vault/examples/default"


def test_what_was_applied_needs_no_change_and_can_be_destroyed(
    own_folder: Folder, stub: None
) -> None:
    own_folder.prepare(_EXAMPLE)
    applied = own_folder.run(_EXAMPLE, "apply", "-auto-approve", "-no-color")
    assert applied.returncode == 0, applied.stderr
    assert own_folder.run(_EXAMPLE, "plan", "-detailed-exitcode").returncode == 0
    state = json.loads(own_folder.run(_EXAMPLE, "show", "-json").stdout)
    modules = {
        one["address"]: one["resources"] for one in state["values"]["root_module"]["child_modules"]
    }
    vault = next(one for one in modules["module.vault"] if one["type"] == "azurerm_key_vault")
    assert vault["values"]["id"].endswith(
        "/resourceGroups/rg-vault-example/providers/Microsoft.KeyVault/vaults/kv-northstar-example"
    )
    destroyed = own_folder.run(_EXAMPLE, "destroy", "-auto-approve", "-no-color")
    assert "Destroy complete!" in destroyed.stdout, destroyed.stderr


def test_the_documentation_fills_in_defaults(folder: Folder, stub: None) -> None:
    plan = folder.plan("modules/storage/examples/default")
    account = next(
        one
        for child in plan["planned_values"]["root_module"]["child_modules"]
        for one in child["resources"]
        if one["type"] == "azurerm_storage_account"
    )
    assert account["values"]["sftp_enabled"] is False


def test_it_is_built_once(stub: None, request: pytest.FixtureRequest) -> None:
    assert request.config.cache is not None
    cache = request.config.cache.mkdir("northstar-azurerm-stub")
    before = (build(cache) / "index.json").stat().st_mtime_ns
    assert (build(cache) / "index.json").stat().st_mtime_ns == before
