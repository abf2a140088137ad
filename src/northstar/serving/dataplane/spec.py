"""Keeping up with the control plane: report, receive the spec, bring its models.

Nothing here is needed for answering: while the control plane is away, the last good spec serves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from pydantic import ValidationError

from northstar.connection import Connection
from northstar.digest import folder_digest
from northstar.errors import Failed, NorthstarError
from northstar.names import EndpointRef
from northstar.serving.dataplane.download import unpack_model
from northstar.serving.dataplane.routing import model_path
from northstar.serving.dataplane.runtimes.load import prepare_model
from northstar.serving.dataplane.state import StateFolder
from northstar.serving.domain import EndpointSpec, EndpointStatus, ModelSpec

log = logging.getLogger(__name__)

_DOWNLOAD_TIMEOUT_SECONDS = 300.0


class ControlPlane(Protocol):
    """What an endpoint needs of the control plane. Both calls block; both raise
    ``NorthstarError`` (``Unavailable`` while it is away), and are safe to repeat.
    """

    def sync(self, status: EndpointStatus) -> EndpointSpec:
        """Report, and receive what to serve."""
        ...

    def fetch_model(self, digest: str, state: StateFolder) -> None:
        """Bring a model folder into the state folder, its digest checked."""
        ...


class HttpControlPlane:
    """The control plane over HTTP."""

    def __init__(self, connection: Connection, endpoint: EndpointRef) -> None:
        self._connection = connection
        self._endpoint = endpoint

    def sync(self, status: EndpointStatus) -> EndpointSpec:
        answer = self._connection.post(
            f"{self._endpoint.path}/endpoint/sync", status.model_dump(mode="json")
        )
        try:
            spec = EndpointSpec.model_validate(answer)
        except ValidationError as error:
            raise Failed(f"The control plane sent a spec that cannot be read: {error}.") from error
        if spec.endpoint != str(self._endpoint):
            raise Failed(f"The control plane sent the spec of {spec.endpoint}.")
        return spec

    def fetch_model(self, digest: str, state: StateFolder) -> None:
        path = f"{self._endpoint.path}/models/{digest}"
        with self._connection.stream(path, _DOWNLOAD_TIMEOUT_SECONDS) as content:
            unpack_model(content, digest, model_path(state.models, digest))


class SpecSync:
    """One level-triggered step of keeping up; safe to be killed at any point.

    Args:
        status: gives the present report.
        announce: called with a revision that is complete on disk and to be loaded.
    """

    def __init__(
        self,
        control: ControlPlane,
        state: StateFolder,
        status: Callable[[], EndpointStatus],
        announce: Callable[[int], None],
    ) -> None:
        self._control = control
        self._state = state
        self._status = status
        self._announce = announce
        self._held = next(iter(state.specs()), None)
        self._confirmed: int | None = None
        self._heard = True
        self.problem = ""

    @property
    def spec(self) -> EndpointSpec | None:
        """The newest spec that is complete on disk."""
        return self._held

    def step(self) -> bool:
        """Report and receive; returns whether the control plane answered."""
        status = self._status()
        if status.revision != self._confirmed and not status.problem:
            self._state.confirm(status.revision)
            self._confirmed = status.revision
        try:
            spec = self._control.sync(status)
        except NorthstarError as error:
            if self._heard:
                log.warning("no news from the control plane; serving on: %s", error.message)
            self._heard = False
            return False
        if not self._heard:
            log.info("the control plane answers again")
        self._heard = True
        if spec == self._held and self._complete(spec):
            return True
        try:
            for model in spec.models:
                self._bring(model)
        except NorthstarError as error:
            self.problem = f"Revision {spec.revision} cannot be prepared: {error.message}"
            log.error("%s", self.problem)  # noqa: TRY400 - the message says it all
            return True
        self.problem = ""
        self._state.write_wanted(spec)
        self._held = spec
        self._announce(spec.revision)
        return True

    def _complete(self, spec: EndpointSpec) -> bool:
        return all(model_path(self._state.models, m.digest).is_dir() for m in spec.models)

    def _bring(self, model: ModelSpec) -> None:
        folder = model_path(self._state.models, model.digest)
        if not (folder.is_dir() and folder_digest(folder) == model.digest):
            self._control.fetch_model(model.digest, self._state)
        prepare_model(folder, model.flavor, model_path(self._state.prepared, model.digest))
