"""Who a process is on Azure: a token of its managed identity, over TLS, and no key anywhere."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import ContainerClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.azurite.emulator import ACCOUNT, KEY, Azurite

CLIENT_ID = "6f1c4d0a-0000-4000-8000-000000000001"
CHECK = """
import sys
from northstar.errors import NorthstarError
from northstar.storage.places import check_store, open_store
try:
    check_store(open_store(sys.argv[1]))
except NorthstarError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


class Identity:
    """Azure's managed-identity endpoint, for one identity.

    Args:
        audience: of the tokens that it gives; Storage takes those that are meant for it.
    """

    def __init__(self, audience: str = "https://storage.azure.com") -> None:
        key = ECKey.generate_key("P-256")
        self.asked: list[dict[str, list[str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(parse_qs(urlsplit(self.path).query))
                now = int(time.time())
                claims = {
                    "iss": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
                    "aud": audience,
                    "iat": now - 60,
                    "nbf": now - 60,
                    "exp": now + 3600,
                }
                token = jwt.encode({"alg": "ES256"}, claims, key, algorithms=["ES256"])
                answer = {
                    "access_token": token,
                    "expires_on": str(now + 3600),
                    "resource": "https://storage.azure.com",
                    "token_type": "Bearer",
                    "client_id": CLIENT_ID,
                }
                known = self.headers["X-IDENTITY-HEADER"] == "its-secret"
                self.send_response(200 if known else 401)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer if known else {}).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base names it
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        port = self._server.server_address[1]
        self.environment = {
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{port}/msi/token",
            "IDENTITY_HEADER": "its-secret",
            "AZURE_CLIENT_ID": CLIENT_ID,
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, as PEM files."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "azurite")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, private


@pytest.fixture(scope="module")
def tls(
    azurite_installed: None,
    certificate: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """The variables that lead, without a key, to an emulator that wants TLS; it has a container."""
    pem, private = certificate
    options = ("--oauth", "basic", "--cert", str(pem), "--key", str(private))
    server = Azurite(tmp_path_factory.mktemp("azurite-tls"), *options)
    endpoint = f"https://127.0.0.1:{server.port}/{ACCOUNT}"
    with ContainerClient(
        endpoint, "captures", credential=KEY, connection_verify=str(pem)
    ) as client:
        client.create_container()
    yield {
        "AZURE_STORAGE_BLOB_ENDPOINT": endpoint,
        "SSL_CERT_FILE": str(pem),
    }
    server.stop()


@pytest.fixture
def identity() -> Iterator[Identity]:
    identity = Identity()
    yield identity
    identity.close()


def process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_shipper_delivers_as_the_managed_identity(
    tls: dict[str, str], identity: Identity, tmp_path: Path
) -> None:
    path = tmp_path / "operations/late-arrival/prod/predictions/2026-01-05/120000-x.arrow"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"rows")
    place = f"abfs://captures@{ACCOUNT}.dfs.core.windows.net"
    # Its input is at its end: it ships what is there, and ends.
    done = process(
        "-m", "northstar.serving.dataplane.shipping", "--spool", str(tmp_path), "--store", place,
        **tls, **identity.environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert not path.exists()
    assert identity.asked[0]["resource"] == ["https://storage.azure.com"]
    assert identity.asked[0]["client_id"] == [CLIENT_ID]


def test_a_store_that_does_not_take_the_token_is_told_by_the_role_that_is_missing(
    tls: dict[str, str],
) -> None:
    other = Identity("https://vault.azure.net")
    place = f"abfs://captures@{ACCOUNT}.dfs.core.windows.net"
    done = process("-c", CHECK, place, **tls, **other.environment)
    other.close()
    assert done.returncode != 0
    assert "StoreRefused" in done.stderr
    assert f"client id {CLIENT_ID} the role Storage Blob Data Contributor" in done.stderr
    assert "container captures" in done.stderr
