"""What a plan leaves to people, and what one apply can't do at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from northstar.environments.as_code.order import after_apply, before_apply, impossible
from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.reading import load_platform_file

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "environments" / "platform.yaml"
NETWORK = "module.network.azurerm_virtual_network.this"
PEERING = "module.network.azurerm_virtual_network_peering.hub[0]"
SETTINGS = "module.app_configuration.azurerm_app_configuration.this"
FLAG = 'module.app_configuration.azurerm_app_configuration_feature.this["new"]'
ENDPOINT = 'module.endpoint["operations/late-arrival"].azurerm_container_app.this'
VAULT = 'module.squad["{}"].module.vault.azurerm_key_vault.this'


@pytest.fixture
def platform() -> PlatformFile:
    """The example, whose prod is behind a hub."""
    return load_platform_file(EXAMPLE)


def test_the_hubs_gateway_waits_for_the_peerings_other_side(platform: PlatformFile) -> None:
    (why,) = impossible({PEERING}, platform, "prod")
    assert "Leave stages.prod.network.hub_gateway out of this apply." in why
    assert list(impossible(set(), platform, "prod")) == []


def test_who_makes_the_peerings_other_side_is_told(platform: PlatformFile) -> None:
    (egress,) = before_apply({NETWORK, PEERING}, platform, "prod")
    assert egress.startswith("Nothing leaves the network until")
    (peering,) = after_apply({NETWORK, PEERING}, platform, "prod")
    assert peering.startswith("After this apply: the hub's owner makes the other side")
    assert list(before_apply({NETWORK}, platform, "dev")) == []
    assert list(after_apply({NETWORK}, platform, "dev")) == []


def test_an_endpoint_waits_for_its_own_squads_vault_alone(platform: PlatformFile) -> None:
    (why,) = impossible({ENDPOINT, VAULT.format("operations")}, platform, "dev")
    assert why.startswith("Squad operations, endpoint late-arrival: its secret can't be there yet")
    assert list(impossible({ENDPOINT, VAULT.format("revenue")}, platform, "dev")) == []


def test_flags_wait_for_their_store(platform: PlatformFile) -> None:
    (why,) = impossible({FLAG, SETTINGS}, platform, "dev")
    assert "Leave `flags` out of the first apply." in why
    assert list(impossible({FLAG}, platform, "dev")) == []
