"""Reading policies from files, and saying where one is wrong and what to do about it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cedarpy

from northstar.errors import Invalid

_SHIPPED = Path(__file__).parent / "policies"
_SHIPPED_FILES = ("roles.cedar", "guardrails.cedar")
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;|\S', re.DOTALL)
_ACTION = re.compile(r'Action::"([^"]+)"')
_PAGE = "docs/how-to/writing-a-policy.md shows what policies can say."
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
TOO_LONG = "what-ends-gives-no-longer"
"""What the audit names where a role for a time was to be given for longer."""

Effect = Literal["permit", "forbid"]


@dataclass(frozen=True)
class Policy:
    """One statement of a policy file.

    Args:
        reason: why it is so, for people; shown when it decides.
        file: the file's name.
        line: where in it the statement begins, from 1.
        is_role: whether it is a template that a role assignment links.
        actions: the only actions that it speaks of; ``None`` when it might speak of any.
    """

    id: str
    effect: Effect
    reason: str
    file: str
    line: int
    text: str
    is_role: bool = False
    actions: frozenset[str] | None = None


@dataclass(frozen=True)
class PolicySchema:
    """What policies can speak of.

    Args:
        actions: the actions that can be asked for, in the order of the schema.
        groups: the groups that roles are made of.
        about: what a request may say of itself beside principal, action and resource.
        attributes: every name that a policy can ask for, of ``context`` and of ``resource``.
    """

    cedar: cedarpy.Schema
    actions: tuple[str, ...]
    groups: tuple[str, ...]
    about: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]


def read_schema() -> PolicySchema:
    """The schema that is shipped."""
    text = (_SHIPPED / "schema.cedarschema").read_text()
    bare = re.sub(r"//[^\n]*", "", text)
    actions, groups = re.findall(r'"(\w+:\w+)"', bare), re.findall(r"\baction (\w+);", bare)
    attributes = {
        "context": _attributes(bare, "type About = {"),
        "resource": _attributes(bare, "entity Scope in [Scope] = {"),
    }
    # Kinds and squads of principals are added by the platform itself.
    about = [one for one in attributes["context"] if not one.endswith(("_kind", "_squad"))]
    cedar = cedarpy.Schema.from_str(text)
    return PolicySchema(cedar, tuple(actions), tuple(groups), tuple(about), attributes)


def shipped_policies(schema: PolicySchema) -> list[Policy]:
    """The roles and guard rails that are shipped."""
    return [
        policy for name in _SHIPPED_FILES for policy in _read(_SHIPPED / name, schema, roles=True)
    ]


def custom_policies(folder: Path, schema: PolicySchema) -> list[Policy]:
    """The policies in the ``.cedar`` files of a folder, in the order of the files' names.

    Raises ``Invalid`` with file, line and what to do for a statement that can't be read, does not
    fit the schema, has no ``@id`` or ``@reason``, or is a template.
    """
    if not folder.is_dir():
        raise Invalid(
            f"There is no folder of policies at {folder}.",
            hint="Make it, or set NORTHSTAR_POLICIES to another one.",
        )
    files = sorted(folder.glob("*.cedar"))
    return [policy for file in files for policy in _read(file, schema, roles=False)]


def check_ids(shipped: Sequence[Policy], custom: Sequence[Policy]) -> None:
    """Raise ``Invalid`` when two policies have one id, or a custom one has one that is, or could be
    taken for, a shipped one's: the audit names what decided by its id alone.
    """
    first: dict[str, Policy] = {}
    for policy in (*shipped, *custom):
        other = first.setdefault(policy.id, policy)
        if other is not policy:
            raise Invalid(
                f"{policy.file}, line {policy.line}: the id {policy.id!r} is taken by "
                f"{other.file}, line {other.line}.",
                hint="Give the policy an @id of its own.",
            )
    reserved = [*(policy.id for policy in shipped), TOO_LONG]
    for policy in custom:
        where = f"{policy.file}, line {policy.line}"
        if not _ID.fullmatch(policy.id):
            raise Invalid(
                f"{where}: {policy.id!r} can't be an @id.",
                hint="Use a-z, 0-9 and -, at most 63 of them.",
            )
        for own in reserved:
            if f"{policy.id}-".startswith(f"{own}-"):
                raise Invalid(
                    f"{where}: the id {policy.id!r} could be taken for {own!r}, which is "
                    "Northstar's own.",
                    hint="Begin the @id with something else, such as your company's name.",
                )


def _attributes(schema: str, head: str) -> tuple[str, ...]:
    body = schema.partition(head)[2].partition("}")[0]
    return tuple(re.findall(r"(\w+)\??:", body))


def _read(file: Path, schema: PolicySchema, *, roles: bool) -> list[Policy]:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file.name} can't be read: {error}.") from error
    return [
        _policy(file.name, line, statement, schema, roles=roles)
        for line, statement in _statements(text)
    ]


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line on which it begins; what follows the last ``;`` too."""
    start: int | None = None
    for token in _TOKEN.finditer(text):
        if token[0].startswith("//"):
            continue
        if start is None:
            start = token.start()
        if token[0] == ";":
            yield text.count("\n", 0, start) + 1, text[start : token.end()]
            start = None
    if start is not None:
        yield text.count("\n", 0, start) + 1, text[start:]


