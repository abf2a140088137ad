"""What can be governed by Terraform: one row for each kind of object, the rest is derived.

A row names the API's paths and the model that they answer with; the model's fields are the
attributes. A room that joins adds its row. ``tests/terraform`` holds the table to the API's own
description: paths, methods and bodies.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from northstar.access.credentials.domain import HeldTrust, NewTrust
from northstar.access.domain import (
    DEFAULT_SECRET_DAYS,
    NewAssignment,
    NewPrincipal,
    Principal,
    RoleAssignment,
    SecretDays,
)
from northstar.environments.domain import Environment
from northstar.environments.freezes import Freeze
from northstar.errors import Invalid
from northstar.project.squads import Project, Squad
from northstar.serving.domain import EndpointView
from northstar.standards.domain import Parameters
from northstar.terraform.schema import Attribute, attributes_of, object_type
from northstar.terraform.values import Type, is_unknown, to_json

_PRINCIPALS = "/api/principals/"
_BRACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    Args:
        name: the resource is ``northstar_NAME``, and so is the data source.
        model: what the API answers; its fields are the attributes.
        item: the path of one object. What stands in braces is, in this order and joined by ``/``,
            the id under which it is imported.
        collection: where one is made, by ``POST``; without it there is only a data source. Of
            what is always there it is the item, and ``PUT`` sets it.
        writes: the attributes that a configuration sets.
        updates: of these, the ones that ``PATCH`` changes in place; the others replace the object.
        fixed: what is sent along at creation, and is no attribute.
        answers: attributes that the answer to the creation calls otherwise.
        choices: attributes of the creation alone: nobody remembers them, and another choice later
            changes nothing.
        secrets: attributes that are only in the answer to the creation, and are sensitive.
        hidden: fields of the model that are no attributes.
        kept: why the platform doesn't remove it; empty where it does.
        ends: the attribute that says when it is gone by itself, as it was meant to be.
        made_of: the model that the API takes to make one, where that has rules of its own.
        within: the attribute that says in which scope it holds.
        note: what a person needs to know besides.
    """

    name: str
    model: type[BaseModel]
    item: str
    collection: str = ""
    writes: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[Attribute, ...] = ()
    secrets: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    kept: str = ""
    ends: str = ""
    made_of: type[BaseModel] | None = None
    within: str = ""
    note: str = ""

    @property
    def type_name(self) -> str:
        """The name in a configuration."""
        return f"northstar_{self.name}"

    @property
    def about(self) -> str:
        """What it is, in a sentence: the first paragraph of the model's docstring."""
        return (inspect.getdoc(self.model) or "").split("\n\n")[0].replace("\n", " ")

    @property
    def is_always_there(self) -> bool:
        """Whether it is neither made nor removed, but set and put back to what is shipped."""
        return self.collection == self.item

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """The attributes that name one object, in the order of its import id."""
        return tuple(_BRACES.findall(self.item))

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """The attributes of the resource."""
        of_model = attributes_of(
            self.model, writes=self.writes, hidden=self.hidden, made_of=self.made_of
        )
        revealed = [
            Attribute(
                name,
                "string",
                "computed",
                sensitive=True,
                description="Told once, at the creation: it is kept in the state and nowhere else.",
            )
            for name in self.secrets
        ]
        return (*of_model, *self.choices, *revealed)

    @cached_property
    def looked_up(self) -> tuple[Attribute, ...]:
        """The attributes of the data source: what names the object is required."""
        of_model = attributes_of(self.model, hidden=(*self.hidden, *self.identity))
        naming = attributes_of(self.model, writes=self.identity, hidden=self._not_naming())
        known = {one.name for one in naming}
        further = [Attribute(n, "string", "required") for n in self.identity if n not in known]
        return (*further, *naming, *of_model)

    @cached_property
    def object_type(self) -> Type:
        """The type of the resource's state."""
        return object_type(self.attributes)

    @cached_property
    def replacing(self) -> frozenset[str]:
        """The attributes whose change makes a new object."""
        return frozenset(self.writes) - frozenset(self.updates)

    def path(self, template: str, values: Mapping[str, Any]) -> str:
        """``item`` or ``collection`` with an object's own values in it."""
        safe = ":/" if template.startswith(_PRINCIPALS) else ":"
        return _BRACES.sub(lambda found: _quoted(values[found[1]], safe), template)

    def named(self, import_id: str) -> dict[str, str]:
        """The attributes that name an object, read from its import id; raises ``Invalid``.

        A principal's name may hold a slash itself, for it may be of a squad.
        """
        of_principals = self.item.startswith(_PRINCIPALS)
        most = len(self.identity) - 1 if of_principals else -1
        parts = import_id.rsplit("/", most) if self.identity else []
        if len(parts) != len(self.identity) or not all(parts):
            form = "/".join(name.upper() for name in self.identity)
            raise Invalid(
                f"{import_id!r} is no id of a {self.type_name}.", hint=f"Write it as {form}."
            )
        return dict(zip(self.identity, parts, strict=True))

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What is sent to make the object."""
        in_path = _BRACES.findall(self.collection)
        chosen = [one.name for one in self.choices]
        written = [name for name in (*self.writes, *chosen) if name not in in_path]
        return {**self.fixed, **{name: to_json(values[name]) for name in written}}

    def changes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What is sent to change the object in place."""
        return {name: to_json(values[name]) for name in self.updates}

    def _not_naming(self) -> tuple[str, ...]:
        return tuple(name for name in self.model.model_fields if name not in self.identity)


