"""The plugin's process: the handshake with Terraform, and the gRPC server behind it.

What Terraform expects is HashiCorp's go-plugin: it starts the program with a cookie in the
environment, reads one line from stdout that says where the plugin listens and with which
certificate, and speaks gRPC over TLS to the owner of that certificate.

Terraform has a certificate, too, that it would show if it were asked for one. gRPC's C core can't
ask: the certificate is of the curve P-521, which the BoringSSL inside does not accept. What keeps
others out is the socket: it lies in a folder that no other user can enter.
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PROTOCOL = 6
COOKIE = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
)
_THREADS = 10  # as many as Terraform works on at a time
_LOOK_SECONDS = 2.0

Method = tuple[Callable[[Any], Any], Any, Any]
"""What answers, the class of its request, and the class of its answer."""


def is_terraform(environ: Mapping[str, str]) -> bool:
    """Whether Terraform started this process."""
    name, value = COOKIE
    return environ.get(name) == value


def serve(methods: Mapping[str, Method], empty: Any) -> None:
    """Answer until Terraform says to stop, or is gone.

    Args:
        methods: those of the service ``tfplugin6.Provider``, by name.
        empty: the class of a message without fields.
    """
    stop, parent = threading.Event(), os.getppid()

    def shut_down(_request: Any) -> Any:
        stop.set()
        return empty()

    folder = Path(tempfile.mkdtemp(prefix="northstar-"))  # for this user alone
    try:
        server = grpc.server(ThreadPoolExecutor(_THREADS))
        server.add_generic_rpc_handlers(
            (
                _handler(f"tfplugin{PROTOCOL}.Provider", methods),
                _handler("plugin.GRPCController", {"Shutdown": (shut_down, empty, empty)}),
            )
        )
        key, certificate = _certificate()
        credentials = grpc.ssl_server_credentials([(key, certificate.public_bytes(Encoding.PEM))])
        server.add_secure_port(f"unix:{folder}/plugin", credentials)
        server.start()
        _introduce(f"{folder}/plugin", certificate)
        while not stop.wait(_LOOK_SECONDS) and os.getppid() == parent:
            pass
        server.stop(grace=0.1).wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _handler(service: str, methods: Mapping[str, Method]) -> Any:
    return grpc.method_handlers_generic_handler(
        service, {name: _unary(*method) for name, method in methods.items()}
    )


def _unary(function: Callable[[Any], Any], request: Any, response: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        lambda message, _context: function(message),
        request_deserializer=request.FromString,
        response_serializer=response.SerializeToString,
    )


def _introduce(address: str, certificate: x509.Certificate) -> None:
    """The one line that Terraform reads: versions, address, protocol and certificate."""
    encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode().rstrip("=")
    sys.stdout.write(f"1|{PROTOCOL}|unix|{address}|grpc|{encoded}\n")
    sys.stdout.flush()


def _certificate() -> tuple[bytes, x509.Certificate]:
    """A key in PEM and its certificate, for the life of this process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), certificate
