"""What `northstar env` reports to a running platform: seen, alerted of, acknowledged, and over."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
import pytest
import yaml

from northstar.access.client import AccessClient
from northstar.environments.as_code.starter import STARTER
from northstar.errors import Conflict, Denied
from northstar.monitoring.client import MonitoringClient
from northstar.monitoring.domain import Alert
from tests.embedded import Embedded, wait_until
from tests.infra.folder import REPOSITORY, Settings

GUIDE = REPOSITORY / "docs" / "how-to" / "environments-from-one-file.md"

Env = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def embedded(stub: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A running embedded platform."""
    platform = Embedded(tmp_path_factory.mktemp("embedded"))
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()


@dataclass
class Pipeline:
    """A pipeline with a platform.yaml and an identity of its own on the platform."""

    embedded: Embedded
    provider: Settings
    folder: Path

    def known_as(self, name: str, role: str) -> Env:
        """Commands of ``northstar env`` on dev, as a service principal with this role."""
        access = AccessClient(self.embedded.connection)
        known = access.create_principal(f"service:{name}")
        access.assign_role(known.client_id, role, "/")
        environment = {
            "NORTHSTAR_URL": self.embedded.url,
            "NORTHSTAR_CLIENT_ID": known.client_id,
            "NORTHSTAR_CLIENT_SECRET": known.client_secret,
            **self.provider,
        }
        return partial(self._run, environment)

    def _run(
        self, environment: Settings, command: str, *options: str, exit_code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        words = ("env", command, "dev", *options)
        done = self.embedded.run(*words, cwd=self.folder, **environment)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done

    def change_by_hand(self, **attributes: object) -> None:
        """Let Azure have other values at the squads' store than the code says."""
        path = self.folder / "state" / "dev.tfstate"
        state = json.loads(path.read_text())
        for resource in state["resources"]:
            kind = (resource.get("module"), resource["type"])
            if kind == ("module.models", "azurerm_storage_account"):
                resource["instances"][0]["attributes"].update(attributes)
        path.write_text(json.dumps({**state, "serial": state["serial"] + 1}))


@pytest.fixture(scope="module")
def applied(
    embedded: Embedded, provider: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder whose dev was planned and applied, and both were reported."""
    pipeline = Pipeline(embedded, provider, tmp_path_factory.mktemp("applied"))
    write(pipeline.folder, {}, image=None)
    env = pipeline.known_as("deployment", "infrastructure-reporter")
    assert "Reported to the platform" in env("plan", "--report").stderr
    env("apply", "--yes", "--report")
    write(pipeline.folder, {})
    env("apply", "--yes")
    return pipeline.folder


@pytest.fixture
def pipeline(embedded: Embedded, provider: Settings, applied: Path, tmp_path: Path) -> Pipeline:
    """A pipeline whose dev is applied, with a copy of its state."""
    shutil.copytree(applied / "state", tmp_path / "state")
    write(tmp_path, {})
    return Pipeline(embedded, provider, tmp_path)


def test_drift_is_an_alert_from_the_run_that_finds_it_to_the_run_that_does_not(
    pipeline: Pipeline, embedded: Embedded
) -> None:
    env = pipeline.known_as("environments", "infrastructure-reporter")
    monitoring = MonitoringClient(embedded.connection)
    (dev, *_) = embedded.json("env", "list")
    known = dev["infrastructure"]["applied"]
    assert (known["reported_by"], known["created"] > 50) == ("service:deployment", True)

    pipeline.change_by_hand(shared_access_key_enabled=True)
    found = env("drift", exit_code=Conflict.exit_code)
    assert "Opened by hand\n  Models and data: storage account lets in whoever" in found.stdout
    assert "changed by hand: storage account (shared_access_key_enabled: false -> true)" in (
        found.stdout
    )
    alert = wait_until(lambda: of_dev(monitoring), "an alert of dev", embedded.log)
    assert alert.state == "open"
    assert alert.findings[0].startswith("Opened by hand: Models and data: storage account lets in")
    assert alert.findings[1].endswith("shared_access_key_enabled: false -> true")
    assert alert.findings[-1] == "northstar env apply dev brings back what is written."
    assert "1 resource" in embedded.run("env", "list").stdout
    assert "shared_access_key_enabled" in embedded.run("env", "show", "dev").stdout
    assert "Opened by hand: Models and data" in page(embedded, "/environments")
    acknowledged = embedded.json("alerts", "ack", str(alert.id), "--note", "Mending it.")
    assert acknowledged["state"] == "acknowledged"

    pipeline.change_by_hand(shared_access_key_enabled=False)
    assert "nothing differs" in env("drift").stdout
    wait_until(lambda: monitoring.alert(alert.id).state == "resolved", "its end", embedded.log)
    assert "no difference" in page(embedded, "/environments")

    assert "DATA WOULD BE LOST" in env("destroy", exit_code=Denied.exit_code).stdout
    assert list((pipeline.folder / ".northstar").rglob("plan*")) == []  # for no later apply


def test_who_may_not_report_is_told_so_and_sees_what_was_found(pipeline: Pipeline) -> None:
    env = pipeline.known_as("visitor", "reader")
    pipeline.change_by_hand(shared_access_key_enabled=True)

    found = env("drift", exit_code=Denied.exit_code)

    assert "Models and data, changed by hand: storage account" in found.stdout
    assert "service:visitor" in found.stderr
    assert "infrastructure:report" in found.stderr
    assert "infrastructure-reporter" in found.stderr


def test_a_new_squad_is_planned_as_the_guide_shows(pipeline: Pipeline) -> None:
    write(pipeline.folder, yaml.safe_load(shown("yaml", "  cargo:")))

    said = pipeline.known_as("planner", "reader")("plan").stdout

    assert said.strip() == shown("text", "dev: ").strip()


def write(folder: Path, squads: dict[str, object], image: str | None = "northstar:0.1.0") -> None:
    """What `northstar env init` writes, with more squads, an image, and the state in a folder."""
    document = yaml.safe_load(STARTER)
    document["stages"]["dev"].update(state={"folder": "state"}, image=image)
    document["squads"].update(squads)
    (folder / "platform.yaml").write_text(yaml.safe_dump(document))


def shown(kind: str, begin: str) -> str:
    """The block of the guide that begins so."""
    (block,) = re.findall(rf"```{kind}\n({begin}.*?)```", GUIDE.read_text(), re.DOTALL)
    return str(block)


def of_dev(monitoring: MonitoringClient) -> Alert | None:
    """The alert about what dev is made of; ``None`` while there is none."""
    return next((one for one in monitoring.alerts() if one.environment == "dev"), None)


def page(embedded: Embedded, path: str) -> str:
    """A page of the platform, as its administrator sees it."""
    link = AccessClient(embedded.connection).sign_in_link()
    with httpx2.Client(base_url=embedded.url, follow_redirects=True) as browser:
        browser.get(link)
        return browser.get(path).raise_for_status().text
