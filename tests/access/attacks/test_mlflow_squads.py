"""Every route of MLflow's, asked by one squad about everything that another squad has.

What is planted in pricing says ``MARKER``; its ids are known to the attacker, who owns operations.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from northstar.access.mlflow.routes import Kind, Route, routes
from tests.access.mlflow_client import API, Server

MARKER = "the-fares-of-next-year"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
V3 = "/api/3.0/mlflow"
WALKED = (Kind.READ, Kind.WRITE, Kind.MANAGE)


class Victim:
    """What pricing has in MLflow, with all the ids that lead to it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.model = f"fares-{uuid.uuid4().hex[:8]}"
        made = self._post(f"{API}/experiments/create", name=f"e-{self.model}", tags=[_tag()])
        self.experiment = made["experiment_id"]
        run = self._post(f"{API}/runs/create", experiment_id=self.experiment, run_name=MARKER)
        self.run = run["run"]["info"]["run_id"]
        metric = {"key": MARKER, "value": 1.0, "timestamp": 1, "step": 0}
        self._post(f"{API}/runs/log-batch", run_id=self.run, metrics=[metric], tags=[_tag()])
        self._post(f"{API}/registered-models/create", name=self.model, description=MARKER)
        self._post(
            f"{API}/model-versions/create",
            name=self.model,
            source=f"{run['run']['info']['artifact_uri']}/model",
            run_id=self.run,
            description=MARKER,
        )
        logged = self._post(
            f"{API}/logged-models",
            experiment_id=self.experiment,
            name=MARKER,
            source_run_id=self.run,
        )
        self.logged = logged["model"]["info"]["model_id"]
        self.trace = f"tr-{uuid.uuid4().hex}"
        self._post(f"{V3}/traces", trace={"trace_info": _trace(self.trace, self.experiment)})
        dataset = self._post(
            f"{V3}/datasets/create", name=MARKER, experiment_ids=[self.experiment], tags="{}"
        )
        self.dataset = dataset["dataset"]["dataset_id"]
        self.file = f"{self.experiment}/{self.run}/artifacts/model/MLmodel"
        self._send("PUT", f"{ARTIFACTS}/{self.file}", content=MARKER.encode())

    def ids(self) -> dict[str, Any]:
        """The ids under every name that a route may ask for."""
        return {
            "experiment_id": self.experiment,
            "experiment_ids": [self.experiment],
            "run_id": self.run,
            "run_uuid": self.run,
            "run_ids": [self.run],
            "name": self.model,
            "version": "1",
            "model_id": self.logged,
            "trace_id": self.trace,
            "request_id": self.trace,
            "trace_ids": [self.trace],
            "request_ids": [self.trace],
            "dataset_id": self.dataset,
            "dataset_ids": [self.dataset],
            "path": "model/MLmodel",
            "artifact_file_path": "model/MLmodel",
            "metric_key": MARKER,
            "filter": f"name = '{self.model}'",
            "max_results": 100,
            "new_name": f"taken-{self.model}",
            "key": "owner",
            "value": "mallory",
            "status": "FAILED",
            "description": "mallory was here",
            "alias": "champion",
            "tags": [{"key": "owner", "value": "mallory"}],
            "locations": [
                {
                    "type": "MLFLOW_EXPERIMENT",
                    "mlflow_experiment": {"experiment_id": self.experiment},
                }
            ],
        }

    def paths(self, pattern: str) -> Iterator[str]:
        """The addresses that a pattern of the table stands for."""
        folder = f"{self.experiment}/{self.run}/artifacts"
        places = (
            self.file,
            folder,
            f"workspaces/pricing/{self.file}",
            f"workspaces/pricing/{folder}",
        )
        if pattern.endswith("<path*>"):
            if "mlflow-artifacts" in pattern:
                yield from (pattern.replace("<path*>", place) for place in places)
            return
        kinds = {"logged-models": self.logged, "traces": self.trace, "datasets": self.dataset}
        kind = next((one for one in kinds if f"/{one}/" in pattern), "traces")
        yield re.sub("<[^>]+>", "a1", pattern.replace("<id>", kinds[kind]))

    def answers(self, who: str, squad: str, kinds: tuple[Kind, ...]) -> dict[tuple[str, str], str]:
        """What every route of these kinds says to somebody who asks about all of this."""
        found = {}
        for route in routes():
            if route.kind in kinds and "<workspace>" not in route.pattern:
                for path in self.paths(route.pattern):
                    answer = self._ask(route, path, who, squad)
                    found[route.method, path] = answer
        return found

    def _ask(self, route: Route, path: str, who: str, squad: str) -> str:
        ids = self.ids()
        options: dict[str, Any] = {"json": ids}
        if route.method == "GET":
            options = {
                "params": {name: ids[name] for name in ids if name not in ("tags", "locations")}
            }
        elif route.method == "PUT" or route.touches == "upload":
            # MLflow refuses an upload without reading it, after which the connection is of no use
            options = {"content": b"forged", "headers": {"Connection": "close"}}
            options["params"] = {"run_uuid": self.run, "path": "forged"}
        elif path.endswith("/graphql"):
            options = {"json": _graphql(self)}
        answer = self._server.send(route.method, path, who, squad, **options)
        return answer.text if answer.is_success else f"{answer.status_code} {answer.text}"

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._send("POST", path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _send(self, method: str, path: str, **options: Any) -> Any:
        return self._server.send(method, path, "bert", "pricing", **options)


def _tag() -> dict[str, str]:
    return {"key": "note", "value": MARKER}


def _trace(trace: str, experiment: str) -> dict[str, Any]:
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    return {
        "trace_id": trace,
        "trace_location": location,
        "request_time": "2026-01-01T00:00:00Z",
        "execution_duration": "1s",
        "state": "OK",
        "request_preview": MARKER,
        "tags": {"note": MARKER},
        "trace_metadata": {"note": MARKER},
    }


def _graphql(victim: Victim) -> dict[str, Any]:
    query = """query($run: MlflowGetRunInput!, $experiment: MlflowGetExperimentInput!) {
      mlflowGetRun(input: $run) { run { info { runName } data { tags { value } } } }
      mlflowGetExperiment(input: $experiment) { experiment { name tags { value } } }
    }"""
    variables = {
        "run": {"runId": victim.run},
        "experiment": {"experimentId": victim.experiment},
    }
    return {"query": query, "variables": variables}


@pytest.fixture(scope="module")
def victim(server: Server) -> Victim:
    return Victim(server)


def test_no_route_tells_another_squad_anything(victim: Victim) -> None:
    own = victim.answers("bert", "pricing", (Kind.READ,))
    telling = {place for place, text in own.items() if MARKER in text}
    assert len(telling) >= 30, f"the walk has no power: {sorted(telling)}"
    theirs = victim.answers("owner", "operations", (Kind.READ,))
    assert {place for place, text in theirs.items() if MARKER in text} == set()


def test_no_route_changes_anything_of_another_squad(victim: Victim) -> None:
    before = victim.answers("bert", "pricing", (Kind.READ,))
    told = victim.answers("owner", "operations", (Kind.WRITE, Kind.MANAGE))
    assert len(told) >= 100
    assert {place for place, text in told.items() if MARKER in text} == set()
    after = victim.answers("bert", "pricing", (Kind.READ,))
    changed = {place for place in before if before[place] != after[place]}
    assert changed == set()


@pytest.mark.parametrize("who", ["owner", "anna", "reader"])
def test_the_workspace_of_another_squad_opens_by_no_header(
    server: Server, victim: Victim, who: str
) -> None:
    path = f"{API}/runs/get?run_id={victim.run}"
    spoofs: list[dict[str, str]] = [
        {"X-MLFLOW-WORKSPACE": "pricing"},
        {"X-MLFLOW-WORKSPACE": "operations, pricing"},
        {"X_MLFLOW_WORKSPACE": "pricing"},
        {"X-Forwarded-Host": "pricing", "X-Forwarded-Prefix": "/pricing", "Forwarded": "host=x"},
        {"X-Original-URL": path, "X-Rewrite-URL": path},
        {"X-Forwarded-User": "user:bert", "Remote-User": "user:bert", "X-Remote-User": "bert"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
    ]
    for headers in spoofs:
        named = None if "X-MLFLOW-WORKSPACE" in headers else "operations"
        answer = server.send("GET", path, who, named, headers=headers)
        assert MARKER not in answer.text, headers
        assert not answer.is_success, headers
