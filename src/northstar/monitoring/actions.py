"""What alerts lead to: which action is due (pure), and carrying it out with retries.

Actions go through an outbox: they are written together with the alert and tried until they succeed,
so that neither a kill nor an outage loses one. An action may therefore be carried out twice; its
``key`` tells the one who carries it out that it is the same.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection

from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import NorthstarError, Unavailable
from northstar.monitoring import alert_store
from northstar.monitoring.domain import Act, ActionKind, ActionRequest, Alert, advance
from northstar.monitoring.telemetry import emit_acted
from northstar.names import EndpointRef
from northstar.project.domain import MonitoringConfig
from northstar.telemetry import trace_context

log = logging.getLogger(__name__)

_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)
_MOST_ATTEMPTS = 12


@dataclass(frozen=True)
class RetrainOrder:
    """A retraining that an alert asks for: from which version's source, on which data."""

    endpoint: EndpointRef
    version: int
    data_from: datetime
    data_until: datetime
    reason: str
    key: str


@dataclass(frozen=True)
class RollbackOrder:
    """A rollback that an alert asks for: away from which version."""

    endpoint: EndpointRef
    version: int
    reason: str
    key: str


class Actions(Protocol):
    """Who carries out what alerts ask for.

    Both methods must not block for long, and must do nothing the second time for the same key.
    They return what was started, in a few words, such as ``job 12``. They raise ``Unavailable``
    for what is worth trying again, another ``NorthstarError`` for what is not.
    """

    def retrain(self, order: RetrainOrder) -> str:
        """Start a retraining."""
        ...

    def rollback(self, order: RollbackOrder) -> str:
        """Take the version back."""
        ...


class Webhooks(Protocol):
    """Who delivers notifications."""

    def send(self, url: str, payload: Mapping[str, Any], key: str) -> None:
        """Post ``payload`` as JSON; raises ``Unavailable`` unless it was accepted."""
        ...


@dataclass(frozen=True)
class PlannedAction:
    """An action that is due, with what it needs."""

    kind: ActionKind
    detail: dict[str, Any]


def plan(
    alert: Alert,
    config: MonitoringConfig,
    last: Mapping[ActionKind, datetime | None],
    event_now: datetime,
    *,
    opened: bool,
) -> list[PlannedAction]:
    """What an alert with new findings leads to.

    A notification goes out when it opens. Retraining and rollback are due while it is open, but
    not within the cooldown after the last one; once somebody has acknowledged it, no longer. All
    times are event times, so that a replayed year behaves as a lived one.

    Args:
        last: when each kind of action was last asked for on this endpoint.
        event_now: up to when the endpoint's events are known.
    """
    wanted = "none" if alert.kind == "infrastructure" else config.actions[alert.kind]
    if wanted == "none":
        return []
    planned = []
    if opened and config.webhook:
        planned.append(notification(alert, config.webhook))
    if wanted == "notify" or alert.version is None or alert.state != "open":
        return planned
    before = last[wanted]
    if before is not None and event_now < before + timedelta(days=config.cooldown_days):
        return planned
    detail: dict[str, Any] = {"version": alert.version, "reason": alert.title}
    if wanted == "retrain":
        # Later events have no labels yet, or only those that came early: a biased sample.
        until = event_now - timedelta(days=config.label_delay_days)
        detail["data_until"] = until.isoformat()
        detail["data_from"] = (until - timedelta(days=config.retrain_days)).isoformat()
    return [*planned, PlannedAction(wanted, detail)]


def notification(alert: Alert, webhook: str) -> PlannedAction:
    """Telling a webhook that an alert has opened."""
    return PlannedAction("notify", {"url": webhook, "payload": _payload(alert)})


class Outbox:
    """Carries out the actions that were asked for."""

    def __init__(
        self, database: Database, actions: Actions, webhooks: Webhooks, clock: Clock
    ) -> None:
        self._database = database
        self._actions = actions
        self._webhooks = webhooks
        self._clock = clock

    def step(self) -> int:
        """Try every action that is due and return how many succeeded."""
        with self._database.read() as connection:
            due = alert_store.due_actions(connection, self._clock.now())
        return sum(self._attempt(request) for request in due)

    def _attempt(self, request: ActionRequest) -> bool:
        try:
            with trace_context.using(trace_context.parse(request.traceparent)):
                note = self._carry_out(request)
        except Unavailable as error:
            self._settle(request, error.message, again=request.attempts + 1 < _MOST_ATTEMPTS)
        except NorthstarError as error:
            self._settle(request, error.message, again=False)
        except Exception as error:  # one action's defect must not hold up the others
            log.exception("action %d of %s failed", request.id, request.endpoint)
            text = f"{type(error).__name__}: {error}"
            self._settle(request, text, again=request.attempts + 1 < _MOST_ATTEMPTS)
        else:
            self._settle(request, "", again=False, note=note)
            return True
        return False

    def _carry_out(self, request: ActionRequest) -> str:
        detail: dict[str, Any] = request.detail
        key = f"alert-action-{request.id}"
        if request.kind == "notify":
            payload = {**detail["payload"], "alert": request.alert}
            self._webhooks.send(detail["url"], payload, key)
            return "delivered"
        endpoint = EndpointRef.parse(request.endpoint)
        version, reason = int(detail["version"]), str(detail["reason"])
        if request.kind == "rollback":
            return self._actions.rollback(RollbackOrder(endpoint, version, reason, key))
        return self._actions.retrain(
            RetrainOrder(
                endpoint=endpoint,
                version=version,
                data_from=datetime.fromisoformat(detail["data_from"]),
                data_until=datetime.fromisoformat(detail["data_until"]),
                reason=reason,
                key=key,
            )
        )

    def _settle(self, request: ActionRequest, error: str, *, again: bool, note: str = "") -> None:
        now = self._clock.now()
        pause = min(_FIRST_PAUSE * 2**request.attempts, _LONGEST_PAUSE)
        state = "pending" if again else "failed" if error else "done"
        with self._database.begin() as connection:
            alert_store.settle_action(
                connection,
                request.id,
                state=state,
                attempts=request.attempts + 1,
                next_attempt_at=now + pause,
                last_error=error,
            )
            if not again:
                act = Act(at=now, action=request.kind, note=error or note)
                _enter(connection, request, act, state)


def _enter(connection: Connection, request: ActionRequest, act: Act, outcome: str) -> None:
    alert = alert_store.get_alert(connection, request.alert, None)
    if alert is not None:
        alert_store.save_alert(connection, advance(alert, act))
        emit_acted(connection, alert, request, act.at, outcome)


def _payload(alert: Alert) -> dict[str, Any]:
    told = {
        "endpoint",
        "environment",
        "kind",
        "version",
        "title",
        "findings",
        "window_start",
        "window_end",
    }
    told.add("traceparent")
    return {"event": "alert.opened", **alert.model_dump(mode="json", include=told)}
