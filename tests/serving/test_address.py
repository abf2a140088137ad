"""An endpoint behind an ingress tells callers the ingress's address."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from northstar.cli import root
from northstar.errors import Invalid
from northstar.serving.dataplane.address import public_address
from northstar.serving.dataplane.agent import Agent
from northstar.serving.dataplane.fake import FakeControlPlane
from northstar.serving.dataplane.state import StateFolder
from tests.serving.endpoints import ENDPOINT, empty_spec

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what containers listen on


@pytest.mark.parametrize(
    ("public_url", "host", "told"),
    [
        ("", "127.0.0.1", "http://127.0.0.1:8080"),
        ("", "10.1.2.3", "http://10.1.2.3:8080"),
        ("https://late.example/", EVERYWHERE, "https://late.example"),
        ("https://gateway.example/late", "127.0.0.1", "https://gateway.example/late"),
        ("http://127.0.0.1:9000", EVERYWHERE, "http://127.0.0.1:9000"),
    ],
)
def test_callers_are_told_the_address_in_front(public_url: str, host: str, told: str) -> None:
    assert public_address(public_url, host, 8080) == told


@pytest.mark.parametrize(
    ("public_url", "host"),
    [
        ("", EVERYWHERE),
        ("", "::"),
        ("late.example", EVERYWHERE),
        ("ftp://late.example", "127.0.0.1"),
        ("https://late.example/?a=b", "127.0.0.1"),
        ("https://user:password@late.example", "127.0.0.1"),
        ("https://late.example:port", "127.0.0.1"),
        ("https://", "127.0.0.1"),
    ],
)
def test_what_nobody_could_ask_is_refused(public_url: str, host: str) -> None:
    with pytest.raises(Invalid, match=r"endpoint\.example"):
        public_address(public_url, host, 8080)


def test_the_command_refuses_to_listen_everywhere_without_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NORTHSTAR_ENDPOINT_URL", raising=False)
    command = ["serve", str(ENDPOINT), "--host", EVERYWHERE, "--state-dir", str(tmp_path / "state")]
    with pytest.raises(Invalid, match="has to be told its own"):
        CliRunner().invoke(root, command, catch_exceptions=False)
    assert not (tmp_path / "state").exists()


def test_the_control_plane_hears_of_the_address_in_front(tmp_path: Path) -> None:
    agent = Agent(
        ENDPOINT,
        StateFolder(tmp_path / "state"),
        tmp_path / "captures",
        FakeControlPlane(empty_spec()),
        host=EVERYWHERE,
        public_url="https://late.example",
    )
    assert agent.status().url == "https://late.example"
    agent._listening.close()
