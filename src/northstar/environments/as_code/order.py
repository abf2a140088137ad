"""What has to be done by hand around an apply, and what one apply can't do at once.

Images, keys and users of a database come from people, over private endpoints that the first
apply makes. So a stage is made in steps, and each plan says which one comes next.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from northstar.environments.as_code.field_types import STAGE
from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.wording import listed
from northstar.names import EnvironmentName

NETWORK = "module.network.azurerm_virtual_network.this"
_PEERING = "module.network.azurerm_virtual_network_peering.hub[0]"
_REGISTRY = "module.container_registry.azurerm_container_registry.this"
_SERVER = 'module.control_plane.azurerm_container_app.this["server"]'
_SETTINGS = "module.app_configuration.azurerm_app_configuration.this"
_FLAG = "module.app_configuration.azurerm_app_configuration_feature."
_SERVING = 'module.squad["{}"].azurerm_user_assigned_identity.this["serving"]'
_ENDPOINT = re.compile(r'^module\.endpoint\["([^/"]+)/([^"]+)"\]\.azurerm_container_app\.this$')


def impossible(made: Collection[str], file: PlatformFile, stage: EnvironmentName) -> Iterator[str]:
    """Why a plan would end half-way.

    Args:
        made: the addresses of what it makes.
    """
    if _PEERING in made and file.stage(stage).network.hub_gateway:
        yield (
            "Network: the hub's gateway is used over a peering whose other side the hub's owner "
            "makes, and this plan makes ours. "
            f"Leave stages.{stage}.network.hub_gateway out of this apply."
        )
    if {_SERVER, _REGISTRY} <= set(made):
        yield (
            "Control plane: its image can't be in a registry that this plan makes. "
            f"Leave stages.{stage}.image out of the first apply."
        )
    if _SETTINGS in made and any(address.startswith(_FLAG) for address in made):
        yield (
            "Settings and flags: flags are written over a private endpoint that this plan makes. "
            "Leave `flags` out of the first apply."
        )


def before_apply(
    made: Collection[str], file: PlatformFile, stage: EnvironmentName
) -> Iterator[str]:
    """What has to be there before an apply, and is put there from inside of the network."""
    if NETWORK in made and file.stage(stage).network.egress != "nat":
        yield (
            "Nothing leaves the network until the other side of its peering is there: what needs a "
            "way out, such as the environment for containers, may fail, and comes with the next "
            "apply. Begin with egress: nat if that is allowed."
        )
    if _SERVER in made:
        yield (
            f"Before this apply: {file.stage(stage).image} is in the registry, "
            "northstar-encryption-key is in the platform's vault, and the control plane is let "
            "into the databases. Without them it does not start."
        )


def after_apply(made: Collection[str], file: PlatformFile, stage: EnvironmentName) -> Iterator[str]:
    """What an apply leaves out, and what people do next."""
    if _PEERING in made:
        yield (
            "After this apply: the hub's owner makes the other side of the peering, with gateway "
            "transit if people come through its gateway; then add hub_gateway."
        )
    for squad, project in _endpoints(made):
        client = file.squads[squad].endpoints[project].client.replace(STAGE, stage)
        new = " new" if _SERVING.format(squad) in made else ""
        yield (
            f"Squad {squad}, endpoint {project}: it answers once {client} trusts the{new} identity "
            f"id-{squad}-serving-{stage}: northstar principal trust add {client} "
            f"--entra {file.tenant} --subject OBJECT-ID."
        )
    if file.stage(stage).image is None:
        names = [f"{squad}/{project}" for squad, project in file.endpoints_of(stage)]
        endpoints = f", and the endpoints ({listed(names)})" if names else ""
        yield f"Left out, as stages.{stage} has no image: the control plane's servers{endpoints}."
        yield (
            "Next, from inside of the network: push the image to the registry, put "
            "northstar-encryption-key into the platform's vault, and let the control plane into "
            f"the databases. Then write stages.{stage}.image, and plan again."
        )


def _endpoints(made: Collection[str]) -> list[tuple[str, str]]:
    """The squads and projects of endpoints that are made."""
    return [(found[1], found[2]) for one in sorted(made) if (found := _ENDPOINT.match(one))]
