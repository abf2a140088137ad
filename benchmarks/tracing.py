"""What tracing adds to a request in the endpoint's application alone, without HTTP and model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from joserfc.jwk import ECKey
from numpy.typing import NDArray

from benchmarks.harness import in_turns
from northstar.flags.domain import rollout_flag
from northstar.registry.domain import Column
from northstar.serving.dataplane.capture import Record
from northstar.serving.dataplane.inputs import Rows
from northstar.serving.dataplane.questions import Columns
from northstar.serving.dataplane.routing import LoadedModel, RoutingTable
from northstar.serving.dataplane.runtimes.interface import Answers, ModelFacts, Predictions
from northstar.serving.dataplane.server import EndpointApp
from northstar.serving.dataplane.tracing import MOST_BETWEEN_REPORTS, Tracer
from northstar.serving.domain import AccessSpec, EndpointSpec, ModelSpec
from northstar.telemetry import trace_context
from northstar.telemetry.sampling import Sampler

_REQUESTS, _ROUNDS = 5_000, 15


def added_us(body: bytes) -> dict[str, float | None]:
    """CPU microseconds that tracing adds to a request in the application alone.

    *Unsampled* is a request that the ratio leaves out, *traced* one that a caller traces.
    """
    callers = (b"traceparent", str(trace_context.new(sampled=True)).encode())
    cases = {
        "none": (Sampler(0.0), []),
        "unsampled": (Sampler(1e-18), []),
        "traced": (Sampler(0.0), [callers]),
    }
    turns = {
        key: partial(_application_us, Tracer(sampler, record=True), body, headers)
        for key, (sampler, headers) in cases.items()
    }
    least = {key: min(found) for key, found in in_turns(turns, _ROUNDS).items()}
    return {f"added_us_{key}": least[key] - least["none"] for key in ("unsampled", "traced")}


def _application_us(tracer: Tracer, body: bytes, headers: list[tuple[bytes, bytes]]) -> float:
    app = EndpointApp(_NoCapture(), tracer)
    app.use(_table())
    token = (b"authorization", b"Bearer ")
    scope = {
        "path": "/v2/models/model/infer",
        "method": "POST",
        "headers": [(b"host", b"x"), (b"content-type", b"application/json"), token, *headers],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(_: dict[str, Any]) -> None:
        return

    async def ask() -> float:
        started = time.process_time()
        for number in range(_REQUESTS):
            await app(scope, receive, send)
            if number % MOST_BETWEEN_REPORTS == MOST_BETWEEN_REPORTS - 1:
                tracer.take()
        return (time.process_time() - started) / _REQUESTS * 1e6

    return asyncio.run(ask())


def _table() -> RoutingTable:
    columns = tuple(Column(name=f"x{i}", type="double") for i in range(30))
    model = ModelSpec(
        version=1, digest=f"sha256:{0:064}", flavor="none", task="regression", columns=columns
    )
    key = ECKey.generate_key("P-256", parameters={"kid": "benchmark"}).as_dict(private=False)
    spec = EndpointSpec(
        endpoint="benchmarks/model/prod",
        revision=1,
        models=(model,),
        flag=rollout_flag("model", {"v1": 100.0}),
        access=AccessSpec(issuer="", audience="", jwks={"keys": [key]}),
    )
    loaded = LoadedModel(model, "v1", _Constant(columns), Columns(columns))
    table = RoutingTable(spec, {1: loaded})
    table.check_token = _admit  # type: ignore[assignment]  # checking costs all cases the same
    return table


class _Constant:
    """A model that costs nothing."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.facts = ModelFacts(task="regression", columns=columns, classes=None)

    def predict_rows(self, rows: Rows) -> Answers:
        return [1.0] * len(rows)

    def predict_table(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        return Predictions(np.ones(len(next(iter(columns.values())))))


class _NoCapture:
    def record(self, record: Record, rows: int) -> None:
        """Keep nothing."""


def _admit(_: bytes | None) -> None:
    return
