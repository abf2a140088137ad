"""What a plan exposes: what it opens, what it closes, and what nobody can tell from it.

A change is harmless only if it is known to be: what no rule here judges, and what is not among the
attributes that reach nothing, is named for a reviewer to look at. So an attribute that Northstar
has never heard of can't slip through under "nothing more is reached".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from northstar.environments.as_code.changes import Change, Directory, unusual
from northstar.environments.as_code.differences import SECRET, Difference, written
from northstar.environments.as_code.exposure_of_access import (
    administrators,
    by_assignment,
    federated,
    roles,
)
from northstar.environments.as_code.exposure_of_deletions import deletions, is_age
from northstar.environments.as_code.exposure_of_network import (
    firewalls,
    other_ways,
    security_rules,
    unguarded_subnets,
    ways_out,
)
from northstar.environments.as_code.notes import NOT_KNOWN, Note, closes, doubts, opens
from northstar.environments.as_code.wording import identity_at, listed, named
from northstar.environments.plan import Plan, Resource
from northstar.environments.policies import KNOWN_TYPES, SETTINGS, at

_ANY_TYPE = ("tags", "tags.*", "tags_all.*", "timeouts", "timeouts.*", "description")
_HARMLESS: Mapping[str, tuple[str, ...]] = {
    "app_configuration_feature": ("*",),
    "application_insights": ("daily_data_cap*", "retention_in_days", "sampling_percentage"),
    "application_insights_workbook": ("*",),
    "consumption_budget_subscription": ("amount", "time_grain", "time_period*"),
    "container_app": (
        "latest_revision_*",
        "outbound_ip_addresses",
        "template.container.cpu",
        "template.container.ephemeral_storage",
        "template.container.image",
        "template.container.liveness_probe*",
        "template.container.memory",
        "template.container.readiness_probe*",
        "template.container.startup_probe*",
        "template.http_scale_rule*",
        "template.max_replicas",
        "template.min_replicas",
        "template.termination_grace_period_seconds",
        "workload_profile_name",
    ),
    "log_analytics_workspace": ("daily_quota_gb", "retention_in_days", "sku"),
    "machine_learning_compute_cluster": ("scale_settings.*", "vm_priority", "vm_size"),
    "monitor_scheduled_query_rules_alert_v2": ("*",),  # whether it still alerts is judged apart
    "postgresql_flexible_server": (
        "auto_grow_enabled",
        "backup_retention_days",
        "high_availability.*",
        "maintenance_window.*",
        "sku_name",
        "storage_*",
        "zone",
    ),
    "storage_account": ("account_replication_type", "access_tier"),
    "storage_share": ("quota",),
}
_JUDGED = (
    "federated_identity_credential",
    "network_security_rule",
    "postgresql_flexible_server_active_directory_administrator",
    "role_assignment",
    "subnet_network_security_group_association",
)
"""Types of which every attribute is judged."""

_OPENING = re.compile(
    r"(^|\.)(ip_rules?|ip_security_restriction|cors\w*|custom_domain\w*|access_policy|ingress|admin\w*"
    r"|identity|identity_ids|network_acls|network_rules|network_rule_set|\w*_receiver|private_link_access"
    r"|sftp_enabled|ssh\w*|\w*public\w*|\w*anonymous\w*|virtual_network_subnet_ids|bypass)(\.|$)"
)
"""Attributes that decide who gets in, who something acts as, or who is told."""

_SIGN_IN = re.compile(
    r"SIGN_IN|CLIENT_ID|PUBLIC_URL|REDIRECT|ISSUER|AUDIENCE|OIDC|TRUSTED|POLICIES|_JOBS$"
)
_ALLOWING: Mapping[str, tuple[str, str]] = {
    "alerts": ("tells nobody any more", "tells of what it sees again"),
    "data-export": ("can be copied to elsewhere", "can no longer be copied to elsewhere"),
    "public-access": ("is reached from everywhere", "is no longer reached from everywhere"),
    "purge-protection": ("can be purged for good", "can no longer be purged"),
    "shared-keys": ("lets in whoever has a key", "no longer lets in whoever has a key"),
    "subnet-rules": ("lets through what no rule names", "lets through what rules name alone"),
    "tls": ("takes connections that others can read", "no longer takes connections without TLS"),
}
"""What it means to break a policy, and to keep it again."""


@dataclass(frozen=True)
class Exposure:
    """Sentences about a plan.

    Attributes:
        opens: more is reached, or somebody may do more.
        doubts: it may be so: what is not known before the apply, or what no rule judges.
        closes: less is reached, or somebody may do less.
        roles: those of ``opens`` that say who gets which roles.
    """

    opens: tuple[str, ...]
    doubts: tuple[str, ...]
    closes: tuple[str, ...]
    roles: tuple[str, ...]


def exposure_of(document: Mapping[str, Any], plan: Plan, changes: Sequence[Change]) -> Exposure:
    """What a plan exposes.

    Args:
        document: what ``terraform show -json`` says of it.
    """
    notes = dict.fromkeys(_notes(document, plan, changes))

    def about(kind: str) -> tuple[str, ...]:
        return tuple(note.text for note in notes if note.about == kind)

    roles_given = tuple(note.text for note in notes if note.roles)
    return Exposure(about("opens"), about("doubts"), about("closes"), roles_given)


def _notes(document: Mapping[str, Any], plan: Plan, changes: Sequence[Change]) -> Iterator[Note]:
    directory, given = Directory(document), by_assignment(plan)
    yield from federated(changes, directory, plan, given)
    yield from administrators(changes)
    for change in changes:
        yield from _settings(change)
    yield from security_rules(changes, plan)
    yield from unguarded_subnets(changes, directory)
    yield from firewalls(changes)
    yield from ways_out(changes, directory, plan)
    yield from other_ways(changes, plan)
    resources = {one.address: one for one in plan.resources}
    for change in changes:
        if change.type == "container_app":
            yield from _apps(change, directory, resources.get(change.address), plan)
    yield from _recipients(changes)
    yield from _unwatched(changes, directory)
    yield from deletions(changes)
    yield from roles(changes, directory, plan, given)
    yield from map(doubts, unusual(document))
    yield from _rest(changes)


def _settings(change: Change) -> Iterator[Note]:
    """Public access, keys, TLS, purging: what the policies want of one attribute."""
    if change.kind == "destroy":
        return
    for policy, kind, path, wanted in SETTINGS:
        if kind.partition("_")[2] != change.type:
            continue
        old, new = at(change.before, path), at(change.after, path)
        shown = path.replace(".0.", ".")
        if new is None and change.is_unknown(path.partition(".")[0]):
            yield doubts(f"{change.named}: {shown} is {NOT_KNOWN}")
        elif new != wanted and (new != old or not change.before):
            said = f"{shown}: {written(old)} -> {written(new)}" if change.before else shown
            yield opens(f"{change.named} {_ALLOWING[policy][0]} ({said})")
        elif new == wanted and change.before and old != wanted:
            said = f"{shown}: {written(old)} -> {written(new)}"
            yield closes(f"{change.named} {_ALLOWING[policy][1]} ({said})")


def _apps(
    change: Change, directory: Directory, resource: Resource | None, plan: Plan
) -> Iterator[Note]:
    """What a container app runs, and who signs in there."""
    if change.kind == "create":
        yield from _new_app(change, directory, resource, plan)
    for one in change.differences:
        if one.pattern.endswith("container.image") and one.known:
            if _program(one.before) != _program(one.after):
                yield opens(f"{change.named} runs another program ({one})")
        elif ".env" in one.pattern and _SIGN_IN.search(one.path):
            yield opens(f"{change.named}: who signs in, or who is believed, may be another ({one})")


def _new_app(
    change: Change, directory: Directory, resource: Resource | None, plan: Plan
) -> Iterator[Note]:
    images = [
        container.get("image")
        for template in change.after.get("template") or []
        for container in template.get("container") or []
    ]
    place = ("template", 0, "container", 0, "image")
    origins = {o.type for o in (plan.leads_to(resource, *place) if resource else ())}
    if SECRET in images:
        yield doubts(f"{change.named}: its image is withheld as a secret, and can't be reviewed")
    if None not in images and images:
        runs = listed([written(one) for one in images])
    elif origins == {"azurerm_container_registry"}:
        runs = "its image from the registry that is made with it"
    else:
        yield doubts(f"{change.named}: which image it runs is {NOT_KNOWN}")
        runs = "an image"
    ids = [one for one in at(change.after, "identity.0.identity_ids") or [] if one is not None]
    acting = [identity_at(a, change.part) if (a := directory.address(i)) else str(i) for i in ids]
    own = plan.leads_to(resource, "identity", 0, "identity_ids") if resource else set()
    if not acting and len(own) == 1:  # otherwise it is one of several, and which isn't known
        acting = [identity_at(one.address, change.part) for one in own]
    answers = " and answers in the network" if change.after.get("ingress") else ""
    yield opens(f"{change.named} runs {runs}{answers}{f', as {listed(acting)}' if acting else ''}")


def _program(image: object) -> str:
    """An image without its tag or digest."""
    name = str(image).partition("@")[0]
    head, _, tail = name.rpartition(":")
    return head if head and "/" not in tail else name


def _recipients(changes: Sequence[Change]) -> Iterator[Note]:
    """Whom alerts are sent to."""
    for change in changes:
        if change.type != "monitor_action_group" or change.kind != "create":
            continue
        for name, receivers in sorted(change.after.items()):
            for one in (receivers or ()) if name.endswith("_receiver") else ():
                to = one.get("email_address") or one.get("service_uri") or name
                yield opens(f"{change.part}: alerts are sent to {written(to)}")


def _unwatched(changes: Sequence[Change], directory: Directory) -> Iterator[Note]:
    """What nobody would hear of any more."""
    gone = {one.address for one in changes if one.kind == "destroy"}
    for change in changes:
        if change.type == "monitor_diagnostic_setting" and change.kind == "destroy":
            target = directory.holder(change.before.get("target_resource_id"))
            if target not in gone:
                yield opens(f"{named(target) if target else change.named}: nothing keeps its logs")
        elif change.type == "monitor_scheduled_query_rules_alert_v2":
            on, still = change.before.get("enabled"), change.after.get("enabled")
            if directory.address(at(change.before, "scopes.0")) in gone:
                continue  # with what it watches
            if change.kind == "destroy" or (on is not False and change.before and still is False):
                yield opens(f"{change.named} alerts nobody any more")


def _rest(changes: Sequence[Change]) -> Iterator[Note]:
    """What no rule above judges, and what isn't known to be harmless; the same of several once."""
    found: dict[tuple[bool, str], list[str]] = {}
    for change in changes:
        yield from _whole(change)
        for one in change.differences:
            told_above = change.type in _JUDGED or _is_told(change, one)
            if one.follows or (told_above and not one.secret) or _is_harmless(change, one):
                continue
            surely = one.known and _OPENING.search(one.pattern) is not None
            found.setdefault((surely, str(one)), []).append(change.named)
    for (surely, said), things in found.items():
        yield (opens if surely else doubts)(_said_of(things, said))


