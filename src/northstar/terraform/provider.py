"""The provider's answers, on plain values: what differs, what shall be done, and doing it.

What a provider may answer is written in Terraform's ``docs/resource-instance-change-lifecycle.md``:
a planned value is the configuration's, or the old one where both mean the same; what is not set is
the provider's choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, TypeAdapter

from northstar.clock import Clock, SystemClock
from northstar.connection import Connection, Credentials, find_credentials
from northstar.errors import Conflict, NorthstarError, NotFound, Unauthenticated
from northstar.names import Scope
from northstar.terraform.resources import KINDS, Kind
from northstar.terraform.schema import Attribute
from northstar.terraform.values import UNKNOWN, from_json, is_unknown, is_wholly_known, to_json

Values = dict[str, Any]
_MOMENT = TypeAdapter[datetime](AwareDatetime)

SETTINGS: tuple[Attribute, ...] = (
    Attribute("url", "string", "optional", description="Where the platform is; NORTHSTAR_URL."),
    Attribute(
        "client_id",
        "string",
        "optional",
        description="Who applies, for example service:terraform; NORTHSTAR_CLIENT_ID.",
    ),
    Attribute(
        "client_secret",
        "string",
        "optional",
        sensitive=True,
        description="The secret of client_id; NORTHSTAR_CLIENT_SECRET.",
    ),
    Attribute(
        "token",
        "string",
        "optional",
        sensitive=True,
        description="A token instead of id and secret; NORTHSTAR_TOKEN.",
    ),
)


@dataclass(frozen=True)
class Problem:
    """An error and the attribute that it is about, if it is about one.

    Args:
        is_warning: whether it can be gone ahead all the same.
    """

    error: NorthstarError
    attribute: str = ""
    is_warning: bool = False


@dataclass(frozen=True)
class Plan:
    """What an object shall become; ``None`` when it shall go.

    Args:
        replacing: the attributes whose change makes a new object.
    """

    state: Values | None
    replacing: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class Provider:
    """Everything that Terraform asks, but for the wire.

    Args:
        environ: where settings are looked up that the configuration does not have.
        kinds: what there is to be governed.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        kinds: Iterable[Kind] = KINDS,
        clock: Clock | None = None,
    ) -> None:
        self._environ = environ
        self._clock = clock or SystemClock()
        self.kinds = {kind.type_name: kind for kind in kinds}
        self._connection: Connection | None = None
        self._planned: set[str] = set()

    def configure(self, config: Mapping[str, Any]) -> None:
        """Connect and find out whether the credentials are good.

        Raises ``Unauthenticated`` and ``Unavailable``. With a setting that is not known yet
        nothing is connected to: Terraform plans, and configures again when it applies.
        """
        if any(is_unknown(value) for value in config.values()):
            return
        connection = Connection(self._credentials(config))
        connection.get("/api/me")
        self._connection = connection

    def validate(self, kind: Kind, config: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with a configuration, as far as that can be told without the platform."""
        problems = []
        for attribute in kind.attributes:
            value = config[attribute.name]
            try:
                attribute.check(value)
            except NorthstarError as error:
                problems.append(Problem(error, attribute.name))
        return problems or _as_a_whole(kind, config)

    def read(self, kind: Kind, state: Values) -> Values | None:
        """The object as it is now.

        Returns ``None`` when it is gone, so that Terraform makes another, and ``state`` unchanged
        when it came to the end that was set for it. Where something is different that can't be
        changed in place, ours is gone as well, and another object has its number: SQLite gives
        the numbers of rows that were deleted to new ones. Raises ``NorthstarError`` when the
        platform doesn't say, such as ``Denied`` or ``Unavailable``.
        """
        try:
            answer = self._platform.get(kind.path(kind.item, state))
        except NotFound:
            return state if self._has_ended(kind, state) else None
        now = _settled(kind.attributes, state, answer)
        fixed = [name for name in kind.replacing if state[name] is not None]
        return now if all(now[name] == state[name] for name in fixed) else None

    def look_up(self, kind: Kind, config: Values) -> Values:
        """The object for a data source; raises ``NotFound``."""
        answer = self._platform.get(kind.path(kind.item, config))
        return _settled(kind.looked_up, config, answer)

    def plan(self, kind: Kind, prior: Values | None, config: Values | None) -> Plan:
        """What an object shall become, given what it is and what is configured.

        It is a problem where it would have to go and the platform keeps it.
        """
        if config is None:
            return Plan(None, problems=(_kept(kind),) if kind.kept else ())
        planned = {one.name: _planned(one, prior, config[one.name]) for one in kind.attributes}
        if prior is None:
            self._plan_to_make(kind, planned)
        nowhere = self._nowhere(kind, prior, planned)
        if prior is None:
            return Plan(planned, problems=nowhere)
        changed = [name for name in kind.writes if planned[name] != prior[name]]
        replacing = tuple(name for name in changed if name in kind.replacing)
        problems = [_unchangeable(kind, name) for name in replacing if kind.kept]
        return Plan(planned, replacing, (*problems, *nowhere))

    def apply(self, kind: Kind, prior: Values | None, planned: Values | None) -> Values | None:
        """Make, change or remove an object; returns what it is then."""
        if planned is None:
            self._remove(kind, prior or {})
            return None
        if kind.is_always_there:
            path = kind.path(kind.item, planned)
            answer = self._platform.request("PUT", path, json=kind.body(planned))
        elif prior is None:
            made = self._make(kind, planned)
            answer = {**made, **{name: made[there] for name, there in kind.answers.items()}}
        elif kind.updates:
            path = kind.path(kind.item, prior)
            answer = self._platform.request("PATCH", path, json=kind.changes(planned))
        else:
            answer = {}  # a choice of the creation: only the state is told
        return _settled(kind.attributes, planned, answer)

    def adopt(self, kind: Kind, import_id: str) -> Values:
        """An object that exists, by its import id; raises ``Invalid`` and ``NotFound``."""
        named = kind.named(import_id)
        answer = self._platform.get(kind.path(kind.item, named))
        nothing: Values = {one.name: None for one in kind.attributes}
        nothing |= {one.name: one.default for one in kind.choices}
        return _settled(kind.attributes, nothing, {**named, **answer})

    def _plan_to_make(self, kind: Kind, planned: Values) -> None:
        named = [planned.get(name) for name in kind.identity]
        if not any(one is None or is_unknown(one) for one in named):
            self._planned.add(kind.path(kind.item, planned))

    def _nowhere(self, kind: Kind, prior: Values | None, planned: Values) -> tuple[Problem, ...]:
        """A warning of what would hold in a scope that is not there, and not about to be made.

        The platform takes it: what is made later, in another way, may be meant.
        """
        told = planned.get(kind.within)
        if (
            self._connection is None
            or not isinstance(told, str)
            or (prior or {}).get(kind.within) == told
        ):
            return ()
        scope = Scope.parse(told)
        squad = f"/api/squads/{scope.squad}"
        places = [squad] if scope.squad else []
        places += [f"{squad}/projects/{scope.project}"] if scope.project else []
        for place in places:
            try:
                if place not in self._planned:
                    self._connection.get(place)
            except NotFound as error:
                hint = "If it is made by this configuration, refer to it, so that it comes first."
                told_so = NotFound(f"{told} is not there: {error.message}", hint=hint)
                return (Problem(told_so, kind.within, is_warning=True),)
            except NorthstarError:
                return ()  # who applies may give roles there and not look
        return ()

    def _has_ended(self, kind: Kind, state: Values) -> bool:
        """Whether an object was to be gone by now: to make it again would change nothing."""
        end = state.get(kind.ends)
        return end is not None and _MOMENT.validate_python(end) <= self._clock.now()

    def _make(self, kind: Kind, planned: Values) -> Values:
        try:
            path = kind.path(kind.collection, planned)
            made: Values = self._platform.post(path, kind.body(planned))
        except Conflict as error:
            raise Conflict(
                error.message, hint=f"{_way_in(kind, planned)} {error.hint}".strip()
            ) from error
        return made

    def _remove(self, kind: Kind, state: Values) -> None:
        try:
            self._platform.delete(kind.path(kind.item, state))
        except NotFound:
            return  # somebody else was faster

    def _credentials(self, config: Mapping[str, Any]) -> Credentials:
        """Those of the environment, with what the configuration says instead."""
        said = {f"NORTHSTAR_{name.upper()}": str(value) for name, value in config.items() if value}
        known = dict(self._environ)
        if "NORTHSTAR_CLIENT_ID" in said or "NORTHSTAR_CLIENT_SECRET" in said:
            known.pop("NORTHSTAR_TOKEN", None)  # would be preferred, and is of somebody else
        known |= said
        if not known.get("NORTHSTAR_URL"):
            raise Unauthenticated(
                "Nothing says where the platform is.",
                hint='Set url in the block provider "northstar", or NORTHSTAR_URL.',
            )
        try:
            return find_credentials(known)
        except Unauthenticated as error:
            raise Unauthenticated(
                f"Nothing says who is asking the platform at {known['NORTHSTAR_URL']}.",
                hint="Set client_id and client_secret, or token, in the block provider "
                '"northstar"; or NORTHSTAR_CLIENT_ID and NORTHSTAR_CLIENT_SECRET, or '
                "NORTHSTAR_TOKEN. A pipeline whose tokens are trusted needs the id only.",
            ) from error

    @property
    def _platform(self) -> Connection:
        if self._connection is None:
            raise Conflict(
                "Where the platform is will only be known after other resources are applied.",
                hint="Apply those first: terraform apply -target=RESOURCE.",
            )
        return self._connection


def _as_a_whole(kind: Kind, config: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with values that are fine each by itself, once all of them are known."""
    if kind.made_of is None:
        return []
    said = {**config, **kind.fixed}
    given = {n: said[n] for n in kind.made_of.model_fields if said.get(n) is not None}
    if not all(map(is_wholly_known, given.values())):
        return []
    try:
        kind.made_of.model_validate({name: to_json(value) for name, value in given.items()})
    except NorthstarError as error:
        return [Problem(error)]
    return []


def _way_in(kind: Kind, planned: Values) -> str:
    """How an object that is there comes into the state: by hand, or as an answer was lost."""
    known = [planned.get(name) for name in kind.identity]
    parts = [
        name.upper() if value is None or is_unknown(value) else str(value)
        for name, value in zip(kind.identity, known, strict=True)
    ]
    return (
        "If that is the object that is meant (made by hand, or by an apply that was cut off), take "
        f"it over: terraform import {kind.type_name}.NAME {'/'.join(parts)}"
    )


def _kept(kind: Kind) -> Problem:
    hint = (
        "To take it out of Terraform's care and leave it as it is, use a block `removed { from = "
        f"{kind.type_name}.NAME  lifecycle {{ destroy = false }} }}`, or `terraform state rm`."
    )
    return Problem(Conflict(f"A {kind.name} can't be destroyed: {kind.kept}.", hint=hint))


def _unchangeable(kind: Kind, attribute: str) -> Problem:
    hint = f"Put the old value back, or make another {kind.name} beside it."
    error = Conflict(f"A {kind.name}'s {attribute} can't be changed: {kind.kept}.", hint=hint)
    return Problem(error, attribute)


def _planned(attribute: Attribute, prior: Values | None, configured: Any) -> Any:
    before = prior[attribute.name] if prior else None
    if attribute.mode == "computed":
        return before if prior else UNKNOWN
    wanted = configured
    if attribute.mode == "defaulted" and configured is None:
        wanted = attribute.default
    return before if attribute.same(before, wanted) else wanted


def _settled(attributes: Iterable[Attribute], known: Values, answer: Mapping[str, Any]) -> Values:
    """What the platform answered, in the words of what was known where both mean the same."""
    settled = {}
    for one in attributes:
        before = known.get(one.name)
        if one.name not in answer:
            settled[one.name] = None if is_unknown(before) else before
            continue
        now = from_json(answer[one.name], one.type)
        settled[one.name] = before if one.same(before, now) else now
    return settled