KINDS: tuple[Kind, ...] = (
    Kind(
        "squad",
        Squad,
        item="/api/squads/{name}",
        collection="/api/squads",
        writes=("name", "description"),
        updates=("description",),
        kept="its runs, versions and audit entries name it",
    ),
    Kind(
        "project",
        Project,
        item="/api/squads/{squad}/projects/{name}",
        collection="/api/squads/{squad}/projects",
        writes=("squad", "name", "description"),
        updates=("description",),
        kept="its runs, versions and audit entries name it",
    ),
    Kind(
        "service_principal",
        Principal,
        item="/api/principals/service:{name}",
        collection="/api/principals",
        writes=("name",),
        fixed={"kind": "service"},
        answers={"id": "client_id"},
        choices=(
            Attribute(
                "secret",
                "bool",
                "defaulted",
                annotation=bool,
                default=False,
                description="Whether it is made with a secret, which then stands in the state.",
            ),
            Attribute(
                "days",
                "number",
                "defaulted",
                annotation=SecretDays,
                default=DEFAULT_SECRET_DAYS,
                description="How long that secret holds.",
            ),
        ),
        secrets=("client_secret",),
        hidden=("kind",),
        made_of=NewPrincipal,
        note="A pipeline that has tokens of its own needs no secret: trust their issuer.",
    ),
    Kind(
        "federated_trust",
        HeldTrust,
        item="/api/principals/{principal}/credentials/trust/{number}",
        collection="/api/principals/{principal}/trusts",
        writes=("principal", "issuer", "audience", "subject", "reusable"),
        updates=("issuer", "audience", "subject", "reusable"),
        made_of=NewTrust,
    ),
    Kind(
        "role_assignment",
        RoleAssignment,
        item="/api/role-assignments/{id}",
        collection="/api/role-assignments",
        writes=("principal", "role", "scope", "expires_at"),
        ends="expires_at",
        made_of=NewAssignment,
        within="scope",
        note="One that has expired can stay in the configuration.",
    ),
    Kind(
        "environment",
        Environment,
        item="/api/environments/{name}",
        collection="/api/environments/{name}",
        writes=tuple(Environment.model_fields),
        updates=tuple(name for name in Environment.model_fields if name != "name"),
        note="Destroyed, nothing is said of it any more; it is there all the same.",
    ),
    Kind(
        "release_freeze",
        Freeze,
        item="/api/freezes/{id}",
        collection="/api/freezes",
        writes=("environment", "squad", "reason", "starts_at", "ends_at"),
        updates=("reason", "starts_at", "ends_at"),
        hidden=("exemptions",),
        note="It ends by itself, and can stay in the configuration. One that somebody sets by hand "
        "is not touched.",
    ),
    Kind(
        "standards_parameters",
        Parameters,
        item="/api/standards/parameters",
        collection="/api/standards/parameters",
        writes=tuple(Parameters.model_fields),
        updates=tuple(Parameters.model_fields),
        note="There is one in a platform; destroyed, the shipped thresholds hold.",
    ),
    Kind(
        "endpoint",
        EndpointView,
        item="/api/squads/{squad}/projects/{project}/environments/{environment}/endpoint",
        hidden=(
            "weights",
            "counters",
            "rejected",
            "captured",
            "dropped",
            "spans_lost",
            "last_seen_at",
        ),
        note="Endpoints come into being with a release, so there is a data source only.",
    ),
)


def _quoted(value: Any, safe: str) -> str:
    if value is None or is_unknown(value):
        raise ValueError("an object without its name has no path")
    return quote(str(value), safe=safe)
