"""The commands about credentials, over real HTTP; and clients that have no secret."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec

from northstar.access.api import router
from northstar.access.credentials.domain import AZURE_AUDIENCE, ENTRA_AUDIENCE
from northstar.access.testing import AccessBench
from northstar.cli import root
from northstar.connection import Connection, find_credentials
from northstar.errors import Failed, Invalid, NorthstarError, Unauthenticated, Unavailable
from northstar.names import EndpointRef, ProjectRef
from tests.access.credentials.test_certificates import certificate_of, private_pem
from tests.access.issuer import Issuer
from tests.azure.identity import ManagedIdentity

Command = Callable[..., Result]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[AccessBench]:
    bench = AccessBench(tmp_path)
    yield bench
    bench.database.close()


@pytest.fixture
def url(bench: AccessBench) -> Iterator[str]:
    """Where the bench answers over HTTP."""
    config = uvicorn.Config(bench.app(router(bench.access, bench.guard)), port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def northstar(bench: AccessBench, url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("NORTHSTAR_URL", url)
    monkeypatch.setenv("NORTHSTAR_TOKEN", bench.token())

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(root, arguments)

    return run


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_secrets_are_rotated_with_an_overlap(northstar: Command, bench: AccessBench) -> None:
    first = told(northstar("principal", "create", "service:ci", "--json"))["client_secret"]
    second = told(
        northstar("principal", "secret", "service:ci", "--older-end-after", "24", "--json")
    )["client_secret"]
    for secret in (first, second):
        assert bench.access.authenticate_secret("service:ci", secret).id == "service:ci"
    old, new = told(northstar("principal", "credentials", "service:ci", "--json"))
    assert old["expires_at"] < new["expires_at"]
    shown = northstar("principal", "credentials", "service:ci").output
    assert first not in shown + json.dumps([old, new])
    gone = northstar("principal", "withdraw", "service:ci", "secret", str(old["number"]))
    assert gone.exit_code == 0
    with pytest.raises(NorthstarError):
        bench.access.authenticate_secret("service:ci", first)
    assert bench.access.authenticate_secret("service:ci", second).id == "service:ci"


def test_a_secret_can_have_an_end(northstar: Command) -> None:
    northstar("principal", "create", "service:ci", "--without-secret")
    assert told(northstar("principal", "credentials", "service:ci", "--json")) == []
    northstar("principal", "secret", "service:ci", "--days", "30")
    (one,) = told(northstar("principal", "credentials", "service:ci", "--json"))
    assert one["expires_at"] is not None


def test_what_ends_soon_is_told_unless_another_outlasts_it(northstar: Command) -> None:
    for name, days in (("a", 5), ("b", 5), ("c", 40)):
        northstar("principal", "create", f"service:{name}", "--days", str(days))
    northstar("principal", "secret", "service:a", "--days", "10")
    northstar("principal", "secret", "service:b", "--days", "100")
    found = told(northstar("principal", "ending", "--json"))
    assert [(one["principal"], one["kind"]) for one in found] == [("service:a", "secret")]
    (later,) = told(northstar("principal", "credentials", "service:a", "--json"))[1:]
    assert found[0]["expires_at"] == later["expires_at"]
    shown = northstar("principal", "ending", "--days", "7").output
    assert "Nothing ends within 7 days." in shown
    assert "service:c" in northstar("principal", "ending", "--days", "60").output


@pytest.mark.parametrize(
    ("options", "issuer", "subject"),
    [
        (
            ["--github", "contoso/fares", "--environment", "prod"],
            "https://token.actions.githubusercontent.com",
            "repo:contoso/fares:environment:prod",
        ),
        (
            ["--github", "contoso/fares", "--ref", "refs/heads/*"],
            "https://token.actions.githubusercontent.com",
            "repo:contoso/fares:ref:refs/heads/*",
        ),
        (
            ["--azure-devops", "contoso/fares/northstar", "--organisation-id", "5f0c"],
            "https://vstoken.dev.azure.com/5f0c",
            "sc://contoso/fares/northstar",
        ),
    ],
)
def test_pipelines_are_trusted_by_their_usual_names(
    northstar: Command, options: list[str], issuer: str, subject: str
) -> None:
    northstar("principal", "create", "service:ci", "--without-secret")
    added = northstar("principal", "trust", "add", "service:ci", *options)
    assert added.exit_code == 0, added.output
    (one,) = told(northstar("principal", "trust", "list", "service:ci", "--json"))
    assert one["about"].startswith(f"{subject} of {issuer} for ")
    assert (
        northstar("principal", "trust", "remove", "service:ci", str(one["number"])).exit_code == 0
    )
    assert told(northstar("principal", "trust", "list", "service:ci", "--json")) == []


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--github", "contoso/fares"],
        ["--github", "contoso/fares", "--environment", "x", "--ref", "y"],
        ["--github", "contoso/fares", "--issuer", "https://id.example"],
        ["--azure-devops", "contoso/fares/x"],
        ["--issuer", "https://id.example"],
    ],
)
def test_a_trust_that_is_half_said_is_refused(northstar: Command, options: list[str]) -> None:
    northstar("principal", "create", "service:ci", "--without-secret")
    assert northstar("principal", "trust", "add", "service:ci", *options).exit_code == 2


def test_tokens_are_revoked_and_keys_rotated(northstar: Command, bench: AccessBench) -> None:
    stolen = bench.token("anna", "reader")
    assert northstar("principal", "revoke", "user:anna").exit_code == 0
    with pytest.raises(NorthstarError):
        bench.access.authenticate(stolen)
    assert northstar("access", "rotate-keys").exit_code == 0
    assert len(bench.access.tokens.keys.jwks()["keys"]) == 2
    assert northstar("access", "rotate-keys", "--at-once").exit_code == 0
    assert northstar("whoami").exit_code != 0  # its own token has ended with the rest


def test_only_an_administrator_adds_credentials_for_others(
    northstar: Command, bench: AccessBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    northstar("principal", "create", "service:ci")
    monkeypatch.setenv("NORTHSTAR_TOKEN", bench.token("olga", "squad-owner", "/fashion"))
    for command in (
        ("principal", "secret", "service:ci"),
        ("principal", "credentials", "service:ci"),
        ("principal", "revoke", "service:ci"),
        ("principal", "withdraw", "service:ci", "secret", "1"),
        (
            "principal",
            "trust",
            "add",
            "user:olga",
            "--issuer",
            "https://x.example",
            "--subject",
            "y",
        ),
        ("access", "rotate-keys"),
    ):
        refused = northstar(*command)
        assert getattr(refused.exception, "code", refused.exit_code) in ("denied", 3), command
    assert northstar("principal", "secret", "user:olga").exit_code == 0  # one's own
    assert northstar("principal", "revoke", "user:olga").exit_code == 0


def test_a_client_proves_itself_with_a_key(
    northstar: Command, url: str, bench: AccessBench, tmp_path: Path
) -> None:
    bench.access.credentials._audiences.append(f"{url}/oauth/token")  # the port is not foreseen
    key = ec.generate_private_key(ec.SECP256R1())
    public, private = tmp_path / "public.pem", tmp_path / "private.pem"
    public.write_text(certificate_of(key))
    private.write_text(private_pem(key))
    northstar("principal", "create", "service:ci", "--without-secret")
    refused = northstar("principal", "certificate", "service:ci", str(private))
    assert isinstance(refused.exception, Invalid)
    assert northstar("principal", "certificate", "service:ci", str(public)).exit_code == 0
    env = {"NORTHSTAR_URL": url, "NORTHSTAR_CLIENT_ID": "service:ci"}
    connection = Connection(find_credentials(env | {"NORTHSTAR_CLIENT_KEY": str(private)}))
    assert connection.get("/api/me")["principal"]["id"] == "service:ci"
    connection.close()


def test_a_pipelines_job_needs_no_secret(
    northstar: Command, url: str, pipeline: Pipeline, tmp_path: Path
) -> None:
    """As in GitHub Actions, as in Azure Pipelines, and with a token in a file."""
    northstar("principal", "create", "service:ci", "--without-secret")
    for subject, audience in (
        ("repo:contoso/fares:environment:prod", url),
        ("sc://contoso/fares/northstar", "api://AzureADTokenExchange"),
    ):
        options = ["--issuer", pipeline.issuer.url, "--subject", subject, "--audience", audience]
        added = northstar("principal", "trust", "add", "service:ci", *options)
        assert added.exit_code == 0, added.output
    file = tmp_path / "token"
    file.write_text(pipeline.token("repo:contoso/fares:environment:prod", url))
    env = {"NORTHSTAR_URL": url, "NORTHSTAR_CLIENT_ID": "service:ci"}
    for more in (
        {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{pipeline.url}/github?x=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "asks",
        },
        {
            "SYSTEM_OIDCREQUESTURI": f"{pipeline.url}/azure",
            "SYSTEM_ACCESSTOKEN": "asks",
            "NORTHSTAR_SERVICE_CONNECTION": "c0ffee",
        },
        {"NORTHSTAR_FEDERATED_TOKEN_FILE": str(file)},
    ):
        connection = Connection(find_credentials(env | more))
        assert connection.get("/api/me")["principal"]["id"] == "service:ci"
        connection.close()
    assert pipeline.asked[0] == ("GET", f"/github?x=1&audience={url}")
    with pytest.raises(Unauthenticated):
        find_credentials(env)
    github = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{pipeline.url}/github"}
    denied = find_credentials(env | github | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"})
    with pytest.raises(Failed, match="401"):
        Connection(denied).token()


def test_what_runs_in_azure_needs_no_secret(
    northstar: Command, url: str, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure gives the same token to all replicas, and again to those that start anew."""
    identity = "6f1c4d0a-0000-4000-8000-000000000002"
    northstar("principal", "create", "service:late-arrival", "--without-secret")
    options = ["--issuer", pipeline.issuer.url, "--subject", identity, "--audience", ENTRA_AUDIENCE]
    added = northstar("principal", "trust", "add", "service:late-arrival", *options, "--reusable")
    assert "each more than once" in added.output
    env = {
        "NORTHSTAR_URL": url,
        "NORTHSTAR_CLIENT_ID": "service:late-arrival",
        "NORTHSTAR_FEDERATED_TOKEN_RESOURCE": AZURE_AUDIENCE,
    }
    with ManagedIdentity() as azure:
        azure.again = True
        azure.tokens[AZURE_AUDIENCE] = pipeline.token(identity, ENTRA_AUDIENCE)
        for name, value in azure.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        for _replica in range(2):
            connection = Connection(find_credentials(env))
            assert connection.get("/api/me")["principal"]["id"] == "service:late-arrival"
            connection.close()
        assert [request.query["resource"] for request in azure.asked] == [AZURE_AUDIENCE]
        monkeypatch.setenv("IDENTITY_HEADER", "wrong")
        with pytest.raises(Unavailable, match=AZURE_AUDIENCE) as refused:
            Connection(find_credentials(env)).token()
    assert "AZURE_CLIENT_ID" in refused.value.hint


