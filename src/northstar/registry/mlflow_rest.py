"""MLflow over its REST API, without importing MLflow.

Squad is workspace (header ``X-MLFLOW-WORKSPACE``), project is registered model. Artifacts come
through MLflow's artifact proxy, so that the registry needs no credentials of the storage behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from northstar.errors import Denied, NotFound, Unauthenticated, Unavailable
from northstar.names import ProjectRef
from northstar.registry.errors import MlflowFailed, WrongModel
from northstar.registry.mlflow import ModelSource
from northstar.telemetry import propagation

_API = "/api/2.0/mlflow"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_WORKSPACES = "/api/3.0/mlflow/workspaces"
_TIMEOUT_SECONDS = 60.0
_PAGE = 200
_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.5


class MlflowRest:
    """The ``Mlflow`` port on a tracking server.

    Args:
        url: the tracking URI, for example ``http://127.0.0.1:8700/mlflow``.
        token: gives a valid bearer token each time it is asked.
        transport: an ``httpx2`` transport, for tests.
    """

    def __init__(
        self, url: str, token: Callable[[], str], transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._token = token
        self._http = httpx2.Client(
            base_url=url, timeout=_TIMEOUT_SECONDS, transport=transport, trust_env=False
        )

    def close(self) -> None:
        """Close the sockets."""
        self._http.close()

    def ensure(self, squad: str) -> None:
        """Make the squad's workspace unless it is there; the ``Workspaces`` port of projects."""
        response = self._request(squad, "POST", _WORKSPACES, json={"name": squad})
        if _error_code(response) != "RESOURCE_ALREADY_EXISTS":
            _checked(response)

    def find_model(self, project: ProjectRef, run_id: str, model_uri: str) -> ModelSource:
        run = self._call(project, "GET", f"{_API}/runs/get", params={"run_id": run_id})["run"]
        kind, _, rest = model_uri.partition(":/")
        if kind == "models" and rest.startswith("m-"):
            found = self._call(project, "GET", f"{_API}/logged-models/{quote(rest, safe='')}")
            return _source(found["model"]["info"], run_id, model_uri)
        named, _, path = rest.partition("/")
        if kind != "runs" or named != run_id or not path or ".." in path.split("/"):
            raise WrongModel(
                f"{model_uri} is not a model of run {run_id}.",
                hint=f"Register runs:/{run_id}/PATH or models:/m-….",
            )
        logged = self._call(
            project,
            "POST",
            f"{_API}/logged-models/search",
            json={
                "experiment_ids": [run["info"]["experiment_id"]],
                "filter": f"source_run_id = '{run_id}'",
            },
        )
        for model in logged.get("models", []):  # newest first
            if model["info"].get("name") == path:
                return _source(model["info"], run_id, model_uri)
        return ModelSource(run_id, f"{run['info']['artifact_uri']}/{path}", model_id=None)

    def ensure_version(self, project: ProjectRef, source: ModelSource) -> int:
        self._ensure_registered_model(project)
        for known in self._versions_of(project, source.run_id):
            if known["source"] in (source.artifact_uri, f"models:/{source.model_id}"):
                return int(known["version"])
        body = {"name": project.project, "source": source.artifact_uri, "run_id": source.run_id}
        if source.model_id:
            body |= {"source": f"models:/{source.model_id}", "model_id": source.model_id}
        created = self._call(project, "POST", f"{_API}/model-versions/create", json=body)
        return int(created["model_version"]["version"])

    def download_model(self, project: ProjectRef, source: ModelSource, folder: Path) -> None:
        self._download_folder(project, _proxied(source.artifact_uri), folder)

    def download_run_artifact(
        self, project: ProjectRef, run_id: str, artifact_path: str, target: Path
    ) -> None:
        run = self._call(project, "GET", f"{_API}/runs/get", params={"run_id": run_id})["run"]
        root = _proxied(run["info"]["artifact_uri"])
        self._download_file(project, f"{root}/{artifact_path}", target)

    def set_alias(self, project: ProjectRef, alias: str, version: int) -> None:
        body = {"name": project.project, "alias": alias, "version": str(version)}
        self._call(project, "POST", f"{_API}/registered-models/alias", json=body)

    def _ensure_registered_model(self, project: ProjectRef) -> None:
        try:
            params = {"name": project.project}
            self._call(project, "GET", f"{_API}/registered-models/get", params=params)
        except NotFound:
            body = {"name": project.project}
            path = f"{_API}/registered-models/create"
            response = self._request(project.squad, "POST", path, json=body)
            if _error_code(response) != "RESOURCE_ALREADY_EXISTS":
                _checked(response)

    def _versions_of(self, project: ProjectRef, run_id: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            answer = self._call(
                project,
                "GET",
                f"{_API}/model-versions/search",
                params={
                    "filter": f"name='{project.project}' and run_id='{run_id}'",
                    "max_results": _PAGE,
                    "page_token": token,
                },
            )
            yield from answer.get("model_versions", [])
            if not (token := answer.get("next_page_token", "")):
                return

    def _download_folder(self, project: ProjectRef, path: str, folder: Path) -> None:
        listed = self._call(project, "GET", _ARTIFACTS, params={"path": path}).get("files", [])
        for file in listed:
            name = file["path"]
            if "/" in name or name in ("", ".", ".."):
                raise MlflowFailed(f"MLflow lists an artifact with the path {name!r}.")
            target = folder / name
            if file.get("is_dir"):
                target.mkdir()
                self._download_folder(project, f"{path}/{name}", target)
            else:
                self._download_file(project, f"{path}/{name}", target)

    def _download_file(self, project: ProjectRef, path: str, target: Path) -> None:
        url = f"{_ARTIFACTS}/{quote(path)}"
        try:
            with self._http.stream("GET", url, headers=self._headers(project.squad)) as response:
                if not response.is_success:
                    response.read()
                    _checked(response)
                with target.open("wb") as file:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
        except httpx2.TransportError as error:
            raise _unavailable(self._http, error) from error

    def _call(self, project: ProjectRef, method: str, path: str, **options: Any) -> dict[str, Any]:
        return _checked(self._request(project.squad, method, path, **options))

    def _request(self, squad: str, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request; an MLflow that is still starting is waited for."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                response = self._http.request(method, path, headers=self._headers(squad), **options)
            except httpx2.TransportError as error:
                raise _unavailable(self._http, error) from error
            if response.status_code != 503 or time.monotonic() > deadline:
                return response
            time.sleep(_PAUSE_SECONDS)

    def _headers(self, squad: str) -> dict[str, str]:
        known = {"Authorization": f"Bearer {self._token()}", "X-MLFLOW-WORKSPACE": squad}
        return {**known, **propagation.headers()}


def _source(info: dict[str, Any], run_id: str, model_uri: str) -> ModelSource:
    if info.get("source_run_id") != run_id:
        raise WrongModel(
            f"{model_uri} was logged by another run than {run_id}.",
            hint="Register the model that the run itself logged.",
        )
    return ModelSource(run_id, info["artifact_uri"], info["model_id"])


def _proxied(artifact_uri: str) -> str:
    parts = urlsplit(artifact_uri)
    if parts.scheme != "mlflow-artifacts":
        raise MlflowFailed(
            f"The artifacts at {artifact_uri} do not come through MLflow's artifact proxy.",
            hint="Start MLflow with --serve-artifacts and the root mlflow-artifacts:/.",
        )
    return parts.path.strip("/")


def _unavailable(http: httpx2.Client, error: Exception) -> Unavailable:
    return Unavailable(f"MLflow at {http.base_url} did not answer: {error}.", hint="Try again.")


def _checked(response: httpx2.Response) -> dict[str, Any]:
    told = _body(response)
    if response.is_success:
        return told
    what = str(told.get("message") or response.text[:200])
    match response.status_code:
        case 404:
            raise NotFound(f"MLflow: {what}")
        case 401:
            raise Unauthenticated(f"MLflow does not know the registry: {what}")
        case 403:
            raise Denied(f"MLflow refused the registry: {what}")
        case 429 | 502 | 503 | 504:
            raise Unavailable(f"MLflow could not answer: {what}", hint="Try again.")
    raise MlflowFailed(f"MLflow answered {response.status_code}: {what}")


def _error_code(response: httpx2.Response) -> str:
    return "" if response.is_success else str(_body(response).get("error_code", ""))


def _body(response: httpx2.Response) -> dict[str, Any]:
    try:
        told = response.json() if response.content else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
