"""What an authorised decision costs, with 200 squads, 2,000 principals and 10,000 assignments.

The decision is the one that the guard takes, `AccessService.decide`, for a question that was not
asked before: it looks the principal up, sees once a second whether roles have changed, and asks the
policies. (What the same question costs when it is asked again stands in the details.) Principals,
actions and scopes are drawn at random; a good half of the questions is allowed. The bare call asks
`cedarpy` the same question, with all policies, the principal's assignments, entities, schema and
request parsed and built beforehand. All times are CPU time of the thread that asks.

What access costs a request to MLflow is measured by `benchmarks/access_mlflow.py`.
"""

from __future__ import annotations

import gc
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cedarpy
from sqlalchemy import insert

from benchmarks import access_mlflow
from benchmarks.harness import Result, in_turns, main, ratio
from northstar.access import store
from northstar.access.decisions import PolicyBook
from northstar.access.domain import PEOPLE_ROLES, Principal, RoleAssignment
from northstar.access.policy_files import read_schema
from northstar.access.service import AccessService
from northstar.clock import SystemClock
from northstar.database import Database, metadata
from northstar.names import ENVIRONMENTS, Scope

_SQUADS, _PRINCIPALS, _ASSIGNMENTS = 200, 2_000, 10_000
_ACTIONS = ("version:read", "release:approve", "endpoint:invoke", "mlflow:write", "job:create")


@dataclass(frozen=True)
class _Question:
    principal: Principal
    action: str
    scope: Scope


def measure(quick: bool) -> Result:
    """Every figure of access."""
    decisions, mlflow = measure_decisions(quick), access_mlflow.measure(quick)
    return Result(
        {**decisions.figures, **mlflow.figures}, {**decisions.details, "mlflow": mlflow.details}
    )


def measure_decisions(quick: bool) -> Result:
    """The figures of decisions; see the module."""
    draw = random.Random(20_260_101)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'access.db'}")
        metadata.create_all(database.engine, tables=list(store.TABLES))
        held = _furnish(database, draw)
        access = AccessService(database, SystemClock(), "http://127.0.0.1")
        questions = [_question(held, draw) for _ in range(4_000 if quick else 20_000)]
        cold = [_thread_us(lambda q=q: _decide(access, q)) for q in questions[:500]]  # type: ignore[misc]
        figures, details = _warm(access, held, questions, rounds=5 if quick else 11)
        database.close()
    details["first_decision_of_a_principal_p50_us"] = round(statistics.median(cold), 1)
    return Result(figures, details)


