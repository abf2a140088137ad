"""Connections to PostgreSQL sign in with a fresh token of the managed identity, over real TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from northstar.database import Database
from northstar.errors import Invalid, Unavailable
from northstar.platform.database_identity import check_database, signing_in_to_databases
from northstar.platform.schema import migrate
from tests.azure.identity import ManagedIdentity
from tests.azure.postgres import RESOURCE, ROLE, EntraPostgres, entra_postgres
from tests.telemetry.receivers import certify

SHORTER_THAN_WHAT_IS_RENEWED_SECONDS = 60
GOOD = "postgresql+psycopg://id-northstar@db.example/northstar?sslmode=verify-full"


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagedIdentity]:
    with ManagedIdentity() as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        yield identity


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certify(tmp_path_factory.mktemp("tls") / "postgres.pem")


@pytest.fixture
def postgres(
    postgres_server: str, certificate: Path, identity: ManagedIdentity
) -> Iterator[EntraPostgres]:
    with entra_postgres(postgres_server, ("northstar", "mlflow"), certificate) as postgres:
        identity.on_token = postgres.hand_out
        yield postgres


def asked(identity: ManagedIdentity) -> int:
    return sum(request.query["resource"] == RESOURCE for request in identity.asked)


def connect(url: str) -> None:
    """As MLflow does it: an engine of its own, of which nobody is told."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    finally:
        engine.dispose()


def test_tables_are_made_with_the_rights_that_the_database_module_names(
    postgres: EntraPostgres,
) -> None:
    postgres.let_in_as_documented()
    url = postgres.url("northstar")
    with signing_in_to_databases([url]):
        database = Database(url)
        migrate(database)
        with database.read() as connection:
            assert connection.execute(text("SELECT current_user")).scalar_one() == ROLE
        database.close()


def test_a_token_is_asked_for_once_and_used_until_it_nearly_ends(
    postgres: EntraPostgres, identity: ManagedIdentity
) -> None:
    urls = [postgres.url("northstar"), postgres.url("mlflow")]
    with signing_in_to_databases(urls):
        for url in [*urls, *urls]:
            connect(url)
    assert asked(identity) == 1


def test_new_connections_have_the_newest_token_and_the_old_one_opens_nothing(
    postgres: EntraPostgres, identity: ManagedIdentity
) -> None:
    identity.seconds = SHORTER_THAN_WHAT_IS_RENEWED_SECONDS
    url = postgres.url("northstar")
    with signing_in_to_databases([url]):
        connect(url)
        first = identity.tokens[RESOURCE]
        connect(url)
    assert identity.tokens[RESOURCE] != first
    for token, works in ((first, False), (identity.tokens[RESOURCE], True)):
        given = url.replace(f"{ROLE}@", f"{ROLE}:{quote(token, safe='')}@")
        if works:
            connect(given)
        else:
            with pytest.raises(OperationalError, match="password authentication failed"):
                connect(given)


def test_other_databases_are_not_sent_a_token(
    postgres: EntraPostgres, identity: ManagedIdentity
) -> None:
    ours, another = postgres.url("northstar"), postgres.url("mlflow")
    refused = pytest.raises(OperationalError, match="no password supplied")
    with signing_in_to_databases([ours]), refused:
        connect(another)
    with refused:  # outside of the block, neither
        connect(ours)
    assert asked(identity) == 0


def test_a_server_that_cannot_prove_itself_is_not_sent_a_token(
    postgres: EntraPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    others = certify(tmp_path / "other.pem")
    for url in (
        postgres.url("northstar", sslrootcert=str(others)),
        postgres.url("northstar", sslrootcert="system"),
    ):
        with signing_in_to_databases([url]), pytest.raises(OperationalError, match="certificate"):
            connect(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with signing_in_to_databases([url]):
        connect(url)  # the image names the system's certificates in this variable


def test_without_an_identity_the_cause_is_said(
    postgres: EntraPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "another")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    url = postgres.url("northstar")
    with signing_in_to_databases([url]), pytest.raises(Unavailable, match="no token") as refused:
        connect(url)
    assert "AZURE_CLIENT_ID" in refused.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "sqlite:///northstar.db",
        GOOD.replace("@", ":password@"),
        GOOD.replace("id-northstar@", ""),
        GOOD.replace("verify-full", "require"),
        GOOD.partition("?")[0],
    ],
)
def test_a_database_that_is_no_safe_place_for_a_token_is_refused(url: str) -> None:
    check_database("NORTHSTAR_DATABASE_URL", GOOD)
    with pytest.raises(Invalid, match="NORTHSTAR_DATABASE_URL"):
        check_database("NORTHSTAR_DATABASE_URL", url)
