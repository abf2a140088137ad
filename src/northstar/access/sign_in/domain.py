"""What signing in with an organisation's account takes: its settings, and the rules of names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from northstar.access.addresses import check_address
from northstar.access.domain import MACHINE_ROLES, Grant, check_role
from northstar.errors import Invalid
from northstar.names import Scope

_ENTRA_HOSTS = (
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
)
_LONGEST_NAME = 50


@dataclass(frozen=True)
class SignInSettings:
    """Where an organisation's people prove who they are; raises ``Invalid``.

    Args:
        issuer: as its tokens write it, https (http on this machine).
        client_id: as which the platform is registered there.
        client_secret: empty for a public client, which proves itself by PKCE alone.
        claim: the one that never changes and is never given to somebody else: Entra's ``oid``,
            otherwise ``sub``; chosen by the issuer when empty.
        groups_claim: where the id token lists a person's groups.
        roles: what members of a group get while they are signed in.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    claim: str = ""
    groups_claim: str = "groups"
    roles: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_address(self.issuer, "issuer of the sign-in")
        if not self.client_id:
            raise Invalid(
                "The sign-in has an issuer but no client id.",
                hint="Set NORTHSTAR_SIGN_IN_CLIENT_ID to the id of the registered application.",
            )
        if not self.claim:
            entra = urlsplit(self.issuer).hostname in _ENTRA_HOSTS
            object.__setattr__(self, "claim", "oid" if entra else "sub")


@dataclass(frozen=True)
class Person:
    """Who an identity provider says somebody is.

    Args:
        subject: the claim that never changes.
        display: what people call them; may change and be used again.
        groups: as the provider names them.
    """

    issuer: str
    subject: str
    display: str
    groups: tuple[str, ...] = ()


def parse_roles(text: str) -> dict[str, tuple[Grant, ...]]:
    """Read ``GROUP=ROLE@SCOPE`` pairs, separated by blanks; raises ``Invalid``.

    A group is named as the id token names it; with Entra that is its object id.
    """
    found: dict[str, tuple[Grant, ...]] = {}
    for pair in text.split():
        group, _, right = pair.rpartition("=")
        role, _, scope = right.partition("@")
        if not group or not scope:
            raise Invalid(
                f"{pair!r} does not give a role to a group.",
                hint="Write GROUP=ROLE@SCOPE, for example 5f0c…=squad-owner@/operations.",
            )
        if check_role(role) in MACHINE_ROLES:
            raise Invalid(f"{role} is a role of processes; a group of people can't have it.")
        grant = Grant(role=check_role(role), scope=str(Scope.parse(scope)))
        found[group] = (*found.get(group, ()), grant)
    return found


def person_of(settings: SignInSettings, claims: Mapping[str, Any]) -> Person:
    """Who an id token is about; raises ``Invalid`` when it lacks the claim that identifies them."""
    subject = claims.get(settings.claim)
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise Invalid(f"The id token of {settings.issuer} has no usable claim {settings.claim!r}.")
    names = (claims.get(name) for name in ("preferred_username", "email", "name"))
    display = next((name for name in names if isinstance(name, str) and name), subject)
    groups = claims.get(settings.groups_claim)
    listed = groups if isinstance(groups, list) else []
    return Person(
        settings.issuer,
        subject,
        "".join(c for c in display if c.isprintable())[:255],
        tuple(group for group in listed if isinstance(group, str)),
    )


def name_for(person: Person) -> str:
    """A principal's name made of what people call somebody: ``anna.smith@contoso.com`` is
    ``anna-smith``.
    """
    before = person.display.partition("@")[0].lower()
    name = re.sub(r"[^a-z0-9]+", "-", before).strip("-")[:_LONGEST_NAME].strip("-")
    return name if name[:1].isalpha() else f"user-{name}".strip("-")


def distinct_name_for(person: Person) -> str:
    """As ``name_for``, with an ending that only this person has."""
    digest = hashlib.sha256(f"{person.issuer}\n{person.subject}".encode()).hexdigest()
    return f"{name_for(person)}-{digest[:8]}"
