"""A worker: the process that answers requests.

Its agent gives it a listening socket and a control channel (lines of JSON both ways). Over the
channel come revisions to load and go reports; when the agent's end closes, however the agent died,
the worker drains and ends, so that the port is free for the next one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
from pathlib import Path
from typing import Any

import orjson
import uvicorn
import uvloop

from northstar.digest import folder_digest
from northstar.errors import NorthstarError
from northstar.serving.dataplane.capture import Capture
from northstar.serving.dataplane.routing import RoutingTable, load_table, model_path
from northstar.serving.dataplane.runtimes.interface import Runtime
from northstar.serving.dataplane.runtimes.load import load_runtime
from northstar.serving.dataplane.server import EndpointApp
from northstar.serving.dataplane.state import StateFolder
from northstar.serving.dataplane.tracing import Tracer
from northstar.serving.domain import EndpointSpec, ModelSpec
from northstar.serving.errors import ModelBroken
from northstar.telemetry.sampling import Sampler

log = logging.getLogger(__name__)

REPORT_SECONDS = 0.5
_DRAIN_SECONDS = 15
_BACKLOG = 2048
_GC_THRESHOLD = 20_000
_MOST_UNHEARD_BYTES = 1 << 20


class Worker:
    """Wires one worker: application, capture, control channel, HTTP server."""

    def __init__(
        self, state: StateFolder, captures: Path, control: socket.socket, tracer: Tracer
    ) -> None:
        self._state = state
        self._control = control
        self._capture = Capture(captures)
        self._tracer = tracer
        self._app = EndpointApp(self._capture, tracer)
        self._problem = ""
        self._spec: EndpointSpec | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                http="httptools",
                loop="uvloop",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )

    async def run(self, listening: socket.socket) -> None:
        """Serve until the agent's end of the channel closes or a signal comes."""
        self._capture.start()
        for spec in self._state.specs():
            if await self._load(spec):
                break
        reader, writer = await asyncio.open_connection(sock=self._control)
        tasks = [
            asyncio.create_task(self._obey(reader, writer)),
            asyncio.create_task(self._report_regularly(writer)),
        ]
        await self._server.serve(sockets=[listening])
        for task in tasks:
            task.cancel()
        await self._capture.stop()
        self._report(writer)
        writer.close()

    def stop(self) -> None:
        """Accept no more, answer what was accepted, flush, and return from ``run``."""
        self._server.should_exit = True

    async def _load(self, spec: EndpointSpec) -> bool:
        """Load off the event loop, then switch between two requests."""
        if spec == self._spec:
            return True
        try:
            table = await asyncio.to_thread(self._load_table, spec)
        except NorthstarError as error:
            log.exception("revision %d cannot be served", spec.revision)
            self._problem = f"Revision {spec.revision} cannot be served: {error.message}"
            return False
        self._capture.describe(spec)
        self._app.use(table)
        self._spec = spec
        self._problem = ""
        # What was loaded stays: the garbage collector need not look at it again. Requests make
        # no cycles, but the captured ones that wait are many: look for cycles rarely.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, 20, 20)
        log.info("serving revision %d: versions %s", spec.revision, sorted(table.models))
        return True

    def _load_table(self, spec: EndpointSpec) -> RoutingTable:
        return load_table(spec, self._load_model, self._app.table)

    def _load_model(self, model: ModelSpec) -> Runtime:
        folder = model_path(self._state.models, model.digest)
        if not folder.is_dir() or folder_digest(folder) != model.digest:
            raise ModelBroken(f"Version {model.version} is not whole on disk.")
        return load_runtime(
            folder,
            flavor=model.flavor,
            task=model.task,
            classes=model.classes,
            cache=model_path(self._state.prepared, model.digest),
        )

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            revision = orjson.loads(line)["load"]
            newest = self._state.specs()[:1]
            if newest and newest[0].revision == revision:
                await self._load(newest[0])
            self._report(writer)
        self.stop()

    async def _report_regularly(self, writer: asyncio.StreamWriter) -> None:
        while True:
            self._report(writer)
            await asyncio.sleep(REPORT_SECONDS)

    def _report(self, writer: asyncio.StreamWriter) -> None:
        if writer.transport.get_write_buffer_size() > _MOST_UNHEARD_BYTES:
            return  # the agent is busy; what is told is cumulative, but for traces: those are lost
        table = self._app.table
        report: dict[str, Any] = {
            "pid": os.getpid(),
            "revision": table.revision if table else 0,
            "counters": [counter.model_dump() for counter in self._app.counters()],
            "rejected": self._app.rejected,
            "captured": self._capture.captured,
            "dropped": self._capture.dropped,
            "versions": sorted(table.models) if table else [],
            "problem": self._problem,
            "traced": self._tracer.take(),
            "spans_lost": self._tracer.dropped,
        }
        writer.write(orjson.dumps(report) + b"\n")


def main() -> None:
    """Entry point of the process; started by the agent only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--captures", type=Path, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--sample-ratio", type=float, required=True)
    parser.add_argument("--follow-callers", action="store_true")
    parser.add_argument("--tell-traces", action="store_true")
    given = parser.parse_args()
    logging.basicConfig(
        format=f"%(asctime)s %(levelname)s worker {os.getpid()}: %(message)s", level=logging.INFO
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # uvicorn drains on SIGTERM and then raises it again: the captures still have to be flushed.
    worker = Worker(
        StateFolder(given.state),
        given.captures,
        socket.socket(fileno=given.control_fd),
        Tracer(Sampler(given.sample_ratio, given.follow_callers), record=given.tell_traces),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    listening = socket.socket(fileno=given.listen_fd)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(worker.run(listening))


if __name__ == "__main__":
    main()
