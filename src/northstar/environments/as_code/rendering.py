"""What Terraform is given for a stage: variables, and where its state is.

The same file always gives the same text, byte by byte, so that what a change of it means can be
reviewed as a difference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from northstar.environments.as_code.field_types import STAGE
from northstar.environments.as_code.platform_file import (
    EndpointSection,
    PlatformFile,
    SquadSection,
    StateInAzure,
)
from northstar.names import EnvironmentName

VARIABLES = "terraform.tfvars.json"
BACKEND = "backend.tfbackend.json"

_ValueT = TypeVar("_ValueT")


def render(file: PlatformFile, stage: EnvironmentName) -> dict[str, str]:
    """The files of one stage, by their names; raises ``NotFound`` for a stage that is not there."""
    return {
        VARIABLES: _text(variables(file, stage)),
        BACKEND: _text(backend(file, stage)),
    }


def differing(files: Mapping[str, str], folder: Path) -> list[str]:
    """The names of the files that a folder doesn't have as they are rendered."""
    return [
        name
        for name, text in files.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write rendered files into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def variables(file: PlatformFile, stage: EnvironmentName) -> dict[str, Any]:
    """The variables of the root module ``live/platform``."""
    own = file.stage(stage)
    squads = file.squads_of(stage)
    return {
        "platform": file.platform,
        "environment": stage,
        "location": own.region,
        "subscription_id": own.subscription,
        "tenant_id": file.tenant,
        "address_space": own.addresses,
        "size": own.size,
        "network": {
            "people_from": sorted(own.network.people_from),
            "egress": own.network.egress,
            "pipelines_may_reach": sorted(own.network.pipelines_may_reach),
            "hub_id": own.network.hub,
            "hub_gateway": own.network.hub_gateway,
        },
        "image": own.image,
        "settings": {**file.settings, **own.settings},
        "database_administrators": {
            "name": file.administrators.name,
            "object_id": file.administrators.group,
        },
        "alert_emails": file.alerts,
        "alert_thresholds": file.thresholds.model_dump(),
        "logs": own.logs.model_dump(),
        "capture_days": own.capture_days,
        "feature_flags": {
            name: flag.model_dump(exclude_none=True) for name, flag in file.flags.items()
        },
        "squads": {name: _squad(squad, stage) for name, squad in squads.items()},
        "endpoints": {
            f"{squad}/{project}": _endpoint(endpoint, stage)
            for (squad, project), endpoint in file.endpoints_of(stage).items()
        },
        "token_resource": file.token_resource,
        "tags": file.tags,
    }


def backend(file: PlatformFile, stage: EnvironmentName) -> dict[str, str]:
    """The settings of the stage's backend; who opens the state is known by Entra ID."""
    state = file.stage(stage).state
    if isinstance(state, StateInAzure):
        return {
            "resource_group_name": state.resource_group,
            "storage_account_name": state.account,
            "container_name": state.container,
            "key": state.key,
            "subscription_id": file.stage(stage).subscription,
            "tenant_id": file.tenant,
        }
    return {"path": f"{state.folder.replace(STAGE, stage)}/{stage}.tfstate"}


def _squad(squad: SquadSection, stage: EnvironmentName) -> dict[str, Any]:
    compute = _of(squad.compute, stage)
    return {
        "members_group_id": squad.people,
        "github_repositories": sorted(squad.github),
        "azure_devops_connections": {
            name: subject
            for name, one in squad.azure_devops.items()
            if (subject := _of(one.subject, stage)) is not None
        },
        **(
            {"compute": {"vm_size": compute.size, "max_nodes": compute.nodes}}
            if compute is not None
            else {}
        ),
        "allowed_hosts": squad.training_may_reach,
        "monthly_budget": _of(squad.budget.monthly, stage),
    }


def _endpoint(endpoint: EndpointSection, stage: EnvironmentName) -> dict[str, Any]:
    return {
        "client_id": endpoint.client.replace(STAGE, stage),
        "replicas": endpoint.replicas.model_dump(),
        "size": endpoint.size.model_dump(),
    }


def _of(value: _ValueT | dict[EnvironmentName, _ValueT], stage: EnvironmentName) -> _ValueT | None:
    return value.get(stage) if isinstance(value, dict) else value


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
