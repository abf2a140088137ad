"""Processes of an endpoint, killed without warning."""

from __future__ import annotations

import functools
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from northstar.serving.dataplane.fake import FakeControlPlane
from tests.serving.endpoints import (
    RunningEndpoint,
    captured_rows,
    empty_spec,
    eventually,
    model_spec,
    processes,
    spec,
)
from tests.serving.models import booster_folder

FLUSH_SECONDS = 0.2  # as tests.serving.endpoints.spec says
HAND_OVER_SECONDS = 0.1


class Asked:
    """An endpoint and the ids of every request that it answered, with the time of the answer."""

    def __init__(self, folder: Path) -> None:
        model, table, _ = booster_folder(folder / "model")
        self.names, self.row = list(table.columns), table.rows()[:1]
        self.control = FakeControlPlane(empty_spec())
        self.control.spec = spec(1, [model_spec(1, model, self.control.add_model(model))])
        self.answered: dict[str, float] = {}

    def ask(self, endpoint: RunningEndpoint, count: int) -> None:
        for _ in range(count):
            name = f"r{len(self.answered)}"
            try:
                answer = endpoint.infer(self.row, self.names, id=name)
            except httpx2.TransportError:
                continue
            assert answer.status_code == 200
            self.answered[name] = time.monotonic()


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def ids(captures: Path) -> Counter[str]:
    return Counter(row["prediction_id"] for row in captured_rows(captures))


def worker_of(endpoint: RunningEndpoint) -> int:
    return next(iter(processes("dataplane.worker", str(endpoint.state.path))), 0)


def writer_of(endpoint: RunningEndpoint) -> Any:
    return processes("dataplane.capture_writer", str(endpoint.captures))


def test_a_killed_worker_is_replaced_and_at_most_the_last_moment_is_lost(
    asked: Asked, tmp_path: Path
) -> None:
    with RunningEndpoint(tmp_path, asked.control) as endpoint:
        endpoint.serves(1)
        asked.ask(endpoint, 300)
        old = worker_of(endpoint)
        os.kill(old, signal.SIGKILL)
        killed = time.monotonic()
        eventually(lambda: worker_of(endpoint) not in (0, old))
        asked.ask(endpoint, 51)  # the first may meet the dead one's connection
    kept = ids(endpoint.captures)
    lost = [at for name, at in asked.answered.items() if name not in kept]
    assert all(killed - at < HAND_OVER_SECONDS + FLUSH_SECONDS for at in lost)
    assert set(kept.values()) == {1}
    assert endpoint.agent.status().counters[0].requests >= 50


def test_a_killed_capture_writer_is_replaced_and_nothing_is_lost_or_doubled(
    asked: Asked, tmp_path: Path
) -> None:
    with RunningEndpoint(tmp_path, asked.control) as endpoint:
        endpoint.serves(1)
        for _ in range(3):
            (writer,) = eventually(functools.partial(writer_of, endpoint))
            asked.ask(endpoint, 150)
            os.kill(writer, signal.SIGKILL)
            eventually(lambda dead=writer: writer_of(endpoint) not in ([], [dead]))
        asked.ask(endpoint, 50)
    assert ids(endpoint.captures) == Counter(list(asked.answered))
    assert endpoint.agent.status().captured == len(asked.answered) == 500


def test_an_endpoint_starts_and_serves_while_the_control_plane_is_away(
    asked: Asked, tmp_path: Path
) -> None:
    with RunningEndpoint(tmp_path, asked.control) as endpoint:
        endpoint.serves(1)
        eventually((endpoint.state.path / "good.json").exists)
    asked.control.away = True
    with RunningEndpoint(tmp_path, asked.control) as endpoint:
        endpoint.serves(1)
        asked.ask(endpoint, 5)
    assert len(asked.answered) == 5
