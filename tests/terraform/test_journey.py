"""The provider's journey: the real terraform, the real provider, a real platform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from northstar.access.client import AccessClient
from northstar.access.credentials.domain import GITHUB, Credential, Trust
from northstar.access.credentials_client import CredentialClient
from northstar.connection import Connection, Credentials
from northstar.database import Database
from northstar.errors import NotFound
from northstar.names import EndpointRef, ProjectRef
from northstar.project.client import ProjectClient
from northstar.serving import store as serving_store
from northstar.serving.store import Traffic
from northstar.standards.client import StandardsClient
from northstar.standards.domain import Parameters
from tests.embedded import Embedded
from tests.terraform.workspace import Workspace

SQUAD = """
resource "northstar_squad" "this" {{
  name        = "{name}"
  description = "{about}"
}}
"""
PROJECT = """
resource "northstar_project" "this" {
  squad = northstar_squad.this.name
  name  = "late-arrival"
}
"""
DESCRIBED = PROJECT.replace("}", '  description = "Late?"\n}')
SERVICE = """
resource "northstar_service_principal" "ci" {{
  name   = "${{northstar_squad.this.name}}/ci"
  secret = {secret}
}}

resource "northstar_role_assignment" "ci" {{
  principal  = northstar_service_principal.ci.id
  role       = "{role}"
  scope      = "/${{northstar_squad.this.name}}"
  expires_at = "2100-01-01T01:00:00+01:00"
}}

