"""``northstar access`` over HTTP, as the people concerned would use it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result

from northstar.access import api, explanations_api
from northstar.access.access_cli import access
from northstar.access.elevation import api as elevation_api
from northstar.access.elevation.service import ElevationService
from northstar.access.testing import AccessBench
from northstar.cli import root
from northstar.errors import Denied

PROD = "/operations/late-arrival/prod"
As = Callable[..., Result]


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    bench = AccessBench(tmp_path)
    bench.principal("anna", "data-scientist", "/operations")
    bench.principal("olga", "squad-owner", "/operations")
    return bench


@pytest.fixture
def run(bench: AccessBench, monkeypatch: pytest.MonkeyPatch) -> Iterator[As]:
    elevations = ElevationService(bench.database, bench.clock, bench.access)
    app = bench.app(
        api.router(bench.access, bench.guard),
        explanations_api.router(bench.access, bench.guard),
        elevation_api.router(elevations, bench.guard),
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        monkeypatch.setenv("NORTHSTAR_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")

        def invoke(who: str, *arguments: str) -> Result:
            monkeypatch.setenv("NORTHSTAR_TOKEN", bench.token(who, ""))
            return CliRunner().invoke(root, arguments, catch_exceptions=False)

        yield invoke
        server.should_exit = True
        thread.join(10)


def test_from_a_denial_to_a_role_that_ends_by_itself(run: As, bench: AccessBench) -> None:
    anna = ("access", "explain", "user:anna", "release:rollback", PROD)
    denied = run("anna", *anna).stdout
    assert denied.startswith(f"user:anna may not release:rollback in {PROD}.\n")
    assert "Who can give it: user:olga" in denied
    command = denied.splitlines()[-1].strip().removeprefix("northstar ")
    asked = run("anna", *command.replace("…", "slow").split(), "--hours", "2")
    assert asked.stdout.startswith(f"Request 1: operator in {PROD} for 2 h.")
    with pytest.raises(Denied, match="four-eyes-requester"):
        run("anna", "access", "approve", "1")
    assert "slow" in run("olga", "access", "requests", "--state", "requested").stdout
    assert "is active until" in run("olga", "access", "approve", "1", "--reason", "go").stdout
    allowed = run("anna", *anna).stdout
    assert allowed.startswith(f"user:anna may release:rollback in {PROD}.\n")
    assert f"operator in {PROD}, until" in allowed
    assert "permit operator: An operator takes releases back" in allowed
    assert "is ended" in run("anna", "access", "end", "1").stdout


def test_requests_are_rejected_and_withdrawn(run: As) -> None:
    run("anna", "access", "request", "approver", "/operations", "--reason", "holidays")
    assert "is rejected" in run("olga", "access", "reject", "1", "--reason", "no").stdout
    run("anna", "access", "request", "approver", "/operations", "--reason", "please")
    assert "is withdrawn" in run("anna", "access", "withdraw", "2").stdout
    found = json.loads(run("anna", "access", "requests", "--json").stdout)
    assert [one["state"] for one in found] == ["withdrawn", "rejected"]


def test_who_can_and_who_has_what(run: As, bench: AccessBench) -> None:
    bench.principal("paul", "reader", "/pricing")
    bench.principal("rita", "reader", "/")
    shown = run("anna", "access", "who-can", "release:approve", PROD).stdout
    assert "user:olga" in shown
    assert "squad-owner" in shown
    without = ("who-can", "release:approve", PROD, "--context", "proposed_by=user:olga", "--json")
    assert json.loads(run("anna", "access", *without).stdout) == []
    listed = json.loads(run("rita", "role", "list", "--scope", "/operations", "--json").stdout)
    assert {one["principal"] for one in listed} == {"user:anna", "user:olga", "user:rita"}


def test_every_command_has_a_help_line() -> None:
    assert all(command.help for command in access.commands.values())
