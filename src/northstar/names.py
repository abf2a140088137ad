"""The names of things: squads, projects, environments and endpoints, and how they nest.

The same text stands in folders, URLs, commands, policies and pages: ``operations``,
``operations/late-arrival``, ``operations/late-arrival/prod``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from northstar.errors import Invalid

EnvironmentName = Literal["dev", "staging", "prod"]
ENVIRONMENTS: tuple[EnvironmentName, ...] = get_args(EnvironmentName)

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_NAME = re.compile(NAME_PATTERN)
_NAME_MAX = 63


def check_name(value: str, what: str) -> str:
    """Return ``value`` if it is a valid name for a ``what``; raise ``Invalid`` otherwise."""
    if not is_name(value):
        raise Invalid(
            f"{value!r} is not a valid {what} name.",
            hint=f"Use 1 to {_NAME_MAX} lower-case letters, digits and single hyphens, "
            "starting with a letter, for example 'late-arrival'.",
        )
    return value


def is_name(value: str) -> bool:
    """Whether something can be called so."""
    return len(value) <= _NAME_MAX and _NAME.fullmatch(value) is not None


def check_environment(value: str) -> EnvironmentName:
    """Return ``value`` as an environment name; raise ``Invalid`` with the accepted ones."""
    for name in ENVIRONMENTS:
        if value == name:
            return name
    raise Invalid(
        f"{value!r} is not an environment.", hint=f"Use one of {', '.join(ENVIRONMENTS)}."
    )


@dataclass(frozen=True, order=True)
class ProjectRef:
    """One model product of one squad, written ``squad/project``."""

    squad: str
    project: str

    @classmethod
    def parse(cls, text: str) -> ProjectRef:
        """Read ``squad/project``; raises ``Invalid``."""
        parts = text.split("/")
        if len(parts) != 2:
            raise Invalid(f"{text!r} is not a project.", hint="Write it as SQUAD/PROJECT.")
        return cls(check_name(parts[0], "squad"), check_name(parts[1], "project"))

    def __str__(self) -> str:
        return f"{self.squad}/{self.project}"

    @property
    def path(self) -> str:
        """The project's place in the HTTP API."""
        return f"/api/squads/{self.squad}/projects/{self.project}"


@dataclass(frozen=True, order=True)
class EndpointRef:
    """The stable name under which a project is served in one environment."""

    squad: str
    project: str
    environment: EnvironmentName

    @classmethod
    def parse(cls, text: str) -> EndpointRef:
        """Read ``squad/project/environment``; raises ``Invalid``."""
        parts = text.split("/")
        if len(parts) != 3:
            raise Invalid(
                f"{text!r} is not an endpoint.", hint="Write it as SQUAD/PROJECT/ENVIRONMENT."
            )
        project = ProjectRef.parse("/".join(parts[:2]))
        return cls(project.squad, project.project, check_environment(parts[2]))

    def __str__(self) -> str:
        return f"{self.squad}/{self.project}/{self.environment}"

    @property
    def project_ref(self) -> ProjectRef:
        """The project that this endpoint serves."""
        return ProjectRef(self.squad, self.project)

    @property
    def scope(self) -> Scope:
        """Where one needs a right to do something with it."""
        return Scope(self.squad, self.project, self.environment)

    @property
    def path(self) -> str:
        """The endpoint's environment in the HTTP API."""
        return f"{self.project_ref.path}/environments/{self.environment}"


@dataclass(frozen=True, order=True)
class Scope:
    """Where a right holds: the platform, a squad, a project or one environment of it.

    Written ``/``, ``/operations``, ``/operations/late-arrival`` or
    ``/operations/late-arrival/prod``; a right in a scope holds in all scopes below it.
    """

    squad: str | None = None
    project: str | None = None
    environment: EnvironmentName | None = None

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read the written form; raises ``Invalid``."""
        parts = [part for part in text.split("/") if part]
        if len(parts) > 3 or not text.startswith("/"):
            raise Invalid(
                f"{text!r} is not a scope.",
                hint="Write '/', '/SQUAD', '/SQUAD/PROJECT' or '/SQUAD/PROJECT/ENVIRONMENT'.",
            )
        return cls(
            check_name(parts[0], "squad") if parts else None,
            check_name(parts[1], "project") if len(parts) > 1 else None,
            check_environment(parts[2]) if len(parts) > 2 else None,
        )

    def __str__(self) -> str:
        return "/" + "/".join(p for p in (self.squad, self.project, self.environment) if p)

    def contains(self, other: Scope) -> bool:
        """Whether ``other`` is this scope or lies below it."""
        mine = [p for p in (self.squad, self.project, self.environment) if p]
        theirs = [p for p in (other.squad, other.project, other.environment) if p]
        return theirs[: len(mine)] == mine