resource "northstar_federated_trust" "github" {{
  principal = northstar_service_principal.ci.id
  issuer    = "https://token.actions.githubusercontent.com"
  audience  = "https://northstar.example"
  subject   = "repo:airline/{name}:environment:prod"
}}
"""
STANDARDS = """
resource "northstar_standards_parameters" "company" {
  minimum_rows_test = 250
  calibration_error = 0.07
}
"""
SECRET = """
output "secret" {
  value     = northstar_service_principal.ci.client_secret
  sensitive = true
}
"""


def squad(name: str, about: str = "Flights") -> str:
    return SQUAD.format(name=name, about=about)


def service(name: str, role: str = "data-scientist", *, secret: bool = False) -> str:
    return SERVICE.format(name=name, role=role, secret=str(secret).lower())


@pytest.fixture
def access(embedded: Embedded) -> AccessClient:
    return AccessClient(embedded.connection)


@pytest.fixture
def projects(embedded: Embedded) -> ProjectClient:
    return ProjectClient(embedded.connection)


@pytest.fixture
def standards(embedded: Embedded) -> Iterator[StandardsClient]:
    yield StandardsClient(embedded.connection)
    embedded.connection.delete("/api/standards/parameters")


def test_what_is_applied_is_there_and_nothing_is_left_to_do(
    root: Workspace, projects: ProjectClient, access: AccessClient, standards: StandardsClient
) -> None:
    everything = squad("applied") + PROJECT + service("applied", secret=True) + STANDARDS + SECRET
    said = root.apply(everything)

    assert set(said.changes.values()) == {"create"}
    assert projects.project(ProjectRef("applied", "late-arrival")).description == ""
    (held,) = access.role_assignments("service:applied/ci")
    assert (held.role, held.scope) == ("data-scientist", "/applied")
    assert held.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    assert standards.parameters() == Parameters(minimum_rows_test=250, calibration_error=0.07)
    again = root.plan(everything, "-detailed-exitcode")
    assert (again.exit_code, again.changes, again.drift) == (0, {}, {})

    secret = root.output("secret")
    assert all(secret not in str(line) for line in said.lines)
    connection = Connection(
        Credentials(
            root.settings["NORTHSTAR_URL"], client_id="service:applied/ci", client_secret=secret
        )
    )
    assert AccessClient(connection).whoami().principal.id == "service:applied/ci"
    connection.close()


def test_what_can_change_in_place_does_and_the_rest_is_replaced(
    root: Workspace, projects: ProjectClient, access: AccessClient
) -> None:
    root.apply(squad("changed") + service("changed"))
    (before,) = access.role_assignments("service:changed/ci")

    said = root.apply(
        squad("changed", "Delays") + service("changed", "operator", secret=True) + SECRET
    )

    assert said.changes == {
        "northstar_squad.this": "update",
        "northstar_service_principal.ci": "update",
        "northstar_role_assignment.ci": "replace",
    }
    assert [one.description for one in projects.squads() if one.name == "changed"] == ["Delays"]
    (after,) = access.role_assignments("service:changed/ci")
    assert (after.role, after.assigned_at > before.assigned_at) == ("operator", True)
    assert root.output("secret") == ""  # it counts when the principal is made


def test_a_change_by_hand_is_drift_in_the_next_plan_and_goes_with_the_next_apply(
    root: Workspace, embedded: Embedded, access: AccessClient, standards: StandardsClient
) -> None:
    everything = squad("drifted") + service("drifted") + STANDARDS
    root.apply(everything)
    (held,) = access.role_assignments("service:drifted/ci")

    take_role_on_the_page(embedded, held.id, "/drifted")
    # SQLite gives its number to the next one, which is not ours to take away again.
    access.create_principal("service:drifted-other")
    access.assign_role("service:drifted-other", "reader", "/drifted")
    embedded.connection.request("PATCH", "/api/squads/drifted", json={"description": "Mine"})
    standards.set_parameters(Parameters(minimum_rows_test=1))
    said = root.plan(everything, "-detailed-exitcode")

    assert said.exit_code == 2
    assert said.drift == {
        "northstar_role_assignment.ci": "delete",
        "northstar_squad.this": "update",
        "northstar_standards_parameters.company": "update",
    }
    assert said.changes == {**said.drift, "northstar_role_assignment.ci": "create"}
    root.apply(everything)
    roles = [(one.principal, one.role) for one in access.role_assignments(scope="/drifted")]
    assert ("service:drifted/ci", "data-scientist") in roles
    assert ("service:drifted-other", "reader") in roles
    assert root.plan(everything, "-detailed-exitcode").exit_code == 0


def test_what_is_removed_by_hand_is_made_again_and_what_names_a_pipeline_is_changed(
    root: Workspace, embedded: Embedded, projects: ProjectClient, access: AccessClient
) -> None:
    root.apply(squad("removed") + DESCRIBED + service("removed"))
    ref = ProjectRef("removed", "late-arrival")
    assert projects.project(ref).description == "Late?"

    embedded.connection.delete("/api/principals/service:removed/ci")
    embedded.connection.request("PATCH", ref.path, json={"description": "Mine"})
    said = root.plan(squad("removed") + DESCRIBED + service("removed"))
    assert said.drift == {
        "northstar_project.this": "update",
        "northstar_service_principal.ci": "delete",
        "northstar_role_assignment.ci": "delete",
        "northstar_federated_trust.github": "delete",
    }

    elsewhere = service("removed").replace("environment:prod", "environment:staging")
    root.apply(squad("removed") + DESCRIBED + service("removed"))
    said = root.apply(squad("removed") + PROJECT + elsewhere)
    assert said.changes == {
        "northstar_project.this": "update",
        "northstar_federated_trust.github": "update",
    }
    (trust,) = [
        one
        for one in embedded.connection.get("/api/principals/service:removed/ci/credentials")
        if one["kind"] == "trust"
    ]
    assert "environment:staging" in str(trust)
    assert projects.project(ref).description == ""


def test_a_role_that_has_expired_stays_in_the_configuration_and_one_taken_away_is_given_again(
    root: Workspace, access: AccessClient
) -> None:
    role = 'resource "northstar_role_assignment" "short" {{\n  principal = "service:brief"\n'
    role += '  role = "reader"\n  scope = "/"\n  expires_at = "{}"\n}}\n'
    access.create_principal("service:brief")
    root.apply(role.format("2026-01-01T00:00:00Z"))
    assert root.plan(role.format("2026-01-01T00:00:00Z")).changes == {}
    root.apply(role.format("2100-01-01T00:00:00Z"))
    (held,) = [one for one in access.role_assignments() if one.principal == "service:brief"]
    access.revoke_role(held.id)
    plan = root.plan(role.format("2100-01-01T00:00:00Z"))
    assert plan.changes == {"northstar_role_assignment.short": "create"}


def test_the_thresholds_are_imported_and_changed(
    root: Workspace, standards: StandardsClient
) -> None:
    standards.set_parameters(Parameters(minimum_rows_test=250, calibration_error=0.07))
    imported = 'import {\n  to = northstar_standards_parameters.company\n  id = "company"\n}\n'
    assert root.apply(STANDARDS + imported).changes == {
        "northstar_standards_parameters.company": "import"
    }
    said = root.apply(STANDARDS.replace("250", "300"))
    assert said.changes == {"northstar_standards_parameters.company": "update"}
    assert standards.parameters() == Parameters(minimum_rows_test=300, calibration_error=0.07)


def test_what_was_made_by_hand_is_imported_as_it_is(
    root: Workspace, embedded: Embedded, projects: ProjectClient, access: AccessClient
) -> None:
    projects.create_squad("adopted", "Flights")
    projects.create_project(ProjectRef("adopted", "late-arrival"))
    access.create_principal("service:adopted/ci")
    until = datetime(2100, 1, 1, tzinfo=UTC)
    held = access.assign_role("service:adopted/ci", "data-scientist", "/adopted", until)
    trust = embedded.connection.post(
        "/api/principals/service:adopted/ci/trusts",
        {
            "issuer": "https://token.actions.githubusercontent.com",
            "audience": "https://northstar.example",
            "subject": "repo:airline/adopted:environment:prod",
        },
    )
    ids = {
        "northstar_squad.this": "adopted",
        "northstar_project.this": "adopted/late-arrival",
        "northstar_service_principal.ci": "adopted/ci",
        "northstar_role_assignment.ci": str(held.id),
        "northstar_federated_trust.github": f"service:adopted/ci/{trust['number']}",
    }
    imports = "".join(f'import {{\n  to = {to}\n  id = "{one}"\n}}\n' for to, one in ids.items())
    everything = squad("adopted") + PROJECT + service("adopted")

    root.apply(everything + imports)

    assert root.plan(everything, "-detailed-exitcode").exit_code == 0
    assert [one.id for one in access.role_assignments("service:adopted/ci")] == [held.id]


def test_what_the_platform_keeps_is_not_destroyed_and_the_rest_is(
    root: Workspace, embedded: Embedded, standards: StandardsClient
) -> None:
    root.apply(squad("kept") + service("kept") + STANDARDS)

    refused = root.destroy()
    assert "A squad can't be destroyed" in refused.error
    assert "terraform state rm" in refused.error

    released = root.run("state", "rm", "northstar_squad.this")
    assert released.returncode == 0, released.stderr
    assert root.destroy().exit_code == 0
    assert standards.parameters() == Parameters()
    with pytest.raises(NotFound):
        embedded.connection.get("/api/principals/service:kept/ci")


def test_a_platform_that_the_same_configuration_makes_is_known_when_it_is_applied(
    root: Workspace, projects: ProjectClient
) -> None:
    url = root.settings.pop("NORTHSTAR_URL")
    made = f"""
