"""What of a run's logging the audit keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from northstar.access.domain import AuditQuery
from northstar.access.mlflow.door import MlflowDoor
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.database import Database

METRIC = "/api/2.0/mlflow/runs/log-metric"
TAG = "/api/2.0/mlflow/runs/set-tag"


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    return AccessBench(tmp_path, FakeClock())


@pytest.fixture
def door(bench: AccessBench) -> TestClient:
    return TestClient(MlflowDoor(PlainTextResponse("{}"), bench.access, clock=bench.clock))


def _post(door: TestClient, bench: AccessBench, path: str, who: str, token: str = "") -> None:
    bearer = token or bench.token(who, "data-scientist", "/fashion")
    headers = {"Authorization": f"Bearer {bearer}", "X-MLFLOW-WORKSPACE": "fashion"}
    assert door.post(path, headers=headers, json={"run_id": "r"}).is_success


def _recorded(bench: AccessBench, path: str) -> int:
    entries = bench.access.audit.entries(AuditQuery(action="mlflow:write"))
    return sum(entry.detail["path"] == path for entry in entries)


def test_what_a_run_logs_again_is_recorded_once_a_minute(
    door: TestClient, bench: AccessBench
) -> None:
    token = bench.token("anna", "data-scientist", "/fashion")
    for _ in range(5):
        _post(door, bench, METRIC, "anna", token)
    assert _recorded(bench, METRIC) == 1
    bench.clock.advance(61)
    _post(door, bench, METRIC, "anna", token)
    assert _recorded(bench, METRIC) == 2


def test_another_caller_another_credential_and_other_changes_are_recorded(
    door: TestClient, bench: AccessBench
) -> None:
    for who in ("anna", "anna", "ben"):  # each time with a new token
        _post(door, bench, METRIC, who)
    assert _recorded(bench, METRIC) == 3
    token = bench.token("anna", "data-scientist", "/fashion")
    for _ in range(3):
        _post(door, bench, TAG, "anna", token)
    assert _recorded(bench, TAG) == 3


def test_what_is_known_already_takes_no_look_into_the_database(
    door: TestClient, bench: AccessBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = bench.token("anna", "data-scientist", "/fashion")
    headers = {"Authorization": f"Bearer {token}", "X-MLFLOW-WORKSPACE": "fashion"}
    read = f"{METRIC.rpartition('/')[0]}/get?run_id=r"
    for _ in range(2):
        _post(door, bench, METRIC, "anna", token)
        assert door.get(read, headers=headers).is_success
    for look in ("read", "begin"):
        monkeypatch.delattr(Database, look)
    _post(door, bench, METRIC, "anna", token)
    assert door.get(read, headers=headers).is_success
    with pytest.raises(AttributeError):
        _post(door, bench, TAG, "anna", token)


def test_a_denial_is_recorded_once_though_the_first_try_was_given_up(
    door: TestClient, bench: AccessBench
) -> None:
    headers = bench.headers("eve", "reader", "/fashion") | {"X-MLFLOW-WORKSPACE": "fashion"}
    for times in (1, 2):
        assert door.post(TAG, headers=headers, json={"run_id": "r"}).status_code == 403
        denied = bench.access.audit.entries(AuditQuery(outcome="denied", principal="user:eve"))
        assert len(denied) == times