def test_entra_is_named_by_the_tenant(northstar: Command) -> None:
    northstar("principal", "create", "service:ci", "--without-secret")
    tenant, subject = "5F0C1E0A-0000-4000-8000-000000000001", "/eid1/c/pub/t/x/a/y/sc/o/c"
    add = ("principal", "trust", "add", "service:ci", "--entra")
    added = northstar(*add, tenant, "--subject", subject, "--json")
    told = json.loads(added.stdout)["about"]
    place = f"https://login.microsoftonline.com/{tenant.lower()}/v2.0"
    assert told == f"{subject} of {place} for {ENTRA_AUDIENCE}, each more than once"
    once = northstar(*add, tenant, "--subject", f"{subject}2", "--once", "--json")
    assert "more than once" not in json.loads(once.stdout)["about"]
    assert isinstance(northstar(*add, "contoso.com", "--subject", subject).exception, Invalid)
    assert "--subject" in northstar(*add, tenant).stderr


class Pipeline:
    """The service that gives a pipeline's jobs their tokens."""

    def __init__(self) -> None:
        self.issuer = Issuer()
        self.asked: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.issuer.close()

    def token(self, subject: str, audience: str) -> str:
        return self.issuer.token(sub=subject, aud=audience)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pipeline = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.replace("%3A", ":").replace("%2F", "/")
                pipeline.asked.append(("GET", path))
                subject, audience = (
                    "repo:contoso/fares:environment:prod",
                    path.split("audience=")[1],
                )
                self._send({"value": pipeline.token(subject, audience)})

            def do_POST(self) -> None:
                assert "serviceConnectionId=c0ffee" in self.path
                subject = "sc://contoso/fares/northstar"
                token = pipeline.token(subject, "api://AzureADTokenExchange")
                self._send({"oidcToken": token})

            def _send(self, content: dict[str, str]) -> None:
                known = self.headers["Authorization"] == "Bearer asks"
                body = json.dumps(content if known else {}).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    pipeline = Pipeline()
    yield pipeline
    pipeline.close()


