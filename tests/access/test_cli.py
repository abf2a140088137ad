"""The commands, over HTTP, as a person would use them."""

from __future__ import annotations

import json
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result

from northstar.access import cli
from northstar.access.api import router
from northstar.access.testing import AccessBench
from northstar.cli import root
from northstar.connection import profile_path
from northstar.errors import Denied

Run = Callable[..., Result]


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    return AccessBench(tmp_path)


@pytest.fixture
def url(bench: AccessBench) -> Iterator[str]:
    app = bench.app(router(bench.access, bench.guard))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def run(
    url: str, bench: AccessBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NORTHSTAR_URL", url)
    monkeypatch.setenv("NORTHSTAR_TOKEN", bench.token())

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(root, arguments, catch_exceptions=False)

    return invoke


def test_a_principal_is_made_given_a_role_and_listed(run: Run) -> None:
    made = run("principal", "create", "service:ci", "--json")
    secret = json.loads(made.stdout)
    assert secret["client_secret"].startswith("nss_")
    assert "shown only now" in made.stderr
    run("role", "assign", "service:ci", "invoker", "/operations", "--days", "1")
    (held,) = json.loads(run("role", "list", "--principal", "service:ci", "--json").stdout)
    assert (held["role"], held["scope"]) == ("invoker", "/operations")
    assert "service:ci" in run("principal", "list").stdout
    run("role", "revoke", str(held["id"]))
    assert run("role", "list", "--principal", "service:ci").stdout == "No roles.\n"
    run("principal", "delete", "service:ci", "--yes")
    assert "service:ci" not in run("principal", "list").stdout


def test_login_remembers_who_one_is(
    run: Run, url: str, bench: AccessBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = bench.access.directory.create("user", "anna", "test").client_secret
    monkeypatch.setenv("NORTHSTAR_CLIENT_SECRET", secret)
    run("login", url, "--client-id", "user:anna")
    for name in ("NORTHSTAR_URL", "NORTHSTAR_TOKEN", "NORTHSTAR_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    assert stat.S_IMODE(profile_path().stat().st_mode) == 0o600
    assert run("whoami").stdout.startswith("user:anna (user)")
    token = run("token").stdout.strip()
    assert bench.access.authenticate(token).id == "user:anna"
    with pytest.raises(Denied):
        run("token", "--audience", "operations/late-arrival/prod")


def test_a_link_is_printed_for_the_browser(run: Run, bench: AccessBench) -> None:
    link = run("login", "--link").stdout.strip()
    cookie = bench.access.sessions.redeem(link.partition("code=")[2])
    assert bench.access.authenticate_session(cookie).id == "user:admin"


def test_the_roles_are_explained(run: Run) -> None:
    assert set(json.loads(run("role", "show", "--json").stdout)) >= {"approver", "reader"}
    assert "approves" in run("role", "show").stdout


def test_every_command_has_a_help_line() -> None:
    groups = (cli.principal, cli.role)
    commands = [command for group in groups for command in group.commands.values()]
    assert all(command.help for command in (*commands, cli.login, cli.whoami, cli.token))
