"""An endpoint for measuring: the real agent, worker and capture writer, told what to serve here.

Its telemetry is what the standard variables of OpenTelemetry say.

Writes ``{"url", "token", "metrics_url"}`` to ``ready.json`` once it answers; ends on SIGTERM.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

from northstar.digest import folder_digest
from northstar.flags.domain import rollout_flag
from northstar.names import EndpointRef
from northstar.serving.dataplane.agent import Agent, serve
from northstar.serving.dataplane.fake import FakeControlPlane
from northstar.serving.dataplane.runtimes.mlmodel import read_model_folder
from northstar.serving.dataplane.state import StateFolder
from northstar.serving.dataplane.telemetry import start_telemetry
from northstar.serving.domain import AccessSpec, CaptureSpec, EndpointSpec, ModelSpec

_ISSUER = "http://northstar.test"
_HOUR_SECONDS = 3600


def main(model: Path, folder: Path, *, capture: bool) -> None:
    """Serve ``model`` (a LightGBM regressor) with checks on, and capture if wanted."""
    endpoint = EndpointRef("benchmarks", "model", "prod")
    key = ECKey.generate_key("P-256", parameters={"kid": "benchmark"})
    version = ModelSpec(
        version=1,
        digest=folder_digest(model),
        flavor="lightgbm",
        task="regression",
        columns=read_model_folder(model).columns or (),
    )
    spec = EndpointSpec(
        endpoint=str(endpoint),
        revision=1,
        models=(version,),
        flag=rollout_flag("model", {"v1": 100.0}),
        capture=CaptureSpec(enabled=capture),
        access=AccessSpec(
            issuer=_ISSUER,
            audience=str(endpoint),
            jwks={"keys": [key.as_dict(private=False)]},
        ),
    )
    control = FakeControlPlane(spec)
    control.add_model(model)
    state = StateFolder(folder / "state")
    telemetry = start_telemetry(endpoint)
    agent = Agent(endpoint, state, folder / "captures", control, telemetry=telemetry)
    claims = {
        "iss": _ISSUER,
        "aud": str(endpoint),
        "sub": "user:benchmark",
        "exp": int(time.time()) + _HOUR_SECONDS,
    }
    header = {"alg": "ES256", "kid": "benchmark"}
    token = jwt.encode(header, claims, key, algorithms=["ES256"])

    def announce() -> None:
        while agent.status().revision != 1:
            time.sleep(0.05)
        ready = folder / "ready.json"
        told = {"url": agent.url, "token": token, "metrics_url": agent.status().metrics_url}
        ready.with_suffix(".new").write_text(json.dumps(told))
        ready.with_suffix(".new").replace(ready)

    threading.Thread(target=announce, daemon=True).start()
    with closing(telemetry):
        serve(agent)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), capture=sys.argv[3] == "capture")