def _said_of(things: Sequence[str], said: str) -> str:
    """``Models and data: storage account: sku: "a" -> "b"``, or the same of several resources."""
    if len(things) == 1:
        return f"{things[0]}: {said}"
    names = [f"{n} {name}" if n > 1 else name for name, n in Counter(things).items()]
    return f"{len(things)} resources: {said} (of {'; '.join(names)})"


def _whole(change: Change) -> Iterator[Note]:
    """New and removed resources of which no rule above judges everything."""
    known = f"azurerm_{change.type}" == change.entry["type"] in KNOWN_TYPES
    if not known and change.kind == "create":
        yield doubts(f"{change.named}: Northstar knows nothing of the type {change.entry['type']}")
    elif not known and change.kind == "destroy":
        yield doubts(f"{change.named} is removed: it may have protected something")
    if change.kind == "create":
        yield from _ways_into_new(change)


def _ways_into_new(change: Change) -> Iterator[Note]:
    """Ways into a new resource that no policy forbids: addresses, domains, other sites."""
    for name in _WITHHELD:
        if change.is_secret(name):
            yield doubts(f"{change.named}: {name} is withheld as a secret, and can't be reviewed")
    for prefix, values in (("", change.after), *_blocks(change.after)):
        for name, value in values.items():
            if name in _NAMED_WAYS and value not in (None, [], {}, "", False):
                yield opens(f"{change.named}: {prefix}{name}: {written(value, 300)}")


