"""``platform.yaml``: the squads, stages, sizes and regions of a platform on one page."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from northstar.environments.as_code.field_types import (
    NO_FIREWALL,
    Address,
    AddressSpace,
    Amount,
    ConnectionSubject,
    Egress,
    Guid,
    Host,
    Image,
    Principal,
    PrivateAddresses,
    Project,
    Reachable,
    Repository,
    Settings,
    Squad,
    Text,
    TokenResource,
    VirtualNetwork,
)
from northstar.environments.as_code.waivers import Waiver
from northstar.errors import NotFound
from northstar.names import EnvironmentName

FILE_NAME = "platform.yaml"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StateInAzure(_Section):
    """Where Terraform keeps its state: a blob, locked by its lease, opened as who applies."""

    resource_group: Text = Field(description="The resource group of the state's account.")
    account: Annotated[str, Field(pattern=r"^[a-z0-9]{3,24}$")] = Field(
        examples=["stnorthstarstatedev"], description="The storage account of the state."
    )
    container: Text = Field(default="terraform", description="The container of the state.")
    key: Text = Field(default="platform.tfstate", description="The name of the state's blob.")


class StateInFolder(_Section):
    """The state in a folder of this machine: to try things out."""

    folder: Text = Field(description="Instead of an account: a folder beside the file, to try out.")


class Administrators(_Section):
    """An Entra group."""

    name: Text = Field(description="The group's name, as Entra shows it.")
    group: Guid = Field(description="The group's object id.")


class Network(_Section):
    """The ways into a stage's network and out of it; what isn't said here is closed."""

    people_from: tuple[PrivateAddresses, ...] = Field(
        default=(),
        description="Private addresses that people come from, such as the VPN's: they reach the "
        "private endpoints over HTTPS.",
    )
    egress: Egress = Field(
        default="nat",
        description="How container apps and pipelines leave it: nat, the private address of a "
        "firewall, or none (the hub's gateway announces a way).",
    )
    pipelines_may_reach: tuple[Reachable, ...] = Field(
        default=("AzureDevOps", "AzureResourceManager"),
        description="Services of Azure (service tags) and private addresses that pipelines may "
        "reach over HTTPS. Internet only behind a firewall, which then says what.",
    )
    hub: VirtualNetwork | None = Field(
        default=None,
        description="The resource id of the company's network that it is peered with.",
    )
    hub_gateway: bool = Field(
        default=False,
        description="Whether people come through the hub's VPN or ExpressRoute gateway.",
    )

    @model_validator(mode="after")
    def _check_ways(self) -> Network:
        if self.hub_gateway and self.hub is None:
            raise ValueError("hub_gateway needs a hub: without one there is no gateway")
        if "Internet" in self.pipelines_may_reach and self.egress in NO_FIREWALL:
            raise ValueError(
                "pipelines_may_reach: Internet needs a firewall (egress) that says where to; "
                "otherwise pipelines can send data anywhere"
            )
        return self


class Logs(_Section):
    """What a stage's log store takes and keeps."""

    daily_gb: float = Field(
        default=10,
        gt=0,
        le=1000,
        description="How much it takes in a day; what comes after it is lost until the next.",
    )
    days: int = Field(default=90, ge=90, le=730, description="For how many days it keeps logs.")


class Thresholds(_Section):
    """From where on alert rules alert."""

    latency_ms: float = Field(
        default=250, gt=0, description="95th percentile of an endpoint's latency."
    )
    error_percent: float = Field(
        default=1, gt=0, lt=100, description="Failed requests of an endpoint, in 15 minutes."
    )
    minimum_requests: int = Field(
        default=100, ge=1, description="Requests without which an endpoint isn't judged."
    )
    control_plane_errors: int = Field(
        default=5, ge=1, description="Failed requests of the control plane, in 15 minutes."
    )
    loop_lag_seconds: int = Field(
        default=600, ge=120, description="Since a background loop last did its work."
    )
    backlog: int = Field(default=100, ge=1, description="Events or entries that don't arrive.")
    refusals: int = Field(default=20, ge=1, description="Of one principal, in an hour.")
    daily_cap_percent: float = Field(
        default=80, gt=0, lt=100, description="Of a stage's `logs.daily_gb`, in a day."
    )


