"""A whole control plane behind its HTTP door, on a clock of the test's own."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from northstar.access.domain import PLATFORM, check_role, principal_of
from northstar.clock import FakeClock
from northstar.connection import PLATFORM_AUDIENCE, Connection, Credentials
from northstar.environments import freeze_cli, status_cli
from northstar.environments.client import EnvironmentsClient, FreezesClient
from northstar.environments.domain import EnvironmentReport, ReportKind, ResourceChange
from northstar.monitoring import cli as monitoring_cli
from northstar.monitoring.client import MonitoringClient
from northstar.names import ProjectRef, Scope
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import build
from northstar.project.squads import Project, Squad
from northstar.project.store import ProjectStore

PROJECT = ProjectRef("operations", "late-arrival")
OTHER = ProjectRef("pricing", "fares")
HOUR = timedelta(hours=1)


class Office:
    """People and pipelines at the platform's HTTP door; its loops step when they are told to."""

    def __init__(self, folder: Path, database_url: str = "", webhook: str = "") -> None:
        settings = Settings.embedded(folder, "127.0.0.1", 0)
        settings = dataclasses.replace(settings, alert_webhook=webhook)
        if database_url:
            settings = dataclasses.replace(settings, database_url=database_url)
        self.clock = FakeClock(datetime.now(UTC))
        self.platform = build(settings, self.clock)
        self.http = TestClient(create_app(self.platform))
        store, now = ProjectStore(self.platform.database), self.clock.now()
        for ref in (PROJECT, OTHER):
            store.add_squad(Squad(name=ref.squad, created_by="x", created_at=now))
            project = Project(squad=ref.squad, name=ref.project, created_by="x", created_at=now)
            store.add_project(project)

    def connection(self, role: str, scope: str = "/") -> Connection:
        """A connection of somebody who has this role there, and no other."""
        name = "-".join([role, *scope.strip("/").split("/")]).strip("-")
        directory = self.platform.access.directory
        who = directory.ensure(principal_of("user", name), ())
        directory.assign(who.id, check_role(role), Scope.parse(scope), PLATFORM.id)
        token = self.platform.access.token_for(who, PLATFORM_AUDIENCE).access_token
        credentials = Credentials("http://testserver", token=token)
        return Connection(credentials, transport=self.http._transport)

    def environments(self, role: str = "platform-admin", scope: str = "/") -> EnvironmentsClient:
        return EnvironmentsClient(self.connection(role, scope))

    def freezes(self, role: str = "release-manager", scope: str = "/") -> FreezesClient:
        return FreezesClient(self.connection(role, scope))

    def alerts(self, role: str = "operator", scope: str = "/") -> MonitoringClient:
        return MonitoringClient(self.connection(role, scope))

    def report(
        self,
        kind: ReportKind,
        *changes: ResourceChange,
        problem: str = "",
        after: timedelta = timedelta(),
    ) -> EnvironmentReport:
        """What the pipeline reports of prod some time from now, when the loop has seen it."""
        self.clock.advance(after.total_seconds())
        told = EnvironmentReport(
            environment="prod",
            kind=kind,
            at=self.clock.now(),
            commit="9f2c1a77",
            changed=len(changes),
            changes=changes,
            problem=problem,
        )
        self.environments("infrastructure-reporter").report(told)
        self.platform.environments.step()
        return told

    def command(self, patch: pytest.MonkeyPatch, role: str, *words: str) -> str:
        """What a command prints."""
        connection = self.connection(role)
        for module in (freeze_cli, status_cli, monitoring_cli):
            patch.setattr(module, "connect", lambda: connection)
        shown = (status_cli.list_environments, status_cli.show_environment)
        env = click.Group("env", commands=[*shown, status_cli.set_environment, freeze_cli.freeze])
        root = click.Group(commands=[env, monitoring_cli.alerts])
        return CliRunner().invoke(root, words, catch_exceptions=False).output


def changed(address: str = "azurerm_key_vault.this", summary: str = "") -> ResourceChange:
    """One resource that somebody changed by hand."""
    return ResourceChange(address=address, what="change", summary=summary)