def _warm(
    access: AccessService,
    held: dict[str, list[RoleAssignment]],
    questions: list[_Question],
    rounds: int,
) -> tuple[dict[str, float | None], dict[str, Any]]:
    allowed = sum(_decide(access, question) for question in questions)
    raw = _bare_calls(held, questions[:1_000])
    assert [call() for call in raw] == [_decide(access, q) for q in questions[:1_000]]
    gc.collect()
    gc.freeze()
    times = sorted(_thread_us(lambda q=q: _decide(access, q)) for q in questions)  # type: ignore[misc]
    assert [_decide(access, q) for q in questions] == [_decide_again(access, q) for q in questions]
    again = [_thread_us(lambda q=q: _decide_again(access, q)) for q in questions]  # type: ignore[misc]
    turns = {
        "ours": lambda: _cpu(lambda: [_decide(access, q) for q in questions[:1_000]]),
        "bare": lambda: _cpu(lambda: [call() for call in raw]),
    }
    found = in_turns(turns, rounds)
    figures: dict[str, float | None] = {
        "decision_vs_raw_cedar": ratio(found["ours"], found["bare"]),
        "decision_p50_us": times[len(times) // 2],
        "decision_p99_us": times[len(times) * 99 // 100],
    }
    return figures, {
        "bare_call_us": round(statistics.median(found["bare"]) * 1e3, 1),
        "decisions": len(questions),
        "asked_again_p50_us": round(statistics.median(again), 1),
        "allowed_share": round(allowed / len(questions), 2),
    }


def _furnish(database: Database, draw: random.Random) -> dict[str, list[RoleAssignment]]:
    """Fill the tables; return every principal's assignments."""
    now = SystemClock().now()
    names = [f"user:person-{number}" for number in range(_PRINCIPALS)]
    rows = [
        {
            "principal": draw.choice(names),
            "role": draw.choice(PEOPLE_ROLES[:-1]),
            "scope": str(_scope(draw, draw.choice((1, 1, 2, 3)))),
            "expires_at": None,
            "assigned_by": "user:admin",
            "assigned_at": now,
        }
        for _ in range(_ASSIGNMENTS)
    ]
    people = [
        {"id": name, "kind": "user", "name": name[5:], "created_at": now, "created_by": "x"}
        for name in names
    ]
    with database.begin() as connection:
        connection.execute(insert(store.principals), people)
        connection.execute(insert(store.assignments), rows)
        store.touch(connection)
    with database.read() as connection:
        everything = store.all_assignments(connection)
    held: dict[str, list[RoleAssignment]] = {name: [] for name in names}
    for assignment in everything:
        held[assignment.principal].append(assignment)
    return held


def _question(held: dict[str, list[RoleAssignment]], draw: random.Random) -> _Question:
    name = draw.choice(list(held))
    principal = Principal(id=name, kind="user", name=name[5:])
    if held[name] and draw.random() < 0.85:
        own = Scope.parse(draw.choice(held[name]).scope)
        scope = Scope(own.squad, own.project or "project-1", own.environment or "prod")
        return _Question(principal, draw.choice(_ACTIONS[:1] * 4 + _ACTIONS), scope)
    return _Question(principal, draw.choice(_ACTIONS), _scope(draw, 3))


def _scope(draw: random.Random, depth: int) -> Scope:
    return Scope(
        f"squad-{draw.randrange(_SQUADS)}",
        f"project-{draw.randrange(3)}" if depth > 1 else None,
        draw.choice(ENVIRONMENTS) if depth > 2 else None,
    )


def _bare_calls(
    held: dict[str, list[RoleAssignment]], questions: list[_Question]
) -> list[Callable[[], bool]]:
    """The same questions as calls of ``cedarpy`` in which nothing is left to be parsed."""
    schema = read_schema()
    text = "\n".join(policy.text for policy in PolicyBook(schema=schema).policies.values())
    policies = cedarpy.PolicySet.from_str(text)
    book = PolicyBook(schema=schema)

    def call(question: _Question) -> Callable[[], bool]:
        resource = book.resource(question.scope)
        linked = policies.with_linked_batch(
            [_link(assignment) for assignment in held[question.principal.id]]
        )
        request = {
            "principal": {"type": "Principal", "id": question.principal.id},
            "action": {"type": "Action", "id": question.action},
            "resource": resource.uid,
            "context": '{"principal_kind": "user"}',
        }
        return lambda: (
            cedarpy.is_authorized(request, linked, resource.entities, schema=schema.cedar).allowed
        )

    return [call(question) for question in questions]


def _link(assignment: RoleAssignment) -> dict[str, Any]:
    return {
        "template_id": assignment.role,
        "new_id": f"assignment-{assignment.id}",
        "values": {
            "?principal": {"type": "Principal", "id": assignment.principal},
            "?resource": {"type": "Scope", "id": assignment.scope},
        },
    }


def _decide(access: AccessService, question: _Question) -> bool:
    who = question.principal.id
    return access.directory.rights(who).ask(who, question.action, question.scope, {}).allowed


def _decide_again(access: AccessService, question: _Question) -> bool:
    return access.decide(question.principal, question.action, question.scope).allowed


def _thread_us(run: Callable[[], object]) -> float:
    start = time.thread_time_ns()
    run()
    return (time.thread_time_ns() - start) / 1e3


def _cpu(run: Callable[[], object]) -> float:
    start = time.thread_time()
    run()
    return time.thread_time() - start


if __name__ == "__main__":
    main("access", measure)
