"""Secrets come from the environment, from files and from Key Vault, and are not told to anybody."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from azure.identity import ManagedIdentityCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from northstar.access.secret_sources import KeyVault, default_sources, read_secret
from northstar.errors import Failed, Invalid, NorthstarError, NotFound
from northstar.platform.settings import Settings

HOST = "northstar.vault.localhost"
SECRET = "planted-in-the-vault"


class Vault:
    """Key Vault over TLS, and a managed identity beside it, as far as the SDKs ask for them."""

    def __init__(self, folder: Path) -> None:
        self.secrets = {"database-password": SECRET, "empty": ""}
        self.status = 200
        self.certificate = folder / "vault.pem"
        key_file = folder / "vault.key"
        _certify(self.certificate, key_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key_file)
        self._vault = ThreadingHTTPServer(("127.0.0.1", 0), _vault(self))
        self._vault.socket = context.wrap_socket(self._vault.socket, server_side=True)
        self._identity = ThreadingHTTPServer(("127.0.0.1", 0), _identity())
        self.port = self._vault.server_address[1]
        self.identity = f"http://127.0.0.1:{self._identity.server_address[1]}/token"
        self._threads = [
            threading.Thread(target=server.serve_forever, daemon=True)
            for server in (self._vault, self._identity)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        for server in (self._vault, self._identity):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def address(self, name: str) -> str:
        return f"https://{HOST}:{self.port}/secrets/{name}"


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    vault = Vault(tmp_path)
    monkeypatch.setenv("IDENTITY_ENDPOINT", vault.identity)
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(vault.certificate))
    for name in ("HTTPS_PROXY", "https_proxy", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    lookup = socket.getaddrinfo

    def at_home(host: object, *rest: object, **more: object) -> object:
        return lookup("127.0.0.1" if host == HOST else host, *rest, **more)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(socket, "getaddrinfo", at_home)
    yield vault
    vault.close()


def test_a_secret_is_read_where_its_setting_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("from-a-file\n")
    sources = default_sources({"HOLDER": "from-the-environment"})
    assert read_secret("env:HOLDER", sources) == "from-the-environment"
    assert read_secret(f"file:{file}", sources) == "from-a-file"
    assert read_secret("postgresql+psycopg://n:p@db/x", sources) == "postgresql+psycopg://n:p@db/x"
    assert read_secret("", sources) == ""


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("env:MISSING", NotFound),
        ("file:/does/not/exist", NotFound),
        ("keyvault:http://v.vault.azure.net/secrets/x", Invalid),
        ("keyvault:https://v.vault.azure.net/keys/x", Invalid),
        ("keyvault:nonsense", Invalid),
    ],
)
def test_a_reference_that_leads_nowhere_says_so(reference: str, kind: type[NorthstarError]) -> None:
    with pytest.raises(kind):
        read_secret(reference, default_sources({}))


def test_the_real_sdk_reads_key_vault_with_the_managed_identity(vault: Vault) -> None:
    """Through the challenge: the vault names its authority, the identity brings the token."""
    assert read_secret(f"keyvault:{vault.address('database-password')}") == SECRET
    with pytest.raises(NotFound):
        read_secret(f"keyvault:{vault.address('unknown')}")
    with pytest.raises(NotFound, match="empty"):
        read_secret(f"keyvault:{vault.address('empty')}")


def test_a_vault_that_refuses_tells_no_secret(vault: Vault) -> None:
    vault.status = 403
    with ManagedIdentityCredential() as credential, pytest.raises(Failed) as refused:
        KeyVault(credential, retry_total=0).read(vault.address("database-password"))
    assert "Key Vault Secrets User" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_settings_take_their_secrets_from_sources(vault: Vault, tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "NORTHSTAR_STATE": str(tmp_path),
            "NORTHSTAR_PUBLIC_URL": "https://northstar.example",
            "NORTHSTAR_DATABASE_URL": f"keyvault:{vault.address('database-password')}",
            "NORTHSTAR_MLFLOW_DATABASE_URL": "env:OTHER",
            "OTHER": "sqlite:///x",
            "NORTHSTAR_SIGN_IN_ISSUER": "https://login.microsoftonline.com/5f0c/v2.0",
            "NORTHSTAR_SIGN_IN_CLIENT_ID": "id",
            "NORTHSTAR_SIGN_IN_CLIENT_SECRET": f"keyvault:{vault.address('database-password')}",
        }
    )
    assert (settings.database_url, settings.mlflow_database_url) == (SECRET, "sqlite:///x")
    assert settings.sign_in is not None
    assert settings.sign_in.client_secret == SECRET
    assert SECRET not in repr(settings)
    assert settings.encryption_keys() == settings.encryption_keys()
    assert (tmp_path / "encryption.key").stat().st_mode & 0o777 == 0o600


def _vault(vault: Vault) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.split("/")[2].partition("?")[0]
            if self.headers.get("Authorization") != "Bearer vault-token":
                place = 'authorization="https://login.microsoftonline.com/5f0c"'
                challenge = f'Bearer {place}, resource="https://vault.localhost:{vault.port}"'
                self._send(401, {}, {"WWW-Authenticate": challenge})
            elif vault.status != 200:
                self._send(vault.status, {"error": {"code": "Forbidden", "message": "no"}})
            elif name not in vault.secrets:
                self._send(404, {"error": {"code": "SecretNotFound", "message": "none"}})
            else:
                place = vault.address(name) + "/1"
                self._send(200, {"value": vault.secrets[name], "id": place, "attributes": {}})

        def _send(
            self, status: int, content: object, headers: dict[str, str] | None = None
        ) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            for header, value in (headers or {}).items():
                self.send_header(header, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


def _identity() -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = {"access_token": "vault-token", "expires_on": "9999999999"}
            body = json.dumps({**token, "resource": "x", "token_type": "Bearer"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


def _certify(certificate: Path, key_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