class Stage(_Section):
    """One stage: a subscription, a region and a network of its own."""

    subscription: Guid = Field(description="The subscription that holds it, and nothing else.")
    region: Text = Field(description="Where it is: one of `regions`.")
    addresses: AddressSpace = Field(
        description="The addresses of its network: a private /22 that no other stage has.",
    )
    network: Network = Field(default=Network(), description="The ways into it and out of it.")
    size: Literal["small", "standard"] = Field(
        default="standard", description="small has one zone and one database server; not in prod."
    )
    logs: Logs = Field(default=Logs(), description="What its log store takes and keeps.")
    capture_days: int = Field(
        default=400,
        ge=7,
        le=3650,
        description="For how many days endpoints' captures are kept; until the slowest labels "
        "have come, where squads train with them.",
    )
    image: Image | None = Field(
        default=None,
        description="The image of Northstar in its registry: NAME:TAG or NAME@DIGEST. Without one, "
        "everything is made but what runs it: for the first apply.",
    )
    settings: Settings = Field(
        default_factory=dict, description="Settings of its control plane, before the platform's."
    )
    state: StateInAzure | StateInFolder = Field(description="Where Terraform keeps its state.")
    may_be_destroyed: bool | None = Field(
        default=None, description="Whether `northstar env destroy` may; by default all but prod."
    )


class AzureDevOps(_Section):
    """A service connection that may act as the squad's CI; its issuer is the tenant's."""

    subject: ConnectionSubject | dict[EnvironmentName, ConnectionSubject] = Field(
        description="The subject that the connection shows, or that of each stage's connection."
    )


class Compute(_Section):
    """A squad's training cluster, which has no nodes while there is no work."""

    size: Text = Field(default="Standard_D4ds_v5", description="The size of a node, as Azure's.")
    nodes: int = Field(default=4, ge=1, le=100, description="How many nodes there are at most.")


class Budget(_Section):
    """What a squad may spend in a month, in the subscription's currency."""

    monthly: Amount | dict[EnvironmentName, Amount] = Field(
        description="An amount, or one for each stage, counted from the month in which it is made. "
        "`alerts` are told at 80 %, and when Azure foresees all of it."
    )


class Replicas(_Section):
    """How many processes serve an endpoint, and when more of them start."""

    min: int = Field(default=2, ge=1, le=300, description="How many there are at least.")
    max: int = Field(default=10, ge=1, le=300, description="How many there are at most.")
    concurrent_requests: int = Field(
        default=50, ge=1, le=10_000, description="Of one process; more of them start another."
    )

    @model_validator(mode="after")
    def _check_order(self) -> Replicas:
        if self.min > self.max:
            raise ValueError(f"min is {self.min}, which is more than max, {self.max}")
        return self


class Size(_Section):
    """Of one process that serves an endpoint."""

    cpu: float = Field(
        default=1, ge=0.25, le=4, multiple_of=0.25, description="Its cores, by quarters."
    )
    memory: Annotated[str, Field(pattern=r"^\d+(\.\d+)?Gi$")] = Field(
        default="2Gi", examples=["2Gi"], description="Its memory: 2Gi for each core."
    )

    @model_validator(mode="after")
    def _check_ratio(self) -> Size:
        if self.memory != (fitting := f"{self.cpu * 2:g}Gi"):
            raise ValueError(f"with cpu {self.cpu:g} memory must be {fitting}, not {self.memory}")
        return self


class EndpointSection(_Section):
    """An endpoint: whom the control plane takes it for, and how big it is."""

    client: Principal = Field(
        description="Its service principal on the platform, which trusts the identity of the "
        "squad's serving; {stage} stands for the stage."
    )
    replicas: Replicas = Field(default=Replicas(), description="How many processes serve it.")
    size: Size = Field(default=Size(), description="How big each of them is.")
    stages: tuple[EnvironmentName, ...] | None = Field(
        default=None, description="Where it is; by default in all stages of its squad."
    )