resource "terraform_data" "platform" {{
  input = "{url}"
}}

provider "northstar" {{
  url = terraform_data.platform.output
}}
"""
    root.apply(made + squad("later"))
    assert "later" in [one.name for one in projects.squads()]


def test_an_endpoint_tells_other_configurations_of_itself(
    root: Workspace, embedded: Embedded
) -> None:
    endpoint = EndpointRef("asked", "late-arrival", "prod")
    database = Database(f"sqlite:///{embedded.state / 'northstar.db'}")
    with database.begin() as connection:  # as a release leaves it that was taken back
        serving_store.put_traffic(connection, endpoint, Traffic(1, {}, ()), datetime.now(UTC))
    database.close()
    asked = """
data "northstar_endpoint" "this" {
  squad       = "asked"
  project     = "late-arrival"
  environment = "prod"
}

output "revision" {
  value = data.northstar_endpoint.this.revision
}
"""
    root.apply(asked)
    assert root.output("revision") == 1
    assert root.plan(asked, "-detailed-exitcode").exit_code == 0


def test_the_guide_shows_a_configuration_that_applies(
    root: Workspace, standards: StandardsClient
) -> None:
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "governing-with-terraform.md"
    shown = re.search(r"```hcl\n(terraform .*?)```", guide.read_text(), re.DOTALL)
    assert shown
    (root.folder / "requires.tf").unlink()  # the guide has its own

    assert len(root.apply(shown[1]).changes) == 6
    assert standards.parameters().minimum_rows_test == 500
    assert root.plan(shown[1], "-detailed-exitcode").exit_code == 0


def take_role_on_the_page(embedded: Embedded, assignment: int, scope: str) -> None:
    """Sign in as a person does and press the button beside a role."""
    link = AccessClient(embedded.connection).sign_in_link()
    with httpx2.Client(base_url=embedded.url, follow_redirects=True) as browser:
        browser.get(link)
        page = browser.get("/access", params={"scope": scope}).text
        form = re.search(
            rf'action="(/access/roles/{assignment}/take)"><input type="hidden" name="csrf" '
            r'value="([^"]+)"',
            page,
        )
        assert form, page
        browser.post(form[1], data={"csrf": form[2]}).raise_for_status()


def test_another_subject_is_trusted_in_place_and_one_that_is_refused_leaves_the_old_one(
    root: Workspace, embedded: Embedded
) -> None:
    credentials = CredentialClient(embedded.connection)
    old = squad("trusting") + service("trusting")
    root.apply(old)
    (before,) = trusts(credentials, "service:trusting/ci")
    new = old.replace("environment:prod", "ref:refs/heads/main")
    said = root.apply(new)
    assert said.changes == {"northstar_federated_trust.github": "update"}
    (after,) = trusts(credentials, "service:trusting/ci")
    assert (after.number, "refs/heads/main" in after.about) == (before.number, True)
    assert root.plan(new).changes == {}

    there = Trust(issuer=GITHUB, audience="https://northstar.example", subject="repo:airline/x:y")
    credentials.add_trust("service:trusting/ci", there)
    (root.folder / "main.tf").write_text(
        new.replace("repo:airline/trusting:ref:refs/heads/main", there.subject)
    )
    refused = root.run("apply", "-auto-approve", "-no-color")
    assert "has this trust already" in refused.stderr
    assert after in trusts(credentials, "service:trusting/ci")
    assert root.plan(new).changes == {}


def trusts(credentials: CredentialClient, principal: str) -> list[Credential]:
    """Whose tokens prove a principal."""
    return [one for one in credentials.of(principal) if one.kind == "trust"]
