"""Keeps an endpoint's shipper running."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from northstar.backoff import pause_seconds

log = logging.getLogger(__name__)

_STEADY_SECONDS = 30.0
_WORST_RESTART_SECONDS = 60.0
_END_SECONDS = 25.0


class ShippingProcess:
    """The shipper of one endpoint, as a process of its own.

    Its libraries take time and memory that no process which answers should spend.

    Args:
        spool: the local folder that capture writers write to.
        store: where segments go; may have ``{squad}`` in it.
        environment: its variables, with what leads to its credential.
    """

    def __init__(self, spool: Path, store: str, environment: Mapping[str, str]) -> None:
        self._command = [
            sys.executable, "-m", "northstar.serving.dataplane.shipping",
            "--spool", str(spool),
            "--store", store,
        ]  # fmt: skip
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_at = 0.0
        self._failures = 0

    def keep_running(self) -> None:
        """Start it, or start it again if it ended."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._process.communicate()
            self._process = None
            steady = time.monotonic() - self._started > _STEADY_SECONDS
            self._failures = 0 if steady else self._failures + 1
            pause = pause_seconds(self._failures + 1, 0.1, _WORST_RESTART_SECONDS)
            self._start_at = time.monotonic() + pause
            log.error("the shipper ended (exit code %s); starting another", code)
        if time.monotonic() < self._start_at:
            return
        self._started = time.monotonic()
        # A session of its own: what ends the agent's process group must not end it half-way.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )

    def end(self) -> None:
        """Let it ship what is left, for a while; what stays is for the next start."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("the shipper did not end; it is killed")
            self._process.kill()
            self._process.communicate()
        self._process = None
