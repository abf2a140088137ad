"""``platform.yaml``: the squads, stages, sizes and regions of a platform on one page."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from northstar.documents import Fault, Place, parse_document
from northstar.environments.as_code.errors import PlatformFileInvalid
from northstar.environments.policies import REGIONS, TAGS
from northstar.errors import NotFound
from northstar.names import EnvironmentName, check_name

FILE_NAME = "platform.yaml"
STAGE = "{stage}"
"""Stands for the stage's name where a text differs by that alone."""

_GUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_SECRET = re.compile(
    r"AccountKey=|SharedAccessKey=|InstrumentationKey=|-----BEGIN|://[^/:@\s]+:[^/@\s]+@|"
    r"\b(nss_|ghp_|github_pat_|eyJ[A-Za-z0-9_-]{20})"
)
_SECRET_NAME = re.compile(r"(PASSWORD|SECRET|TOKEN|_KEY)$")
_REFERENCE = re.compile(r"^[a-z][a-z0-9+-]*:")  # to a source of secrets, such as keyvault:NAME


def _named(what: str) -> AfterValidator:
    return AfterValidator(lambda value: check_name(value, what))


Guid = Annotated[str, Field(pattern=_GUID)]
Squad = Annotated[str, _named("squad")]
Project = Annotated[str, _named("project")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Amount = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StateInAzure(_Section):
    """Where Terraform keeps its state: a blob, locked by its lease, opened as who applies."""

    resource_group: Text
    account: Annotated[str, Field(pattern=r"^[a-z0-9]{3,24}$")]
    container: Text = "terraform"
    key: Text = "platform.tfstate"


class StateInFolder(_Section):
    """The state in a folder of this machine: to try things out."""

    folder: Text


class Administrators(_Section):
    """An Entra group."""

    name: Text
    group: Guid


class Stage(_Section):
    """One stage: a subscription, a region and a network of its own."""

    subscription: Guid
    region: Text = Field(description="One of `regions`.")
    addresses: Text = Field(description="The address space of its network, a /22.")
    size: Literal["small", "standard"] = "standard"
    image: Text | None = Field(default=None, description="Instead of the platform's.")
    settings: dict[str, str] = Field(default_factory=dict, description="NORTHSTAR_… of its own.")
    state: StateInAzure | StateInFolder
    may_be_destroyed: bool | None = Field(
        default=None, description="Whether `northstar env destroy` may; by default all but prod."
    )

    @model_validator(mode="after")
    def _check_addresses(self) -> Stage:
        try:
            network = ipaddress.ip_network(self.addresses)
        except ValueError as error:
            raise ValueError(f"{self.addresses} is no address space: {error}") from error
        if network.version != 4 or network.prefixlen != 22 or not network.is_private:
            raise ValueError(f"{self.addresses} must be a private /22, such as 10.40.0.0/22")
        return self


class AzureDevOps(_Section):
    """A service connection that may act as the squad's CI, as Azure DevOps shows it."""

    issuer: Annotated[str, Field(pattern=r"^https://")]
    subject: Text


class Compute(_Section):
    """A squad's training cluster, which has no nodes while there is no work."""

    size: Text = "Standard_D4ds_v5"
    nodes: Annotated[int, Field(ge=1, le=100)] = 4


class Budget(_Section):
    """What a squad may spend in a month, in the subscription's currency."""

    monthly: Amount | dict[EnvironmentName, Amount] = Field(
        description="An amount, or one for each stage."
    )
    since: date = Field(description="The first day of a month.")

    @model_validator(mode="after")
    def _check_since(self) -> Budget:
        if self.since.day != 1:
            raise ValueError(f"since is {self.since}; a budget begins on the first of a month")
        return self


class Replicas(_Section):
    """How many processes serve an endpoint, and when more of them start."""

    min: Annotated[int, Field(ge=1, le=300)] = 2
    max: Annotated[int, Field(ge=1, le=300)] = 10
    concurrent_requests: Annotated[int, Field(ge=1)] = 50


class Size(_Section):
    """Of one process that serves an endpoint."""

    cpu: Annotated[float, Field(gt=0, le=4)] = 1
    memory: Annotated[str, Field(pattern=r"^\d+(\.\d+)?Gi$")] = "2Gi"


class EndpointSection(_Section):
    """An endpoint: whom the control plane takes it for, and how big it is."""

    client: Text = Field(description="Its service principal; {stage} stands for the stage.")
    replicas: Replicas = Replicas()
    size: Size = Size()
    stages: tuple[EnvironmentName, ...] | None = Field(
        default=None, description="Where it is; by default in all stages of its squad."
    )


class SquadSection(_Section):
    """A squad: its people, its CI, what it may spend."""

    people: Guid = Field(description="The Entra group of its members.")
    budget: Budget
    stages: tuple[EnvironmentName, ...] | None = Field(
        default=None, description="Where it is; by default in all stages."
    )
    github: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")], ...] = ()
    azure_devops: dict[str, AzureDevOps] = Field(default_factory=dict)
    compute: Compute | dict[EnvironmentName, Compute] = Compute()
    endpoints: dict[Project, EndpointSection] = Field(default_factory=dict)


class Flag(_Section):
    """A feature flag that is to be there; who switches it, does so in App Configuration."""

    description: Text
    enabled: bool = False
    label: str | None = None


class Waiver(_Section):
    """A dated exception to one policy, for what its pattern names, approved by somebody else."""

    policy: Text = Field(description="A policy of docs/reference/infrastructure.md, or CKV….")
    resource: Text = Field(description="An address; * stands for any text.")
    stages: tuple[EnvironmentName, ...] = ("dev", "staging", "prod")
    reason: Annotated[str, Field(min_length=20, max_length=500)]
    until: date
    requested_by: Text
    approved_by: Text

    @model_validator(mode="after")
    def _check_four_eyes(self) -> Waiver:
        if self.requested_by.casefold() == self.approved_by.casefold():
            raise ValueError(
                f"{self.requested_by} asked for it and approved it; somebody else must approve"
            )
        return self


class PlatformFile(_Section):
    """A whole platform; see ``docs/how-to/environments-from-one-file.md``."""

    platform: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{2,9}$")] = "northstar"
    tenant: Guid
    regions: tuple[str, ...] = Field(min_length=1, description="Where data may be.")
    image: Text
    tags: dict[str, Text]
    administrators: Administrators
    alerts: dict[str, Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]] = Field(min_length=1)
    training_may_reach: dict[str, Text] = Field(
        default_factory=dict, description="Hosts outside of Azure, by names of the rules."
    )
    settings: dict[str, str] = Field(default_factory=dict)
    flags: dict[str, Flag] = Field(default_factory=dict)
    stages: dict[EnvironmentName, Stage] = Field(min_length=1)
    squads: dict[Squad, SquadSection] = Field(default_factory=dict)
    prices: Text | None = Field(default=None, description="A file of the company's own prices.")
    waivers: tuple[Waiver, ...] = ()

    def stage(self, name: str) -> Stage:
        """A stage by its name; raises ``NotFound`` with those that there are."""
        for known, stage in self.stages.items():
            if known == name:
                return stage
        raise NotFound(
            f"The platform has no stage {name!r}.", hint=f"It has {', '.join(self.stages)}."
        )

    def squads_of(self, stage: EnvironmentName) -> dict[str, SquadSection]:
        """The squads that are in a stage."""
        return {
            name: squad
            for name, squad in self.squads.items()
            if squad.stages is None or stage in squad.stages
        }