def _policy(file: str, line: int, text: str, schema: PolicySchema, *, roles: bool) -> Policy:
    where = f"{file}, line {line}"
    verdict = cedarpy.validate_policies(text, schema.cedar)
    if not verdict.validation_passed:
        raise _unfit(where, text, [error.error for error in verdict.errors], schema)
    found = json.loads(cedarpy.policies_to_json_str(text))
    templates = list(found["templates"].values())
    if templates and not roles:
        raise Invalid(
            f"{where}: the statement is a template (?principal or ?resource); only roles are.",
            hint=f"Name the principal and the resource, or leave them open. {_PAGE}",
        )
    document = (templates or list(found["staticPolicies"].values()))[0]
    _refuse_what_is_never_there(where, document["conditions"], schema)
    notes = document.get("annotations") or {}
    for name in ("id", "reason"):
        if not notes.get(name):
            raise Invalid(
                f"{where}: the statement has no @{name}.",
                hint=f'Write @{name}("…") above it: '
                "ids stand in the audit, reasons in what people are told.",
            )
    return Policy(
        id=notes["id"],
        effect=document["effect"],
        reason=notes["reason"],
        file=file,
        line=line,
        text=text,
        is_role=bool(templates),
        actions=_actions(document["action"], schema),
    )


def _actions(constraint: dict[str, Any], schema: PolicySchema) -> frozenset[str] | None:
    """The actions in a statement's head; ``None`` for all of them, and for groups."""
    named = constraint.get("entities") or [constraint.get("entity")]
    actions = frozenset(one["id"] for one in named if one)
    return actions if actions and actions <= set(schema.actions) else None


def _refuse_what_is_never_there(where: str, conditions: Any, schema: PolicySchema) -> None:
    """Raise ``Invalid`` for ``context has …`` of what no context has.

    Cedar lets it pass, and the statement would never hold.
    """
    for what, name in _asked_for(conditions):
        known = schema.attributes.get(what)
        if known and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise Invalid(
                f"{where}: a {what} never has {name}.",
                hint=f"{meant}It has, or may have, {', '.join(known)}. {_PAGE}",
            )


def _asked_for(part: Any) -> Iterator[tuple[str, str]]:
    """Every ``VARIABLE has NAME`` in a part of a statement."""
    if isinstance(part, dict):
        match part.get("has"):
            case {"left": {"Var": str(what)}, "attr": str(name)}:
                yield what, name
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _asked_for(one)


def _unfit(where: str, text: str, errors: list[str], schema: PolicySchema) -> Invalid:
    told = "; ".join(sorted({_plain(error) for error in errors}))
    return Invalid(f"{where}: {told}.", hint=_what_to_do(text, told, schema))


def _plain(error: str) -> str:
    without_policy = re.sub(r"^for policy `\w+`, ", "", error)
    # What is wrong for one action is wrong for each of them: said once.
    everywhere = re.sub(r' for Action::"[^"]+"', "", without_policy)
    return everywhere.removeprefix("Policy parse error: ")


def _what_to_do(text: str, told: str, schema: PolicySchema) -> str:
    known = (*schema.actions, *schema.groups)
    unknown = [name for name in _ACTION.findall(text) if name not in known]
    if "action" in told and unknown:
        near = difflib.get_close_matches(unknown[0], known, n=3, cutoff=0.4)
        return f"Did you mean {', '.join(near)}? {_PAGE}" if near else _PAGE
    if "in context" in told and "not found" in told:
        return f"A context has principal_kind, and may have {', '.join(schema.about)}. {_PAGE}"
    if "optional attribute" in told:
        return "Ask first whether it is there: `resource has environment && …`."
    return _PAGE
