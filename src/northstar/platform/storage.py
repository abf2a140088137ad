"""What the control plane keeps outside of its databases: where it is, and whether it can be used.

Endpoints that this control plane starts itself leave their captures in a local folder in any case;
where captures belong in a store, a loop of the control plane ships them: the endpoint's processes
run a squad's model and are given no credential for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from northstar.clock import Clock
from northstar.errors import NorthstarError
from northstar.monitoring.captures import Captures
from northstar.names import EndpointRef
from northstar.platform.settings import Settings
from northstar.registry.models import ModelArchives, ModelFolders, ModelStore
from northstar.serving.dataplane.shipping import Shipper
from northstar.serving.domain import CaptureSpec
from northstar.storage.places import (
    SQUAD,
    Places,
    SquadStores,
    check_store,
    local_folder,
    mlflow_destination,
    open_store,
)

log = logging.getLogger(__name__)

_SHIPPED = CaptureSpec(flush_seconds=10.0, disk_mb=1024)
"""For captures that are shipped: every segment is a request that is paid for."""
_BETWEEN_CHECKS_SECONDS = 30.0


class Storage:
    """Models, captures and MLflow's artifacts, each in its place.

    Raises ``StoreWrong`` for an address that cannot work; asks nothing of a store yet.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._places = settings.places
        self._clock = clock
        self._lock = threading.Lock()
        self._checked_at = float("-inf")
        self._usable = True
        self._remote = _remote(settings.places)
        self.models = _models(self._places.models, settings.state / "models")
        self.mlflow_artifacts = _mlflow_artifacts(self._places.mlflow_artifacts)
        self._captures = SquadStores(self._places.captures)
        self._shipped = local_folder(self._places.captures) is None
        self._shipper = Shipper(settings.captures, self._captures) if self._shipped else None

    @property
    def capture_spec(self) -> CaptureSpec:
        """How endpoints keep what they are asked."""
        return _SHIPPED if self._shipped else CaptureSpec()

    def captures(self, known: Callable[[], Iterable[EndpointRef]]) -> Captures:
        """The captures, for the monitor."""
        return Captures(self._captures, known if self._shipped else None)

    def loops(self) -> dict[str, Callable[[], object]]:
        """What is to be done again and again."""
        return {"captures": self._shipper.step} if self._shipper else {}

    def check(self) -> None:
        """Write and read in every store; raises what keeps this process from doing so.

        Folders are not looked at, nor what each squad has for itself: there may be none yet.
        """
        for place in self._remote:
            check_store(open_store(place))

    def is_usable(self) -> bool:
        """Whether ``check`` passed the last time; it is done again in the background, at most
        every half a minute. Never blocks: a store that is away takes its time to be so.
        """
        if self._due():
            threading.Thread(target=self._check_again, name="stores", daemon=True).start()
        return self._usable

    def _due(self) -> bool:
        with self._lock:
            now = self._clock.monotonic()
            if not self._remote or now - self._checked_at < _BETWEEN_CHECKS_SECONDS:
                return False
            self._checked_at = now
            return True

    def _check_again(self) -> None:
        try:
            self.check()
        except (NorthstarError, OSError) as error:
            if self._usable:
                log.error("a store cannot be used: %s", error)  # noqa: TRY400 - the message says it all
            self._usable = False
        else:
            self._usable = True


def _remote(places: Places) -> list[str]:
    """What can be checked: not folders, and nothing that each squad has for itself."""
    named = {places.models, places.captures, places.mlflow_artifacts}
    return sorted(place for place in named if SQUAD not in place and not local_folder(place))


def _models(place: str, scratch: Path) -> ModelStore:
    folder = local_folder(place)
    return ModelFolders(folder) if folder else ModelArchives(open_store(place), scratch)


def _mlflow_artifacts(place: str) -> Path | str:
    return local_folder(place) or mlflow_destination(place)
