"""The run in MLflow: created, given its metrics and files, ended; and models that scripts logged.

It talks to the REST API through the platform's door, so that a run does not wait the seconds that
importing MLflow takes. The squad's code, in its own process, uses the real client: the environment
made here leads it to the same place.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from northstar.connection import Connection
from northstar.connection.managed_identity import IdentityEndpoint
from northstar.errors import Failed
from northstar.names import ProjectRef
from northstar.pipeline import mlflow_auth
from northstar.pipeline.mlflow_http import MlflowHttp
from northstar.pipeline.patience import patiently
from northstar.registry.mlflow_rest import MlflowRest

RUN_TAG = "northstar.run"
_LONGEST_PARAMETER = 6000
_PARAMETERS_A_CALL = 100

RunStatus = Literal["RUNNING", "FINISHED", "FAILED"]


class Tracking:
    """MLflow for one project; every call waits for a platform that is being restarted.

    Args:
        say: told when there is something to wait for.
    """

    def __init__(
        self, connection: Connection, project: ProjectRef, say: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._project = project
        self._say = say
        self._http = MlflowHttp(connection, project.squad, say)
        self._rest = MlflowRest(f"{connection.url}/mlflow", connection.token)
        self._identity: IdentityEndpoint | None = None

    def close(self) -> None:
        """Close the sockets; what ``environment`` led to serves no more."""
        self._http.close()
        self._rest.close()
        if self._identity:
            self._identity.close()

    def create_run(self, name: str, tags: Mapping[str, str]) -> str:
        """Start a run in the project's experiment; return its id."""
        created = self._http.post(
            "runs/create",
            {
                "experiment_id": self._experiment(),
                "run_name": name,
                "start_time": _milliseconds(),
                "tags": [{"key": key, "value": value} for key, value in tags.items()],
            },
        )
        return str(created["run"]["info"]["run_id"])

    def set_status(self, run: str, status: RunStatus) -> None:
        """Say how the run is doing."""
        end = {} if status == "RUNNING" else {"end_time": _milliseconds()}
        self._http.post("runs/update", {"run_id": run, "status": status, **end})

    def log(self, run: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Log parameters (once and for all) and metrics."""
        texts = [{"key": k, "value": _text(v)} for k, v in parameters.items()]
        now = _milliseconds()
        numbers = [{"key": k, "value": v, "timestamp": now, "step": 0} for k, v in metrics.items()]
        for start in range(0, max(len(texts), 1), _PARAMETERS_A_CALL):
            part = texts[start : start + _PARAMETERS_A_CALL]
            body = {"run_id": run, "params": part, "metrics": numbers if start == 0 else []}
            self._http.post("runs/log-batch", body)

    def upload(self, run: str, path: Path, artifact: str) -> None:
        """Upload a file, or all files of a folder, as ``artifact`` of the run."""
        root = self._artifact_root(run)
        files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
        for file in files:
            inner = "" if file == path else f"/{file.relative_to(path).as_posix()}"
            self._http.put_artifact(f"{root}/{artifact}{inner}", file)

    def download_logged_model(self, run: str, folder: Path) -> str | None:
        """Fetch the model that the squad's code logged, in ``run`` or in a run below it.

        Returns its name; ``None`` if there is none. Of several, one named ``model`` is taken,
        otherwise the newest.
        """
        found = self._logged_models(self._runs_below(run))
        if not found:
            return None
        info = next((m for m in found if m.get("name") == "model"), found[0])
        self._download(info["source_run_id"], f"models:/{info['model_id']}", folder)
        return str(info.get("name") or info["model_id"])

    def download_version(self, run: str, model_uri: str, folder: Path) -> None:
        """Fetch a registered version's model; raises ``NotFound``."""
        self._download(run, model_uri, folder)

    def environment(self, run: str) -> dict[str, str]:
        """The variables by which the real MLflow client of the squad's code finds its place.

        The code's own runs become children of ours (a tag that MLflow reads from
        ``MLFLOW_RUN_CONTEXT``), so that a script may also choose its own experiment or start
        several runs, which ``MLFLOW_RUN_ID`` would forbid. The token that stands there ends; where
        our plugin for MLflow's client is installed, it brings a new one in time.
        """
        self._identity = self._identity or IdentityEndpoint(self._connection, os.environ)
        return {
            **self._identity.environment,
            **mlflow_auth.environment(),
            "MLFLOW_TRACKING_URI": f"{self._connection.url}/mlflow",
            "MLFLOW_REGISTRY_URI": f"{self._connection.url}/mlflow",
            "MLFLOW_TRACKING_TOKEN": self._connection.token(),
            "MLFLOW_WORKSPACE": self._project.squad,
            "MLFLOW_EXPERIMENT_NAME": self._project.project,
            "MLFLOW_RUN_CONTEXT": json.dumps({"mlflow.parentRunId": run, RUN_TAG: run}),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_ENABLE_OTLP_EXPORTER": "false",  # what it traces goes to MLflow, as ever
        }

    def _experiment(self) -> str:
        """The project's experiment; made if missing."""
        name = self._project.project
        query = {"filter": f"name = '{name}'", "max_results": 1}
        for _ in range(2):
            found = self._http.post("experiments/search", query).get("experiments", [])
            if found:
                return str(found[0]["experiment_id"])
            try:
                made = self._http.post("experiments/create", {"name": name})
            except Failed:  # another run was quicker
                continue
            return str(made["experiment_id"])
        raise Failed(
            f"MLflow has no experiment {name!r} in workspace {self._project.squad!r}, "
            "and does not let one be made.",
            hint="Was it deleted? A deleted experiment keeps its name until it is purged.",
        )

    def _runs_below(self, run: str) -> list[dict[str, Any]]:
        """The run and those that the squad's code started in its name, newest first."""
        query = {
            "experiment_ids": self._experiments(),  # a script may choose one of its own
            "filter": f"tags.`{RUN_TAG}` = '{run}'",
            "max_results": 100,
            "order_by": ["attributes.start_time DESC"],
        }
        found = self._http.post("runs/search", query).get("runs", [])
        own = self._http.get("runs/get", run_id=run)["run"]
        return [r["info"] for r in found if r["info"]["run_id"] != run] + [own["info"]]

    def _experiments(self) -> list[str]:
        found, token = [], ""
        while True:
            query = {"max_results": 500, "page_token": token}
            answer = self._http.post("experiments/search", query)
            found += [str(each["experiment_id"]) for each in answer.get("experiments", [])]
            if not (token := answer.get("next_page_token", "")):
                return found

    def _logged_models(self, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What those runs logged, newest first."""
        found = []
        for info in runs:
            query = {
                "experiment_ids": [info["experiment_id"]],
                "filter": f"source_run_id = '{info['run_id']}'",
            }
            answer = self._http.post("logged-models/search", query)
            found += [model["info"] for model in answer.get("models", [])]
        ready = [m for m in found if m.get("status") in ("LOGGED_MODEL_READY", 2)]
        return sorted(ready, key=lambda m: int(m["creation_timestamp_ms"]), reverse=True)

    def _download(self, run: str, model_uri: str, folder: Path) -> None:
        def attempt() -> None:
            source = self._rest.find_model(self._project, run, model_uri)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._rest.download_model(self._project, source, folder)

        patiently(attempt, say=self._say)

    def _artifact_root(self, run: str) -> str:
        uri = str(self._http.get("runs/get", run_id=run)["run"]["info"]["artifact_uri"])
        parts = urlsplit(uri)
        if parts.scheme != "mlflow-artifacts":
            raise Failed(f"The artifacts at {uri} do not come through MLflow's artifact proxy.")
        return parts.path.strip("/")


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:_LONGEST_PARAMETER]


def _milliseconds() -> int:
    return int(time.time() * 1000)