def load_platform_file(path: Path) -> PlatformFile:
    """Read a ``platform.yaml``, or the one in a folder.

    Raises ``NotFound``, and ``PlatformFileInvalid`` with every fault, its line and field.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            f"There is no {file}.",
            hint=f"Name it with --file, or start one: northstar env init writes a {FILE_NAME}.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformFileInvalid(file, [Fault(1, "", f"cannot be read: {error}")]) from error
    return parse_document(
        text, file, PlatformFile, PlatformFileInvalid, begins="platform: …", check=_check
    )


def _check(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    """What no single field can tell."""
    yield from _regions(file)
    yield from _networks(file)
    for tag in TAGS:
        if tag != "environment" and tag not in file.tags:  # the stage's name is put in
            yield ("tags",), f"{tag} is missing, so that a resource can be asked about and paid for"
    for name in file.squads:
        yield from _stages(file, name)
    yield from _secrets(file)


def _regions(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    for number, region in enumerate(file.regions):
        if region not in REGIONS:
            yield ("regions", number), f"{region} is not one of {', '.join(sorted(REGIONS))}"
    for name, stage in file.stages.items():
        if stage.region not in file.regions:
            yield ("stages", name, "region"), f"{stage.region} is not one of regions"
    if (prod := file.stages.get("prod")) and prod.size == "small":
        yield ("stages", "prod", "size"), "small does not outlive the loss of a zone; use standard"


def _networks(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    networks: dict[str, ipaddress.IPv4Network] = {}
    for name, stage in file.stages.items():
        mine = ipaddress.IPv4Network(stage.addresses)
        for other, network in networks.items():
            if network.overlaps(mine):
                yield ("stages", name, "addresses"), f"{mine} overlaps that of {other}, {network}"
        networks[name] = mine


def _stages(file: PlatformFile, squad: str) -> Iterator[tuple[Place, str]]:
    """Whoever names a stage names one that there is, and for every stage an amount is known."""
    section, here = file.squads[squad], ("squads", squad)
    named: list[tuple[Place, tuple[str, ...]]] = [((*here, "stages"), section.stages or ())]
    for project, endpoint in section.endpoints.items():
        named.append(((*here, "endpoints", project, "stages"), endpoint.stages or ()))
    for place, stages in named:
        for stage in stages:
            if stage not in file.stages:
                yield place, f"there is no stage {stage}"
    monthly = section.budget.monthly
    for stage in section.stages or tuple(file.stages):
        if isinstance(monthly, Mapping) and stage not in monthly:
            yield (*here, "budget", "monthly"), f"no amount for {stage}"


def _secrets(file: PlatformFile) -> Iterator[tuple[Place, str]]:
    """The file is read by everybody who reviews it."""
    for place, value in _texts(file.model_dump(mode="json"), ()):
        named = "settings" in place and _SECRET_NAME.search(str(place[-1]))
        if _SECRET.search(value) or (named and not _REFERENCE.match(value)):
            yield place, "looks like a secret; put it into the vault and refer to it"


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*place, str(key)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*place, number))
