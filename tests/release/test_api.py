"""The road from a registration to a live release, over HTTP and from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from northstar.access.testing import AccessBench
from northstar.connection import Connection, Credentials
from northstar.errors import Conflict, Denied, Invalid, NorthstarError, NotFound
from northstar.registry import api as registry_api
from northstar.registry import cli as registry_cli
from northstar.registry.client import RegistryClient
from northstar.registry.fake import example_registration
from northstar.release import api as release_api
from northstar.release import cli as release_cli
from northstar.release.client import ReleaseClient
from northstar.standards import api as standards_api
from northstar.standards import cli as standards_cli
from northstar.standards.client import StandardsClient
from tests.release.world import DEV, PROD, PROJECT, World


class Office:
    """People at the platform's HTTP door, each with a connection of their own."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.bench = AccessBench(folder, database=self.world.database)
        guard = self.bench.guard
        self.http: TestClient = self.bench.client(
            registry_api.router(self.world.registry, guard),
            standards_api.router(self.world.standards, guard),
            release_api.router(self.world.releases, guard),
        )

    def connection(self, name: str, role: str = "data-scientist") -> Connection:
        token = self.bench.token(name, role, "/operations")
        credentials = Credentials("http://testserver", token=token)
        return Connection(credentials, transport=self.http._transport)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.world.database.close()


def test_the_whole_road_over_http(office: Office) -> None:
    anna, ben = office.connection("anna"), office.connection("ben", "approver")
    office.world.offer_model(1)
    record = RegistryClient(anna).register(office.world.registration(1))
    assert (record.version, record.registered_by) == (1, "user:anna")
    assert StandardsClient(anna).gate(PROJECT, 1).passed
    release = ReleaseClient(anna).propose(PROD, 1, note="the first")
    with pytest.raises(Denied, match="who proposed a release may not approve it") as refused:
        ReleaseClient(anna).approve(PROD, release.id)
    assert "access request" not in refused.value.hint  # no role would help
    assert ReleaseClient(ben).approve(PROD, release.id, "good").state == "approved"
    office.world.settle()
    view = ReleaseClient(ben).release(PROD, release.id)
    assert view.release.state == "live"
    assert [event.by for event in view.events if event.kind == "approved"] == ["user:ben"]
    assert RegistryClient(ben).aliases(PROJECT) == {"prod": 1}
    uses = RegistryClient(ben).lineage(PROJECT, 1).uses
    assert [(use.environment, use.state) for use in uses] == [("prod", "live")]


def test_who_may_not_approve_learns_which_role_it_takes_and_nothing_of_other_squads(
    office: Office,
) -> None:
    anna, rita = office.connection("anna"), office.connection("rita", "reader")
    office.world.offer_model(1)
    RegistryClient(anna).register(office.world.registration(1))
    known = ReleaseClient(anna).propose(PROD, 1).id
    stranger = office.bench.token("otto", "squad-owner", "/pricing")
    outside = Connection(
        Credentials("http://testserver", token=stranger), transport=office.http._transport
    )
    with pytest.raises(Denied, match="user:rita may not release:approve") as told:
        ReleaseClient(rita).approve(PROD, known)
    assert "It takes the role approver" in told.value.hint
    for release in (known, known + 1):
        with pytest.raises(Denied, match="user:otto may not release:approve"):
            ReleaseClient(outside).approve(PROD, release)


@pytest.mark.parametrize("action", ["register", "propose", "rollback"])
def test_a_reader_changes_nothing(office: Office, action: str) -> None:
    rita = office.connection("rita", "reader")
    calls = {
        "register": lambda: RegistryClient(rita).register(example_registration()),
        "propose": lambda: ReleaseClient(rita).propose(DEV, 1),
        "rollback": lambda: ReleaseClient(rita).rollback(DEV, "because"),
    }
    with pytest.raises(Denied):
        calls[action]()


def test_errors_cross_http_with_their_kind(office: Office) -> None:
    anna = office.connection("anna")
    office.world.register(1)
    with pytest.raises(NotFound, match="has no version 2"):
        ReleaseClient(anna).propose(DEV, 2)
    with pytest.raises(Invalid, match="nothing could trigger a rollback"):
        ReleaseClient(anna).propose(DEV, 1, {"min_requests": 2})
    with pytest.raises(Conflict, match="no earlier version"):
        ReleaseClient(office.connection("olga", "operator")).rollback(DEV, "because")


class Terminal:
    """The commands of one person."""

    def __init__(self, connection: Connection, patch: pytest.MonkeyPatch) -> None:
        for module in (registry_cli, release_cli, standards_cli):
            patch.setattr(module, "connect", lambda: connection)

    def run(self, command: click.Command, *arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(command, arguments)
        if isinstance(result.exception, NorthstarError):
            raise result.exception
        return result.exit_code, result.stdout


@pytest.fixture
def terminal(office: Office, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(office.connection("olga", "squad-owner"), monkeypatch)


def test_a_person_releases_and_rolls_back(office: Office, terminal: Terminal) -> None:
    command = release_cli.release
    for version in (1, 2):
        office.world.register(version, live=version - 1 or None)
        code, text = terminal.run(command, "propose", str(DEV), str(version))
        assert code == 0
        assert f"v{version}) is approved." in text
        office.world.settle()
    _, text = terminal.run(command, "rollback", str(DEV), "--reason", "too many complaints")
    assert text.startswith("Release 2 (operations/late-arrival/dev v2) is rolled-back.")
    _, listed = terminal.run(command, "list", str(DEV), "--json")
    states = [(one["version"], one["state"]) for one in json.loads(listed)]
    assert states == [(2, "rolled-back"), (1, "live")]
    _, shown = terminal.run(command, "show", str(DEV), "1")
    assert "restored" in shown
    assert "too many complaints" in shown


def test_a_canary_is_asked_for_by_its_steps(office: Office, terminal: Terminal) -> None:
    office.world.register(1)
    plan = ["--canary", "10,50", "--min-requests", "20", "--min-seconds", "1"]
    _, text = terminal.run(release_cli.release, "propose", str(DEV), "1", *plan, "--json")
    assert json.loads(text)["plan"]["steps"] == [10.0, 50.0]
    with pytest.raises(Invalid, match="not a list of shares"):
        terminal.run(release_cli.release, "propose", str(DEV), "1", "--canary", "ten")
    with pytest.raises(Invalid, match="--direct has no steps"):
        terminal.run(release_cli.release, "propose", str(DEV), "1", "--direct", "--canary", "5")


def test_a_closed_gate_teaches_and_exits_with_1(office: Office, terminal: Terminal) -> None:
    office.world.register(1, unsigned=True)
    code, text = terminal.run(standards_cli.gate, str(PROJECT), "1", "--environment", "dev")
    assert code == 1
    assert "The gate stays closed for operations/late-arrival v1 into dev" in text
    code, text = terminal.run(release_cli.release, "propose", str(DEV), "1")
    assert code == 1
    assert "why   The signature is the contract" in text


def test_standards_and_versions_can_be_read(office: Office, terminal: Terminal) -> None:
    office.world.live(1)
    _, text = terminal.run(standards_cli.standards, "list")
    assert text.count("  fix   ") == 8
    _, text = terminal.run(registry_cli.version, "list", str(PROJECT))
    assert "roc_auc 0.7 (0.69 to 0.71)" in text
    _, text = terminal.run(registry_cli.version, "show", str(PROJECT), "1")
    assert "commit      0123456789abcdef" in text
    assert "live" in text
