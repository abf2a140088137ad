"""Which checks there are: our policies, Checkov's, and those in whose stead a policy decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from northstar.documents import did_you_mean

RULES = Path(__file__).resolve().parent / "checkov_rules"
"""What comes with Northstar for Checkov: policies of ours, and the list of checks there are."""

POLICIES = (
    "alerts",
    "data-export",
    "diagnostics",
    "images",
    "private-dns",
    "private-endpoint",
    "public-access",
    "purge-protection",
    "regions",
    "roles",
    "secrets",
    "shared-keys",
    "subnet-rules",
    "tags",
    "tls",
    "trusts",
    "types",
)
"""The policies that a plan is held to, as ``northstar.environments.policies`` names them."""


@dataclass(frozen=True)
class Decision:
    """What decides a question in a check's stead, and why."""

    policy: str
    why: str


DECIDED_BY: Mapping[str, Decision] = {
    "CKV2_AZURE_21": Decision(
        "diagnostics",
        "Reads of blobs are logged by a diagnostic setting of the account's blob service. Checkov "
        "looks for the older log of the account alone.",
    ),
    "CKV2_AZURE_31": Decision(
        "subnet-rules",
        "Subnets get their network security groups by keys of for_each, which Checkov does not "
        "follow.",
    ),
    "CKV2_AZURE_50": Decision(
        "public-access",
        "A workspace's account is in another module, to which Checkov does not follow it. The "
        "policy asks every account.",
    ),
}
"""Checkov's checks that are not run: a policy answers the same question from the plan."""


@dataclass(frozen=True)
class KnownChecks:
    """The checks that Checkov has for what Northstar makes, with ours among them."""

    version: str
    names: frozenset[str]


@cache
def known_checks() -> KnownChecks:
    """The checks of the version of Checkov that this Northstar goes with."""
    first, *names = (RULES / "known_checks.txt").read_text(encoding="utf-8").split("\n")
    return KnownChecks(first.removeprefix("checkov "), frozenset(filter(None, names)))


def fault_of_name(name: str) -> str:
    """What is wrong with what a waiver is for; empty when there is such a policy or check."""
    known = known_checks()
    if decision := DECIDED_BY.get(name):
        return f"{name} is decided by the policy {decision.policy}; name that"
    if name in POLICIES or name in known.names:
        return ""
    near = did_you_mean(name, (*POLICIES, *known.names - {*DECIDED_BY}))
    return f"{name} is no policy, and no check of Checkov {known.version}{near}"
