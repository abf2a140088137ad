"""Which identity may have which role on what: the table that every plan is held to.

An identity is written ``MODULE:NAME``, what the role is on ``MODULE:TYPE``; modules inside of
others are joined by dots. ``people`` are the group of a squad's members.
``docs/reference/infrastructure.md`` has the same table with a reason for each line.
"""

from __future__ import annotations

from typing import NamedTuple


class Grant(NamedTuple):
    """One identity's role on one thing."""

    identity: str
    role: str
    on: str


_APPROVER = "Azure AI Enterprise Network Connection Approver"
_WORKSPACE = "squad.machine_learning:workspace"
_IMAGE_BUILD = "squad.machine_learning:image_build"

GRANTS = frozenset(
    Grant(identity, role, on)
    for identity, on, roles in (
        ("control_plane:this", "container_registry:container_registry", ["AcrPull"]),
        ("control_plane:this", "vault:key_vault", ["Key Vault Secrets User"]),
        (
            "control_plane:this",
            "control_plane.store:storage_account",
            ["Storage Blob Data Contributor"],
        ),
        (
            "control_plane:this",
            "app_configuration:app_configuration",
            ["App Configuration Data Reader"],
        ),
        (
            "control_plane:this",
            "observability:application_insights",
            ["Monitoring Metrics Publisher"],
        ),
        (
            _WORKSPACE,
            "squad.workspace_storage:storage_account",
            [
                "Contributor",
                "Storage Blob Data Contributor",
                "Storage File Data Privileged Contributor",
                _APPROVER,
            ],
        ),
        (
            _WORKSPACE,
            "squad.vault:key_vault",
            ["Contributor", "Key Vault Administrator", _APPROVER],
        ),
        (_WORKSPACE, "squad.registry:container_registry", ["Contributor", _APPROVER]),
        (_WORKSPACE, "squad:application_insights", ["Contributor"]),
        (
            _WORKSPACE,
            "squad.machine_learning:machine_learning_workspace",
            ["Contributor", _APPROVER],
        ),
        (_WORKSPACE, "models:storage_account", [_APPROVER]),
        (_IMAGE_BUILD, "squad.registry:container_registry", ["AcrPush"]),
        (_IMAGE_BUILD, "squad.workspace_storage:storage_account", ["Storage Blob Data Reader"]),
        ("squad:training", "squad:storage_container", ["Storage Blob Data Contributor"]),
        ("squad:serving", "squad:storage_container", ["Storage Blob Data Reader"]),
        (
            "squad:serving",
            "squad.captures:storage_container",
            ["Storage Blob Data Contributor"],
        ),
        ("squad:training", "squad.vault:key_vault", ["Key Vault Secrets User"]),
        ("squad:serving", "squad.vault:key_vault", ["Key Vault Secrets User"]),
        (
            "squad:serving",
            "observability:application_insights",
            ["Monitoring Metrics Publisher"],
        ),
        ("squad:training", "squad.registry:container_registry", ["AcrPull"]),
        ("squad:serving", "container_registry:container_registry", ["AcrPull"]),
        (
            "squad:serving",
            "app_configuration:app_configuration",
            ["App Configuration Data Reader"],
        ),
        (
            "squad:ci",
            "squad.machine_learning:machine_learning_workspace",
            ["AzureML Data Scientist"],
        ),
        ("squad:ci", "squad:resource_group", ["Reader"]),
        (
            "squad:people",
            "squad.machine_learning:machine_learning_workspace",
            ["AzureML Data Scientist"],
        ),
        ("squad:people", "squad:resource_group", ["Reader"]),
        (
            "squad:people",
            "squad:storage_container",
            ["Storage Blob Data Contributor", "Storage Blob Data Reader"],
        ),
        ("squad:people", "squad.vault:key_vault", ["Key Vault Secrets Officer"]),
    )
    for role in roles
)
