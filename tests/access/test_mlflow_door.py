"""The real MLflow client, over HTTP, against the real MLflow behind the door."""

from __future__ import annotations

import base64
import http.client
import json
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from northstar.access.mlflow.routes import Kind, classify, routes
from tests.access.mlflow_client import API, Server

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.known["anna"])
    monkeypatch.setenv("MLFLOW_WORKSPACE", "operations")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    import mlflow

    mlflow.set_tracking_uri(server.url)
    yield mlflow
    mlflow.set_workspace(None)


def by_token(server: Server, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.known[who])


def by_secret(server: Server, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", who)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", server.known["ci_secret"])


@pytest.mark.parametrize(
    ("prove", "who"),
    [(by_token, "anna"), (by_token, "ci"), (by_secret, "service:ci"), (by_token, "run")],
)
def test_the_unmodified_client_tracks_registers_and_loads(
    client: Any,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    prove: Callable[[Server, str, pytest.MonkeyPatch], None],
    who: str,
) -> None:
    """A person, a service by a token and by its secret, and a run of the platform's."""
    prove(server, who, monkeypatch)
    project = f"late-arrival-{prove.__name__}-{who.replace(':', '-')}"

    class Doubles(client.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow ships no types
        def predict(self, context: Any, model_input: list[float]) -> list[float]:
            return [2 * value for value in model_input]

    client.set_experiment(project)
    with client.start_run() as run:
        client.log_param("depth", 3)
        client.log_metric("auc", 0.7)
        logged = client.pyfunc.log_model(
            name="model", python_model=Doubles(), pip_requirements=["mlflow"]
        )
    registered = client.register_model(logged.model_uri, project)
    tracking = client.MlflowClient()
    found = tracking.search_model_versions(f"name = '{project}'")
    assert [(v.version, v.run_id) for v in found] == [(registered.version, run.info.run_id)]
    assert tracking.get_run(run.info.run_id).data.metrics == {"auc": 0.7}
    loaded = client.pyfunc.load_model(f"models:/{project}/{registered.version}")
    assert loaded.predict([1.5]) == [3.0]


def test_the_client_without_a_token_is_refused(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    with pytest.raises(client.MlflowException, match="who is asking"):
        client.MlflowClient().create_experiment("nobody's")


def test_the_client_is_refused_in_another_squad(client: Any, server: Server) -> None:
    run = server.run()
    with pytest.raises(client.MlflowException, match="may not mlflow:write in /pricing"):
        client.set_workspace("pricing")
        client.MlflowClient().create_experiment("theirs")
    theirs = server.send("GET", f"{API}/runs/get", "bert", "pricing", params={"run_id": run})
    assert theirs.status_code == 404


@pytest.mark.parametrize("who", ["anna", "owner", "admin"])
def test_aliases_are_for_releases_only(
    client: Any, server: Server, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"wanted-by-{who}"
    server.send("POST", f"{API}/registered-models/create", json={"name": name})
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.known[who])
    with pytest.raises(client.MlflowException, match="aliases-are-set-by-releases"):
        client.MlflowClient().set_registered_model_alias(name, "prod", 1)


def test_the_platform_sets_aliases_and_everybody_reads_them(server: Server) -> None:
    run = server.run()
    name = {"name": "aliased"}
    server.send("POST", f"{API}/registered-models/create", json=name)
    uri = server.send("GET", f"{API}/runs/get", params={"run_id": run}).json()["run"]["info"]
    version = {**name, "source": f"{uri['artifact_uri']}/model", "run_id": run}
    made = server.send("POST", f"{API}/model-versions/create", json=version)
    assert made.status_code == 200, made.text
    alias = {**name, "alias": "prod", "version": "1"}
    path = f"{API}/registered-models/alias"
    assert server.send("POST", path, "anna", json=alias).status_code == 403
    assert server.send("POST", path, "platform", json=alias).status_code == 200
    read = server.send("GET", path, "reader", params={**name, "alias": "prod"})
    assert read.json()["model_version"]["version"] == "1"
    assert server.send("DELETE", path, "owner", json=alias).status_code == 403


def test_a_client_id_and_secret_work_as_http_basic(server: Server) -> None:
    pair = base64.b64encode(f"service:ci:{server.known['ci_secret']}".encode()).decode()
    path = f"{API}/experiments/search?max_results=1"
    for _ in range(2):
        good = server.send("GET", path, None, headers={"Authorization": f"Basic {pair}"})
        assert good.status_code == 200
    wrong = base64.b64encode(b"service:ci:nss_wrong").decode()
    bad = server.send("GET", path, None, headers={"Authorization": f"Basic {wrong}"})
    assert bad.status_code == 401


def test_a_reader_reads_and_does_not_write(server: Server) -> None:
    assert server.send("GET", f"{API}/experiments/search?max_results=5", "reader").is_success
    refused = server.send("POST", f"{API}/experiments/create", "reader", json={"name": "x"})
    assert refused.status_code == 403


def test_a_page_of_ours_may_write_with_the_session_and_others_may_not(server: Server) -> None:
    cookie = {"Cookie": f"northstar_session={server.known['session']}"}
    path, body = f"{API}/experiments/create", {"name": "by-session"}
    for headers in ({}, {"Origin": "https://elsewhere.test"}, {"Sec-Fetch-Site": "same-site"}):
        refused = server.send("POST", path, None, headers=cookie | headers, json=body)
        assert refused.status_code == 403
    ours = cookie | {"Sec-Fetch-Site": "same-origin"}
    assert server.send("POST", path, None, headers=ours, json=body).is_success
    assert server.send("GET", "/", None, None, headers=cookie).status_code == 200


def test_what_is_released_is_neither_renamed_nor_deleted(server: Server) -> None:
    server.send("POST", f"{API}/registered-models/create", json={"name": "released"})
    found = server.send("GET", f"{API}/registered-models/get?name=released")
    assert found.is_success, "made here, or by a test before this one"
    rename = {"name": "released", "new_name": "other"}
    version = {"name": "released", "version": "1"}
    for method, path, body in (
        ("POST", "registered-models/rename", rename),
        ("DELETE", "registered-models/delete", {"name": "released"}),
        ("DELETE", "model-versions/delete", version),
    ):
        answer = server.send(method, f"{API}/{path}", "owner", json=body)
        assert answer.status_code == 403
        assert "live release" in answer.json()["message"]
    free = {"name": f"free-{uuid.uuid4().hex}"}
    server.send("POST", f"{API}/registered-models/create", json=free)
    assert server.send("DELETE", f"{API}/registered-models/delete", "owner", json=free).is_success


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "free", "name": "released"}',
        b'{"name": {"x": 1}}',
        b"[1]",
        b"{",
        b'{"name": "' + b"x" * (1 << 20) + b'"}',
    ],
    ids=["twice", "no-text", "no-object", "no-json", "too-long"],
)
def test_a_body_that_can_be_read_in_two_ways_is_refused(server: Server, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    path = f"{API}/registered-models/delete"
    answer = server.send("DELETE", path, "owner", headers=headers, content=body)
    assert answer.status_code == 400


def test_artifacts_of_a_registered_run_are_not_overwritten(server: Server) -> None:
    run = server.run()
    artifacts = f"/api/2.0/mlflow-artifacts/artifacts/1/{run}/artifacts"
    assert server.send("PUT", f"{artifacts}/model.txt", content=b"honest").is_success
    (server.folder / "protected-owners.txt").write_text(run)
    refused = server.send("PUT", f"{artifacts}/model.txt", content=b"forged")
    assert refused.status_code == 403
    uploads = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=model.txt"
    assert server.send("POST", uploads, content=b"forged").status_code == 403
    assert server.send("POST", f"{API}/runs/delete", json={"run_id": run}).status_code == 403
    assert server.send("POST", f"{API}/runs/delete", json={"runId": run}).status_code == 403
    assert server.send("DELETE", artifacts, "owner").status_code == 403
    above = "/api/2.0/mlflow-artifacts/artifacts/1"
    assert server.send("DELETE", above, "owner").status_code == 403
    assert server.send("GET", f"{artifacts}/model.txt").content == b"honest"


def test_artifacts_of_another_squad_are_out_of_reach(server: Server) -> None:
    run = server.run()
    place = f"1/{run}/artifacts/model.txt"
    root = "/api/2.0/mlflow-artifacts/artifacts"
    assert server.send("PUT", f"{root}/{place}", content=b"ours").is_success
    for path in (f"{root}/{place}", f"{root}/workspaces/operations/{place}"):
        assert not server.send("GET", path, "bert", "pricing").is_success
    source = f"mlflow-artifacts:/workspaces/operations/1/{run}/artifacts"
    server.send("POST", f"{API}/registered-models/create", "bert", "pricing", json={"name": "spy"})
    for body in ({"source": source}, {"source": source, "run_id": run}, {"source": "file:///etc"}):
        made = server.send(
            "POST", f"{API}/model-versions/create", "bert", "pricing", json={"name": "spy", **body}
        )
        assert not made.is_success
    elsewhere = {"name": "etc", "artifact_location": "file:///etc"}
    assert not server.send("POST", f"{API}/experiments/create", json=elsewhere).is_success


def test_the_list_of_workspaces_shows_what_the_caller_may_read(server: Server) -> None:
    path = "/ajax-api/3.0/mlflow/workspaces"
    seen = {
        who: {w["name"] for w in server.send("GET", path, who, None).json()["workspaces"]}
        for who in ("anna", "bert", "admin")
    }
    assert seen["anna"] == {"operations"}
    assert seen["bert"] == {"pricing"}
    assert seen["admin"] >= {"operations", "pricing"}
    refused = server.send("POST", path, "admin", None, json={"name": "rogue"})
    assert refused.status_code == 403


@pytest.mark.parametrize("name", ["95%.txt", "5%, no more.txt", "über 9 %.txt", "%"])
def test_a_percent_sign_in_a_files_name_is_no_trick(server: Server, name: str) -> None:
    place = f"/api/2.0/mlflow-artifacts/artifacts/1/{server.run()}/artifacts/{quote(name)}"
    assert server.send("PUT", place, content=b"said").is_success
    assert server.send("GET", place).content == b"said"


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow/future/route",
        "/API/2.0/mlflow/runs/get",
        "/api/2.0/mlflow/runs/get/",
        "//api/2.0/mlflow/runs/get",
        "/api/2.0//mlflow/runs/get",
        "/api/2.0/mlflow/runs/../runs/get",
        "/api/2.0/mlflow/runs/%2e%2e/runs/get",
        "/api/2.0/mlflow/runs%2fget",
        "/api/2.0/mlflow/runs%5cget",
        "/api/2.0/mlflow/runs/get%00",
        "/api/2.0/mlflow/runs/get;a=b",
        "/api/2.0/mlflow-artifacts/artifacts/%252e%252e/x",
        "/api/2.0/mlflow-artifacts/artifacts/..%2f..%2fmlflow.db",
        "/api/2.0/mlflow-artifacts/artifacts/%25252e%25252e/x",
        "/api/2.0/mlflow-artifacts/artifacts/a%2541/x",
        "/ajax-api/2.0/mlflow/gateway-proxy?gateway_path=x",
        "/gateway/proxy/x/y",
        "/static-files/../../../handlers.py",
    ],
)
def test_unknown_routes_and_tricks_with_paths_are_denied(server: Server, path: str) -> None:
    headers = {
        "Authorization": f"Bearer {server.known['admin']}",
        "X-MLFLOW-WORKSPACE": "operations",
    }
    place = httpx2.URL(server.url)
    connection = http.client.HTTPConnection(place.host, place.port)  # sends a path as it is
    connection.request("GET", f"/mlflow{path}", headers=headers)
    answer = connection.getresponse()
    message = json.loads(answer.read())["message"]
    connection.close()
    assert (answer.status, "not open here" in message) == (403, True)


