"""What goes wrong is said in one clear message, at the line that it is about."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from northstar.access.client import AccessClient
from northstar.access.credentials.domain import GITHUB
from tests.embedded import Embedded
from tests.terraform.test_journey import squad
from tests.terraform.workspace import Workspace

Nowhere = Callable[..., Workspace]
ROLE = """
resource "northstar_role_assignment" "x" {{
  principal  = "{principal}"
  role       = "{role}"
  scope      = "{scope}"
  expires_at = "{expires_at}"
}}
"""
RIGHT = {
    "principal": "user:anna",
    "role": "reader",
    "scope": "/",
    "expires_at": "2100-01-01T00:00:00Z",
}
TRUST = """
resource "northstar_federated_trust" "x" {{
  principal = "service:ci"
  issuer    = "{issuer}"
  audience  = "northstar"
  subject   = "{subject}"
}}
"""


@pytest.fixture(scope="module")
def offline(terraform: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(terraform, tmp_path_factory.mktemp("offline"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"role": "king"}, "squad-owner, platform-admin"),
        ({"principal": "anna"}, "user:NAME or service:NAME"),
        ({"scope": "operations"}, "Write '/', '/SQUAD'"),
        ({"expires_at": "tomorrow"}, "valid datetime"),
    ],
)
def test_a_wrong_value_is_found_without_the_platform(
    offline: Workspace, wrong: dict[str, str], told: str
) -> None:
    (problem,) = offline.validate(ROLE.format(**RIGHT | wrong))
    (name,) = wrong
    assert problem["snippet"]["code"].split()[0] == name
    assert wrong[name] in problem["summary"]
    assert told in problem["detail"]


@pytest.mark.parametrize(
    ("issuer", "subject", "told"),
    [
        (GITHUB, "repo:*", "does not name the owner of the repository"),
        (GITHUB, "*", "says of nobody in particular"),
        (GITHUB, "", "can't be a trust's subject"),
        ("http://issuer.example.com", "pipeline", "can't be the issuer"),
    ],
)
def test_a_trust_in_nobody_in_particular_is_refused_before_anything_happens(
    offline: Workspace, issuer: str, subject: str, told: str
) -> None:
    (problem,) = offline.validate(TRUST.format(issuer=issuer, subject=subject))
    assert told in problem["summary"]


def test_the_name_of_a_principal_is_checked_without_the_platform(offline: Workspace) -> None:
    named = 'resource "northstar_service_principal" "x" {\n  name = "Two Words"\n}\n'
    (problem,) = offline.validate(named)
    assert "'Two Words' is not a valid principal name." in problem["summary"]


def test_a_name_that_can_be_none_is_found_without_the_platform(offline: Workspace) -> None:
    (problem,) = offline.validate(squad("Two Words"))
    assert problem["summary"] == "name can't be 'Two Words'."
    assert problem["snippet"]["code"].split()[0] == "name"


def test_an_attribute_that_there_is_not_is_named(offline: Workspace) -> None:
    (problem,) = offline.validate('resource "northstar_squad" "x" {\n  name = "a"\n  hue = 1\n}\n')
    assert 'An argument named "hue" is not expected here' in problem["detail"]


def test_without_a_platform_it_is_said_where_to_name_one(nowhere: Nowhere) -> None:
    said = nowhere().plan('provider "northstar" {}\n' + squad("lost"))
    assert "Nothing says where the platform is." in said.error
    assert "NORTHSTAR_URL" in said.error


def test_a_platform_that_is_down_is_named(nowhere: Nowhere) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    block = f'provider "northstar" {{\n  url = "http://127.0.0.1:{port}"\n  token = "x"\n}}\n'
    said = nowhere().plan(block + squad("lost"))
    assert f"The platform at http://127.0.0.1:{port} did not answer" in said.error
    assert "Is it running?" in said.error


def test_a_wrong_secret_is_told_once_whatever_the_number_of_resources(
    embedded: Embedded, nowhere: Nowhere
) -> None:
    known: dict[str, Any] = {"client_id": "service:nobody", "client_secret": "nss_wrong"}
    settings = "".join(f'  {name} = "{value}"\n' for name, value in known.items())
    block = f'provider "northstar" {{\n  url = "{embedded.url}"\n{settings}}}\n'
    other = squad("other").replace('"this"', '"other"')

    said = nowhere().plan(block + squad("lost") + other)

    assert "The client id or the secret is wrong." in said.error
    assert "nss_wrong" not in said.error


def test_without_credentials_it_is_said_how_to_give_them(nowhere: Nowhere) -> None:
    block = 'provider "northstar" {\n  url = "http://127.0.0.1:1"\n}\n'
    said = nowhere().plan(block + squad("lost"))
    assert "Nothing says who is asking the platform at http://127.0.0.1:1." in said.error
    assert "NORTHSTAR_CLIENT_SECRET" in said.error


def test_what_the_caller_may_not_do_is_told_with_the_way_in(
    embedded: Embedded, nowhere: Nowhere
) -> None:
    made = AccessClient(embedded.connection).create_principal("service:modest")
    root = nowhere(
        NORTHSTAR_URL=embedded.url,
        NORTHSTAR_CLIENT_ID=made.client_id,
        NORTHSTAR_CLIENT_SECRET=made.client_secret,
    )
    root.folder.joinpath("main.tf").write_text(squad("forbidden"))
    done = root.run("apply", "-auto-approve", "-no-color")
    assert "service:modest may not squad:create in /" in done.stderr
    assert "northstar access request platform-admin /" in done.stderr
    assert 'resource "northstar_squad" "this"' in done.stderr


def test_what_cannot_be_renamed_is_refused_before_anything_happens(root: Workspace) -> None:
    root.apply(squad("named"))
    said = root.plan(squad("renamed"))
    assert "A squad's name can't be changed" in said.error
    assert said.error.endswith('at: name        = "renamed"')


def test_what_is_there_and_in_no_state_is_told_with_the_way_into_it(root: Workspace) -> None:
    trusted = """
