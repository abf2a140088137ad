"""Promoting past the release, and changing what was promoted: by every route, and by every trick.

The attackers own the squad; ``released`` is protected as a registered version is.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from northstar.access.mlflow.routes import Kind, routes
from tests.access.mlflow_client import API, Server

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
MODEL = "released"
ATTACKERS = ["owner", "admin", "anna"]


class Promoted:
    """A model version of a run that are both protected, with the platform's alias on it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.run = server.run()
        info = server.send("GET", f"{API}/runs/get?run_id={self.run}").json()["run"]["info"]
        self.experiment = info["experiment_id"]
        logged = server.send(
            "POST",
            f"{API}/logged-models",
            json={"experiment_id": self.experiment, "name": "m", "source_run_id": self.run},
        ).json()["model"]["info"]
        self.logged = logged["model_id"]
        self.files = [
            f"{self.experiment}/{self.run}/artifacts/model/MLmodel",
            f"{self.experiment}/models/{self.logged}/artifacts/MLmodel",
        ]
        for file in self.files:
            assert server.send("PUT", f"{ARTIFACTS}/{file}", content=b"honest").is_success
        server.send("POST", f"{API}/registered-models/create", json={"name": MODEL})
        for _ in range(2):
            body = {"name": MODEL, "source": f"{info['artifact_uri']}/model", "run_id": self.run}
            server.send("POST", f"{API}/model-versions/create", json=body)
        alias = {"name": MODEL, "alias": "prod", "version": "1"}
        path = f"{API}/registered-models/alias"
        assert server.send("POST", path, "platform", json=alias).is_success
        protected = server.folder / "protected-owners.txt"
        before = protected.read_text() if protected.exists() else ""
        protected.write_text(f"{before}\n{self.run}\n{self.logged}")

    def state(self) -> dict[str, Any]:
        """What must not change: the alias, the versions' sources and stages, and the files."""
        registered = self._server.send("GET", f"{API}/registered-models/get?name={MODEL}").json()
        query = f"{API}/model-versions/search?filter=name%3D'{MODEL}'"
        found = self._server.send("GET", query).json()["model_versions"]
        run = self._server.send("GET", f"{API}/runs/get?run_id={self.run}").json()["run"]["info"]
        query = f"{API}/experiments/get?experiment_id={self.experiment}"
        experiment = self._server.send("GET", query).json()["experiment"]
        return {
            "aliases": registered["registered_model"].get("aliases"),
            "run": run["lifecycle_stage"],
            "experiment": (experiment["name"], experiment["lifecycle_stage"]),
            "versions": sorted(
                (v["version"], v["source"], v["run_id"], v["current_stage"], v.get("aliases"))
                for v in found
                if v["version"] in ("1", "2")
            ),
            "files": [
                self._server.send("GET", f"{ARTIFACTS}/{file}").content for file in self.files
            ],
        }

    def bodies(self) -> Iterator[dict[str, Any]]:
        """Everything that any route may be told, under every spelling that MLflow reads."""
        own = {
            "name": MODEL,
            "version": "2",
            "alias": "prod",
            "aliases": [{"alias": "prod", "version": "2"}, "prod"],
            "stage": "Production",
            "archive_existing_versions": True,
            "new_name": "mine",
            "run_id": self.run,
            "model_id": self.logged,
            "experiment_id": self.experiment,
            "key": "approved_by",
            "value": "user:ben",
            "tags": [{"key": "approved_by", "value": "user:ben"}],
            "source": "runs:/forged/model",
            "models": [{"model_id": self.logged, "step": 0}],
            "model_json": json.dumps({"run_id": self.run, "artifact_path": "model"}),
        }
        yield own
        yield {re.sub("_(.)", lambda m: m[1].upper(), name): own[name] for name in own}


@pytest.fixture(scope="module")
def promoted(server: Server) -> Promoted:
    return Promoted(server)


@pytest.mark.parametrize("who", ATTACKERS)
def test_no_route_of_the_registry_promotes_or_demotes(
    server: Server, promoted: Promoted, who: str
) -> None:
    before = promoted.state()
    kinds = (Kind.PROMOTE, Kind.MANAGE, Kind.WRITE, Kind.CLOSED)
    walked = [r for r in routes() if r.kind in kinds and "*" not in r.pattern]
    assert len(walked) > 150
    for route in walked:
        path = re.sub("<[^>]+>", promoted.logged, route.pattern)
        for body in promoted.bodies():
            answer = server.send(route.method, path, who, json=body)
            if route.kind in (Kind.PROMOTE, Kind.CLOSED):
                assert answer.status_code == 403, (route, answer.text)
    assert promoted.state() == before


@pytest.mark.parametrize("who", ATTACKERS)
@pytest.mark.parametrize("prefix", ["/api", "/ajax-api"])
def test_no_upload_changes_a_promoted_file(
    server: Server, promoted: Promoted, who: str, prefix: str
) -> None:
    before = promoted.state()
    run, artifacts = promoted.run, f"{prefix}/2.0/mlflow-artifacts"
    attempts = [
        (method, f"{artifacts}/artifacts/{place}")
        for file in promoted.files
        for method, place in (
            ("PUT", file),
            ("PUT", f"workspaces/operations/{file}"),
            ("PUT", f"{file}/x"),
            ("PUT", file.replace("/artifacts/", "/Artifacts/")),
            ("DELETE", file),
            ("DELETE", file.rpartition("/")[0]),
            ("DELETE", file.partition("/")[0]),
            ("DELETE", "workspaces/operations"),
            ("POST", file),
            ("PATCH", file),
        )
    ]
    attempts += [
        ("POST", f"{artifacts}/mpu/{step}/{promoted.files[0]}")
        for step in ("create", "complete", "abort")
    ]
    upload = f"{prefix}/2.0/mlflow/upload-artifact"
    attempts += [
        ("POST", f"{upload}?run_uuid={run}&path=model/MLmodel"),
        ("POST", f"{upload}?run_uuid={run}&run_uuid=other&path=model/MLmodel"),
        ("POST", f"{upload}?run_uuid=other&run_uuid={run}&path=model/MLmodel"),
        ("POST", f"{upload}?run_uuid=&run_uuid={run}&path=model/MLmodel"),
        ("POST", f"{upload}?run_id={run}&path=model/MLmodel"),
        ("POST", f"{upload}?run%5Fuuid={run}&path=model/MLmodel"),
        ("POST", f"{upload}?run_uuid={run.upper()}&path=model/MLmodel"),
        ("POST", f"{prefix}/2.0/mlflow/artifacts/presigned-upload-url?run_id={run}"),
    ]
    for method, path in attempts:
        status, _ = raw(server, who, method, path, b"forged")
        assert status >= 400, (method, path, status)
    assert promoted.state() == before


