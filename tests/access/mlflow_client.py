"""Requests to the MLflow of ``mlflow_server.py``, as one of the people that it knows."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx2

API = "/api/2.0/mlflow"


class Server:
    """A running server; ``send`` speaks as anna of operations unless told otherwise."""

    def __init__(self, folder: Path, known: dict[str, str]) -> None:
        self.folder = folder
        self.known = known
        self.url = known["url"]
        self._http = httpx2.Client(trust_env=False, timeout=60)

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        who: str | None = "anna",
        squad: str | None = "operations",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx2.Response:
        sent = dict(headers or {})
        if who:
            sent["Authorization"] = f"Bearer {self.known[who]}"
        if squad:
            sent["X-MLFLOW-WORKSPACE"] = squad
        return self._http.request(method, self.url + path, headers=sent, **options)

    def run(self, who: str = "anna", squad: str = "operations") -> str:
        name = f"e-{uuid.uuid4().hex}"
        made = self.send("POST", f"{API}/experiments/create", who, squad, json={"name": name})
        body = {"experiment_id": made.json()["experiment_id"]}
        answer = self.send("POST", f"{API}/runs/create", who, squad, json=body)
        return str(answer.json()["run"]["info"]["run_id"])
