"""A control plane starts as its Terraform module starts it, with everything around it on loopback:
managed identity, Key Vault, App Configuration, Application Insights, and a real PostgreSQL. One
server answers, another one runs jobs.

Blob stands aside: tests/storage holds it to the emulator. Here its places are folders.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from northstar.access.client import AccessClient
from northstar.connection import Connection, Credentials
from northstar.names import ProjectRef
from northstar.pipeline.jobs.client import JobClient
from northstar.pipeline.jobs.domain import JobRequest
from tests.azure.app_configuration import RESOURCE, Setting, Store
from tests.azure.identity import CLIENT_ID, ManagedIdentity
from tests.azure.modules import MODULES, command_of, environment_of
from tests.azure.postgres import ROLE, EntraPostgres, entra_postgres
from tests.azure.vault import Vault
from tests.embedded import wait_until
from tests.isolation.machine import Machine
from tests.projects import write_returns_project
from tests.telemetry.receivers import Ingestion, certify

MODULE = environment_of("control-plane")
MONITOR = "https://monitor.azure.com/"
PROJECT = ProjectRef("fashion", "returns")
TRAIN = """
    import os

    from sklearn.linear_model import LogisticRegression

    def fit(table, parameters):
        print("trained as", os.getuid(), os.getcwd(), flush=True)
        return LogisticRegression().fit(table[["price", "size"]], table["returned"])
"""


@dataclass
class Azure:
    """What is around the container, and the variables that lead there."""

    folder: Path
    environment: dict[str, str]
    store: Store
    ingestion: Ingestion
    identity: ManagedIdentity
    postgres_server: str


def filled_in(variable: str, /, **values: str) -> str:
    """The module's expression, with what Terraform would know of in the place of references."""
    text = MODULE[variable].strip('"')
    for reference, value in values.items():
        text = re.sub(rf"\$\{{[\w.]*\b{reference}\}}", value, text)
    assert "${" not in text, f"{variable} refers to something else: {text}"
    return text


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Other users can pass through it, as through a container's folders."""
    folder = Path(tempfile.mkdtemp(prefix="northstar-"))
    folder.chmod(0o711)
    (folder / "work").mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def azure(postgres_server: str, folder: Path) -> Iterator[Azure]:
    certificate = certify(folder / "azure.pem")
    with ExitStack() as around:
        identity = around.enter_context(ManagedIdentity())
        identity.again = True  # the server's and bootstrap's processes each ask
        databases = ("northstar", "mlflow")
        postgres = around.enter_context(entra_postgres(postgres_server, databases, certificate))
        postgres.let_in_as_documented()
        identity.on_token = postgres.hand_out
        vault = around.enter_context(Vault(certificate, identity))
        vault.secrets["northstar-encryption-key"] = b64encode(os.urandom(32)).decode()
        store = around.enter_context(Store(certificate, f"token-1-for-{RESOURCE}"))
        store.settings = [
            Setting("northstar:TRUSTED_PROXIES", "10.9.9.0/24", "dev"),
            Setting("northstar:SIGN_IN_CLAIM", "oid"),
        ]
        ingestion = around.enter_context(Ingestion(certificate=certificate))
        own = {
            "AZURE_CLIENT_ID": CLIENT_ID,
            "NORTHSTAR_STATE": str(folder / "state"),
            "NORTHSTAR_WORK": str(folder / "work"),
            "NORTHSTAR_ELSEWHERE": elsewhere("server"),
            "NORTHSTAR_STORE": str(folder / "store"),
            "NORTHSTAR_CAPTURES": str(folder / "captures"),
            "NORTHSTAR_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
            "NORTHSTAR_DATABASE_URL": database(postgres, "NORTHSTAR_DATABASE_URL", certificate),
            "NORTHSTAR_MLFLOW_DATABASE_URL": database(
                postgres, "NORTHSTAR_MLFLOW_DATABASE_URL", certificate
            ),
            "NORTHSTAR_TRUSTED_PROXIES": "10.60.1.0/24",
            "NORTHSTAR_ENCRYPTION_KEY": filled_in(
                "NORTHSTAR_ENCRYPTION_KEY", key_vault_uri=vault.address
            ),
            "NORTHSTAR_APP_CONFIGURATION": store.url,
            "NORTHSTAR_APP_CONFIGURATION_LABEL": "dev",
            "NORTHSTAR_AZURE_MONITOR": ingestion.connection_string,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": ingestion.connection_string,
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": filled_in(
                "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", client_id=CLIENT_ID
            ),
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=dev",
        }
        literal = {n: v.strip('"') for n, v in MODULE.items() if re.fullmatch(r'"[^${}]*"', v)}
        environment = {**literal, **own}
        assert environment.keys() == MODULE.keys()
        environment |= identity.environment | {"REQUESTS_CA_BUNDLE": str(certificate)}
        yield Azure(folder, environment, store, ingestion, identity, postgres_server)


def elsewhere(app: str) -> str:
    """What one of the module's two container apps leaves to others."""
    text = (MODULES / "control-plane" / "main.tf").read_text()
    (found,) = re.findall(rf'^    {app} = {{.*?elsewhere += "([^"]*)"', text, re.M | re.DOTALL)
    return str(found)


def database(postgres: EntraPostgres, name: str, certificate: Path) -> str:
    """The module's URL, at the port and with the authority of this machine."""
    url = filled_in(name, name=ROLE, database_host="127.0.0.1")
    assert "sslmode=verify-full&sslrootcert=" in url
    return re.sub(r"sslrootcert=.*", f"sslrootcert={certificate}", url).replace(
        ":5432/", f":{postgres.port}/"
    )