TRICKS = [
    "//{0}",
    "/./{0}",
    "/x/../{0}",
    "/x/%2e%2e/{0}",
    "/x/%252e%252e/{0}",
    "/%2e/{0}",
    "/x%2f..%2f{0}",
    "/x%5c..%5c{0}",
    "/{0}/",
    "/{0}//",
    "/{0}.",
    "/{0}%20",
    "/{0}%09",
    "/{0}%0a",
    "/{0}%00",
    "/{0};x=y",
    "/{0}%3bx=y",
    "/{0}%3f",
    "/{0}%23",
    "/{1}",
    "/{0}?a=b#/version",
    "/mlflow/{0}",
    "/static-files/../{0}",
    "/static-files/%2e%2e/{0}",
    "/health/../{0}",
    "/..%c0%af{0}",
    "/%e2%80%ae{0}",
]
ALIAS = "api/2.0/mlflow/registered-models/alias"


@pytest.mark.parametrize("trick", TRICKS)
def test_no_way_of_writing_the_path_sets_an_alias(
    server: Server, promoted: Promoted, trick: str
) -> None:
    before = promoted.state()
    path = trick.format(ALIAS, ALIAS.upper())
    body = json.dumps({"name": MODEL, "alias": "prod", "version": "2"}).encode()
    for method in ("POST", "DELETE", "PUT", "post", "TRACE", "ALIAS"):
        status, _ = raw(server, "owner", method, path, body)
        assert status >= 400, (method, path, status)
    assert promoted.state() == before


@pytest.mark.parametrize("trick", TRICKS)
def test_no_way_of_writing_the_path_overwrites_a_promoted_file(
    server: Server, promoted: Promoted, trick: str
) -> None:
    before = promoted.state()
    for file in promoted.files:
        for place in (
            f"{ARTIFACTS}{trick.format(file, file.upper())}",
            trick.format(f"{ARTIFACTS[1:]}/{file}", ""),
        ):
            raw(server, "owner", "PUT", place, b"forged")
    assert promoted.state() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "POST"},
        {"X-HTTP-Method": "POST"},
        {"X-Method-Override": "POST"},
        {"X-Original-URL": f"/{ALIAS}", "X-Rewrite-URL": f"/{ALIAS}"},
        {"X-Forwarded-Prefix": "/mlflow", "X-Script-Name": f"/{ALIAS}", "Script-Name": f"/{ALIAS}"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1", "Host": "127.0.0.1"},
    ],
)
def test_no_header_makes_another_request_of_it(
    server: Server, promoted: Promoted, headers: dict[str, str]
) -> None:
    before = promoted.state()
    body = json.dumps({"name": MODEL, "alias": "prod", "version": "2"}).encode()
    query = f"?name={MODEL}&alias=prod&version=2&_method=POST"
    for method, path in (
        ("GET", f"/{ALIAS}{query}"),
        ("POST", f"{API}/runs/search"),
        ("GET", "/version"),
    ):
        raw(server, "owner", method, path, body, headers)
    assert promoted.state() == before


def test_a_protected_run_keeps_its_files_when_it_is_deleted_or_cleaned_up(
    server: Server, promoted: Promoted
) -> None:
    before = promoted.state()
    for body in ({"run_id": promoted.run}, {"runId": promoted.run}):
        assert server.send("POST", f"{API}/runs/delete", "owner", json=body).status_code == 403
    assert (
        server.send("DELETE", f"{API}/logged-models/{promoted.logged}", "owner").status_code == 403
    )
    assert promoted.state() == before


def test_a_page_among_the_artifacts_is_never_shown_by_a_browser(server: Server) -> None:
    run = server.run()
    page = f"1/{run}/artifacts/x.html"
    info = server.send("GET", f"{API}/runs/get?run_id={run}").json()["run"]["info"]
    page = f"{info['experiment_id']}/{run}/artifacts/x.html"
    server.send("PUT", f"{ARTIFACTS}/{page}", content=b"<script>alert(1)</script>")
    for path in (f"{ARTIFACTS}/{page}", f"/get-artifact?run_uuid={run}&path=x.html"):
        answer = server.send("GET", path)
        assert answer.is_success
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"


def raw(
    server: Server,
    who: str,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """Send a request whose path nobody tidies up first."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    sent = {
        "Authorization": f"Bearer {server.known[who]}",
        "X-MLFLOW-WORKSPACE": "operations",
        "Content-Type": "application/json",
        **(headers or {}),
    }
    try:
        connection.request(method, f"/mlflow{path}", body=body, headers=sent)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (http.client.BadStatusLine, ConnectionError):
        return 400, b""  # the server's parser did not take it
    finally:
        connection.close()
