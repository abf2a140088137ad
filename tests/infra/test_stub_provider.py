"""The stub takes the platform through its whole life as azurerm would."""

from __future__ import annotations

import json
from pathlib import Path

from tests.infra.folder import Folder
from tests.infra.stub_provider.build import VERSION, build

_EXAMPLE = "modules/vault/examples/default"


def test_what_was_applied_needs_no_change_and_can_be_destroyed(
    own_folder: Folder, stub: Path
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


def test_the_documentation_fills_in_defaults(folder: Folder, stub: Path) -> None:
    plan = folder.plan("modules/storage/examples/default")
    account = next(
        one
        for child in plan["planned_values"]["root_module"]["child_modules"]
        for one in child["resources"]
        if one["type"] == "azurerm_storage_account"
    )
    assert account["values"]["sftp_enabled"] is False


def test_it_is_built_once_and_is_of_the_version_that_modules_ask_for(stub: Path) -> None:
    before = stub.stat().st_mtime_ns
    assert build(stub.parent.parent) == stub
    assert stub.stat().st_mtime_ns == before
    assert (stub.parent / f"terraform-provider-azurerm_v{VERSION}").stat().st_mode & 0o111
