"""Settings from Azure App Configuration, by the real library against its protocol on loopback."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from northstar.errors import Failed, Invalid, Unavailable
from northstar.platform.app_configuration import AppConfiguration
from northstar.platform.settings import Settings
from northstar.platform.settings_sources import find_settings
from tests.azure.app_configuration import REFERENCE, RESOURCE, Setting, Store
from tests.azure.identity import ManagedIdentity
from tests.azure.vault import Vault
from tests.embedded import wait_until
from tests.telemetry.receivers import certify

TOGETHER = {
    "NORTHSTAR_STATE": "/srv/northstar",
    "NORTHSTAR_PUBLIC_URL": "https://northstar.example",
    "NORTHSTAR_DATABASE_URL": "sqlite:///a",
    "NORTHSTAR_MLFLOW_DATABASE_URL": "sqlite:///b",
}


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as store:
        store.settings = [
            Setting("northstar:TRUSTED_PROXIES", "10.0.0.0/8"),
            Setting("northstar:PUBLIC_URL", "https://not.this.one"),
            Setting("northstar:MODELS", "/models"),
            Setting("northstar:TRUSTED_PROXIES", "10.60.1.0/24", "dev"),
            Setting("northstar:MODELS", "/not/these", "prod"),
            Setting("somebody:ELSE", "northstar:"),
        ]
        yield store
        assert store.wrong == []


class Empty:
    """A source that holds nothing."""

    name = "nowhere"

    def read(self) -> dict[str, str]:
        return {}

    def close(self) -> None:
        """Nothing is open."""


def eager(store: Store, label: str = "") -> AppConfiguration:
    """Gives up at once, and looks again each second."""
    return AppConfiguration(store.connection_string, label, patience_seconds=0, seconds_between=1)


def test_the_environment_wins_over_the_label_and_the_label_over_none(store: Store) -> None:
    environ = {**TOGETHER, "PATH": "/bin", "NORTHSTAR_MLFLOW_ARTIFACTS": ""}
    with find_settings(environ, eager(store, "dev")) as found:
        settings = Settings.from_environment(found)
        assert settings.url == "https://northstar.example"
        assert settings.trusted_proxies == ("10.60.1.0/24",)
        assert settings.places.models == "/models"
        assert found.unread() == []
        origins = {shown.name: shown.origin for shown in found.shown()}
    assert origins == {
        **dict.fromkeys(TOGETHER, "environment"),
        **dict.fromkeys(("NORTHSTAR_TRUSTED_PROXIES", "NORTHSTAR_MODELS"), store.url),
    }


def test_every_page_of_both_labels_is_asked_for(store: Store) -> None:
    store.settings += [Setting(f"northstar:JOB_VARIABLES_{n}", str(n)) for n in range(7)]
    source = eager(store, "dev")
    assert len(source.read()) == 10
    source.close()
    asked = [(request.query["label"], request.query.get("after")) for request in store.asked]
    assert asked == [("\0", after) for after in (None, "2", "4", "6", "8")] + [("dev", None)]
    assert {request.query["key"] for request in store.asked} == {"northstar:*"}


def test_the_identity_brings_a_token_and_the_vault_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify(tmp_path / "azure.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with (
        ManagedIdentity() as identity,
        Vault(certificate, identity) as vault,
        Store(certificate, f"token-1-for-{RESOURCE}") as store,
    ):
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        vault.secrets["northstar-database"] = "sqlite:///secret"
        reference = json.dumps({"uri": f"{vault.address}secrets/northstar-database"})
        store.settings = [Setting("northstar:DATABASE_URL", reference, None, REFERENCE)]
        environ = {"NORTHSTAR_APP_CONFIGURATION": store.url}
        with find_settings(environ) as found:
            assert found["NORTHSTAR_DATABASE_URL"] == "sqlite:///secret"
            (place, database) = found.shown()
        assert (place.value, database.value) == (store.url, "(set, not shown)")
        assert store.wrong == []


def test_what_has_changed_is_told_once_and_unchanged_pages_are_not_sent_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> list[str]:
        return [one.message for one in caplog.records if one.name.startswith("northstar")]

    caplog.set_level(logging.WARNING, logger="northstar")
    with find_settings(TOGETHER, eager(store)) as found, found.watched(0.05):
        wait_until(lambda: store.unchanged >= 2, "two looks at what has not changed")
        assert told() == []
        store.settings[2] = Setting("northstar:MODELS", "/other/models")
        wait_until(told, "a word about the change")
        store.status = 500
        wait_until(lambda: "goes on" in caplog.text, "a word about the store's absence")
    changed, away = told()
    assert (
        changed
        == f"{store.url} has changed: NORTHSTAR_MODELS. Restart this process to take that over."
    )
    assert "It goes on with what it has" in away
    assert found["NORTHSTAR_MODELS"] == "/models"


@pytest.mark.parametrize(("status", "kind"), [(403, Failed), (503, Unavailable)])
def test_a_store_that_does_not_answer_keeps_a_server_from_starting(
    store: Store, status: int, kind: type[Exception]
) -> None:
    store.status = status
    with pytest.raises(kind, match=store.url) as refused, find_settings({}, eager(store)):
        pass
    assert "App Configuration Data Reader" in str(refused.value)


def test_settings_that_nobody_reads_are_named(store: Store) -> None:
    store.settings.append(Setting("northstar:TRUSTED_PROXY", "misspelt"))
    with find_settings(TOGETHER, eager(store)) as found:
        Settings.from_environment(found)
        assert found.unread() == ["NORTHSTAR_TRUSTED_PROXY"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("NORTHSTAR_PUBLIC_URL", "https://northstar.example", "https://northstar.example"),
        ("NORTHSTAR_ENCRYPTION_KEY", "planted", "(set, not shown)"),
        ("NORTHSTAR_DATABASE_URL", "keyvault:https://v/secrets/x", "keyvault:https://v/secrets/x"),
        ("NORTHSTAR_APP_CONFIGURATION", "Endpoint=x;Secret=planted", "(set, not shown)"),
        ("NORTHSTAR_STORE", "https://user:planted@host/x", "(set, not shown)"),
        ("NORTHSTAR_SIGN_IN_CLIENT_SECRET", "planted", "(set, not shown)"),
    ],
)
def test_a_secret_is_not_shown(name: str, value: str, shown: str) -> None:
    with find_settings({name: value}, Empty()) as found:
        (one,) = found.shown()
    assert (one.value, one.origin) == (shown, "environment")


@pytest.mark.parametrize("place", ["http://store.azconfig.io", "store", "InstrumentationKey=x"])
def test_what_is_no_store_is_refused(place: str) -> None:
    with pytest.raises(Invalid, match="no store's address"):
        AppConfiguration(place)
