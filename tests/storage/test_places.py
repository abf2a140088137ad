from __future__ import annotations

import sys
import uuid
from pathlib import Path

import pytest

from northstar.storage.errors import (
    StoreMissing,
    StoreRefused,
    StoreUnavailable,
    StoreWrong,
)
from northstar.storage.places import (
    Places,
    check_store,
    local_folder,
    mlflow_destination,
    open_store,
)
from tests.azurite.emulator import ACCOUNT, Azurite

REAL = "abfs://northstar@stplatform.dfs.core.windows.net/dev"
KEY = "AccountName=stplatform;AccountKey=c2VjcmV0"


def test_without_settings_everything_is_in_the_state_folder(tmp_path: Path) -> None:
    places = Places.from_environment({}, tmp_path)
    assert local_folder(places.models) == tmp_path / "models"
    assert local_folder(places.captures) == tmp_path / "captures"
    assert local_folder(places.mlflow_artifacts) == tmp_path / "mlflow-artifacts"


def test_one_setting_places_all_three_and_each_can_be_placed_by_itself(tmp_path: Path) -> None:
    captures = "abfs://{squad}@stcaptures.dfs.core.windows.net"
    environ = {"NORTHSTAR_STORE": f"{REAL}/", "NORTHSTAR_CAPTURES": captures}
    places = Places.from_environment(environ, tmp_path)
    assert places == Places(f"{REAL}/models", captures, f"{REAL}/mlflow-artifacts")
    assert local_folder(places.models) is None


def test_only_captures_have_a_place_for_each_squad(tmp_path: Path) -> None:
    with pytest.raises(StoreWrong, match="only captures"):
        Places.from_environment({"NORTHSTAR_STORE": "abfs://{squad}@st.dfs.core"}, tmp_path)


def test_a_folder_needs_no_fsspec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    for place in (str(tmp_path / "a"), f"file://{tmp_path}/b"):
        store = open_store(place)
        store.put("x", b"1")
        assert list(store.read("x")) == [b"1"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("ftb://somewhere/else", "not a kind of store"),
        ("abfs://northstar/no-account", "not the address of a container"),
        ("abfs://stplatform.dfs.core.windows.net/x", "not the address of a container"),
        ("gs://bucket/x", "need gcsfs, which is not installed"),
    ],
)
def test_an_address_that_cannot_work_is_refused_with_the_cause(place: str, said: str) -> None:
    with pytest.raises(StoreWrong, match=said) as told:
        open_store(place, {})
    assert told.value.hint


def test_without_azures_libraries_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("northstar.storage.places.find_spec", lambda _name: None)
    with pytest.raises(StoreWrong, match="not installed") as told:
        open_store(REAL, {})
    assert "northstar-mlops[azure]" in told.value.hint


@pytest.mark.parametrize(
    "environ",
    [
        {"AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0"},
        {"AZURE_STORAGE_SAS_TOKEN": "?sv=1"},
        {
            "AZURE_STORAGE_CONNECTION_STRING": f"{KEY};"
            "BlobEndpoint=https://stplatform.blob.core.windows.net/"
        },
    ],
)
def test_keys_of_real_accounts_are_refused_and_not_told(environ: dict[str, str]) -> None:
    with pytest.raises(StoreWrong, match="azurite alone") as told:
        open_store(REAL, environ)
    assert "c2VjcmV0" not in str(told.value)


def test_a_connection_string_must_say_where() -> None:
    with pytest.raises(StoreWrong, match="names no BlobEndpoint"):
        open_store(REAL, {"AZURE_STORAGE_CONNECTION_STRING": f"{KEY};EndpointSuffix=core"})


def test_a_container_that_is_missing_is_said(azurite: Azurite) -> None:
    place = f"abfs://nothing-here@{ACCOUNT}.dfs.core.windows.net/x"
    with pytest.raises(StoreMissing, match="no container nothing-here"):
        check_store(open_store(place, azurite.environment))


def test_who_has_no_right_learns_which_role_on_what(azurite: Azurite) -> None:
    place = azurite.make_container(f"c{uuid.uuid4().hex[:12]}")
    wrong = azurite.environment["AZURE_STORAGE_CONNECTION_STRING"].replace("Eby8", "AAAA")
    environ = {"AZURE_STORAGE_CONNECTION_STRING": wrong, "AZURE_CLIENT_ID": "6f1c"}
    with pytest.raises(StoreRefused) as told:
        check_store(open_store(place, environ))
    container = place.removeprefix("abfs://").partition("@")[0]
    assert "Storage Blob Data Contributor" in told.value.hint
    assert f"container {container} of the account {ACCOUNT}" in told.value.hint
    assert "client id 6f1c" in told.value.hint


def test_a_store_that_does_not_answer_is_unavailable(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("northstar.storage.remote._PATIENCE_SECONDS", 1.0)
    nobody = azurite.environment["AZURE_STORAGE_CONNECTION_STRING"].replace(
        f":{azurite.port}/", ":1/"
    )
    store = open_store(
        f"abfs://any@{ACCOUNT}.dfs.core.windows.net", {"AZURE_STORAGE_CONNECTION_STRING": nobody}
    )
    with pytest.raises(StoreUnavailable):
        store.put("x", b"1")


@pytest.mark.parametrize(
    ("place", "destination"),
    [
        (REAL, "wasbs://northstar@stplatform.blob.core.windows.net/dev"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("/srv/artifacts", "/srv/artifacts"),
    ],
)
def test_mlflow_is_told_the_same_place_in_its_own_words(place: str, destination: str) -> None:
    assert mlflow_destination(place, {}) == destination


def test_mlflow_is_not_led_to_an_account_that_it_cannot_find() -> None:
    with pytest.raises(StoreWrong, match="AZURE_STORAGE_BLOB_ENDPOINT"):
        mlflow_destination(REAL, {"AZURE_STORAGE_BLOB_ENDPOINT": "https://127.0.0.1:1/x"})


def test_a_place_that_mlflow_does_not_know_is_refused() -> None:
    with pytest.raises(StoreWrong, match="MLflow keeps no artifacts"):
        mlflow_destination("memory://x", {})