@pytest.mark.parametrize("squads", [[], [""], ["operations", "pricing"], ["default"], ["../x"]])
def test_a_request_names_exactly_one_workspace(server: Server, squads: list[str]) -> None:
    headers = [("Authorization", f"Bearer {server.known['admin']}")]
    headers += [("X-MLFLOW-WORKSPACE", squad) for squad in squads]
    with httpx2.Client(trust_env=False) as client:
        answer = client.get(f"{server.url}{API}/experiments/search?max_results=1", headers=headers)
    assert answer.status_code in (400, 403)


def test_a_second_workspace_header_in_disguise_is_not_heard(server: Server) -> None:
    run = server.run("bert", "pricing")
    headers = {"X_MLFLOW_WORKSPACE": "pricing"}
    answer = server.send("GET", f"{API}/runs/get", headers=headers, params={"run_id": run})
    assert answer.status_code == 404


def test_every_route_of_the_installed_mlflow_was_decided_about(server: Server) -> None:
    theirs = json.loads((server.folder / "routes.json").read_text())
    assert len(theirs) > 300
    undecided = [
        (method, path)
        for method, path in theirs
        if method not in ("HEAD", "OPTIONS") and classify(method, _example(path)) is None
    ]
    assert undecided == []


def test_no_line_of_the_table_is_about_a_route_that_mlflow_does_not_have(server: Server) -> None:
    theirs = json.loads((server.folder / "routes.json").read_text())
    matched = {
        found.route
        for method, path in theirs
        if (found := classify(method, _example(path))) is not None
    }
    # some routes stand below one of the two prefixes only
    suffixes = {(route.method, _suffix(route.pattern)) for route in matched}
    stale = [r for r in routes() if (r.method, _suffix(r.pattern)) not in suffixes]
    assert [r for r in stale if r.kind is not Kind.CLOSED] == []


def _example(pattern: str) -> str:
    """A path for one of Flask's or FastAPI's patterns."""
    return re.sub(r"<[^>]+>|\{[^}]+\}", "a1", pattern)


def _suffix(pattern: str) -> str:
    return re.sub("^/(ajax-)?api/", "", pattern)
