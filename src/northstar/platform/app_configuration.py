"""Settings in Azure App Configuration: ``northstar:POLICIES`` is NORTHSTAR_POLICIES, and so on.

Settings without a label are for everybody; those with the label that was asked for win over them.
A reference to Key Vault becomes the secret. Who may write there decides who signs in and where
things are kept: an administrator of the platform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from northstar.access.secret_sources import KeyVault
from northstar.errors import Failed, Invalid, NorthstarError, Unavailable
from northstar.telemetry.azure_identity import azure_credential

_PREFIX = "northstar:"
_NO_LABEL = "\0"
_ROLE = (
    "Give this process's identity the role App Configuration Data Reader on the store, and see "
    "that the store's network lets it in."
)


class AppConfiguration:
    """One store, asked with Azure's own library.

    Args:
        place: ``https://NAME.azconfig.io``, asked as this process's identity; or a connection
            string, for a store that takes keys.
        label: of settings that win over those without one.
        patience_seconds: how long the store may be away at the first read.
        seconds_between: the least time between two looks at what has changed.
        resolve: reads a secret by its address in Key Vault; with this process's identity without.
    """

    def __init__(
        self,
        place: str,
        label: str = "",
        *,
        patience_seconds: int = 20,
        seconds_between: int = 30,
        resolve: Callable[[str], str] | None = None,
    ) -> None:
        pairs = (part.partition("=") for part in place.split(";"))
        keyed = {name.strip().lower(): value for name, _, value in pairs if value}
        self._keyed = "endpoint" in keyed
        self._place = place
        self.name = keyed["endpoint"] if self._keyed else place.rstrip("/")
        if not self.name.startswith("https://") and not self._keyed:
            raise Invalid(
                f"NORTHSTAR_APP_CONFIGURATION is {self.name!r}, which is no store's address.",
                hint="Write https://NAME.azconfig.io.",
            )
        self._label = label
        self._patience_seconds = patience_seconds
        self._seconds_between = seconds_between
        self._resolve = resolve or KeyVault().read
        self._provider: Any = None

    def read(self) -> dict[str, str]:
        """What the store holds, by variables; blocks while it is away.

        Raises ``Unavailable`` or ``Failed`` with the cause, and what reading a secret raises.
        """
        if self._provider is None:
            self._provider = self._load()
        else:
            with self._told():
                self._provider.refresh()
        return {_variable(key): _text(key, value) for key, value in self._provider.items()}

    def close(self) -> None:
        """Release its connections."""
        if self._provider is not None:
            self._provider.close()

    def _load(self) -> Any:
        try:
            from azure.appconfiguration.provider import SettingSelector, load
        except ImportError as error:
            raise Failed(
                "Reading settings from App Configuration needs Azure's libraries.",
                hint="pip install 'northstar-mlops[azure]'",
            ) from error
        labels = [_NO_LABEL, self._label] if self._label else [_NO_LABEL]
        if self._keyed:
            way: dict[str, Any] = {"connection_string": self._place}
        else:
            way = {"endpoint": self.name, "credential": azure_credential()}
        with self._told():
            return load(
                **way,
                selects=[
                    SettingSelector(key_filter=f"{_PREFIX}*", label_filter=label)
                    for label in labels
                ],
                trim_prefixes=[_PREFIX],
                secret_resolver=self._resolve,
                refresh_enabled=True,
                refresh_interval=self._seconds_between,
                startup_timeout=self._patience_seconds,
                # Replicas would be looked for in public DNS; ours has one private address.
                replica_discovery_enabled=False,
                retry_total=1,
                connection_timeout=10,
                read_timeout=20,
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what kept the store from answering, and what to do about it."""
        from azure.core.exceptions import AzureError

        try:
            yield
        except (AzureError, TimeoutError, RuntimeError) as error:
            raise self._unanswered(_cause(error)) from error
        except ValueError as error:  # a reference that is none
            raise Failed(f"The settings in {self.name} can't be used: {error}") from error

    def _unanswered(self, cause: BaseException) -> NorthstarError:
        status = getattr(cause, "status_code", None)
        what = f"The settings in {self.name} could not be read: "
        if status:
            kind = Failed if status in (401, 403) else Unavailable
            return kind(f"{what}HTTP {status}.", hint=_ROLE)
        return Unavailable(f"{what}{type(cause).__name__}, {cause}.", hint=_ROLE)


def _cause(error: BaseException) -> BaseException:
    """The library tells a time-out of its own, with what it had tried beside it."""
    tried = error.args[1] if isinstance(error, TimeoutError) and len(error.args) > 1 else ()
    return tried[-1] if tried else error


def _variable(key: str) -> str:
    return f"NORTHSTAR_{key}"


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(
            f"{_PREFIX}{key} in App Configuration is {type(value).__name__}, not text.",
            hint="Take its content type away.",
        )
    return value


def what_changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names of settings that are not what they were; never what they are."""
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))
