"""A connection file that says nothing is told with its name, never as a defect."""

from __future__ import annotations

from pathlib import Path

import pytest

from northstar.connection import find_credentials
from northstar.errors import Invalid


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an embedded platform leaves it; nothing else is known."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "profile"))
    (tmp_path / ".northstar").mkdir()
    return tmp_path / ".northstar" / "connection.json"


@pytest.mark.parametrize(
    "content", [b'{"url": "http', b"[]", b'{"url": "http://x"}', b'{"url": 1}', b"\xff\xfe", b""]
)
def test_what_is_no_connection_is_named(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(Invalid, match=rf"{file} is not a connection file") as caught:
        find_credentials({}, file.parent.parent)
    assert "connect again" in caught.value.hint


def test_what_cannot_be_read_is_named_with_the_reason(file: Path) -> None:
    file.symlink_to("/proc/self/mem")  # a file whose beginning nobody can read, not even root
    with pytest.raises(Invalid, match=rf"{file} can't be read: Input/output error") as caught:
        find_credentials({}, file.parent.parent)
    assert "NORTHSTAR_URL" in caught.value.hint