def test_in_a_shell_processes_of_the_platform_are_named_as_they_are(
    northstar: Command, bench: AccessBench
) -> None:
    """Their ids hold slashes, and are written into addresses."""
    run = bench.access.run_identity(ProjectRef("operations", "late-arrival"))
    process = bench.access.endpoint_identity(EndpointRef("operations", "late-arrival", "prod"))
    given = bench.access.client_credentials(run.client_id, run.client_secret, "northstar")
    bench.access.authenticate(given.access_token)

    def shell(*lines: str) -> list[str]:
        done = [
            subprocess.run(
                ["/bin/sh", "-c", f'"{sys.executable}" -m northstar {line}'],
                capture_output=True,
                text=True,
            )
            for line in lines
        ]
        return [one.stdout + one.stderr for one in done]

    listed, refused, revoked, withdrawn, removed = shell(
        "principal credentials managed:run/operations/late-arrival",
        "principal secret managed:run/operations/late-arrival",
        "principal revoke managed:run/operations/late-arrival",
        "principal withdraw managed:endpoint/operations/late-arrival/prod secret 2",
        "principal delete managed:endpoint/operations/late-arrival/prod --yes",
    )
    assert "secret" in listed
    assert "gets its credentials from the platform" in refused
    assert "has ended" in revoked
    assert withdrawn.startswith("Withdrew secret 2 of managed:endpoint")
    assert removed == f"Removed {process.client_id}.\n"
    with pytest.raises(Unauthenticated):
        bench.access.authenticate(given.access_token)
    assert bench.access.directory.find(process.client_id) is None
