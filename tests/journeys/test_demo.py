"""The demo's story on a slice of its data: eight weeks of its year."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--folder", str(folder), "--until", "2013-05-26"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads((folder / "demo.json").read_text())
    return {**result, "printed": done.stdout}


def test_the_gate_refuses_the_leak_and_admits_the_mended_version(told: dict[str, Any]) -> None:
    story = "\n".join(told["events"])
    assert "gate: refuses version 1: dep_delay leaks the outcome" in story
    assert "grace: approves version 2, and it goes live" in story


def test_an_alert_leads_to_a_retrained_version_that_goes_live(told: dict[str, Any]) -> None:
    story = "\n".join(told["events"])
    assert "monitor: performance alert" in story
    assert "platform: retrains" in story
    assert "canary: version 3 has all traffic" in story


def test_the_numbers_come_from_the_slice(told: dict[str, Any]) -> None:
    assert set(told["unprotected"]) == {"never", "monthly", "northstar"}
    assert 0 < told["unprotected"]["never"] < 15_000
    assert "2013-05" in told["printed"]
    assert "2013-07" not in told["printed"]