_WITHHELD = (
    "identity",
    "ingress",
    "network_acls",
    "network_rules",
    "principal_id",
    "role_definition_name",
    "scope",
    "security_rule",
)
"""Attributes of something new that must not be hidden from who reviews it."""

_NAMED_WAYS = (
    "access_policy",
    "cors",
    "cors_rule",
    "custom_domain",
    "ip_rule",
    "ip_rules",
    "ip_security_restriction",
    "private_link_access",
    "sftp_enabled",
    "ssh",
    "virtual_network_subnet_ids",
)


def _blocks(values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, value in values.items():
        for one in value if isinstance(value, list) else ():
            if isinstance(one, Mapping) and name not in _NAMED_WAYS:
                yield f"{name}.", one


def _is_told(change: Change, difference: Difference) -> bool:
    """Whether a rule above has judged it."""
    pattern = difference.pattern
    if change.type == "network_security_group":
        return difference.attribute == "security_rule"
    if change.type == "container_app" and ".env" in pattern:
        return _SIGN_IN.search(difference.path) is not None
    if change.type.startswith("machine_learning_workspace_network_outbound_rule"):
        return difference.attribute in ("destination_fqdn", "service_resource_id")
    if change.type.endswith("firewall_rule"):
        return difference.known
    if is_age(change, difference):
        return True
    paths = (
        path.replace(".0.", ".") for _, k, path, _ in SETTINGS if k == f"azurerm_{change.type}"
    )
    return difference.known and pattern in paths


def _is_harmless(change: Change, difference: Difference) -> bool:
    patterns = (*_ANY_TYPE, *_HARMLESS.get(change.type, ()))
    if not difference.known or difference.secret:
        patterns = _ANY_TYPE
    return any(fnmatchcase(difference.pattern, one) for one in patterns)
