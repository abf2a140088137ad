from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from northstar.cli import root
from northstar.errors import Invalid
from tests.serving.control_plane import SmallControlPlane, answering
from tests.serving.endpoints import ENDPOINT


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallControlPlane]:
    plane = SmallControlPlane(tmp_path_factory.mktemp("cli"))
    try:
        answering(plane, plane.supervisor())
        yield plane
    finally:
        plane.close()


@pytest.fixture
def run(plane: SmallControlPlane, monkeypatch: pytest.MonkeyPatch):
    client_id, client_secret = plane.owner()
    monkeypatch.setenv("NORTHSTAR_URL", plane.url)
    monkeypatch.setenv("NORTHSTAR_CLIENT_ID", client_id)
    monkeypatch.setenv("NORTHSTAR_CLIENT_SECRET", client_secret)

    def invoke(*arguments: str, given: str = "") -> str:
        return CliRunner().invoke(root, arguments, input=given, catch_exceptions=False).stdout

    return invoke


def test_endpoints_are_listed_shown_and_asked(plane: SmallControlPlane, run) -> None:
    names = list(plane.table.columns)
    row = dict(zip(names, plane.table.rows()[0], strict=True))
    options = ("--id", "r1", "--event-time", "2013-04-01", "--json")
    answer = json.loads(run("endpoint", "invoke", str(ENDPOINT), *options, given=json.dumps(row)))
    assert answer["ids"] == ["r1"]
    assert answer["predictions"] == [plane.own[0]]
    assert "r1" in run("endpoint", "invoke", str(ENDPOINT), "--id", "r1", given=json.dumps([row]))

    (listed,) = json.loads(run("endpoint", "list", str(ENDPOINT.project_ref), "--json"))
    assert listed["weights"] == {"1": 100.0}
    shown = run("endpoint", "show", str(ENDPOINT))
    assert f"{ENDPOINT}: answering, revision 1 of 1" in shown
    assert "v1 100 %" in run("endpoint", "list", str(ENDPOINT.project_ref))


@pytest.mark.parametrize("rows", ["{", "[]", "[1]", '"text"'])
def test_rows_that_are_none_are_refused(run, rows: str) -> None:
    with pytest.raises(Invalid):
        run("endpoint", "invoke", str(ENDPOINT), given=rows)
