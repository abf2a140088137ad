"""An endpoint as callers see it: real processes, real HTTP."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from northstar.serving.dataplane.fake import FakeControlPlane
from tests.serving.endpoints import (
    RunningEndpoint,
    empty_spec,
    eventually,
    model_spec,
    spec,
    token,
)
from tests.serving.models import Sample, booster_folder

INFER = "/v2/models/late-arrival/infer"


class Served:
    """An endpoint that serves version 1."""

    def __init__(self, endpoint: RunningEndpoint, table: Sample, own: Any) -> None:
        self.endpoint = endpoint
        self.client = endpoint.client
        self.names = list(table.columns)
        self.rows = table.rows()
        self.own = own


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("endpoint")
    model, table, own = booster_folder(folder / "model")
    control = FakeControlPlane(empty_spec())
    control.spec = spec(1, [model_spec(1, model, control.add_model(model))])
    with RunningEndpoint(folder, control) as endpoint:
        yield Served(endpoint.serves(1), table, own)


def test_one_row_is_answered_with_the_models_own_number(served: Served) -> None:
    answer = served.endpoint.infer(served.rows[:1], served.names, id="flight-1").json()
    assert answer["id"] == "flight-1"
    assert answer["model_version"] == "1"
    assert answer["outputs"][0] == {
        "name": "probability",
        "datatype": "FP64",
        "shape": [1],
        "data": [served.own[0]],
    }


def test_rows_are_numbered_by_the_requests_id(served: Served) -> None:
    answer = served.endpoint.infer(served.rows[:3], served.names, id="day").json()
    np.testing.assert_array_equal(answer["outputs"][0]["data"], served.own[:3])
    assert answer["outputs"][1]["data"] == ["day:0", "day:1", "day:2"]


def test_a_request_without_an_id_gets_one_of_its_own(served: Served) -> None:
    ids = {served.endpoint.infer(served.rows[:1], served.names).json()["id"] for _ in range(5)}
    assert len(ids) == 5


def test_mlflows_scoring_protocol_is_spoken(served: Served) -> None:
    body = {"dataframe_split": {"columns": served.names, "data": served.rows[:2]}}
    answer = served.client.post("/invocations", json=body, headers={"X-Request-Id": "r"}).json()
    np.testing.assert_array_equal(answer["predictions"], served.own[:2])
    assert answer["prediction_ids"] == ["r:0", "r:1"]


@pytest.mark.parametrize("path", ["/ping", "/health", "/version", "/v2", "/v2/health/live"])
def test_health_asks_for_no_token(served: Served, path: str) -> None:
    assert httpx2.get(f"{served.endpoint.agent.url}{path}").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic YTpi",
        "Bearer not-a-token",
        f"Bearer {token(audience='northstar')}",
        f"Bearer {token(seconds=-5)}",
    ],
)
def test_without_a_good_token_nothing_is_answered(served: Served, authorization: Any) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("POST", INFER), ("POST", "/invocations"), ("GET", "/v2/models/x")):
        answer = httpx2.request(method, f"{served.endpoint.agent.url}{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", INFER, "", 405),
        ("DELETE", "/ping", "", 405),
        ("POST", "/v2/models/other/infer", "{}", 404),
        ("POST", "/v2/models/late-arrival/versions/9/infer", "{}", 404),
        ("GET", "/v2/models/other", "", 404),
        ("GET", "/v2/models/late-arrival/versions/9/ready", "", 503),
        ("GET", "/v2/models/late-arrival/versions/1/ready", "", 200),
        ("POST", INFER, "not json", 400),
        ("POST", INFER, '{"inputs": []}', 400),
        ("POST", "/invocations", '{"inputs": [["x"]]}', 400),
        ("POST", INFER, " " * (17 * 1024 * 1024), 413),
    ],
)
def test_a_wrong_request_gets_one_clear_answer(
    served: Served, method: str, path: str, body: str, status: int
) -> None:
    answer = served.client.request(method, path, content=body)
    assert answer.status_code == status
    assert served.endpoint.infer(served.rows[:1], served.names).status_code == 200


def test_metadata_describes_the_columns(served: Served) -> None:
    described = served.client.get("/v2/models/late-arrival/versions/1").json()
    assert described["versions"] == ["1"]
    assert [column["name"] for column in described["inputs"]] == served.names
    assert described["inputs"][-1]["datatype"] == "BYTES"


def test_traffic_moves_without_a_dropped_request(tmp_path: Path) -> None:
    first, table, _ = booster_folder(tmp_path / "one", seed=1)
    second, _, _ = booster_folder(tmp_path / "two", seed=2)
    control = FakeControlPlane(empty_spec())
    versions = [
        model_spec(version, folder, control.add_model(folder))
        for version, folder in ((1, first), (2, second))
    ]
    control.spec = spec(1, versions[:1])
    names, rows = list(table.columns), table.rows()
    seen: Counter[tuple[int, str]] = Counter()
    done = threading.Event()

    with RunningEndpoint(tmp_path, control, workers=2) as endpoint:
        endpoint.serves(1)

        def ask() -> None:
            while not done.is_set():
                answer = endpoint.infer(rows[:1], names)
                seen[answer.status_code, answer.json().get("model_version", "")] += 1

        asking = [threading.Thread(target=ask) for _ in range(2)]
        for thread in asking:
            thread.start()
        for revision, weights in ((2, {1: 70.0, 2: 30.0}), (3, {1: 0.0, 2: 100.0})):
            control.spec = spec(revision, versions, weights)
            endpoint.serves(revision)
            before = sum(seen.values())
            eventually(lambda before=before: sum(seen.values()) > before + 100)
        done.set()
        for thread in asking:
            thread.join()

    assert {status for status, _ in seen} == {200}
    assert seen[200, "1"] > 0
    assert seen[200, "2"] > 100


def test_users_are_split_as_the_flag_says(tmp_path: Path) -> None:
    model, table, _ = booster_folder(tmp_path / "model")
    control = FakeControlPlane(empty_spec())
    digest = control.add_model(model)
    versions = [model_spec(1, model, digest), model_spec(2, model, digest)]
    control.spec = spec(1, versions, {1: 80.0, 2: 20.0})
    names, row = list(table.columns), table.rows()[:1]
    with RunningEndpoint(tmp_path, control) as endpoint:
        endpoint.serves(1)

        def version(user: str) -> str:
            body = endpoint.infer(row, names, parameters={"user": user}).json()
            return str(body["model_version"])

        answers = {f"user-{i}": version(f"user-{i}") for i in range(300)}
        assert answers == {user: version(user) for user in answers}
        path = "/v2/models/late-arrival/versions/2/infer"
        assert endpoint.infer(row, names, path=path).json()["model_version"] == "2"
    assert 30 <= Counter(answers.values())["2"] <= 90


def test_a_model_that_cannot_be_loaded_leaves_the_old_one_serving(tmp_path: Path) -> None:
    model, table, own = booster_folder(tmp_path / "model")
    broken, _, _ = booster_folder(tmp_path / "broken")
    (broken / "model.lgb").write_text("tree\nfeature_names=a\nobjective=binary\n")
    control = FakeControlPlane(empty_spec())
    good = model_spec(1, model, control.add_model(model))
    control.spec = spec(1, [good])
    with RunningEndpoint(tmp_path, control) as endpoint:
        endpoint.serves(1)
        control.spec = spec(2, [good, model_spec(2, broken, control.add_model(broken))])
        eventually(lambda: "Revision 2" in endpoint.agent.status().problem)
        answer = endpoint.infer(table.rows()[:1], list(table.columns)).json()
        assert answer["outputs"][0]["data"] == [own[0]]
    # And it starts again with what was good, although the newest on disk is not.
    control.away = True
    with RunningEndpoint(tmp_path, control) as endpoint:
        eventually(lambda: endpoint.client.get("/ping").status_code == 200)
        assert endpoint.infer(table.rows()[:1], list(table.columns)).status_code == 200


def test_a_model_that_is_not_the_registered_one_is_refused(tmp_path: Path) -> None:
    model, _, _ = booster_folder(tmp_path / "model")
    control = FakeControlPlane(empty_spec())
    digest = control.add_model(model)
    (model / "model.lgb").write_text((model / "model.lgb").read_text() + "\n")
    control.spec = spec(1, [model_spec(1, model, digest)])
    with RunningEndpoint(tmp_path, control) as endpoint:
        eventually(lambda: "has digest" in endpoint.agent.status().problem)
        assert endpoint.client.get("/ping").status_code == 503


def test_what_an_endpoint_did_is_reported(tmp_path: Path) -> None:
    model, table, own = booster_folder(tmp_path / "model")
    control = FakeControlPlane(empty_spec())
    control.spec = spec(1, [model_spec(1, model, control.add_model(model))])
    with RunningEndpoint(tmp_path, control) as endpoint:
        endpoint.serves(1)
        for _ in range(3):
            endpoint.infer(table.rows()[:2], list(table.columns))
        endpoint.infer([["x", 1, 1, "AA"]], list(table.columns))
        status = eventually(
            lambda: next((s for s in control.statuses if s.captured == 6 and s.rejected), None)
        )
    counters = status.counters[0]
    assert (counters.requests, counters.rows, counters.errors) == (3, 6, 0)
    assert sum(counters.latency) == 3
    assert counters.prediction_sum == pytest.approx(3 * own[:2].sum())
    assert (status.rejected, status.dropped) == (1, 0)


def test_workers_that_cannot_start_are_tried_ever_more_rarely(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"PYTHONHOME": str(tmp_path / "nowhere")}

    def ended() -> list[float]:
        said = [one for one in caplog.records if "ended (exit code" in one.message]
        return [one.created for one in said]

    with RunningEndpoint(tmp_path, FakeControlPlane(empty_spec()), environment=broken) as endpoint:
        eventually(lambda: len(ended()) >= 4)
        assert endpoint.agent.status().revision == 0
    rests = [later - earlier for earlier, later in pairwise(ended())]
    assert all(rest >= least for rest, least in zip(rests, (0.19, 0.39, 0.79), strict=False))
