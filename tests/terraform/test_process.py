"""The provider's process: what it does when people and machines try to end it."""

from __future__ import annotations

import base64
import os
import signal
import ssl
import subprocess
import sys

import grpc
import pytest

from northstar.terraform.protocol.server import COOKIE


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_of_terraforms_processes_does_not_cut_off_what_is_being_made(
    sent: signal.Signals,
) -> None:
    name, value = COOKIE
    process = subprocess.Popen(
        [sys.executable, "-m", "northstar.terraform.main"],
        env={**os.environ, name: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        introduction = process.stdout.readline().strip()
        process.send_signal(sent)
        _shut_down(introduction)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, said) == (0, "")


def _shut_down(introduction: str) -> None:
    """Say what Terraform says at its end, to the address that the process told."""
    _, _, _, address, _, encoded = introduction.split("|")
    certificate = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    known = ssl.DER_cert_to_PEM_cert(certificate).encode()
    options = [("grpc.ssl_target_name_override", "localhost")]
    credentials = grpc.ssl_channel_credentials(known)
    with grpc.secure_channel(f"unix:{address}", credentials, options) as channel:
        channel.unary_unary("/plugin.GRPCController/Shutdown")(b"", timeout=30)