resource "northstar_service_principal" "lost" {
  name = "lost"
}
resource "northstar_federated_trust" "lost" {
  principal = "service:lost"
  issuer    = "https://issuer.example.com"
  audience  = "northstar"
  subject   = "pipeline"
  depends_on = [northstar_service_principal.lost]
}
"""
    root.apply(trusted)
    assert root.run("state", "rm", "northstar_federated_trust.lost").returncode == 0
    again = root.run("apply", "-auto-approve", "-no-color").stderr.replace("\n", " ")
    assert "service:lost has this trust already" in again
    assert "terraform import northstar_federated_trust.NAME service:lost/NUMBER" in again
    assert root.run("state", "rm", "northstar_service_principal.lost").returncode == 0
    again = root.run("apply", "-auto-approve", "-no-color").stderr.replace("\n", " ")
    assert "terraform import northstar_service_principal.NAME lost" in again


def test_an_import_id_of_another_form_says_what_the_form_is(root: Workspace) -> None:
    said = root.plan(
        'import {\n  to = northstar_project.x\n  id = "late-arrival"\n}\n'
        'resource "northstar_project" "x" {\n  squad = "operations"\n  name  = "x"\n}\n'
    )
    assert "'late-arrival' is no id of a northstar_project." in said.error
    assert "Write it as SQUAD/NAME." in said.error


def test_what_a_data_source_asks_for_and_is_not_there_is_told(root: Workspace) -> None:
    said = root.plan(
        'data "northstar_endpoint" "x" {\n'
        '  squad       = "operations"\n  project     = "late-arrival"\n  environment = "prod"\n}\n'
    )
    assert "Nothing was ever released to operations/late-arrival/prod." in said.error


def test_a_role_in_a_scope_that_is_not_there_is_warned_of_before_it_is_given(
    root: Workspace,
) -> None:
    typed = ROLE.format(**RIGHT | {"scope": "/operatoins/late-arrival"})
    (told,) = root.plan(typed).warnings
    assert told.startswith("/operatoins/late-arrival is not there: ")
    referring = typed.replace('"/operatoins/late-arrival"', '"/${northstar_squad.this.name}"')
    assert root.plan(squad("scoped") + referring).warnings == []
    root.apply(squad("scoped"))
    missing = typed.replace("/operatoins", "/scoped")
    assert "late-arrival" in root.plan(squad("scoped") + missing).warnings[0]
