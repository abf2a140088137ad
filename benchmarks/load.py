"""A load generator for loopback: keep-alive connections that ask, wait and ask again.

Runs as a process of its own, so that its work is not counted as the server's. Reads orders from
standard input and writes what happened to standard output, one JSON object a line each.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import uvloop

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass(frozen=True)
class Order:
    """What to send, where, how many at a time and for how long; bodies are sent in rotation."""

    port: int
    path: str
    bodies: list[str]
    concurrency: int
    seconds: float
    token: str = ""


@dataclass(frozen=True)
class Outcome:
    """What happened; latencies are wall times of answered requests in milliseconds."""

    answered: int
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float


class LoadGenerator:
    """The process that carries out orders, one after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> LoadGenerator:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)

    def carry_out(self, order: Order) -> Outcome:
        """Load a server as ordered; returns when all connections are closed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))


class _Asker(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: list[bytes], offset: int, stop_at: float) -> None:
        self._requests = requests
        self._next = offset
        self._stop_at = stop_at
        self._received = b""
        self._asked_at = 0.0
        self.latencies: list[float] = []
        self.failed = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head = received.find(_HEAD_END)
        if head < 0:
            self._received = received
            return
        place = received.lower().find(_LENGTH, 0, head)
        length = int(received[place + len(_LENGTH) : received.find(b"\r", place)])
        if len(received) < head + 4 + length:
            self._received = received
            return
        self._received = b""
        now = time.perf_counter()
        if received.startswith(b"HTTP/1.1 200"):
            self.latencies.append(now - self._asked_at)
        else:
            self.failed += 1
        if now < self._stop_at:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1


async def _load(order: Order) -> Outcome:
    requests = [_request(order, body.encode()) for body in order.bodies]
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    stop_at = start + order.seconds
    askers = []
    for i in range(order.concurrency):
        asker = _Asker(requests, i * len(requests) // order.concurrency, stop_at)
        await loop.create_connection(partial(_same, asker), "127.0.0.1", order.port)
        askers.append(asker)
    await asyncio.gather(*(asker.done for asker in askers))
    latencies = np.concatenate([asker.latencies for asker in askers]) * 1000
    p50, p99 = np.percentile(latencies, [50, 99]) if len(latencies) else (0.0, 0.0)
    return Outcome(
        answered=len(latencies),
        failed=sum(asker.failed for asker in askers),
        seconds=time.perf_counter() - start,
        p50_ms=float(p50),
        p99_ms=float(p99),
    )


def _same(asker: _Asker) -> _Asker:
    return asker


def _request(order: Order, body: bytes) -> bytes:
    head = (
        f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    if order.token:
        head += f"Authorization: Bearer {order.token}\r\n"
    return head.encode() + b"\r\n" + body


if __name__ == "__main__":
    for line in sys.stdin:
        outcome = uvloop.run(_load(Order(**json.loads(line))))
        print(json.dumps(asdict(outcome)), flush=True)