def command(azure: Azure, *words: str, **settings: str) -> dict[str, Any]:
    kept = {n: v for n, v in os.environ.items() if n in ("PATH", "LANG")}
    return {
        "args": [sys.executable, "-m", *words],
        "env": {**kept, "OMP_NUM_THREADS": "1", **azure.environment, **settings},
    }


@contextmanager
def started(
    azure: Azure, name: str, port: int, prefix: Sequence[str] = (), **settings: str
) -> Iterator[Path]:
    """A ready server; gives its log."""
    log = azure.folder / f"{name}.log"
    started = command(azure, *command_of("control-plane"), str(port), **settings)
    started["args"] = [*prefix, *started["args"]]
    with log.open("wb") as output:
        process = subprocess.Popen(**started, stdout=output, stderr=output)

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        return bool(health(port).get("ready"))

    try:
        wait_until(ready, f"the server for {name}", log.read_text)
        yield log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def health(port: int) -> dict[str, Any]:
    try:
        return dict(httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).json())
    except httpx2.HTTPError:  # not there yet
        return {}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def port_of(azure: Azure) -> int:
    return int(azure.environment["NORTHSTAR_PUBLIC_URL"].rpartition(":")[2])


@pytest.fixture(scope="module")
def server(azure: Azure) -> Iterator[Path]:
    """The one that answers; gives its log."""
    with started(azure, "requests", port_of(azure)) as log:
        yield log


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def administrator(azure: Azure, server: Path) -> Credentials:
    assert server
    done = subprocess.run(
        **command(azure, "northstar", "bootstrap", "--json"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    known = json.loads(done.stdout)
    return Credentials(known["url"], "", known["client_id"], known["client_secret"])


@pytest.fixture(scope="module")
def connection(administrator: Credentials) -> Iterator[Connection]:
    connection = Connection(administrator)
    yield connection
    connection.close()


def test_the_administrator_signs_in_and_the_audit_arrives_with_a_token(
    azure: Azure, server: Path, connection: Connection
) -> None:
    assert AccessClient(connection).whoami().principal.id == "user:admin"

    def recorded() -> list[Any]:
        return [e for e in azure.ingestion.envelopes("EventData") if is_audit(e.data)]

    wait_until(recorded, "an entry of the audit", server.read_text)
    tokens = {received.headers.get("authorization") for received in azure.ingestion.received}
    assert tokens == {f"Bearer {azure.identity.tokens[MONITOR]}"}
    assert azure.store.wrong == []


def is_audit(data: dict[str, Any]) -> bool:
    return bool(data["name"] == "northstar.audit")


def test_both_databases_were_made_by_the_identity(azure: Azure, server: Path) -> None:
    for name, table in (("northstar", "access_principals"), ("mlflow", "experiments")):
        home = azure.postgres_server.replace("/postgres?", f"/{name}?")
        with psycopg.connect(home) as connection:
            query = "SELECT tableowner FROM pg_tables WHERE tablename = %s"
            assert connection.execute(query, (table,)).fetchone() == (ROLE,)


def test_the_settings_say_where_they_are_from(azure: Azure) -> None:
    done = subprocess.run(
        **command(azure, "northstar", "server", "--show-settings"), capture_output=True, text=True
    )
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert rows["NORTHSTAR_SIGN_IN_CLAIM"].endswith(azure.store.url)
    assert "10.60.1.0/24" in rows["NORTHSTAR_TRUSTED_PROXIES"]
    assert rows["NORTHSTAR_TRUSTED_PROXIES"].endswith("environment")
    assert "keyvault:" in rows["NORTHSTAR_ENCRYPTION_KEY"]
    assert ROLE not in done.stdout


def test_nothing_secret_is_in_the_log(azure: Azure, server: Path) -> None:
    log = server.read_text()
    assert "INFO" in log
    assert not [token for token in azure.identity.tokens.values() if token in log]


def test_a_job_runs_beside_what_answers_as_a_user_of_its_own(
    azure: Azure, administrator: Credentials, connection: Connection, machine: Machine
) -> None:
    port = free_port()
    settings = {"NORTHSTAR_ELSEWHERE": elsewhere("jobs")}
    with started(azure, "jobs", port, machine.prefix, **settings) as log:
        said = (health(port_of(azure))["jobs"], health(port)["jobs"])
        assert said == ("elsewhere", "isolated"), log.read_text()
        train_by_hand(administrator, azure.folder / "returns")  # where all users can read it
        jobs = JobClient(connection)  # asks the one that answers
        asked = jobs.create(PROJECT, JobRequest(version=1))
        wait_until(lambda: jobs.get(PROJECT, asked.id)[0].ended_at, "the job", log.read_text)
        ended, told = jobs.get(PROJECT, asked.id)
    assert (ended.state, ended.new_version) == ("succeeded", 2), told
    (user,) = re.findall(r"trained as (\d+)", told)
    numbers = MODULE["NORTHSTAR_JOB_UIDS"].strip('"').split("-")
    assert int(numbers[0]) <= int(user) <= int(numbers[1])


def train_by_hand(administrator: Credentials, folder: Path) -> None:
    """The first version, as a person registers it."""
    write_returns_project(folder, train=TRAIN)
    known = {
        "NORTHSTAR_URL": administrator.url,
        "NORTHSTAR_CLIENT_ID": administrator.client_id,
        "NORTHSTAR_CLIENT_SECRET": administrator.client_secret,
    }
    for words in (
        ("squad", "create", PROJECT.squad),
        ("project", "create", str(PROJECT)),
        ("run", "-C", str(folder)),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "northstar", *words],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "OMP_NUM_THREADS": "1", **known},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
