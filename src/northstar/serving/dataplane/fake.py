"""A control plane in memory, for tests of everything that speaks with one."""

from __future__ import annotations

from pathlib import Path

from northstar.digest import folder_digest
from northstar.errors import Unavailable
from northstar.registry.archive import tar_stream
from northstar.serving.dataplane.download import unpack_model
from northstar.serving.dataplane.routing import model_path
from northstar.serving.dataplane.state import StateFolder
from northstar.serving.domain import EndpointSpec, EndpointStatus


class FakeControlPlane:
    """Answers with ``spec``, gives the models it was told of, and can be ``away``."""

    def __init__(self, spec: EndpointSpec) -> None:
        self.spec = spec
        self.away = False
        self.statuses: list[EndpointStatus] = []
        self._models: dict[str, Path] = {}

    def add_model(self, folder: Path) -> str:
        """Offer a model folder; returns its digest."""
        digest = folder_digest(folder)
        self._models[digest] = folder
        return digest

    def sync(self, status: EndpointStatus) -> EndpointSpec:
        if self.away:
            raise Unavailable("The control plane is away.")
        self.statuses.append(status)
        return self.spec

    def fetch_model(self, digest: str, state: StateFolder) -> None:
        if self.away:
            raise Unavailable("The control plane is away.")
        unpack_model(tar_stream(self._models[digest]), digest, model_path(state.models, digest))
