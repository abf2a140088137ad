"""Where a server's settings come from: its environment, and behind it App Configuration."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from northstar.errors import NorthstarError
from northstar.platform.app_configuration import AppConfiguration, what_changed

log = logging.getLogger(__name__)

PLACE = "NORTHSTAR_APP_CONFIGURATION"
LABEL = "NORTHSTAR_APP_CONFIGURATION_LABEL"
ENVIRONMENT = "environment"
_OURS = "NORTHSTAR_"
_LOOK_SECONDS = 60.0
_REFERENCE = re.compile(r"(env|file|keyvault):\S+")
_SECRET = re.compile(r"(SECRET|KEY|TOKEN|PASSWORD|WEBHOOK|DATABASE_URL|AZURE_MONITOR)$")
_WITH_A_KEY = re.compile(r"(?i)(key|secret|token|password|signature|sig)=|://[^/]*:[^/]*@")


class SettingsSource(Protocol):
    """A place that holds settings; ``name`` says which."""

    name: str

    def read(self) -> dict[str, str]:
        """What it holds now, by variables. Blocks. Raises ``NorthstarError``."""
        ...

    def close(self) -> None:
        """Release what it holds open."""
        ...


class Shown(NamedTuple):
    """A setting as it may be shown to whoever looks over one's shoulder."""

    name: str
    value: str
    origin: str


class FoundSettings(Mapping[str, str]):
    """Variables by name; what the environment doesn't say, the source does.

    It remembers what it was asked for, so it knows which of the source's settings nobody reads.
    """

    def __init__(
        self, environ: Mapping[str, str], source: SettingsSource | None, found: Mapping[str, str]
    ) -> None:
        self._environ = {name: value for name, value in environ.items() if value}
        self._source = source
        self._found = dict(found)
        self._asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self._asked.add(name)
        return self._environ[name] if name in self._environ else self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ.keys() | self._found.keys())

    def __len__(self) -> int:
        return len(self._environ.keys() | self._found.keys())

    def shown(self) -> list[Shown]:
        """Our settings with where each comes from; a secret shows that it is there."""
        names = sorted(name for name in self if name.startswith(_OURS))
        return [Shown(name, self._masked(name), self._origin(name)) for name in names]

    def unread(self) -> list[str]:
        """The source's settings that nobody has asked for: of another version, or misspelt."""
        return sorted(self._found.keys() - self._asked)

    @contextmanager
    def watched(self, every_seconds: float = _LOOK_SECONDS) -> Iterator[None]:
        """Log, in the block, when the source holds other settings than this process runs with."""
        if self._source is None:
            yield
            return
        stop = threading.Event()
        watching = threading.Thread(
            target=self._watch,
            args=(self._source, stop, every_seconds),
            name="settings",
            daemon=True,
        )
        watching.start()
        try:
            yield
        finally:
            stop.set()
            watching.join(every_seconds)

    def _watch(self, source: SettingsSource, stop: threading.Event, every_seconds: float) -> None:
        told: list[str] = []
        answers = True
        while not stop.wait(every_seconds):
            try:
                changed = what_changed(self._found, source.read())
            except NorthstarError as error:
                if answers:
                    log.warning("%s It goes on with what it has.", error.message)
                answers = False
                continue
            answers = True
            if changed and changed != told:
                log.warning(
                    "%s has changed: %s. Restart this process to take that over.",
                    source.name,
                    ", ".join(changed),
                )
            told = changed

    def _origin(self, name: str) -> str:
        if name in self._environ or self._source is None:
            return ENVIRONMENT
        return self._source.name

    def _masked(self, name: str) -> str:
        value = self._environ.get(name) or self._found[name]
        if _REFERENCE.fullmatch(value):
            return value
        return "(set, not shown)" if _SECRET.search(name) or _WITH_A_KEY.search(value) else value


@contextmanager
def find_settings(
    environ: Mapping[str, str] | None = None, source: SettingsSource | None = None
) -> Iterator[FoundSettings]:
    """The settings of this process; in the block, the source can be asked again.

    Args:
        source: where ``NORTHSTAR_APP_CONFIGURATION`` leads without one.

    Raises what reading the source raises: without its settings, a server would run with others
    than it was given, so it does not start.
    """
    env = os.environ if environ is None else environ
    if source is None and (place := env.get(PLACE)):
        source = AppConfiguration(place, env.get(LABEL, ""))
    if source is None:
        yield FoundSettings(env, None, {})
        return
    try:
        yield FoundSettings(env, source, source.read())
    finally:
        source.close()
