"""What no environment may be planned without: pure rules over a plan's graph.

Each finding names its policy, so that an exception can be a waiver like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from northstar.environments.grants import GRANTS, Grant
from northstar.environments.plan import Plan
from northstar.environments.policies.deletions import deletions
from northstar.environments.policies.endpoints import monitor_scopes, private_dns, private_endpoints
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.identity import Right, clusters, rights, roles
from northstar.environments.policies.images import images
from northstar.environments.policies.known_types import KNOWN_TYPES, types
from northstar.environments.policies.labels import REGIONS, TAGS, regions, tags
from northstar.environments.policies.logs import diagnostics
from northstar.environments.policies.network import (
    SERVICES,
    outbound_hosts,
    public_addresses,
    subnet_rules,
)
from northstar.environments.policies.settings import SETTINGS, left_out, settings
from northstar.environments.policies.trusts import trusts
from northstar.environments.policies.values import at
from northstar.environments.policies.written_secrets import secrets

__all__ = [
    "KNOWN_TYPES",
    "REGIONS",
    "SERVICES",
    "SETTINGS",
    "TAGS",
    "Finding",
    "Right",
    "at",
    "check",
    "public_addresses",
    "rights",
    "roles",
]


def check(plan: Plan, grants: Collection[Grant] = GRANTS) -> list[Finding]:
    """Every finding of every policy, in order; empty for a plan that may be applied."""
    policies: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
        settings,
        left_out,
        deletions,
        public_addresses,
        private_endpoints,
        private_dns,
        monitor_scopes,
        diagnostics,
        subnet_rules,
        outbound_hosts,
        trusts,
        clusters,
        images,
        tags,
        regions,
        secrets,
        types,
    )
    found = {finding for policy in policies for finding in policy(plan)}
    return sorted(found | set(roles(plan, grants)))
