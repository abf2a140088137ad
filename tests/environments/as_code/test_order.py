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
SERVING = 'module.squad["{}"].azurerm_user_assigned_identity.this["serving"]'


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


def test_whom_an_endpoints_service_has_to_trust_is_told(platform: PlatformFile) -> None:
    """An endpoint may come with its squad: it answers as soon as it is trusted."""
    made = {ENDPOINT, SERVING.format("operations")}
    assert (
        list(impossible(made, platform, "dev")) == list(before_apply(made, platform, "dev")) == []
    )
    (told,) = after_apply(made, platform, "dev")
    assert told.startswith("Squad operations, endpoint late-arrival: it answers once ")
    assert "trusts the new identity id-operations-serving-dev: " in told
    asked = f"trust add service:operations/late-arrival-dev --entra {platform.tenant} --subject "
    assert asked in told
    (known,) = after_apply({ENDPOINT, SERVING.format("revenue")}, platform, "dev")
    assert "trusts the identity id-operations-serving-dev: " in known


def test_flags_wait_for_their_store(platform: PlatformFile) -> None:
    (why,) = impossible({FLAG, SETTINGS}, platform, "dev")
    assert "Leave `flags` out of the first apply." in why
    assert list(impossible({FLAG}, platform, "dev")) == []
