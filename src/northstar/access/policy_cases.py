"""A table of cases that policies must decide as it says; asked without a platform.

principals:
  user:anna: {approver: /operations, reader: [/pricing, /claims]}
cases:
  - name: nobody approves in production at night
    principal: user:anna
    action: release:approve
    resource: /operations/late-arrival/prod
    context: {proposed_by: user:bert}
    expect: deny
    because: a-policy
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from northstar.access.decisions import PolicyBook
from northstar.access.domain import Decision, PrincipalKind, RoleAssignment, RoleName
from northstar.documents import did_you_mean
from northstar.errors import Invalid
from northstar.names import Scope

Expectation = Literal["allow", "deny"]
_OF_SOMEBODY = ("_by", "_to")  # so that a context's name says that it is a principal
_WHENEVER = datetime(2000, 1, 1, tzinfo=UTC)


class Case(BaseModel):
    """One question and its answer.

    Args:
        because: the policy or role that must be among those that decided.
        line: where in the file it begins.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    principal: str
    action: str
    resource: str
    context: dict[str, str] = Field(default_factory=dict)
    expect: Expectation
    because: str = ""
    line: int = 0


class CaseTable(BaseModel):
    """Cases, and the roles of the principals in them; who is not named has none.

    Args:
        policies: the folder of custom policies, from the file's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    policies: str = ""
    principals: dict[str, dict[RoleName, str | list[str]]] = Field(default_factory=dict)
    cases: list[Case] = Field(min_length=1)


class Outcome(BaseModel):
    """What became of one case.

    Args:
        reasons: the policies and roles that decided.
    """

    model_config = ConfigDict(frozen=True)

    case: Case
    decided: Expectation
    reasons: list[str]
    holds: bool


def read_cases(file: Path) -> CaseTable:
    """Read a table of cases; raises ``Invalid`` with file, line and field."""
    try:
        text = file.read_text(encoding="utf-8")
        node, document = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} is not YAML: {' '.join(str(error).split())}.") from error
    lines = _lines_of_cases(node)
    try:
        table = CaseTable.model_validate(document)
    except ValidationError as error:
        raise Invalid(
            f"{file}{_told(error, lines)}.",
            hint="docs/how-to/writing-a-policy.md shows a table of cases.",
        ) from error
    numbered = zip(table.cases, lines, strict=True)
    cases = [case.model_copy(update={"line": line}) for case, line in numbered]
    return table.model_copy(update={"cases": cases})


def try_cases(table: CaseTable, book: PolicyBook) -> list[Outcome]:
    """Ask the policies every case.

    Raises ``Invalid`` for what can't be asked, such as an action that is none: every question that
    the policies don't understand is denied, so that a slip would look like a case that holds.
    """
    for case in table.cases:
        _check(case, book)
    return [_try(case, table, book) for case in table.cases]


def _check(case: Case, book: PolicyBook) -> None:
    actions, about = book.schema.actions, book.schema.about
    named = [("action", case.action, actions), *(("context", one, about) for one in case.context)]
    for what, name, known in named:
        if name not in known:
            raise Invalid(
                f"Line {case.line}: {name} is no {what}{did_you_mean(name, known) or '.'}",
                hint=f"There is: {', '.join(known)}.",
            )
    principals = [case.principal, *(v for n, v in case.context.items() if n.endswith(_OF_SOMEBODY))]
    for principal in principals:
        if principal.partition(":")[0] not in get_args(PrincipalKind):
            raise Invalid(
                f"Line {case.line}: {principal} is no principal.",
                hint="Write KIND:NAME, such as user:anna or service:ci.",
            )


def _try(case: Case, table: CaseTable, book: PolicyBook) -> Outcome:
    rights = book.rights(_assignments(case.principal, table))
    if case.principal.startswith("platform:"):
        rights = book.platform_rights()
    scope = Scope.parse(case.resource)
    decision = rights.decide(case.principal, case.action, scope, case.context)
    decided: Expectation = "allow" if decision.allowed else "deny"
    return Outcome(
        case=case,
        decided=decided,
        reasons=list(decision.reasons),
        holds=decided == case.expect and _is_because(case, decision),
    )


def _is_because(case: Case, decision: Decision) -> bool:
    return not case.because or case.because in decision.reasons


def _assignments(principal: str, table: CaseTable) -> list[RoleAssignment]:
    roles = table.principals.get(principal, {})
    held = [
        (role, str(Scope.parse(scope)))
        for role, scopes in roles.items()
        for scope in ([scopes] if isinstance(scopes, str) else scopes)
    ]
    return [
        RoleAssignment(
            id=number,
            principal=principal,
            role=role,
            scope=scope,
            expires_at=None,
            assigned_by=principal,
            assigned_at=_WHENEVER,
        )
        for number, (role, scope) in enumerate(held)
    ]


def _lines_of_cases(root: yaml.Node | None) -> list[int]:
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value == "cases" and isinstance(value, yaml.SequenceNode):
                return [one.start_mark.line + 1 for one in value.value]
    return []


def _told(error: ValidationError, lines: list[int]) -> str:
    fault = error.errors()[0]
    place = fault["loc"]
    line = ""
    if len(place) > 1 and place[0] == "cases" and isinstance(place[1], int):
        line = f", line {lines[place[1]]}"
    return f"{line}: {'.'.join(str(part) for part in place)}: {fault['msg']}"
