"""An endpoint of real processes for tests, with a control plane in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pyarrow as pa
from joserfc import jwt
from joserfc.jwk import ECKey

from northstar.flags.domain import rollout_flag
from northstar.names import EndpointRef
from northstar.registry.domain import Task
from northstar.serving.dataplane.agent import Agent
from northstar.serving.dataplane.fake import FakeControlPlane
from northstar.serving.dataplane.runtimes.mlmodel import read_model_folder
from northstar.serving.dataplane.state import StateFolder
from northstar.serving.dataplane.telemetry import EndpointTelemetry
from northstar.serving.domain import AccessSpec, CaptureSpec, EndpointSpec, ModelSpec

ENDPOINT = EndpointRef("operations", "late-arrival", "prod")
ISSUER = "http://northstar.test"
_KEY = ECKey.generate_key("P-256", parameters={"kid": "test"})


def token(audience: str = str(ENDPOINT), seconds: float = 600) -> str:
    claims = {"iss": ISSUER, "aud": audience, "sub": "user:anna", "exp": int(time.time() + seconds)}
    return jwt.encode({"alg": "ES256", "kid": "test"}, claims, _KEY, algorithms=["ES256"])


def access() -> AccessSpec:
    return AccessSpec(
        issuer=ISSUER,
        audience=str(ENDPOINT),
        jwks={"keys": [_KEY.as_dict(private=False)]},
    )


def model_spec(
    version: int, folder: Path, digest: str, flavor: str = "lightgbm", task: Task = "binary"
) -> ModelSpec:
    columns = read_model_folder(folder).columns or ()
    return ModelSpec(version=version, digest=digest, flavor=flavor, task=task, columns=columns)


def spec(
    revision: int, models: list[ModelSpec], weights: dict[int, float] | None = None
) -> EndpointSpec:
    shares = weights or {models[-1].version: 100.0}
    return EndpointSpec(
        endpoint=str(ENDPOINT),
        revision=revision,
        models=tuple(models),
        flag=rollout_flag("late-arrival", {f"v{v}": share for v, share in shares.items()}),
        capture=CaptureSpec(flush_seconds=0.2),
        access=access(),
    )


def empty_spec() -> EndpointSpec:
    return EndpointSpec(endpoint=str(ENDPOINT), revision=0, models=(), flag={}, access=access())


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true value of ``condition``; fails if there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def processes(*words: str) -> list[int]:
    """The running processes whose command line has all these words."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if command and all(word in command for word in words):
                found.append(int(folder.name))
    return found


def captured_rows(captures: Path) -> list[dict[str, Any]]:
    """Every row of every finished segment."""
    rows: list[dict[str, Any]] = []
    for path in captures.rglob("*.arrow"):
        with pa.ipc.open_file(path) as file:
            rows += file.read_all().to_pylist()
    return rows


class RunningEndpoint:
    """An agent in a thread, its workers and writers as the processes they are."""

    def __init__(
        self,
        folder: Path,
        control: FakeControlPlane,
        workers: int = 1,
        ship_to: str = "",
        telemetry: EndpointTelemetry | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.control = control
        self.state = StateFolder(folder / "state")
        self.captures = folder / "captures"
        self.agent = Agent(
            ENDPOINT,
            self.state,
            self.captures,
            control,
            workers=workers,
            sync_seconds=0.05,
            ship_to=ship_to,
            telemetry=telemetry,
            environment=environment,
        )
        self._thread = threading.Thread(target=self.agent.run)
        self.client = httpx2.Client(base_url=self.agent.url, timeout=10, trust_env=False)
        self.client.headers["Authorization"] = f"Bearer {token()}"

    def __enter__(self) -> RunningEndpoint:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.client.close()
        self.agent.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def serves(self, revision: int) -> RunningEndpoint:
        """Wait until every worker serves this revision."""
        eventually(lambda: self.agent.status().revision == revision)
        return self

    def infer(self, rows: list[list[Any]], columns: list[str], **fields: Any) -> httpx2.Response:
        path = fields.pop("path", f"/v2/models/{ENDPOINT.project}/infer")
        inputs = []
        for i, name in enumerate(columns):
            data = [row[i] for row in rows]
            kind = "BYTES" if any(isinstance(value, str) for value in data) else "FP64"
            inputs.append({"name": name, "shape": [len(rows)], "datatype": kind, "data": data})
        return self.client.post(path, json={"inputs": inputs, **fields})
