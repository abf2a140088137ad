"""What single fields of ``platform.yaml`` may say: names, addresses, images, settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from northstar.access.domain import principal_of
from northstar.environments.as_code.control_plane_settings import SETTABLE
from northstar.environments.azure_devops import service_connection
from northstar.environments.policies import SERVICES
from northstar.errors import Invalid
from northstar.names import NAME_PATTERN, check_name

STAGE = "{stage}"
"""Stands for the stage's name where a text differs by that alone."""

_MOST = 10**9
_ONE_ADDRESS = 32
NO_FIREWALL = ("nat", "none")
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
_TAKEN: Mapping[str, str] = {
    "172.17.0.0/16": "is Docker's own in Azure ML's compute",
    "172.30.0.0/15": "Container Apps keeps for itself",
}
"""Addresses that a stage can't have, and why."""


def _named(what: str) -> tuple[AfterValidator, WithJsonSchema]:
    """Of a name: told in words here, by its pattern in the schema."""

    def check(value: str) -> str:
        try:
            return check_name(value, what)
        except Invalid as error:
            raise ValueError(f"{error.message} {error.hint}") from None

    schema = {"type": "string", "pattern": NAME_PATTERN, "maxLength": 63}
    return AfterValidator(check), WithJsonSchema(schema)


def _check_network(value: str) -> str:
    network = _private(value)
    if network.prefixlen != 22:
        raise ValueError(f"{value} must be a private /22, such as 10.40.0.0/22")
    for taken, why in _TAKEN.items():
        if network.overlaps(ipaddress.IPv4Network(taken)):
            raise ValueError(f"{value} is in {taken}, which {why}; take another /22")
    return value


def _check_people(value: str) -> str:
    _private(value)
    return value


def _check_egress(value: str) -> str:
    if value not in NO_FIREWALL and _private(value).prefixlen != _ONE_ADDRESS:
        raise ValueError(f"must be nat, none or an address such as 10.0.0.4, not {value}")
    return value


def _check_reachable(value: str) -> str:
    """A service that a subnet may reach, private addresses, or what a firewall sorts out."""
    if value[:1].isdigit():
        _private(value)
    elif value not in (*SERVICES, "Internet"):
        raise ValueError(
            f"{value} is not private addresses, nor one of {', '.join(sorted(SERVICES))}; what "
            "else is needed goes through a firewall (egress), with Internet"
        )
    return value


def _check_subject(value: str) -> str:
    """A service connection, as Entra ID names it."""
    if service_connection(value) is None:
        raise ValueError(
            f"{value} is no service connection with the issuer of Entra ID; convert the connection "
            "in Azure DevOps, and copy the subject that it shows: /eid1/c/pub/t/…/a/…/sc/…/…"
        )
    return value


def _private(value: str) -> ipaddress.IPv4Network:
    """Addresses that are nobody's on the Internet (RFC 1918)."""
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{value} is no address space: {error}") from error
    if not any(network.subnet_of(ipaddress.IPv4Network(one)) for one in _PRIVATE):
        raise ValueError(f"{value} is not private: it must be in {', '.join(_PRIVATE)}")
    return network


def _check_image(value: str) -> str:
    if value.endswith(":latest"):
        raise ValueError(f"{value} is another image tomorrow; name a tag that does not move")
    return value


def _check_principal(value: str) -> str:
    try:
        principal_of("service", value.removeprefix("service:").replace(STAGE, "staging"))
    except Invalid as error:
        raise ValueError(f"{error.message} {error.hint}") from None
    return value


Guid = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        examples=["33333333-3333-3333-3333-333333333333"],
    ),
]
Image = Annotated[
    str,
    Field(
        pattern=r"(@sha256:[0-9a-f]{64}|:[A-Za-z0-9._-]+)$",
        max_length=500,
        examples=["northstar:0.1.0"],
    ),
    AfterValidator(_check_image),
]
Squad = Annotated[str, *_named("squad")]
Project = Annotated[str, *_named("project")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Amount = Annotated[float, Field(gt=0, le=_MOST, allow_inf_nan=False)]
Repository = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", examples=["airline/late-arrival"])
]
Host = Annotated[
    str,
    Field(
        pattern=r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$",
        examples=["pypi.org or *.pythonhosted.org"],
    ),
]
Principal = Annotated[
    str,
    Field(
        pattern=r"^service:([a-z][a-z0-9-]*/)?[a-z]([a-z0-9-]|\{stage\})*$",
        max_length=150,
        examples=["service:operations/late-arrival-{stage}"],
    ),
    AfterValidator(_check_principal),
]
TokenResource = Annotated[
    str, Field(pattern=r"^api://[A-Za-z0-9./_-]+$", examples=["api://AzureADTokenExchange"])
]
Settings = Annotated[
    dict[str, str], Field(json_schema_extra={"propertyNames": {"enum": list(SETTABLE)}})
]
AddressSpace = Annotated[
    str, AfterValidator(_check_network), Field(examples=["10.40.0.0/22"], max_length=50)
]
PrivateAddresses = Annotated[
    str, AfterValidator(_check_people), Field(examples=["10.8.0.0/16"], max_length=50)
]
Egress = Annotated[str, AfterValidator(_check_egress), Field(examples=["nat"], max_length=50)]
Reachable = Annotated[
    str, AfterValidator(_check_reachable), Field(examples=["AzureDevOps"], max_length=100)
]
ConnectionSubject = Annotated[
    str,
    AfterValidator(_check_subject),
    Field(examples=["/eid1/c/pub/t/TENANT/a/AZURE-DEVOPS/sc/ORGANIZATION/CONNECTION"]),
]
VirtualNetwork = Annotated[
    str,
    Field(
        pattern=r"^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+"
        r"/providers/Microsoft\.Network/virtualNetworks/[^/]+$",
        examples=[
            "/subscriptions/ID/resourceGroups/NAME/providers/Microsoft.Network/virtualNetworks/NAME"
        ],
    ),
]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", examples=["platform@example.com"])]