class SquadSection(_Section):
    """A squad: its people, its CI, what it may spend."""

    people: Guid = Field(description="The object id of the Entra group of its members.")
    budget: Budget = Field(description="What it may spend.")
    stages: tuple[EnvironmentName, ...] | None = Field(
        default=None, description="Where it is; by default in all stages."
    )
    github: tuple[Repository, ...] = Field(
        default=(), description="Repositories whose workflows may act as its CI."
    )
    azure_devops: dict[str, AzureDevOps] = Field(
        default_factory=dict, description="Service connections that may, by names."
    )
    compute: Compute | dict[EnvironmentName, Compute] = Field(
        default=Compute(), description="Its training cluster, or one for each stage."
    )
    training_may_reach: dict[str, Host] = Field(
        default_factory=dict,
        description="Hosts outside of Azure that its training may reach, by names of the rules. "
        "The first one brings a firewall, which is paid by the hour.",
    )
    endpoints: dict[Project, EndpointSection] = Field(
        default_factory=dict, description="What it serves, by the projects' names."
    )


class Flag(_Section):
    """A feature flag that is to be there; who switches it, does so in App Configuration."""

    description: Text = Field(description="What it is for.")
    enabled: bool = Field(default=False, description="How it begins.")
    label: str | None = Field(default=None, description="Its label in App Configuration.")


class PlatformFile(_Section):
    """A whole platform; see ``docs/how-to/environments-from-one-file.md``."""

    platform: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{2,9}$")] = Field(
        default="northstar",
        examples=["northstar"],
        description="A short name, part of every resource's: 3 to 10 letters and digits.",
    )
    tenant: Guid = Field(description="The Entra tenant of its people and identities.")
    regions: tuple[str, ...] = Field(min_length=1, description="Where data may be.")
    tags: dict[str, Text] = Field(
        description="Of every resource; owner and cost_center must be among them."
    )
    administrators: Administrators = Field(
        description="The Entra group that administers the database servers."
    )
    alerts: dict[str, Address] = Field(
        min_length=1, description="Whom alerts of the platform are sent to: addresses by names."
    )
    thresholds: Thresholds = Field(
        default=Thresholds(), description="From where on the alert rules alert."
    )
    settings: Settings = Field(
        default_factory=dict, description="Settings of the control planes: NORTHSTAR_…"
    )
    token_resource: TokenResource = Field(
        default="api://AzureADTokenExchange",
        description="For what Azure gives endpoints the tokens by which the control plane knows "
        "them: api://APPLICATION-ID where an application is registered for it.",
    )
    flags: dict[str, Flag] = Field(
        default_factory=dict, description="Feature flags that are to be there, by names."
    )
    stages: dict[EnvironmentName, Stage] = Field(
        min_length=1, description="dev, staging and prod, or those of them that there are."
    )
    squads: dict[Squad, SquadSection] = Field(
        default_factory=dict, description="The squads, by names."
    )
    prices: Text | None = Field(
        default=None, description="A file of the company's own prices, beside this one."
    )
    waivers: tuple[Waiver, ...] = Field(
        default=(), description="Exceptions to policies, each with an end."
    )

    def stage(self, name: str) -> Stage:
        """A stage by its name; raises ``NotFound`` with those that there are."""
        for known, stage in self.stages.items():
            if known == name:
                return stage
        raise NotFound(
            f"The platform has no stage {name!r}.", hint=f"It has {', '.join(self.stages)}."
        )

    def endpoints_of(self, stage: EnvironmentName) -> dict[tuple[str, str], EndpointSection]:
        """The endpoints that are in a stage, by squad and project."""
        return {
            (name, project): endpoint
            for name, squad in self.squads_of(stage).items()
            for project, endpoint in squad.endpoints.items()
            if endpoint.stages is None or stage in endpoint.stages
        }

    def squads_of(self, stage: EnvironmentName) -> dict[str, SquadSection]:
        """The squads that are in a stage."""
        return {
            name: squad
            for name, squad in self.squads.items()
            if squad.stages is None or stage in squad.stages
        }
