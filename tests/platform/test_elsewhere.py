"""What of squads' code a server leaves to others, it does not touch."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.errors import Invalid
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import build


def settings(folder: Path, elsewhere: str) -> Settings:
    return Settings.from_environment(
        {
            "NORTHSTAR_STATE": str(folder),
            "NORTHSTAR_PUBLIC_URL": "http://127.0.0.1:1",
            "NORTHSTAR_DATABASE_URL": f"sqlite:///{folder}/northstar.db",
            "NORTHSTAR_MLFLOW_DATABASE_URL": f"sqlite:///{folder}/mlflow.db",
            "NORTHSTAR_ELSEWHERE": elsewhere,
        }
    )


@pytest.mark.parametrize(
    ("elsewhere", "left"),
    [
        ("", {"jobs", "supervisor"}),
        ("jobs", {"supervisor"}),
        ("endpoints", {"jobs"}),
        ("jobs endpoints", set()),
    ],
)
def test_loops_for_squads_code_are_those_that_are_not_elsewhere(
    tmp_path: Path, elsewhere: str, left: set[str]
) -> None:
    platform = build(settings(tmp_path, elsewhere))
    assert platform.loops.health.keys() & {"jobs", "supervisor"} == left
    assert platform.loops.health.keys() >= {"release", "monitoring", "audit"}
    said = TestClient(create_app(platform)).get("/readyz").json()["jobs"]
    assert said == ("refused" if "jobs" in left else "elsewhere")
    platform.close()


def test_what_can_be_elsewhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="monitoring") as caught:
        settings(tmp_path, "jobs monitoring")
    assert "endpoints and jobs" in caught.value.hint
